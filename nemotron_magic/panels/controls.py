"""Which control each row of the parameter table gets: pure, fit for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nemotron_magic.panels.values import shown
from nemotron_magic.parameters import PARAMETERS, Parameter

__all__ = ["FIRST", "Control", "Shape", "control_of", "table"]

Shape = Literal["slider", "number", "switch", "choice", "model", "text", "area"]

FIRST = (
    "model",
    "system",
    "temperature",
    "top_p",
    "max_tokens",
    "seed",
    "stop",
    "context",
    "data",
    "context_tokens",
)
"""What analysts set most often; the rest waits under headings that open."""

_GROUPS = {
    "Sampling": (
        "top_k",
        "min_p",
        "frequency_penalty",
        "presence_penalty",
        "repetition_penalty",
        "logit_bias",
    ),
    "The reply": (
        "n",
        "response_format",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "logprobs",
        "top_logprobs",
        "echo",
        "prediction",
        "stream",
        "stream_options",
        "repair",
    ),
    "Cost": (
        "max_cost_usd",
        "session_budget_usd",
        "daily_budget_usd",
        "allow_unknown_price",
        "cache",
        "ledger",
        "log_text",
    ),
    "Privacy and service": (
        "redact",
        "base_url",
        "allow_http",
        "connect_timeout_s",
        "gap_timeout_s",
        "progress_timeout_s",
        "total_timeout_s",
        "verbose_errors",
    ),
}
_OTHERS = "The rest"

_UNITS = {"s": "seconds", "usd": "US dollars"}
_SPELT = {"url": "URL", "http": "HTTP", "n": "answers"}
_LONG = ("system",)
_LOGARITHMIC = 1_000
"""From this ratio of the ends on, equal parts of a slider multiply by equal factors."""

_STEPS = 50
"""A slider has at least so many places."""


@dataclass(frozen=True, slots=True)
class Control:
    """How one row is shown and edited.

    Attributes
    ----------
    shape : str
        `slider` (with a field beside it), `number`, `switch`, `choice`, `model`, `text`
        (one line) or `area` (several).
    accepts : str
        What a value must be, in words.
    nullable : bool
        Whether it may be left unset, which is a state of its own.
    default : Any
        As `values.shown` gives it.
    step : float or None
        What one press of an arrow key adds.
    """

    name: str
    label: str
    group: str
    shape: Shape
    help: str
    accepts: str
    flags: str
    nullable: bool
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    is_logarithmic: bool = False
    choices: tuple[str, ...] = ()
    is_code: bool = False


def control_of(parameter: Parameter) -> Control:
    """Give the control of a row."""
    shape = _shape(parameter)
    return Control(
        parameter.name,
        _label(parameter.name),
        _group(parameter.name),
        shape,
        parameter.help,
        parameter.describe(),
        ", ".join(parameter.flags),
        parameter.may_be_unset,
        shown(parameter, parameter.default),
        parameter.minimum,
        parameter.maximum,
        _step(parameter),
        shape == "slider" and _is_logarithmic(parameter),
        _choices(parameter),
        parameter.kind in ("json", "texts"),
    )


def table(parameters: Iterable[Parameter] = PARAMETERS) -> list[dict[str, Any]]:
    """Give the controls in the order in which they are shown."""
    order = [*FIRST, *(name for names in _GROUPS.values() for name in names)]
    places = {name: place for place, name in enumerate(order)}
    rows = sorted(parameters, key=lambda p: places.get(p.name, len(places)))
    return [asdict(control_of(parameter)) for parameter in rows]


def _shape(parameter: Parameter) -> Shape:
    if parameter.name == "model":
        return "model"
    if parameter.kind in ("number", "integer"):
        has_ends = parameter.minimum is not None and parameter.maximum is not None
        return "slider" if has_ends else "number"
    if parameter.kind == "boolean":
        return "choice" if parameter.may_be_unset else "switch"
    if parameter.choices:
        return "choice"
    is_line = parameter.kind == "text" and parameter.name not in _LONG
    return "text" if is_line else "area"


def _label(name: str) -> str:
    *words, last = name.split("_")
    if words and last in _UNITS:
        name = f"{'_'.join(words)} ({_UNITS[last]})"
    label = " ".join(_SPELT.get(word, word) for word in name.split("_"))
    return label[:1].upper() + label[1:]


def _group(name: str) -> str:
    if name in FIRST:
        return ""
    return next((group for group in _GROUPS if name in _GROUPS[group]), _OTHERS)


def _choices(parameter: Parameter) -> tuple[str, ...]:
    if parameter.kind == "boolean":
        return ("true", "false")
    return parameter.suggestions


def _is_logarithmic(parameter: Parameter) -> bool:
    low, high = parameter.minimum or 0, parameter.maximum or 0
    return low > 0 and high / low >= _LOGARITHMIC


def _step(parameter: Parameter) -> float | None:
    """Give a round step, which also reaches the lower end's neighbours."""
    if parameter.kind == "integer":
        return 1
    low, high = parameter.minimum, parameter.maximum
    if parameter.kind != "number" or low is None or high is None:
        return None
    step = _round((high - low) / _STEPS)
    return min(step, _round(low)) if low > 0 else step


def _round(number: float) -> float:
    """Give the next smaller of 1, 2, 5, 10, 20, 50 and so on, or of 0.5, 0.2, 0.1."""
    power = 10.0 ** math.floor(math.log10(number))
    digit = next(d for d in (5, 2, 1) if number / power >= d - 1e-9)
    return float(f"{digit * power:.6g}")
