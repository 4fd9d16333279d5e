"""Results of aggregations are told by their numbers, rows of tables are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nemotron_magic.context.describe import describe
from nemotron_magic.context.describe.base import LiveTables

pandas = pytest.importorskip("pandas")
numpy = pytest.importorskip("numpy")
ROWS = 60
PEOPLE = [f"Zebulon Quimby{i}" for i in range(20)]


def sales() -> Any:
    random = numpy.random.default_rng(1)
    return pandas.DataFrame(
        {
            "customer": PEOPLE * 3,
            "region": ["north", "south", "west"] * 20,
            "amount": random.normal(10, 3, ROWS).round(2),
            "qty": random.integers(1, 9, ROWS),
            "salary": random.integers(30_000, 90_000, ROWS),
            "when": pandas.date_range("2024-01-01", periods=ROWS),
        }
    )


def weather() -> Any:
    random = numpy.random.default_rng(2)
    return pandas.DataFrame(
        {
            "station": ["Torgersen", "Biscoe", "Dream", "Biscoe"] * 15,
            "who": ["Xanthe Oduya", "Okonkwo", "Voss"] * 20,
            "temp_c": random.normal(4, 9, ROWS).round(3),
            "gusts": random.integers(100, 999, ROWS),
        }
    )


def told(value: Any, frame: Any, name: str = "") -> str:
    return describe(value, name, live=LiveTables({"df": frame}))


def numbers_of(value: Any) -> list[str]:
    cells = value.to_numpy().ravel().tolist()
    return [f"{cell:.6g}" for cell in cells if cell == cell]


LABELLED: dict[str, Callable[[Any], Any]] = {
    "isna": lambda df: df.isna().sum(),
    "nunique": lambda df: df.nunique(),
    "describe": lambda df: (
        df.select_dtypes("number").drop(columns="salary", errors="ignore").describe()
    ),
    "corr": lambda df: df.corr(numeric_only=True),
    "mean": lambda df: df.mean(numeric_only=True),
    "agg": lambda df: df.select_dtypes("float").agg(["mean", "max"]),
    "quantile": lambda df: df.select_dtypes("float").iloc[:, 0].quantile([0.1, 0.9]),
    "describe of a column": lambda df: df.select_dtypes("float").iloc[:, 0].describe(),
}


@pytest.mark.parametrize("make", [sales, weather])
@pytest.mark.parametrize("result", LABELLED)
def test_the_numbers_of_a_summary_are_told(result: str, make: Any) -> None:
    frame = make()
    value = LABELLED[result](frame)
    said = told(value, frame)

    assert [one for one in numbers_of(value) if one not in said] == [], said
    assert [one for one in value.index.tolist() if str(one) not in said] == []


def test_types_and_names_of_columns_are_told() -> None:
    for frame in (sales(), weather()):
        names = frame.columns.tolist()
        values = (frame.columns, frame.dtypes, names, dict.fromkeys(names, 1.5))
        for value in values:
            said = told(value, frame)
            assert [name for name in names if name not in said] == [], said
    assert "  amount  float64" in told(sales().dtypes, sales())


GROUPED: dict[str, Callable[[Any, str, str, str], Any]] = {
    "mean": lambda df, by, of, _: df.groupby(by)[of].mean(),
    "sums": lambda df, by, of, n: df.groupby(by)[[of, n]].sum(),
    "max": lambda df, by, of, _: df.groupby(by)[of].max(),
    "least": lambda df, by, of, n: df.groupby(by)[[of, n]].min(),
    "counts": lambda df, by, of, _: df[by].value_counts(),
    "shares": lambda df, by, of, _: df[by].value_counts(normalize=True),
    "pivot": lambda df, by, of, n: df.pivot_table(index=by, values=of, aggfunc="mean"),
    "flat": lambda df, by, of, _: df.groupby(by, as_index=False)[of].mean(),
    "reset": lambda df, by, of, _: df[by].value_counts().reset_index(),
    "named": lambda df, by, of, n: df.groupby(by).agg(total=(of, "sum")),
    "describe": lambda df, by, of, n: df.groupby(by)[of].describe(),
}


@pytest.mark.parametrize("result", GROUPED)
def test_groups_are_told_with_labels_of_a_vocabulary(result: str) -> None:
    for frame, columns in (
        (sales(), ("region", "amount", "qty")),
        (weather(), ("station", "temp_c", "gusts")),
    ):
        value = GROUPED[result](frame, *columns)
        said = told(value, frame)
        labels = set(frame[columns[0]])
        numbers = numbers_of(value.select_dtypes("number") if value.ndim > 1 else value)

        assert [one for one in (*labels, *numbers) if one not in said] == [], said


@pytest.mark.parametrize("result", GROUPED)
def test_groups_of_people_are_numbered(result: str) -> None:
    for frame, columns, people in (
        (sales(), ("customer", "amount", "qty"), PEOPLE),
        (weather(), ("who", "temp_c", "gusts"), ["Xanthe", "Okonkwo", "Voss"]),
    ):
        value = GROUPED[result](frame, *columns)
        said = told(value, frame)

        assert [one for one in people if one in said] == []
        assert "value 1  " in said
        numbers = numbers_of(value.select_dtypes("number") if value.ndim > 1 else value)
        assert [one for one in numbers if one not in said] == [], said


def test_crosstabs_hide_people_on_either_side() -> None:
    frame = sales()
    for rows, columns in (("customer", "region"), ("region", "customer")):
        said = told(pandas.crosstab(frame[rows], frame[columns]), frame)

        assert "Quimby" not in said
        assert "north" in said
        assert "value 2" in said
        assert "(person" not in said


RAW: dict[str, Callable[[Any], Any]] = {
    "head": lambda df: df.head(),
    "two rows": lambda df: df.head(2),
    "a row": lambda df: df.iloc[0],
    "turned": lambda df: df.head(3).T,
    "indexed": lambda df: df.set_index(df.columns[0]).head(3),
    "indexed by another": lambda df: df.set_index(df.columns[1]).head(3),
    "indexed twice": lambda df: df.set_index(list(df.columns[:2])).head(3),
    "renamed": lambda df: df.rename(columns=str.upper).head(3),
    "sorted": lambda df: df.sort_values(df.columns[2]).head(3),
    "columns": lambda df: df.iloc[:1, 2:4],
    "a cell in a frame": lambda df: df.iloc[[4], [2]],
    "first of each": lambda df: (
        df.drop_duplicates(df.columns[0]).set_index(df.columns[0]).iloc[:, 1:3]
    ),
}


@pytest.mark.parametrize("make", [sales, weather])
@pytest.mark.parametrize("rows", RAW)
def test_the_rows_of_a_table_are_no_summary(rows: str, make: Any) -> None:
    frame = make()
    value = RAW[rows](frame)
    said = told(value, frame)

    assert "a summary" not in said
    cells = [f"{cell:.6g}" for cell in frame.iloc[1:4, 2]]
    assert sum(cell in said for cell in cells) < 2, said


def test_what_one_row_has_of_a_personal_column_is_hidden() -> None:
    frame = sales()
    most, least = f"{frame.salary.max()}", f"{frame.salary.min()}"
    values = (frame.describe(), frame.describe(include="all"), frame.max())
    grouped = (frame.groupby("region").max(), frame.groupby("region").salary.min())

    for value in (*values, *grouped):
        said = told(value, frame)
        assert most not in said
        assert least not in said
        assert "Quimby" not in said
    assert f"{frame.salary.mean():.6g}" in told(frame.describe(), frame)


def test_unique_values_of_a_vocabulary_are_told_and_of_people_are_not() -> None:
    for frame, things, people in (
        (sales(), "region", "customer"),
        (weather(), "station", "who"),
    ):
        for values in (frame[things].unique(), frame[things].to_numpy(dtype=object)):
            said = told(values, frame)
            assert [one for one in set(frame[things]) if repr(one) not in said] == []
        said = told(frame[people].unique(), frame)
        assert [one for one in set(frame[people]) if one in said] == []


def test_summaries_of_polars_are_told() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.from_pandas(sales()[["region", "amount", "qty"]])
    means = frame.group_by("region").mean().sort("region")

    said = told(means, frame)
    assert "  region  amount  qty" in said
    assert f"north  {means['amount'][0]:.6g}" in said
    assert "mean  None  " in told(frame.describe(), frame)
    assert "0  0  0" in told(frame.null_count(), frame)
    assert "a summary" not in told(frame.head(3), frame)
    assert "a summary" not in told(frame.sort("amount").head(2), frame)


class Own:
    def __hash__(self) -> int:
        raise SystemExit

    def __eq__(self, other: object) -> bool:
        raise SystemExit

    __repr__ = __str__ = __hash__  # type: ignore[assignment]


def test_objects_of_user_code_are_not_compared() -> None:
    frame = pandas.DataFrame({"thing": [Own() for _ in range(6)], "n": range(6)})
    named = pandas.Series([1.5, 2.5], index=["n", "thing"], name="n")
    by_object = pandas.Series([1.5], index=pandas.Index(["n"], name="thing"))

    assert "a summary" in told(named, frame)
    assert "could not" not in told(by_object, frame)
    assert "1.5" not in told(by_object, frame)


def test_a_table_with_columns_twice_owns_nothing() -> None:
    frame = pandas.DataFrame([[1, 2, "a"]] * 9, columns=["n", "n", "kind"])
    value = pandas.Series([7], index=pandas.Index(["a"], name="kind"), name="n")

    assert "7" not in told(value, frame)


def test_a_turned_summary_and_the_weights_of_columns_are_told() -> None:
    for frame, by, of in (
        (sales(), "region", "amount"),
        (weather(), "station", "temp_c"),
    ):
        turned = frame.groupby(by)[of].agg(["mean", "std"]).T
        weights = pandas.DataFrame({"feature": [of, by], "weight": [0.625, 0.375]})

        assert [n for n in numbers_of(turned) if n not in told(turned, frame)] == []
        assert f"  {of}  0.625" in told(weights, frame)


def test_types_of_columns_are_named_in_any_holder() -> None:
    polars = pytest.importorskip("polars")
    frame = sales()
    said = told(frame.dtypes.to_dict(), frame)
    listed = told(polars.from_pandas(frame[["amount", "qty"]]).dtypes, frame)
    kinds = polars.Enum(["planted a", "planted b"])

    assert "  'amount': float64" in said
    assert "  'customer': str" in said or "  'customer': object" in said
    assert "  - Float64\n  - Int64" in listed
    assert "planted" not in told([kinds, kinds], frame)


def test_the_labels_of_a_vocabulary_are_told_as_an_index() -> None:
    frame = sales()

    assert ": north, south, west" in told(frame.region.value_counts().index, frame)
    assert "Quimby" not in told(frame.customer.value_counts().index, frame)


def test_columns_that_are_called_as_statistics_are_no_summary() -> None:
    for label in ("count", "total"):
        frame = sales().rename(columns={"amount": label})
        for value in (
            frame.set_index("customer")[label].head(3),
            frame.set_index("customer")[[label]].head(3),
            frame.set_index("region")[label].head(3),
        ):
            said = told(value, frame)
            assert [one for one in numbers_of(value) if one in said] == [], said
        assert "value 1  " in told(frame.customer.value_counts(), frame)


def test_rows_by_a_place_from_0_to_1_are_no_quantiles() -> None:
    frame = sales()[["amount", "qty"]].set_index(numpy.linspace(0, 1, ROWS))

    for value in (frame.head(3), frame.iloc[2], frame.amount.head(3)):
        assert "a summary" not in told(value, frame)


@pytest.mark.parametrize(
    ("labels", "is_told"),
    [
        (["Intercept", "C(region)[T.north]", "C(region)[T.south]", "qty"], True),
        (["const", "qty", "np.log(amount)", "qty:amount"], True),
        (["Intercept", "C(customer)[T.Zebulon Quimby]", "qty", "amount"], False),
        (["Intercept", "C(customer)[T.north]", "qty", "amount"], False),
        (["Intercept", "C(region)[T.Quimby]", "qty", "amount"], False),
        (["Intercept", "Quimby (Leeds)", "qty", "amount"], False),
    ],
)
def test_the_terms_of_a_model_are_told(labels: list[str], is_told: bool) -> None:
    pandas = pytest.importorskip("pandas")
    found = pandas.Series([1.25, 2.5, 3.75, 4.125], index=labels)
    table = pandas.DataFrame({"df": found, "F": found, "PR(>F)": found}, index=labels)

    for value in (found, table):
        said = told(value, sales())
        assert all(label in said for label in labels) is is_told
        assert ("4.125" in said) is is_told
        assert "Quimby" not in said


def test_a_pivot_by_letters_is_no_table_of_a_model() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"F": [1.25, 2.5], "M": [3.75, 4.125]}, index=[7, 9])

    assert "4.125" not in told(table, sales())
