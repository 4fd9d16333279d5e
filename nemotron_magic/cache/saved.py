"""Replies that a notebook has saved in its own outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nemotron_magic.cache.kept import Kept
from nemotron_magic.untrusted import Object, as_list, as_object, as_text
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


def _outputs(document: Any) -> Iterator[tuple[str, Any, Object]]:
    """Give the outputs that are replies, each with its name and what is said of it."""
    for cell in as_list(as_object(document).get("cells")):
        for output in as_list(as_object(cell).get("outputs")):
            about = as_object(as_object(output).get("metadata")).get("nemotron")
            name = as_text(as_object(about).get("request_hash"))
            if name:
                yield name, output, as_object(about)


def _kept(output: Any, about: Object) -> Kept | None:
    """Give the reply, if all of it is in the output: a text that ended well."""
    plain = as_object(as_object(output).get("data")).get("text/plain")
    lines = plain if isinstance(plain, list) else [plain]
    size = about.get("characters")
    text = "".join(map(as_text, lines))
    if not isinstance(size, int) or not 0 < size <= len(text):
        return None
    # A reply that was itself recalled tells what it took when it was new.
    asked = as_object(about.get("cached")) or about
    return Kept(
        "notebook",
        (text[:size],),
        as_text(about.get("served_model")),
        as_text(about.get("finish_reason")) or None,
        usage=Usage.from_dict(asked.get("usage")),
        asked_at=as_text(asked.get("asked_at")),
    )
