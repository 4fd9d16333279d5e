"""The parameter table: each row is a flag, a trait, a range check and a field."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from nemotron_magic.core.errors import InputError


DEFAULT_BASE_URL = "https://api.aimlapi.com/v1"
DEFAULT_MODEL = "nvidia/Llama-3.1-Nemotron-70B-Instruct-HF"
DEFAULT_SYSTEM = (
    "You help a data analyst who works in a Jupyter notebook. "
    "Answer in GitHub-flavoured Markdown, as briefly as the question allows. "
    "Put code in fenced blocks that name their language."
)

_CONTEXT_WORDS = ("auto", "none", "all")
"""Which cells may be sent, but for numbers."""

Kind = Literal["number", "integer", "boolean", "text", "texts", "json"]


class Parameter(NamedTuple):
    """One thing that can be set: a trait and, where `sent`, a field of the request.

    None is not sent. A flag that starts with `--no-` sets it to False. `rule` returns
    what is wrong with a value; `bare` is what the flag means without one.
    """

    name: str
    kind: Kind
    flags: tuple[str, ...] = ()
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    sent: bool = True
    rule: Callable[[Any], str] | None = None
    choices: tuple[str, ...] = ()
    bare: str = ""
    words: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        """What it is for."""
        return str(_texts()[self.name])

    @property
    def flag_help(self) -> str:
        """What its flag does."""
        return str(_texts()["flags"].get(self.name, self.help))

    @property
    def suggestions(self) -> tuple[str, ...]:
        """The texts to offer on Tab."""
        return self.words or self.choices

    @property
    def may_be_unset(self) -> bool:
        """Whether None may stand for its value: what is sent need not be."""
        may_be_absent = self.kind in ("number", "integer", "json", "texts")
        return self.default is None or (self.sent and may_be_absent)

    @property
    def limits(self) -> str:
        """The range, such as `from 0 to 2` or `at least 1`; empty without one."""
        if self.minimum is None:
            return ""
        if self.maximum is None:
            return f"at least {self.minimum:g}"
        return f"from {self.minimum:g} to {self.maximum:g}"

    def parse(self, text: str) -> Any:
        """Read a value as typed after a flag; raise `InputError` if it is none."""
        if self.kind in ("text", "texts"):
            return self.check(text if self.kind == "text" else [text])
        value = _literal(text)
        if value == text and (self.kind != "json" or text[:1] in ("{", "[")):
            raise self._refused(text, f"be {self.describe()}")
        return self.check(value)

    def check(self, value: Any) -> Any:
        """Return `value` as it is sent; raise `InputError` if it cannot be."""
        if value is None or value == []:
            return None
        accepted = _as_kind(self.kind, value)
        if accepted is None or (self.choices and accepted not in self.choices):
            raise self._refused(value, f"be {self.describe()}")
        if self.minimum is not None:
            high = math.inf if self.maximum is None else self.maximum
            if not self.minimum <= accepted <= high:
                raise self._refused(accepted, f"be {self.limits}")
        if wrong := self.rule(accepted) if self.rule else "":
            raise self._refused(accepted, wrong)
        return accepted

    def describe(self) -> str:
        """Return what a value must be, in words."""
        if self.choices:
            return f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
        of = "of " if self.maximum is None else ""
        return _WORDS[self.kind] + (f" {of}{self.limits}" if self.limits else "")

    def _refused(self, value: Any, must: str) -> InputError:
        # Here and not above: loading the extension is to stay light.
        from nemotron_magic.core.errors import InputError

        shown = value if isinstance(value, str) else repr(value)
        if self.kind in ("number", "integer") and any(map(str.isdigit, shown)):
            shown = repr(value)  # tells a figure in quotes from the figure
        return InputError(f"{self.name} must {must}, got {shown[:60] or 'nothing'}")


@cache
def _texts() -> Mapping[str, Any]:
    # Here and not above: loading the extension is to stay light.
    import tomllib
    from importlib.resources import files

    return tomllib.loads(files(__package__).joinpath("help.toml").read_text("utf-8"))


_PYTHON = {"True": True, "False": False, "None": None}
_WORDS: dict[Kind, str] = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "text": "text",
    "texts": "text or a list of texts",
    "json": "a JSON value",
}


def _literal(text: str) -> Any:
    """Return JSON, Python's words for it, or a number such as `.5`; else `text`."""
    if text in _PYTHON:
        return _PYTHON[text]
    for read in (json.loads, float):
        with suppress(ValueError, RecursionError):
            return read(text)
    return text


def _as_kind(kind: Kind, value: Any) -> Any:
    """Return a value as one of a kind; None if it is none."""
    if kind == "number":
        return _number(value)
    if kind == "integer":
        number = _number(value)
        return int(number) if number is not None and number == int(number) else None
    if kind == "texts":
        values = list(value) if isinstance(value, list | tuple) else [value]
        return values if all(isinstance(one, str) for one in values) else None
    if kind == "json":
        with suppress(TypeError, ValueError, RecursionError):
            json.dumps(value, allow_nan=False)
            return value
        return None
    return value if isinstance(value, bool if kind == "boolean" else str) else None


def _number(value: Any) -> float | None:
    # Here and not above: loading the extension is to stay light.
    from nemotron_magic.core.loose_json import as_number

    return as_number(value)


def _at_most_four(values: list[str]) -> str:
    if any(not value for value in values):
        return "hold no empty text"
    return "" if len(values) <= 4 else "hold at most 4 texts"


def _not_blank(value: str) -> str:
    return "" if value.strip() else "not be empty"


def _is_selection(value: str) -> str:
    ranges = [re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", one) for one in value.split()]
    if value.strip() not in _CONTEXT_WORDS and (not ranges or None in ranges):
        return "be auto, none, all, a number or ranges such as 3-7 9"
    backward = [r[0] for r in ranges if r and r[2] and int(r[1]) > int(r[2])]
    return f"name the lower number first, not {backward[0]}" if backward else ""


def _is_list(value: Any) -> str:
    return "" if isinstance(value, list) else "be a list"


def _biases(value: Any) -> str:
    good = isinstance(value, dict) and all(
        (number := _number(bias)) is not None and -100 <= number <= 100
        for bias in value.values()
    )
    return "" if good else "map token ids to numbers from -100 to 100"


def _is_object(value: Any) -> str:
    return "" if isinstance(value, dict) else "be a JSON object"


def _is_choice(value: Any) -> str:
    good = isinstance(value, dict) or value in ("none", "auto", "required")
    return "" if good else 'be "none", "auto", "required" or a JSON object'


# Ranges: https://docs.aimlapi.com/api-references/text-models-llm/nvidia (2026-08-21).
PARAMETERS: tuple[Parameter, ...] = (
    Parameter("model", "text", ("-m", "--model"), DEFAULT_MODEL, rule=_not_blank),
    Parameter("temperature", "number", ("-t", "--temperature"), minimum=0, maximum=2),
    Parameter("top_p", "number", ("--top-p",), minimum=0.01, maximum=1),
    Parameter("top_k", "number", ("--top-k",)),
    Parameter("min_p", "number", ("--min-p",), minimum=0.001, maximum=0.999),
    Parameter("max_tokens", "integer", ("-n", "--max-tokens"), 4096, minimum=1),
    Parameter("seed", "integer", ("--seed",), minimum=1),
    Parameter("stop", "texts", ("--stop",), rule=_at_most_four),
    Parameter("frequency_penalty", "number", ("--frequency-penalty",), minimum=-2,
              maximum=2),
    Parameter("presence_penalty", "number", ("--presence-penalty",), minimum=-2,
              maximum=2),
    Parameter("repetition_penalty", "number", ("--repetition-penalty",)),
    Parameter("n", "integer", minimum=1),
    Parameter("logprobs", "boolean"),
    Parameter("top_logprobs", "integer", minimum=0, maximum=20),
    Parameter("logit_bias", "json", rule=_biases),
    Parameter("echo", "boolean"),
    Parameter("prediction", "json", rule=_is_object),
    Parameter("tools", "json", rule=_is_list),
    Parameter("tool_choice", "json", rule=_is_choice),
    Parameter("parallel_tool_calls", "boolean"),
    Parameter("response_format", "json", rule=_is_object),
    Parameter("stream", "boolean", ("--no-stream",), True),
    Parameter("stream_options", "json", default={"include_usage": True},
              rule=_is_object),
    Parameter("system", "text", ("-s", "--system"), DEFAULT_SYSTEM, sent=False),
    Parameter("context", "text", ("-c", "--context"), "auto", sent=False,
              rule=_is_selection, words=_CONTEXT_WORDS),
    Parameter("data", "text", ("--data",), "schema", sent=False,
              choices=("schema", "sample", "full")),
    Parameter("context_tokens", "integer", minimum=0, sent=False),
    Parameter("repair", "integer", ("--repair",), 0, minimum=0, maximum=5, sent=False),
    Parameter("try_code", "text", ("--try",), "off", sent=False, bare="on",
              choices=("off", "on")),
    Parameter("insert_button", "text", default="auto", sent=False,
              choices=("auto", "on", "off")),
    Parameter("redact", "boolean", default=True, sent=False),
    Parameter("base_url", "text", default=DEFAULT_BASE_URL, sent=False,
              rule=_not_blank),
    Parameter("allow_http", "boolean", default=False, sent=False),
    Parameter("max_cost_usd", "number", ("--max-cost",), minimum=0, sent=False),
    Parameter("session_budget_usd", "number", minimum=0, sent=False),
    Parameter("daily_budget_usd", "number", minimum=0, sent=False),
    Parameter("allow_unknown_price", "boolean", default=False, sent=False),
    Parameter("cache", "text", ("--cache",), "off", sent=False, bare="on",
              choices=("off", "on", "replay")),
    Parameter("rows", "text", default="on", sent=False, choices=("on", "off")),
    Parameter("ledger", "text", default="on", sent=False, rule=_not_blank),
    Parameter("log_text", "boolean", default=False, sent=False),
    Parameter("verbose_errors", "boolean", default=False, sent=False),
    Parameter("connect_timeout_s", "number", default=10, minimum=0.1, maximum=600,
              sent=False),
    Parameter("gap_timeout_s", "number", default=60, minimum=0.1, maximum=3600,
              sent=False),
    Parameter("progress_timeout_s", "number", default=120, minimum=0.1, maximum=3600,
              sent=False),
    Parameter("total_timeout_s", "number", default=600, minimum=0.1, maximum=86400,
              sent=False),
)  # fmt: skip

BY_NAME: dict[str, Parameter] = {p.name: p for p in PARAMETERS}
