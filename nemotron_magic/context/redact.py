"""Redact secrets in messages before they are sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from nemotron_magic.context.prompt import Message, split_delimiters
from nemotron_magic.context.secrets import pattern, values, words
from nemotron_magic.context.secrets.named import named_secrets, several_secrets
from nemotron_magic.context.secrets.patterns import pattern_secrets, typed_secrets
from nemotron_magic.context.secrets.values import Needles, Passage, Place, Span
from nemotron_magic.context.secrets.views import as_read, column_secrets, series_secrets
from nemotron_magic.core import endpoint
from nemotron_magic.core.endpoint import Key, SecretMapping, without_traceback
from nemotron_magic.core.parameters import BY_NAME
from nemotron_magic.core.settings import Settings

_PASSES = 8  # nearly always two: one that finds and one that finds no more
_REMEMBERED = 400  # texts, as the turns of a conversation come with every question
_REMEMBERED_CHARS = 10_000
_LATELY = 128  # texts that are looked at for what they give away, and then again
_MOST_GIVEN = 1_000
_WORDS = words("protocol")
_SHORTEST = 8
_LONGEST_WORD = 20
_ANCHOR = 8
_PART = 12  # as much of a value is looked for by itself
_LONGEST_CUT = 500
# A line break within a wrapped value, with what frames and quotes add to it.
_MARGIN = r" \t\r\"'\\|│>"
_BREAK = re.compile(rf"(?<![{_MARGIN}\n])[{_MARGIN}]*\n[{_MARGIN}\n]*")


def exact_values(
    environ: Mapping[str, str],
    exact: Iterable[str] = (),
    held: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the secrets to look for, each with the kind that it is reported by."""
    found = {one: "key" for one in exact if len(one) >= endpoint.SHORTEST_GIVEN}
    for name, value in environ.items():
        telling = None if name in ("PWD", "OLDPWD") else values.told_by(name)
        for secret in values.secrets_in(telling, value):
            if (telling and telling.is_password) or is_rare(secret):
                found.setdefault(secret, "environment")
    return {**found, **(held or {}), **found}


def is_rare(value: str) -> bool:
    """Return whether a value is rare enough to be redacted wherever it stands."""
    if len(value) < _SHORTEST or values.is_placeholder(value.lower()):
        return False
    if pattern("not_values").match(value) and "://" not in value:
        # A base64 secret may begin with a slash, a path has more of them.
        return len(value) >= 40 and value.count("/") < 4 and "." not in value
    word = value.replace("-", "").replace("_", "")
    is_plain = word.isalpha() and (word[1:].islower() or word.isupper())
    return not (is_plain and len(value) < _LONGEST_WORD)


class _Form(NamedTuple):
    """One way in which a known value may be written."""

    rank: int  # of the value: the first names what it shares with others
    needle: str  # that tells where it may stand, and how far that is within it:
    place: int
    text: str
    is_word: bool  # found by itself only, and in this case
    kind: str


def _needles(known: Mapping[str, str], given: Collection[str]) -> Needles[_Form]:
    """Return what known secrets are found by."""
    return Needles(
        (form.needle, form)
        for rank, (value, kind) in enumerate(known.items())
        for form in _forms(rank, value, kind, value in given)
    )


def _forms(rank: int, value: str, kind: str, is_given: bool) -> Iterator[_Form]:
    is_word = len(value) < _SHORTEST and not is_given
    if is_word:  # capitalized, it may be any other word
        forms = {value, repr(value)[1:-1], value.upper()}
    else:
        forms = endpoint.forms_of(value) | {value.upper(), value.strip()}
    forms |= {value[::-1], " ".join(value)}
    for one in forms if is_word else set(map(values.lower, forms)):
        if len(one) >= endpoint.SHORTEST_GIVEN:
            yield _Form(rank, values.lower(one), 0, one, is_word, kind)
    # So near that each long part of the value, as tables cut it, has a needle.
    is_cuttable = _PART < len(value) <= _LONGEST_CUT and values.looks_random(value)
    ends = range(_ANCHOR, len(value) + 1, _PART - _ANCHOR + 1) if is_cuttable else ()
    for end in ends:
        needle = values.lower(value[end - _ANCHOR : end])
        yield _Form(rank, needle, end - _ANCHOR, values.lower(value), False, kind)


def _run(passage: Passage, at: int, form: _Form) -> Place:
    """Return the place around a needle at which a passage reads like its form."""
    text, place = passage.lowered, form.place
    end, rest = at + len(form.needle), place + len(form.needle)
    if form.is_word:
        around = text[max(0, at - 1) : at + 1], text[end - 1 : end + 1]
        # Scripts without capitals may set no blanks between words.
        pairs = [[c.isdigit() or c.lower() != c.upper() for c in one] for one in around]
        is_whole = passage.text[at:end] == form.text and [True, True] not in pairs
        return at, end if is_whole else at
    while end < len(text) and rest < len(form.text) and text[end] == form.text[rest]:
        end, rest = end + 1, rest + 1
    while at > 0 and place > 0 and text[at - 1] == form.text[place - 1]:
        at, place = at - 1, place - 1
    return at, end


def _known(needles: Needles[_Form], passage: Passage) -> Iterator[Span]:
    """Yield every place where a known secret stands, be it cut or wrapped."""
    breaks = [(*one.span(), "") for one in _BREAK.finditer(passage.text)]
    for view in (passage, passage.edited(breaks)) if breaks else (passage,):
        text, shortest = view.lowered, 1 if view is passage else _SHORTEST
        for form in sorted(needles.within(text, view.grams)):
            least = min(len(form.text), max(len(form.needle), _PART))
            at = text.find(form.needle)
            while at >= 0:
                start, end = _run(view, at, form)
                is_whole = end - start >= least
                is_open = view.masked[start:end].strip(values.MASK)
                if is_whole and is_open and end - start >= shortest:
                    yield view.back(Span(start, end, form.kind))
                at = text.find(form.needle, end if is_whole else at + 1)


class Redacted(NamedTuple):
    """A text without its secrets, and the kind of each that was redacted."""

    text: str
    found: tuple[str, ...] = ()


class Redactor:
    """Redacts secrets in texts: exact values first, then what looks like one."""

    __slots__ = ("_needles", "_remembered", "_values")

    def __init__(
        self,
        environ: Mapping[str, str],
        exact: Iterable[str] = (),
        held: Mapping[str, str] | None = None,
    ) -> None:
        given = endpoint.secret_value(tuple(exact))
        self._values = without_traceback(
            lambda: endpoint.secret_value(exact_values(environ, given(0), held))
        )
        self._needles = without_traceback(
            lambda: endpoint.secret_value(_needles(self._values(0), given(0)))
        )
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._clean)

    def is_for(self, *given: Any) -> bool:
        """Return whether a redactor made of these would know the same secrets."""
        return without_traceback(lambda: exact_values(*given) == self._values(0))

    def redact(self, text: str) -> Redacted:
        """Return `text` with a placeholder for each secret, if it has any left."""
        clean = self._remembered if len(text) <= _REMEMBERED_CHARS else self._clean
        return clean(text)

    def _clean(self, text: str) -> Redacted:
        found: list[str] = []
        for _ in range(_PASSES):
            spans = self._secrets(_passage(text))
            found += [span.kind for span in spans]
            if not spans:
                break
            text = values.replace_spans(text, spans)
        return Redacted(text, tuple(found))

    def _secrets(self, passage: Passage) -> list[Span]:
        found = without_traceback(lambda: [*_known(self._needles(0), passage)])
        found += _telling(passage)
        if read := as_read(passage):
            found += map(read.back, _telling(read))
        return values.merge_spans(found)

    def __repr__(self) -> str:
        return "<redactor>"

    def __reduce__(self) -> str:
        raise TypeError("a redactor knows secrets and is not written anywhere")


def _telling(passage: Passage) -> Iterator[Span]:
    """Yield the secrets that their form, a name or a column gives away."""
    yield from (*pattern_secrets(passage), *_named(passage.text))
    for find in (column_secrets, several_secrets, series_secrets, typed_secrets):
        yield from find(passage)


_passage = lru_cache(maxsize=16)(Passage)


@lru_cache(maxsize=_LATELY)
def _named(text: str) -> tuple[Span, ...]:
    return tuple(named_secrets(_passage(text)))


class KeySource(Protocol):
    """Where the keys are that no message may hold."""

    def readable_key(self, settings: Settings) -> Key | None:
        """Return the key for where questions go; None also if it cannot be read."""

    def given_beside(self, key: Key | None) -> list[Key]:
        """Return the keys of this session but for `key`."""


_Messages = Sequence[Message]
_Fields = Mapping[str, Any]


class RedactedRequest(NamedTuple):
    """A whole request without the secrets in it."""

    messages: tuple[Message, ...]
    fields: _Fields
    found: tuple[str, ...] = ()


class MessageRedactor:
    """Redacts secrets in requests: the key, and what redaction finds."""

    def __init__(
        self,
        access: KeySource,
        environ: Mapping[str, str],
        held: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._access, self._held = access, held
        self._environ = SecretMapping(environ)
        self._redactor = Redactor(self._environ)
        self._given_away = endpoint.secret_value(dict[str, str]())
        self._hidden: list[Callable[[int], str]] = []

    def hide(self, secret: str) -> None:
        """Take `secret` out of every message from now on, wherever it stands."""
        self._hidden.append(endpoint.secret_value(secret))

    def redact(self, messages: _Messages, settings: Settings) -> RedactedRequest:
        """Return the whole request without secrets, with the settings' own fields."""
        return self.of_now(settings)(messages, settings.parameters())

    def of_now(
        self, settings: Settings
    ) -> Callable[[_Messages, _Fields], RedactedRequest]:
        """Return a `redact` for requests at once: secrets are read once for all."""
        if not settings["redact"]:
            return lambda messages, fields: RedactedRequest(tuple(messages), fields)
        key = self._access.readable_key(settings)
        redactor: Redactor | None = None

        def redact(messages: _Messages, fields: _Fields) -> RedactedRequest:
            nonlocal redactor
            texts = [split_delimiters(message["content"]) for message in messages]
            # Known by its name in one place, a secret goes from every other.
            are_new = without_traceback(
                lambda: self._note(one for pieces in texts for one in pieces[::2])
            )
            if redactor is None or are_new:
                redactor = self._redactor_with(key)
            return _redacted(messages, texts, fields, key, redactor)

        return redact

    def _note(self, texts: Iterable[str]) -> bool:
        """Remember what telling names give away; return whether any of it is new."""
        given = self._given_away(0)
        spans = ((text, span) for text in texts for span in _named(text))
        found = {text[span.start : span.end]: span.kind for text, span in spans}
        more = {value: kind for value, kind in found.items() if is_rare(value)}
        are_new = not more.keys() <= given.keys()
        given.update(more)
        for oldest in list(given)[:-_MOST_GIVEN]:
            given.pop(oldest, None)
        return are_new

    def _redactor_with(self, key: Key | None) -> Redactor:
        """Return a redactor of all secrets known now, the key among them."""

        def latest() -> Redactor:
            # Not read again: another call may have put its own there meanwhile.
            redactor = self._redactor
            exact = [_value(key)] if key else []
            others = map(_value, self._access.given_beside(key))
            # Not the word that a server here takes for a key.
            exact += [one for one in others if len(one) >= _SHORTEST]
            exact += [reveal(0) for reveal in self._hidden]
            known = (self._environ, exact, {**self._given_away(0), **self._held()})
            return redactor if redactor.is_for(*known) else Redactor(*known)

        redactor = self._redactor = without_traceback(latest)
        return redactor


def _value(key: Key) -> str:
    return (key.is_secret and key.reveal_to(key.origin)) or ""


def _redacted(
    messages: _Messages,
    texts: Sequence[list[str]],
    fields: _Fields,
    key: Key | None,
    redactor: Redactor,
) -> RedactedRequest:
    found: list[str] = []

    def clean(text: str) -> str:
        masked = key.redact(text) if key else text
        found.extend(["key"] * (masked != text))
        redacted = redactor.redact(masked)
        found.extend(redacted.found)
        return redacted.text

    cleaned: list[Message] = []
    for message, pieces in zip(messages, texts, strict=True):
        # Our own delimiters stand between: they must stay, whatever is redacted.
        pieces[::2] = map(clean, pieces[::2])
        cleaned.append({**message, "content": "".join(pieces)})
    fields = {
        name if name in BY_NAME else clean(name): (
            value if name == "model" else _cleaned(value, name, clean)
        )
        for name, value in fields.items()
    }
    return RedactedRequest(tuple(cleaned), fields, tuple(found))


def _cleaned(value: Any, name: str, clean: Callable[[str], str]) -> Any:
    """Return the JSON value of a field with every text in it cleaned, names as well."""
    if isinstance(value, Mapping):
        return {
            one if one in _WORDS else clean(one): _cleaned(part, one, clean)
            for one, part in ((str(one), part) for one, part in value.items())
        }
    if isinstance(value, list | tuple):
        return [_cleaned(one, name, clean) for one in value]
    if isinstance(value, str):
        if name in _WORDS and value in _WORDS:
            return value
        value = clean(value)
    elif isinstance(value, bool) or value is None or name in BY_NAME:
        return value
    pair = json.dumps({name: value}, ensure_ascii=False)
    cleaned = clean(pair)
    try:
        return value if cleaned == pair else json.loads(cleaned).popitem()[1]
    except ValueError:
        return "[redacted]"
