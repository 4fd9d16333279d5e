"""The rehearsal plays an analyst by rule: what it says of a table, code that runs."""

from __future__ import annotations

from typing import Any

import pytest

from nemotron_magic.context.describe import describe
from nemotron_magic.markdown.parser import code_blocks
from nemotron_magic.rehearsal.notebook_replies import (
    Attachment,
    Table,
    reply_about,
    table_of,
)

pd = pytest.importorskip("pandas")

ORDERS = pd.DataFrame(
    {
        "region": ["North", "north ", "South", None] * 10,
        "price": [f"${n}.50" for n in range(40)],
        "day": [f"2025-01-{n % 28 + 1:02}" for n in range(40)],
        "when": pd.date_range("2025-01-01", periods=40, freq="W"),
        "units": [float(n) for n in range(40)],
        "email": [f"ann{n}@example.org" for n in range(40)],
    }
)


def table(name: str = "orders", **data: Any) -> Table:
    text = f"{name}: {describe(ORDERS, **data)}"
    found = table_of([Attachment("value", name, {"value": text})])
    assert found is not None
    return found


def run(reply: str, **names: Any) -> dict[str, Any]:
    namespace = {"orders": ORDERS, **names}
    (block,) = code_blocks(reply)
    exec(block.code, namespace)
    return namespace


def test_a_table_is_read_back_from_its_description() -> None:
    columns = {column.name: column for column in table().columns}

    assert table().rows == "40"
    assert columns["region"].findings == (
        "25.0% missing",
        "the same value is written in several ways",
    )
    assert columns["price"].findings == ("named like a number, kept as text",)
    assert columns["day"].findings == ("named like a date, kept as text",)
    assert {name: column.kind for name, column in columns.items()} == {
        **dict.fromkeys(["region", "price", "day", "email"], "text"),
        "when": "dates",
        "units": "numbers",
    }


@pytest.mark.parametrize(
    "attached",
    [
        (),
        (Attachment("value", "x", {"value": "x: int 3"}),),
        (
            Attachment(
                "cell", "cell 2", {"result": "pandas DataFrame, 1 row × 1 column"}
            ),
        ),
    ],
    ids=["nothing", "no table", "a table that is not named"],
)
def test_what_is_no_named_table_is_none(attached: tuple[Attachment, ...]) -> None:
    assert table_of(attached) is None


def test_every_reply_says_that_there_is_no_model_and_what_was_sent() -> None:
    reply = reply_about(table(), "what is wrong here?")

    assert reply.startswith("**Rehearsal: no model is behind this reply.**")
    assert "40 rows, of which none was sent" in reply
    assert "none was sent" not in reply_about(table(data="sample"), "what is wrong?")


def test_what_stands_out_is_told_and_the_code_mends_it() -> None:
    reply = reply_about(table(), "what is wrong, and what should be cleaned?")
    clean = run(reply)["clean"]

    assert "| `region` | text | 25.0% missing; the same value is written in" in reply
    assert set(clean["region"].dropna()) == {"North", "South"}
    assert clean["price"].tolist()[:2] == [0.5, 1.5]
    assert clean["day"].dtype.kind == "M"


def test_a_question_of_how_much_is_added_up() -> None:
    totals = run(reply_about(table(), "which region has most units?"))["totals"]

    assert totals.loc["South", "sum"] == ORDERS[ORDERS.region == "South"].units.sum()


@pytest.mark.parametrize(
    ("question", "said", "axis"),
    [
        ("plot units", "units by month, one line for each region", "y"),
        ("bars of units by region", "units for each region", "x"),
    ],
)
def test_a_plot_is_drawn_with_the_number_at_its_axis(
    question: str, said: str, axis: str
) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")

    ax = run(reply_about(table(), question))["ax"]

    assert ax.get_title() == said
    assert getattr(ax, f"get_{axis}label")() == "units"


def test_bars_have_their_names_one_below_another_however_long() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    names = [f"a rather long name of a region {n}" for n in range(8)] * 5
    orders = ORDERS.assign(region=names)

    reply = reply_about(table(), "bars of units by region")
    ax = run(reply, orders=orders)["ax"]

    assert sorted(one.get_text() for one in ax.get_yticklabels()) == names[:8]


def test_the_name_of_a_table_says_nothing_of_what_is_wanted() -> None:
    reply = reply_about(table("clean"), "which region has most units in `clean`?")

    assert "This adds up `units`" in reply
