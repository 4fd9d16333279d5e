"""Say in one line what a cell does outside of Python.

Only what is certain is said, by the names that the code calls: a shell, script in the
page, packages and where they come from, code from elsewhere, settings of our own.
"""

from __future__ import annotations

import ast
import builtins
import html
import os
import re
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.resources import files
from types import BuiltinFunctionType, FunctionType, ModuleType
from urllib.parse import urlsplit

from nemotron_magic.code.syntax import python_source
from nemotron_magic.core.introspection import bases, class_name, home
from nemotron_magic.core.parameters import PARAMETERS
from nemotron_magic.core.text import sanitize_label

__all__ = [
    "effects_of",
]


_LONGEST = 200_000  # characters; more than that is not looked at
_DEEPEST = 5  # cells in texts in cells
_LONGEST_PATH = 20  # names and calls in a row
_MOST_HOSTS = 3
_MOST_LINES = 2_000

_SHELL = "runs a shell"
_PROGRAM = "runs another program"
_SCRIPT = "runs script in this page"
_INSTALLS = "installs packages"
_FROM_URL = "runs code from a URL"
_FILE = "runs another file"
_UNPACKED = "runs code that it unpacks"
_SETTINGS = "changes settings of %nemotron"
_ASKS = "asks the model again (costs)"
_WRITES = "writes a file"
_OUTSIDE = "reads or writes outside this folder"

_UNSEEN = "This cell is too {} to be looked over: read all of it before it runs."
_UNKNOWN = "\ufffd"  # what stands in a text for what is known only when it runs

_TABLES = tomllib.loads(files(__package__).joinpath("effects.toml").read_text("utf-8"))
_MAGICS: dict[str, str] = {
    name: effect
    for effect, names in _TABLES["magics"].items()
    for name in names.split()
}
_CALLS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), effect)
    for effect, patterns in _TABLES["calls"].items()
    for pattern in patterns
)
_PYTHON: dict[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.VERBOSE) for name, pattern in _TABLES["python"].items()
}
_WORDS: dict[str, str] = {
    name: "(?:" + "".join(line.strip() for line in words.split("\n")) + ")"
    for name, words in _TABLES["shell"].items()
}

_CALLS_MAGIC = re.compile(r"run_(line|cell)_magic|magic|find_(line_|cell_)?magic")
_RUNS_PIP = re.compile(r"pip\.(\w+\.)*main")
_SHOWS_ITSELF = re.compile(r"_repr_(html|svg|markdown|latex|mimebundle)_")
_HAS_SCRIPT = re.compile(
    r"<\s*(script|i?frame|object|embed|applet|link|meta|base|form)|\bon\w+\s*="
    r"|javascript\s*:",
    re.I,
)
_OURS = re.compile(r"(?i)(^|\.)nemotron\.|^nemotron_magic\.[\w.]*$|_magics\.nemotron\.")
_OUR_VARIABLE = re.compile(r"(?i)AIML|NEMOTRON")
_DEVICES = re.compile(r"/dev/(null|zero|u?random|std(in|out|err)|tty|fd/\d+)|NUL|nul")
_TIMES = frozenset(["capture", "debug", "memit", "mprun", "prun", "time", "timeit"])
_OPTIONS = re.compile(r"(?:\s*-{1,2}\w+(?:\s*\d+)?)*\s*")
_TOKEN = re.compile(r"\s*((?:\"[^\"]*\"|'[^']*'|[^\s\"'])+)")
_FREE_COMMAND = re.compile(
    r"\s*(balance|cache|clear|code|doctor|forget|help|log|login|logout|models|panel"
    r"|preview|rehearse|reset|threads|usage)\s*(:.*)?"
)
_OWN_COMMANDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\s*log\s*:\s*(un)?strike\b", re.I), _SETTINGS),
    (re.compile(r"\s*usage\s*:\s*export\b", re.I), _WRITES),
)
# The flags behind which a value stands; those that let more be spent, or sent; those
# that ask for no reply.
_TAKES_VALUE = {"-p", "-o", "--out", "-f", "--file", "-T", "--thread"} | {
    flag
    for one in PARAMETERS
    for flag in one.flags
    if one.kind != "boolean" and not one.bare
}
_UNGUARDS = frozenset(["--max-cost", "--data"])
_ASKS_NOTHING = frozenset(["-h", "--help", "--preview"])

_INSTALL = re.compile(
    r"(?:(?:\b|(?<=-m))(?:{installers}\s+(?:-\S+\s+(?:[^-\s]\S*\s+)?){{0,12}}"
    r"(?:(?:tool|env|global|self|lib)\s+)?{verbs}|{updaters}\s+"
    r"(?:-\S+\s+(?:[^-\s]\S*\s+)?){{0,12}}(?:env\s+)?update)"
    r"|\b{one_word_installers})(?![\w.=/-])".format_map(_WORDS)
)
_INDEX_VARIABLE = re.compile(r"\b(?:PIP|UV|NPM|CONDA)_\w+[=\s]\S+")
_URL = re.compile(r"\b[a-z][a-z+]*://[^\s'\"<>|]+|\b\w+@[\w.-]{1,200}:", re.I)
_FETCHER = re.compile(
    r"(?:^|[\s/(`$=])(?:{fetchers}(?:\.exe)?(?=[\s)]|$)|\S*{fetching})".format_map(
        _WORDS
    )
)
_SUBSTITUTES = re.compile(r"[(`].*", re.DOTALL)
_RUNNER = re.compile("(?:\\S*/)?{runners}(?:\\.exe)?".format_map(_WORDS))
_WRAPPER = re.compile(r"(?:\S*/)?{wrappers}(?=\s|$)".format_map(_WORDS))
_NO_PROGRAM = re.compile(r"[-+]\S*|\w+=\S*|\d[\d.]*[smhd]?|run|[(){}]")
# Behind these stands what to run, and no file; by what the interpreter is called.
_TEXT_OPTIONS = (
    (re.compile(r".*sh|cmd"), re.compile(r"-[a-zA-Z]*c|/c|-Command", re.I)),
    (re.compile(r"py.*"), re.compile(r"-[a-zA-Z]*[cm]")),
    (re.compile(r".*"), re.compile(r"-[a-zA-Z]*[eEpn]|--(?:eval|print).*")),
)
_VALUE_OPTION = re.compile(r"[-+][a-zA-Z]*[oOWX]|--(?:rcfile|init-file)")
_EVALUATES = re.compile(r"\b(?:exec|eval)\b|\bcat\b|stdin|\{\}")


def effects_of(
    source: str,
    transform: Callable[[str], str] = str,
    namespace: Mapping[str, object] = {},
) -> str:
    """Return a line that says what a cell does outside of Python; empty if nothing.

    Parameters
    ----------
    transform
        Makes Python of a cell, as IPython does with magics.
    namespace
        What the user's names stand for.

    Examples
    --------
    >>> effects_of("import os as o; o.system('pip install -i https://e.org/x y')")
    'This cell runs a shell and installs from e.org.'
    """
    if len(source) > _LONGEST:
        return _UNSEEN.format("long")
    look = _Look(transform, namespace)
    try:
        look.at_cell(source)
    except RecursionError:
        return _UNSEEN.format("deep")
    if look.fetched & look.run:
        look.found[_FROM_URL] = None
    *others, last = [*look.found] or [""]
    if _INSTALLS in look.found and look.hosts:
        others = [one for one in (*others, last) if one != _INSTALLS]
        last = f"installs from {', '.join([*look.hosts][:_MOST_HOSTS])}"
    effects = f"{', '.join(others)} and {last}" if others else last
    return f"This cell {effects}." if effects else ""


class _Look:
    """Look at a cell, and at the cells and commands within it.

    Attributes
    ----------
    found, hosts : dict
        The effects, and where packages come from, in the order in which they stand.
    fetched, run : set
        The names of files that come from elsewhere, and of those that are run.
    """

    def __init__(
        self, transform: Callable[[str], str], namespace: Mapping[str, object]
    ) -> None:
        self.found: dict[str, None] = {}
        self.hosts: dict[str, None] = {}
        self.fetched: set[str] = set()
        self.run: set[str] = set()
        self._transform = transform
        self._namespace = namespace
        self._depth = 0

    def at_cell(self, source: str) -> None:
        """Look at a cell, or at a text that is run as one."""
        if self._depth == _DEEPEST:
            return
        self._depth += 1
        for tree in _trees(source, self._transform):
            names = _Names(tree, self._namespace)
            for node in ast.walk(tree):
                self._at(node, names)
        self._depth -= 1

    def _at(self, node: ast.AST, names: _Names) -> None:
        match node:
            case ast.Name() | ast.Attribute():
                self._at_name(names.path(node))
            case ast.Call():
                self._at_call(node, names)
            case ast.FunctionDef(name):
                has_script = _SHOWS_ITSELF.fullmatch(name) and _is_script(
                    names.text(node)
                )
                if name == "_repr_javascript_" or has_script:
                    self._add(_SCRIPT)
            case ast.Import(aliases):
                self.run |= {f"{one.name.partition('.')[0]}.py" for one in aliases}
            case ast.ImportFrom(str(module)):
                self.run.add(f"{module.partition('.')[0]}.py")
            case ast.AugAssign(target):
                self._at_change([target], node, names)
            case ast.Assign(targets) | ast.Delete(targets):
                changed = [one for one in targets if not isinstance(one, ast.Name)]
                self._at_change(changed, node, names)

    def _at_change(self, targets: list[ast.expr], node: ast.AST, names: _Names) -> None:
        paths = [f"{names.place(one)}." for one in targets]
        text = names.text(node)
        if any(map(_OURS.search, paths)):
            self._add(_SETTINGS)
        if any(path.startswith("os.environ.") for path in paths):
            self._at_variables(text if "os.environ." in paths else " ".join(paths))
            self.hosts |= dict.fromkeys(_index_hosts(" ".join([*paths, text])))

    def _at_variables(self, text: str) -> None:
        if _OUR_VARIABLE.search(text):
            self._add(_SETTINGS)

    def _at_name(self, name: str) -> list[str]:
        """Look at a name that is called, or given on to what calls it."""
        effects = [effect for pattern, effect in _CALLS if pattern.fullmatch(name)]
        self.found |= dict.fromkeys(effects)
        return effects

    def _at_call(self, node: ast.Call, names: _Names) -> None:
        name = names.path(node.func)
        values = [*node.args, *(one.value for one in node.keywords)]
        text, method = names.text(ast.Tuple(values)), name.rpartition(".")[2]
        if _CALLS_MAGIC.fullmatch(method):
            self._at_magic(*_magic(node, names))
            return
        effects = self._at_name(name)
        if _SHELL in effects:
            self._at_command(text)
            self._at_handed(node, names, text)
        if _FILE in effects:
            self._add_run(*text.split())
        if _RUNS_PIP.fullmatch(name):
            self._at_command(f"pip {text}")
        self._at_files(node, names, text)
        self._at_text(node, name, names)
        if _PYTHON["unpickles"].fullmatch(name) and any(map(names.is_fetched, values)):
            self._add(_FROM_URL)
        if _shows_script(node, name, text, names):
            self._add(_SCRIPT)
        for keyword in node.keywords:
            if keyword.arg == "trust_remote_code" and not _is_false(keyword.value):
                self._add(_FROM_URL)
        if _PYTHON["opens"].fullmatch(name) and any(
            _is_outside(names.text(value)) for value in values
        ):
            self._add(_OUTSIDE)
        is_change = method in ("update", "set", "setdefault", "merge", "__setitem__")
        if is_change and _OURS.search(f"{name}."):
            self._add(_SETTINGS)
        elif name in ("setattr", "delattr") or is_change:
            owners = "".join(f"{names.path(one)}. " for one in values[:1])
            is_config = ".config." in f".{name}" and "Nemotron" in text
            if is_config or _OURS.search(owners) or _OURS.search(f"{name}."):
                self._add(_SETTINGS)
        if name == "os.putenv" or name.startswith("os.environ."):
            self._at_variables(text)

    def _at_handed(self, node: ast.Call, names: _Names, text: str) -> None:
        """Look at what a shell gets that was fetched: its command, or its input."""
        commands = [one for one in node.args if not isinstance(one, ast.List)]
        inputs = [one.value for one in node.keywords if one.arg in ("input", "stdin")]
        runs_input = any(map(_RUNNER.fullmatch, text.split()[:1]))
        handed = [*commands, *(inputs if runs_input else [])]
        if any(map(names.is_fetched, handed)):
            self._add(_FROM_URL)

    def _at_files(self, node: ast.Call, names: _Names, text: str) -> None:
        """Note the files that are written with what was fetched."""
        path = names.path(node.func)
        if _PYTHON["fetches"].fullmatch(path):
            self.fetched |= {_base(word) for word in text.split()}
        writes = path.endswith((".write", ".write_text", ".write_bytes"))
        if writes and any(map(names.is_fetched, node.args)):
            self.fetched |= {_base(word) for word in names.text(node.func).split()}

    def _at_text(self, node: ast.Call, name: str, names: _Names) -> None:
        """Look at a call that runs a text, or is handed what runs one."""
        arguments = [*node.args, *(one.value for one in node.keywords)]
        if _PYTHON["runs_text"].fullmatch(name):
            # The rest of the arguments of exec and its kin are no text to run.
            arguments = arguments if name.startswith("timeit") else arguments[:1]
        elif not any(_PYTHON["runs_text"].fullmatch(names.path(a)) for a in arguments):
            return
        for argument in arguments:
            called = names.called_in(argument)
            if names.is_fetched(argument):
                self._add(_FROM_URL)
            elif any(one == "open" or one.endswith(".read_text") for one in called):
                self._add(_FILE)
                self._add_run(*names.text(argument).split())
            elif any(map(_PYTHON["unpacks"].fullmatch, called)):
                self._add(_UNPACKED)
            self.at_cell(names.text(argument))

    def _at_magic(self, name: str, line: str, body: str) -> None:
        effect = _MAGICS.get(name, "")
        if name in _TIMES:
            # The line of %%time and its kin is Python, too, but for their options.
            rest = line[_OPTIONS.match(line).end() :]  # type: ignore[union-attr]
            self.at_cell(rest)
            self.at_cell(body)
        elif name in ("nemotron", "config", "env", "set_env", "unload_ext"):
            self._at_own_magic(name, line, body)
        elif name == "run" and _URL.search(line):
            self._add(_FROM_URL)
        elif effect:
            self._add(effect)
        elif name.lower() in ("html", "svg", "markdown", "latex") and _is_script(body):
            self._add(_SCRIPT)
        if name == "run":
            self._add_run(*line.split())
        if effect in (_SHELL, _FILE) or _INSTALL.match(f"{name} {line}"):
            self._at_command(f"{'' if effect else name} {line}\n{body}")
        if effect == _PROGRAM and name.startswith(("python", "pypy")):
            self.at_cell(body)

    def _at_own_magic(self, name: str, line: str, body: str) -> None:
        if name == "nemotron":
            for pattern, effect in _OWN_COMMANDS:
                if pattern.match(line):
                    self._add(effect)
            flags = _leading_flags(line)
            asks = (line + body).strip() and not _FREE_COMMAND.fullmatch(line)
            if asks and not flags & _ASKS_NOTHING:
                self.found |= dict.fromkeys([_SETTINGS] if flags & _UNGUARDS else [])
                self._add(_ASKS)
        elif name == "config":
            if re.match(r"\s*Nemotron\b.*=", line):
                self._add(_SETTINGS)
        elif name == "unload_ext" or re.search(r"=|\S\s+\S", line):
            self._at_variables(line)
            self.hosts |= dict.fromkeys(_index_hosts(line))

    def _at_command(self, text: str) -> None:
        """Look at what a shell is given."""
        for pipeline in _pipelines(text):
            self._at_pipeline(pipeline)
        installs = [
            part for part in re.split(r"[;&|\n]+", text) if _INSTALL.search(part)
        ]
        if installs:
            self._add(_INSTALLS)
            self.hosts |= dict.fromkeys([*_hosts(*installs), *_index_hosts(text)])

    def _at_pipeline(self, pipeline: str) -> None:
        """Look whether what is fetched is run: piped, in a file, or in a variable."""
        is_fetched = False
        for part in re.split(r"\|&?", pipeline):
            program, rest = _program(part)
            words = set(map(_base, re.split(r"[\s$(){}<>`]+", part)))
            is_run = bool(_RUNNER.fullmatch(program))
            inside = "".join(_SUBSTITUTES.findall(part))
            scripts, runs_input = _scripts(program, rest) if is_run else ([], False)
            runs_input = runs_input or part.split()[:1] == ["xargs"]
            if (
                (is_run and is_fetched and runs_input)
                or (is_run and inside and _FETCHER.search(inside))
                or any(map(_URL.match, (program, *scripts)))
            ):
                self._add(_FROM_URL)
            self._add_run(program, *scripts)
            if _FETCHER.search(part):
                is_fetched = True
                self.fetched |= words - {_base(program)}
            if words & self.fetched:
                is_fetched = True

    def _add_run(self, *paths: str) -> None:
        """Note files that are run, and the folders that they stand in."""
        folders = (one.removeprefix("./").partition("/")[0] for one in paths)
        self.run |= {*map(_base, paths), *filter(None, folders)}

    def _add(self, effect: str) -> None:
        self.found[effect] = None


class _Names:
    """What the names in a cell stand for: an import's path, or a fixed text.

    Parameters
    ----------
    namespace
        What the user's names stand for.
    """

    def __init__(self, tree: ast.AST, namespace: Mapping[str, object]) -> None:
        self._namespace = namespace
        self._known: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._fetched: set[str] = set()
        self._star = ""
        nodes = [*ast.walk(tree)]
        for node in nodes:
            self._at_import(node)
        for _ in range(3):  # a name may be given on before it stands for something
            for node in nodes:
                for name, value in _bindings(node):
                    self._bind(name, value)

    def path(self, node: ast.AST) -> str:
        """Return what an expression names, such as `os.system`; empty if unknown."""
        inner, depth = node, 0
        while isinstance(inner, ast.Attribute | ast.Subscript | ast.Call):
            inner = inner.func if isinstance(inner, ast.Call) else inner.value
            depth += 1
        found = self.place(node) if depth <= _LONGEST_PATH else ""
        return self._known.get(found, found) if "." in found else found

    def place(self, node: ast.AST) -> str:
        """Return the path of an expression, whatever was assigned to it here."""
        found = _ROUNDABOUT.sub("", self._path(node))
        found = _SHELL_ITSELF.sub("get_ipython()", found)
        return _OS_ITSELF.sub("os.", found)

    def _path(self, node: ast.AST) -> str:
        match node:
            case ast.Name(name):
                return self._named(name)
            case ast.Subscript(ast.List(parts) | ast.Tuple(parts)):
                return next(filter(None, map(self.path, parts)), "")
            case ast.Attribute(value, name):
                return self._part(value, name)
            case ast.Subscript(value, place):
                return self._part(value, self.text(place))
            case ast.Call():
                return self._called(node)
            case ast.NamedExpr(_, value) | ast.Await(value):
                return self.path(value)
            case ast.IfExp(_, one, other):
                return self.path(one) or self.path(other)
            case ast.BoolOp(_, parts):
                return next(filter(None, map(self.path, parts)), "")
        return ""

    def _part(self, value: ast.expr, name: str) -> str:
        base = self.path(value) if name else ""
        return f"{base}.{name}" if base else ""

    def _called(self, node: ast.Call) -> str:
        if isinstance(node.func, ast.Lambda):
            return self.path(node.func.body)
        called = self.path(node.func)
        values = [*node.args, *(one.value for one in node.keywords)]
        first, second, *_ = (*map(self.text, values), "", "")
        owner = self.path(values[0]) if values else ""
        if re.fullmatch(r"(importlib\.)?(__import__|import_module)", called) and first:
            return first
        if called.endswith("getattr") or called == "object.__getattribute__":
            return f"{owner}.{second}"
        if called in ("vars", "importlib.reload", "copy.copy"):
            return owner
        base, _, method = called.rpartition(".")
        if method in ("__getattribute__", "__getitem__", "get") and base and first:
            return f"{base}.{first}"
        if match := re.fullmatch(
            r"operator\.(attrgetter|methodcaller)\((.*)\)", called
        ):
            return f"{owner}.{match[2]}"
        if called in ("operator.attrgetter", "operator.methodcaller"):
            return f"{called}({first})"
        return f"{called}()" if called else ""

    def text(self, node: ast.AST) -> str:
        """Return the fixed text in an expression, in the order it is written."""
        match node:
            case ast.Constant(str(value)):
                return value
            case ast.Name(name):
                held = self._namespace.get(name)
                return self._texts.get(name, held if type(held) is str else "")
            case ast.JoinedStr(values):
                return "".join(self.text(one) or _UNKNOWN for one in values)
            case ast.FormattedValue(value):
                return self.text(value)
            case ast.BinOp(left, ast.Add(), right):
                return "".join(self.text(one) or _UNKNOWN for one in (left, right))
            case ast.Call(
                ast.Attribute(ast.Constant(str(joint)), "join"), [ast.List(parts)]
            ):
                return joint.join(map(self.text, parts))
        texts = map(self.text, ast.iter_child_nodes(node))
        return " ".join(text for text in texts if text)

    def called_in(self, node: ast.AST) -> list[str]:
        """Return what is called somewhere in an expression."""
        calls = (one for one in ast.walk(node) if isinstance(one, ast.Call))
        return [self.path(one.func) for one in calls]

    def is_fetched(self, node: ast.AST) -> bool:
        """Return whether something in an expression was fetched from elsewhere."""
        names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        called = self.called_in(node)
        if names & self._fetched or any(map(_PYTHON["fetches"].fullmatch, called)):
            return True
        shells = [p for p, effect in _CALLS if effect == _SHELL]
        by_shell = any(p.fullmatch(one) for p in shells for one in called)
        return by_shell and bool(_FETCHER.search(self.text(node)))

    def _named(self, name: str) -> str:
        if name in self._known:
            return self._known[name]
        if name in self._namespace:
            return _path_of(self._namespace[name]) or name
        return f"{self._star}.{name}" if self._star and not _is_built_in(name) else name

    def _at_import(self, node: ast.AST) -> None:
        match node:
            case ast.Import(names):
                for one in names:
                    if one.asname:
                        self._known[one.asname] = one.name
            case ast.ImportFrom(module, names):
                for one in names:
                    if one.name == "*":
                        self._star = module or ""
                    else:
                        self._known[one.asname or one.name] = f"{module}.{one.name}"
            case _:
                pass

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        path = self.path(value)
        name = target.id if isinstance(target, ast.Name) else ""
        place = name or self.place(target)
        if place and path and path != place:
            self._known[place] = path
        if not name:
            return
        if self.is_fetched(value):
            self._fetched.add(name)
        # What was opened is known by the name of its file.
        text = self.text(value)
        if text and len(text) < _LONGEST and name != text:
            self._texts[name] = text


_ROUNDABOUT = re.compile(
    r"^(?:builtins|__builtins__|sys\.modules|globals\(\)|locals\(\))\.(?!get$|__get)"
    r"|\.__dict__|\.__call__"
)
_OS_ITSELF = re.compile(r"^(?:posix|nt)\.")
_SHELL_ITSELF = re.compile(r".*\bInteractiveShell\.(?:instance\(\)|_instance\b)")


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what a statement binds: each target, and its value."""
    match node:
        case ast.Assign(targets, value):
            pairs = [(target, value) for target in targets]
        case (
            ast.AnnAssign(target, _, ast.expr() as value)
            | ast.NamedExpr(target, value)
            | ast.withitem(value, ast.expr() as target)
            | ast.For(target, ast.List([value, *_]) | ast.Tuple([value, *_]))
        ):
            pairs = [(target, value)]
        case _:
            pairs = []
    for target, value in pairs:
        match target, value:
            case ast.Tuple(names) | ast.List(names), ast.Tuple(values) | ast.List(
                values
            ):
                yield from zip(names, values, strict=False)
            case _, ast.Dict(keys, values):
                for key, one in zip(keys, values, strict=True):
                    if key is not None:
                        yield ast.Subscript(target, key), one
            case _:
                yield target, value


def _is_built_in(name: str) -> bool:
    return hasattr(builtins, name)


def _path_of(value: object) -> str:
    """Return where a module, function or class of the user's comes from."""
    if type(value) is ModuleType:
        return value.__name__
    if type(value) in (FunctionType, BuiltinFunctionType):
        module, name = value.__module__, value.__qualname__  # type: ignore[attr-defined]
        return _OS_ITSELF.sub("os.", f"{module}.{name}")
    homes = [home(one) for one in bases(type(value))]
    if any(name == "InteractiveShell" for _, name in homes):
        return "get_ipython()"
    if re.fullmatch(r"nemotron_magic\.(.*\.)?Session", class_name(type(value))):
        return "nemotron_magic.Session()"
    if issubclass(type(value), type):
        return ".".join(home(value))  # type: ignore[arg-type]
    return ""


def _trees(source: str, transform: Callable[[str], str]) -> Iterator[ast.AST]:
    """Yield the syntax tree of a cell, or those of its lines if it has none."""
    whole = _tree(source, transform)
    if whole is not None:
        yield whole
        return
    for line in source.split("\n")[:_MOST_LINES]:
        tree = _tree(line.strip(), transform)
        if tree is not None:
            yield tree


def _tree(source: str, transform: Callable[[str], str]) -> ast.AST | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python warns of shows when it runs
        try:
            return ast.parse(python_source(source, transform))
        except (SyntaxError, ValueError):
            return None
        except MemoryError as error:  # as Python has it, for what nests too deep
            raise RecursionError from error


def _magic(node: ast.Call, names: _Names) -> tuple[str, str, str]:
    """Return the name, the line and the body that a magic is called with."""
    texts = [names.text(argument) for argument in node.args[:3]]
    if len(texts) == 1:  # of `magic`, which takes all of it in one
        texts = texts[0].lstrip("%").split(None, 1)
    name, line, body, *_ = (*texts, "", "", "")
    return name, line, body


def _leading_flags(line: str) -> set[str]:
    """Return the flags before the question on a line of ours."""
    flags: set[str] = set()
    takes = False
    for token in _TOKEN.findall(line):
        if takes:
            takes = False
        elif not re.match(r"--?[A-Za-z]", token):
            break
        else:
            name, _, value = token.partition("=")
            flags.add(name)
            takes = name in _TAKES_VALUE and not value
    return flags


def _shows_script(node: ast.Call, name: str, text: str, names: _Names) -> bool:
    """Return whether a call shows HTML that may hold script, as far as can be seen."""
    if _PYTHON["shows_data"].fullmatch(name):
        return bool(re.search(r"text/html|image/svg|application/javascript", text))
    if not _PYTHON["shows_html"].fullmatch(name):
        return bool(_PYTHON["shows_text"].fullmatch(name)) and _is_script(text)
    called = names.called_in(ast.Tuple(node.args))
    if any(one.endswith((".to_html", ".render")) for one in called):
        return False  # a table, whose values are escaped
    parts = [part for argument in node.args for part in ast.walk(argument)]
    is_fixed = all(names.text(one) for one in parts if isinstance(one, ast.Name))
    return _is_script(text) or not is_fixed or not node.args


def _is_script(text: str) -> bool:
    return bool(_HAS_SCRIPT.search(html.unescape(text)))


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def _is_outside(path: str) -> bool:
    """Return whether a path leads out of the folder that the kernel runs in."""
    if not re.match(r"[/\\~]|(?:.*[/\\])?\.\.(?:[/\\]|$)|[A-Za-z]:[/\\]", path):
        return False
    here = os.path.abspath("")
    there = os.path.abspath(os.path.expanduser(path))
    return not (_DEVICES.fullmatch(path) or f"{there}/".startswith(f"{here}/"))


def _pipelines(text: str) -> list[str]:
    """Split what a shell is given at what ends a pipeline; quotes mean nothing."""
    text = re.sub(r"[\\'\"]", "", text.replace("\\\n", " "))
    return re.split(r"[;\n]|&&|\|\||(?<![|>&<])&(?![&>\d])", text)


def _program(command: str) -> tuple[str, list[str]]:
    """Return the program that a command runs, behind sudo and its kin, and the rest."""
    words, is_wrapped = command.strip(" \t(){}").split(), False
    while words and (_NO_PROGRAM.fullmatch(words[0]) or _is_wrapper(words)):
        is_wrapped = is_wrapped or _is_wrapper(words)
        words = words[1:]
    # Behind an option of sudo's may stand its value.
    runners = [bool(_RUNNER.fullmatch(word)) for word in words[:2]]
    if is_wrapped and runners == [False, True]:
        words = words[1:]
    return (words[0].rstrip(")"), words[1:]) if words else ("", [])


def _is_wrapper(words: list[str]) -> bool:
    return bool(_WRAPPER.match(" ".join(words[:2])))


def _scripts(program: str, words: list[str]) -> tuple[list[str], bool]:
    """Return the files that an interpreter is told to run, and if it runs its input."""
    if _base(program) in ("eval", "iex", "Invoke-Expression", "exec"):
        return words, True
    skips, text_option = False, _text_option(program)
    for n, word in enumerate(words):
        if skips or word == "run":
            skips = False
        elif word in ("-", "/dev/stdin", "-s") or word.startswith("<"):
            return [word.lstrip("<"), *words[n + 1 : n + 2]], True
        elif _VALUE_OPTION.fullmatch(word):
            skips = True
        elif text_option.fullmatch(word):
            rest = " ".join(words[n + 1 :])
            return words[n + 1 :], bool(_EVALUATES.search(rest))
        elif word[0] not in "-+&>" and not re.match(r"\d>", word):
            return [word], word.startswith("$(")
    return [], True


def _text_option(program: str) -> re.Pattern[str]:
    base = _base(program)
    return next(option for kind, option in _TEXT_OPTIONS if kind.fullmatch(base))


def _base(word: str) -> str:
    """Return the last part of a path, a URL or a shell's variable."""
    path = word.strip("$\"'{}()=,").partition("?")[0].rstrip("/")
    return path.rpartition("/")[2].removesuffix(".git")


def _index_hosts(text: str) -> Iterator[str]:
    yield from _hosts(*_INDEX_VARIABLE.findall(text))


def _hosts(*commands: str) -> Iterator[str]:
    """Yield the hosts that are named in commands, as ASCII."""
    for url in _URL.findall(" ".join(commands)):
        host = url.partition("@")[2].rstrip(":") if "://" not in url else ""
        with suppress(ValueError):
            host = host or urlsplit(url).hostname or ""
        if host:
            yield sanitize_label(host if host.isascii() else ascii(host)[1:-1], 60)
