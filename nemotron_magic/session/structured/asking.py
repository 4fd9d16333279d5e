"""Ask for a typed answer: down the ladder, one repair round, the costs added up.

The ladder is how its form is asked for, from the strictest way down: a server is asked
by `response_format` as long as it takes that, and always in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from enum import Enum
from typing import Any, Literal

from nemotron_magic.context.prompt import Message, as_data
from nemotron_magic.core.errors import (
    InputError,
    InterruptedByUser,
    InvalidAnswerError,
    NemotronError,
)
from nemotron_magic.core.events import Event, EventCallback, Text, TextWasReasoning
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import format_cost, one_line
from nemotron_magic.session.conversation import PreparedPrompt
from nemotron_magic.session.reply import Reply
from nemotron_magic.session.structured.fields import Fields
from nemotron_magic.session.structured.reading import Reading, read_value

Ask = Callable[[PreparedPrompt, Settings], Reply]
"""Sends a prompt; returns its reply when it is whole."""

_LONGEST_SHOWN = 4_000
_LONGEST_BAD_REPLY = 8_000

Rung = Literal["json_schema", "json_object", "text"]

RUNGS: tuple[Rung, ...] = ("json_schema", "json_object", "text")

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


def dressed(
    prompt: PreparedPrompt, settings: Settings, rung: Rung
) -> tuple[PreparedPrompt, Settings]:
    """Return a prompt and its settings with the form of the answer that is wanted."""
    if (settings["n"] or 1) > 1:
        raise InputError(
            "--as takes one answer, and n asks for several",
            "nothing was sent",
            "Type: %config Nemotron.n = None",
        )
    more, line = body_for(rung, prompt.wanted or Fields(()))
    *before, last = prompt.messages
    asked = {**last, "content": f"{last['content']}\n\n{line}"}
    values = {**settings.values, "response_format": None, **more}
    messages = (*before, asked)
    return replace(prompt, messages=messages), replace(settings, values=values)


def without_text(watch: EventCallback) -> EventCallback:
    """Pass on all events but the text, which is JSON and not to be read."""

    def pass_on(event: Event) -> None:
        if not isinstance(event, Text | TextWasReasoning):
            watch(event)

    return pass_on


def ask_typed(
    prompt: PreparedPrompt,
    settings: Settings,
    ask: Ask,
    rung: Rung,
    learn: Callable[[Rung], None],
) -> Reply:
    """Return the reply with its value; raise InvalidAnswerError if it has none.

    `learn` is called with the rung that was taken where it is another one.
    """
    fields, first_rung = prompt.wanted or Fields(()), rung
    while True:
        sent, used = dressed(prompt, settings, rung)
        try:
            reply = ask(sent, used)
            break
        except NemotronError as error:
            lower = next_rung(rung, error)
            if lower is None or error.reply is not None:
                raise
            rung = lower
    if rung != first_rung:
        learn(rung)
    reading = read_reply(reply, fields)
    is_cut = reply.finish_reason == "length"
    if reading.value is None and not (is_cut or reading.is_blocked):
        why, text = reading.error, str(reply) or reply.reasoning
        wrong = repair_messages(sent.messages, text, why, fields)
        try:
            second = ask(replace(sent, messages=wrong), used)
        except InterruptedByUser as stopped:
            stopped.reply = reply
            raise
        except NemotronError as error:
            raise _invalid(reply, f"{why}; asked again: {error.what}") from None
        _add_first(reply, second, why)
        reply, reading = second, read_reply(second, fields)
    if reading.value is None:
        raise _invalid(reply, reading.error)
    known, values = reply.metadata, reading.value
    cells = ([as_cell(name), as_cell(one)] for name, one in values.items())
    known.value, known.shown = fields.build(values), as_table(["Field", "Value"], cells)
    if reading.note:
        known.notices += (f"The answer was {reading.note}.",)
    return reply


def read_reply(reply: Reply, fields: Fields) -> Reading:
    """Return what a reply says of the fields, or what kept it from saying anything."""
    known = reply.metadata
    reading = read_value(reply, fields, known.finish_reason, known.reasoning)
    why = ""
    if known.refusal:
        why = f"the model refused: “{one_line(known.refusal, 120)}”"
    elif known.finish_reason == "content_filter":
        why = "the service's content filter stopped the answer"
    if reading.value is None and why:
        return Reading(error=why, is_blocked=True)
    return reading


def _add_first(first: Reply, second: Reply, why: str) -> None:
    """Add to a second reply what the first one took."""
    one, other = first.metadata, second.metadata

    def total(*figures: float | None) -> float | None:
        return None if None in figures else sum(filter(None, figures))

    costs = [known.usage.cost_usd for known in (one, other)]
    guesses = [known.estimated_usd for known in (one, other)]
    believed = (c if g is None else g for c, g in zip(costs, guesses, strict=True))
    other.usage = replace(one.usage + other.usage, cost_usd=total(*costs))
    other.estimated_usd = total(*believed)
    other.attempts += one.attempts
    other.elapsed_s = total(one.elapsed_s, other.elapsed_s)
    notice = f"Asked twice; the first answer did not fit: {why}."
    other.notices = (*one.notices, notice, *other.notices)


def _invalid(reply: Reply, why: str) -> InvalidAnswerError:
    known = reply.metadata
    cost = "a rehearsal costs nothing"
    if not known.is_rehearsal:
        cost = f"billed: {format_cost(reply.usage.cost_usd, known.estimated_usd)}"
    hint = "Read it: _nemotron   Ask again: %nemotron retry"
    if reply.finish_reason == "length":
        more = int(known.parameters.get("max_tokens") or 1024) * 4
        hint = f"Allow more: --max-tokens {more}   Read it: _nemotron"
    text = str(reply).replace("```", "'''").strip()
    known.shown = f"```text\n{text}\n```" if text else ""
    error = InvalidAnswerError(f"the answer does not fit: {why}", cost, hint)
    error.reply = reply
    return error


def as_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], rule: str = ""
) -> str:
    """Return a Markdown table of cells; `rule` says how columns are aligned."""
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, *rows)]
    return "\n".join([lines[0], rule or "|" + ":--|" * len(heads), *lines[1:]])


def as_cell(value: Any, longest: int = _LONGEST_SHOWN) -> str:
    """Return a value as a cell of a Markdown table."""
    if value is None:
        return "*none*"
    if isinstance(value, list):
        return ", ".join(map(as_cell, value)) or "*none*"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return re.sub(r"([\\`*_<|$~\[])", r"\\\1", one_line(value, longest))
    return str(value)
