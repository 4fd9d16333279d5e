"""Reply to requests about a notebook by rule, from the context that came along.

A question about a table is answered from its description, with code that cleans, adds
up or plots; a misspelt name, column or attribute is corrected where the error names it.
Enough to try the whole way from a question to a cell that runs.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

_MESSAGE = re.compile(
    r"[^\n]*<(?P<mark>\w+) …>[^\n]*\n(?P<parts>.*)</(?P=mark)>\n\n(?P<question>.*)",
    re.DOTALL,
)
_HEAD_OF_PART = re.compile(r"(cell|value|file|notebook) (.+)|this cell")


@dataclass(frozen=True, slots=True)
class Attachment:
    """One cell, value or file; `fields` are its texts by name, such as `source`.

    A text that stands there without a name has that of its kind.
    """

    kind: str
    title: str
    fields: dict[str, str]


def split_attachments(message: str) -> tuple[tuple[Attachment, ...], str]:
    r"""Return what came along in a message, and the question in the user's own words.

    >>> split_attachments("Lines <M …> delimit.\n<M cell 2>\nx = 1\n</M>\n\nwhy?")
    ((Attachment(kind='cell', title='cell 2', fields={'source': 'x = 1'}),), 'why?')
    """
    found = _MESSAGE.fullmatch(message)
    if found is None:
        return (), message
    pieces = re.split(rf"(?m)^<{found['mark']} ([^\n]+)>\n", found["parts"])
    parts: list[Attachment] = []
    for label, text in zip(pieces[1::2], pieces[2::2], strict=True):
        head = _HEAD_OF_PART.fullmatch(label)
        text = text.removesuffix("\n")
        if head:
            kind = head[1] or "cell"
            title = label if kind == "cell" else head[2]
            own = {"source" if kind == "cell" else kind: text} if text else {}
            parts.append(Attachment(kind, title, own))
        elif parts:
            parts[-1].fields[label] = text
    return tuple(parts), found["question"]


# ---- tables

_HEAD = re.compile(r"(?:.*: )?pandas DataFrame, ([\d,]+) rows? × [\d,]+ columns?")
_COLUMN = re.compile(r"  ([^:\n]+): (?P<dtype>[\w\[\], ]+?)(?:, (?P<about>.*))?")
_MISSING = re.compile(r"(under 0\.1%|[\d.]+%) missing")
_KINDS = (
    ("text", re.compile(r"str|object|string|category")),
    ("numbers", re.compile(r"(?i:u?int|float).*")),
    ("dates", re.compile(r"datetime.*")),
)
"""What a type holds, in a word that is the same with every version of pandas."""

_DATE = re.compile(r"date|day|month|week|year|time|when", re.IGNORECASE)
_AMOUNT = re.compile(
    r"price|amount|cost|revenue|sales|total|value|units|quantity|score", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column as it was described, and what stands out about it."""

    name: str
    kind: str
    is_category: bool
    is_inconsistent: bool
    findings: tuple[str, ...]

    @classmethod
    def read(cls, name: str, dtype: str, about: str) -> Column:
        """Read what stood behind a column's name."""
        kind = next((kind for kind, types in _KINDS if types.fullmatch(dtype)), dtype)
        values = re.findall(r"'([^']*)'", about) if kind == "text" else []
        is_category = len(values) > 1
        is_inconsistent = len({v.strip().lower() for v in values}) < len(values)
        missing = _MISSING.search(about)
        is_amount = kind == "text" and not is_category and _AMOUNT.search(name)
        findings = {
            f"{missing[1] if missing else ''} missing": missing,
            "the same value is written in several ways": is_inconsistent,
            "named like a number, kept as text": is_amount,
            "named like a date, kept as text": kind == "text" and _DATE.search(name),
            "looks personal, so no value was sent": "personal" in about,
        }
        found = tuple(words for words, is_so in findings.items() if is_so)
        return cls(name, kind, is_category, is_inconsistent, found)

    def cleaning(self) -> Iterator[str]:
        """Yield the lines of code that mend it."""
        at = f"clean[{_quoted(self.name)}]"
        if self.is_inconsistent:
            yield f"{at} = {at}.str.strip().str.title()"
        if "named like a number, kept as text" in self.findings:
            yield rf'digits = {at}.str.replace(r"[^\d.-]", "", regex=True)'
            yield f'{at} = pd.to_numeric(digits, errors="coerce")'
        if "named like a date, kept as text" in self.findings:
            yield f'{at} = pd.to_datetime({at}, errors="coerce")'


@dataclass(frozen=True, slots=True)
class Table:
    """A frame under the name that the question gave it.

    `has_rows` says whether rows of it came along, and not its columns alone.
    """

    name: str
    rows: str
    columns: tuple[Column, ...]
    has_rows: bool

    def column(self, question: str, kind: str) -> str | None:
        """Return the column of a kind that the question names, else the first."""
        names = [c.name for c in self.columns if c.kind == kind]
        if kind == "text":
            names = [c.name for c in self.columns if c.is_category]
        words = re.findall(r"\w+", question.lower())
        named = (name for name in names if name.lower() in words)
        return next(named, names[0] if names else None)


def table_of(attached: Sequence[Attachment]) -> Table | None:
    """Return the first frame that the question named; None if it named none."""
    for one in attached:
        lines = "\n".join(one.fields.values()).split("\n")
        head = _HEAD.fullmatch(lines[0])
        if one.kind == "value" and head:
            found = (_COLUMN.fullmatch(line) for line in lines)
            columns = (Column.read(*m.groups(default="")) for m in found if m)
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
    sent = "" if table.has_rows else ", of which none was sent"
    source = (
        "**Rehearsal: no model is behind this reply.** It follows rules, from the "
        f"description of `{table.name}` that came along: {table.rows} rows{sent}."
    )
    if not _PLOT.search(question) and _CLEAN.search(question):
        return f"{source}\n\n{_cleaning(table)}"
    number = table.column(question, "numbers")
    category = table.column(question, "text")
    if _PLOT.search(question):
        if number is None:
            return f"{source} It has no column of numbers to plot."
        said, code = _plot(table, question.lower(), number, category)
    elif number is None or category is None:
        return f"{source}\n\n{_code_block(f'{table.name}.describe()')}"
    else:
        said = f"This adds up `{number}` for each `{category}`, the largest first:"
        by = _grouped(table, number, category)
        code = (
            f'totals = {by}.agg(["count", "sum", "mean"])',
            'totals.sort_values("sum", ascending=False)',
        )
    return f"{source} {said}\n\n{_code_block(*code)}"


def _cleaning(table: Table) -> str:
    rows = [
        "| Column | Holds | What stands out |",
        "|:--|:--|:--|",
        *(
            f"| `{c.name}` | {c.kind} | {'; '.join(c.findings) or 'nothing'} |"
            for c in table.columns
        ),
    ]
    code = _code_block(
        *("import pandas as pd", ""),
        f"clean = {table.name}.drop_duplicates().copy()",
        *(line for column in table.columns for line in column.cleaning()),
        "clean.info()",
    )
    return "\n".join(rows) + f"\n\n{code}"


def _plot(
    table: Table, wants: str, number: str, category: str | None
) -> tuple[str, Iterable[str]]:
    date = table.column(wants, "dates")
    if date is not None and "bar" not in wants and "histogram" not in wants:
        each = f", one line for each {category}" if category else ""
        said = f"{number} by month{each}"
        by = f"[month, {_quoted(category)}]" if category else "month"
        unstack = ".unstack()" if category else ""
        at = f"{table.name}[{_quoted(date)}]"
        lines = [
            f'month = {at}.dt.to_period("M").dt.to_timestamp()',
            f"monthly = {table.name}.groupby({by})[{_quoted(number)}].sum(){unstack}",
            "ax = monthly.plot(figsize=(8, 3.5))",
        ]
    elif category is not None and "histogram" not in wants:
        said = f"{number} for each {category}"
        lines = [
            f"totals = {_grouped(table, number, category)}.sum().sort_values()",
            "ax = totals.plot.bar(figsize=(8, 3.5), rot=0)",
        ]
    else:
        said = f"how {number} is spread"
        lines = [f"ax = {table.name}[{_quoted(number)}].plot.hist(bins=20)"]
    labels = [f"ax.set_title({_quoted(said)})", f"ax.set_ylabel({_quoted(number)});"]
    return f"This draws {said}:", [*lines, *labels]


def _grouped(table: Table, number: str, category: str) -> str:
    return f"{table.name}.groupby({_quoted(category)})[{_quoted(number)}]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _code_block(*lines: str) -> str:
    code = "\n".join(lines)
    runs = [len(run) for run in re.findall(r"`{3,}", code)]
    fence = "`" * (max(runs, default=2) + 1)
    return f"{fence}python\n{code}\n{fence}"


# ---- cells

_ASKED = re.compile(
    r"(?P<verb>Fix|Explain|Document|Write tests for) "
    r"(?P<about>cell \d+|this cell|the function `(?P<name>[\w.]+)`)\."
)
_MEANT = re.compile(r"'(\w+)'.*?Did you mean: '(\w+)'")
_UNKNOWN = re.compile(
    r"NameError: name '(\w+)' is not defined|KeyError: '(?!\w+ not found)([^']*)'"
    r"|KeyError: .*?(?:\['|Columns? not found: '?)(\w+)"
)
_NOT_DEFINED = re.compile(r"(\w+) is not defined(?: \((\w+)\?\))?")
_CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CellRequest:
    """What a message asks about a cell.

    `values` are the descriptions that went along, one below the other.
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
    cell = next((one.fields for one in attached if one.kind == "cell"), {})
    values = [t for one in attached if one.kind == "value" for t in one.fields.values()]
    return CellRequest(
        *(asked["verb"], asked["about"], asked["name"] or ""),
        *(cell.get("source", ""), cell.get("error", ""), "\n".join(values)),
    )


def reply_to(request: CellRequest) -> str:
    """Write what a model might have answered, as Markdown."""
    text, code = _REPLIES[request.verb](request)
    return f"{text}\n\n{_code_block(code)}" if code else text


def correction(reply: str, complaint: str) -> str:
    """Return a reply's code again, without what is complained of."""
    code = "\n".join(_CODE.findall(reply))
    for wrong, right in _NOT_DEFINED.findall(complaint):
        code = _renamed(code, wrong, right) if right else f"{wrong} = None\n{code}"
    return "What was not defined is now.\n\n" + _code_block(code.strip("\n"))


def _explained(request: CellRequest) -> tuple[str, str]:
    lines = request.source.count("\n") + 1
    has = f"{lines} line{'s' * (lines > 1)}"
    last = request.error.strip().rpartition("\n")[2].replace("`", "'")
    failed = f"It failed with `{last}`." if last else "It ran without an error."
    return f"{request.about.capitalize()} has {has}. {failed}", ""


def _fixed(request: CellRequest) -> tuple[str, str]:
    """Return what was wrong, and the cell put right."""
    for wrong, right in _slips(request):
        code = _renamed(request.source, wrong, right)
        if code != request.source:
            return f"`{wrong}` is not there; `{right}` is.", code
    if "SyntaxError" in request.error or not _parses(request.source):
        return _closed(request.source)
    last = request.error.strip().rpartition("\n")[2]
    head = f"# No rule of the rehearsal mends: {last}"
    return "No rule of the rehearsal mends this error.", f"{head}\n{request.source}"


def _slips(request: CellRequest) -> Iterator[tuple[str, str]]:
    """Yield what may be misspelt in the cell, with what may be meant."""
    yield from _MEANT.findall(request.error)
    known = re.findall(r"[^\W\d]\w*", f"{request.values}\n{request.source}")
    for found in _UNKNOWN.finditer(request.error):
        wrong = found[found.lastindex or 0]
        others = dict.fromkeys(word for word in known if word != wrong)
        for right in difflib.get_close_matches(wrong, others, 1, 0.6):
            yield wrong, right


def _renamed(source: str, wrong: str, right: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(wrong)}(?!\w)", lambda match: right, source)


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def _closed(source: str) -> tuple[str, str]:
    """Close what is open, if that is all that the cell lacks."""
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
    return "It is no Python, and no rule of the rehearsal makes it some.", quoted


def _documented(request: CellRequest) -> tuple[str, str]:
    """Return the source with a docstring in each function that has none."""
    if not _parses(request.source):
        return "It is no Python.", ""
    lines = request.source.split("\n")
    functions = [
        node
        for node in ast.walk(ast.parse(request.source))
        if isinstance(node, ast.FunctionDef)
        and not ast.get_docstring(node)
        and node.body[0].lineno > node.lineno
    ]
    for node in sorted(functions, key=lambda node: -node.lineno):
        indent = " " * node.body[0].col_offset
        text = f'{indent}"""Do what `{node.name}` says."""'
        lines.insert(node.body[0].lineno - 1, text)
    return "The functions have docstrings now.", "\n".join(lines)


def _tested(request: CellRequest) -> tuple[str, str]:
    test = f"test_{request.name.replace('.', '_')}_can_be_called"
    code = f"def {test}():\n    assert callable({request.name})\n\n\n{test}()"
    return f"One test of `{request.name}`.", code


_REPLIES = {
    "Fix": _fixed,
    "Explain": _explained,
    "Document": _documented,
    "Write tests for": _tested,
}
