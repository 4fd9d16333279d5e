r"""Write Markdown as LaTeX, for notebooks that are exported to a PDF.

Nothing of a reply reaches TeX as a command but what is known to be mathematics: TeX can
read any file, and a paragraph that ends in an open brace swallows all below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import accumulate

from markdown_it.token import Token

from nemotron_magic.core.text import visible
from nemotron_magic.markdown.parser import parser
from nemotron_magic.markdown.sanitize import host_to_show, is_web, place_to_show

_LONGEST = 200_000  # characters; more than that is shown as it was written
_DEEPEST = 4  # lists in lists, of which LaTeX knows no more
_NARROW = 80  # characters in a row of a table whose cells need no line breaks
_COMMANDS = frozenset(
    files(__package__).joinpath("formulas.txt").read_text("utf-8").split()
)
_COMMAND = re.compile(r"\\([A-Za-z@]+|.|$)", re.DOTALL)
_SIGN = re.compile(r"[^\w@]|[\d_]")
_ESCAPES = str.maketrans({
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "`": r"\textasciigrave{}",
    "[": "{[}", "]": "{]}",
    **{sign: f"\\{sign}" for sign in "{}$&#%_"},
})  # fmt: skip
_ESCAPES_IN_CODE = str.maketrans({"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}"})
_HEADINGS = {"h1": r"\section*{", "h2": r"\subsection*{", "h3": r"\subsubsection*{"}
_COLUMNS = {"center": "c", "right": "r"}
_SIDES = {"c": r"\centering", "r": r"\raggedleft", "l": r"\raggedright"}
_WRITTEN = {
    "em_open": r"\emph{", "strong_open": r"\textbf{", "s_open": r"\sout{",
    "em_close": "}", "strong_close": "}", "s_close": "}",
    "softbreak": "\n", "hardbreak": "\\leavevmode\\newline{}\n",
    "paragraph_close": "\n\n", "heading_close": "}\n\n",
    "bullet_list_open": "\\begin{itemize}\n", "bullet_list_close": "\\end{itemize}\n\n",
    "ordered_list_open": "\\begin{enumerate}\n",
    "ordered_list_close": "\\end{enumerate}\n\n",
    "blockquote_open": "\\begin{quote}\n", "blockquote_close": "\\end{quote}\n\n",
    "hr": "\\par\\noindent\\hrulefill\\par\n\n",
    "tr_close": " \\\\\n", "thead_close": "\\midrule\n",
    "table_close": "\\bottomrule\n\\end{longtable}\n\n",
}  # fmt: skip
_NESTS = ("bullet_list", "ordered_list", "blockquote")


def to_latex(text: str) -> str:
    r"""Return LaTeX for any text, with what cannot be seen shown by its number.

    >>> to_latex("It is **6** % of $x^2$, no \\input{x}.")
    'It is \\textbf{6} \\% of \\(x^2\\), no \\textbackslash{}input\\{x\\}.\n\n'
    """
    text = visible(text)
    try:
        return "".join(_written(parser().parse(text) if len(text) < _LONGEST else []))
    except Exception:  # a reply must be seen, whatever a parser makes of it
        return _code(text)


def _written(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield what each block, or part of a line, is written as."""
    before, link, numbers = "", 0, list[int]()
    for at, token in enumerate(tokens):
        kind, (block, _, side) = token.type, token.type.rpartition("_")
        url = str(token.attrGet("href") or token.attrGet("src") or "")
        if block in _NESTS and side == "open":
            numbers.append(int(token.attrGet("start") or 1))
        is_deep = len(numbers) > _DEEPEST
        match kind:
            case "inline":
                yield from _written(token.children or [])
            case "fence" | "code_block":
                yield _code(token.content)
            case "math_block":
                yield f"{_formula(token.content, display=True)}\n\n"
            case "math_inline":
                yield _formula(token.content, display=token.markup in ("$$", r"\["))
            case "code_inline":
                yield rf"\texttt{{{_escaped(token.content)}}}"
            case "heading_open":
                yield _HEADINGS.get(token.tag, r"\paragraph*{")
            case "table_open":
                yield _table_head(tokens[at:])
            case "th_open" | "td_open":
                yield "" if before == "tr_open" else " & "
            case "list_item_open":
                label = f"{numbers[-1]}." if token.info else ""
                numbers[-1] += 1
                sign = f"\\item{label and f'[{label}]'}"
                yield f"\\par {label} " if is_deep else f"{sign} "
            case "image":
                yield _escaped(f"{token.content} [image: {place_to_show(url)}]")
            case "task":
                yield r"$\square$ " if token.content == "☐" else r"$\boxtimes$ "
            case "link_open":
                link = at
                address = re.sub(r"[{}\\^$'\"]", lambda one: f"%{ord(one[0]):X}", url)
                address = re.sub(r"[%#&_]", r"\\\g<0>", address)
                yield rf"\href{{{address}}}{{" if is_web(url) else "{"
            case "link_close":
                text = "".join(one.content for one in tokens[link + 1 : at])
                host = host_to_show(text, str(tokens[link].attrGet("href") or ""))
                yield f"}} ({_escaped(host)})" if host else "}"
            case _ if not (is_deep and block in _NESTS):
                written = _WRITTEN.get(kind, _escaped(token.content))
                yield written[: 1 if token.hidden else None]
        if block in _NESTS and side == "close":
            numbers.pop()
        before = kind


def _escaped(text: str) -> str:
    """Return a text for TeX, in which two hyphens or quotes do not make one sign."""
    return re.sub(r"([-'])(?=\1)", r"\1{}", text.translate(_ESCAPES))


def _code(text: str) -> str:
    text = text.rstrip("\n").translate(_ESCAPES_IN_CODE)
    begin, end = r"\begin{Verbatim}[commandchars=\\\{\}]", r"\end{Verbatim}"
    return f"{begin}\n{text}\n{end}\n\n"


def _formula(tex: str, *, display: bool) -> str:
    """Return a formula, or its source if TeX might do more with it than show it."""
    tex = re.sub(r"\s*\n\s*", "\n", tex.strip())
    tex = re.sub(r"\\.|[%#]", lambda one: one[0].rjust(2, "\\"), tex)
    names = [one for one in _COMMAND.findall(tex) if not _SIGN.fullmatch(one)]
    bare = re.sub(r"\\.", "", tex, flags=re.DOTALL)
    depths = [0, *accumulate((one == "{") - (one == "}") for one in bare)]
    ends = [re.findall(rf"\\{one}\{{(\w+\*?)\}}", tex) for one in ("begin", "end")]
    is_whole = min(depths) == depths[-1] == 0 and sorted(ends[0]) == sorted(ends[1])
    is_plain = names.count("begin") == names.count("end") == len(ends[0])
    is_known = _COMMANDS.issuperset([*names, *ends[0]]) and "^^" not in tex
    if not (is_whole and is_plain and is_known) or "$" in bare:
        return rf"\texttt{{{_escaped(tex)}}}"
    if display and re.match(r"\\begin\{(?:equation|align|gather|multline)\*?\}", tex):
        return tex
    return rf"\[{tex}\]" if display else rf"\({tex}\)"


def _table_head(tokens: Sequence[Token]) -> str:
    """Return how a table begins; the cells of a wide one are broken into lines."""
    end = next(n for n, token in enumerate(tokens) if token.type == "table_close")
    heads = [token for token in tokens[:end] if token.type == "th_open"]
    styles = (str(one.attrGet("style") or "").rpartition(":")[2] for one in heads)
    columns = [_COLUMNS.get(style, "l") for style in styles]
    cells = [token.content for token in tokens[:end] if token.type == "inline"]
    count = len(columns)
    rows = (cells[n : n + count] for n in range(0, len(cells), count))
    if max(sum(map(len, row)) for row in rows) > _NARROW:
        width = rf"p{{\dimexpr\linewidth/{count}-2\tabcolsep\relax}}"
        columns = [f">{{{_SIDES[one]}\\arraybackslash}}{width}" for one in columns]
    return f"\\begin{{longtable}}{{{''.join(columns)}}}\n\\toprule\n"
