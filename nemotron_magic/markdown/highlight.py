"""Code in color: Pygments finds the words, the page's theme gives the colors."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from pygments import token
from pygments.lexer import Lexer
from pygments.lexers import get_all_lexers, get_lexer_by_name

if TYPE_CHECKING:
    from pygments.token import _TokenType

# Few classes, so that the HTML stays small: it is sent again while a reply grows.
_CLASSES = {
    token.string_to_tokentype(kind): name
    for name, kinds in {
        "k": "Keyword Operator.Word Generic.Inserted",
        "a": "Keyword.Constant",
        "s": "String Generic.Deleted",
        "m": "Number",
        "c": "Comment Generic.Prompt",
        "d": "Comment.Preproc Name.Decorator",
        "f": "Name.Function Name.Class Name.Attribute Generic.Heading",
        "b": "Name.Builtin Name.Exception",
        "t": "Name.Tag",
    }.items()
    for kind in kinds.split()
}
# By a name that Pygments has for each. A reply chooses the lexer: of the hundreds there
# are, some work for minutes on a short text, or let the text choose another.
LANGUAGES = {
    "bash", "bat", "c", "cmake", "console", "cpp", "csharp", "css", "dart", "diff",
    "docker", "elixir", "fortran", "go", "graphql", "haskell", "html", "ini",
    "java", "javascript", "json", "julia", "kotlin", "latex", "lua", "make",
    "markdown", "matlab", "perl", "php", "powershell", "protobuf", "python", "pytb",
    "r", "rst", "ruby", "rust", "scala", "scss", "sql", "swift", "terraform",
    "toml", "tsx", "typescript", "xml", "yaml",
}  # fmt: skip
_COLORED_CHARS = 20_000
_COLORED_S = 0.05  # three times what the longest ordinary block takes
# Runs over which a single pattern of a lexer may work for minutes.
_UNUSUAL = re.compile(r"(?<!\w)\w{200}|(?<!\s)\s{120}|^.{1000}", re.MULTILINE)


def bounded_tokens(
    text: str, language: str, clock_s: Callable[[], float]
) -> Iterator[tuple[_TokenType, str]]:
    """Yield a text in pieces with their kinds; plain where that would take too long."""
    done, lexer = 0, _lexer(language)
    if lexer is not None:
        text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
        unusual = _UNUSUAL.search(text, 0, _COLORED_CHARS)
        end = unusual.start() if unusual else _COLORED_CHARS
        end_s = clock_s() + _COLORED_S
        for kind, piece in lexer.get_tokens(text[:end]):
            # Some lexers give what is not closed twice.
            if clock_s() > end_s or not text.startswith(piece, done):
                break
            yield kind, piece
            done += len(piece)
    if done < len(text):
        yield token.Text, text[done:]


def colored(
    code: str, language: str, clock_s: Callable[[], float] = time.thread_time
) -> Iterator[tuple[str, str]]:
    """Yield the code in runs, each with the class of its color, or an empty one."""
    tokens = bounded_tokens(code, language, clock_s)
    for name, run in groupby(tokens, lambda piece: _class_of(piece[0])):
        yield name, "".join(text for _, text in run)


def highlight(
    code: str, language: str, clock_s: Callable[[], float] = time.thread_time
) -> str:
    """Return the HTML of a code block's text; plain if the language is not known."""
    return "".join(
        f'<span class="nm-{name}">{escape(text, quote=False)}</span>'
        if name and text
        else escape(text, quote=False)
        for name, text in colored(code, language, clock_s)
    )


@lru_cache(maxsize=256)
def _lexer(language: str) -> Lexer | None:
    name = _names().get(language.lower())
    # Markdown's lexer would choose another for each block of code within.
    options = {"stripnl": False, "ensurenl": False, "handlecodeblocks": False}
    return get_lexer_by_name(name, **options) if name else None


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Return the lexer's name of each highlighted language, by all of its aliases."""
    # The lexer of Python's consoles reads all before it gives anything.
    consoles = ("ipython", "ipython3", "pycon", "python-console")
    found = dict.fromkeys(consoles, "python")
    for _, names, _, _ in get_all_lexers(plugins=False):
        found |= {name: one for one in LANGUAGES & {*names} for name in names}
    return found


@lru_cache(maxsize=512)
def _class_of(kind: _TokenType) -> str:
    return _CLASSES.get(kind) or _class_of(kind.parent) if kind else ""
