"""Replies that were cut, what models then wrote, and the reply that was meant."""

from __future__ import annotations

CODE = """\
import pandas as pd


def monthly(sales: pd.DataFrame) -> pd.DataFrame:
    \"\"\"Sum the amounts of each month.\"\"\"
    months = sales["date"].dt.to_period("M")
    total = sales.groupby(months)["amount"].sum()
    return total.reset_index()


print(monthly(sales).head())
"""

REPLIES = {
    "prose": (
        "The mean is *not* robust: a single outlier moves it.\n\nUse the **median**, "
        "or a trimmed mean; see `scipy.stats.trim_mean`. With $n = 20$ values, 10% is "
        "two on each side.\n\n> Robust estimators bound the influence of one value.\n"
    ),
    "code": (
        f"Here is a function:\n\n```python\n{CODE}```\n\nIt needs a column of dates.\n"
    ),
    "two blocks": (
        "First install it:\n\n```bash\npip install polars\n```\n\n"
        "Then load the file:\n\n"
        '```python\nimport polars as pl\n\ntrips = pl.read_csv("trips.csv")\n'
        'long = trips.filter(pl.col("km") > 10)\nprint(long.head())\n```\n\nThe second '
        "line keeps the long trips.\n"
    ),
    "list": (
        "### What to check\n\n1. **Types**: `df.dtypes` shows them.\n2. **Gaps**:\n"
        "   ```python\n   gaps = df.isna().sum()\n   print(gaps[gaps > 0])\n   ```\n"
        "   - fill them, or\n   - drop the rows.\n3. **Doubles**: `df.duplicated()`.\n"
    ),
    "table": (
        "| Method | Time | Notes |\n|--------|-----:|-------|\n"
        "| loop | 12.1 s | slow |\n"
        "| apply | 3.4 s | a little better |\n| vectors | 0.02 s | use this |\n\n"
        "Vectors win by far.\n"
    ),
    "json": (
        'The file looks so:\n\n```json\n{\n  "name": "sales",\n  "rows": [1, 2, 3],\n'
        '  "nested": {"a": null}\n}\n```\n'
    ),
    "tildes": "So:\n\n~~~py\nfor name in names:\n    print(name)\n~~~\n\nDone.\n",
}

SEAMS: dict[str, tuple[str, str, str]] = {
    # Plainly gone on with.
    "in a word": ("The me", "an is 3.", "The mean is 3."),
    "between words": ("The mean", " is 3.", "The mean is 3."),
    "at the end of a line": ("One.\n", "\nTwo.", "One.\n\nTwo."),
    "in code": ("```py\nx = [1,", " 2]\n```\n", "```py\nx = [1, 2]\n```\n"),
    "in the language": ("```pyt", "hon\nx\n```", "```python\nx\n```"),
    "in the closing mark": ("```py\nx\n``", "`\nOk.", "```py\nx\n```\nOk."),
    "nothing came": ("The mean", "", "The mean"),
    "only the end was missing": ("```py\nx = 1\n", "```", "```py\nx = 1\n```"),
    # The fence opened again.
    "opened again": (
        "```python\nx = 1\n",
        "```python\ny = 2\n```\n",
        "```python\nx = 1\ny = 2\n```\n",
    ),
    "opened again in a line": (
        "```python\nx = foo(1,",
        "```python\n 2)\n```\n",
        "```python\nx = foo(1, 2)\n```\n",
    ),
    "opened again at the next line": (
        "```python\nx = 1",
        "```python\ny = 2\n```\n",
        "```python\nx = 1\ny = 2\n```\n",
    ),
    "opened again without language": (
        "```python\nx = 1\n",
        "```\ny = 2\n```\n",
        "```python\nx = 1\ny = 2\n```\n",
    ),
    "opened again with another name": (
        "```python\nx = 1\n",
        "```py\ny = 2\n```\n",
        "```python\nx = 1\ny = 2\n```\n",
    ),
    "opened again behind half a mark": (
        "```python\nx = 1\n``",
        "```python\ny = 2\n```\n",
        "```python\nx = 1\ny = 2\n```\n",
    ),
    "opened again behind empty lines": (
        "```python\nx = 1\n",
        "\n\n```python\ny = 2\n```\n",
        "```python\nx = 1\ny = 2\n```\n",
    ),
    "opened again after a phrase": (
        "```python\nx = 1\n",
        "Continuing:\n\n```python\ny = 2\n```\n",
        "```python\nx = 1\ny = 2\n```\n",
    ),
    "opened again after a sentence": (
        "```python\ndef f():\n",
        "Sure! Here's the rest of the code:\n```python\n    return 1\n```\nDone.",
        "```python\ndef f():\n    return 1\n```\nDone.",
    ),
    "opened again after a word in brackets": (
        "```python\nx = 1\n",
        "(continued)\n\n```python\ny = 2\n```\n",
        "```python\nx = 1\ny = 2\n```\n",
    ),
    "opened again, and cut again": (
        "```python\nx = 1\n",
        "```python\ny = [",
        "```python\nx = 1\ny = [",
    ),
    "opened again in a list": (
        "1. so\n   ```python\n   x = 1\n",
        "   ```python\n   y = 2\n   ```\n2. and\n",
        "1. so\n   ```python\n   x = 1\n   y = 2\n   ```\n2. and\n",
    ),
    "opened again outside of the list": (
        "1. so\n   ```python\n   x = [",
        "```python\n1]\ny = 2\n```\n\n2. and\n",
        "1. so\n   ```python\n   x = [1]\n   y = 2\n   ```\n\n2. and\n",
    ),
    "tildes opened again": (
        "~~~py\nx = 1\n",
        "~~~py\ny = 2\n~~~\n",
        "~~~py\nx = 1\ny = 2\n~~~\n",
    ),
    "a phrase, and no fence": (
        "```python\ndef f():\n",
        "Here is the rest:\n\n    return 1\n```\n",
        "```python\ndef f():\n    return 1\n```\n",
    ),
    # Lines repeated.
    "half a line repeated": (
        "```python\ntotal = sum(va",
        "```python\ntotal = sum(values)\n```\n",
        "```python\ntotal = sum(values)\n```\n",
    ),
    "half a short line repeated": (
        "```python\nx = [1,",
        "```python\nx = [1, 2]\n```\n",
        "```python\nx = [1, 2]\n```\n",
    ),
    "half a line repeated without its indentation": (
        "```python\nif x:\n    total = sum(va",
        "total = sum(values)\n```\n",
        "```python\nif x:\n    total = sum(values)\n```\n",
    ),
    "a whole line repeated": (
        "```python\ntotal = sum(values)\n",
        "```python\ntotal = sum(values)\nprint(total)\n```\n",
        "```python\ntotal = sum(values)\nprint(total)\n```\n",
    ),
    "three lines repeated": (
        f"```python\n{CODE[:250]}",
        f"```python\n{CODE[170:]}```\n",
        f"```python\n{CODE}```\n",
    ),
    "the whole block repeated": (
        f"Here:\n\n```python\n{CODE[:200]}",
        f"```python\n{CODE}```\n",
        f"Here:\n\n```python\n{CODE}```\n",
    ),
    "a sentence repeated": (
        "Use the median. It bounds the influence of a sin",
        "It bounds the influence of a single value.",
        "Use the median. It bounds the influence of a single value.",
    ),
    "a line of prose repeated": (
        "# Title\n\nThe median is robu",
        "The median is robust.",
        "# Title\n\nThe median is robust.",
    ),
    "an item repeated": (
        "- first item\n- second it",
        "- second item\n- third item\n",
        "- first item\n- second item\n- third item\n",
    ),
    # What only looks repeated.
    "a word twice": ("It had", "had no effect.", "It hadhad no effect."),
    "a rule": ("--------", "--------\n", "----------------\n"),
    "nested calls": (
        "```python\nprint(",
        "print(1))\n```\n",
        "```python\nprint(print(1))\n```\n",
    ),
    "a line that comes again and again": (
        "```text\nrow of data 1234\nrow of data 1234\n",
        "row of data 1234\n```\n",
        "```text\nrow of data 1234\nrow of data 1234\nrow of data 1234\n```\n",
    ),
    # Tables.
    "in a row": (
        "| a | b |\n|---|---|\n| 1 |",
        " 2 |\n| 3 | 4 |\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n",
    ),
    "the head again": (
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
        "| a | b |\n|---|---|\n| 3 | 4 |\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n",
    ),
    "the head again, written wider": (
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
        "|  a  |  b  |\n| --- | --- |\n| 3 | 4 |\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n",
    ),
    "the head and half a row again": (
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | fo",
        "| a | b |\n|---|---|\n| 3 | four |\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | four |\n",
    ),
    "the next row": (
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "| 3 | 4 |\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n",
    ),
    "half a row again": (
        "| a | b |\n|---|---|\n| 1 | tw",
        "| 1 | two |\n",
        "| a | b |\n|---|---|\n| 1 | two |\n",
    ),
    "in the rule": (
        "| a | b |\n|---|--",
        "-|\n| 1 | 2 |\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
    ),
    # Where a block has just ended.
    "the closing mark again": (
        "```py\nx = 1\n```",
        "```\n\nThat is all.",
        "```py\nx = 1\n```\n\nThat is all.",
    ),
    "another block": (
        "```py\nx = 1\n```\n\nThen:",
        "```py\ny = 2\n```\n",
        "```py\nx = 1\n```\n\nThen:\n```py\ny = 2\n```\n",
    ),
    "a heading": ("That is it.", "## Next\n", "That is it.\n\n## Next\n"),
    "the next item": ("- one\n- two", "- three\n", "- one\n- two\n- three\n"),
    "the next item of an inner list": (
        "- one\n  - a",
        "  - b\n- two\n",
        "- one\n  - a\n  - b\n- two\n",
    ),
    "the next number": ("1. one\n2. two", "3. three\n", "1. one\n2. two\n3. three\n"),
}
