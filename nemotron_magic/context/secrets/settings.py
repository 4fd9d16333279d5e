"""Whether a word without quotes is what a setting is set to, and no variable."""

from __future__ import annotations

import re

__all__ = ["is_set_to"]

_PAIR_AFTER = re.compile(r"""[ \t]+[\w.]{1,40}=\S""")
_PAIR_BEFORE = re.compile(r"""(?:^|[\s"'])[\w.]{1,40}=[^\s,;()]{1,80}[ \t]+$""")
_LINE_END = re.compile(r"[ \t\r]*(?:\#[^\n]*)?(?:\n|$)")
_FLOW_END = re.compile(r"[ \t]*[,}]")
_ASSIGNS = re.compile(r"[ \t]*(?:[\w.-]{1,80}[ \t]*[=:][^\n(]{0,200}|[#;][^\n]*)?\r?$")
_SECTION = re.compile(r"[ \t]*\[[\w .:\"'-]{1,60}\][ \t\r]*$")
# The rest of a line `db.host = localhost`, which no program has.
_PLAIN_SETTING = (
    r"\.[\w.-]+(?:=[^\s()\[\]\"']*|[ ]=[ ](?:localhost|\d+|true|false"
    r"|[\w.:/@=,-]*[:/@=,-][\w.:/@=,-]*))$"
)
_OWN = {"self", "cls", "args", "opts", "options", "config", "cfg", "settings", "this"}
_FARTHEST = 1000
_NEAR = 200


def is_set_to(
    text: str, name: tuple[int, int], sign: str, value: tuple[int, int]
) -> bool:
    """Return whether the text sets a name to a word, as files of settings do.

    Parameters
    ----------
    name, value : tuple of int
        Where each stands, from its start to before its end.
    sign : str
        What stands between them.
    """
    line = max(text.rfind("\n", max(0, name[0] - _NEAR), name[0]) + 1, name[0] - _NEAR)
    before = text[line : name[0]]
    if sign.strip() == ":":
        return _is_yaml(text, before, value[1])
    if sign == "=" and (
        _PAIR_AFTER.match(text, value[1]) or _PAIR_BEFORE.search(before)
    ):
        return True
    if sign.strip() != "=" or before.strip() or not _LINE_END.match(text, value[1]):
        return False
    if sign == "=" and not _is_variable(text, value):
        return True
    return _in_section(text, line) or _is_property(text, name, sign, value)


def _is_yaml(text: str, before: str, end: int) -> bool:
    opened = before.strip(" \t-*`\"'")
    if not opened:
        return bool(_LINE_END.match(text, end))
    return (
        opened[-1] in "{,"
        and opened.startswith("{")
        and bool(_FLOW_END.match(text, end))
    )


def _is_variable(text: str, value: tuple[int, int]) -> bool:
    """Return whether a word stands near by once more, as a program's names do."""
    start, end = value
    near = text[max(0, start - _FARTHEST) : end + _FARTHEST]
    return near.count(text[start:end]) > 1


def _in_section(text: str, line: int) -> bool:
    """Return whether only settings stand between a line and a section's head."""
    above = text[max(0, line - _FARTHEST) : line].splitlines()
    for one in reversed(above):
        if _SECTION.match(one):
            return True
        if not _ASSIGNS.match(one):
            return False
    return False


def _is_property(
    text: str, name: tuple[int, int], sign: str, value: tuple[int, int]
) -> bool:
    """Return whether a dotted name is one of a file of properties."""
    parts = text[name[0] : name[1]].split(".")
    if len(parts) < 2 or parts[0] in _OWN or text[slice(*value)] in parts[-1]:
        return False
    if len(parts) > 2 and sign == "=":
        return True
    above = text[max(0, name[0] - _NEAR) : name[0]].split("\n")[-2:-1]
    below = text[value[1] : value[1] + _NEAR].split("\n")[1:2]
    sibling = re.compile(re.escape(parts[0]) + _PLAIN_SETTING)
    return any(sibling.match(one.strip()) for one in above + below)
