"""The flags that may stand before a question.

Those of parameters come from their rows; the others are for one call only.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from nemotron_magic.parameters import PARAMETERS, Parameter

__all__ = ["FLAGS", "FLAG_OF", "Flag", "flags_table"]

_TABLE_CHARS = 79


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag.

    Parameters
    ----------
    names : tuple of str
        As typed, short form first.
    value : str
        What its value is called in help; empty if it takes none.
    """

    names: tuple[str, ...]
    help: str
    value: str = ""
    parameter: Parameter | None = None


def _flag_of(parameter: Parameter) -> Flag:
    value = "" if parameter.kind == "boolean" else parameter.name.rpartition("_")[2]
    words = (parameter.flag_help or parameter.help, parameter.limits)
    shown = f"[={value.upper()}]" if parameter.bare else value.upper()
    return Flag(parameter.flags, " ".join(words).strip(), shown, parameter)


FLAGS: tuple[Flag, ...] = (
    *(_flag_of(parameter) for parameter in PARAMETERS if parameter.flags),
    Flag(("-p",), "Any further field of the request, as JSON.", "KEY=VALUE"),
    Flag(("-o", "--out"), "Put the reply into this variable, too.", "NAME"),
    Flag(("-f", "--file"), "Attach a text file; may be given again.", "PATH"),
    Flag(("--notebook",), "Attach the saved notebook: its Markdown, its order."),
    Flag(("-T", "--thread"), "Ask in this conversation of its own.", "THREAD"),
    Flag(("--fresh",), "Leave the earlier turns out, for this once."),
    Flag(("--preview",), "Show what would be sent, and send nothing."),
    Flag(("--code",), "Ask for code, and put it into the next cell."),
    Flag(("--replace",), "Put the code in place of this cell."),
    Flag(("-q", "--quiet"), "Show nothing; the reply is the value."),
    Flag(("-h", "--help"), "Show the flags."),
)

FLAG_OF: dict[str, Flag] = {name: flag for flag in FLAGS for name in flag.names}
"""Each flag by each of its names."""


def flags_table() -> str:
    """Give the flags with their help, in lines that a terminal has room for."""
    rows = [(f"{', '.join(f.names)} {f.value}".strip(), f.help) for f in FLAGS]
    width = max(len(left) for left, _ in rows) + 2
    return "\n".join(
        textwrap.fill(
            f"{left:<{width}}{right}",
            _TABLE_CHARS,
            subsequent_indent=" " * width,
            break_on_hyphens=False,
        )
        for left, right in rows
    )
