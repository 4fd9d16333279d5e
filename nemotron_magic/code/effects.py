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
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType, ModuleType
from urllib.parse import urlsplit

from nemotron_magic.code import syntax
from nemotron_magic.code.syntax import pattern
from nemotron_magic.core.introspection import bases, class_name, home
from nemotron_magic.core.text import sanitize_label

_LONGEST = 200_000  # characters; more than that is not looked at
_DEEPEST = 5  # cells in texts in cells
_LONGEST_PATH = 20  # names and calls in a row
_MOST_HOSTS = 3
_MOST_LINES = 2_000

_SHELL = "runs a shell"
_SCRIPT = "runs script in this page"
_INSTALLS = "installs packages"
_FROM_URL = "runs code from a URL"
_FILE = "runs another file"
_SETTINGS = "changes settings of %nemotron"
_OUTSIDE = "reads or writes outside this folder"

_UNSEEN = "This cell is too {} to be looked over: read all of it before it runs."
_UNKNOWN = "\ufffd"  # what stands in a text for what is known only when it runs

_TABLES = syntax.read_table("effects.toml")
_MAGICS = syntax.by_word(_TABLES["magics"])
_CALLS: list[tuple[str, str]] = [
    ("|".join(patterns), effect) for effect, patterns in _TABLES["calls"].items()
]
_DETOURS = _TABLES["detours"]


def effects_of(
    source: str,
    transform: Callable[[str], str] = str,
    namespace: Mapping[str, object] = {},
) -> str:
    """Return a line that says what a cell does outside of Python; empty if nothing."""
    if len(source) > _LONGEST:
        return _UNSEEN.format("long")
    look = _Look(transform, namespace)
    try:
        look.at_cell(source)
    except RecursionError:
        return _UNSEEN.format("deep")
    found = look.found
    if look.fetched & look.run:
        found[_FROM_URL] = None
    if look.hosts and _INSTALLS in found:
        del found[_INSTALLS]
        found[f"installs from {', '.join([*look.hosts][:_MOST_HOSTS])}"] = None
    *others, last = [*found] or [""]
    effects = f"{', '.join(others)} and {last}" if others else last
    return f"This cell {effects}." if effects else ""


def _is(name: str, text: str) -> bool:
    """Return whether a text is what a pattern of the table describes, all of it."""
    return pattern(name).fullmatch(text) is not None


def _has(name: str, text: str) -> bool:
    return pattern(name).search(text) is not None


@dataclass
class _Look:
    """Look at a cell, and at the cells and commands within it."""

    transform: Callable[[str], str]
    namespace: Mapping[str, object]
    # The effects, and where packages come from, in the order in which they stand.
    found: dict[str, None] = field(default_factory=dict)
    hosts: dict[str, None] = field(default_factory=dict)
    # The names of files that come from elsewhere, and of those that are run.
    fetched: set[str] = field(default_factory=set)
    run: set[str] = field(default_factory=set)
    depth: int = 0

    def _add(self, *effects: str) -> None:
        self.found |= dict.fromkeys(effects)

    def _add_if(self, is_so: bool, effect: str) -> None:
        self.found |= {effect: None} if is_so else {}

    def _add_run(self, *paths: str) -> None:
        """Note files that are run, and the folders that they stand in."""
        folders = (one.removeprefix("./").partition("/")[0] for one in paths)
        self.run |= {*map(_base, paths), *filter(None, folders)}

    def _add_hosts(self, *commands: str) -> None:
        """Note the hosts that are named in commands, as ASCII."""
        for url in pattern("url").findall(" ".join(commands)):
            host = url.partition("@")[2].rstrip(":") if "://" not in url else ""
            with suppress(ValueError):
                host = host or urlsplit(url).hostname or ""
            host = host if host.isascii() else ascii(host)[1:-1]
            self.hosts |= {sanitize_label(host, 60): None} if host else {}

    def at_cell(self, source: str) -> None:
        """Look at a cell, or at a text that is run as one."""
        if self.depth == _DEEPEST:
            return
        self.depth += 1
        for tree in _trees(source, self.transform):
            names = _Names(tree, self.namespace)
            for node in ast.walk(tree):
                self._at(node, names)
        self.depth -= 1

    def _at(self, node: ast.AST, names: _Names) -> None:
        match node:
            case ast.Name() | ast.Attribute():  # called, or handed to what calls it
                self._add(*_effects(names.path(node)))
            case ast.Call(func) if _is("calls_magic", names.path(func)):
                texts = [names.text(argument) for argument in node.args[:3]]
                if len(texts) == 1:  # of `magic`, which takes all of it in one
                    texts = texts[0].lstrip("%").split(None, 1)
                name, line, body, *_ = (*texts, "", "", "")
                self._at_magic(name, line, body)
            case ast.Call():
                self._at_call(node, names)
            case ast.FunctionDef(name):
                is_script = _is("shows_itself", name) and _is_script(names.text(node))
                self._add_if(is_script or name == "_repr_javascript_", _SCRIPT)
            case ast.Import(aliases):
                self.run |= {f"{one.name.partition('.')[0]}.py" for one in aliases}
            case ast.ImportFrom(str(module)):
                self.run.add(f"{module.partition('.')[0]}.py")
            case ast.AugAssign(target):
                self._at_change([target], names.text(node), names)
            case ast.Assign(targets) | ast.Delete(targets):
                changed = [one for one in targets if not isinstance(one, ast.Name)]
                self._at_change(changed, names.text(node), names)

    def _at_change(self, targets: list[ast.expr], text: str, names: _Names) -> None:
        for path in (f"{names.place(one)}." for one in targets):
            self._add_if(_has("ours", path), _SETTINGS)
            if path.startswith("os.environ."):
                self._at_variables(f"{path.removeprefix('os.environ.')}={text}")

    def _at_variables(self, text: str) -> None:
        self._add_if(_has("our_variable", text), _SETTINGS)
        self._add_hosts(*pattern("index_variable").findall(text))

    def _at_call(self, node: ast.Call, names: _Names) -> None:
        name = names.path(node.func)
        values, effects = syntax.arguments_of(node), _effects(name)
        text = names.text(ast.Tuple(values))
        self._add(*effects)
        if _SHELL in effects:
            self._at_command(text)
        if _FILE in effects:
            self._add_run(*text.split())
        if _is("runs_pip", name):
            self._at_command(f"pip {text}")
        if _is("fetches", name):
            self.fetched |= set(map(_base, text.split()))
        if _is("writes", name) and any(map(names.is_fetched, node.args)):
            self.fetched |= set(map(_base, names.text(node.func).split()))
        self._at_text(name, values, names)
        self._add_if(_runs_fetched(node, name, text, names), _FROM_URL)
        self._add_if(_shows_script(node, name, text, names), _SCRIPT)
        opens = values if _is("opens", name) else []
        is_outside = any(_is_outside(names.text(value)) for value in opens)
        self._add_if(is_outside or _is("at_home", name), _OUTSIDE)
        if _is("changes", name):
            changed = [name, *map(names.path, values[:1])]
            is_ours = any(_has("ours", f"{one}.") for one in changed)
            in_config = name.split(".")[-2:-1] == ["config"]
            is_ours = is_ours or (in_config and "Nemotron" in ast.dump(node))
            self._add_if(is_ours, _SETTINGS)
        if name == "os.putenv" or name.startswith("os.environ."):
            self._at_variables(text)

    def _at_text(self, name: str, values: list[ast.expr], names: _Names) -> None:
        """Look at a call that runs a text, or is handed what runs one."""
        if _is("runs_text", name):
            # What follows the text is none, but for timeit's.
            values = values if name.startswith("timeit") else values[:1]
        elif not any(_is("runs_text", names.path(one)) for one in values):
            return
        for value in values:
            text = names.text(value)
            if names.is_fetched(value):
                self._add(_FROM_URL)
            elif names.calls("reads_file", value):
                self._add(_FILE)
                self._add_run(*text.split())
            elif names.calls("unpacks", value):
                self._add("runs code that it unpacks")
            self.at_cell(text)

    def _at_magic(self, name: str, line: str, body: str) -> None:
        effect = _MAGICS.get(name, "")
        if _is("times_code", name):
            # The line of %%time and its kin is Python, too, but for their options.
            self.at_cell(pattern("timing_options").sub("", line, count=1))
            self.at_cell(body)
        elif name == "nemotron":
            self._at_own_magic(line, body)
        elif name == "config":
            self._add_if(bool(re.match(r"\s*Nemotron\b.*=", line)), _SETTINGS)
        elif _has("sets_variable", f"{name} {line}"):
            self._at_variables(line)
        elif name == "run":
            self._add(_FROM_URL if _has("url", line) else _FILE)
            self._add_run(*line.split())
        elif effect:
            self._add(effect)
        elif name.lower() in ("html", "svg", "markdown", "latex"):
            self._add_if(_is_script(body), _SCRIPT)
        if effect in (_SHELL, _FILE) or pattern("install").match(f"{name} {line}"):
            self._at_command(f"{'' if effect else name} {line}\n{body}")
        if effect and name.startswith(("python", "pypy")):
            self.at_cell(body)

    def _at_own_magic(self, line: str, body: str) -> None:
        for effect, command in _TABLES["commands"].items():
            self._add_if(bool(re.match(command, line)), effect)
        typed = f"{line} {body}".strip()
        if typed and not _is("free_command", typed) and not _has("asks_nothing", line):
            self._add_if(_has("unguards", line), _SETTINGS)
            self._add("asks the model again (costs)")

    def _at_command(self, text: str) -> None:
        """Look at what a shell is given."""
        text = text.replace("\\\n", " ")
        for pipeline in pattern("pipeline_end").split(re.sub(r"[\\'\"]", "", text)):
            self._at_pipeline(pipeline)
        parts = re.split(r"[;&|\n]+", text)
        if installs := [part for part in parts if _has("install", part)]:
            self._add(_INSTALLS)
            self._add_hosts(*installs, *pattern("index_variable").findall(text))

    def _at_pipeline(self, pipeline: str) -> None:
        """Look whether what is fetched is run: piped, in a file, or in a variable."""
        is_fetched = False
        for part in re.split(r"\|&?", pipeline):
            program, rest = _program(part)
            words = set(map(_base, re.split(r"[\s$(){}<>`]+", part)))
            is_run = _is("runner", program)
            scripts, runs_input = _scripts(program, rest) if is_run else ([], False)
            runs_input = runs_input or part.split()[:1] == ["xargs"]
            inside = "".join(pattern("substitution").findall(part))
            gets_it = (is_fetched and runs_input) or _has("fetcher", inside)
            is_url = any(map(pattern("url").match, (program, *scripts)))
            self._add_if((is_run and gets_it) or is_url, _FROM_URL)
            self._add_run(program, *scripts)
            if _has("fetcher", part):
                self.fetched |= words - {_base(program)}
                is_fetched = True
            is_fetched = is_fetched or bool(words & self.fetched)


class _Names:
    """What the names in a cell stand for: an import's path, or a fixed text."""

    def __init__(self, tree: ast.AST, namespace: Mapping[str, object]) -> None:
        self._namespace = namespace
        self._known: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._fetched: set[str] = set()
        self._star = ""
        nodes = [*ast.walk(tree)]
        for node in nodes:
            match node:
                case ast.Import(names):
                    self._known |= {a.asname: a.name for a in names if a.asname}
                case ast.ImportFrom(module, [ast.alias("*")]):
                    self._star = module or ""
                case ast.ImportFrom(module, names):
                    for one in names:
                        self._known[one.asname or one.name] = f"{module}.{one.name}"
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
        found = self._place(node)
        for detour, plain in _DETOURS.items():
            found = re.sub(detour, plain, found)
        return found

    def _place(self, node: ast.AST) -> str:
        match node:
            case ast.Name(name) if name in self._known:
                return self._known[name]
            case ast.Name(name) if name in self._namespace:
                return _path_of(self._namespace[name]) or name
            case ast.Name(name):
                is_given = hasattr(builtins, name) or not self._star
                return name if is_given else f"{self._star}.{name}"
            case ast.Subscript(ast.List(some) | ast.Tuple(some)) | ast.BoolOp(_, some):
                return next(filter(None, map(self.path, some)), "")
            case ast.IfExp(_, one, other):
                return self.path(one) or self.path(other)
            case ast.Attribute(value, part) | ast.Subscript(value, part):
                name = part if isinstance(part, str) else self.text(part)
                base = self.path(value) if name else ""
                return f"{base}.{name}" if base else ""
            case (
                ast.Call(ast.Lambda(_, value))
                | ast.NamedExpr(_, value)
                | ast.Await(value)
                | ast.BinOp(value, ast.Div())  # of paths
            ):
                return self.path(value)
            case ast.Call():
                return self._called(node)
        return ""

    def _called(self, node: ast.Call) -> str:
        called = self.path(node.func)
        values = syntax.arguments_of(node)
        first, second, *_ = (*map(self.text, values), "", "")
        owner = self.path(values[0]) if values else ""
        base, _, method = called.rpartition(".")
        if _is("imports", called) and first:
            return first
        if called in ("getattr", "object.__getattribute__"):
            return f"{owner}.{second}"
        if called in ("vars", "importlib.reload", "copy.copy"):
            return owner
        if method in ("__getattribute__", "__getitem__", "get") and base and first:
            return f"{base}.{first}"
        if called.startswith("operator.attrgetter "):
            return f"{owner}.{called.partition(' ')[2]}"
        if called == "operator.attrgetter":
            return f"{called} {first}"
        return f"{called}()" if called else ""

    def text(self, node: ast.AST) -> str:
        """Return the fixed text in an expression, in the order it is written."""
        found: list[str] = []
        left = [node]
        while left:
            match left.pop():
                case ast.Constant(str(value)):
                    found.append(value)
                case ast.Name(name):
                    held = self._namespace.get(name)
                    known = held if type(held) is str else ""
                    found.append(self._texts.get(name, known))
                case ast.JoinedStr(parts):
                    found.append("".join(self.text(one) or _UNKNOWN for one in parts))
                case ast.BinOp(one, ast.Add(), other):
                    texts = map(self.text, (one, other))
                    found.append("".join(text or _UNKNOWN for text in texts))
                case ast.Call(
                    ast.Attribute(ast.Constant(str(joint)), "join"), [ast.List(parts)]
                ):
                    found.append(joint.join(map(self.text, parts)))
                case inner:
                    left += reversed([*ast.iter_child_nodes(inner)])
        return " ".join(filter(None, found))

    def calls(self, name: str, *roots: ast.AST) -> bool:
        """Return whether what a pattern describes is called in expressions."""
        calls = syntax.nodes_of(ast.Call, *roots)
        return any(_is(name, self.path(one.func)) for one in calls)

    def is_fetched(self, node: ast.AST) -> bool:
        """Return whether something in an expression was fetched from elsewhere."""
        if syntax.names_in(node) & self._fetched or self.calls("fetches", node):
            return True
        called = (self.path(one.func) for one in syntax.nodes_of(ast.Call, node))
        by_shell = any(_SHELL in _effects(one) for one in called)
        return by_shell and _has("fetcher", self.text(node))

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        name = target.id if isinstance(target, ast.Name) else ""
        place, path = name or self.place(target), self.path(value)
        if place and path and path != place:
            self._known[place] = path
        if name and self.is_fetched(value):
            self._fetched.add(name)
        # Of what was opened, it is the name of its file.
        if name and 0 < len(text := self.text(value)) < _LONGEST:
            self._texts[name] = text


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what a statement binds: each target, and its value."""
    targets: list[ast.expr] = []
    match node:
        case ast.Assign(targets, value):
            pass
        case (
            ast.AnnAssign(target, _, ast.expr() as value)
            | ast.NamedExpr(target, value)
            | ast.withitem(value, ast.expr() as target)
            | ast.For(target, ast.List([value, *_]) | ast.Tuple([value, *_]))
        ):
            targets = [target]
        case ast.Call(ast.Name("setattr"), [owner, ast.Constant(str(name)), value]):
            targets = [ast.Attribute(owner, name)]
        case ast.arguments(args=parameters, defaults=defaults):
            named = parameters[len(parameters) - len(defaults) :]
            yield from zip((ast.Name(a.arg) for a in named), defaults, strict=True)
    for target in targets:
        match target, value:
            case ast.Tuple(names) | ast.List(names), ast.Tuple(parts) | ast.List(parts):
                yield from zip(names, parts, strict=False)
            case _, ast.Dict(keys, parts):
                pairs = zip(keys, parts, strict=True)
                yield from ((ast.Subscript(target, k), one) for k, one in pairs if k)
            case _:
                yield target, value


def _effects(name: str) -> list[str]:
    return [effect for calls, effect in _CALLS if re.fullmatch(calls, name)]


def _path_of(value: object) -> str:
    """Return where a module, function or class of user code is from."""
    kind = type(value)
    if kind is ModuleType:
        return value.__name__  # type: ignore[attr-defined, no-any-return]
    if kind in (FunctionType, BuiltinFunctionType):
        return f"{value.__module__}.{value.__qualname__}"  # type: ignore[attr-defined]
    if any(home(one)[1] == "InteractiveShell" for one in bases(kind)):
        return "get_ipython()"
    if re.fullmatch(r"nemotron_magic\.(.*\.)?Session", class_name(kind)):
        return "nemotron_magic.Session()"
    return ".".join(home(value)) if issubclass(kind, type) else ""  # type: ignore[arg-type]


def _trees(source: str, transform: Callable[[str], str]) -> Iterator[ast.AST]:
    """Yield the syntax tree of a cell, or those of its lines if it has none."""
    try:
        yield syntax.parse_quietly(syntax.python_source(source, transform))
    except (SyntaxError, ValueError):
        for line in map(str.strip, source.split("\n")[:_MOST_LINES]):
            yield from _trees(line, transform) if line != source else ()
    except MemoryError as error:  # as Python has it, for what nests too deep
        raise RecursionError from error


def _runs_fetched(node: ast.Call, name: str, text: str, names: _Names) -> bool:
    """Return whether a call runs what comes from elsewhere."""
    keywords = {one.arg: one.value for one in node.keywords}
    trust = keywords.get("trust_remote_code", ast.Constant(False))
    if not (isinstance(trust, ast.Constant) and not trust.value):
        return True
    if _is("unpickles", name):
        return _has("url", text) or any(map(names.is_fetched, node.args))
    if _SHELL not in _effects(name):
        return False
    handed = [one for one in node.args if not isinstance(one, ast.List)]
    if any(_is("runner", one) for one in text.split()[:1]):
        handed += [keywords[one] for one in ("input", "stdin") if one in keywords]
    return any(map(names.is_fetched, handed))


def _shows_script(node: ast.Call, name: str, text: str, names: _Names) -> bool:
    """Return whether a call shows HTML that may hold script, if that can be seen."""
    if _is("shows_data", name):
        return _has("page_data", text)
    if not _is("shows_html", name):
        return _is("shows_text", name) and _is_script(text)
    if names.calls("makes_table", *node.args):
        return False  # its values are escaped
    is_fixed = all(map(names.text, syntax.nodes_of(ast.Name, *node.args)))
    return _is_script(text) or not is_fixed or not node.args


def _is_script(text: str) -> bool:
    return _has("script", html.unescape(text))


def _is_outside(path: str) -> bool:
    """Return whether a path leads out of the folder that the kernel runs in."""
    if not pattern("outside").match(path) or _is("devices", path):
        return False
    here = os.path.abspath("")
    there = os.path.abspath(os.path.expanduser(path))
    return not f"{there}/".startswith(f"{here}/")


def _program(command: str) -> tuple[str, list[str]]:
    """Return the program that a command runs, behind sudo and its kin, and the rest."""
    wrapper, rest = pattern("program").findall(command.strip(" \t(){}"))[0]
    words = rest.split()
    # Behind an option of sudo's may stand its value.
    if wrapper and [_is("runner", one) for one in words[:2]] == [False, True]:
        words = words[1:]
    return (words[0].rstrip(")"), words[1:]) if words else ("", [])


def _scripts(program: str, words: list[str]) -> tuple[list[str], bool]:
    """Return the files that an interpreter is told to run, and if it runs its input."""
    base, skips = _base(program), False
    if base in ("eval", "iex", "Invoke-Expression", "exec"):
        return words, True
    kind = next((one for one in ("shell", "python") if _is(one, base)), "other")
    for n, word in enumerate(words):
        rest = words[n + 1 :]
        if skips or word == "run":
            skips = False
        elif word in ("-", "/dev/stdin", "-s") or word.startswith("<"):
            return [word.lstrip("<"), *rest[:1]], True
        elif _is("value_option", word):
            skips = True
        elif _is(f"{kind}_text", word):
            return rest, _has("evaluates", " ".join(rest))
        elif word[0] not in "-+&>" and not re.match(r"\d>", word):
            return [word], word.startswith("$(")
    return [], True


def _base(word: str) -> str:
    """Return the last part of a path, a URL or a shell's variable."""
    path = word.strip("$\"'{}()=,").partition("?")[0].rstrip("/")
    return path.rpartition("/")[2].removesuffix(".git")
