"""Bodies of errors, in every shape that a client of these services meets.

The letters are: A the AI/ML API's own, B another of its own, C OpenAI's, D
OpenRouter's, E old vLLM's, F problem+json (NVIDIA), G FastAPI's, H Nest's default, and
HTML or plain text. See https://docs.aimlapi.com/errors-and-messages/general-info and
https://openrouter.ai/docs/api/errors, 2026-08-21.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .request import Json

KEYS_PAGE = "https://aimlapi.com/app/keys"
NO_KEY = f"This request requires a valid API key. You can create one at {KEYS_PAGE}"
NEST_TITLES = {400: "Bad Request", 404: "Not Found"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error happened, for the bodies that say so."""

    method: str
    path: str
    request_id: str


Shape = Callable[[int, Any, Place], Json]


def timestamp() -> str:
    """Give the time as the service writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


def shape_a(status: int, message: Any, place: Place) -> Json:
    """Give the AI/ML API's error, as seen with 401."""
    return {
        "requestId": place.request_id,
        "statusCode": status,
        "timestamp": timestamp(),
        "path": place.path,
        "message": message,
    }


def shape_a_text(status: int, message: Any, place: Place) -> Json:
    """Give the same as the documentation shows it: the status is a string."""
    return {**shape_a(status, message, place), "statusCode": str(status)}


def shape_b(status: int, message: Any, place: Place) -> Json:
    """Give the AI/ML API's other error, as seen with 403."""
    return {"title": "Forbidden", "status": status, "message": message}


def shape_c(status: int, message: Any, place: Place) -> Json:
    """Give OpenAI's error, also LiteLLM's and vLLM's."""
    return {
        "error": {"message": message, "type": "error", "param": None, "code": status}
    }


def shape_d(status: int, message: Any, place: Place) -> Json:
    """Give OpenRouter's error."""
    metadata = {"provider_name": "Rehearsal", "raw": f"upstream said: {message}"}
    error = {"code": status, "message": message, "metadata": metadata}
    return {"error": error, "user_id": "user_rehearsal"}


def shape_e(status: int, message: Any, place: Place) -> Json:
    """Give the flat error of old vLLM and SGLang."""
    named = {"object": "error", "message": message, "type": "BadRequestError"}
    return {**named, "param": None, "code": status}


def shape_f(status: int, message: Any, place: Place) -> Json:
    """Give NVIDIA's problem+json."""
    named = {"type": "about:blank", "title": "Gone", "status": status}
    return {**named, "detail": message}


def shape_f_bare(status: int, message: Any, place: Place) -> Json:
    """Give NVIDIA's problem without a detail."""
    return {"status": status, "title": message}


def shape_g(status: int, message: Any, place: Place) -> Json:
    """Give FastAPI's list of what is wrong."""
    where = ["body", "messages", 0, "content"]
    return {"detail": [{"loc": where, "msg": message, "type": "value_error"}]}


def shape_g_text(status: int, message: Any, place: Place) -> Json:
    """Give Starlette's error."""
    return {"detail": message}


def shape_h(status: int, message: Any, place: Place) -> Json:
    """Give Nest's default error, where ``error`` is a string."""
    title = NEST_TITLES.get(status, "Error")
    return {"statusCode": status, "message": message, "error": title}


def page(status: int, title: str, padding: int = 0) -> bytes:
    """Give an HTML page as an edge server sends it; it has a script in it."""
    script = "<script>alert('from an error page')</script>"
    text = f"<p>cf-ray: rehearsal</p>{'<p>Please wait.</p>' * padding}"
    return (
        f"<!DOCTYPE html>\n<html><head><title>{status} | {title}</title>{script}"
        f"</head><body><h1>{title}</h1>{text}</body></html>\n"
    ).encode()
