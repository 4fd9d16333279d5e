"""What is said of Python's own values, and who is asked first."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import pathlib
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nemotron_magic.context.describe import describe, register, unregister
from nemotron_magic.core.errors import InputError

Point = collections.namedtuple("Point", "x y")


class Colour(enum.IntEnum):
    RED = 1


@dataclasses.dataclass
class Job:
    title: str
    email: str = "a@b.example"
    key: str = dataclasses.field(default="k-123", repr=False)


class Clerk(Job):
    def file(self) -> None:
        """File it."""

    def copy(self) -> None:
        """Copy it."""

    def _rest(self) -> None:
        """Rest."""


SINGLE = {
    "int 3": 3,
    "int of 1,329 bits": 10**400,
    "float 1.5": 1.5,
    "complex 2j": 2j,
    "None": None,
    "True": True,
    "Ellipsis": ...,
    "range(0, 3)": range(3),
    "bytes of 3 bytes": b"abc",
    "str of 2 characters\n'hi'": "hi",
    "decimal.Decimal 1.5": decimal.Decimal("1.5"),
    "datetime.date 2026-01-02": datetime.date(2026, 1, 2),
    "datetime.datetime 2026-01-02 03:00:00": datetime.datetime(2026, 1, 2, 3),
    "datetime.timedelta 3 days, 0:00:00": datetime.timedelta(3),
    "datetime.time 03:04:00": datetime.time(3, 4),
    "list, empty": [],
    "dict, empty": {},
    "list of 2 int\n  - 1\n  - 2": [1, 2],
    "list of 9 int, 0 to 8": list(range(9)),
    "list of 9 dict, 9 rows × 1 columns\ncolumns:\n  a: int, none missing, 1 to 1": [
        {"a": 1}
    ]
    * 9,
    "dict of 2: str → int, list\n  'a': 1\n  'b': list of 2 int: 1, 2": {
        "a": 1,
        "b": [1, 2],
    },
    "set of 1 int\n  - 3": {3},
    "object object (not inspected)": object(),
}


@pytest.mark.parametrize(("said", "value"), SINGLE.items(), ids=SINGLE)
def test_a_value_is_said(said: str, value: object) -> None:
    assert describe(value) == said


def test_the_name_goes_before() -> None:
    assert describe(3, "count") == "count: int 3"


def test_a_path_is_said_and_not_opened() -> None:
    said = describe(pathlib.PurePosixPath("/no/such"))

    # Python 3.13 keeps the class in a module of its own.
    assert said.replace("._local", "") == "pathlib.PurePosixPath /no/such"


def test_a_named_tuple_has_its_names() -> None:
    assert describe(Point(1, 2)).splitlines()[1:] == ["  x: 1", "  y: 2"]


def test_a_member_of_an_enumeration_is_named() -> None:
    assert describe(Colour.RED).endswith("Colour.RED = 1")


def test_a_dataclass_keeps_in_what_its_repr_does() -> None:
    first, *fields = describe(Job("clerk")).splitlines()

    assert first.endswith("Job of 2 fields")
    assert fields == [
        "  title: 'clerk'",
        "  email: str, looks personal: no values shown",
    ]


def test_what_looks_personal_is_shown_in_full_alone() -> None:
    record = {"email": "a@b.example", "width": 3}

    assert "a@b" not in describe(record) + describe(record, data="sample")
    assert "a@b" in describe(record, data="full")


def test_a_long_text_keeps_head_and_tail() -> None:
    text = "begin" + "x" * 5_000 + "end"

    said = describe(text)

    assert said.startswith("str of 5,008 characters\n'begin")
    assert "4,608 characters" in said
    assert said.endswith("end'")


def test_what_holds_itself_is_said_once() -> None:
    loop: list[Any] = [1]
    loop.append(loop)

    assert describe(loop).endswith("- list (itself, from further up)")


def test_depth_has_an_end() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]

    assert len(describe(deep).splitlines()) < 30


def typed(a: int, b: list[int] | None = None, /, *rest: str, c: str = "x") -> None:
    """Do it well.

    A second paragraph.
    """


def test_a_function_is_its_signature_and_first_paragraph() -> None:
    first, doc = describe(typed).splitlines()

    expected = "a: int, b: list[int] | None = None, /, *rest: str, c: str = 'x'"
    assert first == f"function typed({expected}) -> None"
    assert doc == "  Do it well."


def test_source_is_given_on_request() -> None:
    assert "source:" not in describe(typed)
    assert "source:\ndef typed(" in describe(typed, source=True)
    for holder in ([typed], {"steps": typed}, (1, typed)):
        assert "function typed(" in describe(holder, source=True)
        assert "source:" not in describe(holder, source=True)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (lambda x, *, y=1: x, "function <lambda>(x, *, y=1)"),
        (Job("a").__init__, "method Job.__init__(self, title: str, email: str"),
        (pathlib, "module pathlib"),
        (types.ModuleType("empty"), "module empty"),
    ],
    ids=["lambda", "method", "module", "empty module"],
)
def test_code_is_named(value: object, said: str) -> None:
    assert said in describe(value)


def test_a_class_has_its_call_parents_and_methods() -> None:
    said = describe(Clerk)

    assert "Clerk(title: str, email: str = str of 11 characters, " in said
    assert "derived from " in said
    assert said.endswith("  methods: file, copy")


def test_an_exception_has_its_message() -> None:
    assert describe(ValueError("second", 3)) == "ValueError('second', 3)"
    assert describe(ValueError("Zebulon Quimby")) == "ValueError(str of 14 characters)"


def test_generators_and_files_are_named_only() -> None:
    numbers = (number for number in range(3))
    with open(__file__) as file:
        said = describe(file)

    assert describe(numbers) == "generator object (not inspected)"
    assert said == "_io.TextIOWrapper object (not inspected)"
    assert list(numbers) == [0, 1, 2]


class Speaks:
    def _repr_llm_(self) -> str:
        return "my own words"


class Async:
    async def _ai_repr_(self, **kwargs: Any) -> dict[str, Any]:
        return {"text/plain": "bundled", "image/png": b""}


class Waits:
    async def _ai_repr_(self) -> str:
        await Never()
        return "too late"


class Never:
    def __await__(self) -> Iterator[None]:
        yield


class Fails:
    def _repr_llm_(self) -> str:
        raise SystemExit(1)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Speaks(), "x: my own words"),
        (Async(), "x: bundled"),
        (Waits(), "x: tests.context.test_describe.Waits object (not inspected)"),
    ],
    ids=["IPython's", "Jupyter's", "one that waits"],
)
def test_an_object_speaks_for_itself(value: object, said: str) -> None:
    assert describe(value, "x").replace("x: test_", "x: tests.context.test_") == said


def test_an_object_that_fails_to_is_named_all_the_same() -> None:
    said = describe(Fails())

    assert "Fails object (not inspected)" in said
    assert "(_repr_llm_ raised SystemExit)" in said


def test_a_formatter_comes_next() -> None:
    assert describe(3, formatter=lambda value: "formatted") == "formatted"
    assert describe(3, formatter=lambda value: None) == "int 3"
    assert describe(Speaks(), formatter=lambda value: "no") == "my own words"


def test_users_register_describers_for_classes_and_what_derives_from_them() -> None:
    class Special(Job):
        pass

    register(Job, lambda job: f"the job of a {job.title}")
    assert describe(Special("cook")) == "the job of a cook"
    unregister(Job)
    assert "of 2 fields" in describe(Special("cook"))


@pytest.mark.parametrize("value", [Speaks(), list(range(8)), "x" * 900, InputError("")])
@pytest.mark.parametrize("budget", [0, 1, 10, 40, 100])
def test_the_budget_holds(value: object, budget: int) -> None:
    assert len(describe(value, "name", budget_chars=budget, data="full")) <= budget


def test_what_is_cut_is_said() -> None:
    assert describe(list(range(8)), budget_chars=50).endswith("… (cut: no room)")


@pytest.mark.parametrize(
    ("data", "shown", "more"), [("schema", 0, 60), ("sample", 5, 55), ("full", 60, 0)]
)
def test_a_dict_says_how_many_entries_it_does_not_show(
    data: str, shown: int, more: int
) -> None:
    said = describe({f"k{n}": n for n in range(60)}, data=data)

    assert said.splitlines() == [
        "dict of 60: str → int",
        *(f"  'k{n}': {n}" for n in range(shown)),
        *([f"… {more} more entries"] if more else []),
    ]


def test_what_is_told_of_a_part_stands_below_it() -> None:
    lines = describe([np.arange(30), {"years": np.arange(40)}]).splitlines()

    assert lines[1:] == [
        "  - numpy array, 30, int64",
        "    values: 0 to 29",
        "  - dict of 1: str → numpy.ndarray",
        "      'years': numpy array, 40, int64",
        "        values: 0 to 39",
    ]
