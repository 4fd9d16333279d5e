"""Check code before it is inserted, without running it.

What is found is what surely fails: no alarm is better than a false one. pyflakes finds
names that nothing defines, but reads a module, while a notebook has names from other
cells, and a function may wait for a later one. Columns are looked for from top to
bottom, and no more in a table that may be another, or may have other columns.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from pyflakes.checker import Checker, FunctionScope
from pyflakes.messages import UndefinedName

from nemotron_magic.code import syntax
from nemotron_magic.code.syntax import Finding, Namespace, handles, names_in
from nemotron_magic.core.introspection import bases, home
from nemotron_magic.core.text import closest_match

_LONGEST = 200_000  # characters; more than that is not checked


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
    namespace: Namespace,
    transform: Callable[[str], str] = str,
    is_installed: Callable[[str], bool] = is_installed,
) -> tuple[Finding, ...]:
    """Return what fails in a cell: syntax, names, modules, columns of live tables."""
    if len(source) > _LONGEST:
        return ()
    code = syntax.pattern("above").sub("", source)
    lines_above = "\n" * source.removesuffix(code).count("\n")
    code = syntax.pattern("timed").sub("", code)
    try:
        tree = syntax.compile_cell(lines_above + syntax.python_source(code, transform))
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        return (Finding("syntax", f"{line}{error.msg}"),)
    try:
        return (
            *syntax.missing_modules(tree, is_installed),
            *_undefined_names(tree, namespace),
            *_missing_columns(tree, namespace),
        )
    except RecursionError:  # it nests deeper than anyone writes
        return ()


_MOST = 20

_Place = tuple[int, int]  # line and column


def _undefined_names(tree: ast.Module, namespace: Namespace) -> list[Finding]:
    """Return a finding for each name that is read and that nothing defines."""
    if _may_define_unseen(tree):
        return []
    bound, run = syntax.bound_names(tree), _places_run(tree)
    given = {*vars(builtins), *_guarded_names(tree)}
    is_given = syntax.pattern("given_name").fullmatch
    reads = {
        place: name
        for place, name in _undefined(tree, "annotations" in namespace)
        if not (name in namespace or name in given or is_given(name))
    }
    known = bound - set(reads.values())
    found: dict[str, Finding] = {}
    for place, name in sorted(reads.items()):
        # A later cell may define what only a function reads that is not called here,
        # unless it is a slip.
        is_run = place in run
        near = _near(name, namespace, known, 0.75 if is_run else 0.8)
        if name not in found and (is_run or (near and name not in bound)):
            found[name] = Finding("name", name, near)
    return list(found.values())[:_MOST]


def _undefined(tree: ast.Module, are_lazy: bool) -> Iterator[tuple[_Place, str]]:
    """Yield the place and name of each read that nothing above it defines."""
    rounds = [
        (node.lineno, node.end_lineno or 0, _assigned(node))
        for node in syntax.nodes_of(ast.stmt, tree)
        if isinstance(node, ast.For | ast.AsyncFor | ast.While)
    ]
    for message in _Checker(tree, are_lazy).messages:
        if isinstance(message, UndefinedName):
            line, name = message.lineno, message.message_args[0]
            if not any(a <= line <= b and name in names for a, b, names in rounds):
                yield (line, message.col), name


class _Checker(Checker):
    """pyflakes, with what is never looked up left out."""

    def __init__(self, tree: ast.Module, are_lazy: bool) -> None:
        self._are_lazy = are_lazy  # the annotations
        super().__init__(tree, withDoctest=False)

    AWAIT = Checker.handleChildren  # stands at the top of a cell, too

    def handleAnnotation(self, annotation: ast.expr, node: ast.AST) -> None:  # noqa: N802
        """Read an annotation only where it is evaluated."""
        is_local = isinstance(self.scope, FunctionScope)
        if not (self._are_lazy or (is_local and isinstance(node, ast.AnnAssign))):
            super().handleAnnotation(annotation, node)

    def handle_annotation_always_deferred(self, *_: object) -> None:
        """Leave out annotations that are not evaluated."""

    def handleStringAnnotation(self, *_: object) -> None:  # noqa: N802
        """Leave out annotations that are texts."""


def _assigned(loop: ast.AST) -> set[str]:
    """Return what an earlier round of a loop may have assigned, not only changed."""
    changed = {id(node.target) for node in syntax.nodes_of(ast.AugAssign, loop)}
    return {
        node.id
        for node in syntax.nodes_of(ast.Name, loop)
        if isinstance(node.ctx, ast.Store) and id(node) not in changed
    }


def _places_run(tree: ast.Module) -> set[_Place]:
    """Return where names are looked up when the cell runs."""
    used: set[str] = set()
    while True:
        nodes = list(_nodes_run(tree, used))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        found = {node.id for node in names}
        found |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        if found <= used:
            return {(node.lineno, node.col_offset) for node in names}
        used = found


def _nodes_run(node: ast.AST, used: set[str]) -> Iterator[ast.AST]:
    """Yield what runs with a node: the bodies only of functions that are used."""
    yield node
    match node:
        case ast.Lambda(args):
            parts: Iterable[ast.AST] = [args]
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) if name not in used:
            returns = [node.returns] if node.returns else []
            parts = [*node.decorator_list, node.args, *returns]
        case ast.Call() if syntax.is_call_of(node, *syntax.words("call_back")):
            handed = syntax.arguments_of(node)
            bodies = [one.body for one in handed if isinstance(one, ast.Lambda)]
            parts = [*bodies, *ast.iter_child_nodes(node)]
        case _:
            parts = ast.iter_child_nodes(node)
    for part in parts:
        yield from _nodes_run(part, used)


def _guarded_names(tree: ast.Module) -> set[str]:
    """Return the names whose absence the code handles."""
    found = syntax.tested_texts(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Try(body) | ast.With(_, body) if handles(node, ["NameError"]):
                found |= names_in(*body)
            case ast.Delete(targets):  # by then, functions may have read them
                found |= names_in(*targets) & syntax.bound_names(tree)
    return found


def _may_define_unseen(tree: ast.Module) -> bool:
    """Return whether names may be defined in a way that cannot be seen."""
    compared = syntax.nodes_of(ast.Compare, tree)
    tested = {id(part) for part in syntax.nodes_of(ast.AST, *compared)}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(_, [ast.alias("*")]):
                return True
            case ast.Name("exec" | "globals" | "locals") if id(node) not in tested:
                return True
            case ast.Attribute(_, "user_ns" | "push"):
                return True
    return any(
        name not in syntax.words("harmless_magics")
        and not (name == "time" and "=" not in line + body)
        for name, line, body in syntax.magics(tree)
    )


def _near(name: str, namespace: Namespace, bound: set[str], cutoff: float) -> str:
    if name in syntax.IMPORTS:
        return syntax.IMPORTS[name]
    given = (one for one in vars(builtins) if one.islower() and len(one) > 3)
    known = (one for one in (*bound, *namespace, *given) if type(one) is str)
    return closest_match(name, (one for one in known if one[:1] != "_"), cutoff)


_MADE_UP = ("index", "value", "variable")
# With these, the names are no columns, or need not be there.
_OTHERWISE = frozenset(["axis", "errors", "how", "level", "strict", None])
_LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)
_USERS = ("", "__main__")
_PLAIN_LABELS = [("pandas", "Index"), ("pandas", "RangeIndex")]
_ROWS = frozenset([("pandas", "DatetimeIndex"), ("pandas", "MultiIndex")])


@dataclass(frozen=True, slots=True)
class _Table:
    """What can be named in a table."""

    columns: set[str]
    rows: int
    levels: frozenset[str] = frozenset()  # of its index
    attributes: frozenset[str] = frozenset()  # none if columns are no attributes


_Tables = Mapping[str, _Table]


def _missing_columns(tree: ast.Module, namespace: Namespace) -> list[Finding]:
    """Return a finding for each column that a table does not have."""
    named = {name: namespace[name] for name in names_in(tree) if name in namespace}
    # Two names of one table share what is known of it.
    known = {id(value): _table(value) for value in named.values()}
    tables = {name: t for name in named if (t := known[id(named[name])])}
    user_code = {name for name, value in named.items() if _is_users(value)}
    user_code |= syntax.words("table_evaluate")
    imported = syntax.bound_names(*syntax.nodes_of(ast.alias, tree))
    made, tested = syntax.bound_names(tree) - imported, syntax.tested_texts(tree)
    found: dict[str, Finding] = {}
    for part in _in_order(tree.body) if tables else ():
        value = getattr(part, "value", part)
        takes_out = isinstance(part, ast.Delete) or syntax.is_call_of(value, "pop")
        uses = [*_uses(part, tables)] if takes_out else []
        is_users = _may_run_user_code(part, user_code, made)
        lost = set(tables) if is_users else _lost(part, tables)
        tables = {
            name: table
            for name, table in tables.items()
            if not any(table is tables.get(other) for other in lost)
        }
        for name, table, column in (*uses, *_uses(part, tables)):
            if column not in tested:
                near, what = closest_match(column, table.columns), f"{name}[{column!r}]"
                found.setdefault(what, Finding("column", what, near))
        for one in syntax.nodes_of(ast.Subscript, part):
            name, columns = _labels(one)
            if name in tables and isinstance(one.ctx, ast.Store):
                tables[name].columns.update(columns)
    return list(found.values())[:_MOST]


def _table(value: Any) -> _Table | None:
    """Return what is known of a table; None for all else, such as derived ones."""
    place = home(type(value))
    if place == ("polars", "DataFrame"):
        return _Table(set(value.columns), value.height)
    if place != ("pandas", "DataFrame"):
        return None
    labels, index = value.columns, value.index
    kinds = [home(cls) for cls in bases(type(index))]
    # A text can stand for rows if they have dates, or several labels.
    has_rows = kinds[0][0] != "pandas" or not _ROWS.isdisjoint(kinds)
    if has_rows or home(type(labels)) not in _PLAIN_LABELS:
        return None
    columns = {label for label in labels.tolist() if type(label) is str}
    levels = frozenset(level for level in index.names if type(level) is str)
    attributes = frozenset([*dir(type(value)), *vars(value)])
    return _Table(columns, len(index), levels, attributes)


def _in_order(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield statements, and what runs first of them before the rest."""
    for statement in body:
        match statement:
            case ast.Assign(targets, value):
                yield from (value, *targets)
            case ast.AnnAssign(target, _, ast.expr() as value):
                yield from (value, target)
            case ast.For(_, first) | ast.If(first) | ast.While(first):
                yield from (first, statement)
            case _:
                yield statement


def _may_run_user_code(part: ast.AST, names: Collection[str], made: set[str]) -> bool:
    """Return whether user code may run, by its names or by what the cell has made."""
    match part:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return bool(part.decorator_list)
        case ast.ClassDef() | ast.Await():
            return True
        case ast.Name(name) if name in names:
            return True
        case ast.Call(ast.Name(name)) if name in made:
            return True
        case ast.Call(func) if not isinstance(func, ast.Attribute | ast.Name):
            return True
        case ast.Call() if syntax.is_call_of(part, "run_line_magic", "run_cell_magic"):
            magics = {name for name, *_ in syntax.magics(part)}
            return not magics <= syntax.words("harmless_magics")
    parts = ast.iter_child_nodes(part)
    return any(_may_run_user_code(one, names, made) for one in parts)


def _is_users(value: Any) -> bool:
    """Return whether something was made in the notebook, or may call what was."""
    if type(value) is FunctionType:
        return value.__module__ in _USERS
    if type in bases(type(value)):
        return home(value)[0] in _USERS
    if type(value) in (BuiltinFunctionType, ModuleType):
        return False
    return callable(value) or home(type(value))[0] in _USERS


def _lost(part: ast.AST, tables: _Tables) -> set[str]:
    """Return the names whose tables may be others after a piece of code, or changed."""
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
        return {part.name}
    nodes, lost = list(ast.walk(part)), syntax.bound_names(part)
    read_only = {id(name) for node in nodes for name in _read_only(node, tables)}
    for node in nodes:
        match node:
            case ast.Name(name) if id(node) not in read_only:
                lost.add(name)
            case ast.Subscript(ast.Attribute(_, "iloc" | "iat")):
                pass  # changes cells only
            case ast.Subscript(_, _, ast.Store()) if _labels(node)[0] in tables:
                pass  # adds columns
            case (
                ast.Subscript(ctx=ast.Store() | ast.Del())
                | ast.Attribute(ctx=ast.Store() | ast.Del())
            ):
                lost.add(syntax.root_name(node))
            case ast.Call(ast.Attribute(ast.Name(name)), _, keywords) if any(
                keyword.arg in ("inplace", "in_place", None) for keyword in keywords
            ):
                lost.add(name)
    return lost


def _read_only(node: ast.AST, tables: _Tables) -> Iterator[ast.AST]:
    """Yield the parts of a node that are left as they are, and get no second name."""
    match node:
        case ast.Subscript(value):
            yield value
        case ast.Attribute(ast.Name(name) as value, part) if table := tables.get(name):
            is_error = bool(table.attributes) and part not in table.attributes
            is_known = part in syntax.words("table_reads") or part in table.columns
            if is_known or is_error:
                yield value
        case ast.Call(ast.Name(name) | ast.Attribute(ast.Name(name)) as func):
            libraries = syntax.words("table_libraries") | {*tables}
            is_plain = isinstance(func, ast.Name)
            if name in (syntax.words("table_builtins") if is_plain else libraries):
                for one in syntax.arguments_of(node):
                    yield one
                    if isinstance(one, ast.List | ast.Tuple | ast.Dict | ast.Starred):
                        yield from ast.iter_child_nodes(one)
        case _ if isinstance(node, _LOOPS):
            yield node.iter
        case _ if isinstance(node, syntax.kinds("new_values")):
            yield from ast.iter_child_nodes(node)


def _labels(node: ast.AST) -> tuple[str, list[str]]:
    """Return the name that is subscripted by texts, and these; else nothing."""
    match node:
        case (
            ast.Subscript(ast.Name(name), place)
            | ast.AugAssign(ast.Subscript(ast.Name(name), place))
            | ast.Subscript(
                ast.Attribute(ast.Name(name), "loc" | "at"), ast.Tuple([_, place])
            )
            | ast.Subscript(ast.Call(ast.Attribute(ast.Name(name), "groupby")), place)
        ) if labels := syntax.constant_texts(place):
            return name, labels
    return "", []


def _uses(node: ast.AST, tables: _Tables) -> Iterator[tuple[str, _Table, str]]:
    """Yield the columns that are surely taken when code runs, and are not there."""
    if isinstance(node, syntax.kinds("not_sure")):
        return
    for name, column, may_be_level in _named_in(node, tables):
        # polars may read a pattern, and plotly makes up three names.
        is_other = column[:1] in ("", "^", "*") or column in _MADE_UP
        if (table := tables.get(name)) and not (
            is_other
            or column in table.columns
            or (may_be_level and column in table.levels)
        ):
            yield name, table, column
    for part in ast.iter_child_nodes(node):
        yield from _uses(part, tables)


def _named_in(node: ast.AST, tables: _Tables) -> Iterator[tuple[str, str, bool]]:
    """Yield a name, a column that is taken from it, and if a level may be meant."""
    match node:
        case ast.Subscript(ctx=ast.Load() | ast.Del()) | ast.AugAssign():
            name, columns = _labels(node)
            yield from ((name, column, False) for column in columns)
        case ast.Attribute(ast.Name(name), part, ast.Load()) if name in tables:
            attributes = tables[name].attributes
            if attributes and part not in attributes and part[0] != "_":
                yield name, part, False
        case ast.Call(ast.Attribute(ast.Name("sns" | "seaborn" | "px")), args, given):
            named = {one.arg: one.value for one in given}
            data = named.get("data", named.get("data_frame", *args[:1]))
            for one in ("x", "y", "hue"):
                match data, named.get(one):
                    case ast.Name(name), ast.Constant(str(column)):
                        yield name, column, True
        case (
            ast.Call(ast.Attribute(ast.Attribute(ast.Name(name), "plot" as method)))
            | ast.Call(
                ast.Attribute(
                    ast.Call(ast.Attribute(ast.Name(name), "groupby")), method
                )
            )
            | ast.Call(ast.Attribute(ast.Name(name), method))
        ) if name in tables:
            for argument in _arguments(node, method):
                columns = syntax.constant_texts(argument)
                # As many in a list as there are rows may be their values.
                is_list = method == "groupby" and isinstance(argument, ast.List)
                if not is_list or len(columns) != tables[name].rows:
                    yield from ((name, column, True) for column in columns)


def _arguments(node: ast.Call, method: str) -> Iterator[ast.AST]:
    """Yield the arguments of a method that name columns."""
    given = {one.arg: one.value for one in node.keywords}
    place, *named = syntax.LIBRARIES["arguments"].get(method, "").split() or [""]
    if given.keys() & _OTHERWISE:
        return
    yield from (given[one] for one in (place, *named) if one in given)
    if place.isdecimal() and len(node.args) == int(place) + 1:
        yield node.args[-1]
    if method in ("agg", "astype"):
        dicts = (one for one in node.args if isinstance(one, ast.Dict))
        yield from (key for one in dicts for key in one.keys if key)
        pairs = (one for one in given.values() if isinstance(one, ast.Tuple))
        yield from (one.elts[0] for one in pairs)
    # What polars takes by `pl.col`, unless some are of another table.
    calls = [*syntax.nodes_of(ast.Call, node)]
    by_expressions = syntax.words("by_expressions")
    if sum(syntax.is_call_of(one, *by_expressions) for one in calls) == 1:
        for call in calls:
            yield from call.args if syntax.is_call_of(call, "col") else ()
