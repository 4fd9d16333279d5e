"""Questions that end in a question mark, and cells that have no second line.

IPython turns `%nemotron what is this?` into a request for help before any magic runs
(https://github.com/ipython/ipython/issues/14258), and refuses `%%nemotron` with nothing
below. A blank at the end of such a line keeps it a question; help on everything else,
`%nemotron?` among it, stays what it was.
"""

from __future__ import annotations

import re

__all__ = ["keep_prompts", "keep_questions"]

_OURS = re.compile(r"\s*(?:[^\s=%#'\"][^=%#'\"]*=\s*)?%%?nemotron\s+\S")

_PROMPT = re.compile(r"\s*(?:>>>|\.\.\.|In \[\d*\]:)")


def keep_prompts(lines: list[str]) -> list[str]:
    """Give a cell of ours as the call that it becomes, if there are prompts in it.

    IPython takes the prompts of a pasted session off all cells, before it knows that
    one is a question in which they stand.
    """
    first, *body = lines
    if not first.startswith("%%nemotron") or not any(map(_PROMPT.match, body)):
        return lines
    line = _kept([first])[0][2:].rstrip("\r\n").partition(" ")[2]
    call = f"get_ipython().run_cell_magic('nemotron', {line!r}, {''.join(body)!r})"
    return [f"{call}\n"]


def keep_questions(lines: list[str]) -> list[str]:
    """Give the lines of a cell, with a blank after each question of ours.

    Only the first line of a cell magic is looked at: what is below it is its own.
    """
    first = lines[0].lstrip() if lines else ""
    if not first.startswith("%%"):
        return _kept(lines)
    if re.match(r"%%nemotron[ \t]+\S", first) and not "".join(lines[1:]).strip():
        lines = [lines[0].replace("%%", "%", 1), *lines[1:]]
    return _kept(lines[:1]) + lines[1:]


def _kept(lines: list[str]) -> list[str]:
    kept = []
    is_ours = False
    for line in lines:
        is_ours = is_ours or bool(_OURS.match(line))
        text = line.rstrip("\r\n")
        asks = is_ours and text.rstrip().endswith("?")
        kept.append(f"{text} {line[len(text) :]}" if asks else line)
        # A backslash at its end carries a line magic over to the next line.
        is_ours = is_ours and text.endswith("\\")
    return kept
