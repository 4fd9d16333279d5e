"""What a description costs grows with what it says, not with what is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from nemotron_magic.context.describe import describe

FEW, MANY = 100_000, 10_000_000


def cost_s(value: object) -> float:
    """Give the least of several times; the first may have to warm a library up."""

    return min(cost_once_s(value) for _ in range(7))


def cost_once_s(value: object) -> float:
    start = time.perf_counter()
    describe(value, "x")
    return time.perf_counter() - start


def of_pandas(rows: int) -> Any:
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    numbers = {f"n{i}": numpy.arange(rows, dtype="f8") for i in range(4)}
    codes = numpy.arange(rows, dtype="i1") % 3
    kinds = pandas.Categorical.from_codes(codes, ["a", "b", "c"])
    when = numpy.datetime64("2020-01-01", "s") + numpy.arange(rows)
    return pandas.DataFrame(numbers | {"kind": kinds, "when": when, "on": codes > 1})


def of_polars(rows: int) -> Any:
    numpy, polars = pytest.importorskip("numpy"), pytest.importorskip("polars")
    return polars.DataFrame({f"n{i}": numpy.arange(rows) for i in range(6)})


def of_arrow(rows: int) -> Any:
    numpy, arrow = pytest.importorskip("numpy"), pytest.importorskip("pyarrow")
    return arrow.table({f"n{i}": numpy.arange(rows) for i in range(6)})


def of_numpy(rows: int) -> Any:
    return pytest.importorskip("numpy").zeros((rows // 10, 10))


def of_lists(rows: int) -> Any:
    return list(range(rows))


@pytest.mark.parametrize("make", [of_pandas, of_polars, of_arrow, of_numpy, of_lists])
def test_a_hundred_times_the_rows_cost_a_few_times_as_much(
    make: Callable[[int], Any],
) -> None:
    few, many = cost_s(make(FEW)), cost_s(make(MANY))

    print(f"{make.__name__}: {few * 1e3:.1f} ms, then {many * 1e3:.1f} ms")
    assert many < 5 * few + 0.005


def test_ten_million_rows_take_less_than_fifty_milliseconds() -> None:
    assert cost_s(of_pandas(MANY)) < 0.05


@pytest.mark.parametrize(
    "hold",
    [str, lambda text: [text], lambda text: {"a": text}, lambda text: {text: 1}],
    ids=["text", "list", "dict", "key"],
)
@pytest.mark.parametrize("word", ["word ", "Ab ", "7 ", "é. "])
def test_a_long_text_is_not_read_to_its_end(
    hold: Callable[[str], Any], word: str
) -> None:
    few, many = cost_s(hold(word * 20_000)), cost_s(hold(word * 2_000_000))

    assert many < 5 * few + 0.01


def of_texts(chars: int) -> list[Any]:
    """Give several frames, equal ones: Python keeps the hash of a text it has read."""
    pandas = pytest.importorskip("pandas")
    return [
        pandas.DataFrame(
            {
                f"c{i}": [f"{i}{j}" + "ab " * (chars // 3) for j in range(50)]
                for i in range(40)
            },
            dtype=object,
        )
        for _ in range(3)
    ]


def test_long_texts_in_a_table_are_not_read_to_their_end() -> None:
    few, many = (
        min(cost_once_s(frame) for frame in of_texts(chars)) for chars in (600, 60_000)
    )

    assert many < 3 * few + 0.02


def test_long_texts_are_told_apart_by_their_ends() -> None:
    pandas = pytest.importorskip("pandas")
    middle = "ab " * 1_000
    texts = [f"{a}{middle}{b}" for a in "xy" for b in "uvw"]

    said = describe(pandas.Series(texts * 2, name="note"), "x")
    assert "6 different values" in said


def test_a_dict_of_many_is_not_walked() -> None:
    assert cost_s(dict.fromkeys(range(1_000_000))) < 0.02


def test_the_source_of_figures_is_said() -> None:
    said = describe(of_pandas(FEW * 10))

    assert "columns (figures from one row in " in said
