"""What a cell does outside Python, in one line.

Only what is certain is said, by the names that the code calls: a shell, script in the
page, packages and where they come from, code from elsewhere, settings of our own.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from types import BuiltinFunctionType, FunctionType, ModuleType
from urllib.parse import urlsplit

from nemotron_magic.code.syntax import python_source
from nemotron_magic.core.introspection import bases, home
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
_INSTALLS_FROM = "installs from"
_FROM_URL = "runs code from a URL"
_FILE = "runs another file"
_UNPACKED = "runs code that it unpacks"
_EXTENSION = "loads an extension"
_ALIAS = "gives a magic another name"
_SETTINGS = "changes settings of %nemotron"
_ASKS = "asks the model again (costs)"
_SQL = "runs SQL"
_WRITES = "writes a file"
_DELETES = "deletes files"
_OUTSIDE = "reads or writes outside this folder"

_UNSEEN = "This cell is too {} to be looked over: read all of it before it runs."

_MAGICS: dict[str, str] = {
    **dict.fromkeys(["!", "bash", "cmd", "powershell", "pwsh", "script", "sh"], _SHELL),
    **dict.fromkeys(["sx", "system", "sc"], _SHELL),
    # What IPython calls by an alias.
    **dict.fromkeys(["cat", "cp", "ldir", "less", "lf", "lk", "ll", "ln"], _SHELL),
    **dict.fromkeys(["ls", "lx", "man", "mkdir", "more", "mv", "rm", "rmdir"], _SHELL),
    **dict.fromkeys(["R", "julia", "node", "octave", "perl", "pypy"], _PROGRAM),
    **dict.fromkeys(["python", "python2", "python3", "ruby"], _PROGRAM),
    **dict.fromkeys(["HTML", "SVG", "html", "javascript", "js", "svg"], _SCRIPT),
    **dict.fromkeys(["load_ext", "reload_ext"], _EXTENSION),
    **dict.fromkeys(["file", "logstart", "notebook", "save", "writefile"], _WRITES),
    **dict.fromkeys(["alias", "alias_magic"], _ALIAS),
    "run": _FILE,
    "sql": _SQL,
}

_CALLS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), effect)
    for pattern, effect in (
        (r"os\.(system|popen\w*|exec[lv]\w*|spawn\w+|posix_spawnp?|startfile)", _SHELL),
        (r"subprocess\.(run|call|Popen|check_\w+|get\w*output)", _SHELL),
        (r"pty\.spawn|pexpect\.(run|spawn)", _SHELL),
        (r"asyncio\.(subprocess\.)?create_subprocess_(shell|exec)", _SHELL),
        (r".*get_ipython\(\)\.(system\w*|getoutput)", _SHELL),
        (r"IPython\.(core\.)?display\.Javascript", _SCRIPT),
        (r"IPython\.(core\.)?display\w*\.display_(html|svg|javascript)", _SCRIPT),
        (r"torch\.hub\.load", _FROM_URL),
        (r"runpy\.run_path", _FILE),
        (r".*get_ipython\(\)\.extension_manager\.\w*load_extension", _EXTENSION),
        (
            r"nemotron_magic\.(session\.)?Session\(\)\.(ask|go_on|again|corrected)",
            _ASKS,
        ),
        (r"os\.(remove|unlink|rmdir|removedirs)|shutil\.rmtree", _DELETES),
        (r"pathlib\.Path\(\)\.(unlink|rmdir)", _DELETES),
    )
)
_SHOWS_HTML = re.compile(r"IPython\.(core\.)?display\.(HTML|SVG)")
_SHOWS_TEXT = re.compile(r"IPython\.(core\.)?display\.(Markdown|Latex)")
_SHOWS_DATA = re.compile(
    r"(IPython\.(core\.)?display\.)?(display|publish_display_data)"
)
_FETCHES = re.compile(
    r"(requests|httpx)\.(\w+\.|\w+\(\)\.)?(get|post|request)|urllib\.request\.urlopen"
)
_OPENS = re.compile(r"(io\.)?open|pathlib\.Path|shutil\.\w+|os\.(remove|unlink|rmdir)")
_UNPACKS = re.compile(r"(b\d\ddecode|fromhex|unhexlify|decompress|\bloads|a85decode)$")
_UNPICKLES = re.compile(r"(pickle|cloudpickle|dill|joblib|marshal)\.loads?")
_RUNS_TEXT = re.compile(
    r"exec|eval|compile|.*get_ipython\(\)\.(run_cell\w*|ex|ev|kernel\.do_execute)"
)
_CALLS_MAGIC = re.compile(r"run_(line|cell)_magic|magic|find_(line_|cell_)?magic")
_RUNS_PIP = re.compile(r"pip\.(\w+\.)*main")
_SHOWS_ITSELF = re.compile(r"_repr_(html|svg|markdown|latex|mimebundle)_")

_HAS_SCRIPT = re.compile(
    r"<\s*(script|iframe|object|embed|link|meta|base|form)|\bon\w+\s*=|javascript:",
    re.I,
)
_OURS = re.compile(r"(?i)(^|\.)nemotron(_magic)?\.|os\.environ\.\w*(AIML|NEMOTRON)")
_OUR_VARIABLE = re.compile(r"AIML|NEMOTRON")
_OUTSIDE_PATH = re.compile(r"[/\\~]|\.\.(?:[/\\]|$)|[A-Za-z]:[/\\]")
_TIMES = frozenset(["capture", "debug", "memit", "mprun", "prun", "time", "timeit"])
_OPTIONS = re.compile(r"(?:\s*-{1,2}\w+(?:\s*\d+)?)*\s*")
_FLAG = re.compile(r"(?:^|(?<=\s))-{1,2}[A-Za-z][\w-]*")
_FREE_COMMAND = re.compile(
    r"\s*(balance|cache|clear|code|doctor|forget|help|log|login|logout|models|panel"
    r"|preview|rehearse|reset|threads|usage)\s*(:.*)?"
)
_OWN_COMMANDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\s*log\s*:\s*(un)?strike\b", re.I), _SETTINGS),
    (re.compile(r"\s*usage\s*:\s*export\b", re.I), _WRITES),
)

_INSTALL = re.compile(
    r"(?:\b|(?<=-m))(?:pip[\d.]*|pipx|conda|mamba|micromamba|apt|apt-get|brew|npm|pnpm|yarn|gem|cargo"
    r"|go|dnf|yum|apk|choco|winget|poetry|uv(?:\s+pip)?|pixi)\s+"
    r"(?:-\S+\s+(?:[^-\s]\S*\s+)?){0,12}"
    r"(?:install|add|i|ci|download|config\s+(?:set|--add))\b|\b(?:npx|uvx|easy_install)\s+\S"
)
_INDEX_VARIABLE = re.compile(r"\b(?:PIP|UV)_\w+=\S+")
_URL = re.compile(r"\b[a-z][a-z+]*://[^\s'\"<>|]+|\b\w+@[\w.-]{1,200}:", re.I)
_FETCHER = re.compile(r"\b(?:curl|wget|fetch|iwr|irm|Invoke-\w+)\b")
_RUNNER = re.compile(
    r"(?:\S*/)?(?:\w*sh|python[\d.]*|perl|ruby|node|iex|eval|source|exec|\."
    r"|Invoke-Expression)"
)
_BEFORE_A_RUNNER = frozenset(["sudo", "env", "command", "nohup"])


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
    *others, last = [*look.found] or [""]
    if _INSTALLS in look.found and look.hosts:
        others = [one for one in (*others, last) if one != _INSTALLS]
        last = f"{_INSTALLS_FROM} {', '.join([*look.hosts][:_MOST_HOSTS])}"
    said = f"{', '.join(others)} and {last}" if others else last
    return f"This cell {said}." if said else ""


class _Look:
    """Looks at a cell, and at the cells and commands within it.

    Attributes
    ----------
    found, hosts : dict
        The effects, and where packages come from, in the order in which they stand.
    """

    def __init__(
        self, transform: Callable[[str], str], namespace: Mapping[str, object]
    ) -> None:
        self.found: dict[str, None] = {}
        self.hosts: dict[str, None] = {}
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
        if isinstance(node, ast.Name | ast.Attribute):
            self._at_name(names.path(node))
        elif isinstance(node, ast.Call):
            self._at_call(node, names)
        elif isinstance(node, ast.FunctionDef):
            self._at_function(node)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.Delete):
            self._at_change(node, names)

    def _at_change(
        self, node: ast.Assign | ast.AugAssign | ast.Delete, names: _Names
    ) -> None:
        targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
        paths = [names.path(one) for one in targets]
        more = _text(node) if "os.environ" in paths else ""
        if any(map(_OURS.search, paths)) or _OUR_VARIABLE.search(more):
            self._found(_SETTINGS)

    def _at_function(self, node: ast.FunctionDef) -> None:
        """Look at a method by which an object is shown."""
        shows_html = _SHOWS_ITSELF.fullmatch(node.name)
        if node.name == "_repr_javascript_" or (
            shows_html and _HAS_SCRIPT.search(_text(node))
        ):
            self._found(_SCRIPT)

    def _at_name(self, name: str) -> list[str]:
        """Look at a name that is called, or given on to what calls it."""
        effects = [effect for pattern, effect in _CALLS if pattern.fullmatch(name)]
        self.found |= dict.fromkeys(effects)
        return effects

    def _at_call(self, node: ast.Call, names: _Names) -> None:
        name = names.path(node.func)
        text = _text(ast.Tuple([*node.args, *(one.value for one in node.keywords)]))
        method = name.rpartition(".")[2]
        if _CALLS_MAGIC.fullmatch(method):
            self._at_magic(*_magic(node))
            return
        if _SHELL in self._at_name(name):
            self._at_command(text)
        if _RUNS_PIP.fullmatch(name):
            self._at_command(f"pip {text}")
        if _RUNS_TEXT.fullmatch(name):
            self._at_text(node, names)
        if _UNPICKLES.fullmatch(name) and any(map(names.is_fetched, node.args)):
            self._found(_FROM_URL)
        if _shows_script(node, name, text, names):
            self._found(_SCRIPT)
        if any(one.arg == "trust_remote_code" for one in node.keywords):
            self._found(_FROM_URL)
        if _OPENS.fullmatch(name) and any(
            _OUTSIDE_PATH.match(_text(argument)) for argument in node.args
        ):
            self._found(_OUTSIDE)
        is_ours = _OURS.search(f"{name}.") and method in ("update", "set", "setdefault")
        changes = name in ("setattr", "os.putenv") or name.startswith("os.environ.")
        if is_ours or (changes and _is_of_ours(node, names, text)):
            self._found(_SETTINGS)

    def _at_text(self, node: ast.Call, names: _Names) -> None:
        """Look at a call that runs a text."""
        for argument in node.args[:1]:
            called = names.called_in(argument)
            if names.is_fetched(argument):
                self._found(_FROM_URL)
            elif any(one == "open" or one.endswith(".read_text") for one in called):
                self._found(_FILE)
            elif any(map(_UNPACKS.search, called)):
                self._found(_UNPACKED)
            self.at_cell(_text(argument))

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
            self._found(_FROM_URL)
        elif effect:
            self._found(effect)
        elif name in ("markdown", "latex") and _HAS_SCRIPT.search(body):
            self._found(_SCRIPT)
        if effect in (_SHELL, _FILE) or _INSTALL.match(f"{name} {line}"):
            self._at_command(f"{'' if effect else name} {line}\n{body}")
        if effect == _PROGRAM and name.startswith(("python", "pypy")):
            self.at_cell(body)

    def _at_own_magic(self, name: str, line: str, body: str) -> None:
        if name == "nemotron":
            for pattern, effect in _OWN_COMMANDS:
                if pattern.match(line):
                    self._found(effect)
            if _setting_flags() & set(_FLAG.findall(line)):
                self._found(_SETTINGS)
            if (line + body).strip() and not _FREE_COMMAND.fullmatch(line):
                self._found(_ASKS)
        elif name == "config":
            if re.match(r"\s*Nemotron\b.*=", line):
                self._found(_SETTINGS)
        elif _OUR_VARIABLE.search(line.upper()):
            self._found(_SETTINGS)

    def _at_command(self, text: str) -> None:
        """Look at what a shell is given."""
        text = text.replace("\\\n", " ")
        if any(map(_runs_what_it_fetches, re.split(r"[;\n]|&&|\|\|", text))):
            self._found(_FROM_URL)
        installs = [
            part for part in re.split(r"[;&|\n]+", text) if _INSTALL.search(part)
        ]
        if installs:
            self._found(_INSTALLS)
            places = " ".join([*installs, *_INDEX_VARIABLE.findall(text)])
            self.hosts |= dict.fromkeys(_hosts(places))

    def _found(self, effect: str) -> None:
        self.found[effect] = None


class _Names:
    """What the names in a cell stand for, with the path that it is imported by.

    Parameters
    ----------
    namespace
        What the user's names stand for.
    """

    def __init__(self, tree: ast.AST, namespace: Mapping[str, object]) -> None:
        self._namespace = namespace
        self._known: dict[str, str] = {}
        self._fetched: set[str] = set()
        self._star = ""
        nodes = [*ast.walk(tree)]
        for node in nodes:
            self._at_import(node)
        for _ in range(3):  # a name may be given on before it stands for something
            for node in nodes:
                self._at_binding(node)

    def path(self, node: ast.AST) -> str:
        """Return what an expression names, such as `os.system`; empty if unknown."""
        inner, depth = node, 0
        while isinstance(inner, ast.Attribute | ast.Subscript | ast.Call):
            inner = inner.func if isinstance(inner, ast.Call) else inner.value
            depth += 1
        return self._path(node) if depth <= _LONGEST_PATH else ""

    def _path(self, node: ast.AST) -> str:
        match node:
            case ast.Name(name):
                found = self._named(name)
            case ast.Attribute(value, name) | ast.Subscript(
                value, ast.Constant(str(name))
            ):
                base = self.path(value)
                found = f"{base}.{name}" if base else ""
            case ast.Call():
                found = self._called(node)
            case ast.NamedExpr(_, value) | ast.Await(value):
                found = self.path(value)
            case _:
                found = ""
        found = _SHELL_ITSELF.sub("get_ipython()", _ROUNDABOUT.sub("", found))
        return _OS_ITSELF.sub("os.", found)

    def called_in(self, node: ast.AST) -> list[str]:
        """Return what is called somewhere in an expression."""
        calls = (one for one in ast.walk(node) if isinstance(one, ast.Call))
        return [self.path(one.func) for one in calls]

    def is_fetched(self, node: ast.AST) -> bool:
        """Return whether something in an expression was fetched from elsewhere."""
        names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        called = self.called_in(node)
        by_shell = any(one.endswith("getoutput") for one in called)
        return (
            bool(names & self._fetched)
            or any(map(_FETCHES.fullmatch, called))
            or (by_shell and bool(_URL.search(_text(node))))
        )

    def _called(self, node: ast.Call) -> str:
        called, first = self.path(node.func), _first_text(node)
        if called in ("__import__", "importlib.import_module") and first:
            return first
        if called == "getattr" and len(node.args) > 1:
            return f"{self.path(node.args[0])}.{_text(node.args[1])}"
        if called == "vars" and node.args:
            return self.path(node.args[0])
        return f"{called}()" if called else ""

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

    def _at_binding(self, node: ast.AST) -> None:
        match node:
            case (
                ast.Assign([ast.Name(name)], value)
                | ast.AnnAssign(ast.Name(name), _, ast.expr() as value)
                | ast.NamedExpr(ast.Name(name), value)
                | ast.withitem(value, ast.Name(name))
            ):
                if path := self.path(value):
                    self._known[name] = path
                if self.is_fetched(value):
                    self._fetched.add(name)
            case _:
                pass


_ROUNDABOUT = re.compile(
    r"^(?:builtins|__builtins__|sys\.modules|globals\(\)|locals\(\))\.|\.__dict__"
)
_OS_ITSELF = re.compile(r"^(?:posix|nt)\.")
_SHELL_ITSELF = re.compile(r".*\bInteractiveShell\.(?:instance\(\)|_instance\b)")


def _is_built_in(name: str) -> bool:
    return hasattr(builtins, name)


def _path_of(value: object) -> str:
    """Return where a module, function or class of the user's comes from."""
    if type(value) is ModuleType:
        return value.__name__
    if type(value) in (FunctionType, BuiltinFunctionType):
        module, name = value.__module__, value.__qualname__  # type: ignore[attr-defined]
    elif any(home(one)[1] == "InteractiveShell" for one in bases(type(value))):
        return "get_ipython()"
    elif issubclass(type(value), type):
        module, name = home(value)  # type: ignore[arg-type]
    else:
        return ""
    return _OS_ITSELF.sub("os.", f"{module}.{name}")


@cache
def _setting_flags() -> frozenset[str]:
    return frozenset(flag for one in PARAMETERS for flag in one.flags)


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


def _magic(node: ast.Call) -> tuple[str, str, str]:
    """Return the name, the line and the body that a magic is called with."""
    texts = [_text(argument) for argument in node.args[:3]]
    if len(texts) == 1:  # of `magic`, which takes all of it in one
        texts = texts[0].lstrip("%").split(None, 1)
    name, line, body, *_ = (*texts, "", "", "")
    return name, line, body


def _text(node: ast.AST) -> str:
    """Return the fixed text in an expression, in the order in which it is written."""
    match node:
        case ast.Constant(str(value)):
            return value
        case ast.JoinedStr(values):
            return "".join(map(_text, values))
        case ast.BinOp(left, ast.Add(), right):
            return _text(left) + _text(right)
        case _:
            texts = map(_text, ast.iter_child_nodes(node))
            return " ".join(text for text in texts if text)


def _first_text(node: ast.Call) -> str:
    return _text(node.args[0]) if node.args else ""


def _shows_script(node: ast.Call, name: str, text: str, names: _Names) -> bool:
    """Return whether a call shows HTML that may hold script, as far as can be seen."""
    if _SHOWS_DATA.fullmatch(name):
        return bool(re.search(r"text/html|image/svg|application/javascript", text))
    if not _SHOWS_HTML.fullmatch(name):
        return bool(_SHOWS_TEXT.fullmatch(name) and _HAS_SCRIPT.search(text))
    called = names.called_in(ast.Tuple(node.args))
    if any(one.endswith((".to_html", ".render")) for one in called):
        return False  # a table, whose values are escaped
    parts = [part for argument in node.args for part in ast.walk(argument)]
    is_fixed = not any(isinstance(part, ast.Name) for part in parts)
    return bool(_HAS_SCRIPT.search(text)) or not is_fixed or not node.args


def _is_of_ours(node: ast.Call, names: _Names, text: str) -> bool:
    paths = (f"{names.path(argument)}." for argument in node.args[:1])
    return bool(_OUR_VARIABLE.search(text)) or any(map(_OURS.search, paths))


def _runs_what_it_fetches(command: str) -> bool:
    """Return whether a command is piped into one that runs it, or runs its output."""
    first, *piped = command.split("|")
    fetched = _FETCHER.search(first)
    for part in piped:
        words = (word for word in part.split() if word not in _BEFORE_A_RUNNER)
        if fetched and _RUNNER.fullmatch(next(words, "").rstrip(")")):
            return True
        fetched = fetched or _FETCHER.search(part)
    before, *inside = re.split(r"[(`]", command, maxsplit=1)
    runs = any(map(_RUNNER.fullmatch, re.split(r"[\s\"'<$]+", before)))
    return runs and bool(inside) and bool(_FETCHER.search(inside[0]))


def _hosts(command: str) -> Iterator[str]:
    """Yield the hosts that are named in a command, as ASCII."""
    for url in _URL.findall(command):
        host = url.partition("@")[2].rstrip(":") if "://" not in url else ""
        with suppress(ValueError):
            host = host or urlsplit(url).hostname or ""
        if host:
            yield sanitize_label(host if host.isascii() else ascii(host)[1:-1], 60)
