"""The ladder: how an answer's form is asked for, from the strictest way down.

A server is asked for a form by `response_format` as long as it takes that, and always
in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from nemotron_magic.context.prompt import Message, as_data
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.text import one_line
from nemotron_magic.session.structured.fields import Fields

__all__ = [
    "RUNGS",
    "Rung",
    "body_for",
    "is_format_refusal",
    "next_rung",
    "repair_messages",
]

Rung = Literal["json_schema", "json_object", "text"]

RUNGS: tuple[Rung, ...] = ("json_schema", "json_object", "text")

_LONGEST_BAD_REPLY = 8_000
_NAMES_FORM = r"response.?format|json.?schema|json.?object|grammar|guided"
_MAY_NAME_FORM = (
    rf"{_NAMES_FORM}|schema|structured|endpoints"
    # All that the AI/ML API says of some fields that it does not take.
    r"|it said: (\w+ )?validation (error|failed)\W*$"
)


def body_for(rung: Rung, fields: Fields) -> tuple[dict[str, Any], str]:
    """Return what a request has more on a rung: its fields, and a text at its end."""
    line = fields.prompt_line()
    if rung == "json_schema":
        schema = {"name": "answer", "schema": fields.schema()}
        return {"response_format": {"type": rung, "json_schema": schema}}, line
    if rung == "json_object":
        return {"response_format": {"type": rung}}, line
    return {}, f"{line} Put it into a fence: ```json, the object, ```."


def is_format_refusal(error: NemotronError) -> bool:
    """Return whether a service refused the form that was asked for, and no more."""
    status, pattern = error.status or 0, _NAMES_FORM
    if status in (400, 404, 422, 501):
        pattern = _MAY_NAME_FORM
    elif status < 500:
        return False
    # llama-cpp-python refuses a json_schema with 500; older vLLM, features of one.
    return re.search(pattern, f"{error.what} {error.why}", re.I) is not None


def next_rung(rung: Rung, error: NemotronError) -> Rung | None:
    """Return the rung to go down to after an error; None if it is no matter of form."""
    lower = RUNGS[RUNGS.index(rung) + 1 :]
    return lower[0] if lower and is_format_refusal(error) else None


def repair_messages(
    messages: Sequence[Mapping[str, str]], reply: str, why: str, fields: Fields
) -> tuple[Message, ...]:
    """Return the messages of the one repair round: the bad reply, the complaint."""
    complaint = (
        f"That cannot be used: {one_line(why, 300)}. {fields.prompt_line()} "
        "Change only what is wrong, and invent nothing."
    )
    bad = as_data(reply.strip()[:_LONGEST_BAD_REPLY] or "(nothing)")
    return (
        *({**one} for one in messages),
        {"role": "assistant", "content": bad},
        {"role": "user", "content": complaint},
    )
