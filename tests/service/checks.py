"""What the service refuses in a request body, found field by field.

The ranges are those of the request schema that the vendor publishes for its Nemotron
models, https://docs.aimlapi.com/api-references/text-models-llm/nvidia, 2026-08-21.
Unknown fields at the top are ignored, as the service does; unknown keys in system,
developer and tool messages are refused.
"""

from __future__ import annotations

import re
from typing import Any

from .request import Json
from .schema import (
    Check,
    Issue,
    Issues,
    an_object,
    anything,
    either,
    is_a,
    kind,
    list_of,
    matches,
    number,
    one_of,
)

MOST_STOPS = 4
MOST_TOOLS = 128
FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
EFFORTS = ("low", "medium", "high")


REQUIRED = ("model", "messages")


def issues(body: Any) -> list[Issue]:
    """List all that the service would refuse in a body; empty if it may pass."""
    if not isinstance(body, dict):
        return [Issue("", f"Expected object, received {kind(body)}")]
    required = [Issue(name, "Required") for name in REQUIRED if name not in body]
    found = [i for name, value in body.items() for i in _field(name, value)]
    return required + found


def _field(name: str, value: Any) -> Issues:
    if name not in FIELDS or (value is None and name in NULLABLE):
        return
    yield from FIELDS[name](name, value)


# ---- messages

_text = is_a("string")
_nothing = is_a("null")
_text_part = an_object(
    {"type": one_of("text"), "text": _text}, required=("type", "text")
)
_refusal_part = an_object(
    {"type": one_of("refusal"), "refusal": _text}, required=("type", "refusal")
)
_texts = either(list_of(_text_part), _text)
_spoken = either(list_of(either(_refusal_part, _text_part)), _nothing, _text)
_call = an_object(
    {
        "id": _text,
        "type": one_of("function"),
        "function": an_object(
            {"name": _text, "arguments": _text}, required=("name", "arguments")
        ),
    },
    required=("id", "type", "function"),
)
_instruction = an_object(
    {"role": _text, "content": _texts, "name": _text},
    required=("content",),
    strict=True,
)
ROLES: dict[str, Check] = {
    "system": _instruction,
    "developer": _instruction,
    "user": an_object({"content": _texts, "name": _text}, required=("content",)),
    "assistant": an_object(
        {
            "content": _spoken,
            "name": _text,
            "tool_calls": list_of(_call),
            "refusal": either(_nothing, _text),
        }
    ),
    "tool": an_object(
        {
            "role": _text,
            "content": _text,
            "tool_call_id": _text,
            "name": either(_nothing, _text),
        },
        required=("content", "tool_call_id"),
        strict=True,
    ),
}


def _message(path: str, value: Any) -> Issues:
    if not isinstance(value, dict):
        yield Issue(path, f"Expected object, received {kind(value)}")
    elif not isinstance(value.get("role"), str) or value["role"] not in ROLES:
        yield from one_of(*ROLES)(f"{path}.role", value.get("role"))
    else:
        yield from ROLES[value["role"]](path, value)


# ---- the rest of the body

_function = an_object(
    {
        "name": matches(FUNCTION_NAME),
        "description": _text,
        "parameters": anything,
        "strict": either(_nothing, is_a("boolean")),
        "required": list_of(_text),
    },
    required=("name",),
    strict=True,
)
_tool = an_object(
    {"type": one_of("function"), "function": _function},
    required=("type", "function"),
    strict=True,
)
_named_choice = an_object(
    {
        "type": one_of("function"),
        "function": an_object({"name": _text}, required=("name",)),
    },
    required=("type", "function"),
)
_json_schema = an_object(
    {"name": _text, "schema": is_a("object"), "strict": anything, "description": _text},
    required=("name",),
    strict=True,
)
_plain_format = an_object(
    {"type": one_of("text", "json_object")}, required=("type",), strict=True
)
_schema_format = an_object(
    {"type": one_of("json_schema"), "json_schema": _json_schema},
    required=("type", "json_schema"),
    strict=True,
)
_prediction = an_object(
    {"type": one_of("content"), "content": _texts}, required=("type", "content")
)


def _logit_bias(path: str, value: Any) -> Issues:
    yield from is_a("object")(path, value)
    for token, bias in value.items() if isinstance(value, dict) else ():
        yield from number(-100, 100)(f"{path}.{token}", bias)


def _reasoning(path: str, value: Any) -> Issues:
    yield from an_object(
        {
            "effort": one_of(*EFFORTS),
            "max_tokens": number(1, None, whole=True),
            "exclude": is_a("boolean"),
        }
    )(path, value)
    if isinstance(value, dict) and {"effort", "max_tokens"} <= value.keys():
        yield Issue(path, "effort and max_tokens exclude each other")


FIELDS: dict[str, Check] = {
    "model": _text,
    "messages": list_of(_message, least=1),
    "max_tokens": number(1, None),
    "max_completion_tokens": number(1, None, whole=True),
    "stream": is_a("boolean"),
    "stream_options": an_object(
        {"include_usage": is_a("boolean")}, required=("include_usage",)
    ),
    "temperature": number(0, 2),
    "top_p": number(0.01, 1),
    "top_k": number(None, None),
    "min_p": number(0.001, 0.999),
    "top_a": number(0, 1),
    "repetition_penalty": number(None, None),
    "frequency_penalty": number(-2, 2),
    "presence_penalty": number(-2, 2),
    "seed": number(1, None, whole=True),
    "stop": either(list_of(_text, most=MOST_STOPS), _text),
    "n": number(1, None, whole=True),
    "logprobs": is_a("boolean"),
    "top_logprobs": number(0, 20),
    "logit_bias": _logit_bias,
    "echo": is_a("boolean"),
    "prediction": _prediction,
    "tools": list_of(_tool, most=MOST_TOOLS),
    "tool_choice": either(_named_choice, one_of("none", "auto", "required")),
    "parallel_tool_calls": is_a("boolean"),
    "response_format": either(_schema_format, _plain_format),
    "reasoning": _reasoning,
    "reasoning_effort": one_of(*EFFORTS),
    "provider": _text,
    "normalize_tool_schemas": is_a("boolean"),
}
NULLABLE = frozenset(
    {
        "repetition_penalty",
        "frequency_penalty",
        "presence_penalty",
        "stop",
        "n",
        "logprobs",
        "top_logprobs",
        "logit_bias",
    }
)


def told(found: list[Issue]) -> list[Json]:
    """Give issues as the service lists them, with the path as an array."""
    return [{"path": i.path.split("."), "message": i.message} for i in found]
