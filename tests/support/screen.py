"""What a terminal shows of what was written to it, for the few signs that we write."""

from __future__ import annotations

import re

__all__ = ["shown"]

_SIGN = re.compile(r"\x1b\[(\d*)([A-Za-z])|\x1b\[\?25[lh]|\r|\n|[^\x1b\r\n]+")


def shown(output: str, height: int = 25) -> list[str]:
    """Give the lines that were scrolled away and those on the screen.

    Parameters
    ----------
    height
        Of the screen; no sign reaches what lies above it.
    """
    lines, row, column = [""], 0, 0
    for sign in _SIGN.finditer(output):
        match sign[0], sign[2]:
            case "\r", _:
                column = 0
            case "\n", _:
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            case _, "A":
                top = max(0, len(lines) - height)
                row = max(top, row - int(sign[1] or 1))
            case _, "K":
                lines[row] = ""
            case text, None if not text.startswith("\x1b"):
                lines[row] = (
                    f"{lines[row][:column]:{column}}{text}"
                    + (lines[row][column + len(text) :])
                )
                column += len(text)
    return [line.rstrip() for line in lines]
