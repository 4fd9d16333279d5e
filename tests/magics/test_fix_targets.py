"""`fix` takes the cell that failed, and the values that it needs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from service import Address
from shells import Kernel, Shell, sent

pytestmark = pytest.mark.kernel

PREPARED = """
import functools
import pandas as pd
sales = pd.DataFrame({"region": ["n", "s"], "total": [1, 2]})
def by_region():
    return sales.groupby("regoin").sum()
def clean(frame):
    kept = frame.dropna()
    return kept["totl"]
class Report:
    def __init__(self, frame):
        self.df = frame
    def total(self):
        return self.df["totl"].sum()
report = Report(sales)
class Year(Report):
    def share(self, column):
        part = self.df[
            column
        ]
        return part
@functools.lru_cache
def cached():
    return report.total()
def compare(frame):
    return frame.apply(lambda row: row["a"], axis=1)
"""


def sent_by_fix(shell: Shell, service: Address, *cells: str, fix: str = "fix") -> str:
    for cell in (PREPARED, *cells):
        shell.run(cell)
    shell.run(f"%nemotron -q {fix}")
    return sent(service)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("%time sales['totl']", "value sales>"),
        ("%%time\nsales['totl']", "value sales>"),
        ("%%time\nx = 1\nsales['totl'].sum()", "value sales>"),
        ("%timeit -n 1 -r 1 sales['totl']", "value sales>"),
        ("%%timeit -n1 -r1\nsales['totl']", "value sales>"),
        ("x = %time sales['totl']", "value sales>"),
        ("by_region()", "value sales>"),
        ("for _ in range(3):\n    by_region()", "value sales>"),
        ("clean(sales)", "value kept in clean()>"),
        ("clean(sales[sales.total > 1])", "value kept in clean()>"),
        ("report.total()", "value self.df in total()>"),
        ("Year(sales).share('totl')", "value self.df in share()>"),
        ("cached()", "value self.df in total()>"),
        ("%time by_region()", "value sales>"),
        ("[clean(one) for one in [sales]]", "value kept in clean()>"),
    ],
)
def test_the_values_that_the_failing_lines_name_are_described(
    shell: Shell, service: Address, cell: str, value: str
) -> None:
    told = sent_by_fix(shell, service, cell)

    assert value in told
    assert "total" in told.partition(value)[2].partition("\n<")[0]
    assert "site-packages" not in told


def test_the_last_result_is_a_value_of_the_user(shell: Shell, service: Address) -> None:
    told = sent_by_fix(shell, service, "sales", "_['totl']")

    assert "value _>" in told


def test_of_an_error_before_the_last_the_names_are_taken_from_its_text(
    shell: Shell, service: Address
) -> None:
    told = sent_by_fix(shell, service, "by_region()", "1 / 0", fix="-c none fix: first")
    shell.run("%%nemotron -q fix\nby_region()")

    assert "value sales>" not in told
    assert "value sales>" in sent(service)


def test_a_secret_that_a_failing_line_names_stays_here(
    shell: Shell, service: Address
) -> None:
    told = sent_by_fix(
        shell,
        service,
        "pw = 'kirschbaum'",
        "def login(password):\n    return int(password)\nlogin(pw)",
    )

    assert "kirschbaum" not in told


def test_describing_values_of_an_error_runs_no_code_of_the_users(
    shell: Shell, service: Address
) -> None:
    sent_by_fix(
        shell,
        service,
        "ran = []\nclass Trap:\n    @property\n    def df(self):\n"
        "        ran.append(1)\n        raise KeyError('x')\n"
        "    def __repr__(self):\n        ran.append(2)\n        return ''\n"
        "    def go(self):\n        return self.df\nTrap().go()",
    )

    assert shell["ran"] == [1]


# ---- which cell


FAILS = "total = sales['totl'].sum()"
LIKE_IT = "total = sales['total'].sum()"


@pytest.fixture
def told(kernel: Kernel) -> Callable[..., str]:
    """Return what `fix` would send after some cells, each with its id."""

    def after(*cells: tuple[str, str]) -> str:
        kernel.run(PREPARED, "prepared")
        for code, cell_id in cells:
            kernel.run(code, cell_id)
        shown = kernel.run("%nemotron --preview fix", "asking")
        return shown.error or str(shown.outputs[0]["data"]["text/plain"])

    return after


@pytest.mark.parametrize(
    "cell",
    [
        "nowhere()",
        "get_ipython().no",
        "In[99]",
        "pd.read_csv('nowhere.csv')",
        "from json import loads, JSONDecoder\nJSONDecoder(), loads('{')",
        "import math, time\ntime.sleep(math.sqrt(-1))",
        "from math import sqrt\nsqrt(-1)",
        "f = r = b = lambda: 1\nassert rb'', f'{nowhere}'",
        "import collections\ncollections.Counter().no",
    ],
)
def test_what_is_no_value_of_the_user_is_not_described(
    told: Callable[..., str], cell: str
) -> None:
    asked = told((cell, "failed"))

    assert cell in asked
    assert "Error: " in asked
    assert not re.findall("<[^>]* value .*>", asked)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("class Tax:\n    rate = 1\nTax.rat", "Tax"),
        ("pairs = [(1, 2)]\nf'{pairs[3]}'", "pairs"),
        ("import types\nmine = types.ModuleType('mine')\n"
         "mine.rate = 3\nmine.rate.no", "mine.rate"),
    ],
)  # fmt: skip
def test_what_a_cell_makes_itself_is_described(
    told: Callable[..., str], cell: str, value: str
) -> None:
    asked = told((cell, "failed"))

    assert re.findall("<[^>]* value (.*)>", asked) == [value]


def test_a_neighbour_that_is_like_it_mends_no_cell(told: Callable[..., str]) -> None:
    asked = told(("1 / 0", "old"), (FAILS, "failed"), (LIKE_IT, "neighbour"))

    assert FAILS in asked
    assert "1 / 0" not in asked


def test_the_same_cell_mends_it(told: Callable[..., str]) -> None:
    asked = told(("[][1]", "old 2"), (FAILS, "failed 2"), (LIKE_IT, "failed 2"))

    assert "[][1]" in asked
    assert FAILS not in asked


def test_without_ids_what_is_like_it_mends_it(shell: Shell, service: Address) -> None:
    for cell in (PREPARED, "1 / 0", FAILS, LIKE_IT, "%nemotron -q fix"):
        shell.run(cell)

    assert "\n1 / 0\n" in sent(service)
    assert FAILS not in sent(service)
