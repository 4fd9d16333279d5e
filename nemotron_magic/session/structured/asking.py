"""Ask for a typed answer: down the ladder, one repair round, the costs added up.

The ladder is how its form is asked for, from the strictest way down: a server is asked
by `response_format` as long as it takes that, and always in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, Literal

from nemotron_magic.context.prompt import Message, as_data
from nemotron_magic.core import errors
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.events import Event, EventCallback, Text, TextWasReasoning
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import format_cost, one_line
from nemotron_magic.session.conversation import PreparedPrompt
from nemotron_magic.session.reply import Reply
from nemotron_magic.session.structured.fields import Fields
from nemotron_magic.session.structured.reading import Reading, read_value

Ask = Callable[[PreparedPrompt, Settings], Reply]
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
    status = error.status or 0
    may_name = status in (400, 404, 422, 501)
    # llama-cpp-python refuses a json_schema with 500; older vLLM, features of one.
    pattern = _MAY_NAME_FORM if may_name else _NAMES_FORM
    said = re.search(pattern, f"{error.what} {error.why}", re.I)
    return said is not None and (may_name or status >= 500)


def repair_messages(
    messages: Sequence[Mapping[str, str]], reply: str, why: str, fields: Fields
) -> tuple[Message, ...]:
    """Return the messages of the one repair round: the bad reply, the complaint."""
    complaint = (
        f"That cannot be used: {one_line(why, 300)}. {fields.prompt_line()} "
        "Change only what is wrong, and invent nothing."
    )
    bad = as_data(reply.strip()[:_LONGEST_BAD_REPLY] or "(nothing)")
    answered = {"role": "assistant", "content": bad}
    return (*messages, answered, {"role": "user", "content": complaint})


def dressed(
    prompt: PreparedPrompt, settings: Settings, rung: Rung
) -> tuple[PreparedPrompt, Settings]:
    """Return a prompt and its settings with the form of the answer that is wanted."""
    if (settings["n"] or 1) > 1:
        what = "--as takes one answer, and n asks for several"
        hint = "Type: %config Nemotron.n = None"
        raise errors.InputError(what, "nothing was sent", hint)
    more, line = body_for(rung, prompt.wanted or Fields(()))
    *before, last = prompt.messages
    messages = (*before, {**last, "content": f"{last['content']}\n\n{line}"})
    values = {**settings.values, "response_format": None, **more}
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
    fields = prompt.wanted or Fields(())
    for asked in RUNGS[RUNGS.index(rung) :]:
        sent, used = dressed(prompt, settings, asked)
        try:
            reply = ask(sent, used)
            break
        except NemotronError as error:
            is_kept = error.reply is not None
            if asked == RUNGS[-1] or is_kept or not is_format_refusal(error):
                raise
    if asked != rung:
        learn(asked)
    reading = read_reply(reply, fields)
    is_last = reply.finish_reason == "length" or reading.is_blocked
    if reading.value is None and not is_last:
        why, text = reading.error, str(reply) or reply.reasoning
        wrong = repair_messages(sent.messages, text, why, fields)
        try:
            second = ask(replace(sent, messages=wrong), used)
        except errors.InterruptedByUser as stopped:
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
    why = "the service's content filter stopped the answer"
    if known.refusal:
        why = f"the model refused: “{one_line(known.refusal, 120)}”"
    may_block = known.refusal or known.finish_reason == "content_filter"
    is_blocked = may_block and reading.value is None
    return Reading(error=why, is_blocked=True) if is_blocked else reading


def _add_first(first: Reply, second: Reply, why: str) -> None:
    one, other = first.metadata, second.metadata

    def total(own: float | None, more: float | None) -> float | None:
        return None if own is None or more is None else own + more

    costs = one.usage.cost_usd, other.usage.cost_usd
    guesses = one.estimated_usd, other.estimated_usd
    believed = (c if g is None else g for c, g in zip(costs, guesses, strict=True))
    other.estimated_usd = total(*believed)
    other.usage = replace(one.usage + other.usage, cost_usd=total(*costs))
    other.elapsed_s = total(one.elapsed_s, other.elapsed_s)
    other.attempts += one.attempts
    notice = f"Asked twice; the first answer did not fit: {why}."
    other.notices = (*one.notices, notice, *other.notices)


def _invalid(reply: Reply, why: str) -> NemotronError:
    known = reply.metadata
    billed = f"billed: {format_cost(reply.usage.cost_usd, known.estimated_usd)}"
    cost = "a rehearsal costs nothing" if known.is_rehearsal else billed
    hint = "Read it: _nemotron   Ask again: %nemotron retry"
    if reply.finish_reason == "length":
        more = int(known.parameters.get("max_tokens") or 1024) * 4
        hint = f"Allow more: --max-tokens {more}   Read it: _nemotron"
    text = str(reply).replace("```", "'''").strip()
    known.shown = f"```text\n{text}\n```" if text else ""
    error = errors.InvalidAnswerError(f"the answer does not fit: {why}", cost, hint)
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
    if isinstance(value, str):
        return re.sub(r"([\\`*_<|$~\[])", r"\\\1", one_line(value, longest))
    return str(value)
