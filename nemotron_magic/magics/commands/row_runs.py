"""The command `rows`: ask about each row of a table, list runs, settle and forget."""

from __future__ import annotations

import ast
import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from nemotron_magic.context.variables import evaluate
from nemotron_magic.core import errors
from nemotron_magic.core.endpoint import Endpoint
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.loose_json import as_number, at_path
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import format_usd, one_line, plural
from nemotron_magic.display.reports import learn_prices, may_cost, preview_messages
from nemotron_magic.magics.app import App
from nemotron_magic.magics.parser import ParsedMagic
from nemotron_magic.magics.words import FLAG_OF
from nemotron_magic.session.rows.frame import Progress, Row, Rows, format_duration
from nemotron_magic.session.rows.task import RowsQuestion, read_table
from nemotron_magic.session.structured.asking import as_cell, as_table
from nemotron_magic.session.structured.specs import of_own_type
from nemotron_magic.storage.rows import DOUBTFUL, AnswerRecord, RowState, RowStore

_PILOT_ROWS = 5
_FEW_ROWS = 20
_WORDS = ("Run", "Question", "Model", "Last")
_FIGURES = ("Rows", "Answered", "Errors", "Maybe billed", "Cost")
_UNSENT = "nothing was sent"
_NO_RUNS = (
    'No rows have been asked about yet. Try: `%%nemotron --as "tone: good|bad" -o out '
    "rows: df.review`, and below it what to ask about each row."
)


def run(app: App, call: ParsedMagic, settings: Settings, line: str) -> Any:
    """Do what was typed after `rows`; return the frame of answers, if it asked."""
    text = call.text.strip()
    if not call.cell.strip():
        word, _, rest = text.partition(" ")
        verbs = {"": _listed, "check": _checked, "forget": _forgotten}
        if word in verbs:
            store = app.session.row_store(settings)
            app.displays.show_markdown(verbs[word](app, store, rest.strip()))
            return None
        if near := difflib.get_close_matches(word, [*verbs], 1):
            hint = f"Did you mean: %nemotron rows: {near[0]} {rest}".rstrip()
            raise InputError(f"rows has no command {one_line(word, 40)}", hint=hint)
    # As a value is written in a question: $`df.review`.
    text = re.sub(r"\A\$?`([^`]+)`\Z", r"\1", text)
    words = text.split(" ")
    are_flags = (n for n, one in enumerate(words) if one.partition("=")[0] in FLAG_OF)
    at = next(are_flags, len(words))
    expression, flags = " ".join(words[:at]).strip(), " ".join(words[at:]).strip()
    if flags:
        right = f"{line[: line.rindex('rows:')]}{flags} rows: {expression}"
        hint = f"Type: %%nemotron {right}"
        raise InputError("flags stand before rows:", _UNSENT, hint)
    # These say something of a conversation, and a row has none.
    others = ("code", "replace", "files", "notebook", "thread", "fresh")
    if given := next((one for one in others if getattr(call, one)), ""):
        flag, why = f"--{given.removesuffix('s')}", "each row goes out by itself"
        what = f"{flag} is for a question, and has no use for rows"
        hint = f"Leave it out: %%nemotron … rows: {call.text}"
        raise InputError(what, f"{why}; {_UNSENT}", hint)
    question = _question(app, call, expression)
    if call.preview:
        app.displays.show_markdown(_preview(app, question, settings))
        return None
    return _ask(app, call, question, settings)


def _question(app: App, call: ParsedMagic, expression: str) -> RowsQuestion:
    names, flags = app.shell.user_ns, call.rows
    values, label = _value(expression, names), flags.get("label")
    sample = flags.get("sample")
    if sample or not flags.get("all"):
        values = read_table(values, is_sample=True)
        few = _PILOT_ROWS if values.part or values.size >= _FEW_ROWS else None
        sample = sample or few
    return RowsQuestion(
        instruction=call.cell,
        values=values,
        as_=of_own_type(call.as_, names).named(call.out) if call.as_ else "reply",
        at_once=flags.get("at_once", 16),
        rpm=flags.get("rpm"),
        sample=sample,
        again=(flags["again"],) if "again" in flags else (),
        label=label and _truth(expression, label, names),
        name=call.out or one_line(expression, 40),
    )


def _value(expression: str, names: dict[str, Any]) -> Any:
    """Return what a name or path stands for; raise InputError, and run nothing."""
    if not expression:
        what = "rows: of what? A name or a path follows the colon"
        hint = "Such as: %%nemotron rows: df.review   and the question below"
        raise InputError(what, _UNSENT, hint)
    try:
        return evaluate(expression, names)
    except InputError as error:
        # There, a value stands in a question: between $` and `.
        hint = error.hint.replace("; then write $`x`", "   then: rows: x")
        error.hint = "" if "backslash" in hint else re.sub(r"\$?`", "", hint)
        error.what = re.sub(r"\$?`", "", error.what)
        error.why = error.why or _UNSENT
        raise
    except Exception as error:
        what = f"{one_line(expression, 60)} is not there"
        raise InputError(what, f"{type(error).__name__}: {error}") from None


def _truth(expression: str, label: str, names: dict[str, Any]) -> Any:
    """Return the column of the truth: of the frame itself, or of that it is part of."""
    whole = node = ast.parse(expression, mode="eval").body
    while True:
        value: Any = evaluate(ast.unparse(node), names)
        if type(value).__name__ == "DataFrame" and label in list(value.columns):
            return label if node is whole else value[label]
        if not isinstance(node, ast.Attribute | ast.Subscript):
            break
        node = node.value
    what = f"there is no column {one_line(label, 40)} beside {expression}"
    hint = "Take the frame, too: rows: df[['review', 'truth']] with {review} below"
    raise InputError(what, hint=hint)


def _preview(app: App, question: RowsQuestion, settings: Settings) -> str:
    prepared = app.session.prepare_rows(question, settings)
    request = prepared.first_request()
    learn_prices(app.session, settings)
    task, most_usd = prepared.task, prepared.most_usd(request)
    many = plural(task.table.size, "row") + task.table.part
    notes = [
        ("goes out for each of", many),
        ("columns that go out", ", ".join(map(as_cell, task.names))),
        ("goes to", f"`{request.settings.model}` at `{request.endpoint.netloc}`"),
    ]
    for what, size in {"a row": 1, f"all {many}": task.table.size}.items():
        cost = "" if most_usd is None else f"at most {format_usd(most_usd * size)}"
        notes.append((f"may cost, {what}", may_cost(app.session, cost)))
    return preview_messages(request.body(), notes, "What the first row would send")


def _ask(
    app: App, call: ParsedMagic, question: RowsQuestion, settings: Settings
) -> Any:
    """Ask about rows; return the frame of answers, unless it goes into a variable."""
    show = app.displays.live()

    def watch(progress: Progress) -> None:
        if not call.quiet:
            line = str(progress)
            show(f"{line}\n\n{_table(progress.last)}", line, False)

    def keep(rows: Rows) -> None:
        if call.out:
            app.shell.push({call.out: rows.frame}, interactive=True)
        if not call.quiet:
            warning = app.session.row_store(settings).pop_warning()
            show(_result(rows, question, warning), "", True)

    try:
        rows = app.session.ask_rows(question, settings, watch)
    except errors.NemotronError as error:
        if error.rows is not None:
            keep(error.rows)
            kept = "Go on: run this cell again; what is answered is kept"
            error.hint = error.hint or kept
            error.why = error.why or f"{error.rows.summary()}; it is kept"
        raise
    keep(rows)
    if call.rows.get("strict") and rows.errors:
        first = rows.errors[0]
        raise errors.InvalidAnswerError(
            f"{plural(len(rows.errors), 'row')} without an answer",
            f"row {first.index}: {first.error}",
            "Ask them again: --again errors   Or keep what there is: without --strict",
        )
    if call.out:
        return None
    return rows.head(len(rows)) if rows.left else rows.frame


def _result(rows: Rows, question: RowsQuestion, warning: str) -> str:
    """Return what is shown at the end, as Markdown."""
    first = rows.first(_PILOT_ROWS)
    found, sent = [row for _, row in first], [rows.sent(at) for at, _ in first]
    table = _table(found, rows, sent)
    is_sample = question.sample is not None and rows.left > 0
    lines = [_of_all(rows, question.values.part) if is_sample else rows.summary()]
    if rows.asked:
        columns = [as_cell(one) for one in rows.details["columns"] if one]
        s = "s" if len(columns) > 1 else ""
        what = f"column{s} {', '.join(columns)}" if columns else "the values"
        lines.append(f"Sent: {what} · {plural(rows.redacted, 'secret')} redacted")
    for states, what in _LEFT_OVER.items():
        if many := sum(rows.states[one] for one in states):
            lines.append(f"{plural(many, 'row')} {what}")
    scores = rows.scores() if question.label is not None else ""
    return "\n\n".join(filter(None, [table, "  \n".join(lines), scores, warning]))


_LEFT_OVER = {
    DOUBTFUL: "may have been billed: `%nemotron rows: check`, or `--again billed`",
    (RowState.INVALID,): "with no usable answer, see `_error`: `--again errors`",
    (RowState.REFUSED,): "refused and not billed, see `_error`: run it again",
}


def _of_all(rows: Rows, part: str) -> str:
    """Return what a sample took, and what all rows would."""
    about, cost = rows.estimate, rows.cost_text()
    if about.cost_usd is not None:
        cost += f" · all{' of these' * bool(part)}: about {format_usd(about.cost_usd)}"
        is_exact = about.error_usd < about.cost_usd / 1_000
        cost += "" if is_exact else f" ± {format_usd(about.error_usd)}"
    if about.duration_s is not None:
        cost += f", {format_duration(about.duration_s)} at {rows.at_once} at once"
    different = f" ({rows.unique:,} different)" if rows.equal else ""
    parts = [f"{rows.done:,} of {plural(len(rows), 'row')}{different}{part}"]
    parts += [plural(len(rows.errors), "error")] if rows.errors else []
    return " · ".join([*parts, cost, "`--all`"])


def _table(
    found: Sequence[Row], rows: Rows | None = None, sent: Sequence[str] = ()
) -> str:
    """Return rows as a Markdown table, with what went out of those of a whole run."""
    if not found:
        return ""
    values = [row.value or {} for row in found]
    names, heads = [*dict.fromkeys(name for one in values for name in one)], ["row"]
    if rows is not None:
        names, heads = [*rows.names], ["row", rows.sent_names]
    has_errors = any(row.error for row in found)
    heads += [*names, *["error"] * has_errors]
    lines = [
        [str(row.index), *sent[at : at + 1], *map(values[at].get, names)]
        + [row.error] * has_errors
        for at, row in enumerate(found)
    ]
    cells = (["" if x is None else as_cell(x, 60) for x in line] for line in lines)
    return as_table([*map(as_cell, heads)], cells)


def _listed(app: App, store: RowStore, text: str) -> str:
    lines = []
    for task in store.tasks():
        states = Counter(task.states)
        errors = states[RowState.INVALID] + states[RowState.REFUSED]
        doubtful = sum(states[one] for one in DOUBTFUL)
        figures = (task.rows, states[RowState.ANSWERED], errors, doubtful)
        name, model = as_cell(task.name or "rows"), task.model.rpartition("/")[2]
        line = [name, as_cell(task.instruction, 40), as_cell(model)]
        line.append(f"{datetime.fromtimestamp(task.used_s):%Y-%m-%d %H:%M}")
        line += [f"{figure:,}" if figure else "" for figure in figures]
        lines.append([*line, format_usd(task.cost_usd)])
    if not lines:
        return _NO_RUNS
    heads: Sequence[str] = (*_WORDS, *_FIGURES)
    columns = [one for one in zip(heads, *lines, strict=True) if any(one[1:])]
    rule = "".join("|:--" if one[0] in _WORDS else "|--:" for one in columns)
    heads, *cells = zip(*columns, strict=True)
    return as_table(heads, cells, f"{rule}|")


def _forgotten(app: App, store: RowStore, name: str) -> str:
    names = sorted({one.name for one in store.tasks()})
    if name not in names:
        known = one_line(", ".join(names) or "none yet", 200)
        what = f"there is no run {one_line(name, 40)}" if name else "forget what?"
        hint = f"There are: {known}   Type: %nemotron rows: forget NAME"
        raise InputError(what, hint=hint)
    return f"Forgot {plural(store.forget(name), 'answer')} of {as_cell(name)}."


def _checked(app: App, store: RowStore, text: str) -> str:
    """Settle rows that may have been billed, by the service's log of requests."""
    session, lines = app.session, []
    for task in store.tasks():
        doubtful = [r for r in store.find(task.hash).values() if r.state in DOUBTFUL]
        if not doubtful:
            continue
        endpoint = Endpoint.read(task.base_url)
        try:
            logged = session.client.logged(endpoint, session.credentials.key(endpoint))
        except errors.RequestError as error:
            raise errors.RequestError(
                f"{endpoint.netloc} has no log of requests",
                f"{plural(len(doubtful), 'row')} may have been billed; {error.what}",
                "Ask them again, which may cost twice: --again billed",
            ) from None
        settled = [s for r in doubtful if (s := _settled(r, logged))]
        store.put(task.hash, settled)
        free = sum(one.state == RowState.REFUSED for one in settled)
        name, lost = as_cell(task.name or "rows"), len(doubtful) - len(settled)
        billed = f"{len(settled) - free:,} billed, {free:,} not billed"
        lines.append(f"{name}: {billed}, {lost:,} not in the log.")
    return "  \n".join(lines) or "No row may have been billed without an answer."


def _settled(record: AnswerRecord, logged: dict[str, Any]) -> AnswerRecord | None:
    """Return a doubtful row as the log of the service has it; None if it has not."""
    found = logged.get(record.request_id())
    if found is None:
        return None
    cost_usd = as_number(at_path(found, "cost.usd")) or as_number(found.get("cost"))
    if not cost_usd:
        error = "not billed, by the service's log"
        return replace(record, state=RowState.REFUSED, error=error)
    spent_usd = (record.cost_usd or 0.0) + cost_usd
    error = f"the answer was lost; billed {format_usd(cost_usd)}"
    return replace(record, state=RowState.INVALID, cost_usd=spent_usd, error=error)
