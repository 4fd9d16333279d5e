"""Fields of a typed answer: as typed, as sent, and as values are checked."""

from __future__ import annotations

import enum
from dataclasses import dataclass, make_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.core.errors import InputError
from nemotron_magic.session.structured.fields import Field, Fields, Misfit
from nemotron_magic.session.structured.specs import parse_fields


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ("reason", [Field("reason")]),
        ("total float, n int", [Field("total", "float"), Field("n", "int")]),
        (
            "total: float, n: int?",
            [Field("total", "float"), Field("n", "int", is_nullable=True)],
        ),
        ("total number; at date", [Field("total", "float"), Field("at", "date")]),
        ("stars int 1..5", [Field("stars", "int", least=1, most=5)]),
        ("x float -0.5..", [Field("x", "float", least=-0.5)]),
        ("x float ..1 ?", [Field("x", "float", most=1, is_nullable=True)]),
        ("x?", [Field("x", is_nullable=True)]),
        ("s: a|b", [Field("s", labels=("a", "b"))]),
        ("s?: a | b", [Field("s", labels=("a", "b"), is_nullable=True)]),
        ("s: a|b?", [Field("s", labels=("a", "b"), is_nullable=True)]),
        ("s enum: a|b", [Field("s", labels=("a", "b"))]),
        ('s: "very good"|bad', [Field("s", labels=("very good", "bad"))]),
        ("n int: 1|2|3", [Field("n", "int", labels=("1", "2", "3"))]),
        ("tags list", [Field("tags", is_list=True)]),
        ("tags list: a|b", [Field("tags", labels=("a", "b"), is_list=True)]),
        ("n list[int]", [Field("n", "int", is_list=True)]),
        ("n list of int", [Field("n", "int", is_list=True)]),
        ("s: a||b|a", [Field("s", labels=("a", "b"))]),
        ("stars 1..5", [Field("stars", "int", least=1, most=5)]),
        ("p 0.5..1", [Field("p", "float", least=0.5, most=1)]),
        ("why: one sentence", [Field("why", about="one sentence")]),
        (
            "late bool: does it ask for more?",
            [Field("late", "bool", about="does it ask for more?")],
        ),
        (
            "why: short, yes; n int",
            [Field("why", about="short, yes"), Field("n", "int")],
        ),
        (
            "why: short, yes\nn int",
            [Field("why", about="short, yes"), Field("n", "int")],
        ),
        ("n int, date", [Field("n", "int"), Field("date", "date")]),
        (
            "date?: when due; n int",
            [
                Field("date", "date", is_nullable=True, about="when due"),
                Field("n", "int"),
            ],
        ),
        ("größe float", [Field("größe", "float")]),
        ("a,", [Field("a")]),
    ],
)
def test_fields_are_typed_in_words(spec: str, fields: list[Field]) -> None:
    assert parse_fields(spec) == Fields(tuple(fields))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("positive|negative", Field("label", labels=("positive", "negative"))),
        ("a | b ?", Field("label", labels=("a", "b"), is_nullable=True)),
        ("bool", Field("value", "bool")),
        ("int 1..5", Field("value", "int", least=1, most=5)),
        ("float?", Field("value", "float", is_nullable=True)),
        ("list: a|b", Field("value", labels=("a", "b"), is_list=True)),
        ("bool: is it late?", Field("value", "bool", about="is it late?")),
        ("list int", Field("value", "int", is_list=True)),
        (bool, Field("value", "bool")),
        (Literal["a", "b"], Field("value", labels=("a", "b"))),
        (Literal[1, 2, None], Field("value", "int", ("1", "2"), is_nullable=True)),
        (list[str], Field("value", is_list=True)),
        (int | None, Field("value", "int", is_nullable=True)),
        ({"type": "integer"}, Field("value", "int")),
        ({"enum": ["a", "b"]}, Field("value", labels=("a", "b"))),
    ],
)
def test_a_lone_type_is_a_single_value(spec: Any, field: Field) -> None:
    assert parse_fields(spec) == Fields((field,), is_single=True)
    assert parse_fields(spec, "mood").names == ("mood",)


@pytest.mark.parametrize(
    ("spec", "what", "corrected"),
    [
        ("", "there are no fields", "A field is NAME TYPE"),
        (" , ", "there are no fields", "A field is NAME TYPE"),
        ("total flaot", "flaot is no type", '"total float"'),
        ("n int, total flaot", "flaot is no type", '"n int, total float"'),
        ("reason one sentence", "one is no type", '"reason: one sentence"'),
        ("late?please", "please is no type", '"late: please"'),
        ("currency EUR|USD, n int", "lacks a colon", '"currency: EUR|USD, n int"'),
        ("n int, currency EUR|USD", "lacks a colon", '"n int, currency: EUR|USD"'),
        ("EUR|USD, n int", "lacks a colon", '"label: EUR|USD, n int"'),
        ("mood good|bad", "lacks a colon", '"mood: good|bad"'),
        ("mood (good|bad)", "lacks a colon", '"mood: good|bad"'),
        ("stars int 1-5", "1-5 is no type", '"stars int 1..5"'),
        ("day date 1..5", "has a range, but is no number", '"day int 1..5"'),
        ("stars int 5..1", "ends before it begins", '"stars int 1..5"'),
        ("why: short, at most 5 words", "", '"why: short, at most 5 words;"'),
        (
            "a: x|y, why: short, at most 5, n int",
            "",
            '"a: x|y; why: short, at most 5; n int"',
        ),
        ("_error, a", "_error is no name", '"error, a"'),
        ("2nd int", "2nd is no name", '"n2nd int"'),
        ("a, int", "int has no name", '"a, name int"'),
        ("x enum", "has no labels", '"x: one|another"'),
        ("x: |", "has labels that are no str", '"x: one|another"'),
        ("x bool: yes|no", "has labels that are no bool", '"x: yes|no"'),
        ("x int: 1|two", "has labels that are no int", '"x: 1|two"'),
        ("_a flaot, b intt 5-1", "_a is no name", '"a float, b int 1..5"'),
        ("a, b, A", "two fields a", '"a, b, A_2"'),
        ("n int; n float; n", "two fields n", '"n int; n_2 float; n_2_2"'),
        ({"a": int, "A": str}, "two fields a", "Name each once"),
        (": a|b", "has no name", '"name: a|b"'),
        ({"total": dict}, "total cannot be dict", "no object in an object"),
        (list[list[int]], "is a list of lists", "no object in an object"),
        (Literal["a", 1], "not all str", "A field is"),
        (dict, "cannot be dict", "no object in an object"),
        ({f"f{n}": int for n in range(65)}, "there are 65 fields, and 64", "A field"),
        (int | str, "value cannot be integer or string", "no object in an object"),
        ({"n": int | bool | None}, "n cannot be integer or boolean", "no object"),
        ({"n": Any}, "n cannot be Any", "no object"),
        (3, "cannot be 3", "no object in an object"),
        (
            {"properties": {"a": {"type": "object"}}},
            "a cannot be object",
            "no object in",
        ),
    ],
)
def test_what_cannot_be_read_is_answered_with_what_can(
    spec: Any, what: str, corrected: str
) -> None:
    with pytest.raises(InputError) as raised:
        parse_fields(spec)

    lines = str(raised.value).splitlines()
    assert what in lines[0]
    assert "nothing was sent" in lines[1]
    assert corrected in lines[2]


_BITS = [
    *("a", "b int", "c 1..5", "_d", "2e", "int", "enum", "flaot", "5..1", "1-5", "?"),
    *(" ", ",", ";", ":", "|", "\n", "(", "at most", "one sentence", "x: y|z", "é"),
]


@given(st.lists(st.sampled_from(_BITS), max_size=9).map("".join))
def test_what_is_proposed_can_be_read(spec: str) -> None:
    def hint_for(text: str) -> str:
        try:
            return str(bool(parse_fields(text).fields))
        except InputError as error:
            return error.hint

    hint = hint_for(spec)
    proposed = hint.partition('Did you mean: "')[2].removesuffix('"')

    assert hint == "True" or hint_for(proposed) == "True" or not spec.strip(" ,;\n")


class Currency(enum.Enum):
    EUR = "EUR"
    USD = "USD"


@dataclass(frozen=True)
class Invoice:
    total: Annotated[float, "with tax"]
    currency: Currency
    paid: date | None = None


class Row(TypedDict):
    total: float
    tags: NotRequired[list[Literal["new", "old"]]]


class Loose(TypedDict, total=False):
    total: float
    currency: Required[str]
    note: Annotated[str, "of the clerk"]


class Model(pydantic.BaseModel):
    total: float = pydantic.Field(ge=0, description="with tax")
    currency: Currency
    paid: date | None = None

    @pydantic.field_validator("total")
    @classmethod
    def is_even(cls, total: float) -> float:
        if total % 2:
            raise ValueError("total is odd")
        return total


def test_what_a_typed_dict_may_lack_may_be_null() -> None:
    assert parse_fields(Loose).fields == (
        Field("total", "float", is_nullable=True),
        Field("currency"),
        Field("note", is_nullable=True, about="of the clerk"),
    )


def test_a_dataclass_is_filled() -> None:
    fields = parse_fields(Invoice)

    assert fields.fields == (
        Field("total", "float", about="with tax"),
        Field("currency", labels=("EUR", "USD")),
        Field("paid", "date", is_nullable=True),
    )
    values = fields.check({"total": 3, "currency": "eur", "paid": "2026-02-28"})
    assert fields.build(values) == Invoice(3.0, Currency.EUR, date(2026, 2, 28))


def test_a_model_checks_itself() -> None:
    fields = parse_fields(Model)

    good = fields.build(fields.check({"total": 4, "currency": "EUR", "paid": None}))

    assert good == Model(total=4, currency=Currency.EUR)
    assert fields.fields[0] == Field("total", "float", least=0, about="with tax")
    assert fields.fields[1] == Field("currency", labels=("EUR", "USD"))
    with pytest.raises(Misfit) as raised:
        fields.check({"total": 3, "currency": "EUR", "paid": None})
    assert str(raised.value) == "total: Value error, total is odd"


class Stay(pydantic.BaseModel):
    nights: Annotated[int, pydantic.Field(gt=0)]
    room: Annotated[str, pydantic.Field(pattern="^[A-Z]")]

    @pydantic.model_validator(mode="after")
    def _suits(self) -> Stay:
        if self.nights > 9 and self.room == "A":
            raise ValueError("A is taken")
        return self


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (
            {"nights": 0, "room": "b"},
            "nights: Input should be greater than 0; "
            "room: String should match pattern '^[A-Z]'",
        ),
        ({"nights": 10, "room": "A"}, "Value error, A is taken"),
    ],
)
def test_what_a_model_complains_of_comes_without_links(
    found: dict[str, Any], why: str
) -> None:
    with pytest.raises(Misfit) as raised:
        parse_fields(Stay).check(found)

    assert str(raised.value) == why


@pytest.mark.parametrize(
    ("spec", "found", "why"),
    [
        ("a, b, c?", {"a": "x"}, "'b' is missing"),
        ("a, b int, c?, d", {"a": "x"}, "'b', 'd' are missing"),
        ("a?, b int?", {"x": 1}, " are missing"),
    ],
)
def test_only_what_must_be_there_is_missing(
    spec: str, found: dict[str, Any], why: str
) -> None:
    with pytest.raises(Misfit) as raised:
        parse_fields(spec).check(found)

    assert str(raised.value) == why


def test_a_dict_of_types_is_one_too() -> None:
    spec = {"total": float, "paid": bool | None, "currency": "EUR|USD", "n": "int 1..5"}

    assert parse_fields(spec) == parse_fields(
        "total float, paid bool?, currency: EUR|USD, n int 1..5"
    )


@pytest.mark.parametrize(
    "stars",
    [
        Annotated[int, pydantic.Field(ge=1, le=5), "of five"],
        Annotated[int, pydantic.Field(ge=1, le=5, description="of five")],
    ],
)
def test_what_annotations_say_is_kept(stars: Any) -> None:
    typed = TypedDict("typed", {"value": stars})  # type: ignore[misc]  # noqa: UP013

    for spec in (stars, typed, make_dataclass("Filled", [("value", stars)])):
        assert parse_fields(spec).fields == (
            Field("value", "int", least=1, most=5, about="of five"),
        )


class Bill(pydantic.BaseModel):
    total: Decimal
    paid_at: datetime | None = None
    kind: Literal["new", "old"] = "new"


def test_a_model_makes_its_own_types_of_plain_ones() -> None:
    fields = parse_fields(Bill)
    found = {"total": 12.5, "paid_at": "2026-02-28T10:00:00", "kind": "Old"}

    bill = fields.build(fields.check(found))

    assert bill == Bill(
        total=Decimal("12.5"), paid_at=datetime(2026, 2, 28, 10), kind="old"
    )
    with pytest.raises(Misfit, match="paid_at"):
        fields.check({**found, "paid_at": "yesterday"})


def test_a_typed_dict_is_a_dict() -> None:
    fields = parse_fields(Row)

    assert fields.build(fields.check({"total": 1, "tags": ["NEW"]})) == {
        "total": 1.0,
        "tags": ["new"],
    }


def test_the_schema_holds_nothing_that_a_server_is_known_to_refuse() -> None:
    fields = parse_fields("s: a|b, n int 1..5?, tags list: x|y, at date, why: short")

    assert fields.schema() == {
        "type": "object",
        "properties": {
            "s": {"type": "string", "enum": ["a", "b"]},
            "n": {"type": ["integer", "null"]},
            "tags": {"type": "array", "items": {"type": "string", "enum": ["x", "y"]}},
            "at": {"type": "string"},
            "why": {"type": "string"},
        },
        "required": ["s", "n", "tags", "at", "why"],
        "additionalProperties": False,
    }
    assert fields.prompt_line() == (
        "Answer with one JSON object and nothing else. It has exactly these keys: "
        '"s": one of "a", "b"; "n": integer in 1..5, or null if missing; '
        '"tags": list of: one of "x", "y"; "at": date as YYYY-MM-DD; '
        '"why": string (short).'
    )


@pytest.mark.parametrize(
    ("spec", "value", "why"),
    [
        ("int", 2.5, "2.5 is no whole number"),
        ("int", 10**30, "is no whole number"),
        ("int", "2", "'2' is no whole number"),
        ("float", True, "True is no number"),
        ("float", 10**400, "is no number"),
        ("bool", 1, "1 is not true or false"),
        ("bool", "true", "'true' is not true or false"),
        ("str", 3, "3 is no text"),
        ("date", "2026-02-30", "is no date"),
        ("date", "28.2.2026", "is no date"),
        ("list int", 3, "3 is no list"),
        ("list int", [1, "2"], "'2' is no whole number"),
        ("a|b", "c", "'c' is not one of a, b"),
        ("a|A", " a ", "' a ' is not one of a, A"),
        ("5|52", "5²", "is not one of"),
        ("1|-1", "– 1", "is not one of"),
        ("float 0..1", 1.01, "1.01 is not in 0..1"),
        ("int", None, "null is no whole number"),
    ],
)
def test_a_value_that_does_not_fit_is_not_bent(spec: str, value: Any, why: str) -> None:
    fields = parse_fields(spec)

    with pytest.raises(Misfit) as raised:
        fields.check({fields.names[0]: value})

    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("spec", "value", "read"),
    [
        ("int", 2.0, 2),
        ("float", 2, 2.0),
        ("x: very good|bad", "Very_Good!", "very good"),
        ("5|52", 5, "5"),
        ("yes|no", '"Yes."', "yes"),
        ("int?", None, None),
        ("date", "2026-02-28", date(2026, 2, 28)),
    ],
)
def test_a_value_is_read_as_its_type(spec: str, value: Any, read: Any) -> None:
    fields = parse_fields(spec)

    got = fields.check({fields.names[0]: value})[fields.names[0]]

    assert (got, type(got)) == (read, type(read))
