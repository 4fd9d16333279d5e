"""Make visible what code hides from its reader: far away, invisible, or look-alike.

A page shows some hundred columns of a cell and does not wrap them, so three hundred
blanks hide what stands behind them: it is brought nearer, and the meaning stays. Marks
of writing direction make code read as something it is not, invisible characters make
two names look like one, and so do letters of other alphabets
(https://trojansource.codes, CVE-2021-42574 and CVE-2021-42694).
"""

from __future__ import annotations

import ast
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from keyword import iskeyword

from nemotron_magic.code.syntax import LIBRARIES, pattern, try_to_parse, words
from nemotron_magic.core.text import UNSEEN, one_line

_ALL_LATIN_LOOKING = ("CHEROKEE", "COPTIC", "LISU")
# Letters that pass for Latin ones, and those.
_LATIN: dict[str, list[str]] = {
    alphabet: letters.split() for alphabet, letters in LIBRARIES["lookalikes"].items()
}
_ALPHABETS = ("LATIN", *_LATIN, *_ALL_LATIN_LOOKING)
# Further Greek ones pass only in a name of them alone; of a single letter in Greek,
# mathematics has its own use, but for some.
_LATIN_LOOKING_GREEK = _LATIN["GREEK"][0][:-5]
_NO_MATHEMATICS = _LATIN["GREEK"][0][:15]
_LATIN_LOOKING_CYRILLIC = f"{_LATIN['CYRILLIC'][0]}ктɡ"


def _lookalike_warning(name: str) -> str:
    """Return why a name may not be what it looks like; empty for an ordinary one."""
    read = unicodedata.normalize("NFKC", name)
    if read != unicodedata.normalize("NFC", name):
        return f"Python reads the name {name!r} as {read!r}"
    parts = [*filter(None, re.split(r"[\d_]+", name))]
    if "LATIN" not in map(_alphabet, name):
        return _whole_warning(name, "".join(parts))
    for part in parts:
        strange = [one for one in part if _alphabet(one) not in ("", "LATIN")]
        doubtful = strange if set(strange) <= set(_LATIN_LOOKING_CYRILLIC) else []
        if len(strange) < len(part):  # it is mixed
            doubtful = [
                one
                for one in strange
                if _alphabet(one) != "GREEK" or one in _LATIN_LOOKING_GREEK
            ]
        if doubtful:
            number = f"U+{ord(doubtful[0]):04X}"
            alphabet = _alphabet(doubtful[0]).capitalize()
            return f"the name {name!r} mixes Latin and {alphabet} letters ({number})"
    return ""


def _whole_warning(name: str, letters: str) -> str:
    """Return a warning for a name whose letters all pass for Latin ones; else empty."""
    alphabet, *others = {_alphabet(one) for one in letters} or {""}
    looks, latin = _LATIN.get(alphabet, ("", ""))
    is_single = alphabet == "GREEK" and len(letters) == 1
    is_whole = set(letters) <= set(_NO_MATHEMATICS if is_single else looks)
    if others or not (alphabet in _ALL_LATIN_LOOKING or (looks and is_whole)):
        return ""
    reads = f" that read {name.translate(str.maketrans(looks, latin))!r}"
    numbers = " ".join(f"U+{ord(one):04X}" for one in letters[:8])
    words = f"the name {name!r} is of {alphabet.capitalize()} letters"
    return f"{words}{reads if looks else ''} ({numbers})"


def _alphabet(letter: str) -> str:
    word = unicodedata.name(letter, "").partition(" ")[0]
    return word if word in _ALPHABETS else ""


# All in columns or lines: more than this is out of sight, or there to put it there.
_WIDEST_GAP, _WIDEST_GAP_IN_TEXT = 40, 80
_DEEPEST = 60
_LONGEST_LINE, _BREAK_AT = 160, 100
_MOST_EMPTY, _MOST_EMPTY_IN_TEXT = 4, 20
_TAB = 8
_TAIL = 80

_BLANK = f" \t\u00a0\u1680{''.join(map(chr, range(0x2000, 0x200B)))}\u202f\u205f\u3000"
_GAP = re.compile(f"[{_BLANK}]{{2,}}")
_MAY_HIDE = re.compile(
    rf"[{_BLANK}]{{{_WIDEST_GAP // 2}}}|[{_BLANK}]*\t[{_BLANK}]*\t[{_BLANK}]*\t"
    rf"|(?:\n[{_BLANK}]*[#\\]?[{_BLANK}]*(?=\n)){{{_MOST_EMPTY}}}"
    rf"|[^\n]{{{_LONGEST_LINE}}}"
)
_EMPTY = re.compile(rf"[{_BLANK}]*(?:#|(\\))?[{_BLANK}]*")
_PYTHON, _QUOTED = "line_or_part", "shell_quoted"  # patterns
_GOES_ON = "    "
_CLOSES = " \t)]},;:\\"


def _body(source: str) -> tuple[int, str]:
    """Return where the body of a cell begins, and by what pattern it is read."""
    found = re.match(r"\s*%%(\S*)[^\n]*\n?", source)
    if not found:
        return 0, _PYTHON
    if found[1] in ("", *words("python_magics")):
        return found.end(), _PYTHON
    return found.end(), _QUOTED if found[1] in words("blanks_are_free") else ""


@dataclass(slots=True)
class _Line:
    """One line of a cell.

    The mask tells what each character is part of: `c` code, `#` a comment, `s` a text
    that can go on in the next line, `r` one that cannot.
    """

    text: str
    mask: str
    is_inside: bool = False  # whether it begins within a text
    warnings: list[str] = field(default_factory=list)

    @property
    def emptiness(self) -> str:
        """The backslash of an empty line, or a blank; empty if there is more on it."""
        found = None if self.is_inside else _EMPTY.fullmatch(self.text)
        return (found[1] or " ") if found else ""

    @property
    def indentation(self) -> int:
        """How many blanks it begins with."""
        return len(self.text) - len(self.text.lstrip(" \t"))


def _bring_into_sight(source: str) -> tuple[str, list[str]]:
    """Return code of which nothing lies out of sight, and a line for each change."""
    if not _MAY_HIDE.search(source):
        return source, []
    start, parts = _body(source)
    is_python = parts == _PYTHON
    lines = [one for line in _lines(source) for one in _remove_gaps(line)]
    _reduce_indentation(lines)
    lines = [one for line in _remove_empty(lines) for one in _break(line, is_python)]
    shown = "\n".join(line.text for line in lines)
    if is_python and not _mean_the_same(source[start:], shown[_body(shown)[0] :]):
        return source, ["parts of it lie out of sight: read all of it before it runs"]
    return shown, [
        f"line {number}: {words}"
        for number, line in enumerate(lines, 1)
        for words in line.warnings
    ]


def _lines(source: str) -> Iterator[_Line]:
    start, parts = _body(source)
    mask = _mask(source[:start], _QUOTED) + _mask(source[start:], parts)
    at = 0
    for text in source.split("\n"):
        end = at + len(text)
        yield _Line(text, mask[at:end], mask[max(at - 1, 0) : at] in ("s", "r"))
        at = end + 1


def _mask(text: str, parts: str) -> str:
    """Return the mask of code in which the parts count as what they are."""
    made, at = [], 0
    for part in pattern(parts).finditer(text) if parts else ():
        kind = {"comment": "#", "name": "c"}.get(part.lastgroup or "", "r")
        if part.lastgroup == "string" and not set(part["prefix"].lower()) & set("rft"):
            kind = "s"
        is_for_ipython = part.lastgroup == "ipython"
        mask = _mask(part[0], _QUOTED) if is_for_ipython else kind * len(part[0])
        made += ["c" * (part.start() - at), mask]
        at = part.end()
    return "".join(made) + ("c" if parts else "r") * (len(text) - at)


def _remove_gaps(line: _Line) -> Iterator[_Line]:
    """Take wide gaps out of code; go on in the next line behind those in a text."""
    made, at = _Line("", "", line.is_inside), 0
    for gap in _GAP.finditer(line.text):
        start, end = gap.span()
        kind, behind = line.mask[start], line.text[end:].strip("\\")
        # How many columns it takes: U+3000 takes two.
        width = len(gap[0].expandtabs(_TAB)) + gap[0].count("\u3000")
        if kind == "c":
            is_wide = width > _WIDEST_GAP and start > 0
        else:
            is_wide = width > _WIDEST_GAP_IN_TEXT and bool(behind) and kind != "#"
        if is_wide and behind:
            words = _quote(line.text[end:].strip())
            made.warnings.append(f"behind {width} blanks stands {words}")
        if is_wide and kind == "c":
            blank = "" if not behind else "  " if line.mask[end] == "#" else " "
            made.text += line.text[at:start] + blank
            made.mask += line.mask[at:start] + "c" * len(blank)
            at = end
        elif is_wide and kind == "s":
            made.text += f"{line.text[at:end]}\\"
            made.mask += f"{line.mask[at:end]}s"
            yield made
            made, at = _Line("", "", is_inside=True), end
    made.text += line.text[at:]
    made.mask += line.mask[at:]
    yield made


def _reduce_indentation(lines: list[_Line]) -> None:
    """Bring deep indentation nearer; which line is deeper than which stays as it is."""
    widths = [
        len(line.text[: line.indentation].expandtabs(_TAB))
        if line.text.strip() and not line.is_inside
        else 0
        for line in lines
    ]
    deep = sorted({width for width in widths if width > _DEEPEST})
    nearer = {width: _DEEPEST + 4 * n for n, width in enumerate(deep, 1)}
    for line, width in zip(lines, widths, strict=True):
        if new_width := nearer.get(width, 0):
            if width - new_width > _WIDEST_GAP:
                line.warnings.append(f"it stood behind {width} blanks")
            start = line.indentation
            line.text = " " * new_width + line.text[start:]
            line.mask = "c" * new_width + line.mask[start:]


def _remove_empty(lines: Iterable[_Line]) -> Iterator[_Line]:
    """Take empty lines in a row out of code, and warn of those in a text."""
    words, in_text = "", 0
    for is_empty, run in groupby(lines, lambda line: line.emptiness):
        some = [*run]
        if is_empty and len(some) > _MOST_EMPTY:
            words = f"{len(some)} empty lines above it hid it"
            some = some[:2]
        for line in some:
            if line.is_inside and not line.text.strip():
                in_text += 1
            elif not is_empty:
                if in_text > _MOST_EMPTY_IN_TEXT:
                    tail = _quote(line.text.strip()[-_TAIL:])
                    words = f"below {in_text} empty lines in a text stands {tail}"
                line.warnings += [words] if words else []
                words, in_text = "", 0
            yield line


def _break(line: _Line, is_python: bool) -> Iterator[_Line]:
    """Go on in the next line where code is too far to the right; warn of texts."""
    end = len(line.text[: len(line.mask.rstrip("#"))].rstrip(f"{_BLANK}\\"))
    if end <= _LONGEST_LINE:
        yield line
        return
    is_for_ipython = not line.is_inside and pattern("magic_line").match(line.text)
    cuts = _cuts(line, end) if is_python and not is_for_ipython else []
    warnings = line.warnings
    if cuts:
        warnings.append(f"its {end:,} columns are broken into {len(cuts) + 1} lines")
    for start, stop in pairwise([0, *cuts, len(line.text)]):
        text = line.text[start:stop]
        is_told = any(words.startswith("behind") for words in warnings)
        if min(stop, end) - start > _LONGEST_LINE and not is_told:
            tail = _quote(text.strip()[-_TAIL:])
            warnings.append(f"it goes on for {len(text):,} columns, to {tail}")
        if stop != len(line.text):
            text = f"{text.rstrip(_BLANK)} \\"
        text = f"{_GOES_ON}{text}" if start else text
        yield replace(line, text=text, warnings=warnings)
        warnings = []


def _cuts(line: _Line, end: int) -> list[int]:
    """Return where to go on in the next line, if that shows more than texts."""
    beyond = [*zip(line.text, line.mask, strict=True)][_LONGEST_LINE:end]
    if not any(kind == "c" and sign not in _CLOSES for sign, kind in beyond):
        return []
    places = [
        place
        for place in range(line.indentation + 1, end)
        if line.mask[place - 1] == "c"
        and line.text[place - 1] in " \t,;([{"
        and line.text[place] not in " \t\\!%?"
    ]
    cuts, start = [], 0
    while end - start > _LONGEST_LINE - len(_GOES_ON):
        first = bisect_right(places, start)
        if first == len(places):
            break
        start = places[max(bisect_right(places, start + _BREAK_AT) - 1, first)]
        cuts.append(start)
    return cuts


def _quote(text: str) -> str:
    return f"`{one_line(text, _TAIL).replace('`', chr(39))}`"


def _mean_the_same(before: str, after: str) -> bool:
    """Return whether Python reads two texts alike, if it can read the first."""
    tree, other = try_to_parse(before), try_to_parse(after)
    try:
        return not tree or (other is not None and ast.dump(tree) == ast.dump(other))
    except RecursionError:
        return False


_MOST_WARNINGS = 10
_HIDES = (
    f"{UNSEEN}\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\U000e0000-\U000e0fff"
    "\u200c\u200d\ufe00-\ufe0f"  # joiners
)
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


def escape_bidi(source: str) -> tuple[str, tuple[str, ...]]:
    r"""Return code with all that hides in it shown, and a line of warning for each.

    In a text it becomes an escape, so that the code means the same; elsewhere it
    becomes a sign that Python does not take. Names stand as Python reads them; those
    that look like others are left as they are, and warned of.

    >>> escape_bidi('is_admin = "user\u202e"  # \u200b')[0]
    'is_admin = "user\\u202e"  # <U+200B>'
    """
    warnings: dict[str, None] = {}
    text = source.replace("\r\n", "\n")
    if "\r" in text:
        line = 1 + text.partition("\r")[0].count("\n")
        words = "ends with a bare carriage return, which can hide the next"
        warnings[f"line {line}: it {words}"] = None
    text, moved = _bring_into_sight(text.replace("\r", "\n"))
    warnings |= dict.fromkeys(moved)
    ends = [match.start() for match in re.finditer("\n", text)]
    is_plain = _PLAIN.fullmatch(text)
    shown = text if is_plain else _Escaper(text, ends, warnings).escape()
    if shown != text:
        # A sign that is shown takes more room, and may push what follows out of sight.
        shown, moved = _bring_into_sight(shown)
        warnings |= dict.fromkeys(moved)
    first, others = [*warnings][:_MOST_WARNINGS], [*warnings][_MOST_WARNINGS:]
    return shown, (*first, *([f"and {len(others)} more"] if others else []))


@dataclass(frozen=True, slots=True)
class _Escaper:
    """Escape what hides in a text, and note a warning for each."""

    text: str
    ends: list[int]  # of its lines
    warnings: dict[str, None]

    def escape(self) -> str:
        start, parts = _body(self.text)
        start = start if parts == _PYTHON else len(self.text)
        shown = map(self._piece, pattern("pieces").finditer(self.text, start))
        return self._escaped(_IN_TEXT, self.text[:start], 0) + "".join(shown)

    def _warn(self, place: int, words: str) -> None:
        line = 1 + bisect_left(self.ends, place)
        self.warnings[f"line {line}: {words}"] = None

    def _piece(self, piece: re.Match[str]) -> str:
        text, prefix, is_string = piece[0], piece["prefix"] or "", bool(piece["string"])
        if piece["name"] and not _IN_CODE.search(text):
            return text if text.isascii() else self._name(text, piece.start())
        pattern = _IN_TEXT if is_string or piece["comment"] else _IN_CODE
        shown = self._escaped(pattern, text, piece.start(), is_string)
        # In a raw text an escape is none; without a backslash it need not be raw.
        if shown != text and "r" in prefix.lower() and "\\" not in text:
            return re.sub("[rR]", "", prefix) + shown[len(prefix) :]
        return shown

    def _name(self, name: str, start: int) -> str:
        """Return a name as Python reads it."""
        if warning := _lookalike_warning(name):
            self._warn(start, warning)
        read = unicodedata.normalize("NFKC", name)
        # To IPython a name is a text like any other.
        line = self.text.rfind("\n", 0, start) + 1
        is_kept = iskeyword(read) or not read.isidentifier()
        return name if is_kept or pattern("magic_line").match(self.text, line) else read

    def _escaped(
        self, pattern: re.Pattern[str], text: str, start: int, is_string: bool = False
    ) -> str:
        def show(match: re.Match[str]) -> str:
            if "hiding" in pattern.groupindex and not match["hiding"]:
                return match[0]
            sign, number = match[0], f"U+{ord(match[0]):04X}"
            what = unicodedata.name(sign, "a control character")
            words = f"{what} ({number}) is shown by its number"
            self._warn(start + match.start(), words)
            # A backslash before it stands for itself, and must go on to do so.
            before = text[: match.start()]
            is_escaped = (len(before) - len(before.rstrip("\\"))) % 2
            escape = "\\" * is_escaped + ascii(sign)[1:-1]
            return escape if is_string else f"<{number}>"

        return text if _PLAIN.fullmatch(text) else pattern.sub(show, text)
