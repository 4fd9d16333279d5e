"""Code in replies: which of it can be a cell, and what is wrong with it.

Nothing here runs code, and nothing asks an object of the user's anything.
"""

from nemotron_magic.code.cells import CodeCell, cells_of, joined
from nemotron_magic.code.check import check
from nemotron_magic.code.findings import Finding, told
from nemotron_magic.code.hidden import made_visible

__all__ = ["CodeCell", "Finding", "cells_of", "check", "joined", "made_visible", "told"]
