"""Replies to requests about a notebook: by rule, since no model is behind them.

What `%nemotron` sent as context is read back. A question about a table is answered
from its description, with code that cleans, adds up or plots; a misspelt name, column
or attribute is corrected where the error names it. Enough to try the whole way from a
question to a cell that runs.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from textwrap import indent

_MESSAGE = re.compile(
    r"[^\n]*\n<context-(?P<word>\w+)>\n(?P<parts>.*)\n</context-(?P=word)>\n\n"
    r"(?P<question>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """One cell, value or file; ``fields`` are its texts by name, such as ``source``.

    A text that stands there without a name has that of its kind.
    """

    kind: str
    title: str
    fields: Mapping[str, str]


def split_attachments(message: str) -> tuple[tuple[Attachment, ...], str]:
    r"""Return what came along in a message, and the question in the user's own words.

    >>> split_attachments(
    ...     "Data.\n<context-a1>\n<cell-a1 name=\"cell 2\">\n<source-a1>\nx = 1\n"
    ...     "</source-a1>\n</cell-a1>\n</context-a1>\n\nwhy?"
    ... )
    ((Attachment(kind='cell', title='cell 2', fields={'source': 'x = 1'}),), 'why?')
    """
    found = _MESSAGE.fullmatch(message)
    if found is None:
        return (), message
    word = found["word"]
    part = re.compile(
        rf'<(\w+)-{word} name="([^"\n]*)"[^\n]*>\n(.*?)\n</\1-{word}>', re.DOTALL
    )
    field = re.compile(rf"<(\w+)-{word}>\n(.*?)\n</\1-{word}>", re.DOTALL)
    parts = tuple(
        Attachment(kind, title, dict(field.findall(inner)) or {kind: inner})
        for kind, title, inner in part.findall(found["parts"])
    )
    return parts, found["question"]


_HEAD = re.compile(r"(?:.*: )?pandas DataFrame, ([\d,]+) rows? × [\d,]+ columns?")
_COLUMN = re.compile(r"  (?P<name>[^:\n]+): (?P<dtype>[\w\[\], ]+?)(?:, (?P<told>.*))?")
_MISSING = re.compile(r"(under 0\.1%|[\d.]+%) missing")
_NAMED = re.compile(r"'([^']*)'")
_DATE = re.compile(r"date|day|month|week|year|time|when", re.IGNORECASE)
_AMOUNT = re.compile(
    r"price|amount|cost|revenue|sales|total|value|units|quantity|score", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column as it was described: ``told`` is what stood behind its type."""

    name: str
    dtype: str
    told: str

    @property
    def kind(self) -> str:
        """What it holds, in a word that is the same with every version of pandas."""
        kinds = (
            (self.is_text, "text"),
            (self.is_number, "numbers"),
            (self.is_date, "dates"),
        )
        return next((kind for is_so, kind in kinds if is_so), self.dtype)

    @property
    def missing(self) -> str:
        """The share that is missing, as it was told; empty if nothing is."""
        found = _MISSING.search(self.told)
        return found[1] if found else ""

    @property
    def values(self) -> tuple[str, ...]:
        """The values that were named."""
        return tuple(_NAMED.findall(self.told))

    @property
    def is_text(self) -> bool:
        """Whether it holds texts, as far as its type tells."""
        return self.dtype in ("str", "object", "string", "category")

    @property
    def is_number(self) -> bool:
        """Whether it can be added up."""
        return self.dtype.lower().startswith(("int", "uint", "float"))

    @property
    def is_date(self) -> bool:
        """Whether it holds dates."""
        return self.dtype.startswith("datetime")

    @property
    def is_category(self) -> bool:
        """Whether it has few values, and they were named."""
        return self.is_text and len(self.values) > 1

    @property
    def should_be_date(self) -> bool:
        """Whether its texts are dates, by its name."""
        return self.is_text and bool(_DATE.search(self.name))

    @property
    def should_be_number(self) -> bool:
        """Whether its texts are numbers, by its name."""
        return self.is_text and not self.is_category and bool(_AMOUNT.search(self.name))

    @property
    def is_written_in_several_ways(self) -> bool:
        """Whether some of its values differ by case or blanks only."""
        plain = {value.strip().lower() for value in self.values}
        return self.is_text and len(plain) < len(self.values)


@dataclass(frozen=True, slots=True)
class Table:
    """A frame under the name that the question gave it.

    ``has_rows`` tells whether rows of it came along, and not its columns alone.
    """

    name: str
    rows: str
    columns: tuple[Column, ...]
    has_rows: bool


def table_of(attached: Sequence[Attachment]) -> Table | None:
    """Return the first frame that the question named; None if it named none."""
    for one in attached:
        lines = "\n".join(one.fields.values()).split("\n")
        head = _HEAD.fullmatch(lines[0])
        if one.kind == "value" and head:
            found = (_COLUMN.fullmatch(line) for line in lines)
            columns = (
                Column(m["name"], m["dtype"], m["told"] or "") for m in found if m
            )
            has_rows = any(line.endswith("cells divided by |:") for line in lines)
            return Table(one.title, head[1], tuple(columns), has_rows)
    return None


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


def _source_of(table: Table) -> str:
    sent = "" if table.has_rows else ", of which none was sent"
    return (
        "**Rehearsal: no model is behind this reply.** It follows rules, from the "
        f"description of `{table.name}` that came along: {table.rows} rows{sent}."
    )


# ---- cleaning


def _cleaning(table: Table) -> str:
    rows = [f"| `{c.name}` | {c.kind} | {_finding(c)} |" for c in table.columns]
    head = ["| Column | Holds | What stands out |", "|:--|:--|:--|"]
    return "\n\n".join([_source_of(table), "\n".join(head + rows), _cleaned(table)])


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
    return _code_block(
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
        return f"{_source_of(table)}\n\n{_code_block(f'{table.name}.describe()')}"
    by = f"{table.name}.groupby({_quoted(category)})[{_quoted(number)}]"
    code = _code_block(
        f'totals = {by}.agg(["count", "sum", "mean"])',
        'totals.sort_values("sum", ascending=False)',
    )
    said = f"This adds up `{number}` for each `{category}`, the largest first:"
    return f"{_source_of(table)} {said}\n\n{code}"


def _plot(table: Table, question: str) -> str:
    number, category = _number(table, question), _category(table, question)
    date = _chosen([c for c in table.columns if c.is_date], question)
    if number is None:
        return f"{_source_of(table)} It has no column of numbers to plot."
    wants = question.lower()
    if date is not None and "bar" not in wants and "histogram" not in wants:
        said, lines = _over_time(table, number, date, category)
    elif category is not None and "histogram" not in wants:
        said, lines = _bars(table, number, category)
    else:
        said = f"how {number} is spread"
        lines = [f"ax = {table.name}[{_quoted(number)}].plot.hist(bins=20)"]
    labels = [f"ax.set_title({_quoted(said)})", f"ax.set_ylabel({_quoted(number)});"]
    return f"{_source_of(table)} This draws {said}:\n\n{_code_block(*lines, *labels)}"


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
    """Return the column that the question names, else the first."""
    words = re.findall(r"\w+", question.lower())
    named = (column.name for column in columns if column.name.lower() in words)
    return next(named, columns[0].name if columns else None)


def _code_block(*lines: str) -> str:
    code = "\n".join(lines)
    runs = [len(run) for run in re.findall(r"`{3,}", code)]
    fence = "`" * (max(runs, default=2) + 1)
    return f"{fence}python\n{code}\n{fence}"


_ASKED = re.compile(
    r"(?P<verb>Fix|Explain|Document|Write tests for) "
    r"(?P<about>cell \d+|this cell|the function `(?P<name>[\w.]+)`)\."
)
_MEANT = re.compile(r"'(\w+)'.*?Did you mean: '(\w+)'")
_UNDEFINED = re.compile(r"NameError: name '(\w+)' is not defined")
_NO_KEY = re.compile(r"KeyError: '([^']*)'")
_NO_COLUMNS = re.compile(r"KeyError: .*?(?:\['|Columns? not found: '?)(\w+)")
_NOT_DEFINED = re.compile(r"(\w+) is not defined(?: \((\w+)\?\))?")
_CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SHOWN = """\
except Exception as error:
    print(f"{type(error).__name__}: {error}")"""
_WORDS = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class CellRequest:
    """What a message asks about a cell.

    ``values`` are the descriptions that went along, one below the other.
    """

    verb: str
    about: str
    name: str
    source: str
    error: str
    values: str


def request_of(question: str, attached: Sequence[Attachment]) -> CellRequest | None:
    """Find what a question asks about a cell or function; None if it asks no such."""
    asked = _ASKED.match(question)
    if asked is None:
        return None
    cells = [one.fields for one in attached if one.kind == "cell"] or [{}]
    values = (
        text for one in attached if one.kind == "value" for text in one.fields.values()
    )
    return CellRequest(
        asked["verb"],
        asked["about"],
        asked["name"] or "",
        cells[0].get("source", ""),
        cells[0].get("error", ""),
        "\n".join(values),
    )


def reply_to(request: CellRequest) -> str:
    """Write what a model might have answered, as Markdown."""
    if request.verb == "Explain":
        return _explanation(request)
    if request.verb == "Document":
        return _text_and_code(
            "The functions have docstrings now.", _documented(request.source)
        )
    if request.verb == "Write tests for":
        return _text_and_code(f"One test of `{request.name}`.", _tests(request.name))
    return _text_and_code(*_fixed(request))


def correction(reply: str, complaint: str) -> str:
    """Return a reply's code again, without what is complained of."""
    code = "\n".join(_CODE.findall(reply))
    for wrong, right in _NOT_DEFINED.findall(complaint):
        code = (
            _with_name_replaced(code, wrong, right)
            if right
            else f"{wrong} = None\n{code}"
        )
    return _text_and_code("What was not defined is now.", code.strip("\n"))


def _text_and_code(text: str, code: str) -> str:
    return f"{text}\n\n{_code_block(code)}"


def _explanation(request: CellRequest) -> str:
    lines = request.source.count("\n") + 1
    has = f"{lines} line{'s' * (lines > 1)}"
    last = request.error.strip().rpartition("\n")[2].replace("`", "'")
    failed = f" It failed with `{last}`." if last else " It ran without an error."
    return f"{request.about.capitalize()} has {has}.{failed}"


def _fixed(request: CellRequest) -> tuple[str, str]:
    """Return what was wrong, and the cell put right."""
    for wrong, right in _slips(request):
        code = _with_name_replaced(request.source, wrong, right)
        if code != request.source:
            return f"`{wrong}` is not there; `{right}` is.", code
    if "SyntaxError" in request.error or not _parses(request.source):
        return _closed(request.source)
    code = f"try:\n{indent(request.source, '    ')}\n{_SHOWN}"
    return "The error is shown now, and raised no more.", code


def _slips(request: CellRequest) -> Iterator[tuple[str, str]]:
    """Yield what may be misspelt in the cell, with what may be meant."""
    yield from _MEANT.findall(request.error)
    known = _WORDS.findall(f"{request.values}\n{request.source}")
    for pattern in (_UNDEFINED, _NO_KEY, _NO_COLUMNS):
        for wrong in pattern.findall(request.error):
            others = dict.fromkeys(word for word in known if word != wrong)
            near = difflib.get_close_matches(wrong, others, 1, 0.6)
            yield from ((wrong, right) for right in near)


def _with_name_replaced(source: str, wrong: str, right: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(wrong)}(?!\w)", lambda match: right, source)


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def _closed(source: str) -> tuple[str, str]:
    """Close what is open, or else make the cell one that only says so."""
    body = source.rstrip()
    for end in (")", "]", "}", '"', "'", ":\n    pass", "):", '")'):
        if _parses(body + end):
            return f"`{end.split()[0]}` was missing at the end.", body + end
    lines = body.split("\n")
    for sign, (number, line) in product(":)]}", enumerate(lines)):
        mended = "\n".join([*lines[:number], line + sign, *lines[number + 1 :]])
        if _parses(mended):
            return f"`{sign}` was missing in line {number + 1}.", mended
    quoted = "\n".join(f"# {line}" for line in body.split("\n"))
    return "It is no Python; it is a comment now.", f"{quoted}\npass"


def _documented(source: str) -> str:
    """Return the source with a docstring in each function that has none."""
    if not _parses(source):
        return source
    lines = source.split("\n")
    functions = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and not ast.get_docstring(node)
    ]
    for node in sorted(functions, key=lambda node: -node.lineno):
        first = node.body[0]
        text = f'"""Do what `{node.name}` says."""'
        if first.lineno > node.lineno:
            lines.insert(first.lineno - 1, " " * first.col_offset + text)
    return "\n".join(lines)


def _tests(name: str) -> str:
    test = f"test_{name.replace('.', '_')}_can_be_called"
    return f"def {test}():\n    assert callable({name})\n\n\n{test}()"
