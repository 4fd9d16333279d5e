"""Rows: asked once, within limits, and answered in typed columns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from counting_service import PRICE_USD, Answer, CountingService, good

from nemotron_magic import NemotronError, Session
from nemotron_magic.client.client import Client
from nemotron_magic.core.usage import Usage
from nemotron_magic.session.rows.answers import RunAccounting
from nemotron_magic.session.rows.frame import row_of
from nemotron_magic.storage.ledger import Ledger
from nemotron_magic.storage.records import CallRecord
from nemotron_magic.storage.rows import AnswerRecord, RowState

TONE = "tone: good|bad, why"


@pytest.fixture
def services() -> Iterator[list[CountingService]]:
    made: list[CountingService] = []
    yield made
    for one in made:
        one.close()


@pytest.fixture
def serve(services: list[CountingService]) -> Callable[..., CountingService]:
    def serve(*what: Any, **how: Any) -> CountingService:
        services.append(CountingService(*what, **how))
        return services[-1]

    return serve


@pytest.fixture
def session(session_at: Any, tmp_path: Path) -> Callable[..., Session]:
    """Return what makes sessions that ask a service, and wait as it says."""
    environ = {"NEMOTRON_MAGIC_HOME": str(tmp_path)}

    def session(service: CountingService, **values: Any) -> Session:
        values = {"model": "m", "environ": environ, **values}
        one: Session = session_at(service.url, Client(), **values)
        return one

    return session


def test_a_column_becomes_typed_columns(serve: Any, session: Any) -> None:
    service = serve()
    reviews = pd.Series(["good soap", "bad tea", "good soap"], index=[7, 3, 7])

    rows = session(service).map("What tone?", reviews, as_="tone: good|bad, stars int")

    frame = rows.frame
    assert frame.index.tolist() == [7, 3, 7]
    assert frame.tone.tolist() == ["good", "bad", "good"]
    assert {n: str(t) for n, t in frame.dtypes.items()} == {
        "tone": "category",
        "stars": "Int64",
        "_error": "string",
        "_note": "string",
        "_cost_usd": "Float64",
    }
    assert frame._cost_usd.tolist() == [PRICE_USD, PRICE_USD, 0.0]
    assert service.asked == {"good soap": 1, "bad tea": 1}
    assert (rows.left, rows.errors, rows.equal) == (0, (), 1)
    assert rows.details["served_models"] == {"m": 2}
    assert rows.cost_usd == pytest.approx(2 * PRICE_USD)
    assert [one.value["tone"] for one in rows] == ["good", "bad", "good"]


def test_what_was_answered_is_not_asked_again(serve: Any, session: Any) -> None:
    service = serve()
    values = [f"row {n} good" for n in range(40)]

    pilot = session(service).map("What tone?", values, as_=TONE, sample=5)
    rest = session(service).map("What tone?", values, as_=TONE)
    again = session(service).map("What tone?", values, as_=TONE)

    assert (pilot.asked, pilot.left) == (5, 35)
    assert (rest.asked, rest.left) == (35, 0)
    assert (again.asked, again.left) == (0, 0)
    assert max(service.asked.values()) == 1
    assert again.frame.equals(rest.frame)
    assert pilot.estimate.cost_usd == pytest.approx(40 * PRICE_USD, rel=0.05)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("What tone?", "What tone? "),
        ("What tone?", "\n  What tone?\n\n"),
        ("What tone?\nBe brief.", "What tone?\t \r\nBe brief.\n"),
        ("{t}: What\n  tone?", "{t}: What  \n  tone? "),
    ],
)
def test_a_blank_that_nobody_sees_asks_nothing_again(
    serve: Any, session: Any, first: str, second: str
) -> None:
    service, table = serve(), pd.DataFrame({"t": ["good", "bad"]})

    session(service).map(first, table, as_=TONE)
    again = session(service).map(second, table, as_=TONE)

    assert (again.asked, len(service.bodies)) == (0, 2)


def test_a_run_goes_on_with_what_is_left(serve: Any, session: Any) -> None:
    service = serve()
    values = [f"row {n}" for n in range(30)]
    pilot = session(service).map("What tone?", values, as_=TONE, sample=5)

    assert pilot.resume().left == 0
    assert set(service.asked.values()) == {1}


@pytest.mark.parametrize("sample", [3, 7])
def test_a_sample_of_more_rows_than_there_are_asks_each_once(
    serve: Any, session: Any, sample: int
) -> None:
    service = serve()

    rows = session(service).map("Tone?", ["a", "b", "c"], as_=TONE, sample=sample)

    assert service.asked == {"a": 1, "b": 1, "c": 1}
    assert rows.left == 0


EMPTY = [
    *(None, "", "  ", float("nan"), pd.NA, pd.NaT),
    *(np.float32("nan"), np.datetime64("NaT", "ns"), Decimal("NaN"), Decimal("sNaN")),
]


@pytest.mark.parametrize("value", EMPTY)
def test_what_is_empty_is_not_asked(serve: Any, session: Any, value: Any) -> None:
    service = serve()

    rows = session(service).map("What tone?", [value, "good"], as_=TONE)

    assert service.asked == {"good": 1}
    assert rows.frame._note.tolist() == ["empty", pd.NA]
    assert rows.frame.tone.isna().tolist() == [True, False]


@pytest.mark.parametrize("values", [[], [None, ""], pd.DataFrame({"a": []})])
def test_where_nothing_is_asked_nothing_is_paid(
    serve: Any, session: Any, values: Any
) -> None:
    rows = session(serve()).map("Tone?", values, as_=TONE)

    assert (rows.cost_usd, len(rows.frame)) == (0.0, len(values))
    assert "cost unknown" not in rows.summary()


LONG = np.arange(2_000)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (LONG, json.dumps(LONG.tolist())),
        (np.array([1 / 3, np.nan]), "[0.3333333333333333, NaN]"),
        (np.eye(2, dtype=int), "[[1, 0], [0, 1]]"),
        (np.array(["2026-02-28"], dtype="datetime64[ns]"), '["2026-02-28T00:00:00.000'),
        ({"at": np.int64(3), "when": pd.NaT}, '{"at": 3, "when": null}'),
        (np.float32(0.1), "0.1"),
        (pd.Period("2026-02"), "2026-02"),
        (pd.Interval(0, 1), "(0, 1]"),
        (PurePosixPath("a/b"), "a/b"),
    ],
)
def test_a_value_goes_out_as_a_whole(
    serve: Any, session: Any, value: Any, text: str
) -> None:
    service = serve()

    session(service).map("Tone?", [value, "good"], as_=TONE)

    (sent,) = service.asked.keys() - {"good"}
    assert sent.startswith(text)


def test_arrays_that_differ_in_their_middle_are_two_rows(
    serve: Any, session: Any
) -> None:
    other = LONG.copy()
    other[1_000] = -1
    service = serve()

    rows = session(service).map("Tone?", pd.Series([LONG, other]), as_=TONE)

    assert (rows.asked, rows.equal) == (2, 0)


@pytest.mark.parametrize(
    "value",
    [
        {(1, 2): 3},
        {date(2026, 1, 1): 1},
        [{1, 2}],
        [b"x"],
        np.bytes_(b"x"),
        [[object()]],
    ],
)
def test_what_has_no_text_is_refused_and_nothing_sent(
    serve: Any, session: Any, value: Any
) -> None:
    service = serve()

    with pytest.raises(NemotronError, match="has no text that could be sent"):
        session(service).map("Tone?", ["good", value], as_=TONE)

    assert not service.asked


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([1, 1, 1]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["x", "y"]),
        pd.Index(["c", "a", "b"], name="who"),
        pd.date_range("2026-01-01", periods=3),
    ],
)
@pytest.mark.parametrize(
    "values", [["good", "bad", None], pd.Categorical(["bad", "bad", "good"])]
)
def test_index_and_order_are_those_of_the_input(
    serve: Any, session: Any, index: pd.Index, values: Any
) -> None:
    series = pd.Series(values, index=index)

    frame = session(serve()).map("Tone?", series, as_="tone: good|bad").frame

    assert frame.index.equals(series.index)
    assert frame.index.names == series.index.names
    told = [None if pd.isna(one) else one for one in frame.tone]
    assert told == [None if pd.isna(one) else one for one in values]


def renumber_it(table: Any) -> None:
    table.index = [5, 3, 7]


def lengthen_it(table: Any) -> None:
    table.loc[9] = ["good d"]


def rename_it(table: Any) -> None:
    table.index.name = "other"


@pytest.mark.parametrize("change", [renumber_it, lengthen_it, rename_it])
def test_what_becomes_of_the_input_later_changes_no_answer(
    serve: Any, session: Any, change: Callable[[Any], None]
) -> None:
    table = pd.DataFrame({"t": ["bad a", "good b", "bad c"]}, index=[7, 3, 5])

    rows = session(serve()).map("Tone?", table, as_="tone: good|bad")
    change(table)

    assert rows.frame.tone.to_dict() == {7: "bad", 3: "good", 5: "bad"}
    assert rows.frame.index.name is None
    assert [row.index for row in rows] == [7, 3, 5]


def test_a_list_may_change_later(serve: Any, session: Any) -> None:
    values = ["bad a", "good b"]

    rows = session(serve()).map("Tone?", values, as_="tone: good|bad", label=["a", "b"])
    values[0] = "other"

    assert "| 0 | bad a | a | bad |" in rows.scores()


def test_polars_comes_back_as_polars(serve: Any, session: Any) -> None:
    table = pl.DataFrame({"title": ["good", "bad"], "body": ["a", None], "n": [1, 2]})

    out = session(serve()).map(
        "{title}: {body}", table, as_="tone: good|bad, n int, x float, y bool, d date?"
    )

    assert isinstance(out.frame, pl.DataFrame)
    assert out.frame["tone"].to_list() == ["good", "bad"]
    assert out.frame.schema["tone"] == pl.Enum(["good", "bad"])
    assert out.frame.schema["d"] == pl.Date


def test_dates_and_lists_have_columns_of_their_own(serve: Any, session: Any) -> None:
    answers = [{"at": "2026-02-28", "tags": ["x"]}, {"at": None, "tags": []}]
    found = {"one": json.dumps(answers[0]), "two": json.dumps(answers[1])}
    service = serve(answer=lambda row, body: (200, {}, found[row]))
    spec = "at date?, tags list: x|y"

    frame = session(service).map("When?", pd.Series(["one", "two"]), as_=spec).frame
    as_polars = session(service).map("When?", pl.Series(["one", "two"]), as_=spec)

    assert [str(frame[name].dtype) for name in ("at", "tags")] == [
        "datetime64[s]",
        "object",
    ]
    assert frame["at"].tolist() == [pd.Timestamp(2026, 2, 28), pd.NaT]
    assert frame.tags.tolist() == [["x"], []]
    assert as_polars.frame["at"].to_list() == [date(2026, 2, 28), None]
    assert as_polars.frame["tags"].to_list() == [["x"], []]


@pytest.mark.parametrize(
    ("spec", "answers", "truth", "share"),
    [
        ("n int", [4, 5], pd.Series([4.0, None]), "1 of 1"),
        ("n int", [4, 5, 6], ["4", Decimal("5.0"), np.int64(7)], "2 of 3"),
        ("x float", [2.5, 3], [2.5, 3], "2 of 2"),
        ("ok bool", [True, False, True], ["true", 0, False], "2 of 3"),
        ("ok bool", [True, True], pd.Series([1.0, None]), "1 of 1"),
        ("at date", ["2026-02-28"], pd.to_datetime(["2026-02-28"]), "1 of 1"),
        ("at date", ["2026-02-28"], [date(2026, 2, 27)], "0 of 1"),
        ("tags list: a|b", [["a", "b"], []], [["B", "a"], ["a"]], "1 of 2"),
        ("c", ["Köln", "rome"], ["köln ", "Rome"], "2 of 2"),
    ],
)
def test_a_truth_of_any_type_is_compared(
    serve: Any, session: Any, spec: str, answers: list[Any], truth: Any, share: str
) -> None:
    name = spec.split()[0]
    told = {f"r{n}": json.dumps({name: one}) for n, one in enumerate(answers)}
    service = serve(lambda row, body: (200, {}, told[row]))

    rows = session(service).map("What?", list(told), as_=spec, label=truth)

    assert rows.scores().startswith(f"{share} agree: accuracy")
    # Precision and recall compare as accuracy does.
    assert ("100.0%" in rows.scores()) is not share.startswith("0")


def test_what_is_taken_for_another_most_often_is_shown_first(
    serve: Any, session: Any
) -> None:
    answers = {"r0": "a", "r1": "b", "r2": "b", "r3": "a"}
    told = {row: json.dumps({"c": one}) for row, one in answers.items()}
    service = serve(lambda row, body: (200, {}, told[row]))

    rows = session(service).map("?", [*told], as_="c", label=["x", "y", "y", "a"])

    assert [line[:9] for line in rows.scores().splitlines()[-3:]] == [
        "| 1 | r1 ",
        "| 2 | r2 ",
        "| 0 | r0 ",
    ]


@pytest.mark.parametrize("state", [RowState.SENT, RowState.UNKNOWN, RowState.INVALID])
def test_a_row_without_an_answer_has_an_error(state: RowState) -> None:
    row = row_of(3, AnswerRecord(b"key", state, value='{"tone": "good"}'))

    assert (row.index, row.value) == (3, None)
    assert row.error == "no answer came; it may have been billed"


def test_only_the_columns_that_are_named_go_out(serve: Any, session: Any) -> None:
    service = serve()
    table = pd.DataFrame(
        {"title": ["A", "{body}"], "body": ["x", "y"], "secret": ["s1", "s2"]}
    )

    session(service).map('{"a": {title}} of {body} {other}', table, as_="tone: a|b")

    sent = [json.loads(one)["messages"][-1]["content"] for one in service.bodies]
    assert sorted(sent) == ['{"a": A} of x {other}', '{"a": {body}} of y {other}']


@pytest.mark.parametrize(
    ("instruction", "near"),
    [
        ("{reveiw}: what tone?", "{review}"),
        ("{Review}?", "{review}"),
        ("{ review } is what?", "{review}"),
        ("{{ review }} is what?", "{review}"),
        ("{review} by {auther name}?", "{author name}"),
    ],
)
def test_a_column_that_is_misspelled_is_no_text(
    serve: Any, session: Any, instruction: str, near: str
) -> None:
    service = serve()
    table = pd.DataFrame({"review": ["good"], "author name": ["Ann"]})

    with pytest.raises(NemotronError, match="there is no column") as caught:
        session(service).map(instruction, table, as_=TONE)

    assert caught.value.hint == f"Did you mean: {near}"
    assert not service.asked


@pytest.mark.parametrize("text", ["{t} is {truth}?", "{truth}"])
def test_a_truth_is_not_sent_in_braces_either(
    serve: Any, session: Any, text: str
) -> None:
    service = serve()
    table = pd.DataFrame({"t": ["x"], "truth": ["good"]})

    with pytest.raises(NemotronError, match="holds the truth, which is not sent"):
        session(service).map(text, table, as_=TONE, label="truth")

    assert not service.asked


@pytest.mark.parametrize("braces", ['{"a": 1}', "{x}", "{{}}", "{language}", "{0}"])
def test_other_braces_go_out_as_they_stand(
    serve: Any, session: Any, braces: str
) -> None:
    service = serve()

    session(service).map(f"{braces} {{t}}", pd.DataFrame({"t": ["good"]}), as_=TONE)

    assert f"{braces} good".encode() in service.bodies[0].replace(b'\\"', b'"')


def test_without_prices_a_run_says_its_tokens(serve: Any, session: Any) -> None:
    service = serve(price_usd=None)
    service.page = lambda path: {"data": []}

    rows = session(service).map("Tone?", ["good", "bad"], as_=TONE)

    assert "2 rows · 2 asked · cost unknown, 120 tokens · " in rows.summary()


def test_a_frame_without_a_name_in_the_text_goes_out_by_column(
    serve: Any, session: Any
) -> None:
    service = serve()

    session(service).map("Tone?", pd.DataFrame({"a": [1], "b": ["x"]}), as_="tone: a|b")

    sent = json.loads(service.bodies[0])["messages"][-1]["content"]
    assert sent == "Tone?\n\na: 1\nb: x"


def test_too_many_columns_are_refused(serve: Any, session: Any) -> None:
    service = serve()
    wide = pd.DataFrame({f"c{n}": ["x"] for n in range(6)})

    with pytest.raises(NemotronError, match="all 6 columns would be sent"):
        session(service).map("Tone?", wide, as_=TONE)

    assert not service.asked


def test_secrets_are_taken_out_of_each_row(serve: Any, session: Any) -> None:
    service = serve()
    key = "sk-" + "a1B2c3D4e5F6g7H8" * 2

    rows = session(service).map("Tone?", [f"my key is {key}"], as_=TONE)

    assert key.encode() not in service.bodies[0]
    assert rows.redacted == 1


def bad(row: str, body: dict[str, Any]) -> Answer:
    return 200, {}, json.dumps({"tone": "sour", "why": "x"})


def test_a_bad_answer_is_repaired_once_or_told(serve: Any, session: Any) -> None:
    service = serve(bad)

    rows = session(service).map("Tone?", ["one"], as_=TONE)
    session(service).map("Tone?", ["one"], as_=TONE)

    assert sum(service.asked.values()) == 2
    (row,) = rows
    assert row.error == "invalid: tone 'sour' is not one of good, bad"
    assert row.cost_usd == pytest.approx(2 * PRICE_USD)
    service.answer = good
    again = session(service).map("Tone?", ["one"], as_=TONE, again="errors")
    assert again.errors == ()
    assert again.cost_usd == pytest.approx(3 * PRICE_USD)


@pytest.mark.parametrize("status", [400, 402])
def test_a_bad_answer_whose_repair_is_refused_is_not_paid_for_again_unasked(
    serve: Any, session: Any, status: int
) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        return bad(row, body) if len(body["messages"]) == 2 else (status, {}, "no")

    service = serve(answer)
    found = []
    for _ in range(2):
        try:
            found.append(session(service).map("Tone?", ["one"], as_=TONE))
        except NemotronError as error:
            found.append(error.rows)

    assert len(service.bodies) == 2
    told = [(rows.left, rows.errors[0].error) for rows in found]
    assert told[0] == told[1]
    assert told[0][1].startswith("invalid: tone 'sour' is not one of good, bad; asked")
    assert [rows.states for rows in found] == [{RowState.INVALID: 1}] * 2
    service.answer = good
    again = session(service).map("Tone?", ["one"], as_=TONE, again="errors")
    assert (again.errors, again.cost_usd) == ((), pytest.approx(2 * PRICE_USD))


def test_a_repair_that_waits_for_its_turn_is_still_one(
    serve: Any, session: Any
) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        if len(body["messages"]) == 2:
            return bad(row, body)
        turns.append(row)
        return (429, {"Retry-After": "0.1"}, "") if len(turns) < 3 else good(row, body)

    turns: list[str] = []

    rows = session(serve(answer)).map("Tone?", ["one"], as_=TONE)

    assert len(turns) == 3
    assert (rows.errors, [row.note for row in rows]) == ((), ["asked again"])


def test_an_answer_that_the_type_takes_no_more_is_told(
    serve: Any, session: Any
) -> None:
    @dataclass
    class Judged:
        tone: str

        def __post_init__(self) -> None:
            if self.tone in forbidden:
                raise ValueError("too vague")

    forbidden: list[str] = []
    rows = session(serve()).map("Tone?", ["soap", "tea"], as_=Judged)
    before = [row.value.tone for row in rows]
    forbidden.append(before[0])

    after = [(row.value, row.error) for row in rows]

    assert after[0] == (None, "invalid: ValueError: too vague")
    assert after[1] == (Judged(before[1]), "")


def test_a_repaired_answer_is_one(serve: Any, session: Any) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        return (bad if len(body["messages"]) == 2 else good)(row, body)

    service = serve(answer)
    rows = session(service).map("Tone?", ["good"], as_=TONE)

    assert [(one.error, one.note) for one in rows] == [("", "asked again")]
    assert rows.cost_usd == pytest.approx(2 * PRICE_USD)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (
            ("stop", {"content": None, "refusal": "I cannot judge people."}),
            "invalid: the model refused: “I cannot judge people.”",
        ),
        (
            ("content_filter", ""),
            "invalid: the service's content filter stopped the answer",
        ),
    ],
)
def test_what_was_blocked_is_asked_once_in_the_same_form(
    serve: Any, session: Any, told: Any, why: str
) -> None:
    service = serve(lambda row, body: (200, {}, told))

    rows = session(service).map("Tone?", [f"r{n}" for n in range(8)], as_=TONE)

    assert {row.error for row in rows} == {why}
    assert set(service.asked.values()) == {1}
    asked = [json.loads(body)["response_format"]["type"] for body in service.bodies]
    assert asked == ["json_schema"] * 8


@pytest.mark.parametrize("ending", ["content_filter", "stop"])
def test_a_value_counts_whatever_ended_the_reply(
    serve: Any, session: Any, ending: str
) -> None:
    told = (ending, '{"tone": "good", "why": "x"}')
    service = serve(lambda row, body: (200, {}, told))

    rows = session(service).map("Tone?", ["a"], as_=TONE)

    assert (rows.errors, rows.frame.tone.tolist()) == ((), ["good"])


@pytest.mark.parametrize("half", ["\\ud83d", "\\udc00 x"])
def test_half_a_character_in_an_answer_loses_no_other(
    serve: Any, session: Any, half: str
) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        odd = f'{{"tone": "good", "why": "so {half}"}}'
        return (200, {}, odd) if row == "r3" else good(row, body)

    service = serve(answer)
    values = [f"r{n}" for n in range(8)]
    rows = session(service).map("Tone? \udc00", values, as_=TONE, name="\ud83d")
    again = session(service).map("Tone? \udc00", values, as_=TONE)

    assert rows.errors == ()
    assert again.frame.why[3].startswith("so \ufffd")
    assert set(service.asked.values()) == {1}


@pytest.mark.parametrize("name", ["_error", "_note", "_cost_usd"])
def test_no_field_takes_the_place_of_a_column_of_the_frame(
    serve: Any, session: Any, name: str
) -> None:
    with pytest.raises(NemotronError, match=f"a field cannot be called {name}"):
        session(serve()).map("Tone?", ["a"], as_={name: str, "tone": str})


def test_a_reply_that_was_cut_off_gets_more_room_and_is_not_repaired(
    serve: Any, session: Any
) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        is_short = body["max_tokens"] < 400
        return 200, {}, ("length", '{"tone": "go') if is_short else good(row, body)[2]

    service = serve(answer)
    rows = session(service).map("Tone?", ["good"], as_=TONE)

    lengths = [json.loads(one)["max_tokens"] for one in service.bodies]
    assert lengths == [208, 832]
    assert rows.errors == ()


def test_a_form_that_is_refused_is_asked_for_in_words(serve: Any, session: Any) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        if "response_format" in body:
            return 400, {}, "response_format is not supported"
        return 200, {}, '```json\n{"tone": "good", "why": "x"}\n```'

    service = serve(answer)
    one = session(service)
    rows = one.map("Tone?", [f"r{n}" for n in range(40)], as_=TONE, at_once=4)
    before = sum(service.refused.values())
    one.map("Tone??", ["r1"], as_=TONE)

    assert rows.errors == ()
    assert before <= 8
    assert sum(service.refused.values()) == before


@pytest.mark.parametrize(
    ("status", "said"), [(401, "AuthenticationError"), (402, "CreditError")]
)
def test_what_would_meet_every_row_stops_at_once(
    serve: Any, session: Any, status: int, said: str
) -> None:
    service = serve(lambda row, body: (status, {}, "no"))

    with pytest.raises(NemotronError) as caught:
        session(service).map("Tone?", [f"r{n}" for n in range(99)], as_=TONE, at_once=4)

    assert type(caught.value).__name__ == said
    assert sum(service.asked.values()) <= 8
    assert caught.value.rows.left >= 91
    assert caught.value.rows.frame.shape[0] == 99


def test_three_equal_refusals_before_any_answer_stop(serve: Any, session: Any) -> None:
    service = serve(lambda row, body: (400, {}, "temperature is out of range"))

    with pytest.raises(NemotronError, match="temperature"):
        session(service).map("Tone?", [f"r{n}" for n in range(99)], as_=TONE, at_once=2)

    assert sum(service.asked.values()) <= 5


@pytest.mark.parametrize("status", [400, 403, 413, 422])
@pytest.mark.parametrize("refused", ["r0", "r17"])
def test_a_row_that_alone_is_refused_stops_no_other(
    serve: Any, session: Any, status: int, refused: str
) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        return (status, {}, "not this one") if row == refused else good(row, body)

    service = serve(answer)
    values = [f"r{n}" for n in range(30)]
    rows = session(service).map("Tone?", values, as_=TONE, at_once=2)
    again = session(service).map("Tone?", values, as_=TONE, at_once=2)

    for one in (rows, again):
        assert [values[row.index] for row in one.errors] == [refused]
        assert one.left == 1
    assert sum(service.answered.values()) == 29
    assert service.asked[refused] == 2


@pytest.mark.parametrize("refused", [["r0"], ["r0", "r17", "r29"]])
def test_a_row_that_the_service_never_takes_stops_no_other(
    serve: Any, session: Any, refused: list[str]
) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        if row in refused:
            return 503, {"Retry-After": "0.01"}, "cannot be served"
        return good(row, body)

    service = serve(answer)
    values = [f"r{n}" for n in range(30)]
    rows = session(service).map("Tone?", values, as_=TONE, at_once=2)

    assert [values[row.index] for row in rows.errors] == refused
    assert all("it said: cannot be served" in row.error for row in rows.errors)
    assert (rows.left, sum(service.answered.values())) == (len(refused), 30 - rows.left)
    assert {service.asked[one] for one in refused} == {6}


@pytest.mark.parametrize("many", [1, 3, 30])
def test_a_service_that_is_down_stops_the_run(
    serve: Any, session: Any, many: int
) -> None:
    service = serve(lambda row, body: (503, {"Retry-After": "0.01"}, "down"))
    values = [f"r{n}" for n in range(many)]

    with pytest.raises(NemotronError, match="503") as caught:
        session(service).map("Tone?", values, as_=TONE, at_once=2)

    assert caught.value.rows.left == len(values)
    assert sum(service.asked.values()) <= 12


@pytest.mark.parametrize(
    ("status", "why"), [(429, "too many requests at "), (503, "failed (503)")]
)
def test_a_run_that_waits_says_what_for(
    serve: Any, session: Any, status: int, why: str
) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        turns.append(row)
        is_first = len(turns) == 1
        return (status, {"Retry-After": "1"}, "") if is_first else good(row, body)

    turns: list[str] = []
    told: list[Any] = []

    session(serve(answer)).map("T?", ["a"], as_=TONE, watch=told.append)

    (waiting, *_) = [one.waiting for one in told if one.waiting]
    assert waiting.startswith("waiting 1 s: ")
    assert why in waiting


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("wait_s", ["86400", "1000000000"])
def test_a_wait_that_nobody_would_wait_for_stops_the_run(
    serve: Any, session: Any, status: int, wait_s: str
) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        is_good = row in ("r0", "r1")
        return good(row, body) if is_good else (status, {"Retry-After": wait_s}, "no")

    service = serve(answer)
    with pytest.raises(NemotronError, match="It asks to wait") as caught:
        session(service).map("Tone?", [f"r{n}" for n in range(9)], as_=TONE, at_once=2)

    assert caught.value.rows.left == 7
    assert max(service.asked.values()) == 1


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"rpm": "5"}, "rpm must be a number above 0, got '5'"),
        ({"tpm": True}, "tpm must be a number above 0, got True"),
        ({"sample": 2.5}, "sample must be a whole number above 0, got 2.5"),
        ({"at_once": "5"}, "at_once must be from 1 to 256, got '5'"),
        ({"at_once": None}, "at_once must be from 1 to 256, got None"),
    ],
)
def test_a_limit_that_is_no_number_is_named(
    serve: Any, session: Any, what: dict[str, Any], why: str
) -> None:
    with pytest.raises(NemotronError, match=why):
        session(serve()).map("Tone?", ["a"], as_=TONE, **what)


@pytest.mark.parametrize("listed", [True, False])
def test_a_limit_of_tokens_is_kept_with_and_without_a_price(
    serve: Any, session: Any, listed: bool
) -> None:
    service = serve()
    if not listed:
        service.page = lambda path: {"data": []}

    session(service).map("Tone?", list("abcd"), as_=TONE, tpm=40_000)

    assert service.times[-1] - service.times[0] > 0.5


@pytest.mark.parametrize(
    ("limit", "how"),
    [
        ("max_cost_usd", "Allow more: --max-cost …, or"),
        ("session_budget_usd", "Allow more: %config Nemotron.session_budget_usd = …"),
        ("daily_budget_usd", "Allow more: %config Nemotron.daily_budget_usd = …"),
    ],
)
def test_the_limit_that_stops_a_run_is_the_one_to_raise(
    serve: Any, session: Any, limit: str, how: str
) -> None:
    one = session(serve(), **{limit: 10 * PRICE_USD})

    with pytest.raises(NemotronError) as caught:
        one.map("Tone?", [f"r{n}" for n in range(30)], as_=TONE, at_once=2)

    assert caught.value.hint.startswith(how)
    assert "run it again" in caught.value.hint


@pytest.mark.parametrize("empty", [1, 2])
def test_an_empty_answer_costs_what_the_service_says(
    serve: Any, session: Any, empty: int
) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        return (200, {}, "") if len(service.bodies) <= empty else good(row, body)

    service = serve(answer)
    rows = session(service).map("Tone?", ["good"], as_=TONE)

    assert len(service.bodies) == 2
    assert rows.cost_usd == pytest.approx(service.spent_usd)
    assert len(rows.errors) == empty - 1


def test_a_run_stops_when_most_rows_fail(serve: Any, session: Any) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        return good(row, body) if row == "r0" else bad(row, body)

    service = serve(answer)
    with pytest.raises(NemotronError, match="rows failed, so the run") as caught:
        session(service).map("Tone?", [f"r{n}" for n in range(99)], as_=TONE, at_once=2)

    assert len(caught.value.rows.errors) >= 10
    assert sum(service.asked.values()) < 60


def test_a_run_that_lost_most_answers_says_how_to_ask_for_them(
    serve: Any, session: Any
) -> None:
    service = serve(lambda row, body: (500, {}, "broken"))

    with pytest.raises(NemotronError, match="rows failed") as caught:
        session(service).map("Tone?", [f"r{n}" for n in range(99)], as_=TONE, at_once=2)

    assert "--again billed" in caught.value.hint


@pytest.mark.parametrize("status", [500, 504])
def test_what_may_have_been_billed_is_asked_again_only_by_the_user(
    serve: Any, session: Any, status: int
) -> None:
    service = serve(lambda row, body: (status, {}, "broken"))
    first = session(service).map("Tone?", ["a", "b"], as_=TONE)
    service.answer = good
    second = session(service).map("Tone?", ["a", "b"], as_=TONE)
    assert service.asked == {"a": 1, "b": 1}
    told = [one.error.count("may have been billed") for one in (*first, *second)]
    assert told == [1, 1, 1, 1]

    third = session(service).map("Tone?", ["a", "b"], as_=TONE, again=["billed"])

    assert third.errors == ()
    assert service.asked == {"a": 2, "b": 2}


def test_refused_rows_are_sent_until_they_are_taken(serve: Any, session: Any) -> None:
    refused: set[str] = set()

    def answer(row: str, body: dict[str, Any]) -> Answer:
        if row in refused:
            return good(row, body)
        refused.add(row)
        return 429, {"Retry-After": "0.05"}, "slow down"

    service = serve(answer)
    rows = session(service).map("Tone?", [f"r{n}" for n in range(20)], as_=TONE)

    assert rows.errors == ()
    assert set(service.answered.values()) == {1}


@pytest.mark.parametrize(
    ("refused", "after"), [(["r3"], {}), (["r0", "r28", "r29"], {"Retry-After": "20"})]
)
def test_the_last_rows_are_left_if_only_they_are_refused(
    serve: Any, session: Any, refused: list[str], after: dict[str, str]
) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        return (429, after, "slow down") if row in refused else good(row, body)

    def clock_s() -> float:  # of a day that has but some minutes
        return 100 * time.monotonic()

    service, values = serve(answer), [f"r{n}" for n in range(30)]
    ask = session(service, clock_s=clock_s).map
    rows = ask("Tone?", values, as_=TONE, at_once=2)
    service.answer = good
    again = ask("Tone?", values, as_=TONE)

    assert [values[row.index] for row in rows.errors] == refused
    assert rows.states[RowState.REFUSED] == rows.left == len(refused)
    assert rows.cost_usd == pytest.approx((30 - len(refused)) * PRICE_USD)
    assert (again.asked, again.left) == (len(refused), 0)


@pytest.mark.parametrize(("many", "after_s"), [(1, 100), (3, 240)])
def test_a_last_row_is_asked_again_when_the_service_says_so(
    serve: Any, session: Any, many: int, after_s: int
) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        if row == values[-1] and service.asked[row] == 1:
            return 429, {"Retry-After": str(after_s)}, "slow down"
        return good(row, body)

    def clock_s() -> float:  # of a day that has but some minutes
        return 200 * time.monotonic()

    service, values = serve(answer), [f"r{n}" for n in range(many)]
    ask = session(service, clock_s=clock_s).map
    rows = ask("Tone?", values, as_=TONE, at_once=1)

    assert (rows.errors, rows.stopped, rows.left) == ((), None, 0)
    assert service.answered == dict.fromkeys(values, 1)


def test_the_ledger_has_one_row_for_a_run_with_its_sums(
    serve: Any, session: Any
) -> None:
    service = serve()
    one = session(service)

    one.map("Tone?", [f"r{n}" for n in range(50)], as_=TONE)

    (call,) = one.accounting.ledger.last()
    assert call.cost_usd == pytest.approx(50 * PRICE_USD)
    assert (call.prompt_tokens, call.completion_tokens) == (2500, 500)
    assert call.ending == "complete"
    assert one.accounting.ledger.of_session().cost_usd == pytest.approx(50 * PRICE_USD)


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [4, 32])
def test_a_budget_is_kept_by_the_service_s_own_sum(
    serve: Any, session: Any, at_once: int
) -> None:
    service = serve()
    values = [f"row {n}" for n in range(900)]

    with pytest.raises(NemotronError, match="no room for another row") as caught:
        session(service).map(
            "Tone?", values, as_=TONE, max_cost_usd=0.01, at_once=at_once
        )

    assert service.spent_usd <= 0.01 + at_once * PRICE_USD
    assert service.spent_usd >= 0.0095
    assert caught.value.rows.left == 900 - sum(service.answered.values())


@pytest.mark.slow
def test_a_limit_of_requests_is_kept_by_the_service_s_own_count(
    serve: Any, session: Any
) -> None:
    service = serve()
    values = [f"row {n}" for n in range(60)]

    session(service).map("Tone?", values, as_=TONE, rpm=1200, at_once=64)

    spans = [b - a for a, b in zip(service.times, service.times[20:], strict=False)]
    assert min(spans) >= 0.0
    assert max(service.times) - min(service.times) >= 0.9 * (60 - 20) / 20


SCRIPT = """
import sys
from nemotron_magic import NemotronError, Session
values = [f"row {n}" for n in range(int(sys.argv[2]))]
session = Session(base_url=sys.argv[1], model="m")
try:
    how = {"as_": "tone: good|bad", "at_once": 32, **eval(sys.argv[3])}
    rows = session.map("Tone?", values, **how)
except NemotronError as error:
    print(type(error).__name__, error.rows.left, len(error.rows.errors))
else:
    told = sorted(row.index for row in rows if "may have been billed" in row.error)
    print(rows.left, told)
"""


def start(
    service: CountingService, home: Path, many: int, how: str = "{}"
) -> subprocess.Popen[str]:
    """Run a script that asks so many rows, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, service.url, str(many), how],
        env={**os.environ, "NEMOTRON_MAGIC_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_until(is_so: Callable[[], bool], limit_s: float = 30.0) -> None:
    end_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end_s
        threading.Event().wait(0.01)


@pytest.mark.slow
def test_after_a_kill_only_what_was_never_sent_is_asked(
    serve: Any, tmp_path: Path
) -> None:
    service = serve(wait_s=0.05)
    first = start(service, tmp_path, 1000)
    wait_until(lambda: sum(service.answered.values()) >= 300)
    service.gate.clear()
    wait_until(lambda: service.under_way >= 30)
    first.kill()
    first.communicate()
    under_way = {row for row, n in service.asked.items() if not service.answered[row]}
    service.gate.set()
    wait_until(lambda: service.under_way == 0)

    again = start(service, tmp_path, 1000)
    told, _ = again.communicate(timeout=60)

    left, billed = told.strip().split(" ", 1)
    assert left == "0"
    assert max(service.asked.values()) == 1
    lost = {f"row {n}" for n in json.loads(billed)}
    # What was written down as sent in the last moment may never have arrived.
    assert {*service.asked} | lost == {f"row {n}" for n in range(1000)}
    # What came back in the last moment may not have been written down.
    assert under_way <= lost
    assert len(lost) <= 32


@pytest.mark.slow
@pytest.mark.parametrize("presses", [1, 2])
def test_an_interrupt_lets_what_is_under_way_land_or_drops_it(
    serve: Any, tmp_path: Path, presses: int
) -> None:
    service = serve(wait_s=0.05)
    running = start(service, tmp_path, 500)
    wait_until(lambda: sum(service.answered.values()) >= 100)
    service.gate.clear()
    threading.Event().wait(0.3)  # until no more are answered
    wait_until(lambda: service.under_way >= 32)
    running.send_signal(signal.SIGINT)
    threading.Event().wait(0.5)
    asked = sum(service.asked.values())
    if presses == 1:
        service.gate.set()
    else:
        running.send_signal(signal.SIGINT)
    told, _ = running.communicate(timeout=8)

    assert sum(service.asked.values()) == asked
    lost = 0 if presses == 1 else 32
    assert told.split() == ["InterruptedByUser", str(500 - asked), str(lost)]
    service.gate.set()
    rest, _ = start(service, tmp_path, 500).communicate(timeout=60)
    assert rest.startswith("0 ")
    assert max(service.asked.values()) == 1


@pytest.mark.slow
def test_two_kernels_on_one_task_ask_no_row_twice(serve: Any, tmp_path: Path) -> None:
    service = serve(wait_s=0.02)
    both = [start(service, tmp_path, 400) for _ in range(2)]

    told = [one.communicate(timeout=60)[0].strip() for one in both]

    assert told == ["0 []", "0 []"]
    assert len(service.asked) == 400
    assert max(service.asked.values()) == 1


@pytest.mark.slow
def test_a_bucket_of_twenty_a_second_refuses_hardly_anything(
    serve: Any, session: Any
) -> None:
    left, seen_s = 20.0, time.monotonic()
    lock = threading.Lock()

    def answer(row: str, body: dict[str, Any]) -> Answer:
        nonlocal left, seen_s
        with lock:
            now_s = time.monotonic()
            left, seen_s = min(20.0, left + (now_s - seen_s) * 20), now_s
            if left < 1:
                late.append((now_s, True))
                return 429, {"Retry-After": "1"}, "slow down"
            left -= 1
            late.append((now_s, False))
        return good(row, body)

    late: list[tuple[float, bool]] = []
    service = serve(answer, wait_s=0.1)
    rows = session(service).map("Tone?", [f"r{n}" for n in range(200)], as_=TONE)

    begun_s = late[0][0]
    refused = [is_so for now_s, is_so in late if now_s > begun_s + 3]
    assert rows.errors == ()
    assert max(service.answered.values()) == 1
    assert sum(refused) <= max(0.05 * len(refused), 2)


def test_a_broken_store_loses_no_answer(
    serve: Any, session: Any, tmp_path: Path
) -> None:
    service = serve()
    one = session(service)
    one.map("Tone?", ["a"], as_=TONE)
    place = tmp_path / "rows.sqlite"
    place.write_bytes(b"broken" * 1000)

    rows = one.map("Tone?", ["a", "b", "c"], as_=TONE)

    assert rows.errors == ()
    assert rows.left == 0


def test_the_ledger_counts_no_cost_for_what_was_refused(
    serve: Any, session: Any
) -> None:
    one = session(serve(lambda row, body: (401, {}, "no")))

    with pytest.raises(NemotronError):
        one.map("Tone?", ["a", "b"], as_=TONE)

    totals = one.accounting.ledger.of_session()
    assert (totals.calls, totals.billable, totals.failed) == (1, 0, 1)


def test_the_ledger_counts_what_lost_answers_may_have_cost(
    serve: Any, session: Any
) -> None:
    def answer(row: str, body: dict[str, Any]) -> Answer:
        return (500, {}, "broken") if row == "a" else good(row, body)

    one = session(serve(answer), session_budget_usd=1.0)
    one.map("Tone?", ["a", "b"], as_=TONE)

    totals = one.accounting.ledger.of_session()
    assert totals.cost_usd == pytest.approx(PRICE_USD)
    assert totals.pending_usd > PRICE_USD


@pytest.mark.parametrize("minutes", [1, 3])
def test_each_minute_of_a_run_has_a_row_of_the_ledger(minutes: int) -> None:
    now = [100.0]
    means: Any = SimpleNamespace(ledger=Ledger(), clock_s=lambda: now[0])
    accounting = RunAccounting(means, CallRecord(model="m"), lambda *totals: None)
    for _ in range(minutes):
        accounting.add(Usage(50, 10, cost_usd=0.5), False, 0.0)
        now[0] += 61.0
        accounting.write()
    accounting.write(is_over=True)

    calls = means.ledger.last()[::-1]
    assert [call.cost_usd for call in calls] == [0.5] * minutes + [None]
    assert [call.ending for call in calls] == ["complete"] * minutes + ["failed"]
    assert means.ledger.of_session().cost_usd == 0.5 * minutes


def test_a_row_of_more_characters_than_the_model_reads_tokens_is_asked(
    serve: Any, session: Any
) -> None:
    service = serve()

    rows = session(service).map("Tone?", ["so long a row " * 3_000], as_=TONE)

    assert (len(service.bodies), rows.errors) == (1, ())


@pytest.mark.parametrize(("rpm", "least_s"), [(600, 1.0), (1200, 0.5)])
def test_what_all_rows_take_is_no_less_than_a_limit_of_requests(
    serve: Any, session: Any, rpm: int, least_s: float
) -> None:
    values = [f"r{n}" for n in range(10)]

    rows = session(serve()).map("Tone?", values, as_=TONE, sample=2, rpm=rpm)

    assert rows.estimate.duration_s == pytest.approx(least_s)


def test_a_row_that_the_model_cannot_read_is_told_and_not_cut(
    serve: Any, session: Any
) -> None:
    service = serve()
    long = "so long a row " * 10_000

    rows = session(service).map("Tone?", [long, "good"], as_=TONE)

    assert service.asked == {"good": 1}
    told = [row.error for row in rows]
    assert told[0].startswith("too long: about ")
    assert told[0].endswith("tokens, and the model reads 32,000")
    assert (told[1], rows.left) == ("", 1)
