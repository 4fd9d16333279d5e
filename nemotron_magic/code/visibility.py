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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from keyword import iskeyword

from nemotron_magic.code.syntax import try_to_parse, words
from nemotron_magic.core.text import UNSEEN, one_line

_ALL_LATIN_LOOKING = ("CHEROKEE", "COPTIC", "LISU")
_SEPARATORS = re.compile(r"[\d_]+")
_ALPHABETS = ("ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "GREEK", "LATIN", "LISU")
# Letters that pass for Latin ones, and those. Further Greek ones pass only in a name of
# them alone; of a single letter in Greek, mathematics has its own use, but for some.
_LATIN = {
    "CYRILLIC": (
        "АВЕЅІЈКМНОРСТУХӀԚԜаеѕіјорсухԁԛԝһӏ",
        "ABESIJKMHOPCTYXIQWaesijopcyxdqwhl",
    ),
    "GREEK": ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανρυικϲϳγητχω", "ABEZHIKMNOPTYXoavpuikcjyntxw"),
    "ARMENIAN": ("ՍՏԼօոսհցզյ", "USLonuhgqj"),
}
_LATIN_LOOKING_GREEK = _LATIN["GREEK"][0][:-5]
_NO_MATHEMATICS = _LATIN["GREEK"][0][:15]
_LATIN_LOOKING_CYRILLIC = f"{_LATIN['CYRILLIC'][0]}ктɡ"


def _lookalike_warning(name: str) -> str:
    """Return why a name may not be what it looks like; empty for an ordinary one."""
    read = unicodedata.normalize("NFKC", name)
    if read != unicodedata.normalize("NFC", name):
        return f"Python reads the name {name!r} as {read!r}"
    parts = [*filter(None, _SEPARATORS.split(name))]
    if "LATIN" not in map(_alphabet, name):
        return _whole_warning(name, "".join(parts))
    for part in parts:
        strange = [one for one in part if _alphabet(one) not in ("", "LATIN")]
        is_mixed = len(strange) < len(part)
        doubtful = [
            one
            for one in strange
            if (one in _LATIN_LOOKING_CYRILLIC and not is_mixed)
            or (is_mixed and (_alphabet(one) != "GREEK" or one in _LATIN_LOOKING_GREEK))
        ]
        if doubtful and (is_mixed or len(doubtful) == len(part)):
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


# The parts of Python in which a character means something else.
_PARTS = re.compile(
    r"""(?P<string>(?P<prefix>[A-Za-z]{0,2})(?:
        \"{3}(?:[^\\]|\\.)*?(?:\"{3}|\Z)|'{3}(?:[^\\]|\\.)*?(?:'{3}|\Z)
        |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    |(?P<comment>\#[^\n]*)
    |(?P<name>[^\W\d]\w*)""",
    re.DOTALL | re.VERBOSE,
)

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
_QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|`[^`\n]*`")
_FOR_IPYTHON = re.compile(r"[ \t]*[!%?]|[^'\"\#=\n]{0,200}=[ \t]*[!%]")
_LINE_OR_PART = re.compile(
    rf"^(?P<ipython>(?:{_FOR_IPYTHON.pattern})[^\n]*)|{_PARTS.pattern}",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_GOES_ON = "    "
_CLOSES = " \t)]},;:\\"


def _cell_magic(source: str) -> tuple[str, int]:
    """Return the name of a cell's magic, and where the lines below it begin."""
    found = re.match(r"\s*%%(\S*)[^\n]*\n?", source)
    return (found[1], found.end()) if found else ("", 0)


def _runs_python(magic: str) -> bool:
    return not magic or magic in words("python_magics")


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a cell.

    The mask tells what each character is part of: `c` code, `#` a comment, `s` a text
    that can go on in the next line, `r` one that cannot.
    """

    text: str
    mask: str
    is_inside: bool = False  # whether it begins within a text
    warnings: tuple[str, ...] = ()

    def with_warning(self, words: str) -> _Line:
        """Return the same line with more to say of it."""
        return replace(self, warnings=(*self.warnings, words))

    @property
    def emptiness(self) -> str:
        """The backslash of an empty line, or a blank; empty if there is more on it."""
        found = None if self.is_inside else _EMPTY.fullmatch(self.text)
        return (found[1] or " ") if found else ""

    @property
    def indentation(self) -> int:
        """How many blanks it begins with."""
        return len(self.text) - len(self.text.lstrip(" \t"))


def _bring_into_sight(source: str) -> tuple[str, tuple[str, ...]]:
    """Return code of which nothing lies out of sight, and a line for each change."""
    if not _MAY_HIDE.search(source):
        return source, ()
    magic, start = _cell_magic(source)
    is_python = _runs_python(magic)
    lines = [one for line in _lines(source) for one in _remove_gaps(line)]
    nearer = _remove_empty(_reduce_indentation(lines))
    lines = [one for line in nearer for one in _break(line, is_python)]
    shown = "\n".join(line.text for line in lines)
    if is_python and not _mean_the_same(source[start:], shown[_cell_magic(shown)[1] :]):
        return source, ("parts of it lie out of sight: read all of it before it runs",)
    return shown, tuple(
        f"line {number}: {words}"
        for number, line in enumerate(lines, 1)
        for words in line.warnings
    )


def _lines(source: str) -> Iterator[_Line]:
    magic, start = _cell_magic(source)
    body = source[start:]
    if _runs_python(magic):
        below = _mask(body, _LINE_OR_PART)
    else:
        is_free = magic in words("blanks_are_free")
        below = _mask(body, _QUOTED) if is_free else "r" * len(body)
    mask = _mask(source[:start], _QUOTED) + below
    at, is_inside = 0, False
    for text in source.split("\n"):
        end = at + len(text)
        yield _Line(text, mask[at:end], is_inside)
        is_inside = mask[end : end + 1] in ("s", "r")
        at = end + 1


def _mask(text: str, parts: re.Pattern[str]) -> str:
    """Return the mask of code in which the parts count as what they are."""
    made, at = [], 0
    for part in parts.finditer(text):
        kind = "r" if parts is _QUOTED else "c"
        if part.lastgroup == "string":
            kind = "r" if set(part["prefix"].lower()) & set("rft") else "s"
        elif part.lastgroup == "comment":
            kind = "#"
        is_for_ipython = part.lastgroup == "ipython"
        mask = _mask(part[0], _QUOTED) if is_for_ipython else kind * len(part[0])
        made += ["c" * (part.start() - at), mask]
        at = part.end()
    return "".join(made) + "c" * (len(text) - at)


def _remove_gaps(line: _Line) -> Iterator[_Line]:
    """Take wide gaps out of code; go on in the next line behind those in a text."""
    text, mask, at = "", "", 0
    for gap in _GAP.finditer(line.text):
        start, end = gap.span()
        kind, width = line.mask[start], _width(gap[0])
        is_last = not line.text[end:].strip("\\")
        if kind == "c" and width > _WIDEST_GAP and (start or line.is_inside):
            blank = "" if is_last else "  " if line.mask[end] == "#" else " "
            text += line.text[at:start] + blank
            mask += line.mask[at:start] + "c" * len(blank)
            at = end
            if not is_last:
                line = line.with_warning(_gap_words(gap))
        elif kind == "s" and width > _WIDEST_GAP_IN_TEXT and not is_last:
            text, mask = text + line.text[at:end] + "\\", mask + line.mask[at:end] + "s"
            line = line.with_warning(_gap_words(gap))
            yield replace(line, text=text, mask=mask)
            line = replace(line, is_inside=True, warnings=())
            text, mask, at = "", "", end
        elif kind == "r" and width > _WIDEST_GAP_IN_TEXT and not is_last:
            line = line.with_warning(_gap_words(gap))
    yield replace(line, text=text + line.text[at:], mask=mask + line.mask[at:])


def _width(blanks: str) -> int:
    """Return how many columns blanks take, of which U+3000 takes two."""
    return len(blanks.expandtabs(_TAB)) + blanks.count("\u3000")


def _gap_words(gap: re.Match[str]) -> str:
    behind = gap.string[gap.end() :].strip()
    return f"behind {_width(gap[0])} blanks stands {_quote(behind)}"


def _reduce_indentation(lines: Sequence[_Line]) -> Iterator[_Line]:
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
        if not (new_width := nearer.get(width, 0)):
            yield line
            continue
        words = f"it stood behind {width} blanks"
        yield replace(
            line.with_warning(words) if width - new_width > _WIDEST_GAP else line,
            text=" " * new_width + line.text[line.indentation :],
            mask="c" * new_width + line.mask[line.indentation :],
        )


def _remove_empty(lines: Iterable[_Line]) -> Iterator[_Line]:
    """Take empty lines in a row out of code, and warn of those in a text."""
    words, in_text = "", 0
    for is_empty, run in groupby(lines, lambda line: line.emptiness):
        some = [*run]
        if is_empty:
            yield from some[:2] if len(some) > _MOST_EMPTY else some
            if len(some) > _MOST_EMPTY:
                words = f"{len(some)} empty lines above it hid it"
            continue
        for line in some:
            if line.is_inside and not line.text.strip():
                in_text += 1
                yield line
                continue
            if in_text > _MOST_EMPTY_IN_TEXT:
                words = f"below {in_text} empty lines in a text stands "
                words += _tail(line.text)
            yield line.with_warning(words) if words else line
            words, in_text = "", 0


def _break(line: _Line, is_python: bool) -> Iterator[_Line]:
    """Go on in the next line where code is too far to the right; warn of texts."""
    end = len(line.text[: len(line.mask.rstrip("#"))].rstrip(f"{_BLANK}\\"))
    if end <= _LONGEST_LINE:
        yield line
        return
    is_for_ipython = not line.is_inside and _FOR_IPYTHON.match(line.text)
    cuts = _cuts(line, end) if is_python and not is_for_ipython else []
    if cuts:
        words = f"its {end:,} columns are broken into {len(cuts) + 1} lines"
        line = line.with_warning(words)
    for start, stop in pairwise([0, *cuts, len(line.text)]):
        text = line.text[start:stop]
        is_told = any(words.startswith("behind") for words in line.warnings)
        if min(stop, end) - start > _LONGEST_LINE and not is_told:
            words = f"it goes on for {len(text):,} columns, to {_tail(text)}"
            line = line.with_warning(words)
        if stop != len(line.text):
            text = f"{text.rstrip(_BLANK)} \\"
        yield replace(line, text=f"{_GOES_ON}{text}" if start else text)
        line = replace(line, warnings=())


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


def _tail(text: str) -> str:
    return _quote(text.strip()[-_TAIL:])


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
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"
_CARRIERS = "\U000e0000-\U000e0fff"
_JOINERS = "\u200c\u200d\ufe00-\ufe0f"
_HIDES = UNSEEN + _CONTROLS + _CARRIERS + _JOINERS
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
        magic, done = _cell_magic(self.text)
        done = done if _runs_python(magic) else len(self.text)
        made = [self._escaped(_IN_TEXT, 0, done)]
        for part in _PARTS.finditer(self.text, done):
            made += [self._escaped(_IN_CODE, done, part.start()), self._part(part)]
            done = part.end()
        return "".join([*made, self._escaped(_IN_CODE, done, len(self.text))])

    def _warn(self, place: int, words: str) -> None:
        line = 1 + bisect_left(self.ends, place)
        self.warnings[f"line {line}: {words}"] = None

    def _part(self, part: re.Match[str]) -> str:
        text, prefix = part[0], part["prefix"] or ""
        if part["name"] and not _IN_CODE.search(text):
            return self._name(part)
        pattern = _IN_CODE if part["name"] else _IN_TEXT
        shown = self._escaped(pattern, *part.span(), is_string=bool(part["string"]))
        # In a raw text an escape is none; without a backslash it need not be raw.
        if shown != text and "r" in prefix.lower() and "\\" not in text:
            return re.sub("[rR]", "", prefix) + shown[len(prefix) :]
        return shown

    def _name(self, part: re.Match[str]) -> str:
        """Return a name as Python reads it."""
        name, start = part[0], part.start()
        if name.isascii():
            return name
        if warning := _lookalike_warning(name):
            self._warn(start, warning)
        read = unicodedata.normalize("NFKC", name)
        # To IPython a name is a text like any other.
        line = self.text.rfind("\n", 0, start) + 1
        is_kept = iskeyword(read) or not read.isidentifier()
        return name if is_kept or _FOR_IPYTHON.match(self.text, line) else read

    def _escaped(
        self, pattern: re.Pattern[str], start: int, end: int, is_string: bool = False
    ) -> str:
        text = self.text[start:end]

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
