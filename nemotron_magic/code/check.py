"""Check code before it is inserted, without running it.

What is found is what surely fails: no alarm is better than a false one.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Mapping

from nemotron_magic.code.columns import missing_columns
from nemotron_magic.code.names import undefined_names
from nemotron_magic.code.syntax import (
    Finding,
    compile_error,
    missing_modules,
    python_source,
)

__all__ = [
    "check",
    "is_installed",
]


_LONGEST = 200_000  # characters; more than that is not checked
# Lines without code above it: empty ones, and the magics that run the Python below but
# are handed it as text. Behind %%timeit, but for options, is code that runs before it.
_ABOVE = re.compile(
    r"(?:(?:%%(?:(?:time|timeit|prun|memit)(?:[ \t]+-[a-z]+(?:[ \t]*\d+)?)*"
    r"|capture(?:[ \t][^\n]*)?))?[ \t]*\n)+"
)
# A line that is timed is Python, too.
_TIMED = re.compile(r"(?m)^%time(?:it)?[ \t]+(?=[^-\s])")


def is_installed(module: str) -> bool:
    """Return whether a top-level module can be imported; nothing is imported for it."""
    if module in sys.modules:
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # a finder of the user's may refuse it
        return False


def check(
    source: str,
    namespace: Mapping[str, object],
    transform: Callable[[str], str] = str,
    is_installed: Callable[[str], bool] = is_installed,
) -> tuple[Finding, ...]:
    """Find what fails in a cell: syntax, names, modules, columns of live tables.

    Parameters
    ----------
    namespace
        What the user's names stand for.
    transform
        Makes Python of a cell, as IPython does with magics.
    is_installed
        Tells whether a top-level module can be imported.

    Examples
    --------
    >>> check("print(totl)", {"total": 1})
    (Finding(kind='name', what='totl', near='total'),)
    """
    if len(source) > _LONGEST:
        return ()
    # Here and not above: it reads pyflakes, for which no plain question is to wait.
    above = _ABOVE.match(source)
    code = _TIMED.sub("", source[above.end() :] if above else source)
    lines_above = "\n" * source.count("\n", 0, len(source) - len(code))
    try:
        tree = compile_error(lines_above + python_source(code, transform))
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        return (Finding("syntax", f"{line}{error.msg}"),)
    try:
        return (
            *missing_modules(tree, is_installed),
            *undefined_names(tree, namespace),
            *missing_columns(tree, namespace),
        )
    except RecursionError:  # it nests deeper than anyone writes
        return ()
