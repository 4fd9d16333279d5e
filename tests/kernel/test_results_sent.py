"""What a request says of the results and displays of cells, from a real kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from service import serve
from shells import Kernel, sent

pandas = pytest.importorskip("pandas")
PEOPLE = ("Zebulon Quimby", "Xanthe Oduya", "Ebenezer Okonkwo")
KINDS = {
    "customer,region,amount": ("north", "south", "west"),
    "patient,ward,days": ("A1", "B2", "C3"),
}


@pytest.fixture(scope="module")
def ask(kernel: Kernel) -> Iterator[Callable[[str], str]]:
    """Run a cell, ask about it, and return what was sent."""
    with serve() as url:
        kernel.run(f"%config Nemotron.base_url = '{url}'")

        def ask_about(cell: str) -> str:
            outcome = kernel.run(cell)
            assert outcome.status == "ok", outcome.error
            kernel.run("%nemotron -c 1 Why?")
            return sent(url)

        yield ask_about
        kernel.run("%unload_ext nemotron_magic\nget_ipython().config.pop('Nemotron')")
        kernel.run("%load_ext nemotron_magic")


@pytest.fixture(scope="module", params=KINDS)
def loaded(
    request: pytest.FixtureRequest,
    kernel: Kernel,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[str], pandas.DataFrame]:
    """Read a file in the kernel; return the names of its columns, and the table."""
    path: Path = tmp_path_factory.mktemp("files") / "table.csv"
    values = KINDS[request.param]
    rows = [f"{PEOPLE[n % 3]},{values[n % 3]},{n * 7 % 97}.{n:02}7" for n in range(30)]
    path.write_text("\n".join([request.param, *rows]))
    kernel.run(f"import pandas as pd\ndf = pd.read_csv({str(path)!r})")
    kernel.run("who, kind, figure = df.columns")
    return request.param.split(","), pandas.read_csv(path)


SUMMARIES = {
    "df.dtypes": lambda df, who, kind, figure: [f"{figure}  float64"],
    "df.columns": lambda df, who, kind, figure: [f"{who}, {kind}, {figure}"],
    "df.isna().sum()": lambda df, who, kind, figure: [f"{who}  0", f"{kind}  0"],
    "df.describe()": lambda df, who, kind, figure: [
        f"mean  {df[figure].mean():.6g}",
        f"75%  {df[figure].quantile(0.75):.6g}",
    ],
    "df.groupby(kind)[figure].mean()": lambda df, who, kind, figure: [
        f"{label}  {mean:.6g}"
        for label, mean in df.groupby(kind)[figure].mean().items()
    ],
    "df.groupby(who)[figure].sum()": lambda df, who, kind, figure: [
        f"value {place}  {total:.6g}"
        for place, total in enumerate(df.groupby(who)[figure].sum(), 1)
    ],
    "df[who].value_counts()": lambda df, who, kind, figure: ["value 3  10"],
    "pd.crosstab(df[kind], df[who])": lambda df, who, kind, figure: [
        f"{kind}  value 1  value 2  value 3"
    ],
    "df.nunique()": lambda df, who, kind, figure: [f"{who}  3", f"{figure}  30"],
}


@pytest.mark.parametrize("shown", ["{}", "display({})"])
@pytest.mark.parametrize("cell", SUMMARIES)
def test_a_summary_is_sent_with_its_numbers_and_nobody_in_it(
    cell: str, shown: str, loaded, ask: Callable[[str], str]
) -> None:
    names, frame = loaded
    text = ask(shown.format(cell))

    told = SUMMARIES[cell](frame, *names)
    assert [one for one in told if one not in text] == [], text
    assert [one for one in PEOPLE if one.split()[1] in text] == []


@pytest.mark.parametrize("cell", ["df.head()", "df[who].unique()", "df.iloc[1]"])
@pytest.mark.parametrize("shown", ["{}", "display({})"])
def test_rows_and_people_are_not_sent(
    cell: str, shown: str, loaded, ask: Callable[[str], str]
) -> None:
    _, frame = loaded
    text = ask(shown.format(cell))

    assert [one for one in PEOPLE if one.split()[1] in text] == []
    assert [one for one in frame.iloc[1:4, 2] if f"{one}" in text] == []


def test_an_object_of_unknown_class_is_sent_as_it_shows_itself(
    ask: Callable[[str], str], loaded
) -> None:
    cell = (
        "class Fit:\n    def __repr__(self):\n"
        "        return f'Fit(slope=1.25)\\nbest of {df[who][0]}\\nsteps: 7'\nFit()"
    )
    text = ask(cell)

    assert "Fit object, which shows:\n  Fit(slope=1.25)\n  steps: 7" in text
    assert "Quimby" not in text
