"""The command `rows`: ask about each row of a table, list runs, settle and forget."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from nemotron_magic.context.variables import evaluate
from nemotron_magic.core.endpoint import Endpoint
from nemotron_magic.core.errors import (
    InputError,
    InvalidAnswerError,
    NemotronError,
    RequestError,
)
from nemotron_magic.core.loose_json import as_dict, as_number
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import format_usd, one_line, plural
from nemotron_magic.display.reports import preview_messages
from nemotron_magic.magics.app import App
from nemotron_magic.magics.flags import FLAG_OF
from nemotron_magic.magics.parser import ParsedMagic
from nemotron_magic.session.rows.frame import Progress, Row, Rows, format_duration
from nemotron_magic.session.rows.task import RowsQuestion, read_table
from nemotron_magic.session.structured.asking import as_cell
from nemotron_magic.storage.rows import AnswerRecord, RowState, RowStore

__all__ = ["run"]

_PILOT_ROWS = 5
_FEW_ROWS = 20
_SHOWN_CHARS = 60
_LIST = ("Run", "Model", "Rows", "Answered", "Errors", "Maybe billed", "Cost", "Last")


def run(app: App, call: ParsedMagic, settings: Settings, line: str) -> Any:
    """Do what was typed after `rows`; return the frame of answers, if it asked."""
    text = call.text.strip()
    word, _, rest = text.partition(" ")
    if not call.cell.strip() and (not text or word in ("check", "forget")):
        store = app.session.row_store(settings)
        shown = {"": _listed, "check": _checked, "forget": _forgotten}[word]
        app.displays.show_markdown(shown(app, store, settings, rest.strip()))
        return None
    expression, flags = _split_flags(text)
    if flags:
        typed = line[: line.rindex("rows:")]
        raise InputError(
            "flags stand before rows:",
            "nothing was sent",
            f"Type: %%nemotron {typed}{flags} rows: {expression}",
        )
    _refuse_others(call)
    question = _question(app, call, expression)
    if call.preview:
        app.displays.show_markdown(_preview(app, question, settings))
        return None
    return _Asking(app, call, question, settings).ask()


def _refuse_others(call: ParsedMagic) -> None:
    """Refuse flags that say something of a conversation: a row has none."""
    others = ("code", "replace", "files", "notebook", "thread", "fresh")
    if given := next((one for one in others if getattr(call, one)), ""):
        raise InputError(
            f"--{given.removesuffix('s')} is for a question, and has no use for rows",
            "each row goes out by itself; nothing was sent",
            f"Leave it out: %%nemotron … rows: {call.text}",
        )


def _split_flags(text: str) -> tuple[str, str]:
    """Return an expression, and what stands behind it and looks like flags."""
    words = text.split(" ")
    flags = (n for n, one in enumerate(words) if one.partition("=")[0] in FLAG_OF)
    at = next(flags, len(words))
    return " ".join(words[:at]).strip(), " ".join(words[at:]).strip()


def _question(app: App, call: ParsedMagic, expression: str) -> RowsQuestion:
    names = app.shell.user_ns
    values = _value(expression, names)
    size = read_table(values).size
    flags = call.rows
    sample = flags.get("sample")
    if sample is None and not flags.get("all") and size >= _FEW_ROWS:
        sample = _PILOT_ROWS
    label = flags.get("label")
    return RowsQuestion(
        instruction=call.cell,
        values=values,
        as_=call.as_.named(call.out) if call.as_ else "reply",
        at_once=flags.get("at_once", 16),
        rpm=flags.get("rpm"),
        sample=None if flags.get("all") else sample,
        again=(flags["again"],) if "again" in flags else (),
        label=label and _truth(expression, label, names),
        name=call.out or one_line(expression, 40),
    )


def _value(expression: str, names: dict[str, Any]) -> Any:
    """Return what a name or path stands for; raise InputError, and run nothing."""
    if not expression:
        raise InputError(
            "rows: of what? A name or a path follows the colon",
            "nothing was sent",
            "Such as: %%nemotron rows: df.review   and the question below",
        )
    try:
        return evaluate(expression, names)
    except InputError as error:
        if "backslash" in error.hint:
            error.hint = ""
        error.hint = error.hint.replace("; then write $`x`", "   then: rows: x")
        error.hint = error.hint.replace("$`", "").replace("`", "")
        error.what = error.what.replace("$`", "").replace("`", "")
        error.why = error.why or "nothing was sent"
        raise
    except Exception as error:
        what = f"{one_line(expression, 60)} is not there"
        raise InputError(what, f"{type(error).__name__}: {error}") from None


def _truth(expression: str, label: str, names: dict[str, Any]) -> Any:
    """Return the column of the truth: of the frame itself, or of that it is part of."""
    node = ast.parse(expression, mode="eval").body
    while True:
        value: Any = evaluate(ast.unparse(node), names)
        columns = getattr(value, "columns", ())
        if type(value).__name__ == "DataFrame" and label in list(columns):
            is_own = ast.unparse(node) == expression
            return label if is_own else value[label]
        if not isinstance(node, ast.Attribute | ast.Subscript):
            break
        node = node.value
    raise InputError(
        f"there is no column {one_line(label, 40)} beside {expression}",
        hint="Take the frame, too: rows: df[['review', 'truth']] with {review} below",
    )


def _preview(app: App, question: RowsQuestion, settings: Settings) -> str:
    prepared = app.session.prepare_rows(question, settings)
    request = prepared.first_request()
    many, most_usd = plural(prepared.size, "row"), prepared.most_usd(request)
    notes = [
        ("goes out for each of", many),
        ("columns that go out", ", ".join(map(as_cell, prepared.columns))),
        ("goes to", f"`{request.settings.model}` at `{request.endpoint.netloc}`"),
        ("may cost, a row", _at_most(most_usd)),
        (f"may cost, all {many}", _at_most(most_usd and most_usd * prepared.size)),
    ]
    return preview_messages(request.body(), notes, "What the first row would send")


def _at_most(cost_usd: float | None) -> str:
    if cost_usd is None:
        return "unknown (`%nemotron models` shows the prices that are known)"
    return f"at most {format_usd(cost_usd)}"


class _Asking:
    """Asks about rows, and shows how far it has come and what came of it."""

    def __init__(
        self, app: App, call: ParsedMagic, question: RowsQuestion, settings: Settings
    ) -> None:
        self._app, self._call, self._question = app, call, question
        self._settings = settings
        self._paint = app.displays.live()

    def ask(self) -> Any:
        """Return the frame of answers, unless it goes into a variable."""
        try:
            session, settings = self._app.session, self._settings
            rows = session.ask_rows(self._question, settings, self._watch)
        except NemotronError as error:
            if error.rows is not None:
                self._keep(error.rows)
                if not error.hint:
                    error.hint = "Go on: run this cell again; what is answered is kept"
                if not error.why:
                    error.why = f"{error.rows.summary()}; it is kept"
            raise
        self._keep(rows)
        if self._call.rows.get("strict") and rows.errors:
            raise _strict(rows)
        if self._call.out:
            return None
        return rows.head(len(rows)) if rows.left else rows.frame

    def _watch(self, progress: Progress) -> None:
        if not self._call.quiet:
            line = str(progress)
            self._paint(f"{line}\n\n{_table(progress.last, ())}", line, False)

    def _keep(self, rows: Rows) -> None:
        if self._call.out:
            self._app.shell.push({self._call.out: rows.frame}, interactive=True)
        if self._call.quiet:
            return
        shown = (
            (row, rows.sent(at))
            for at, row in enumerate(rows)
            if row.note not in ("not asked", "empty")
        )
        first = [*islice(shown, _PILOT_ROWS)]
        found, sent = [row for row, _ in first], [text for _, text in first]
        table = _table(found, rows.names, rows.sent_names, sent)
        parts = [table, _end_line(rows, self._question)]
        if self._question.label is not None:
            parts.append(rows.scores())
        store = self._app.session.row_store(self._settings)
        parts.append(store.pop_warning())
        self._paint("\n\n".join(filter(None, parts)), "", True)


def _end_line(rows: Rows, question: RowsQuestion) -> str:
    line = rows.summary()
    if question.sample is not None and rows.left:
        about = rows.estimate
        different = f" ({rows.unique:,} different)" if rows.equal else ""
        cost = rows.cost_text()
        if about.cost_usd is not None:
            error = format_usd(about.error_usd)
            cost += f" · all: about {format_usd(about.cost_usd)} ± {error}"
        took = format_duration(about.duration_s)
        line = (
            f"{rows.done:,} of {plural(len(rows), 'row')}{different} · {cost}, "
            f"{took} at {rows.at_once} at once · `--all`"
        )
    lines = [line]
    if rows.asked:
        columns = ", ".join(filter(None, map(as_cell, rows.details["columns"])))
        sent = f"Sent: {f'column {columns}' if columns else 'the values'}"
        secrets = plural(rows.redacted, "secret")
        lines.append(f"{sent} · {secrets} taken out")
    doubtful = sum("may have been billed" in row.error for row in rows.errors)
    if doubtful:
        lines.append(
            f"{plural(doubtful, 'row')} may have been billed: `%nemotron rows: check`, "
            "or `--again billed`"
        )
    return "  \n".join(lines)


def _table(
    rows: Iterable[Row],
    names: Sequence[str],
    sent_names: str = "",
    sent: Sequence[str] = (),
) -> str:
    """Return rows as a Markdown table: what went out, under the names of the fields."""
    rows = [*rows]
    if not rows:
        return ""
    found = [row.value for row in rows if isinstance(row.value, dict)]
    names = [*names] or list(dict.fromkeys(name for one in found for name in one))
    has_errors = any(row.error for row in rows)
    heads = ["row", *[sent_names] * bool(sent), *names] + ["error"] * has_errors
    lines = ["| " + " | ".join(map(as_cell, heads)) + " |", "|" + ":--|" * len(heads)]
    for at, row in enumerate(rows):
        is_single = not isinstance(row.value, dict)
        values = {names[0]: row.value} if is_single and names else row.value or {}
        cells: list[Any] = [str(row.index), *sent[at : at + 1]]
        cells += [values.get(name) for name in names]
        cells += [row.error] if has_errors else []
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return as_cell(one_line(value, _SHOWN_CHARS))
    return "" if value is None else as_cell(value)


def _strict(rows: Rows) -> NemotronError:
    first = rows.errors[0]
    return InvalidAnswerError(
        f"{plural(len(rows.errors), 'row')} without an answer",
        f"row {first.index}: {first.error}",
        "Ask them again: --again errors   Or keep what there is: without --strict",
    )


def _listed(app: App, store: RowStore, settings: Settings, text: str) -> str:
    tasks = store.tasks()
    if not tasks:
        return (
            "No rows have been asked about yet. Such as: "
            '`%%nemotron --as "tone: good|bad" -o out rows: df.review`, and below it '
            "what to do with each row."
        )
    lines = [
        "| " + " | ".join(_LIST) + " |",
        "|:--|:--|--:|--:|--:|--:|--:|:--|",
    ]
    for task in tasks:
        states = Counter(task.states)
        doubtful = states[RowState.SENT] + states[RowState.UNKNOWN]
        cells = (
            as_cell(task.name or "rows"),
            as_cell(task.model),
            f"{task.rows:,}",
            f"{states[RowState.ANSWERED]:,}",
            f"{states[RowState.INVALID] + states[RowState.REFUSED]:,}",
            f"{doubtful:,}",
            format_usd(task.cost_usd),
            f"{datetime.fromtimestamp(task.used_s):%Y-%m-%d %H:%M}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _forgotten(app: App, store: RowStore, settings: Settings, name: str) -> str:
    names = sorted({one.name for one in store.tasks()})
    if name not in names:
        raise InputError(
            f"there is no run {one_line(name, 40)}" if name else "forget what?",
            hint=f"There are: {one_line(', '.join(names) or 'none yet', 200)}   "
            "Type: %nemotron rows: forget NAME",
        )
    return f"Forgot {plural(store.forget(name), 'answer')} of {as_cell(name)}."


def _checked(app: App, store: RowStore, settings: Settings, text: str) -> str:
    """Settle rows that may have been billed, by the service's log of requests."""
    session, lines = app.session, []
    for task in store.tasks():
        doubtful = [r for r in store.find(task.hash).values() if r.may_be_billed]
        if not doubtful:
            continue
        endpoint = Endpoint.read(task.base_url)
        try:
            logged = session.client.logged(endpoint, session.credentials.key(endpoint))
        except RequestError as error:
            raise RequestError(
                f"{endpoint.netloc} has no log of requests",
                f"{plural(len(doubtful), 'row')} may have been billed; {error.what}",
                "Ask them again, which may cost twice: --again billed",
            ) from None
        settled = [s for r in doubtful if (s := _settled(r, logged))]
        store.put(task.hash, settled)
        free = sum(one.state == RowState.REFUSED for one in settled)
        lines.append(
            f"{as_cell(task.name or 'rows')}: {len(settled) - free:,} billed, "
            f"{free:,} not billed, {len(doubtful) - len(settled):,} not in the log."
        )
    return "  \n".join(lines) or "No row may have been billed without an answer."


def _settled(record: AnswerRecord, logged: dict[str, Any]) -> AnswerRecord | None:
    """Return a doubtful row as the log of the service has it; None if it has not."""
    found = logged.get(record.request_id())
    if found is None:
        return None
    cost_usd = as_number(as_dict(found.get("cost")).get("usd", found.get("cost")))
    if cost_usd:
        spent_usd = (record.cost_usd or 0.0) + cost_usd
        error = f"the answer was lost; billed {format_usd(cost_usd)}"
        return replace(record, state=RowState.INVALID, cost_usd=spent_usd, error=error)
    return replace(
        record, state=RowState.REFUSED, error="not billed, by the service's log"
    )
