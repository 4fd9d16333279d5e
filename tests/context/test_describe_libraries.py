"""What is said of models, figures and of what stands for data elsewhere."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from nemotron_magic.context.describe import describe
from nemotron_magic.context.describe.base import LiveTables


def test_a_model_of_pydantic_is_its_fields() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        width: int = 1
        email: str = "a@b.example"
        key: pydantic.SecretStr = pydantic.SecretStr("s3cret")

    said = describe(Model()).splitlines()

    assert said[0].endswith("Model of 3 fields")
    assert said[1:3] == ["  width: 1", "  email: str, looks personal: no values shown"]
    assert "s3cret" not in describe(Model(), data="full")


def test_an_estimator_is_its_parameters_and_whether_it_is_fitted() -> None:
    model = pytest.importorskip("sklearn.linear_model").Ridge(alpha=0.5)
    before = describe(model)
    model.fit([[0.0], [1.0]], [0.0, 1.0])

    assert before.splitlines()[0].endswith("Ridge (scikit-learn), not fitted")
    assert before.splitlines()[1] == "  alpha = 0.5"
    assert "fit_intercept" not in before
    assert "fitted on 1 feature (n_features_in_, coef_" in describe(model)


def test_a_pipeline_is_its_steps() -> None:
    pipeline = pytest.importorskip("sklearn.pipeline")
    linear = pytest.importorskip("sklearn.linear_model")

    said = describe(pipeline.make_pipeline(linear.Ridge(alpha=2.0)))

    assert "  - 'ridge'" in said
    assert "alpha = 2.0" in said


def test_a_figure_is_its_titles_axes_and_what_is_drawn() -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.subplots()
    figure.suptitle("Report")
    axes.plot([1, 2], [3, 424], label="sales")
    axes.set(title="Sales", xlabel="month", xlim=(0, 5), yscale="log")

    assert describe(figure).splitlines()[:3] == [
        "matplotlib Figure 'Report', 6.4 × 4.8 inches, 1 axes",
        "  matplotlib Axes 'Sales'",
        "    x axis: 'month', 0 to 5, linear",
    ]
    assert describe(axes).splitlines()[-2:] == ["  drawn: 1 lines", "  labels: 'sales'"]


def test_bars_are_counted() -> None:
    axes = pytest.importorskip("matplotlib.figure").Figure().subplots()
    axes.bar([1, 2, 3], [4, 5, 6])

    assert describe(axes).endswith("  drawn: 3 patches")


def test_dask_computes_nothing() -> None:
    dask = pytest.importorskip("dask.array")
    pytest.importorskip("numpy")

    ran = []

    def compute(block: Any) -> Any:
        ran.extend(block.ravel().tolist())
        return block

    array = dask.ones((1_000, 10), chunks=100).map_blocks(compute, dtype="f8")

    assert describe(array) == (
        "dask array (lazy; nothing was computed), 1,000 × 10, float64\n"
        "  in 10 × 1 chunks"
    )
    assert ran == []


def test_a_frame_of_dask_has_the_columns_that_it_knows() -> None:
    dask = pytest.importorskip("dask.dataframe")
    pandas = pytest.importorskip("pandas")
    frame = dask.from_pandas(pandas.DataFrame({"a": [424], "b": [1.5]}))

    assert describe(frame, data="full").splitlines() == [
        "dask DataFrame (lazy; nothing was computed)",
        "  a: int64",
        "  b: float64",
    ]


def test_spark_is_asked_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(self: object) -> None:
        raise SystemExit

    module = types.ModuleType("pyspark.sql.dataframe")
    field = types.SimpleNamespace(name="a", dataType=types.SimpleNamespace())
    frame = type("DataFrame", (), {"__module__": module.__name__, "schema": ask})
    vars(module)["DataFrame"] = frame
    monkeypatch.setitem(sys.modules, module.__name__, module)
    unknown, known = frame(), frame()
    vars(known)["_schema"] = types.SimpleNamespace(fields=[field])

    assert describe(unknown) == "Spark DataFrame (lazy; nothing was computed)"
    assert describe(known).splitlines()[1] == "  a: SimpleNamespace"


def test_all_axes_are_told_while_there_is_room() -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    figure.subplots(4, 4)
    head, *lines = describe(figure).splitlines()

    assert head == "matplotlib Figure, 6.4 × 4.8 inches, 16 axes"
    assert lines.count("  matplotlib Axes") == 16


def test_an_engine_keeps_its_password() -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    driver = types.SimpleNamespace(paramstyle="format", VERSION=(1, 0, 0))
    engine = sqlalchemy.create_engine(
        "mysql+pymysql://me:s3cret@host:33/db?token=t0ken", module=driver
    )

    assert describe(engine, data="full") == (
        "SQLAlchemy Engine of mysql+pymysql://host:33/db (no query was made)"
    )


def test_a_table_of_a_database_is_its_columns() -> None:
    sql = pytest.importorskip("sqlalchemy")
    key = sql.Column("key", sql.Integer, primary_key=True)
    text = sql.Column("text", sql.String(20))

    assert describe(sql.Table("t", sql.MetaData(), key, text)).splitlines() == [
        "SQLAlchemy Table 't', 2 columns",
        "  key: Integer, primary key, not null",
        "  text: String",
    ]


def test_a_row_is_its_schema_and_a_result_is_not_read() -> None:
    sql = pytest.importorskip("sqlalchemy")
    engine = sql.create_engine("sqlite://")
    with engine.connect() as connection:
        result = connection.execute(sql.text("select 424 as a, 'x' as b"))
        assert describe(result).endswith("(not inspected)")
        row = result.one()
    engine.dispose()

    assert describe(row) == "SQLAlchemy Row of 2 columns\n  a: int\n  b: str"


def test_xarray_is_its_dimensions() -> None:
    xarray = pytest.importorskip("xarray")
    array = xarray.DataArray(
        [[424.0, 2.0]], dims=("x", "y"), coords={"y": [5, 6]}, name="heat"
    )

    assert describe(array).splitlines() == [
        "xarray DataArray 'heat', (x, y), 1 × 2, float64",
        "  coordinate 'y': (y), 2, int64",
    ]
    assert "variable 'h': (x, y), 1 × 2, float64" in describe(
        xarray.Dataset({"h": array})
    )


def pipelines() -> dict[str, tuple[Any, Any]]:
    """Return made and fitted objects whose parts are fitted in place."""
    pipeline = pytest.importorskip("sklearn.pipeline")
    linear = pytest.importorskip("sklearn.linear_model")
    scaling = pytest.importorskip("sklearn.preprocessing")
    makers = {
        "pipeline": lambda: pipeline.make_pipeline(
            scaling.StandardScaler(), linear.Ridge()
        ),
        "named": lambda: pipeline.Pipeline(
            [("scale", "passthrough"), ("fit", linear.Lasso(alpha=0.1))]
        ),
        "within": lambda: pipeline.make_pipeline(
            pipeline.make_pipeline(scaling.MinMaxScaler(), linear.LinearRegression())
        ),
        "union": lambda: pipeline.FeatureUnion([("s", scaling.StandardScaler())]),
    }
    xs, ys = [[0.0], [1.0], [2.0]], [0.0, 1.5, 3.0]
    return {name: (make(), make().fit(xs, ys)) for name, make in makers.items()}


@pytest.mark.parametrize("name", ["pipeline", "named", "within", "union"])
def test_a_pipeline_is_fitted_if_its_steps_are(name: str) -> None:
    made, fitted = pipelines()[name]

    assert describe(made).splitlines()[0].endswith("(scikit-learn), not fitted")
    assert "(scikit-learn), fitted" in describe(fitted).splitlines()[0]


@pytest.mark.parametrize(
    ("model", "grid"),
    [("Ridge", {"alpha": [0.125]}), ("Lasso", {"alpha": [0.25], "tol": [0.003]})],
)
def test_a_search_tells_the_best_parameters_and_score(model: str, grid: Any) -> None:
    search = pytest.importorskip("sklearn.model_selection").GridSearchCV
    linear = pytest.importorskip("sklearn.linear_model")
    xs = [[float(n)] for n in range(12)]
    found = search(getattr(linear, model)(), grid, cv=2).fit(xs, range(12))

    said = describe(found)

    best = ", ".join(f"{name}: {values[0]}" for name, values in grid.items())
    assert f"  best_params_ = {best}" in said
    assert f"  best_score_ = {found.best_score_}"[:20] in said


def test_what_was_fitted_is_told_and_rows_are_not() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    neighbors = pytest.importorskip("sklearn.neighbors")
    xs = [[424.25 + n, 7.5 * n] for n in range(6)]

    ridge = linear.Ridge().fit(xs, [2.5 * n for n in range(6)])
    near = neighbors.KNeighborsRegressor().fit(xs, range(6))

    assert f"intercept_ = {float(ridge.intercept_)}" in describe(ridge)
    assert f"coef_ = {ridge.coef_[0]:.6g}, {ridge.coef_[1]:.6g} (2)" in describe(ridge)
    assert "42" not in describe(near)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ({f"k{n}": [n, n] for n in range(60)}, "  an entry: list of 2 int"),
        (
            dict.fromkeys(range(90), ("Quimby", 1.5)),
            "  an entry: tuple of 2 str, float",
        ),
        ({f"Zeb Quimby{n}": {"total": n} for n in range(60)}, "    total: int, "),
        ({f"k{n}": {"a": n} for n in range(60)}, "    a: int, none missing, 0 to 59"),
    ],
)
def test_a_large_dict_has_the_shape_of_an_entry(value: Any, shape: str) -> None:
    said = describe(value)

    assert shape in said
    assert "Quimby" not in said


def test_a_figure_of_plotly_is_told_by_its_axes_and_traces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = types.ModuleType("plotly.basedatatypes")
    base = type("BaseFigure", (), {"__module__": module.__name__})
    vars(module)["BaseFigure"] = base
    monkeypatch.setitem(sys.modules, module.__name__, module)
    figure, empty = type("Figure", (base,), {})(), base()
    vars(figure)["_layout"] = {
        "title": {"text": "Prices by rooms"},
        "xaxis": {"title": {"text": "rooms"}},
        "yaxis": {},
    }
    vars(figure)["_data"] = [
        {"type": "scatter", "name": "north", "x": [1, 2, 3], "y": (4.25, 5, 6)},
        {"type": "bar", "name": "Zebulon Quimby", "x": ["Ann Voss"]},
        {"type": "pie"},
    ]

    assert describe(empty) == "plotly Figure, 0 traces"
    assert describe(figure).splitlines() == [
        "plotly Figure 'Prices by rooms', 3 traces",
        "  xaxis: 'rooms'",
        "  yaxis: no label",
        "  scatter 'north': 3 x, 3 y",
        "  bar (not named): 1 x",
        "  pie: no data",
    ]


def test_a_fitted_model_of_statsmodels_is_told_by_its_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    module = types.ModuleType("statsmodels.base.wrapper")
    wrapper = type("ResultsWrapper", (), {"__module__": module.__name__})
    vars(module)["ResultsWrapper"] = wrapper
    monkeypatch.setitem(sys.modules, module.__name__, module)
    space = types.SimpleNamespace
    columns = {"rooms": [1], "price": [2], "customer": ["Q"]}
    live = LiveTables({"df": pandas.DataFrame(columns)})

    def fitted(*terms: str, given: Any = None) -> str:
        rows = pandas.DataFrame([[1.0] * len(terms)], columns=list(terms))
        data = space(orig_exog=rows if given is None else given)
        model = space(data=data, nobs=1_200.0)
        result = wrapper()
        numbers = numpy.array([9.25, 0.125])
        vars(result)["_results"] = space(params=numbers, model=model)
        return describe(result, live=live)

    assert fitted("Intercept", "rooms").splitlines() == [
        "types.SimpleNamespace fitted (statsmodels), 1,200 rows",
        "  pandas Series, 2 rows, a summary:",
        "    value",
        "    Intercept  9.25",
        "    rooms  0.125",
    ]
    assert "params = 9.25, 0.125 (2)" in fitted(given=numpy.ones((3, 2)))
    assert "Quimby" not in fitted("const", "C(customer)[T.Zebulon Quimby]")
    assert describe(wrapper()).endswith("fitted (statsmodels)")


@pytest.mark.parametrize("column", ["customer", "patient", "who"])
def test_people_who_became_columns_are_no_names_of_columns(column: str) -> None:
    pandas = pytest.importorskip("pandas")
    visits = pandas.DataFrame(
        {column: ["Jarek", "Mirela"] * 2, "month": [1, 1, 2, 2], "n": [1, 2, 3, 4]}
    )
    by_person = visits.pivot(index="month", columns=column, values="n")

    live = LiveTables({"visits": visits, "by_person": by_person})

    assert live.columns == {column, "month", "n"}
    assert "Jarek" not in describe({"Jarek": 1.5, "Mirela": 2.5}, live=live)
