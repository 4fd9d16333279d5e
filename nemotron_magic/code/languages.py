"""What a fence's language makes of its code: Python, a cell magic, a session, none."""

from __future__ import annotations

from collections.abc import Collection

__all__ = [
    "MARKDOWN",
    "PYTHON",
    "SESSIONS",
    "SHELLS",
    "is_known",
    "is_python_name",
    "magic_of",
]

PYTHON = frozenset([
    "python", "py", "ipython", "ipy", "pycon", "python-repl", "python-console",
    "pyrepl", "jupyter", "jupyter-python", "code-cell", "cell", "sage", "x-python",
    "text/x-python",
])  # fmt: skip
# What shows commands with their prompts, and output without.
SESSIONS = frozenset([
    "console", "shell-session", "shellsession", "sh-session", "bash-session",
    "terminal", "session", "doctest",
])  # fmt: skip
SHELLS = frozenset(["bash", "sh", "shell", "shellscript", "zsh"])
MARKDOWN = frozenset(["markdown", "md", "mdx", "qmd", "rmd", "rmarkdown", "myst"])

# The magics that can take a language, the best first.
_MAGICS: dict[str, tuple[str, ...]] = {
    "bash": ("bash", "sh"),
    "html": ("html", "HTML"),
    "javascript": ("javascript", "js"),
    "latex": ("latex",),
    "perl": ("perl",),
    "ruby": ("ruby",),
    "sql": ("sql",),
    "svg": ("svg", "SVG"),
    "cython": ("cython",),
    "julia": ("julia",),
    "octave": ("octave",),
    "r": ("R",),
    "cmd": ("cmd",),
}
_OTHER_NAMES = {
    **dict.fromkeys(SHELLS, "bash"),
    "htm": "html",
    "html5": "html",
    "js": "javascript",
    "tex": "latex",
    "pl": "perl",
    "rb": "ruby",
    "postgres": "sql",
    "postgresql": "sql",
    "mysql": "sql",
    "sqlite": "sql",
    "sqlite3": "sql",
    "duckdb": "sql",
    "pyx": "cython",
    "jl": "julia",
    "bat": "cmd",
    "batch": "cmd",
}


def magic_of(language: str, magics: Collection[str]) -> str:
    """Give the cell magic that takes a language, among those there are; else nothing.

    >>> magic_of("sh", ["bash", "html"]), magic_of("rust", ["bash", "html"])
    ('bash', '')
    """
    known = _MAGICS.get(_OTHER_NAMES.get(language, language), ())
    return next((magic for magic in known if magic in magics), "")


def is_python_name(language: str) -> bool:
    """Tell whether a language is Python, of whichever version.

    >>> is_python_name("python3.12"), is_python_name("pytb")
    (True, False)
    """
    return language.rstrip("0123456789.") in PYTHON


def is_known(language: str) -> bool:
    """Tell whether a language can make a cell here or elsewhere."""
    return is_python_name(language) or _OTHER_NAMES.get(language, language) in _MAGICS
