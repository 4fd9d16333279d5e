"""Code that has been tried, as its user meets it in a page."""

from __future__ import annotations

import sys

import pytest
from notebook_page import FrontEnd, NotebookPage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="trials need Linux")

LOAD = """import pandas as pd
sales = pd.DataFrame({"region": list("NSNS"), "usd": [3, 4, 5, 6]})
%load_ext nemotron_magic
%nemotron rehearse"""
RUNS = """%%nemotron --code --try -c none
rehearsal: say By region:

```python
by_region = sales.groupby("region")["usd"].sum()
by_region.sort_values(ascending=False)
```
rehearsal: end"""
FAILS = RUNS.replace("By region:", "So:").replace(
    "by_region.sort_values(ascending=False)", 'by_region.loc["W"]'
)
WAITS = """%%nemotron --code --try -c none
rehearsal: say Slowly:

```python
import time
time.sleep(4)
```
rehearsal: end"""


def test_a_verdict_stands_below_the_code_and_time_goes_by_meanwhile(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    page = notebook_page
    page.open(front_end, [LOAD, RUNS, FAILS, WAITS])
    for index in (0, 1, 3):  # below each question is the cell that it gave
        page.run(index)
        page.wait_idle()
    page.run(5)
    page.wait_for_text(5, "trying … 2 s")
    page.screenshot(f"trying-{front_end}-waiting")
    page.wait_idle()

    runs, fails, waits = (page.text(index) for index in (1, 3, 5))
    page.screenshot(f"trying-{front_end}-light")
    page.theme("dark")
    page.screenshot(f"trying-{front_end}-dark")
    page.theme("light")
    assert "runs (" in runs
    assert "gives Series of 2. Nothing of yours was changed." in runs
    assert "fails: KeyError 'W', line 2." in fails
    assert "trying" not in waits
    assert "runs (4.0" in waits
