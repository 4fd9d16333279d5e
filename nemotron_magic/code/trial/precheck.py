"""Find, before a fork, what a copy of the kernel could not really try."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FunctionType, ModuleType

from nemotron_magic.code.syntax import LIBRARIES, magics, names_in, try_to_parse

_ADDRESS = re.compile(r"\b(?!file:|sqlite:)[a-z][a-z0-9+.-]{1,20}://", re.IGNORECASE)
_SHELL = {"system", "getoutput", "getoutput_split"}
# Magics, and what they do that a copy may not.
_OF_MAGIC: dict[str, str] = {
    name: words
    for words, names in LIBRARIES["untried_magics"].items()
    for name in names.split()
}
# Modules whose objects are connections, or are of no use without one.
_CONNECTIONS = re.compile(rf"(?:{'|'.join(LIBRARIES['connections'].split())})(?:\.|$)")
_NO_CONNECTION = re.compile(rf"(?:{'|'.join(LIBRARIES['no_connections'].split())})$")
_ON_A_GPU = ("jax", "tensorflow", "cupy", "cudf", "numba.cuda.cudadrv.driver")
_LEAST_FREE = 1 << 30  # bytes


def reason_not_to_try(sources: Sequence[str], namespace: Mapping[str, object]) -> str:
    """Return why transformed code cannot be tried in a copy; empty if it may be."""
    names: set[str] = set()
    for source in sources:
        # Of what cannot be read, the trial tells.
        tree = try_to_parse(source) or ast.Module([], [])
        names |= names_in(tree)
        reasons = [_OF_MAGIC.get(name, "") for name, *_ in magics(tree)]
        reasons += map(_reason_in, ast.walk(tree))
        if any(reasons):
            return next(filter(None, reasons))
    reached = dict(_reached(names, namespace))
    return _held(reached) or _of_libraries(reached) or _of_memory()


def _reason_in(node: ast.AST) -> str:
    match node:
        case ast.Constant(str(text)) if _ADDRESS.search(text):
            return "reads from the network"
        case ast.Call(ast.Attribute(ast.Call(ast.Name("get_ipython")), called)) if (
            called in _SHELL
        ):
            return "runs a shell command"
    return ""


def _reached(
    names: set[str], namespace: Mapping[str, object]
) -> Iterator[tuple[str, object]]:
    """Yield the values of names, and of those that the user's functions read."""
    waiting, seen = list(names), set(names)
    while waiting:
        name = waiting.pop()
        if name not in namespace:
            continue
        value = namespace[name]
        yield name, value
        if isinstance(value, FunctionType) and value.__globals__ is namespace:
            more = set(value.__code__.co_names) - seen
            waiting += more
            seen |= more


def _held(reached: Mapping[str, object]) -> str:
    """Return which value is a connection, or holds one as an attribute or item."""
    for name, value in reached.items():
        if _is_connection(value) or any(map(_is_connection, _parts(value))):
            return f"uses the connection {name}"
    return ""


def _parts(value: object) -> list[object]:
    if type(value) in (list, tuple, set):
        return list(value)[:20]  # type: ignore[call-overload, no-any-return]
    if type(value) is dict:
        return list(value.values())[:20]
    if type(value).__module__ == "__main__":
        with suppress(AttributeError):
            return list(object.__getattribute__(value, "__dict__").values())[:20]
    return []


def _is_connection(value: object) -> bool:
    kind = type(value)
    if isinstance(value, type) or kind.__module__ in ("builtins", "types"):
        return False
    return bool(
        _CONNECTIONS.match(str(kind.__module__))
        and not _NO_CONNECTION.search(kind.__qualname__)
    )


def _of_libraries(reached: Mapping[str, object]) -> str:
    homes = {_home(value) for value in reached.values()}
    if "polars" in homes and any(one.startswith("polars-") for one in _threads()):
        return "uses polars, whose threads do not survive in a copy"
    torch = sys.modules.get("torch.cuda")
    is_used = getattr(torch, "is_initialized", None)
    if callable(is_used) and is_used():
        return "shares the kernel's GPU"
    library = next((one for one in _ON_A_GPU if one in sys.modules), "")
    return f"shares the kernel's GPU ({library} is loaded)" if library else ""


def _home(value: object) -> str:
    """Return the top-level package that a value, or a module, comes from."""
    if isinstance(value, ModuleType):
        module = value.__name__
    else:
        made = value if isinstance(value, (type, FunctionType)) else type(value)
        module = getattr(made, "__module__", "")
    return str(module).partition(".")[0]


def _threads() -> Iterator[str]:
    for path in Path("/proc/self/task").glob("*/comm"):
        with suppress(OSError):
            yield path.read_text()


def _of_memory() -> str:
    """Return whether too little memory is free for a copy that grows."""
    free, total = free_and_total_memory()
    is_short = total > 0 and free < _LEAST_FREE + total // 10
    return "needs memory, of which too little is free" if is_short else ""


def free_and_total_memory() -> tuple[int, int]:
    """Return how many bytes this machine has free, and has; 0 if that is not known."""
    with suppress(OSError, KeyError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes = {line.split(":")[0]: int(line.split()[1]) << 10 for line in lines}
        return sizes["MemAvailable"], sizes["MemTotal"]
    return 0, 0
