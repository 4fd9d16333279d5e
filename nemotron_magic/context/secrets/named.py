"""Secrets known by the name or column they stand behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from nemotron_magic.context.secrets import pattern, rows, values, words
from nemotron_magic.context.secrets.expressions import QUOTED, Joined, strings
from nemotron_magic.context.secrets.values import Passage, Place, Span, Telling

_LEAD = re.compile(r"[ \t]*(?:(?:[-*>]|\d{1,2}[.)])[ \t]+)?-?")
_SETTINGS = [
    (sign, re.compile(before, re.IGNORECASE), re.compile(after))
    for sign, before, after in rows("settings", 3)
]
_LINE_END, _ARGUMENT_END = _SETTINGS[0][2], _SETTINGS[-1][2]
_ASSIGNS = re.compile(r"[ \t]*(?:[\w.-]{1,80}[ \t]*[=:][^\n(]{0,200}|[#;][^\n]*)?\r?$")
_SETTING = pattern("setting")
_FARTHEST = 1000
_NEAR = 200

# The name's rest, what closes it, then what leads to a value. On small letters.
_WAYS = "|".join(f"(?P<{way}>{form})" for way, form in rows("ways", 2))
_NAMED = re.compile(
    values.KEYWORD
    + r"""[a-z0-9_\u00b5-\u04ff-]{0,40}+(?P<close>(?:\\*["'`])?[\])*]{0,3}+)"""
    + f"(?:{_WAYS})"
)
# Up to an equals sign, as another name may stand before it; padding belongs to it.
_BARE = re.compile(r"""[^\s"'`,;)}\]<>|&=]{1,200}+={0,2}""")
_REST = re.compile(r"""[^\s"'`,;)}\]<>|&]*+""")
_PHRASE = re.compile(r"[a-z]+(?: [a-z]+){3,8}(?=[ \t]*(?:#|\n|$))")
_NAME_BEFORE = re.compile(r"[\w$.-]*\Z")
_OWNER = re.compile(r"(?<![^\W_])[a-z]{2,12}[ ]$")
_SETTERS = words("setters")
_SPOKEN_SETTERS = words("spoken_setters")
_TAGS = ("<", 'name="', "name='", ' key="', " key='")  # it has the name, or in it
_LONGEST_LIST = 1000
_FRAME = " \t\r|│┆\"'`*,"


class _Name(NamedTuple):
    """A telling name in a text, and what stands between it and its value."""

    text: str
    telling: Telling
    called: str  # in small letters
    start: int
    line: str  # what stands before the name on its line
    way: str  # in which the value follows: a group of the form
    lead: str  # what leads to it
    at: int  # where it begins
    says_to: bool  # "to" leads to it, which prose has before any other word
    is_environment: bool  # of a variable that is set, as in `DB_PASS=letmein`

    def is_behind(self, setters: frozenset[str]) -> bool:
        return not setters.isdisjoint(self.line.lower().split()[-2:])


def named_secrets(passage: Passage) -> Iterator[Span]:
    """Yield the values that stand behind a telling name."""
    at = 0
    for place in passage.names:
        found = _NAMED.match(passage.masked, place) if place >= at else None
        if found is None:
            continue
        name = _name(passage, found)
        # Where this one tells nothing, the next may begin within what led to its value.
        at = found.end() if name else found.end("close")
        for start, end in _values(name) if name else ():
            at = max(at, end)
            if name and not name.telling.names_thing(passage.text[start:end]):
                yield Span(start, end, name.telling.kind)


def _name(passage: Passage, found: re.Match[str]) -> _Name | None:
    """Return the name of which a part was found, if it tells anything."""
    text, lowered, place = passage.text, passage.masked, found.start()
    before = _NAME_BEFORE.findall(lowered[max(0, place - 40) : place])
    start, end = place - len(before[0]), found.start("close")
    written = text[start:end].strip("-$.").rpartition(".")[2]
    telling = values.told_by(written)
    owner = _OWNER.search(lowered[max(0, start - 20) : start])
    if telling and telling.strength is values.Strength.HINT and owner:
        # Of an "API key" or a "secret key" only the last word was found.
        telling = values.told_by(f"{owner[0]}{written}") or telling
    if telling is None:
        return None
    way, called = str(found.lastgroup), telling.name.lower()
    lead, at = found[way], found.end()
    line = text[max(0, start - _NEAR) : start].rpartition("\n")[2]
    says_to = way == "says" and lead.strip().startswith("to")
    is_set = lead == "=" and text[start:end].isupper()
    return _Name(text, telling, called, start, line, way, lead, at, says_to, is_set)


def _values(name: _Name) -> Iterator[Place]:
    text, at = name.text, name.at
    is_apart = name.way == "tag" and not name.line.endswith(_TAGS)
    if is_apart or (name.way == "blank" and not _may_be_blank(name)):
        return
    if name.way == "below":
        yield from _below(name)
    elif text[at : at + 1] in ("[", "{", "(") or QUOTED.match(text, at):
        yield from _expressed(name)
    else:
        if "cookie" in name.called:
            yield from _cookies(text, at)
        bare = list(_bare(name, _after_scheme(text, at, len(text))))
        is_expression = not bare and name.way in ("set", "typed")
        yield from _expressed(name) if is_expression else bare


def _below(name: _Name) -> Iterator[Place]:
    """Yield what stands alone on the next line, or in the list that begins there."""
    may_be_odd = name.telling.is_password and (":" in name.lead or "：" in name.lead)
    at = name.at
    for _ in range(_LONGEST_LIST):
        found = pattern("alone").match(name.text, at)
        if found is None:
            return
        value = found["value"]
        is_one = values.looks_random(value, 16) or (may_be_odd and values.is_odd(value))
        if is_one and values.is_secret(value, name.telling.strength, bare=True):
            yield found.span("value")
        if not found["dash"]:
            return
        at = found.end()


def _cookies(text: str, at: int) -> Iterator[Place]:
    while found := pattern("cookie").match(text, at):
        if values.looks_random(found["value"], 16):
            yield found.span("value")
        at = found.end()


def _bare(name: _Name, at: int) -> Iterator[Place]:
    phrase = _PHRASE.match(name.text, at) if "phrase" in name.called else None
    if phrase and name.way == "set" and not values.is_placeholder(phrase[0]):
        yield phrase.span()
    elif found := _BARE.match(name.text, at):
        value = re.sub(r"\\[rn].*", "", found[0]).rstrip(".:")
        end = at + len(value)
        if _is_bare_secret(name, value, at, end):
            rest = _REST.match(name.text, end)
            yield at, rest.end() if rest and rest[0].strip(".:") else end


def _is_bare_secret(name: _Name, value: str, at: int, end: int) -> bool:
    text, way, strength = name.text, name.way, name.telling.strength
    sign = name.lead if way == "set" else ""
    is_folder = name.called in ("pwd", "oldpwd") and value[0] in "/~"
    if is_folder or sign.strip() in ("==", "!="):
        return False
    if values.is_secret(value, strength, bare=True, code=_is_code(name)):
        is_prose = name.says_to or (way == "blank" and name.is_behind(_SPOKEN_SETTERS))
        return values.is_odd(value) or not is_prose
    if name.is_environment and values.is_set_secret(value, strength):
        return True
    if re.fullmatch(r"\d{4,12}", value):
        return _is_code_number(name, end)
    if not name.telling.is_password or not values.is_word(value):
        return False
    if way == "cell":
        return _is_pair(name, end)
    if way == "blank":
        below = text[at : at + 4000].partition("\n\n")[0]
        is_series = re.search(r"(?m)^(?:[^\n]*, )?dtype: (?:object|str)", below)
        return bool(is_series) or _is_argument(name, end)
    if way == "tag":
        return text.startswith("</", end)
    return way == "entry" or (bool(sign) and _is_set_to(name, sign, at, end))


def _is_code_number(name: _Name, end: int) -> bool:
    """Return whether digits alone are a PIN, a passcode or a one-time code."""
    called = name.called
    if not (name.telling.is_password or called.endswith("otp")) or called[-1] == "s":
        return False
    if name.way == "cell":
        return _is_pair(name, end)
    is_led = called.endswith(("pin", "code", "otp")) or _LEAD.fullmatch(name.line)
    return bool(is_led) and name.way in ("set", "says", "entry", "typed")


def _is_pair(name: _Name, end: int) -> bool:
    """Return whether a row of a table is a name and its value, and no head."""
    rest, _, below = name.text[end : end + _NEAR].partition("\n")
    before = name.line.strip(_FRAME)
    is_named_whole = all(mark.isalnum() or mark in " _." for mark in before)
    is_head = re.match(r"[ \t|│┆+]*[-:=─═┼╪]{3}", below)
    return is_named_whole and not is_head and not rest.strip(_FRAME)


def _is_argument(name: _Name, end: int) -> bool:
    """Return whether a word is that of an option or of a setter, and of no prose."""
    before = name.line.strip()
    dashes = name.text[name.start : name.start + 2]
    is_option = dashes == "--" or (dashes[:1] == "-" and bool(before))
    is_set = before.startswith("%") and before.lower() in _SETTERS
    rest = name.text[end : end + _NEAR].partition("\n")[0]
    return (is_option or is_set) and bool(_ARGUMENT_END.match(rest))


def _is_code(name: _Name) -> bool:
    """Return whether a value without quotes is an expression of a program."""
    before, first = name.text[name.start - 1 : name.start], name.text[name.start]
    if first == "-" or before in ("?", "&") or name.is_environment:
        return False
    return name.way == "typed" or (name.way == "set" and "=" in name.lead)


def _may_be_blank(name: _Name) -> bool:
    """Return whether a name and a value with only blanks between belong together."""
    if name.text[name.start] in "-$":
        return name.text.startswith("--", name.start)
    if name.is_behind(_SPOKEN_SETTERS | _SETTERS):
        return True
    is_hint = name.telling.strength is values.Strength.HINT
    form = pattern("random_word" if is_hint else "long_hex")
    # A Series or a list of settings: the name begins the line and a column follows.
    is_column = not name.line.strip(" \t|") and len(name.lead) >= 2
    return is_column or bool(form.match(name.text, name.at))


def _is_set_to(name: _Name, sign: str, at: int, end: int) -> bool:
    """Return whether the text sets a name to a word, as files of settings do."""
    text, line = name.text, name.start - len(name.line)
    before = name.line + "-" * (text[name.start] == "-")
    after = text[end : end + _NEAR].partition("\n")[0]
    sign, is_parted = sign.partition("!!")[0], sign != "="
    for one, form_before, form_after in _SETTINGS:
        is_sign = one == (sign.strip()[-1:] if one == ":" else sign)
        if is_sign and form_before.fullmatch(before) and form_after.match(after):
            return True
    is_alone = _LEAD.fullmatch(before) and _LINE_END.match(after)
    if sign.strip() != "=" or not is_alone:
        return False
    near = text[max(0, at - _FARTHEST) : end + _FARTHEST]
    # The name of a variable of a program stands near by once more.
    is_once = near.count(text[at:end]) == 1
    is_of_digits = re.fullmatch(r"(?!pass|pw|sec)[a-z]{5,30}\d{1,4}", text[at:end])
    if is_once and (not is_parted or is_of_digits):
        return True
    # Else the line has to be one of a file of settings and not of a program.
    for one in reversed(text[max(0, line - _FARTHEST) : line].splitlines()):
        if _SETTING.fullmatch(one):
            return True
        if not _ASSIGNS.match(one):
            break
    return any(map(_SETTING.fullmatch, text[line : line + _NEAR].split("\n")[1:2]))


def _expressed(name: _Name) -> Iterator[Place]:
    for joined in strings(name.text, name.at):
        strength = name.telling.strength
        if joined.is_argument:
            strength = values.Strength.HINT
        elif name.telling.is_password and not _is_certain(name, joined):
            strength = values.Strength.SECRET
        places = []
        for piece in joined.pieces:
            start, end = piece.span("value")
            if "cookie" in name.called:
                yield from _cookies(name.text, start)
            if "f" in piece["open"].lower() and "{" in piece["value"]:
                # What looks random in an f-string, beside its expressions.
                for part in re.finditer(r"(?:^|(?<=\}))[^{}]+", piece["value"]):
                    if values.looks_random(part[0].lstrip("-_./: ")):
                        yield start + part.start(), start + part.end()
            elif name.text[start] not in ",;:)]} ":
                # Not the quote that ends a text, such as `"Password:"`.
                places.append((_after_scheme(name.text, start, end), end))
        whole = "".join(name.text[slice(*one)] for one in places)
        if values.is_secret(whole, strength):
            yield from ((start, end) for start, end in places if end - start >= 4)


def _is_certain(name: _Name, joined: Joined) -> bool:
    """Return whether a string behind a password's name is one, even a plain word."""
    value = joined.pieces[0]["value"]
    if name.says_to:
        return values.is_odd(value)
    if name.way == "comma":
        return len(value) > 5 and values.is_odd(value) and value.isalnum()
    if name.way == "cell":
        return values.is_word(value) and _is_pair(name, joined.pieces[-1].end())
    if joined.key is None:
        return True
    is_of_many = name.called[-1:] == "s" or joined.key.isdigit()
    is_value = is_of_many or joined.key.lower() in words("value_keys")
    return is_value and values.is_word(value)


def _after_scheme(text: str, at: int, end: int) -> int:
    scheme = pattern("scheme").match(text, at, end)
    return scheme.end() if scheme else at


_OTHER = re.compile(r"[^\s,;\"'()\[\]{}]{1,80}(?:\([^()\n]{0,80}\))?")
_COMMA = re.compile(r"[ \t]*,\s{0,20}")


def several_secrets(passage: Passage) -> Iterator[Span]:
    """Yield the strings assigned to telling names, as in `user, pw = "a", "b"`."""
    text = passage.text
    for found in pattern("names").finditer(passage.masked) if passage.names else ():
        names = text[slice(*found.span("names"))].split(",")
        meant = [values.told_by(name.strip().rpartition(".")[2]) for name in names]
        at = found.end()
        for telling in meant if any(meant) else ():
            quoted = QUOTED.match(text, at)
            value = quoted or _OTHER.match(text, at)
            if quoted and telling and telling.announces(quoted["value"]):
                yield Span(*quoted.span("value"), telling.kind)
            comma = value and _COMMA.match(text, value.end())
            if comma is None:
                break
            at = comma.end()
