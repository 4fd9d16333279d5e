"""Secrets known by the name or column they stand behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from nemotron_magic.context.secrets.values import (
    KEYWORD,
    Passage,
    Span,
    Strength,
    Telling,
    is_odd,
    is_placeholder,
    is_secret,
    is_set_secret,
    is_word,
    is_written_secret,
    looks_random,
    told_by,
)

__all__ = [
    "QUOTED",
    "Joined",
    "Role",
    "named_secrets",
    "several_secrets",
    "strings",
]


QUOTED = re.compile(
    r"""(?P<open>(?:[rbfuRBFU]{1,2})?(?P<quote>\\*(?:\"\"\"|'''|["'`])))"""
    r"""(?P<value>[^"'`\\\n]*+(?:(?!(?P=quote))(?:\\.|\\(?!.)|["'`])[^"'`\\\n]*+)*)"""
    r"""(?P=quote)"""
)
_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r]+)|(?P<comment>(?:\#|//)[^\n]*+)|(?P<line>\n)"""
    r"""|(?P<other>[\w.$]+|\|\||\?\?|.)"""
)
_LONGEST = 8000
_MOST = 3000
# What bounds how often a text is read for names within the values of names.
_DEEPEST = 5
_MOST_WORDS = 16
_JOINS = {"+", "\\", "&", "..", "string"}
_LEADS = {"", "or", "and", "||", "??", "else", "?", ":", "(", "[", "{", ",", *_JOINS}
_WORDS = {"or", "and", "else", "if", "in", "not", "return", "await"}
_PAIRS = {")": "(", "]": "[", "}": "{"}
# Calls that hand on the text that they are given.
_HANDS_ON = re.compile(
    r"(?:.*\.)?(?:str|bytes|bytearray|secretstr|\w*decode|unhexlify|fromhex|join"
    r"|paste0?|concat|cycle|list|tuple|set|dict|c|token|api_key)",
    re.IGNORECASE,
)


class Role(Enum):
    """What a string is to the expression that it stands in."""

    VALUE = auto()  # it or its item
    KEYED = auto()  # behind a key in a dict
    ARGUMENT = auto()  # of a call, such as a default


@dataclass(frozen=True, slots=True)
class Joined:
    """Strings that are one text, as `"a" + "b"` is."""

    pieces: list[re.Match[str]]
    role: Role
    key: str = ""  # that stands before it in a dict


def strings(text: str, at: int) -> Iterator[Joined]:
    """Yield the strings of the expression that begins at a place of a text."""
    end = min(len(text), at + _LONGEST)
    within: list[tuple[str, bool]] = []  # the open brackets, and whether of a call
    pieces: list[re.Match[str]] = []
    role, last, asked, words, key = Role.VALUE, "", False, 0, ""  # the signs so far
    for _ in range(_MOST):
        quoted = QUOTED.match(text, at, end) if text[at : at + 1] else None
        token = quoted or _TOKEN.match(text, at, end)
        if token is None:
            break
        at = token.end()
        kind = "string" if quoted else token.lastgroup
        if kind in ("blank", "comment"):
            continue
        sign = kind if kind == "string" else token[0]
        if kind == "line":
            if not within and last not in _LEADS - {"string"}:
                break
            continue
        if quoted:
            if pieces and last not in _JOINS:
                yield Joined(pieces, role, key)
                pieces = []
            if not pieces and any(is_call for _, is_call in within):
                role = Role.ARGUMENT
            elif not pieces:
                role = Role.KEYED if last == ":" and within else Role.VALUE
            if last in _LEADS and (within[-1:] != [("[", True)]):
                pieces.append(quoted)
        elif sign in "([{":
            if len(within) == _DEEPEST:
                break
            is_call = last not in _LEADS and last not in _WORDS
            is_call = is_call and not (sign == "(" and _HANDS_ON.fullmatch(last))
            within.append((sign, is_call))
        elif sign in _PAIRS:
            if not within or within.pop()[0] != _PAIRS[sign]:
                break
        elif not within and _ends(sign, last, asked):
            break
        elif sign == ":" and within[-1:] == [("{", False)]:
            if pieces and last != "string":
                yield Joined(pieces, role, key)
            key = "".join(one["value"] for one in pieces) if last == "string" else last
            pieces = []
        if not within and sign not in _JOINS:
            words += 1
            if words > _MOST_WORDS:
                break
        asked |= sign == "?"
        last = sign
    if pieces:
        yield Joined(pieces, role, key)


def _ends(sign: str, last: str, asked: bool) -> bool:
    """Return whether an expression is over where a sign follows the last one."""
    words = (
        one[:1].isalnum() and one not in {*_WORDS, "string"} for one in (sign, last)
    )
    return sign in ",;=" or (sign == ":" and not asked) or all(words)


_LINE_END = re.compile(r"[ \t\r]*(?:\#.*)?$")
_LEAD = re.compile(r"[ \t]*(?:(?:[-*>]|\d{1,2}[.)])[ \t]+)?-?")
_ARGUMENT_END = re.compile(r"[ \t]*(?:\\?\r?$|[|;&#\"'`)]|-)|[ \t]+[\w./:@-]+[ \t]*$")
# What stands between two brackets, and then a few words that are none of a program's.
_PROSE = (
    r"(?:[\[(][\w:. -]{1,30}[\])][ \t]*)?(?!.*\b(?:if|lambda|elif|else|while|for|with"
    r"|except|def|class|not|in|return|and|or|columns?|fields?|case|usage)\b)"
    r"(?:[^\W\d_]{2,20}[ \t]+){0,4}"
)
# Signs, and what stands before a name and behind a word on a line that sets it.
_SETTINGS = tuple(
    (sign, re.compile(before, re.IGNORECASE), re.compile(after))
    for sign, before, after in (
        (":", r"[ \t*`\"'-]*", _LINE_END.pattern),
        (":", r"[ \t*`\"'-]*\{(?:.*[{,])?[ \t\"']*", r"[ \t]*[,}]"),
        (":", _PROSE, _LINE_END.pattern),
        ("=", r"(?:.*[\s\"'])?[\w.]{1,40}=[^\s,;()]{1,80}[ \t]+", ""),
        ("=", ".*", r"[ \t]+[\w.]{1,40}=\S"),
        (":", r"[\w -]*:[ ]?[\w@.-]{1,40}[,;][ ]*", rf"[,;]|{_LINE_END.pattern}"),
        ("=", r".*\[", r"\]"),
        # Behind words of a command or of a log, not behind an argument of a call.
        (
            "=",
            r"(?:[^()\[\]{}]|\([^()]*\))*(?<![,\s])[ \t=\"'][ \t]*",
            rf"[,;][ \t]*[\w.]{{1,40}}=\S|{_LINE_END.pattern}",
        ),
        ("=", ".*-", _ARGUMENT_END.pattern),
    )
)
_ASSIGNS = re.compile(r"[ \t]*(?:[\w.-]{1,80}[ \t]*[=:][^\n(]{0,200}|[#;][^\n]*)?\r?$")
# The head of a section, or a value without quotes as no program has it.
_SETTING = re.compile(
    r"[ \t]*\[[\w .:\"'-]{1,60}\][ \t\r]*|[ \t]*[\w.-]{1,80}[ \t]*=[ \t]*(?:localhost"
    r"|true|false|yes|no|on|off|/[\w./-]+|\d+(?:\.\d+){3}|[\w.-]+:\d+|[\w+.:-]+:/\S+)\s*"
)
_FARTHEST = 1000
_WORD_WITH_DIGITS = re.compile(r"(?!pass|pw|sec)[a-z]{5,30}\d{1,4}")
_NEAR = 200


def _is_set_to(
    text: str, name: tuple[int, int], sign: str, value: tuple[int, int]
) -> bool:
    """Return whether the text sets a name to a word, as files of settings do."""
    line = max(text.rfind("\n", max(0, name[0] - _NEAR), name[0]) + 1, name[0] - _NEAR)
    before = text[line : name[0]] + "-" * (text[name[0]] == "-")
    after = text[value[1] : value[1] + _NEAR].partition("\n")[0]
    sign, parted = sign.partition("!!")[0], sign != "="
    for one, form_before, form_after in _SETTINGS:
        is_sign = one == (sign.strip()[-1:] if one == ":" else sign)
        if is_sign and form_before.fullmatch(before) and form_after.match(after):
            return True
    is_alone = _LEAD.fullmatch(before) and _LINE_END.match(after)
    if sign.strip() != "=" or not is_alone:
        return False
    near = text[max(0, value[0] - _FARTHEST) : value[1] + _FARTHEST]
    # The name of a variable of a program stands near by once more.
    if near.count(text[slice(*value)]) == 1 and (
        not parted or _WORD_WITH_DIGITS.fullmatch(text, *value)
    ):
        return True
    # Else the line has to be one of a file of settings and not of a program.
    for one in reversed(text[max(0, line - _FARTHEST) : line].splitlines()):
        if _SETTING.fullmatch(one):
            return True
        if not _ASSIGNS.match(one):
            break
    return any(map(_SETTING.fullmatch, text[line : line + _NEAR].split("\n")[1:2]))


# The name's rest, what closes it, then what leads to a value. On small letters.
_NAMED = re.compile(
    KEYWORD
    + r"""[a-z0-9_\u00b5-\u04ff-]{0,40}+(?P<close>(?:\\*["'`])?[\])*]{0,3}+)
    (?:
      (?P<entry>:?[ \t]*\n[ \t]*(?:default_value|value|default|content|plain|text)
        :[ \t]+|:[ \t]*[|>][-+]?[ \t]*\n[ \t]+)
      | (?P<below>(?:[ \t][^\n=|{}\[\]"'<>]{0,60}:)?[ \t:：*=]*+\n
        (?:[ \t]*+[-=─~`]{0,80}+[ \t]*+\n){0,2}(?=[^\n]))
      | (?P<typed>[ \t]*:[ \t]*[a-z][\w.\[\]| ,]{0,40}?=[ \t]*(?=[^\s=,;}\])]))
      | (?P<set>[ \t]*(?:\([^()\n]{1,60}\)[ \t]*)?
        (?:[ \t](?:for|of|de|von|für|pour|di)[ \t]+[\w.@-]{1,40}[ \t]*(?=:))?
        (?:=["'][ \t]*\+(?=[ \t]*["'])|=>|->|:=|==|!=|<-|=|::|:|：|＝|→)[ \t]*
        (?:\*\*?[ \t]*)?(?:!![a-z/]{1,20}[ \t]+)?)
      | (?P<pair>(?:[ \t]+[\w-]{1,20}="[^"\n<>]{0,60}"
        |,[ \t]*\w{1,20}=[^,()\n]{1,40}){0,2},?[ \t]*["']?
        (?:default|(?:default_)?value|content)["']?[ \t]*[:=][ \t]*)
      | (?P<comma>[ \t]*,[ \t]*)
        (?=\\*["'](?![^"'\\\n]{0,200}\\*["'][ \t]*,[ \t]*\\*[\n"']))
      | (?P<says>(?<![\]\)"'`])[ \t]+in[ \t]+(?=[\[(])
        |(?:[ \t](?:for|of|de|von|für|pour|di)[ \t]+
        (?:(?:the|our|my|die|das|den)[ \t]+)?[\w.@-]{1,40})?
        (?:[ \t]+(?:(?:is|was|to|ist|lautet|est|es|è|é)(?:[ \t]*:)?|provided:
        |used:|[-–—])|[ \t]*[是为為は]:?)[ \t]+|[是为為は]:?(?=[!-~]))
      | (?P<tag>>)
      | (?P<cell>[ \t]*[|│┆\t][ \t]*\*{0,2})
      | (?P<blank>[ \t]+)(?=[^\s=:,|&><][^\s,]{3})
    )""",
    re.VERBOSE,
)
# Up to an equals sign, as another name may stand before it; padding belongs to it.
_BARE = re.compile(r"""[^\s"'`,;)}\]<>|&=]{1,200}+={0,2}""")
_ESCAPED_END = re.compile(r"\\[rn].*")
_REST = re.compile(r"""[^\s"'`,;)}\]<>|&]*+""")
_ALONE = re.compile(
    r"""[ \t]*+(?P<dash>[-*][ \t]+)?["'`]?(?P<value>[^\s"'`]{6,400}+)["'`]?"""
    r"""[,.]?[ \t]*(?:\n|$)"""
)
_PHRASE = re.compile(r"[a-z]+(?: [a-z]+){3,8}(?=[ \t]*(?:#|\n|$))")
_COOKIE = re.compile(
    r"""[\w.~-]{1,80}=["']?(?P<value>[^;\s"',]{6,4000}+)["']?[;, \t]*"""
)
_SCHEME = re.compile(
    r"(?:bearer|basic|token|apikey|api-key|key|digest|negotiate|bot|sso-key)[ \t]+"
    r"|secretstr\(",
    re.IGNORECASE,
)
_OWNER = re.compile(r"(?<![^\W_])[a-z]{2,12}[ ]$")
_RANDOM = re.compile(
    r"""["'`]?(?=\w*[g-zG-Z])(?=\w*\d)\w{24,200}(?=[\s"'`.,]|$)""", re.A
)
_LONG_HEX = re.compile(
    rf"""["'`]?[\da-fA-F]{{32,128}}(?=[\s"'`.,]|$)|{_RANDOM.pattern}""", re.A
)
_SETTERS = {"set_env", "setx", "set", "login", "%set_env", "%env"}
_SPOKEN_SETTERS = {"user", "by", "with"}
_SERIES = re.compile(r"(?m)^(?:[^\n]*, )?dtype: (?:object|str|string)")
_LITERAL = re.compile(r"(?:^|(?<=\}))[^{}]+")
_FOLDERS = {"pwd", "oldpwd"}
_LONGEST_LIST = 1000
_CODE_NUMBER = re.compile(r"\d{4,12}")
_HEAD_RULE = re.compile(r"[ \t|│┆+]*[-:=─═┼╪]{3}")
_FRAME = " \t\r|│┆\"'`*,"
_VALUE_KEYS = {"value", "default", "default_value", "content", "text", "plain", "raw"}
_VALUE_KEYS |= {"plaintext", "val", "current", "data", "secret", "wert", "valor"}


@dataclass(frozen=True, slots=True)
class _Name:
    """A telling name in a text, and what stands between it and its value."""

    telling: Telling
    start: int
    found: re.Match[str]

    text: str

    @property
    def says_to(self) -> bool:
        """Whether "to" leads to the value, which prose has before any other word."""
        return (self.found["says"] or "").strip().startswith("to")

    @property
    def line(self) -> str:
        """What stands before the name on its line."""
        return self.text[max(0, self.start - 80) : self.start].rpartition("\n")[2]

    @property
    def is_told_to(self) -> bool:
        """Whether one of the last two words before the name sets something."""
        return not _SPOKEN_SETTERS.isdisjoint(self.line.lower().split()[-2:])

    @property
    def is_environment(self) -> bool:
        """Whether a variable of the environment is set, as in `DB_PASS=letmein`."""
        name = self.text[self.start : self.found.start("close")]
        return name.isupper() and self.found["set"] == "="

    def by(self, *ways: str) -> bool:
        """Return whether the value follows in one of these ways, groups of the form."""
        return any(self.found[way] is not None for way in ways)


def named_secrets(passage: Passage) -> Iterator[Span]:
    """Yield the values that stand behind a telling name."""
    text, lowered = passage.text, passage.masked
    at = 0
    for place in passage.names:
        found = _NAMED.match(lowered, place) if place >= at else None
        if found is None:
            continue
        at = found.end()
        start, first = found.start(), max(0, found.start() - 40)
        while start > first and (
            lowered[start - 1].isalnum() or lowered[start - 1] in "_-$."
        ):
            start -= 1
        name = text[start : found.start("close")].strip("-$.").rpartition(".")[2]
        telling = told_by(name)
        owner = _OWNER.search(lowered[max(0, start - 20) : start])
        if telling and telling.strength is Strength.HINT and owner:
            # Of an "API key" or a "secret key" only the last word was found.
            telling = told_by(f"{owner[0]}{name}") or telling
        if telling is None:
            # The next name may begin within what led to a value of this one.
            at = found.end("close")
            continue
        named = _Name(telling, start, found, text)
        for span in _values(text, named):
            at = max(at, span.end)
            if not telling.names_thing(text[span.start : span.end]):
                yield span


def _values(text: str, named: _Name) -> Iterator[Span]:
    at = named.found.end()
    if named.by("below"):
        yield from _below(text, at, named)
    elif (
        # A tag has the name, or names by it what it holds.
        named.by("tag")
        and not named.line.endswith(("<", 'name="', "name='", ' key="', " key='"))
    ) or (named.by("blank") and not _may_be_blank(text, named)):
        return
    elif text[at : at + 1] in ("[", "{", "(") or QUOTED.match(text, at):
        yield from _expressed(text, at, named)
    else:
        if "cookie" in named.telling.name.lower():
            yield from _cookies(text, at, named)
        bare = list(_bare(text, _after_scheme(text, at, len(text)), named))
        yield from bare or (
            _expressed(text, at, named) if named.by("set", "typed") else ()
        )


def _below(text: str, at: int, named: _Name) -> Iterator[Span]:
    """Yield what stands alone on the next line, or in the list that begins there."""
    announced = ":" in named.found["below"] or "：" in named.found["below"]
    for _ in range(_LONGEST_LIST):
        found = _ALONE.match(text, at)
        if found is None:
            return
        value = found["value"]
        is_one = looks_random(value, 16) or (
            announced and named.telling.strength is Strength.PASSWORD and is_odd(value)
        )
        if is_one and is_secret(value, named.telling.strength, bare=True, code=False):
            yield Span(*found.span("value"), named.telling.kind)
        if not found["dash"]:
            return
        at = found.end()


def _cookies(text: str, at: int, named: _Name) -> Iterator[Span]:
    while found := _COOKIE.match(text, at):
        if looks_random(found["value"], 16):
            yield Span(*found.span("value"), named.telling.kind)
        at = found.end()


def _bare(text: str, at: int, named: _Name) -> Iterator[Span]:
    if "phrase" in named.telling.name.lower() and named.by("set"):
        phrase = _PHRASE.match(text, at)
        if phrase and not is_placeholder(phrase[0]):
            yield Span(*phrase.span(), named.telling.kind)
            return
    found = _BARE.match(text, at)
    if found is None:
        return
    value = _ESCAPED_END.sub("", found[0]).rstrip(".:")
    if _is_bare_secret(text, at, value, named):
        rest = _REST.match(text, at + len(value))
        end = rest.end() if rest and rest[0].strip(".:") else at + len(value)
        yield Span(at, end, named.telling.kind)


def _is_bare_secret(text: str, at: int, value: str, named: _Name) -> bool:
    if named.telling.name.lower() in _FOLDERS and value[0] in "/~":
        return False
    if (named.found["set"] or "").strip() in ("==", "!="):
        return False
    code = _is_code(text, named)
    if is_secret(value, named.telling.strength, bare=True, code=code):
        return is_odd(value) or not (
            named.says_to or (named.by("blank") and named.is_told_to)
        )
    if named.is_environment and is_set_secret(value, named.telling.strength):
        return True
    if _is_code_number(text, at, value, named):
        return True
    if named.telling.strength is not Strength.PASSWORD or not is_word(value):
        return False
    if named.by("cell"):
        return _is_pair(text, at + len(value), named)
    if named.by("blank"):
        return _is_series(text, at) or _is_argument(text, at + len(value), named)
    if named.by("tag"):
        return text.startswith("</", at + len(value))
    if named.by("entry"):
        return True
    name = named.start, named.found.start("close")
    sign = named.found["set"]
    return bool(sign) and _is_set_to(text, name, sign, (at, at + len(value)))


def _is_code_number(text: str, at: int, value: str, named: _Name) -> bool:
    """Return whether digits alone are a PIN, a passcode or a code for once."""
    name = named.telling.name.lower()
    is_code = named.telling.strength is Strength.PASSWORD or name.endswith("otp")
    if not is_code or name.endswith("s") or not _CODE_NUMBER.fullmatch(value):
        return False
    if named.by("cell"):
        return _is_pair(text, at + len(value), named)
    is_pin = name.endswith(("pin", "code", "otp"))
    is_led = is_pin or _LEAD.fullmatch(named.line)
    return bool(is_led) and named.by("set", "says", "entry", "typed")


def _is_pair(text: str, end: int, named: _Name) -> bool:
    """Return whether a row of a table is a name and its value, and no head."""
    after = text[end : end + _NEAR].split("\n")
    is_head = len(after) > 1 and bool(_HEAD_RULE.match(after[1]))
    before = named.line.strip(_FRAME)
    is_named_whole = all(mark.isalnum() or mark in " _." for mark in before)
    return is_named_whole and not is_head and not after[0].strip(_FRAME)


def _expressed(text: str, at: int, named: _Name) -> Iterator[Span]:
    for joined in strings(text, at):
        strength = named.telling.strength
        if joined.role is Role.ARGUMENT:
            strength = Strength.HINT
        elif strength is Strength.PASSWORD and not _is_certain(text, named, joined):
            strength = Strength.SECRET
        if "cookie" in named.telling.name.lower():
            for piece in joined.pieces:
                yield from _cookies(text, piece.start("value"), named)
        yield from _quoted(text, joined, named.telling.kind, strength)


def _is_certain(text: str, named: _Name, joined: Joined) -> bool:
    """Return whether a text behind a password's name is one, be it a plain word."""
    value = joined.pieces[0]["value"]
    if named.says_to:
        return is_odd(value)
    if named.by("comma"):
        return len(value) > 5 and is_odd(value) and value.isalnum()
    if named.by("cell"):
        return is_word(value) and _is_pair(text, joined.pieces[-1].end(), named)
    if joined.role is not Role.KEYED:
        return True
    is_of_many = named.telling.name[-1:] in "sS" or joined.key.isdigit()
    return (is_of_many or joined.key.lower() in _VALUE_KEYS) and is_word(value)


def _quoted(text: str, joined: Joined, kind: str, strength: Strength) -> Iterator[Span]:
    places = []
    for piece in joined.pieces:
        start, end = piece.span("value")
        if "f" in piece["open"].lower() and "{" in piece["value"]:
            # What looks random in an f-string, beside its expressions.
            for part in _LITERAL.finditer(piece["value"]):
                if looks_random(part[0].lstrip("-_./: ")):
                    yield Span(start + part.start(), start + part.end(), kind)
            continue
        if text[start] in ",;:)]} ":
            continue  # the quote that ends a text, such as `"Password:"`
        places.append((_after_scheme(text, start, end), end))
    whole = "".join(text[start:end] for start, end in places)
    if is_secret(whole, strength, bare=False, code=False):
        yield from (Span(start, end, kind) for start, end in places if end - start >= 4)


def _after_scheme(text: str, at: int, end: int) -> int:
    scheme = _SCHEME.match(text, at, end)
    return scheme.end() if scheme else at


def _may_be_blank(text: str, named: _Name) -> bool:
    """Return whether a name and a value with only blanks between belong together."""
    if text[named.start] in "-$":
        return text.startswith("--", named.start)
    if named.is_told_to or not _SETTERS.isdisjoint(named.line.lower().split()[-2:]):
        return True
    is_sure = named.telling.strength is not Strength.HINT
    if (_LONG_HEX if is_sure else _RANDOM).match(text, named.found.end()):
        return True
    # A Series or a list of settings: the name begins the line and a column follows.
    return not named.line.strip(" \t|") and len(named.found["blank"]) >= 2


def _is_argument(text: str, end: int, named: _Name) -> bool:
    """Return whether a word is that of an option or of a setter, and of no prose."""
    before = named.line.strip()
    is_option = text.startswith("-", named.start) and (
        bool(before) or text.startswith("--", named.start)
    )
    is_set = before.startswith("%") and before.lower() in _SETTERS
    rest = text[end : end + _NEAR].partition("\n")[0]
    return (is_option or is_set) and bool(_ARGUMENT_END.match(rest))


def _is_series(text: str, at: int) -> bool:
    """Return whether a place is in a Series as pandas prints it."""
    end = text.find("\n\n", at, at + 4000)
    return bool(_SERIES.search(text, at, end if end >= 0 else at + 4000))


def _is_code(text: str, named: _Name) -> bool:
    """Return whether a value without quotes is an expression of a program."""
    if text[named.start] == "-" or named.by("blank", "tag", "cell"):
        return False
    if text[named.start - 1 : named.start] in ("?", "&") or named.is_environment:
        return False
    return named.by("typed") or "=" in (named.found["set"] or "")


_NAMES = re.compile(
    r"(?m)(?:^|(?<=[;:]))[ \t]*(?P<names>[^\W\d][\w.]{0,60}"
    r"(?:[ \t]*,[ \t]*[^\W\d][\w.]{0,60}){1,12})[ \t]*=(?!=)[ \t]*[(\[]?\s{0,20}"
)
_OTHER = re.compile(r"[^\s,;\"'()\[\]{}]{1,80}(?:\([^()\n]{0,80}\))?")
_COMMA = re.compile(r"[ \t]*,\s{0,20}")


def several_secrets(passage: Passage) -> Iterator[Span]:
    """Yield the strings that telling names get which are assigned with others."""
    text = passage.text
    for found in _NAMES.finditer(passage.masked) if passage.names else ():
        names = text[slice(*found.span("names"))].split(",")
        told = [told_by(name.strip().rpartition(".")[2]) for name in names]
        comma: re.Match[str] | None = found
        for telling in told if any(told) else ():
            quoted = QUOTED.match(text, comma.end()) if comma else None
            value = quoted or (comma and _OTHER.match(text, comma.end()))
            if value is None:
                break
            if quoted and telling and is_written_secret(quoted["value"], telling):
                yield Span(*quoted.span("value"), telling.kind)
            comma = _COMMA.match(text, value.end())
