"""Take prompts off code that is shown as it was typed, and the output with them."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["PYTHON_PROMPT", "SHELL_PROMPT", "without_prompts", "without_shell_prompts"]

PYTHON_PROMPT = re.compile(r"\s*(?:>>>(?: |$)|In \[[\d ]*\]: ?)")
SHELL_PROMPT = re.compile(
    r"\s*(?:\([\w.-]+\) ?)?(?:\[?[\w.-]+@[\w.-]+[^$#%>\n]*)?\$(?: |$)"
)
_GOES_ON = re.compile(r"\s*(?:\.\.\.(?: |$)|\.{3,}: ?)")
_COMMENT = re.compile(r"\s*(?:#|$)")


def without_prompts(code: str) -> str:
    r"""Give what was typed at `>>>` or `In [1]:`; code without prompts stays as it is.

    A prompt counts if nothing but comments stands before it: further down it is an
    example in a docstring.

    >>> without_prompts(">>> for x in y:\n...     x\n1\n2\n>>> y")
    'for x in y:\n    x\ny'
    """
    lines = code.split("\n")
    first = next((line for line in lines if not _COMMENT.match(line)), "")
    if not PYTHON_PROMPT.match(first):
        return code
    return "\n".join(_typed(lines, PYTHON_PROMPT, _GOES_ON))


def without_shell_prompts(code: str) -> str:
    r"""Give the commands typed at `$`; without such prompts the code stays as it is.

    >>> without_shell_prompts("$ ls \\\n  -l\ntotal 0\n$ pwd")
    'ls \\\n  -l\npwd'
    """
    lines = code.split("\n")
    if not any(SHELL_PROMPT.match(line) for line in lines):
        return code
    typed: list[str] = []
    goes_on = False
    for line in lines:
        if prompt := SHELL_PROMPT.match(line):
            typed.append(line[prompt.end() :])
        elif goes_on:
            typed.append(line.removeprefix("> "))
        goes_on = bool(prompt or goes_on) and line.endswith("\\")
    return "\n".join(typed)


def _typed(
    lines: list[str], prompt: re.Pattern[str], goes_on: re.Pattern[str]
) -> Iterator[str]:
    """Give what stands behind prompts, and comments that stand before the first."""
    begun = in_input = False
    for line in lines:
        if found := prompt.match(line):
            begun = in_input = True
            yield line[found.end() :]
        elif in_input and (found := goes_on.match(line)):
            yield line[found.end() :]
        elif not begun:
            yield line.strip()
        else:
            in_input = False
