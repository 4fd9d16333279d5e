"""What lies out of sight is brought into sight, and means what it meant."""

from __future__ import annotations

import ast
import itertools
import time

import pytest
from good_cells import GOOD
from hypothesis import given, settings
from hypothesis import strategies as st

from nemotron_magic.code.visibility import escape_bidi

FAR = " " * 300
WIDE = "\u3000" * 300
TABS = "\t" * 60
EVIL = "open('x', 'w')"
FILLERS = "\u2800" * 300
LONG = ", ".join(f"item_{n}" for n in range(60))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (f"x = 1{FAR}; {EVIL}", f"x = 1 ; {EVIL}"),
        (f"x = 1{TABS}; {EVIL}", f"x = 1 ; {EVIL}"),
        (f"x = 1;{FAR}{EVIL}", f"x = 1; {EVIL}"),
        (f"x = 1{FAR}# a", "x = 1  # a"),
        (f"x = [1,{FAR}{EVIL}]", f"x = [1, {EVIL}]"),
        (f"if x:{FAR}{EVIL}", f"if x: {EVIL}"),
        (f"if x:\n{FAR}{EVIL}\n{FAR}y", f"if x:\n{' ' * 64}{EVIL}\n{' ' * 64}y"),
        (f"if x:\n{TABS}{EVIL}", f"if x:\n{' ' * 64}{EVIL}"),
        ("x = 1" + "\n" * 300 + EVIL, f"x = 1\n\n\n{EVIL}"),
        ("x = 1" + "\n  \t" * 300 + f"\n{EVIL}", f"x = 1\n  \t\n  \t\n{EVIL}"),
        ("x = 1\n" + "#\n" * 300 + EVIL, f"x = 1\n#\n#\n{EVIL}"),
        ("x = 1; \\\n" + "\\\n" * 300 + EVIL, f"x = 1; \\\n\\\n\\\n{EVIL}"),
        (f"!ls{FAR}; rm x", "!ls ; rm x"),
        (f"if x:\n    !ls{FAR}; rm x", "if x:\n    !ls ; rm x"),
        (f"y = !ls{FAR}; rm x", "y = !ls ; rm x"),
        (f"!echo a#b{FAR}; rm x", "!echo a#b ; rm x"),
        (f"%pip install x{FAR}-i https://e.org", "%pip install x -i https://e.org"),
        (f"%%bash\nls{FAR}; rm x", "%%bash\nls ; rm x"),
        (f"%%bash\nls{TABS}| sh", "%%bash\nls | sh"),
        (f"%%script{FAR}bash\nls", "%%script bash\nls"),
        ("%%sh\nls" + "\n" * 300 + "rm x", "%%sh\nls\n\n\nrm x"),
        (f"%%html\n<b>{FAR}<script>", "%%html\n<b> <script>"),
        (f"%%time\nx = 1{FAR}; {EVIL}", f"%%time\nx = 1 ; {EVIL}"),
        (f"x = '{FAR}'; {EVIL}", f"x = '{FAR}\\\n'; {EVIL}"),
        (f'f("""a{FAR}b"""); {EVIL}', f'f("""a{FAR}\\\nb"""); {EVIL}'),
        (f"os.system('ls{FAR}; rm x')", f"os.system('ls{FAR}\\\n; rm x')"),
    ],
)
def test_what_lies_out_of_sight_is_brought_into_sight(source: str, shown: str) -> None:
    found, warnings = escape_bidi(source)

    assert found == shown
    assert len(warnings) > 0
    assert escape_bidi(found) == (found, ())


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (f"x = 1{FAR}; y", "line 1: behind 300 blanks stands `; y`"),
        (f"x =\t{TABS}1; y", "line 1: behind 488 blanks stands `1; y`"),
        ("x" + "\n" * 301 + "y", "line 4: 300 empty lines above it hid it"),
        (f"x\nif x:\n{FAR}y", "line 3: it stood behind 300 blanks"),
        (f"f(r'{FAR}; rm x')", "line 1: behind 300 blanks stands `; rm x')`"),
        (f"f(f'{FAR}{{y}}')", "line 1: behind 300 blanks stands `{y}')`"),
        (
            f"x = 1{WIDE}; {EVIL}",
            "line 1: behind 600 blanks stands `; open('x', 'w')`",
        ),
        (f"f('{WIDE}'); y", "line 1: behind 600 blanks stands `'); y`"),
        (f"!ls{WIDE[:30]}; rm x", "line 1: behind 60 blanks stands `; rm x`"),
        (f"!echo 'a{FAR}`b`'", "line 1: behind 300 blanks stands `'b''`"),
        (f"%%writefile x\na{FAR}b", "line 2: behind 300 blanks stands `b`"),
        (
            "'''\n" + "\n" * 300 + "'''; y",
            "line 302: below 300 empty lines in a text stands `'''; y`",
        ),
        (
            f"%%html\n<p>{'b' * 200}<script>",
            f"line 2: it goes on for 211 columns, to `{'b' * 72}<script>`",
        ),
        (
            f"!echo {'b' * 200}; rm x",
            f"line 1: it goes on for 212 columns, to `{'b' * 74}; rm x`",
        ),
        (
            f"x = '{'b' * 200}; rm x'",
            f"line 1: it goes on for 212 columns, to `{'b' * 73}; rm x'`",
        ),
    ],
)
def test_what_was_out_of_sight_is_told(source: str, words: str) -> None:
    assert words in escape_bidi(source)[1]


@pytest.mark.parametrize(
    "source",
    [f"f('{WIDE}'); y", f"f(r'{FAR}; rm x')", f"!a '{FAR}b'", f"x = [{LONG}]; {EVIL}"],
)
def test_what_is_out_of_sight_is_told_once(source: str) -> None:
    assert len(escape_bidi(source)[1]) == 1


@pytest.mark.parametrize(
    "source",
    [
        f"x = [{LONG}]; {EVIL}",
        f"f(a, b='{'c' * 200}'); {EVIL}",
        f"x = '{'c' * 200}', {EVIL}, '{'c' * 200}', {EVIL}",
        f"def f(x): return {' + '.join(['x'] * 90)}  # sum",
        f"x = {'(' * 5}{LONG}{')' * 5}; {EVIL}",
        f"x = 1; '''{'c' * 300}\n{'c' * 300}'''; y = [{LONG}]",
        f"if x: y = [{LONG}]; {EVIL}",
        f"x = '{FILLERS}'; {EVIL}; y = [{LONG}]",
        f"x = {' % '.join(['y'] * 90)}",
        "x = [" + ",".join(f"{n}e5" for n in range(90)) + f"]; {EVIL}",
    ],
)
def test_long_lines_are_broken_where_code_goes_on(source: str) -> None:
    shown, warnings = escape_bidi(source)

    lines = shown.splitlines()
    assert len(lines) > 1
    bare = [line.replace("c", "").replace("\\u2800", "") for line in lines]
    assert all(len(line) <= 160 for line in bare)
    assert [line for line in lines if "2800" in line and "open(" in line] == []
    assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(source))
    assert any("columns are broken into" in one for one in warnings)
    assert escape_bidi(shown)[0] == shown


@pytest.mark.parametrize(
    "source",
    [
        "x = 1" + " " * 40 + "# aligned",
        "x = 1" + " " * 30,
        "f(a,\n" + " " * 60 + "b)",
        "x = 1\n\n\n\n\ny = 2",
        "# " + "word " * 100 + "\nx = 1",
        "x = 1  # " + "word " * 100,
        "'''\n" + "\n" * 18 + "'''",
        "x = '" + " " * 78 + "'",
        "%%writefile x\n" + "a" + " " * 70 + "b",
        f"x = [{LONG[:150]}]",
    ],
)
def test_an_ordinary_layout_is_left_as_it_is(source: str) -> None:
    assert escape_bidi(source) == (source, ())


def test_ordinary_cells_are_left_as_they_are() -> None:
    shown = {source: escape_bidi(source) for source in GOOD}

    assert [source for source in GOOD if shown[source] != (source, ())] == []


PIECES = st.sampled_from([
    "x = 1", "; y = 2", ", 3", " " * 50, " " * 300, "\t" * 20, "\n", "\n" * 30, "# no",
    "'a", "b'", "'''", '"', "if x:", "\n" + " " * 100 + "z", "!ls", "f'{x}'", "r'a'",
    "(", ")", "\\", "\\\n", "%%bash\n", "%%time\n", "word " * 40, "é\u3000" * 50,
    "\u2800" * 80, "\\\n" * 9,
])  # fmt: skip


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_python_means_the_same_and_is_shown_once(source: str) -> None:
    shown, warnings = escape_bidi(source)

    assert escape_bidi(shown)[0] == shown
    assert all(len(line.splitlines()) == 1 for line in warnings)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    assert ast.dump(ast.parse(shown)) == ast.dump(tree)


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        "\n".join(itertools.repeat(f"x = 1{FAR}; y = [{LONG}]", 500)),
        "x = [" + "1, " * 50_000 + "]; y",
        "ｘ " * 50_000,
        "\n".join(itertools.repeat('a = """x', 10_000)),
        "\n" * 100_000 + "x",
        "a" + "\u2800" * 20_000,
    ],
    ids=["wide", "long", "names", "texts", "empty", "signs"],
)
def test_much_code_is_laid_out_in_no_time(source: str) -> None:
    begun_s = time.process_time()
    shown, _ = escape_bidi(source)

    assert escape_bidi(shown)[0] == shown
    assert time.process_time() - begun_s < 20
