"""The rows of a table with their answers, as values and as a typed frame."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from nemotron_magic.core import public
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.text import format_usd, plural
from nemotron_magic.core.usage import Usage
from nemotron_magic.session.rows.task import OWN_COLUMNS, RowTask, is_missing
from nemotron_magic.session.structured.asking import as_cell, as_table
from nemotron_magic.session.structured.fields import Field, Misfit
from nemotron_magic.storage.rows import AnswerRecord, RowState

_ERROR, _NOTE, _COST = OWN_COLUMNS
_MOST_LABELS = 30
_LOST = "no answer came; it may have been billed"


@public
@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table with its answer.

    Attributes
    ----------
    index : Any
        Its label in the input's index, or its place.
    value : Any
        The answer, or None.
    error : str
        Why a row that was asked has no answer.
    usage : Usage
        Tokens and cost of all attempts; of equal rows, the first alone has any.
    cost_usd : float or None
        What it cost, in US dollars.
    note : str
        What was done to the answer, or why the row was not asked.
    """

    index: Any
    value: Any = None
    error: str = ""
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    note: str = ""


def row_of(index: Any, one: AnswerRecord) -> Row:
    """Return a row as it was kept, with its value as JSON has it."""
    is_answer = one.state == RowState.ANSWERED
    value = json.loads(one.value or "{}") if is_answer else None
    usage = Usage(one.prompt_tokens, one.completion_tokens, cost_usd=one.cost_usd)
    error = "" if is_answer else one.error or _LOST
    return Row(index, value, error, usage, one.cost_usd, one.note or "")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What all rows would cost and take, by those that were asked."""

    cost_usd: float | None = None
    error_usd: float = 0.0
    duration_s: float | None = None

    @classmethod
    def of(
        cls, asked: Iterable[tuple[int, float | None]], all_chars: int, many: int
    ) -> Estimate:
        """Return it by lengths and costs, within two standard errors of their ratio."""
        known = [(chars, cost) for chars, cost in asked if cost is not None]
        chars = sum(one for one, _ in known)
        if not chars:
            return cls()
        a_char = sum(cost for _, cost in known) / chars
        squares = sum((cost - a_char * size) ** 2 for size, cost in known)
        spread = math.sqrt(squares / max(len(known) - 1, 1) / len(known))
        return cls(a_char * all_chars, 2 * spread * many)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come."""

    done: int
    wanted: int
    errors: int
    a_second: float
    at_once: int
    cost_usd: float | None
    about_usd: float | None
    left_s: float | None
    waiting: str = ""
    last: tuple[Row, ...] = ()

    def __str__(self) -> str:
        cost, left = "", self.waiting
        if self.cost_usd is not None:
            about = f" of about {format_usd(self.about_usd)}" if self.about_usd else ""
            cost = f"{format_usd(self.cost_usd)}{about}"
        if not left and self.left_s is not None:
            left = f"{format_duration(self.left_s)} left"
        a_second = f"{self.a_second:,.3g}/s" if self.a_second else ""
        errors = plural(self.errors, "error") if self.errors else ""
        done, at_once = f"{self.done:,} of {self.wanted:,}", f"{self.at_once} at once"
        return " · ".join(filter(None, (done, a_second, at_once, cost, errors, left)))


def format_duration(seconds: float) -> str:
    """Return a time in words, as short as it may be read.

    >>> format_duration(348), format_duration(12.3), format_duration(7_260)
    ('5 min 48 s', '12 s', '2 h 1 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@public
@dataclass(frozen=True)
class Rows:
    """The answers to the rows of a table, also of a run that was stopped.

    Iterating gives a `Row` for each row of the input, in its order.

    Attributes
    ----------
    asked : int
        How many rows this run has asked.
    equal : int
        How many rows have the answer of another one with the same text.
    unique : int
        How many different rows there are.
    elapsed_s : float
        How long this run took.
    at_once : int
        How many rows were under way at its end.
    redacted : int
        How many secrets were redacted from what was sent.
    estimate : Estimate
        What all rows would cost, by those that were asked.
    stopped : NemotronError or None
        What stopped the run before its end.
    details : mapping
        Model, instruction and fields that the answers belong to.
    """

    asked: int
    equal: int
    unique: int
    elapsed_s: float
    at_once: int
    redacted: int
    estimate: Estimate
    stopped: NemotronError | None
    details: Mapping[str, Any]
    _task: RowTask
    _keys: Sequence[bytes]
    _found: Mapping[bytes, AnswerRecord]
    _labels: Sequence[Any]
    _again: Callable[[], Rows]
    _sent: Callable[[int], str]

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Row]:
        fields = self._task.fields
        for row in self._rows(self._index()):
            if row.value is not None:
                try:
                    row = replace(row, value=fields.build(fields.check(row.value)))
                except Misfit as misfit:  # the user's type is stricter now
                    row = replace(row, value=None, error=f"invalid: {misfit}")
            yield row

    def __repr__(self) -> str:
        return f"<rows: {self.summary()}>"

    def _repr_html_(self) -> str | None:
        shown = getattr(self.frame, "_repr_html_", None)
        return shown() if shown else None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns that answers have."""
        return self._task.fields.names

    @property
    def errors(self) -> tuple[Row, ...]:
        """The rows that were asked and have no answer of the kind that was wanted."""
        ends = enumerate(map(self._found.get, self._keys))
        wrong = [at for at, one in ends if one and one.state != RowState.ANSWERED]
        return tuple(self._rows(self._index(), wrong))

    @property
    def done(self) -> int:
        """How many rows have an answer, or an error instead of one."""
        return self.states.total() - self.states[RowState.REFUSED]

    @property
    def left(self) -> int:
        """How many rows were not asked yet, or were refused unbilled."""
        return sum(map(bool, self._keys)) - self.done

    @property
    def cost_usd(self) -> float | None:
        """What its answers cost, whenever they were asked; None if unknown."""
        known = self._known()
        costs = [one.cost_usd for one in known if one.cost_usd is not None]
        is_free = all(one.state == RowState.REFUSED for one in known)
        return sum(costs) if costs or is_free else None

    @property
    def states(self) -> Counter[RowState]:
        """How many rows have come how far, of those that were ever sent."""
        found = self._found
        return Counter(found[key].state for key in self._keys if key in found)

    def _known(self) -> list[AnswerRecord]:
        return [self._found[key] for key in {*self._keys} & self._found.keys()]

    def resume(self) -> Rows:
        """Ask the rows that were not asked yet, with all that was set before."""
        return self._again()

    @property
    def frame(self) -> Any:
        """The answers in columns, with the input's index, and its order.

        A pandas or polars frame as the input was; without either, a list of dicts.
        Beside the fields there are `_error`, `_note` and `_cost_usd`.
        """
        return self._frame(range(len(self)))

    def head(self, many: int = 5) -> Any:
        """Return a frame of the first rows that have an answer or an error."""
        return self._frame([at for at, _ in self.first(many)])

    def first(self, many: int) -> list[tuple[int, Row]]:
        """Return the first that were asked, by place, with values as JSON has them."""
        asked = (at for at, key in enumerate(self._keys) if key in self._found)
        places = [*islice(asked, many)]
        return [*zip(places, self._rows(self._index(), places), strict=True)]

    def summary(self) -> str:
        """Return the run in one line: rows, errors, cost, time."""
        errors = len(self.errors)
        parts = [plural(len(self), "row")]
        if self.left:
            parts = [f"{self.done:,} of {parts[0]}{self._task.table.part}"]
        parts.append(f"{self.asked:,} asked")
        parts += [f"{self.equal:,} equal"] if self.equal else []
        parts += [plural(errors, "error")] if errors else []
        return " · ".join([*parts, self.cost_text(), format_duration(self.elapsed_s)])

    def cost_text(self) -> str:
        """Return what its answers cost; of a rehearsal, what they would cost."""
        if self.cost_usd is None:
            counts = ((r.prompt_tokens, r.completion_tokens) for r in self._known())
            tokens = sum(many or 0 for both in counts for many in both)
            return f"cost unknown, {tokens:,} tokens" if tokens else "cost unknown"
        would = "rehearsal, would be " if self.details.get("is_rehearsal") else ""
        return f"{would}{format_usd(self.cost_usd)}"

    @property
    def sent_names(self) -> str:
        """The names of the columns whose values go out."""
        return " · ".join(filter(None, self.details["columns"])) or "value"

    def sent(self, at: int) -> str:
        """Return the values of a row, by its place, as they go out: without secrets."""
        return self._sent(at)

    def scores(self) -> str:
        """Return, as Markdown, how the answers compare with the truth.

        Of several fields, the first that has labels, or else the first.
        """
        fields = self._task.fields.fields
        field = next((one for one in fields if one.labels), fields[0])
        pairs, failed = [], 0
        rows = self._rows(range(len(self)))
        for row, value in zip(rows, self._labels, strict=False):
            truth = "" if is_missing(value) else field.as_label(value)
            if row.value is not None and truth:
                pairs.append((row.index, truth, field.as_label(row.value[field.name])))
            failed += bool(row.error and truth)
        if not pairs:
            return "No row has both an answer and a truth."
        folded = [(truth.casefold(), answer.casefold()) for _, truth, answer in pairs]
        hits = Counter(truth for truth, answer in folded if truth == answer)
        right, many = hits.total(), len(pairs)
        parts = [f"{right:,} of {many:,} agree: accuracy {right / many:.1%}"]
        if failed:
            parts[0] += f" · {plural(failed, 'labeled row')} without an answer"
        parts += _by_label(field, pairs, hits)
        often, index = Counter(folded), self._index()
        wrong = [n for n, (truth, answer) in enumerate(folded) if truth != answer]
        wrong.sort(key=lambda n: -often[folded[n]])
        worst = [
            [as_cell(one, 60) for one in (str(index[at]), self.sent(at), truth, answer)]
            for at, truth, answer in (pairs[n] for n in wrong[:5])
        ]
        heads = ("Row", as_cell(self.sent_names), "Truth", "Answer")
        return "\n\n".join([*parts, as_table(heads, worst)] if worst else parts)

    def _index(self) -> Any:
        own = self._task.table.index
        return range(len(self)) if own is None else own

    def _rows(
        self, index: Sequence[Any], places: Iterable[int] | None = None
    ) -> Iterator[Row]:
        """Yield rows with values as JSON has them; of equal ones, one has a cost."""
        seen: dict[bytes, Row] = {}
        free = Usage(cost_usd=0.0)
        for at in range(len(self)) if places is None else places:
            key = self._keys[at]
            if key in seen:
                yield replace(seen[key], index=index[at], usage=free, cost_usd=0.0)
            elif key in self._found:
                seen[key] = row_of(index[at], self._found[key])
                yield seen[key]
            else:
                yield Row(index[at], note="not asked" if key else "empty")

    def _frame(self, places: Sequence[int]) -> Any:
        rows = [*self._rows(range(len(self)), places)]
        values = [row.value or {} for row in rows]
        columns = {name: [one.get(name) for one in values] for name in self.names}
        columns[_ERROR] = [row.error or None for row in rows]
        columns[_NOTE] = [row.note or None for row in rows]
        columns[_COST] = [row.cost_usd for row in rows]
        library = self._task.table.library
        if library is None:
            by_row = zip(*columns.values(), strict=True)
            return [dict(zip(columns, row, strict=True)) for row in by_row]
        fields = self._task.fields.fields
        is_polars = library.__name__ == "polars"
        dtype = _polars_dtype if is_polars else _pandas_dtype
        dtypes = {f.name: dtype(library, f) for f in (*fields, *_OWN_FIELDS)}
        if is_polars:
            frame = library.DataFrame(columns, schema=dtypes)
            dates = [f.name for f in fields if f.kind == "date" and not f.is_list]
            days = library.col(dates).str.to_date()
            return frame.with_columns(days) if dates else frame
        index = self._task.table.index
        index = library.RangeIndex(len(self)) if index is None else index
        index = index if len(places) == len(self) else index.take(list(places))
        arrays = {
            name: library.Series(columns[name], dtype=one).array
            for name, one in dtypes.items()
        }
        frame = library.DataFrame(arrays, index=index)
        frame.attrs["nemotron"] = dict(self.details)
        return frame


def _by_label(
    field: Field, pairs: Sequence[tuple[int, str, str]], hits: Counter[str]
) -> Iterator[str]:
    """Yield a table of labels, as they are spelled first, and those of no field."""
    own = {one.casefold(): one for one in field.labels if not field.is_list}
    truths = Counter(truth.casefold() for _, truth, _ in pairs)
    answers = Counter(answer.casefold() for _, _, answer in pairs)
    texts = (text for _, truth, answer in pairs for text in (answer, truth))
    spelled = {text.casefold(): text for text in [*texts][::-1]} | own
    names = [*dict.fromkeys((*own, *sorted(truths)))][:_MOST_LABELS]

    def share(name: str, of: Counter[str]) -> str:
        return f"{hits[name] / of[name]:.1%}" if of[name] else "–"

    cells = [
        [as_cell(spelled[n]), share(n, answers), share(n, truths), f"{truths[n]:,}"]
        for n in names
    ]
    heads = ("Label", "Precision", "Recall", "Rows")
    yield as_table(heads, cells, "|:--|--:|--:|--:|")
    if other := [name for name in names if own and name not in own]:
        shown = ", ".join(as_cell(spelled[name], 40) for name in other)
        yield f"No label of {as_cell(field.name)}, so never right: {shown}"


_DTYPES = {
    "str": ("string", "String"),
    "int": ("Int64", "Int64"),
    "float": ("Float64", "Float64"),
    "bool": ("boolean", "Boolean"),
    "date": ("datetime64[s]", "String"),
}
"""Of each kind the dtype in pandas, and in polars."""

_OWN_FIELDS = (Field(_ERROR), Field(_NOTE), Field(_COST, "float"))


def _pandas_dtype(pandas: Any, one: Field) -> Any:
    if one.is_list:
        return "object"
    labels = [*one.labels]
    return pandas.CategoricalDtype(labels) if one.is_enum else _DTYPES[one.kind][0]


def _polars_dtype(polars: Any, one: Field) -> Any:
    plain = getattr(polars, _DTYPES[one.kind][1])
    inner = polars.Enum([*one.labels]) if one.is_enum else plain
    return polars.List(inner) if one.is_list else inner
