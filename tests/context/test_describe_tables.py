"""What is said of tables and arrays, and what stays in."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from nemotron_magic.context.describe import describe
from nemotron_magic.context.describe.privacy import is_personal, tells_of_person

ROWS = 60
PERSONAL = {
    "email": [f"planted{i}@mail.example" for i in range(ROWS)],
    "Customer Name": [f"Planted Person{i}" for i in range(ROWS)],
    "phoneNumber": [f"+49 170 {i:07d}" for i in range(ROWS)],
    "home_address": ["Planted Street 1"] * ROWS,
    "card": [4_000_000_000 + i for i in range(ROWS)],
    "IBAN": ["DE02120300000000202051"] * ROWS,
    "ssn": [f"000-12-{i:04d}" for i in range(ROWS)],
    "user_id": list(range(770_000, 770_000 + ROWS)),
}
OPEN = {
    "price": [i / 8 for i in range(ROWS)],
    "country": ["DE", "FR"] * (ROWS // 2),
    "note": [f"planted note {i}" for i in range(ROWS)],
    "contact": [f"planted{i % 2}@mail.example" for i in range(ROWS)],
    "rare": ["usual"] * (ROWS - 1) + ["planted once"],
    "empty": [None] * ROWS,
}
PLANTED = ("lanted", "+49 170", "4000000", "DE0212", "000-12", "77000", "770000")
KINDS = ("pandas", "polars", "pyarrow")


def made(kind: str, columns: dict[str, Any]) -> Any:
    library = pytest.importorskip(kind)
    return library.table(columns) if kind == "pyarrow" else library.DataFrame(columns)


def column(said: str, name: str) -> str:
    return next(line for line in said.splitlines() if line.startswith(f"  {name}: "))


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_is_its_shape_columns_ranges_and_few_values(kind: str) -> None:
    said = describe(made(kind, OPEN), "t")

    assert "60 rows × 6 columns" in said.splitlines()[0]
    assert "none missing, 0 to 7.375" in column(said, "price")
    assert "none missing, 2 different values: 'DE', 'FR'" in column(said, "country")
    assert "many different values" in column(said, "note")
    assert "100.0% missing" in column(said, "empty")


@pytest.mark.parametrize("kind", KINDS)
def test_ranges_leave_out_what_is_missing(kind: str) -> None:
    half = [i / 2 if i % 2 else None for i in range(ROWS)]
    said = describe(made(kind, {"half": half, "lists": [[1], None] * (ROWS // 2)}))

    assert column(said, "half").endswith("50.0% missing, 0.5 to 29.5")
    assert " to " not in column(said, "lists")
    assert "values" not in column(said, "lists")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", ["schema", "sample"])
def test_what_looks_personal_stays_in(kind: str, data: Any) -> None:
    said = describe(made(kind, OPEN | PERSONAL), "t", data=data)

    assert [word for word in PLANTED if word in said] == []
    assert all(HIDDEN in column(said, name) for name in PERSONAL)


HIDDEN = "looks personal: no values shown"


@pytest.mark.parametrize("kind", KINDS)
def test_schema_shows_no_rows(kind: str) -> None:
    middle = {"value": [1.0, 2.0, 424.242, 900.0, 5.0, 6.0, 7.0]}

    assert "424" not in describe(made(kind, middle))
    assert "424.242" in describe(made(kind, middle), data="sample")


@pytest.mark.parametrize("kind", KINDS)
def test_few_rows_have_no_range(kind: str) -> None:
    assert "42" not in describe(made(kind, {"value": [42, 43]}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_is_a_few_rows_of_what_is_open(kind: str) -> None:
    lines = describe(made(kind, OPEN), data="sample").splitlines()
    start = lines.index("first rows, cells divided by |:")

    assert lines[start + 1] == "  price | country | note | contact | rare | empty"
    assert lines[start + 2].startswith("  0.0 | DE | (hidden) | (hidden) | ")
    assert len(lines) == start + 7


@pytest.mark.parametrize("kind", KINDS)
def test_full_shows_rows_as_far_as_they_fit(kind: str) -> None:
    table = made(kind, OPEN | PERSONAL)

    said = describe(table, data="full", budget_chars=100_000)
    cut = describe(table, data="full", budget_chars=3_000)

    assert "planted59@mail.example" in said
    assert "planted note 59" in said
    assert len(cut) <= 3_000
    assert cut.endswith("… (cut: no room)")


@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_short(kind: str) -> None:
    said = describe(made(kind, {"a": ["x" * 5_000]}), data="full")

    assert max(map(len, said.splitlines())) < 100


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_wide_table_forty_columns_are_named(kind: str) -> None:
    said = describe(made(kind, {f"c{i}": [i] for i in range(300)}))

    assert "  c39: " in said
    assert "  c40: " not in said
    assert "… and 260 more columns, not looked at" in said


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_table_is_said(kind: str) -> None:
    assert "0 rows" in describe(made(kind, {}), data="full").splitlines()[0]


def test_an_index_is_said_and_guarded_as_a_column_is() -> None:
    pandas = pytest.importorskip("pandas")
    dates = pandas.date_range("2026-01-01", periods=ROWS)
    frame = pandas.DataFrame(OPEN, index=dates)
    named = pandas.DataFrame(OPEN, index=pandas.Index(PERSONAL["email"], name="who"))

    assert "2026-01-01 to 2026-03-01" in describe(frame).splitlines()[1]
    assert "planted0@" not in describe(named, data="sample")


LEVELS = [("DE", 1), ("FR", 2)]


def test_levels_and_duplicate_or_odd_names_of_columns_are_said() -> None:
    pandas = pytest.importorskip("pandas")
    levels = pandas.MultiIndex.from_tuples(LEVELS, names=["land", "n"])
    frame = pandas.DataFrame([[1, 2], [3, 4]], columns=["a", "a"], index=levels)

    said = describe(frame)

    assert "levels land (2 different values: 'DE', 'FR'), n (2 values), 2 rows" in said
    assert said.count("  a: int64") == 2
    assert "  7: " in describe(pandas.DataFrame({7: [1]}))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("price", "price"),
        ("unit price (€)", "unit price (€)"),
        ("größe_2", "größe_2"),
        ("2024", "'2024'"),
        (" price", "' price'"),
        ("price ", "'price '"),
        ("", "''"),
        ("two\nlines", r"'two\nlines'"),
        ("None", "'None'"),
        ("a|b", "'a|b'"),
        ("a:", "'a:'"),
        ("a\u202eb", r"'a\u202eb'"),
    ],
)
def test_a_name_that_would_be_misread_is_in_quotes(
    kind: str, name: str, seen: str
) -> None:
    said = describe(made(kind, {name: [1] * ROWS}), data="sample")

    assert said.splitlines()[2].startswith(f"  {seen}: ")
    assert said.splitlines()[4] == f"  {seen}"


def test_names_that_are_no_texts_are_said_as_code_takes_them() -> None:
    pandas = pytest.importorskip("pandas")
    names = [2024, ("a", "x"), ("b", 3), ("c",), pandas.Timestamp("2024-01-01"), None]
    frame = pandas.DataFrame([range(6)] * ROWS, columns=pandas.Index(names, dtype="O"))

    lines = describe(frame).splitlines()[2:]

    assert [line.strip().partition(": ")[0] for line in lines] == [
        "2024",
        "('a', 'x')",
        "('b', 3)",
        "('c',)",
        "2024-01-01 00:00:00",
        "None",
    ]


class Own:
    pass


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ([1, "a"], ", str, int in it"),
        ([date(2026, 1, 1), None], ", datetime.date in it"),
        ([Own(), [1], {}, 1.5, "a", 2], ", str, dict, float, int and 2 more in it"),
        (["a", None, float("nan")], ", 1 value: 'a'"),
        ([None, float("nan")], ""),
    ],
)
def test_a_column_of_objects_tells_what_is_in_it(cells: list[Any], told: str) -> None:
    pandas = pytest.importorskip("pandas")
    missing = [pandas.NA, pandas.NaT]
    frame = pandas.DataFrame({"x": pandas.Series(cells * 10 + missing, dtype=object)})

    line = column(describe(frame), "x")

    assert line.partition("missing")[2] == told


def test_the_index_of_a_series_is_said_and_guarded_as_a_column_is() -> None:
    pandas = pytest.importorskip("pandas")
    dates = pandas.date_range("2026-01-01", periods=ROWS, name="day")
    prices = pandas.Series(OPEN["price"], index=dates, name="price")
    named = pandas.Series(OPEN["price"], index=pandas.Index(PERSONAL["email"]))
    levels = pandas.MultiIndex.from_product([["DE", "FR"], range(30)], names=["c", "n"])

    assert describe(prices).splitlines()[1] == (
        f"index day: {dates.dtype}, none missing, 2026-01-01 to 2026-03-01"
    )
    assert "day | 'price'" in describe(prices, data="sample")
    assert "planted0@" not in describe(named, data="sample")
    assert (
        "Series with the index levels c (2 different values: 'DE', 'FR'), n ("
        in describe(pandas.Series(OPEN["price"], index=levels))
    )
    assert len(describe(pandas.Series(OPEN["price"])).splitlines()) == 2


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_series_is_said_as_a_column(kind: str) -> None:
    library = pytest.importorskip(kind)
    prices = library.Series(name="price", **{_values(kind): OPEN["price"]})
    emails = library.Series(name="email", **{_values(kind): PERSONAL["email"]})

    assert f"{kind} Series 'price', 60 rows" in describe(prices)
    assert "0 to 7.375" in describe(prices)
    assert HIDDEN in describe(emails, data="sample")


def _values(kind: str) -> str:
    return "data" if kind == "pandas" else "values"


def test_a_series_without_a_name_takes_that_of_its_variable() -> None:
    pandas = pytest.importorskip("pandas")

    letters = pandas.Series(["a", "b"] * 9)

    assert "'a', 'b'" in describe(letters, "grades")
    assert HIDDEN in describe(letters, "passwords")


DTYPES = ["Int64", "string", "category", "boolean", "Float64", "object"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_types_of_pandas_are_read(dtype: str) -> None:
    pandas = pytest.importorskip("pandas")
    values = ["a", None] if dtype in ("string", "category", "object") else [1, None]

    said = describe(pandas.Series(values * 9, dtype=dtype))

    assert "50.0% missing" in said
    assert "could not be read" not in said


def test_objects_in_cells_are_named() -> None:
    pandas = pytest.importorskip("pandas")

    class Cell:
        def __repr__(self) -> str:
            raise SystemExit

    said = describe(pandas.Series([Cell(), [1, 2], "text"]), data="full")

    assert "Cell object (not inspected)" in said
    assert "list of 2 int: 1, 2" in said


def test_a_class_derived_from_a_frame_runs_nothing() -> None:
    pandas = pytest.importorskip("pandas")

    class Mine(pandas.DataFrame):  # type: ignore[misc, name-defined]
        @property
        def shape(self) -> None:
            raise SystemExit

        def __len__(self) -> int:
            raise SystemExit

    assert describe(Mine({"a": [1]})).startswith("pandas DataFrame, 1 rows × 1 columns")


def test_an_array_of_a_class_of_the_user_runs_nothing() -> None:
    pandas = pytest.importorskip("pandas")
    ran = []

    class Mine(pandas.api.extensions.ExtensionArray):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            ran.append("__len__")
            return 0

    assert describe(Mine()).endswith("Mine object (not inspected)")
    assert ran == []


def test_a_lazy_frame_is_not_run() -> None:
    polars = pytest.importorskip("polars")
    ran = []

    def scan(frame: Any) -> Any:
        ran.append("scan")
        return frame

    lazy = polars.DataFrame({"a": [1]}).lazy().map_batches(scan)

    assert describe(lazy).startswith("polars LazyFrame (a query that has not run")
    assert ran == []


def test_the_long_types_of_polars_list_no_values() -> None:
    polars = pytest.importorskip("polars")
    kinds = polars.Enum(["planted a", "planted b"])

    assert "planted" not in describe(polars.Series(["planted a"], dtype=kinds))


def arrays(numpy: Any) -> dict[str, Any]:
    return {
        "numpy array, 3 × 4, float64\nvalues: 0 to 11": numpy.arange(12.0).reshape(
            3, 4
        ),
        "numpy array, 6, int64\nvalues: 1 to 6": numpy.arange(1, 7),
        "numpy array, 0, float64": numpy.array([]),
        "numpy array, 2, object": numpy.array([None, "a"], dtype=object),
        "numpy array, 2, int64\nvalues: too few for a range": numpy.array([1, 2]),
        "numpy array, 1, [('a', '<i4')]": numpy.zeros(1, [("a", "i4")]),
        "numpy.float64 3.5": numpy.float64(3.5),
        "numpy array, 6, float64\nvalues: all missing": numpy.full(6, numpy.nan),
        "numpy array, 1, float64\nvalues: masked, not read": numpy.ma.zeros(1),
        "numpy array, no dimensions, int64\nvalues: 5 to 5": numpy.array(5),
    }


def test_arrays_are_said() -> None:
    numpy = pytest.importorskip("numpy")

    for said, array in arrays(numpy).items():
        assert describe(array) == said


def test_a_number_of_numpy_is_hidden_as_one_of_python_is() -> None:
    numpy = pytest.importorskip("numpy")
    for number in (numpy.int64(54_321), numpy.float32(54_321), 54_321):
        assert "54" not in describe(number, "salary")
        assert "54321" in describe(number, "salary", data="full")
        assert "54321" in describe(number, "width")


def test_an_array_on_disk_is_not_read(tmp_path: Any) -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.memmap(tmp_path / "a", dtype="f8", mode="w+", shape=(9,))

    assert describe(array[2:]).endswith("values: on disk, not read")
    assert describe(numpy.asarray(array)).endswith("values: on disk, not read")


def test_the_cells_of_an_array_come_on_request() -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.array([1, 424, 3, 900, 5])

    assert "424" not in describe(array)
    assert "  424" in describe(array, data="sample")


NAMES = "name firstName E-Mail email_address telefon PLZ iban userId customer_id 邮箱"
OTHERS = "width country mean identity rows valid message gene filament number"


@pytest.mark.parametrize("name", NAMES.split())
def test_a_name_that_speaks_of_a_person_is_known(name: str) -> None:
    assert is_personal(name)


@pytest.mark.parametrize("name", OTHERS.split())
def test_other_names_are_left(name: str) -> None:
    assert not is_personal(name)


def test_values_tell_as_well() -> None:
    assert tells_of_person("a@b.example")
    assert tells_of_person("+49 170 1234567")
    assert not any(map(tells_of_person, ["DE", "2026-01-02 x", "3.14"]))


def crowd() -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(
        {"land": ["DE", "FR"] * 9, "who": ["Zebulon Quimby"] * 18, "n": range(18)}
    )


def test_groups_and_windows_are_said_with_their_table() -> None:
    frame = crowd()
    views = {
        "pandas DataFrameGroupBy by land of:": frame.groupby("land"),
        "pandas SeriesGroupBy by land, who of:": frame.groupby(["land", "who"]).n,
        "pandas Rolling of:": frame.rolling(3),
        "pandas Expanding of:": frame.n.expanding(),
    }

    for title, view in views.items():
        first, second, *_ = describe(view).splitlines()
        assert first == title
        assert second.startswith("  pandas ")
        assert "18 rows" in second
        assert "Quimby" not in describe(view)


def test_a_style_is_said_with_its_table() -> None:
    pytest.importorskip("jinja2")
    said = describe(crowd().style)

    assert said.startswith("pandas Styler of:\n  pandas DataFrame, 18 rows × 3 columns")
    assert "Quimby" not in said


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "series"])
def test_of_no_rows_none_are_missing(library: str) -> None:
    module = pytest.importorskip("pandas" if library == "series" else library)
    empties = {
        "pandas": lambda: module.DataFrame({"qty": [1]}).query("qty > 3"),
        "polars": lambda: module.DataFrame({"qty": [1]}).clear(),
        "pyarrow": lambda: module.table({"qty": module.array([], module.int64())}),
        "series": lambda: module.Series([], dtype=float, name="qty"),
    }

    told = describe(empties[library]())

    assert "100.0%" not in told
    assert "none missing" in told
