"""Replies that a notebook has saved in its own outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nemotron_magic.cache.kept import Kept
from nemotron_magic.usage import Usage

__all__ = ["saved_replies"]


def saved_replies(text: str) -> dict[str, Kept]:
    """Read the whole replies in a notebook's file, by the name of their request.

    Parameters
    ----------
    text : str
        The file's JSON; what is not as it should be is passed over.
    """
    try:
        outputs = list(_outputs(json.loads(text)))
    except (ValueError, RecursionError):
        return {}
    found = {name: _kept(output, about) for name, output, about in outputs}
    return {name: kept for name, kept in found.items() if kept is not None}


def _outputs(document: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Give the outputs that are replies, each with its name and what is said of it."""
    for cell in _list(_mapping(document).get("cells")):
        for output in _list(_mapping(cell).get("outputs")):
            about = _mapping(_mapping(output).get("metadata")).get("nemotron")
            name = _mapping(about).get("request_hash")
            if isinstance(name, str) and name:
                yield name, output, _mapping(about)


def _kept(output: Any, about: dict[str, Any]) -> Kept | None:
    """Give the reply, if all of it is in the output: a text that ended well."""
    plain = _mapping(_mapping(output).get("data")).get("text/plain")
    lines = plain if isinstance(plain, list) else [plain]
    size = about.get("characters")
    text = "".join(line for line in lines if isinstance(line, str))
    if not isinstance(size, int) or not 0 < size <= len(text):
        return None
    # A reply that was itself recalled tells what it took when it was new.
    asked = _mapping(about.get("cached")) or about
    return Kept(
        "notebook",
        (text[:size],),
        _text(about.get("served_model")),
        _text(about.get("finish_reason")) or None,
        usage=Usage.from_dict(asked.get("usage")),
        asked_at=_text(asked.get("asked_at")),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
