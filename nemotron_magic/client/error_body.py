"""Read what a service says about a failure, in any of the shapes that services use.

Shapes: https://docs.aimlapi.com/errors-and-messages, https://openrouter.ai/docs/errors
(read 2026-08-21), and the sources of vLLM, llama.cpp and LiteLLM.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import unescape
from typing import Any

from nemotron_magic.client import names_in
from nemotron_magic.core.loose_json import as_dict, as_list, as_objects
from nemotron_magic.core.text import one_line

_LONGEST = 20_000
_DEEPEST = 6
_PAGE = re.compile(r"(?i)\s*<(!doctype|html)\b")
_MARKUP = re.compile(
    r"(?is)\s*<([!?]|(html|head|body|title|center|p|h\d)\b|.*(</\w|/>|<(script|html)\b))"
    r"|\s*<(script|style)\b"
)


@dataclass(frozen=True, slots=True)
class ServiceErrorBody:
    """A service's words about a failure."""

    message: str = ""
    status: int | None = None
    request_id: str = ""
    is_html: bool = False
    kind: str = ""

    @classmethod
    def read(cls, body: str) -> ServiceErrorBody:
        """Read the body of a failed response, whatever it is."""
        try:
            return cls.of(json.loads(body, strict=False))
        except (ValueError, RecursionError):
            return cls._of_text(body, bool(_MARKUP.match(body[:_LONGEST])))

    @classmethod
    def in_reply(cls, chunk: Mapping[str, Any]) -> ServiceErrorBody | None:
        """Read what a chunk, or a completion, says of a failure; None if nothing."""
        within = (*as_objects(chunk.get("choices")), as_dict(chunk.get("response")))
        for place in (chunk, *within):
            for name in ("error", "errors", "base_resp", "error_code", "error_message"):
                if not _is_benign(place.get(name)):
                    is_list = name in ("errors", "base_resp")
                    return cls.of({name: place[name]} if is_list else place)
        is_fault = chunk.get("choices") is None and _is_fault(chunk)
        return cls.of(chunk) if is_fault else None

    @classmethod
    def of(cls, value: Any) -> ServiceErrorBody:
        """Read a JSON value in any of the shapes that services use."""
        if isinstance(value, list) and "error" in as_dict((value or [None])[0]):
            value = value[0]
        if not isinstance(value, dict):
            return cls._of_text(_words(value))
        details = _details(value)
        message, upstream = _message_in(details), _upstream_words(details)
        if not message or message not in upstream:
            message = ": ".join(words for words in (message, upstream) if words)
        codes = [details.get(name) for name in _CODES]
        kinds = [v for name in (*_KINDS, *_CODES) if (v := details.get(name))]
        return replace(
            cls._of_text(message),
            status=next((code for v in codes if (code := _status(v))), None),
            request_id=str(details.get("requestId") or details.get("request_id") or ""),
            kind=" ".join(one_line(v, 100) for v in kinds if isinstance(v, str)),
        )

    @classmethod
    def _of_text(cls, text: str, is_html: bool = False) -> ServiceErrorBody:
        """Read a text; only what came as a page of its own is markup."""
        text = text[:_LONGEST]
        if not is_html and not _PAGE.match(text):
            return cls(one_line(text, _LONGEST))
        title = re.search(r"(?is)<title[^>]*>(.*?)</title", text)
        shown = re.sub(r"(?is)<(script|style)\b.*?(</\1|$)", " ", text)
        words = title[1] if title else re.sub(r"<[^>]*>?", " ", shown)
        return cls(one_line(re.sub("[<>]", "", unescape(words)), 200), is_html=True)


_NAMES = names_in("error")
_CODES, _KINDS = _NAMES["codes"], _NAMES["kinds"]
_BENIGN = frozenset(
    {"", "0", "200", "none", "null", "false", "ok", "success", "succeeded", "no error"}
)
_BAD_NEWS = re.compile(r"error|fail|invalid|denied|exceed|time.?out|unavail|not found")


def _is_benign(value: Any) -> bool:
    """Return whether a value says that nothing went wrong."""
    if isinstance(value, dict):
        codes = [v for name in _CODES if (v := value.get(name)) is not None]
        kinds = [v for name in _KINDS if (v := value.get(name)) is not None]
        said = " ".join(_words(value.get(name)) for name in _NAMES["messages"])
        if codes and not _BAD_NEWS.search(said.casefold().replace("no error", "")):
            return all(map(_is_benign, [*codes, *kinds]))
        return all(map(_is_benign, value.values()))
    if isinstance(value, list):
        return all(map(_is_benign, value))
    return str(value or "").strip().casefold() in _BENIGN


def _is_fault(chunk: Mapping[str, Any]) -> bool:
    """Return whether a chunk without choices is an error as a whole."""
    if "error" in (chunk.get("object"), chunk.get("type")):
        return True
    if isinstance(chunk.get("message"), dict):
        return False
    names = {name for name in chunk if not _is_benign(chunk[name])}
    says = names & {"message", "msg", "detail", "title", "err_msg", "errmsg"}
    is_coded = bool(names & {*_CODES} and says) or chunk.get("success") is False
    return is_coded or isinstance(chunk.get("detail"), str | list)


def _details(value: Any) -> dict[str, Any]:
    """Return what a body says of a failure, its parts' words before its own."""
    details = dict(as_dict(value))
    for name in _NAMES["parts"]:
        part = details.get(name)
        part = next(iter(as_objects(part)), part) if name == "errors" else part
        details |= as_dict(part)
    return details


def _message_in(details: dict[str, Any]) -> str:
    said = (details.get(name) for name in _NAMES["messages"])
    return next((words for v in said if (words := _words(v))), "")


def _upstream_words(details: dict[str, Any]) -> str:
    """Return what a router's provider said; the router's own words only hint at it."""
    raw = as_dict(details.get("metadata")).get("raw")
    try:
        value = json.loads(raw) if isinstance(raw, str) else raw
    except (ValueError, RecursionError):
        value = raw
    return _message_in(_details(value)) or _words(value)


def _words(value: Any, depth: int = 0) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and depth < _DEEPEST:
        return "; ".join(words for v in value if (words := _words(v, depth + 1)))
    if isinstance(value, dict) and depth < _DEEPEST:
        where = ".".join(map(str, as_list(value.get("loc") or value.get("path"))))
        said = next((value[k] for k in ("msg", "message") if k in value), "")
        said = _words(said, depth + 1)
        return f"{where}: {said}" if where and said else said
    return ""


def _status(value: Any) -> int | None:
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if re.fullmatch(r"[45]\d\d", text) else None
