"""Replies to questions about a table: by rule, since no model is behind them.

What the description says is told again as a table of findings, with code that cleans,
adds up or plots. Enough to try the way from a question to a cell that runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from .tables import Column, Table

_PLOT = re.compile(
    r"\b(?:plot|chart|graph|draw|histogram|bars?|figure)\b", re.IGNORECASE
)
_CLEAN = re.compile(
    r"\b(?:clean|tidy|wrong|mess|messy|missing|prepare|repair|duplicates?|types?)\b",
    re.IGNORECASE,
)


def reply_about(table: Table, question: str) -> str:
    """Write what a model might have answered, as Markdown with a block of code."""
    # Its name is the user's, and says nothing of what is wanted.
    question = re.sub(rf"(?<!\w){re.escape(table.name)}(?!\w)", "it", question)
    if _PLOT.search(question):
        return _plot(table, question)
    if _CLEAN.search(question):
        return _cleaning(table)
    return _totals(table, question)


def _block(*lines: str) -> str:
    return "\n".join(["```python", *lines, "```"])


def _said(table: Table) -> str:
    sent = "" if table.has_rows else ", of which none was sent"
    return (
        "**Rehearsal: no model is behind this reply.** It follows rules, from the "
        f"description of `{table.name}` that came along: {table.rows} rows{sent}."
    )


# ---- cleaning


def _cleaning(table: Table) -> str:
    rows = [f"| `{c.name}` | {c.kind} | {_finding(c)} |" for c in table.columns]
    head = ["| Column | Holds | What stands out |", "|:--|:--|:--|"]
    return "\n\n".join([_said(table), "\n".join(head + rows), _cleaned(table)])


def _finding(column: Column) -> str:
    findings = [f"{column.missing} missing"] if column.missing else []
    if column.is_written_in_several_ways:
        findings.append("the same value is written in several ways")
    if column.should_be_number:
        findings.append("named like a number, kept as text")
    if column.should_be_date:
        findings.append("named like a date, kept as text")
    if "personal" in column.told:
        findings.append("looks personal, so no value was sent")
    return "; ".join(findings) or "nothing"


def _cleaned(table: Table) -> str:
    lines = [line for column in table.columns for line in _mended(column)]
    return _block(
        *("import pandas as pd", ""),
        f"clean = {table.name}.drop_duplicates().copy()",
        *lines,
        "clean.info()",
    )


def _mended(column: Column) -> Iterable[str]:
    at = f"clean[{_quoted(column.name)}]"
    if column.is_written_in_several_ways:
        yield f"{at} = {at}.str.strip().str.title()"
    if column.should_be_number:
        yield rf'digits = {at}.str.replace(r"[^\d.-]", "", regex=True)'
        yield f'{at} = pd.to_numeric(digits, errors="coerce")'
    if column.should_be_date:
        yield f'{at} = pd.to_datetime({at}, errors="coerce")'


# ---- adding up and plotting


def _totals(table: Table, question: str) -> str:
    number, category = _number(table, question), _category(table, question)
    if number is None or category is None:
        return f"{_said(table)}\n\n{_block(f'{table.name}.describe()')}"
    by = f"{table.name}.groupby({_quoted(category)})[{_quoted(number)}]"
    code = _block(
        f'totals = {by}.agg(["count", "sum", "mean"])',
        'totals.sort_values("sum", ascending=False)',
    )
    said = f"This adds up `{number}` for each `{category}`, the largest first:"
    return f"{_said(table)} {said}\n\n{code}"


def _plot(table: Table, question: str) -> str:
    number, category = _number(table, question), _category(table, question)
    date = _chosen([c for c in table.columns if c.is_date], question)
    if number is None:
        return f"{_said(table)} It has no column of numbers to plot."
    wants = question.lower()
    if date is not None and "bar" not in wants and "histogram" not in wants:
        said, lines = _over_time(table, number, date, category)
    elif category is not None and "histogram" not in wants:
        said, lines = _bars(table, number, category)
    else:
        said = f"how {number} is spread"
        lines = [f"ax = {table.name}[{_quoted(number)}].plot.hist(bins=20)"]
    labels = [f"ax.set_title({_quoted(said)})", f"ax.set_ylabel({_quoted(number)});"]
    return f"{_said(table)} This draws {said}:\n\n{_block(*lines, *labels)}"


def _over_time(
    table: Table, number: str, date: str, category: str | None
) -> tuple[str, list[str]]:
    by = f"[month, {_quoted(category)}]" if category else "month"
    unstack = ".unstack()" if category else ""
    lines = [
        f'month = {table.name}[{_quoted(date)}].dt.to_period("M").dt.to_timestamp()',
        f"monthly = {table.name}.groupby({by})[{_quoted(number)}].sum(){unstack}",
        "ax = monthly.plot(figsize=(8, 3.5))",
    ]
    each = f", one line for each {category}" if category else ""
    return f"{number} by month{each}", lines


def _bars(table: Table, number: str, category: str) -> tuple[str, list[str]]:
    by = f"{table.name}.groupby({_quoted(category)})[{_quoted(number)}]"
    lines = [
        f"totals = {by}.sum().sort_values()",
        "ax = totals.plot.bar(figsize=(8, 3.5), rot=0)",
    ]
    return f"{number} for each {category}", lines


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number(table: Table, question: str) -> str | None:
    return _chosen([c for c in table.columns if c.is_number], question)


def _category(table: Table, question: str) -> str | None:
    return _chosen([c for c in table.columns if c.is_category], question)


def _chosen(columns: list[Column], question: str) -> str | None:
    """Give the column that the question names, else the first."""
    words = re.findall(r"\w+", question.lower())
    named = (column.name for column in columns if column.name.lower() in words)
    return next(named, columns[0].name if columns else None)
