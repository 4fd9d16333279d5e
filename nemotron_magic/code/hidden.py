"""Make visible what code hides from who reads it before they run it.

What lies out of sight is brought into sight. Marks of writing direction make code read
as something it is not, invisible characters make two names look like one, and so do
letters of other alphabets (https://trojansource.codes, CVE-2021-42574 and
CVE-2021-42694).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from keyword import iskeyword

from nemotron_magic.code.layout import (
    PARTS,
    brought_into_sight,
    cell_magic,
    is_for_ipython,
    runs_python,
)
from nemotron_magic.code.lookalikes import warning_of

__all__ = ["made_visible"]

_MOST_WARNINGS = 10
_DIRECTION = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u2028\u2029\u2060-\u2065"
    "\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\u2800\U00016fe4\U0001d159\U00013441\U00013442"
)
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"
_CARRIERS = "\U000e0000-\U000e0fff"
_JOINERS = "\u200c\u200d\ufe00-\ufe0f"
_HIDES = _DIRECTION + _UNSEEN + _CONTROLS + _CARRIERS + _JOINERS
# Flags of parts of countries are the only use of tags that is left.
_FLAG = "(?:gbeng|gbsct|gbwls)".translate({n: n + 0xE0000 for n in range(97, 123)})
# In texts, joiners belong to emoji and to scripts that need them; one selector may
# follow what it selects a form of. Anywhere else they hide.
_ORDINARY = (
    f"(?:\U0001f3f4{_FLAG}\U000e007f"
    '|[^\x00-\x1f !-"$-)+-/:-~][\ufe00-\ufe0f](?:\u200d(?=[^ -~]))?'
    "|[#*0-9]\ufe0f(?=\u20e3)"
    "|[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff][\U000e0100-\U000e01ef]"
    f"|(?<=[^\x00-~{_HIDES}])[\u200c\u200d](?=[^\x00-~{_HIDES}]))"
)
_IN_CODE = re.compile(f"[{_HIDES}]")
_IN_TEXT = re.compile(f"{_ORDINARY}|(?P<hiding>[{_HIDES}])")
_PLAIN = re.compile(r"[\n\t -~]*")
_KINDS = (
    (re.compile(f"[{_DIRECTION}]"), "a sign that changes the direction of writing"),
    (re.compile(f"[{_CARRIERS}\ufe00-\ufe0f]"), "a character that carries hidden text"),
    (re.compile(f"[{_CONTROLS}]"), "a control character"),
    (re.compile(""), "an invisible character"),
)


def made_visible(source: str) -> tuple[str, tuple[str, ...]]:
    r"""Return code with all that hides in it shown, and a line of warning for each.

    In a text it becomes an escape, so that the code means the same; elsewhere it
    becomes a sign that Python does not take. Names stand as Python reads them; those
    that look like others are left as they are, and warned of.

    Examples
    --------
    >>> made_visible('is_admin = "user\u202e"  # \u200b')[0]
    'is_admin = "user\\u202e"  # <U+200B>'
    >>> made_visible("p\u0430y = 1")[1]
    ("line 1: the name 'p\u0430y' mixes Latin and Cyrillic letters (U+0430)",)
    """
    warnings: dict[str, None] = {}
    text = source.replace("\r\n", "\n")
    for line, part in enumerate(text.replace("\r", "\r\n").split("\n"), 1):
        if part.endswith("\r"):
            words = "ends with a bare carriage return, which can hide the next"
            warnings[f"line {line}: it {words}"] = None
    text, moved = brought_into_sight(text.replace("\r", "\n"))
    warnings |= dict.fromkeys(moved)
    shown = text if _PLAIN.fullmatch(text) else "".join(_shown(text, warnings))
    if shown != text:
        # A sign that is shown takes more room, and may push what follows out of sight.
        shown, moved = brought_into_sight(shown)
        warnings |= dict.fromkeys(moved)
    told = list(warnings)
    more = len(told) - _MOST_WARNINGS
    return shown, (*told[:_MOST_WARNINGS], *([f"and {more} more"] if more > 0 else []))


def _shown(text: str, warnings: dict[str, None]) -> Iterator[str]:
    magic, done = cell_magic(text)
    done = done if runs_python(magic) else len(text)
    yield _replaced(_IN_TEXT, text[:done], 1, warnings, is_string=False)
    line = 1 + text.count("\n", 0, done)
    for part in PARTS.finditer(text, done):
        between = text[done : part.start()]
        yield _replaced(_IN_CODE, between, line, warnings, is_string=False)
        line, done = line + between.count("\n"), part.end()
        if part["name"]:
            yield _named(part, line, warnings)
        elif part["comment"]:
            yield _replaced(_IN_TEXT, part[0], line, warnings, is_string=False)
        else:
            yield _quoted(part, line, warnings)
        line += part[0].count("\n")
    yield _replaced(_IN_CODE, text[done:], line, warnings, is_string=False)


def _named(part: re.Match[str], line: int, warnings: dict[str, None]) -> str:
    """Return a name as Python reads it, with the letters shown that look like none."""
    name = part[0]
    if name.isascii():
        return name
    if _IN_CODE.search(name):
        return _replaced(_IN_CODE, name, line, warnings, is_string=False)
    if warning := warning_of(name):
        warnings[f"line {line}: {warning}"] = None
    read = unicodedata.normalize("NFKC", name)
    if read == name or iskeyword(read) or not read.isidentifier():
        return name
    # To IPython a name is a text like any other.
    return name if is_for_ipython(part.string, part.start()) else read


def _quoted(part: re.Match[str], line: int, warnings: dict[str, None]) -> str:
    text = part[0]
    shown = _replaced(_IN_TEXT, text, line, warnings, is_string=True)
    prefix = part["prefix"]
    # In a raw text an escape is none; without a backslash it need not be raw.
    if shown != text and "r" in prefix.lower() and "\\" not in text:
        return re.sub("[rR]", "", prefix) + shown[len(prefix) :]
    return shown


def _replaced(
    pattern: re.Pattern[str],
    text: str,
    first_line: int,
    warnings: dict[str, None],
    is_string: bool,
) -> str:
    """Show what hides in a part of the code, which begins at a line."""
    if _PLAIN.fullmatch(text):
        return text
    ends = [match.start() for match in re.finditer("\n", text)]

    def show(match: re.Match[str]) -> str:
        if "hiding" in pattern.groupindex and not match["hiding"]:
            return match[0]
        sign, line = match[0], first_line + bisect_left(ends, match.start())
        kind = next(words for one, words in _KINDS if one.match(sign))
        warnings[f"line {line}: {kind} (U+{ord(sign):04X}) is shown by its number"] = (
            None
        )
        if not is_string:
            return f"<U+{ord(sign):04X}>"
        before = text[: match.start()]
        # A backslash before it stands for itself, and must go on to do so.
        is_escaped = (len(before) - len(before.rstrip("\\"))) % 2
        return "\\" * is_escaped + _escape(sign)

    return pattern.sub(show, text)


def _escape(sign: str) -> str:
    number = ord(sign)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
