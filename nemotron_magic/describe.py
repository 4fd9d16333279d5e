r"""Describe values to a model, and say how values of one's own are described.

Examples
--------
>>> from nemotron_magic import describe
>>> describe.describe([1, 2])
'list of 2 int\n  - 1\n  - 2'
"""

from __future__ import annotations

from nemotron_magic.context.describe import describe, register, unregister

__all__ = ["describe", "register", "unregister"]
