"""Take README's picture of code that was tried.

    python tests/browser/pictures.py

A service on this machine gives replies that were written by hand; the page, the kernel
and the verdicts are real.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.extend(str(Path(__file__).parents[1] / name) for name in ("", "support"))

from lab_server import serve
from notebook_page import NotebookPage, chromium
from scripted_replies import Replies

EXAMPLES = Path(__file__).parents[2] / "examples"
LOAD = """%load_ext nemotron_magic
import pandas as pd
sales = pd.DataFrame({"region": ["North", "South", "North", "West"],
                      "paid": ["1,200", "800", "950", "2,100"]})"""
ASK = """%%nemotron --code --try --repair 1
The revenue by region, the largest first, from $`sales`."""
WRONG = """`paid` can be converted while it is summed:

```python
sales["paid"] = sales["paid"].astype(float)
sales.groupby("region")["paid"].sum().sort_values(ascending=False)
```
"""
RIGHT = """`paid` holds texts with a comma in the thousands, so that goes first:

```python
sales["paid"] = sales["paid"].str.replace(",", "").astype(float)
sales.groupby("region")["paid"].sum().sort_values(ascending=False)
```
"""


def take(folder: Path) -> Path:
    """Ask in a fresh JupyterLab; return the picture of the page."""
    replies = Replies()
    replies.replies = [WRONG, RIGHT]
    environ = {"AIMLAPI_API_BASE": replies.url}
    with serve(folder, environ) as server, chromium() as context:
        name = "sales.ipynb"
        page = NotebookPage(server, context.new_page(), name, EXAMPLES)
        page.resize(1000, 900)
        page.open("lab", [LOAD, ASK])
        page.page.keyboard.press("Control+b")  # without the list of files
        for index in (0, 1):
            page.run(index)
            page.wait_idle()
        page.run(2)
        page.wait_idle()
        picture = page.screenshot("trial")
    replies.close()
    return picture


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        print(take(Path(place)))
