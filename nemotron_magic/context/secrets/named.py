"""Secrets that stand behind a name: in code, JSON, YAML, shells, headers and reprs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nemotron_magic.context.secrets.expressions import QUOTED, Joined, Role, strings
from nemotron_magic.context.secrets.settings import is_set_to
from nemotron_magic.context.secrets.spans import Span
from nemotron_magic.context.secrets.telling import KEYWORD, strength_of
from nemotron_magic.context.secrets.values import (
    Strength,
    is_odd,
    is_placeholder,
    is_secret,
    is_set_secret,
    is_word,
    looks_random,
)

__all__ = ["kind_of", "named_secrets"]

# The name's rest, what closes it, then what leads to a value. On small letters.
_NAMED = re.compile(
    KEYWORD
    + r"""[a-z0-9_\u00b5-\u04ff-]{0,40}+(?P<close>(?:\\*["'`])?[\])*]{0,3}+)
    (?:
      (?P<entry>[ \t]*\n[ \t]*value:[ \t]+)
      | (?P<below>(?:[ \t][^\n=|{}\[\]"'<>]{0,60}:)?[ \t:：*=]*+\n
        (?:[ \t]*+[-=─~`]{0,80}+[ \t]*+\n){0,2}(?=[^\n]))
      | (?P<typed>[ \t]*:[ \t]*[a-z][\w.\[\]| ,]{0,40}?=[ \t]*(?=[^\s=,;}\])]))
      | (?P<set>[ \t]*(?:\([^()\n]{1,60}\)[ \t]*)?
        (?:[ \t](?:for|of|de|von|für|pour|di)[ \t]+[\w.@-]{1,40}[ \t]*(?=:))?
        (?:=["'][ \t]*\+(?=[ \t]*["'])|=>|:=|==|!=|<-|=|:|：|＝|→)[ \t]*
        (?:\*\*?[ \t]*)?(?:!![a-z/]{1,20}[ \t]+)?)
      | (?P<pair>(?:[ \t]+[\w-]{1,20}="[^"\n<>]{0,60}")?,?[ \t]*["']?
        (?:(?:default_)?value|content)["']?[ \t]*[:=][ \t]*)
      | (?P<comma>[ \t]*,[ \t]*)
        (?=\\*["'](?![^"'\\\n]{0,200}\\*["'][ \t]*,[ \t]*\\*[\n"']))
      | (?P<says>(?:[ \t](?:for|of|de|von|für|pour|di)[ \t]+[\w.@-]{1,40})?
        (?:[ \t]+(?:(?:is|was|ist|lautet|est|es|è|é)(?:[ \t]*:)?|provided:
        |used:|[-–—])|[ \t]*[是为為は]:?)[ \t]+|[是为為は]:?(?=[!-~]))
      | (?P<tag>>)
      | (?P<cell>[ \t]*[|│┆\t][ \t]*\*{0,2})
      | (?P<blank>[ \t]+)(?=[^\s=:,|&><][^\s,]{3})
    )""",
    re.VERBOSE,
)
# Up to an equals sign, as another name may stand before it; padding belongs to it.
_BARE = re.compile(r"""[^\s"'`,;)}\]<>|&=]{1,200}+={0,2}""")
_REST = re.compile(r"""[^\s"'`,;)}\]<>|&]*+""")
_ALONE = re.compile(
    r"""[ \t]*+(?P<dash>[-*][ \t]+)?["'`]?(?P<value>[^\s"'`]{6,400}+)["'`]?"""
    r"""[,.]?[ \t]*(?:\n|$)"""
)
_PHRASE = re.compile(r"[a-z]+(?: [a-z]+){3,8}(?=[ \t]*(?:#|\n|$))")
_COOKIE = re.compile(
    r"""[\w.-]{1,80}=["']?(?P<value>[^;\s"',]{6,4000}+)["']?[;, \t]*"""
)
_SCHEME = re.compile(
    r"(?:bearer|basic|token|apikey|api-key|key|digest|negotiate|bot|sso-key)[ \t]+"
    r"|secretstr\(",
    re.IGNORECASE,
)
_OWNER = re.compile(r"(?<![^\W_])[a-z]{2,12}[ ]$")
_RANDOM = re.compile(r"(?=\w*[g-zG-Z])(?=\w*\d)\w{24,200}(?=\s|$)", re.ASCII)
_SETTERS = {"set_env", "setx", "set", "login", "%set_env", "%env"}
_ARGUMENT_END = re.compile(
    r"[ \t]*(?:\\?(?:\n|$)|[|;&#\"'`)]|-)|[ \t]+[\w./-]+[ \t]*(?:\n|$)"
)
_SPOKEN_SETTERS = {"user", "by", "with"}
_SERIES = re.compile(r"(?m)^(?:[^\n]*, )?dtype: (?:object|str|string)")
_LITERAL = re.compile(r"(?:^|(?<=\}))[^{}]+")
_FOLDERS = {"pwd", "oldpwd"}
_LONGEST_LIST = 1000


@dataclass(frozen=True, slots=True)
class _Name:
    """A telling name in a text, and what stands between it and its value."""

    name: str
    strength: Strength
    start: int
    found: re.Match[str]

    @property
    def kind(self) -> str:
        return kind_of(self.name.lower())

    def by(self, *ways: str) -> bool:
        """Return whether the value follows in one of these ways, groups of the form."""
        return any(self.found[way] is not None for way in ways)


def named_secrets(text: str, lowered: str) -> Iterator[Span]:
    """Yield the values that stand behind a telling name."""
    at = 0
    while found := _NAMED.search(lowered, at):
        at = found.end()
        start = _start(lowered, found)
        name = text[start : found.start("close")].strip("-$.").rpartition(".")[2]
        strength = strength_of(name)
        if strength is Strength.HINT and (owner := _owner(lowered, start)):
            # Of an "API key" or a "secret key" only the last word was found.
            strength = strength_of(f"{owner[0]}{name}") or strength
        if strength is None:
            # The next name may begin within what led to a value of this one.
            at = found.end("close")
            continue
        named = _Name(name, strength, start, found)
        for span in _values(text, named):
            at = max(at, span.end)
            yield span


def _owner(lowered: str, start: int) -> re.Match[str] | None:
    return _OWNER.search(lowered[max(0, start - 20) : start])


def _start(lowered: str, found: re.Match[str]) -> int:
    start, first = found.start(), max(0, found.start() - 40)
    while start > first and (
        lowered[start - 1].isalnum() or lowered[start - 1] in "_-$."
    ):
        start -= 1
    return start


def _values(text: str, named: _Name) -> Iterator[Span]:
    at = named.found.end()
    if named.by("below"):
        yield from _below(text, at, named)
    elif (named.by("tag") and not _is_tag(text, named)) or (
        named.by("blank") and not _may_be_blank(text, named)
    ):
        return
    elif text[at : at + 1] in ("[", "{", "(") or QUOTED.match(text, at):
        yield from _expressed(text, at, named)
    else:
        if "cookie" in named.name.lower():
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
            announced and named.strength is Strength.PASSWORD and is_odd(value)
        )
        if is_one and is_secret(value, named.strength, bare=True, code=False):
            yield Span(*found.span("value"), named.kind)
        if not found["dash"]:
            return
        at = found.end()


def _cookies(text: str, at: int, named: _Name) -> Iterator[Span]:
    while found := _COOKIE.match(text, at):
        if looks_random(found["value"], 16):
            yield Span(*found.span("value"), named.kind)
        at = found.end()


def _bare(text: str, at: int, named: _Name) -> Iterator[Span]:
    if named.strength is Strength.PASSWORD and named.by("set"):
        phrase = _PHRASE.match(text, at)
        if phrase and "phrase" in named.name.lower() and not is_placeholder(phrase[0]):
            yield Span(*phrase.span(), named.kind)
            return
    found = _BARE.match(text, at)
    if found is None:
        return
    value = found[0].rstrip(".:")
    if _is_bare_secret(text, at, value, named):
        rest = _REST.match(text, at + len(value))
        end = rest.end() if rest and rest[0].strip(".:") else at + len(value)
        yield Span(at, end, named.kind)


def _is_bare_secret(text: str, at: int, value: str, named: _Name) -> bool:
    if named.name.lower() in _FOLDERS and value[0] in "/~":
        return False
    if (named.found["set"] or "").strip() in ("==", "!="):
        return False
    code = _is_code(text, named)
    if is_secret(value, named.strength, bare=True, code=code):
        return not _is_spoken(text, named) or is_odd(value)
    if _is_environment(text, named) and is_set_secret(value, named.strength):
        return True
    if named.strength is not Strength.PASSWORD or not is_word(value):
        return False
    if named.by("blank"):
        return _is_series(text, at) or _is_argument(text, at + len(value), named)
    if named.by("tag"):
        return text.startswith("</", at + len(value))
    if named.by("entry"):
        return True
    name = named.start, named.found.start("close")
    sign = named.found["set"]
    return bool(sign) and is_set_to(text, name, sign, (at, at + len(value)))


def _expressed(text: str, at: int, named: _Name) -> Iterator[Span]:
    for joined in strings(text, at):
        strength = named.strength
        if joined.role is Role.ARGUMENT:
            strength = Strength.HINT
        elif strength is Strength.PASSWORD and (
            (joined.role is Role.KEYED and not _is_word_of_many(named, joined))
            or named.by("comma", "cell")
        ):
            strength = Strength.SECRET
        if "cookie" in named.name.lower():
            for piece in joined.pieces:
                yield from _cookies(text, piece.start("value"), named)
        yield from _quoted(text, joined, named.kind, strength)


def _is_word_of_many(named: _Name, joined: Joined) -> bool:
    """Return whether a word may be one of the passwords in a dict of some."""
    return named.name.endswith("s") and is_word(joined.pieces[0]["value"])


def _quoted(text: str, joined: Joined, kind: str, strength: Strength) -> Iterator[Span]:
    places = []
    for piece in joined.pieces:
        start, end = piece.span("value")
        if "f" in piece["open"].lower() and "{" in piece["value"]:
            yield from _literal(piece, kind)
            continue
        if text[start] in ",;:)]} ":
            continue  # the quote that ends a text, such as `"Password:"`
        places.append((_after_scheme(text, start, end), end))
    whole = "".join(text[start:end] for start, end in places)
    if is_secret(whole, strength, bare=False, code=False):
        yield from (Span(start, end, kind) for start, end in places if end - start >= 4)


def _literal(piece: re.Match[str], kind: str) -> Iterator[Span]:
    """Yield what looks random in an f-string, beside its expressions."""
    for part in _LITERAL.finditer(piece["value"]):
        if looks_random(part[0].lstrip("-_./: ")):
            start = piece.start("value") + part.start()
            yield Span(start, start + len(part[0]), kind)


def _after_scheme(text: str, at: int, end: int) -> int:
    scheme = _SCHEME.match(text, at, end)
    return scheme.end() if scheme else at


def _line(text: str, named: _Name) -> str:
    """Return what stands before a name on its line."""
    return text[max(0, named.start - 80) : named.start].rpartition("\n")[2]


def _may_be_blank(text: str, named: _Name) -> bool:
    """Return whether a name and a value with only blanks between belong together."""
    if text[named.start] in "-$":
        return text.startswith("--", named.start)
    before = _line(text, named)
    if not (_SETTERS | _SPOKEN_SETTERS).isdisjoint(before.lower().split()[-2:]):
        return True
    if not before.strip() and _RANDOM.match(text, named.found.end()):
        return True
    # A Series or a list of settings: the name begins the line and a column follows.
    return not before.strip(" \t|") and len(named.found["blank"]) >= 2


def _is_tag(text: str, named: _Name) -> bool:
    """Return whether a tag has the name, or names by it what it holds."""
    before = text[max(0, named.start - 6) : named.start]
    return before.endswith(("<", 'name="', "name='", ' key="', " key='"))


def _is_argument(text: str, end: int, named: _Name) -> bool:
    """Return whether a word is that of an option or of a setter, and of no prose."""
    before = _line(text, named).strip()
    is_option = text[named.start] == "-" and bool(before)
    is_set = before.startswith("%") and before.lower() in _SETTERS
    return (is_option or is_set) and bool(_ARGUMENT_END.match(text, end))


def _is_spoken(text: str, named: _Name) -> bool:
    """Return whether only words of prose say that a value follows."""
    return named.by("blank") and not _SPOKEN_SETTERS.isdisjoint(
        _line(text, named).lower().split()[-2:]
    )


def _is_series(text: str, at: int) -> bool:
    """Return whether a place is in a Series as pandas prints it."""
    end = text.find("\n\n", at, at + 4000)
    return bool(_SERIES.search(text, at, end if end >= 0 else at + 4000))


def _is_code(text: str, named: _Name) -> bool:
    """Return whether a value without quotes is an expression of a program."""
    if text[named.start] == "-" or named.by("blank", "tag", "cell"):
        return False
    if text[named.start - 1 : named.start] in ("?", "&") or _is_environment(
        text, named
    ):
        return False
    return named.by("typed") or "=" in (named.found["set"] or "")


def _is_environment(text: str, named: _Name) -> bool:
    """Return whether a variable of the environment is set, as in `DB_PASS=letmein`."""
    name = text[named.start : named.found.start("close")]
    return name.isupper() and named.found["set"] == "="


def kind_of(name: str) -> str:
    """Return what a value of this name is called in its placeholder."""
    if strength_of(name) is Strength.PASSWORD:
        return "password"
    return next((w for w in ("token", "secret", "key") if w in name), "credential")
