"""What makes two requests the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["request_hash"]

_FORMAT = 1
"""Of what is kept for a request: a later one never finds what an earlier one kept."""

_HOW_IT_TRAVELS = ("stream", "stream_options")


def request_hash(
    base_url: str,
    model: str,
    messages: Sequence[Mapping[str, str]],
    parameters: Mapping[str, Any],
) -> str:
    """Give a name for a request: equal if and only if it asks for the same.

    The key is not in it, and nothing of it can be read from the name.

    Parameters
    ----------
    model : str
        The model that the user asked for.
    parameters : mapping
        The other fields of the request; how the reply travels makes no difference.
    """
    asked = {name: v for name, v in parameters.items() if name not in _HOW_IT_TRAVELS}
    told = [_FORMAT, base_url, model, [dict(one) for one in messages], asked]
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
