"""Whatever the object, describing it raises nothing and runs nothing of it."""

from __future__ import annotations

import abc
import collections
import contextlib
import datetime
import enum
import io
import sys
import threading
import types
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemotron_magic.context.describe import describe

ran: list[str] = []


class Stop(BaseException):
    """Something that `except Exception` does not catch."""


def run(*args: object, **kwargs: object) -> NoReturn:
    ran.append("hostile code")
    print("hostile code")
    raise Stop


METHODS = (
    "__repr__ __str__ __len__ __iter__ __getattr__ __getattribute__ __getitem__ __eq__"
    " __hash__ __bool__ __dir__ __contains__ __call__ __format__ __sizeof__ __index__"
    " __int__ __float__ __lt__ __instancecheck__ __array__ __fspath__ __next__ keys"
    " items values shape columns index dtype dtypes _repr_html_ __reduce__ __reversed__"
)
HOSTILE: dict[str, Any] = dict.fromkeys(METHODS.split(), run) | {
    "__class__": property(run),
    "__module__": property(run),
    "__doc__": property(run),
    "name": property(run),
}


class Meta(type):
    __repr__ = __getattribute__ = __instancecheck__ = __subclasscheck__ = run
    __len__ = __hash__ = __eq__ = __iter__ = __dir__ = __bool__ = run  # type: ignore[assignment]
    __name__ = __module__ = __mro__ = __dict__ = property(run)  # type: ignore[assignment]


def derived(*bases: type) -> type:
    return type("Hostile", bases, dict(HOSTILE))


class Zone(datetime.tzinfo):
    utcoffset = dst = tzname = run

    __str__ = __repr__ = run


class Text(str):
    __str__ = __repr__ = __len__ = __getitem__ = __eq__ = __hash__ = run


class Key:
    """A key that behaves until it stands in its dict."""

    is_calm = True

    def __hash__(self) -> int:
        return 1 if Key.is_calm else run()

    def __eq__(self, other: object) -> bool:
        return self is other if Key.is_calm else run()


class Lying:
    """It claims to be a DataFrame."""

    __module__ = "pandas"
    __qualname__ = "DataFrame"
    shape = columns = property(run)


class Slotted:
    __slots__ = ("a",)


class Module(types.ModuleType):
    __getattr__ = run


def hostile_function() -> object:
    """Make one whose parts do not like to be shown."""

    def function(a: Any = None, *, b: Any = None) -> None:
        pass

    function.__defaults__ = (derived()(),)
    function.__kwdefaults__ = {"b": derived()()}
    function.__annotations__["a"] = derived()()
    function.__dict__["__wrapped__"] = derived()()
    function.__dict__["__signature__"] = derived()()
    return function


def zoo() -> dict[str, object]:
    """Make one of each; the hostile classes are at peace while this runs."""
    mapping = {Key(): 1, "a": Key()}
    cyclic: dict[str, Any] = {}
    cyclic["self"] = [cyclic]
    field = types.SimpleNamespace
    error = derived(ValueError)
    animals: dict[str, object] = {
        "object": derived()(),
        "cls": derived(),
        "metaclass": Meta("Odd", (), {}),
        "metaclass's": type.__call__(Meta("Odd", (), {})),
        "Text": [str.__new__(Text, "secret")],
        "zone": datetime.datetime(2026, 1, 1, tzinfo=Zone()),
        "keys": mapping,
        "cycle": cyclic,
        "liar": Lying(),
        "slots": Slotted(),
        "module": Module("odd"),
        "function": hostile_function(),
        "method": types.MethodType(derived()(), derived()()),
        "bound": types.MethodType(hostile_function(), derived()()),
        "error": BaseException.__new__(error, derived()(), str.__new__(Text, "a")),
        "namespace": field(a=derived()()),
        "records": [{"a": derived()()}, {"a": derived(float)()}] * 9,
        "nested": {"a": [derived()(), (derived()(),)]},
        "range": range(10**30),
        "int": 10**100_000,
        "float": float("nan"),
        "surrogate": "\ud800\x1b[31m",
        "proxy": types.MappingProxyType({"a": 1}),
        "lock": threading.Lock(),
        "frame": sys._getframe(),
        "abc": abc.ABC,
        "enum": enum.Enum,
        "stream": io.StringIO("a"),
        "alias": list[int],
        "union": int | None,
        "defaults": collections.defaultdict(run),
    }
    for base in (int, float, str, bytes, list, tuple, dict, set, frozenset, deque):
        animals[f"a {base.__name__}"] = base.__new__(derived(base))
    return animals


deque = collections.deque


@pytest.mark.parametrize("name", zoo())
@pytest.mark.parametrize("data", ["schema", "sample", "full"])
def test_nothing_of_the_user_s_runs(name: str, data: Any, capsys: Any) -> None:
    animal = zoo()[name]
    ran.clear()
    Key.is_calm = False
    try:
        said = describe(animal, "x", data=data, source=True)
    finally:
        Key.is_calm = True

    assert said.startswith("x: ")
    assert ran == []
    assert capsys.readouterr().out == ""


def test_a_class_that_lies_is_not_believed() -> None:
    assert "not inspected" in describe(Lying())


def test_an_interrupt_gets_through() -> None:
    class Asked:
        def _repr_llm_(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        describe(Asked())


def test_the_end_of_the_stack_is_no_error() -> None:
    said: list[str] = []

    def fall(value: object) -> None:
        try:
            fall(value)
        except RecursionError:
            said.append(describe(value, "x"))

    with contextlib.suppress(RecursionError):
        fall([[1]])
    assert all(one.startswith("x") for one in said)


@pytest.mark.slow
def test_a_dict_that_changes_meanwhile_is_described() -> None:
    shared = {number: number for number in range(1_000)}
    is_over = threading.Event()

    def change() -> None:
        number = 1_000
        while not is_over.is_set():
            shared[number] = number
            shared.pop(number - 500, None)
            number += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        said = {describe(shared, data="full")[:5] for _ in range(50)}
    finally:
        is_over.set()
        thread.join()

    assert said <= {"dict ", "dict,"}


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals()
    | st.uuids()
    | st.functions()
)
KEYS = st.text() | st.integers() | st.tuples(st.integers(), st.text())
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(KEYS, inner)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers())
        | inner.map(lambda value: types.SimpleNamespace(value=value))
    ),
    max_leaves=30,
)


@pytest.mark.slow
# Hypothesis itself looks at what it draws, so of the hostile it draws the names.
@settings(max_examples=120)
@given(
    VALUES,
    st.sampled_from(sorted(zoo())),
    st.sampled_from(["schema", "sample", "full"]),
    st.integers(0, 3_000),
    st.booleans(),
)
def test_no_description_raises_or_exceeds_its_budget(
    value: object, name: str, data: Any, budget: int, source: bool
) -> None:
    both = {"drawn": value, "hostile": zoo()[name], "list": [zoo()[name], value]}

    for one in (value, both):
        said = describe(one, "value", data=data, budget_chars=budget, source=source)
        assert len(said) <= budget
        assert "\x1b" not in said
        said.encode()
