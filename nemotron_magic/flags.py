"""The flags that may stand before a question.

Those of parameters come from their rows; the others are for one call only.
"""

from __future__ import annotations

from dataclasses import dataclass

from nemotron_magic.parameters import PARAMETERS, Parameter

__all__ = ["FLAGS", "FLAG_OF", "Flag", "flags_table"]


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

    @property
    def as_typed(self) -> str:
        """Its names, and what follows them."""
        return f"{', '.join(self.names)} {self.value}".strip()


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
    """Give the flags with their help, as Markdown."""
    rows = (f"| `{f.as_typed}` | {f.help} |" for f in FLAGS)
    return "\n".join(["| Flag | |", "|:--|:--|", *rows])
