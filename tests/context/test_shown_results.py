"""What an object of unknown class shows is told, but for lines that tell of people."""

from __future__ import annotations

import pytest

from nemotron_magic.context.describe import describe
from nemotron_magic.context.describe.base import LiveTables

CODE = "from toys import Gizmo\nvolatility = 3\nwho = 'Quimby'  # or zeb"
LIVE = LiveTables({"In": ["", CODE], "volatility": 3})


class Thing:
    pass


def told(text: str, data: str = "schema") -> str:
    return describe(Thing(), data=data, plain=text, live=LIVE)  # type: ignore[arg-type]


SUMMARY = """\
                            OLS Regression Results
==============================================================
Dep. Variable:             volatility   R-squared:       0.012
Method:                 Least Squares   F-statistic:     0.716
Date:                Sat, 28 Nov 2026   AIC:             301.2
--------------------------------------------------------------
                 coef    std err          t      P>|t|
Intercept      9.8330      0.718     13.518      0.000
C(customer)[T.Zebulon Quimby] 0.12   0.300       1.254
Omnibus:           2.100   Durbin-Watson:            2.004"""
TOLD = (
    "Portfolio(n=3, sharpe=1.25)",
    "x**2 + 2*x*y",
    "alt.Chart(...)",
    "Gizmo volatility: 0.25",
    "LinearModel(coef=[1.25, 2.5], intercept=0.75)",
    "Pipeline of steps: scale, fit",
)


@pytest.mark.parametrize("text", TOLD)
def test_what_it_shows_is_told(text: str) -> None:
    first, *lines = told(text).splitlines()

    assert first.endswith("Thing object, which shows:")
    assert lines == [f"  {text}"]


def test_a_summary_keeps_all_but_the_person() -> None:
    said = told(SUMMARY)

    assert "Quimby" not in said
    for line in SUMMARY.splitlines():
        assert (line in said) is ("Quimby" not in line)
    assert "(1 lines may name people and are not shown)" in said


@pytest.mark.parametrize(
    "text",
    [
        "['Zebulon Quimby' 'Xanthe Oduya']",
        "Order(customer='quimby', total=3)",
        "Client: Quimby",
        "Basket([quimby, voss])",
        "zeb",
        "Account +49 170 1234567",
        "a@b.example",
        "Ring 0170 123 4567",
        "Dr Voss",
        "   amount  qty\n0    12.5    3\n1    13.5    4",
        "0    12.5\n1    13.5\nName: amount, dtype: float64",
        "array([12.5, 13.5, 14.5])",
        "山田太郎",
        "Иван Кузнецов",
    ],
)
def test_people_and_rows_are_not_told(text: str) -> None:
    assert told(text).endswith("Thing object (not inspected)")
    assert text.splitlines()[0] in told(text, "full")


def test_long_lists_of_numbers_are_folded() -> None:
    said = told("Trace(x=[1.5, 2.5, 3.5, 4.5, 5.5, 6.5], n=6)")

    assert "Trace(x=[…], n=6)" in said
    assert "3.5" not in said


def test_it_is_short_and_names_no_address() -> None:
    said = told("\n".join(f"step {n} at 0x7f12ab" for n in range(900)))

    assert len(said) <= 4_000
    assert "0x7f" not in said


def test_a_known_class_is_described_by_its_value() -> None:
    assert describe([1], plain="[1]") == "list of 1 int\n  - 1"
    assert "inspected" in describe({"a": Thing()}, plain="x")


@pytest.mark.parametrize(
    "data",
    [
        "array([10.25146044,  9.73579027, 11.2808453 , 10.2098,\n   8.92866125])",
        "array([12.5, 13.5, 14.5])",
        "array([[1.5, 2.5],\n       [3.5, 4.5]], dtype=float32)",
        "[1.5, nan, 13.5, 2.25, -1e-05, inf]",
        "(12.5, 13.5, 14.5, 15.5, 16.5)",
        "[np.float64(12.5), np.float64(13.5), np.float64(2.5), np.float64(3.5), 4.5]",
        "[12.5 13.5 14.5 15.5 16.5]",
        "Series([12.5, 13.5])",
    ],
)
def test_the_data_within_an_object_are_not_told(data: str) -> None:
    said = told(f"Trace(mode=1, size={data}, axis='x')")

    assert "Trace(mode=1, size=" in said
    assert not any(number in said for number in ("3.5", "2.25", "9.73", "8.92"))
    assert data.split()[-1] in told(f"Trace({data})", "full")


def test_what_tests_and_models_of_a_library_write_is_told() -> None:
    for line in (
        "<F test: F=0.128983845472935, p=0.7203682359158754, df_denom=86, df_num=1>",
        "Date:               2026-11-28 18:16 BIC:                385.5141",
        "                       SARIMAX Results",
        "const         10.2232      0.225     45.367      0.000       9.782",
        "Prob(H) (two-sided):                  0.12   Kurtosis:            2.55",
        "Generalized Linear Model Regression Results",
    ):
        assert line in told(line)


@pytest.mark.parametrize(
    "end",
    ["Name: region, dtype: object", "[2 rows x 1 columns]", "Length: 2, dtype: int64"],
)
def test_what_ends_as_a_printed_table_is_none_of_it_told(end: str) -> None:
    rows = "price  high\nregion  north"

    assert "price  high" in told(rows)
    assert told(f"{rows}\n{end}").endswith("(not inspected)")
