"""Code in replies: which of it can be a cell, and what is wrong with it.

Nothing here runs code, and nothing asks an object of the user's anything. `check` and
`hidden` are imported by themselves: who opens a panel, or asks, needs neither yet.
"""

from nemotron_magic.code.cells import CodeCell, cells_of, joined
from nemotron_magic.code.findings import Finding, told

__all__ = ["CodeCell", "Finding", "cells_of", "joined", "told"]
