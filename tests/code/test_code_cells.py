"""The cells of a reply are exactly its code, wherever the reply was cut."""

from __future__ import annotations

import re
import time

import pytest
from replies import MAGICS, NEVER_CLOSED, REPLIES

from nemotron_magic.code.cells import CodeCell, cells_of, join_cells


def sources(reply: str) -> list[str]:
    return [cell.source for cell in cells_of(reply, MAGICS)]


def test_the_cells_are_exactly_the_code() -> None:
    found = {name: sources(reply) for name, (reply, _) in REPLIES.items()}

    assert found == {name: expected for name, (_, expected) in REPLIES.items()}


@pytest.mark.parametrize("name", NEVER_CLOSED)
def test_prose_in_a_fence_that_was_not_closed_is_no_code(name: str) -> None:
    reply, expected = NEVER_CLOSED[name]

    assert sources(reply) == expected


def bare(source: str) -> str:
    """Take off the magic: which it is may turn out at the last line."""
    return re.sub(r"(?m)^%%bash\n|^%(?=pip |conda )", "", source)


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_cut_anywhere_gives_the_beginning_of_its_code(name: str) -> None:
    reply, expected = REPLIES[name]
    for end in range(len(reply)):
        found = sources(reply[:end])

        assert len(found) <= len(expected), reply[:end]
        for cell, whole in zip(found, expected, strict=False):
            is_there = bare(whole).startswith(bare(cell))
            # A command that turns out to install becomes a magic.
            assert is_there or ("%pip" in whole and bare(cell) in reply), reply[:end]


@pytest.mark.parametrize(
    ("code", "source"),
    [
        ("# first\n>>> x = 1\n>>> x\n1", "# first\nx = 1\nx"),
        ("  # first\n\nIn [1]: f(1,\n   ...:   2)\nOut[1]: 3", "# first\n\nf(1,\n  2)"),
        (">>> show()\na\n... b", "show()"),
        ("In [1]: show()\n1\n...: 2", "show()"),
    ],
)
def test_of_a_session_what_was_typed_is_taken(code: str, source: str) -> None:
    assert sources(f"```python\n{code}\n```") == [source]


@pytest.mark.parametrize("before", ["x = 1", "def f():\n    return 1"])
def test_of_a_block_that_was_closed_nothing_is_taken_for_prose(before: str) -> None:
    code = f"{before}\n\nThis is a sentence of several words."

    assert sources(f"```python\n{code}\n```") == [code]


def test_the_corpus_is_large() -> None:
    assert len(REPLIES) >= 60


def test_cells_are_numbered_and_know_their_language() -> None:
    found = cells_of("```py\nx = 1\n```\n```sh\nls\n```\n```\n1\n```", MAGICS)

    assert found == (CodeCell("x = 1"), CodeCell("%%bash\nls", "bash", 2))


def test_a_language_without_a_magic_makes_no_cell() -> None:
    assert cells_of("```sql\nSELECT 1\n```\n```sh\nls\n```", ["sh"]) == (
        CodeCell("%%sh\nls", "sh"),
    )


def test_what_installs_needs_no_magic_of_the_shell() -> None:
    assert cells_of("```sh\npip install x\n```", []) == (CodeCell("%pip install x"),)


@pytest.mark.parametrize(
    "code",
    [
        "pd.DataFrame({'a': [1, 2]})",
        "np.array([[1, 2], [3, 4]])",
        "pl.Series('a', [1, 2])",
        "DataFrame({'a': [1]})",
        "Image('plot.png')",
        "Video('a.mp4', width=300)",
        "HTML('<b>a</b>')",
        "Markdown('**a**')",
        "Path('data.csv')",
        "assert len(df) == 3",
        "assert ready",
        "df['a'] > 3",
        "df.a.sum() == 3",
        "x == y",
        "left != right",
        "(df.a > 1) & mask",
        "df['a'] / df['b']",
        "df.a * 2",
        "not df.empty",
        "df.a, df.b",
        "f'{total:.2f}'",
        "big if total > 3 else small",
        "del df",
        "raise StopIteration",
        "df",
        "df_sales",
        "df?",
        "?df",
        "df.head??",
        "%timeit f(x)",
        "%timeit f(x)\n%timeit g(x)",
        "%time f()\n# and the other\n%time g()",
        "%pip list\n%who",
        "!ls\n!pwd",
        '"""Is it true?\n\nYes."""\nx = 1',
        'def f():\n    """Why so?\n\n    Because.\n    """\n    return 1',
        "'''What is it?'''\nprint(1)",
    ],
)
def test_code_that_does_not_say_what_it_is_makes_a_cell(code: str) -> None:
    assert sources(f"So:\n\n```\n{code}\n```\n") == [code]


@pytest.mark.parametrize(
    "text",
    [
        "array([1, 2])",
        "datetime.datetime(2024, 1, 1, 0, 0)",
        "np.float64(3.5)",
        "np.True_",
        "torch.Size([2, 3])",
        "Timestamp('2024-01-01 00:00:00')",
        "LinearRegression()",
        "Pipeline(steps=[('scale', StandardScaler()), ('fit', Ridge(alpha=1.0))])",
        "dtype('int64')",
        "Decimal('1.50')",
        "KeyError('region')",
        "p < 0.05",
        "model",
        "date",
        "head",
        "x, y",
        "data/raw/sales.csv",
        "docs/index.rst",
        "scikit-learn",
        "example.com",
        "Is it true?",
        "yes",
    ],
)
def test_what_is_printed_or_named_makes_no_cell(text: str) -> None:
    assert sources(f"It gives:\n\n```\n{text}\n```\n") == []


def test_joining_leaves_cell_magics_apart() -> None:
    cells = [CodeCell("%%time\nx"), CodeCell("a"), CodeCell("b", number=3)]

    assert join_cells(cells) == (CodeCell("a\n\nb"), CodeCell("%%time\nx", number=2))
    assert join_cells(cells[:1]) == (CodeCell("%%time\nx"),)
    assert join_cells([]) == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "```python\n" * 20_000,
        "`" * 100_000,
        "x ```python\n" * 5_000,
        "> " * 50_000,
        "```python\n" + "\n" * 100_000,
        "```python\n" + "`" * 100_000 + "x",
        "```python\n(\n```\n" * 5_000,
        "```\n" + "$ x\n" * 30_000,
        "```python\n(\n\n" + "This is the prose of it.\n\n" * 5_000,
        "".join(f"```\n{'not ' * n}x\n```\n" for n in range(600, 1_000, 20)),
    ],
    ids=[
        "fences",
        "backticks",
        "late fences",
        "quotes",
        "empty lines",
        "backticks in code",
        "broken blocks",
        "commands",
        "prose",
        "negations",
    ],
)
def test_what_no_model_would_write_takes_no_time(text: str) -> None:
    started_s = time.process_time()
    cells_of(text, MAGICS)

    assert time.process_time() - started_s < 10
