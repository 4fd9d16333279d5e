"""Secrets that stand behind a name: in code, JSON, YAML, shells, headers and reprs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nemotron_magic.context.secrets.spans import Span
from nemotron_magic.context.secrets.values import Strength, is_secret, is_set_secret

__all__ = ["kind_of", "named_secrets", "strength_of"]

_KEYWORD = (
    r"(?:passw|passphrase|pwd|pass|secret|token|key|credential|auth|dsn|conn_?str"
    r"|connection_?string|connection string|signature|cookie|session_?id|bearer|webhook"
    r"|sig|pw(?![a-z]))"
)
# The name's rest, what closes it, then what leads to a value. On small letters.
_NAMED = re.compile(
    _KEYWORD
    + r"""[\w-]{0,40}+(?P<close>(?:\\*["'`])?[\])*]{0,3}+)
    (?:
      (?P<typed>[ \t]*:[ \t]*[a-z][\w.\[\]| ,]{0,40}?=[ \t]*)
      | (?P<set>[ \t]*(?:=>|:=|==|!=|=|:)[ \t]*\(?)
      | (?P<pair>,?[ \t]*["']?(?:default_)?value["']?[ \t]*[:=][ \t]*)
      | (?P<comma>[ \t]*,[ \t]*)(?=\\*["'])
      | (?P<says>[ \t]+(?:(?:is|was)(?:[ \t]*:)?|provided:|used:)[ \t]+)
      | (?P<tag>>)
      | (?P<blank>[ \t]+)(?=[^\s=:,|&><][^\s,]{3})
    )""",
    re.VERBOSE,
)
_QUOTED = re.compile(
    r"""(?P<open>(?:[rbfu]{1,2})?(?P<quote>\\*(?:\"\"\"|'''|["'`])))"""
    r"""(?P<value>[^"'`\\\n]*+(?:(?!(?P=quote))(?:\\.|\\(?!.)|["'`])[^"'`\\\n]*+)*)"""
    r"""(?P=quote)"""
)
# Up to an equals sign, as another name may stand before it; padding belongs to it.
_BARE = re.compile(r"""[^\s"'`,;)}\]<>|&=]{1,200}+={0,2}""")
_REST = re.compile(r"""[^\s"'`,;)}\]<>|&]*+""")
_SCHEME = re.compile(
    r"(?:bearer|basic|token|apikey|api-key|key|digest|negotiate|bot|sso-key)[ \t]+"
    r"|secretstr\(",
    re.IGNORECASE,
)
_LISTED = re.compile(r"""[ \t]*,?[ \t]*\n?[ \t]*(?:\d{1,9}[ \t]*:[ \t]*)?(?=["'])""")
_NAME_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$."
_SETTERS = {"set_env", "setx", "set", "login", "user", "by", "with", "%set_env"}
_LONGEST_LIST = 1000

_PASSWORDS = {"password", "passwd", "passphrase", "pwd", "pw", "pass", "passcode"}
_SECRETS = {"secret", "credential", "credentials", "dsn", "apikey", "authorization"}
_PLAIN = re.compile(
    r"(?:^|_)(?:pad|eos|bos|unk|mask|sep|cls|special|next|prev|max|min|num|n|total|new"
    r"|per|all|first|last|stop|start|end|image|input|output|prompt|completion|cached"
    r"|primary|foreign|sort|group|cache|partition|object|dict|row|index|join|merge|col"
    r"|column|public|lookup|by|on|idempotency|no|has|is|reset|forgot|show|random|prng"
    r"|subkey|natural|surrogate|hash|bucket|page|continuation)_(?:key|token)s?(?:$|_)"
    r"|token(?:s$|s_|ize|ise|_ids?$|_type)|keyword|^keys$|_keys$|^author|^passeng|^passi"
    r"|compass|bypass|passed|monkey|hotkey|keyboard|secretar|authenti(?!cation_token)"
    r"|author(?!ization)|keyerror|turkey|whiskey|jockey|donkey|keycode|keystone|passport"
)
_ASIDE = re.compile(
    r"_(?:name|url|uri|path|file|type|count|len|length|field|col|column|expir\w*|ttl"
    r"|size|limit|usage|rate|policy|prompt|env|var|scopes?|endpoint|label|hint|index|dir"
    r"|manager|func|function|class|format|list|dict|map|set|error|version|version_id"
    r"|user|at|required|enabled|method|mode|arn|strength|reset|changed|provider|header"
    r"|prefix|suffix|position|offset|str|text|freq|ratio|score|prob|level|logprobs?)$"
)


def strength_of(name: str) -> Strength | None:
    """Tell how much a name says about its value; None if it says nothing."""
    if _PLAIN.search(name) or _ASIDE.search(name):
        return None
    words = set(name.split("_"))
    if words & _PASSWORDS or re.search(r"passw(?:or)?d|passphrase|pwd$", name):
        return Strength.PASSWORD
    if words & _SECRETS or re.search(
        r"secret|(?:api|access|private|account|client|master|signing|encryption|service"
        r"|shared|subscription|license|app|application|admin|consumer|security|storage"
        r"|function|auth|refresh|bearer|bot|session|id|csrf|xsrf|push|personal|deploy"
        r"|ci|hf|hub|github|gitlab|slack|user|service)_?(?:key|token)"
        r"|key_id$|conn(?:ection)?_?str|connection string|_token$",
        name,
    ):
        return Strength.SECRET
    return Strength.HINT


@dataclass(frozen=True, slots=True)
class _Name:
    """A telling name in a text, and what stands between it and its value."""

    name: str
    strength: Strength
    start: int
    found: re.Match[str]

    def by(self, way: str) -> bool:
        """Tell whether the value follows in this way, a group of the pattern."""
        return self.found[way] is not None


def named_secrets(text: str, lowered: str) -> Iterator[Span]:
    """Give the values that stand behind a telling name."""
    at = 0
    strengths: dict[str, Strength | None] = {}
    while found := _NAMED.search(lowered, at):
        at = found.end()
        start = _start(lowered, found)
        name = _plain(lowered[start : found.start("close")])
        if name not in strengths:
            strengths[name] = strength_of(name)
        strength = strengths[name]
        if strength:
            for span in _values(text, _Name(name, strength, start, found)):
                at = max(at, span.end)
                yield span


def _start(lowered: str, found: re.Match[str]) -> int:
    before = lowered[max(0, found.start() - 40) : found.start()]
    return found.start() - len(before) + len(before.rstrip(_NAME_LETTERS))


def _plain(name: str) -> str:
    """Give the last part of a dotted name, its words parted by underscores."""
    last = name.strip("-$.").rpartition(".")[2]
    return last.replace("-", "_").replace(" ", "_")


def _values(text: str, named: _Name) -> Iterator[Span]:
    at = named.found.end()
    if named.by("blank") and not _may_be_blank(text, named):
        return
    if named.by("tag") and text[max(0, named.start - 1)] != "<":
        return
    if named.by("comma") and named.strength is Strength.PASSWORD:
        named = replace(named, strength=Strength.SECRET)
    if text[at : at + 1] in ("[", "{", "("):
        yield from _listed(text, at + 1, named)
    elif quoted := _QUOTED.match(text, at):
        yield from _quoted(text, quoted, named)
    else:
        yield from _bare(text, _after_scheme(text, at, len(text)), named)


def _bare(text: str, at: int, named: _Name) -> Iterator[Span]:
    found = _BARE.match(text, at)
    if found is None:
        return
    value = found[0].rstrip(".:")
    code = _is_code(text, named)
    is_one = is_secret(value, named.strength, bare=True, code=code)
    if is_one or (_is_setting(text, named) and is_set_secret(value, named.strength)):
        rest = _REST.match(text, at + len(value))
        end = rest.end() if rest and rest[0].strip(".:") else at + len(value)
        yield Span(at, end, kind_of(named.name))


def _quoted(text: str, quoted: re.Match[str], named: _Name) -> Iterator[Span]:
    start, end = quoted.span("value")
    if "f" in quoted["open"] and "{" in quoted["value"]:
        return
    if text[start] in ",;:)]} ":
        return  # the quote that ends a text, such as `"Password:"`
    start = _after_scheme(text, start, end)
    if is_secret(text[start:end], named.strength, bare=False, code=False):
        yield Span(start, end, kind_of(named.name))


def _listed(text: str, at: int, named: _Name) -> Iterator[Span]:
    """Give the secrets among the strings of a list, a tuple or a column as a dict."""
    for _ in range(_LONGEST_LIST):
        lead = _LISTED.match(text, at)
        quoted = _QUOTED.match(text, lead.end()) if lead else None
        if quoted is None:
            return
        yield from _quoted(text, quoted, named)
        at = quoted.end()


def _after_scheme(text: str, at: int, end: int) -> int:
    scheme = _SCHEME.match(text, at, end)
    return scheme.end() if scheme else at


def _may_be_blank(text: str, named: _Name) -> bool:
    """Tell whether a name and a value with only blanks between belong together."""
    if text[named.start] in "-$":
        return text.startswith("--", named.start)
    line = max(text.rfind("\n", 0, named.start) + 1, named.start - 80)
    before = text[line : named.start]
    if not _SETTERS.isdisjoint(before.lower().split()[-2:]):
        return True
    # A Series or a list of settings: the name begins the line and a column follows.
    return not before.strip(" \t|") and len(named.found["blank"]) >= 2


def _is_code(text: str, named: _Name) -> bool:
    """Tell whether a value without quotes is an expression of a program."""
    if text[named.start] == "-" or named.by("blank") or named.by("tag"):
        return False
    if _is_setting(text, named):
        return False
    return named.by("typed") or "=" in (named.found["set"] or "")


def _is_setting(text: str, named: _Name) -> bool:
    """Tell whether a variable of the environment is set, as in `DB_PASS=letmein`."""
    name = text[named.start : named.found.start("close")]
    return name.isupper() and named.found["set"] == "="


def kind_of(name: str) -> str:
    """Give what a value of this name is called in its placeholder."""
    words = set(name.split("_"))
    if words & _PASSWORDS or re.search("passw|pwd", name):
        return "password"
    return next((w for w in ("token", "secret", "key") if w in name), "credential")
