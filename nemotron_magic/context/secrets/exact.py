"""Secrets whose value is known: found wherever and however they are written."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote, urlsplit

from nemotron_magic.context.secrets.spans import MASK, Span, masked
from nemotron_magic.context.secrets.values import is_placeholder

__all__ = ["Exact", "exact_values", "forms_of", "is_secret_name"]

_SHORTEST = 8
_SHORTEST_GIVEN = 4
_LONGEST_WORD = 20

_NAMES = """
KEY KEYS APIKEY TOKEN TOKENS SECRET SECRETS PASSWORD PASSWD PASS PASSPHRASE PWD PW
CREDENTIAL CREDENTIALS CREDS AUTH DSN COOKIE BEARER PAT WEBHOOK SAS JWT
"""
_WORDS = frozenset(_NAMES.split())
_PARTS = re.compile(
    r"PASSW|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY"
    r"|ACCOUNT_?KEY|CONN(ECTION)?_?STR(ING)?"
)
_NOT_NAMES = re.compile(
    r"^(OLD)?PWD$|TOKENIZER|(^|_)(MAX|NUM|N)_TOKENS?"
    r"|_(FILE|PATH|DIR|SOCK|TYPE|TTL|NAME|USER|HOST|PORT|EXPIRES_IN|TIMEOUT|METHOD)$"
)
_NOT_VALUES = re.compile(
    r"[~./\\]|[A-Za-z]:[\\/]|[\d.,+-]+$|[\w./\\-]+\.(json|pem|ya?ml|txt|toml|ini|cfg)$"
)
# A line break within a wrapped value, with what frames and quotes add to it.
_MARGIN = " \t\r\"'\\|│>"
_WRAP = r"""[ \t"'\\|│]{0,40}\r?\n[ \t"'|│>]{0,80}"""


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Tell whether an environment variable of this name holds a secret."""
    name = name.upper()
    if _NOT_NAMES.search(name):
        return False
    words = set(re.split(r"[^A-Z0-9]+", name))
    return bool(words & _WORDS or _PARTS.search(name) or name.endswith("KEY"))


def exact_values(environ: Mapping[str, str], exact: Iterable[str]) -> dict[str, Span]:
    """Give the secrets to look for, each with the kind and name it is reported by."""
    found = {one: Span(0, 0, "key") for one in exact if len(one) >= _SHORTEST_GIVEN}
    for name, value in environ.items():
        for secret in _secrets_in(name, value.strip()):
            found.setdefault(secret, Span(0, 0, "environment", name))
    return found


def _secrets_in(name: str, value: str) -> Iterator[str]:
    if "://" in value:
        secrets = _password_of(value)
        if not secrets and re.search(r"DSN|WEBHOOK|CONN", name.upper()):
            secrets = [value]
    else:
        secrets = [value] if is_secret_name(name) else []
    yield from (one for one in secrets if _is_telling(one))


def _password_of(url: str) -> list[str]:
    try:
        password = urlsplit(url).password
    except ValueError:
        return []
    return [password, unquote(password)] if password else []


def _is_telling(value: str) -> bool:
    """Tell whether a value is rare enough to be taken out wherever it stands."""
    if len(value) < _SHORTEST or is_placeholder(value.lower()):
        return False
    if _NOT_VALUES.match(value) and "://" not in value:
        # A base64 secret may begin with a slash, a path has more of them.
        return len(value) >= 40 and value.count("/") < 4 and "." not in value
    word = value.replace("-", "").replace("_", "")
    is_plain = word.isalpha() and (word[1:].islower() or word.isupper())
    return not (is_plain and len(value) < _LONGEST_WORD)


def forms_of(value: str) -> set[str]:
    """Return the ways in which a value is written in code, JSON, URLs and headers."""
    raw = value.encode("utf-8", "surrogatepass")
    forms = {value, raw.hex(), html.escape(value), repr(value)[1:-1]}
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    quoted = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    forms |= quoted | {re.sub("%..", lambda at: at[0].lower(), one) for one in quoted}
    for before in range(3):
        # Only the letters that do not depend on what stands around the value.
        code = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        whole = code[(0, 2, 3)[before] :]
        inner = whole[:-1] if (before + len(raw)) % 3 else whole
        forms |= {inner, inner.translate({43: "-", 47: "_"})}
    return {one for one in forms if len(one) >= _SHORTEST_GIVEN}


class Exact:
    """Known secrets, looked for in every form."""

    __slots__ = ("_forms", "_wrapped")

    def __init__(self, values: Mapping[str, Span]) -> None:
        self._forms = [(one, mark) for v, mark in values.items() for one in forms_of(v)]
        self._wrapped = dict(values)

    def secrets(self, text: str) -> Iterator[Span]:
        """Give every place where one of the values stands."""
        hidden = masked(text)
        for form, mark in self._forms:
            at = text.find(form)
            while at >= 0:
                end = at + len(form)
                if not _is_mark(hidden, at, end):
                    yield mark._replace(start=at, end=end)
                at = text.find(form, end)
        if "\n" in text:
            yield from self._broken(text)

    def _broken(self, text: str) -> Iterator[Span]:
        """Give the places where a value is split by line breaks."""
        flat = "".join(line.strip(_MARGIN) for line in text.split("\n"))
        for value, mark in self._wrapped.items():
            if len(value) >= _SHORTEST and value in flat:
                letters = f"(?:{_WRAP})?".join(map(re.escape, value))
                for found in re.finditer(letters, text):
                    yield mark._replace(start=found.start(), end=found.end())


def _is_mark(hidden: str, start: int, end: int) -> bool:
    """Tell whether a place lies within a placeholder."""
    return not hidden[start:end].strip(MASK)
