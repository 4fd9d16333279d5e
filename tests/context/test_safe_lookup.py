"""Paths are followed without a line of the user's being run."""

from __future__ import annotations

import functools
import types
from collections import OrderedDict, defaultdict
from typing import Any

import pytest

from nemotron_magic.context.variables import evaluate
from nemotron_magic.core.errors import InputError

ran: list[str] = []


class Descriptor:
    def __get__(self, owner: object, cls: object) -> None:
        ran.append("__get__")


class Everything:
    """A class of which any access runs code."""

    descriptor = Descriptor()
    plain = 7

    def __init__(self) -> None:
        self.kept = 3

    @property
    def attribute(self) -> int:
        ran.append("property")
        return 1

    @functools.cached_property
    def cached(self) -> int:
        ran.append("cached_property")
        return 1

    def __getattr__(self, name: str) -> None:
        ran.append(f"__getattr__ {name}")

    def __len__(self) -> int:
        ran.append("__len__")
        return 1

    def __bool__(self) -> bool:
        ran.append("__bool__")
        return True

    def __eq__(self, other: object) -> bool:
        ran.append("__eq__")
        return True

    def __hash__(self) -> int:
        ran.append("__hash__")
        return 1

    def __index__(self) -> int:
        ran.append("__index__")
        return 0

    def __getitem__(self, key: object) -> None:
        ran.append("__getitem__")

    def __repr__(self) -> str:
        ran.append("__repr__")
        return ""


class Watched:
    annotated: int

    def __getattribute__(self, name: str) -> None:
        ran.append("__getattribute__")


class Annotated:
    size: int

    @property
    def hidden(self) -> int:
        return 1


class Missing(dict[str, int]):
    def __missing__(self, key: str) -> int:
        ran.append("__missing__")
        return 1


class Meta(type):
    def __getattr__(cls, name: str) -> None:
        ran.append("metaclass")

    def __getitem__(cls, key: object) -> None:
        ran.append("metaclass")

    def __getattribute__(cls, name: str) -> Any:
        ran.append("metaclass")
        return type.__getattribute__(cls, name)


class Classy(metaclass=Meta):
    inner = 5


class Slotted:
    __slots__ = ("x",)

    def __init__(self) -> None:
        self.x = 4


def factory() -> int:
    ran.append("factory")
    return 1


def watch(name: str) -> None:
    ran.append(f"module {name}")


module = types.ModuleType("module")
module.__dict__.update(__getattr__=watch, there=6)
VARIABLES: dict[str, object] = {
    "e": Everything(),
    "w": Watched(),
    "a": Annotated(),
    "c": Classy(),
    "C": Classy,
    "s": Slotted(),
    "m": module,
    "missing": Missing(),
    "dd": defaultdict(factory, k=1),
    "d": {"k": [10, 20, {"z": 30}], 1: "one", (1, "a"): 2},
    "od": OrderedDict(a=1),
    "text": "abc",
    "key": "k",
    "rows": [(1, 2), (3, 4)],
}

GIVEN = {
    "e.kept": 3,
    "e.plain": 7,
    "s.x": 4,
    "C.inner": 5,
    "c.inner": 5,
    "m.there": 6,
    "d['k'][0]": 10,
    "d[key][2]['z']": 30,
    "d[1]": "one",
    "d[1, 'a']": 2,
    "dd['k']": 1,
    "od['a']": 1,
    "text[-1]": "c",
    "rows[1:]": [(3, 4)],
    "rows[0][1]": 2,
}


@pytest.mark.parametrize(("path", "value"), GIVEN.items(), ids=GIVEN)
def test_a_path_gives_what_is_kept_there(path: str, value: object) -> None:
    ran.clear()

    assert evaluate(path, VARIABLES) == value
    assert ran == []


REFUSED = ("e.attribute", "e.cached", "e.descriptor", "e.nothing", "e[0]", "e.kept[e]")
REFUSED += ("w.annotated", "w.x", "a.size", "a.hidden", "missing['z']", "C.no", "C[0]")
REFUSED += ("dd['new']", "m.absent", "rows[e]", "d[e]", "d['nope']", "rows[9]", "nope")
REFUSED += ("e()", "e + 1", "rows[e.kept]", "text['a']", "d[[1]]", "print", "rows[:e]")


@pytest.mark.parametrize("path", REFUSED)
def test_what_would_run_code_is_refused_before_it_runs(path: str) -> None:
    ran.clear()

    with pytest.raises(InputError):
        evaluate(path, VARIABLES)
    assert ran == []


def test_a_default_factory_adds_nothing() -> None:
    counts: defaultdict[str, int] = defaultdict(int)

    with pytest.raises(InputError, match="is not there"):
        evaluate("counts['new']", {"counts": counts})
    assert dict(counts) == {}


def test_a_refusal_says_the_way_out() -> None:
    with pytest.raises(InputError, match=r"Assign it first: x = e\.attribute; then"):
        evaluate("e.attribute", VARIABLES)


def test_a_cached_property_that_has_run_is_read() -> None:
    everything = Everything()
    _ = everything.cached

    assert evaluate("e.cached", {"e": everything}) == 1


def test_a_method_is_given_and_not_called() -> None:
    class Named:
        def method(self) -> str:
            ran.append("method")
            return "called"

    ran.clear()
    method: Any = evaluate("n.method", {"n": Named()})

    assert ran == []
    assert method() == "called"


def frame_paths() -> dict[str, object]:
    return {
        'df["a"].iloc[0]': 1,
        "df.a.iloc[-1]": 3,
        "df.shape": (3, 2),
        'df.loc[0, "b"]': "x",
        "df[['a']].shape": (3, 1),
        "df.iloc[0:2].shape": (2, 2),
        "array[0, 1]": 1,
        "array[1][0]": 2,
    }


@pytest.mark.parametrize("path", frame_paths())
def test_tables_give_their_parts(path: str) -> None:
    pandas, numpy = pytest.importorskip("pandas"), pytest.importorskip("numpy")
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": list("xyz")})
    variables = {"df": frame, "array": numpy.arange(4).reshape(2, 2)}

    assert evaluate(path, variables) == frame_paths()[path]


@pytest.mark.parametrize("path", ["df.to_csv()", "df.nothing", "df['q']", "df.T.x"])
def test_what_a_frame_has_not_is_refused(path: str) -> None:
    pandas = pytest.importorskip("pandas")

    with pytest.raises(InputError):
        evaluate(path, {"df": pandas.DataFrame({"a": [1]})})


def test_a_property_of_a_class_derived_from_a_frame_does_not_run() -> None:
    pandas = pytest.importorskip("pandas")

    class Mine(pandas.DataFrame):  # type: ignore[misc, name-defined]
        @property
        def shape(self) -> None:
            ran.append("shape")

        def __getitem__(self, key: object) -> None:
            ran.append("__getitem__")

    mine = Mine({"a": [1]})
    ran.clear()
    for path in ("df.shape", "df['a']", "df.iloc"):
        with pytest.raises(InputError):
            evaluate(path, {"df": mine})

    assert ran == []


@pytest.mark.parametrize(
    ("path", "hint"),
    [("dff", "Did you mean $`df`?"), ("sales", "Run the cell that makes it")],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest(
    path: str, hint: str
) -> None:
    with pytest.raises(InputError) as refused:
        evaluate(path, {"df": 1, "_df": 2})

    assert refused.value.hint == hint


def test_a_column_of_polars_is_given() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1, 2]})

    assert evaluate("df['a']", {"df": frame}).to_list() == [1, 2]  # type: ignore[attr-defined]
    with pytest.raises(InputError):
        evaluate("df['b']", {"df": frame})


@pytest.mark.parametrize("path", ["class", "df.x y", "import os", "", "a =", "df["])
def test_what_is_no_path_at_all_is_told_as_that(path: str) -> None:
    with pytest.raises(InputError) as refused:
        evaluate(path, {"df": 1})

    assert refused.value.what == f"$`{path}` is neither a name nor a path of a value"
    assert "Such as: $`df`" in refused.value.hint


@pytest.mark.parametrize("path", ["len(df)", "df + 1", "'text'", "[df]"])
def test_what_would_have_to_run_is_assigned_first(path: str) -> None:
    with pytest.raises(InputError, match="cannot be read without running code") as no:
        evaluate(path, {"df": 1})

    assert no.value.hint == f"Assign it first: x = {path}; then write $`x`"
