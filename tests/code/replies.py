"""Replies in the shapes that models send, and the cells that are in each of them.

A case is a name, the reply, and the sources of its cells. `sql` is a magic that is
there, as after `%load_ext sql`; `R` and `julia` are not.
"""

from __future__ import annotations

MAGICS = ("bash", "capture", "html", "javascript", "js", "latex", "markdown", "perl",
          "ruby", "sh", "sql", "svg", "time", "timeit", "writefile")  # fmt: skip

CODE = """\
import pandas as pd

df = pd.read_csv("sales.csv")

# Sum by region; `observed` keeps empty ones out.
total = df.groupby("region", observed=True)["amount"].sum()
print(f"{total.max():.2f} €")"""

FUNCTION = '''\
def clean(text: str) -> str:
    """Strip and lower.

    >>> clean(" A ")
    'a'
    """
    return text.strip().lower()'''

FENCE_IN_CODE = '''\
PROMPT = """
Answer in this form:

```python
print("hello")
```
Nothing else.
"""
print(PROMPT)'''

FENCE_IN_TEXT = '''\
def clean(text: str) -> str:
    """Strip.

    ```python
    clean(" a ")
    ```
    """
    return text.strip()'''

LOOP = "if x:\n    print(x)"
JSON = '{\n  "name": "sales",\n  "rows": [1, 2, null]\n}'
TABLE = "| a | b |\n|---|---|\n| 1 | 2 |\n"
ERROR = """\
Traceback (most recent call last):
  File "<stdin>", line 1, in <module>
KeyError: 'region'"""
IPYTHON_ERROR = """\
---------------------------------------------------------------------------
KeyError                                  Traceback (most recent call last)
Cell In[3], line 1
----> 1 df["region"]

KeyError: 'region'"""
PRINTED = """\
   region  amount
0   North    12.5
1   South     9.0"""


def fence(code: str, language: str = "python", mark: str = "```") -> str:
    return f"{mark}{language}\n{code}\n{mark}\n"


def indented(text: str, by: str) -> str:
    return "".join(
        by + line if line.strip() else line for line in text.splitlines(keepends=True)
    )


REPLIES: dict[str, tuple[str, list[str]]] = {
    # One block, under every name that Python has.
    "python": (f"Here is the code:\n\n{fence(CODE)}\nRun it.", [CODE]),
    "py": (fence(CODE, "py"), [CODE]),
    "python3": (fence(CODE, "python3"), [CODE]),
    "ipython": (fence(CODE, "ipython"), [CODE]),
    "ipython3": (fence(CODE, "ipython3"), [CODE]),
    "upper case": (fence(CODE, "Python"), [CODE]),
    "braces": (fence(CODE, "{python}"), [CODE]),
    "pandoc": (fence(CODE, "{.python .numberLines}"), [CODE]),
    "quarto": (fence(CODE, "{python, echo=FALSE}"), [CODE]),
    "myst": (fence(CODE, "{code-cell} ipython3"), [CODE]),
    "title": (fence(CODE, 'python title="sales.py"'), [CODE]),
    "file name": (fence(CODE, "python:sales.py"), [CODE]),
    "space before the language": (fence(CODE, " python"), [CODE]),
    "marked lines": (fence(CODE, "python{1,3}"), [CODE]),
    "jupyter": (fence(CODE, "jupyter"), [CODE]),
    "no language": (f"Try:\n\n{fence(CODE, '')}", [CODE]),
    "a look at a column, no language": (fence('df["region"]', ""), ['df["region"]']),
    "tildes": (f"Try:\n\n{fence(CODE, 'python', '~~~')}\nDone.", [CODE]),
    "many backticks": (fence(CODE, "python", "`````"), [CODE]),
    "windows": (fence(CODE).replace("\n", "\r\n"), [CODE]),
    "no empty line before the fence": (f"Here:\n{fence(CODE)}That is it.", [CODE]),
    "empty lines in the fence": (f"```python\n\n\n{CODE}\n\n\n```", [CODE]),
    "no end of line": (f"```python\n{CODE}\n```", [CODE]),
    "cut in the code": (f"Here:\n\n```python\n{CODE}", [CODE]),
    "cut in the closing fence": (f"Here:\n\n```python\n{CODE}\n``", [CODE]),
    "doctest in a docstring": (fence(FUNCTION), [FUNCTION]),
    "a version": (fence(CODE, "python3.12"), [CODE]),
    # Two and more.
    "two": (
        f"First:\n\n{fence('x = 1')}\nThen, so that it shows:\n\n{fence('print(x)')}",
        ["x = 1", "print(x)"],
    ),
    "install, then code": (
        f"Install it:\n\n{fence('pip install polars', 'bash')}\nThen:\n\n"
        f"{fence('import polars as pl')}",
        ["%pip install polars", "import polars as pl"],
    ),
    "code, then output": (
        f"{fence('print(sum([1, 2]))')}\nOutput:\n\n{fence('3', '')}",
        ["print(sum([1, 2]))"],
    ),
    "code, then a list as output": (
        f"{fence('[n * n for n in range(3)]')}\nOutput:\n\n{fence('[0, 1, 4]')}",
        ["[n * n for n in range(3)]"],
    ),
    "code, then a printed array": (
        f"{fence('a + 1')}\nThis gives\n\n{fence('array([2, 3, 4])', '')}",
        ["a + 1"],
    ),
    "code, then a printed table": (
        f"{fence('df.head(2)')}\n{fence(PRINTED, '')}",
        ["df.head(2)"],
    ),
    "wrong and right": (
        f"Instead of\n\n{fence('df.ix[0]')}\nwrite\n\n{fence('df.iloc[0]')}",
        ["df.ix[0]", "df.iloc[0]"],
    ),
    "three languages": (
        f"{fence('<b>hi</b>', 'html')}\n{fence('alert(1)', 'js')}\n"
        f"{fence('SELECT 1', 'sql')}",
        ["%%html\n<b>hi</b>", "%%javascript\nalert(1)", "%%sql\nSELECT 1"],
    ),
    # In lists, quotes, other fences.
    "in a list": (
        f"1. Load the data:\n\n{indented(fence(CODE), '   ')}\n2. Look at it.\n",
        [CODE],
    ),
    "in a nested list": (
        f"- a\n  - b\n\n{indented(fence(FUNCTION), '    ')}\n- c\n",
        [FUNCTION],
    ),
    "two in a list": (
        f"1. **One**\n{indented(fence('x = 1'), '   ')}2. **Two**\n"
        f"{indented(fence(LOOP), '   ')}",
        ["x = 1", LOOP],
    ),
    "fence at the bullet": ("- ```python\n  x = 1\n  y = 2\n  ```\n", ["x = 1\ny = 2"]),
    "code indented more than its fence": (
        "1. so:\n   ```python\n       x = 1\n       y = 2\n   ```\n",
        ["x = 1\ny = 2"],
    ),
    "in a quote": (f"> Try\n>\n{indented(fence('x = 1'), '> ')}\nok", ["x = 1"]),
    "in a list in a quote": (
        "> 1. so\n>    ```py\n>    for x in y:\n>        x()\n>    ```\n",
        ["for x in y:\n    x()"],
    ),
    "python in markdown": (
        fence(f"# Title\n\nText.\n\n{fence(CODE)}\nMore text.", "markdown", "````"),
        [CODE],
    ),
    "python in markdown, marks too short": (
        f"```markdown\n# Title\n\n{fence(CODE)}\nMore text.\n```\n",
        [CODE],
    ),
    "a method, indented": (
        fence("    def size(self):\n        return self.n"),
        ["def size(self):\n    return self.n"],
    ),
    "a fence in a text of the code": (
        f"So:\n\n{fence(FENCE_IN_CODE)}\nThat prints it.",
        [FENCE_IN_CODE],
    ),
    "in details": (
        f"<details><summary>Code</summary>\n\n{fence('x = 1')}\n</details>",
        ["x = 1"],
    ),
    "between table and prose": (f"{TABLE}\n{fence('x = 1')}\n{TABLE}", ["x = 1"]),
    # Fences set a little wrong.
    "opened behind prose": (f"Here is the code: {fence(CODE)}Run it.", [CODE]),
    "closed behind code": (
        f"```python\n{CODE}```\n\nThis reads the file and sums it.\n",
        [CODE],
    ),
    "closed behind code, then another": (
        f"```python\nx = 1```\n\nThen:\n\n{fence('print(x)')}",
        ["x = 1", "print(x)"],
    ),
    "closed with a language": (f"```python\n{CODE}\n```python\n", [CODE]),
    "closed with prose behind the mark": (
        f"```python\n{CODE}\n``` This sums the amounts.\n\n{fence('print(x)')}",
        [CODE, "print(x)"],
    ),
    "closed by fewer backticks": (
        f"````python\n{CODE}\n```\nThat was it.\n",
        [CODE],
    ),
    "closed by another mark": (f"~~~python\n{CODE}\n```\nThat was it.\n", [CODE]),
    "in a quote in a list": (
        f"- > ```python\n{indented(LOOP, '  > ')}\n  > ```\n- b\n",
        [LOOP],
    ),
    "indented below a paragraph": (
        f"Step 1:\n\n{indented(fence(FUNCTION), '    ')}\nStep 2:\n",
        [FUNCTION],
    ),
    "indented right below a line": (
        f"Step 1:\n{indented(fence(CODE), '    ')}\nStep 2:\n",
        [CODE],
    ),
    "indented by a tab": (f"So:\n\n{indented(fence('x = 1'), chr(9))}", ["x = 1"]),
    "at the number, its code at the margin": (f"1. {fence(CODE)}2. Run it.", [CODE]),
    "opened twice": (f"```python\n```python\n{CODE}\n```\n```", [CODE]),
    "a fence in a text of the code, at a bullet": (
        "- ```python\n  x = '''\n  ```\n  '''\n  ```\n\nf(x)\ng(x)\nh(x)\n",
        ["x = '''\n```\n'''"],
    ),
    "in a fence without language": (
        fence(f"So:\n\n{fence('x = 1')}", "", "````"),
        ["x = 1"],
    ),
    # Prompts.
    "doctest": (
        fence(">>> import math\n>>> math.sqrt(4)\n2.0\n>>> math.pi\n3.14"),
        ["import math\nmath.sqrt(4)\nmath.pi"],
    ),
    "doctest, no language": (
        fence(">>> for n in range(2):\n...     print(n)\n...\n0\n1\n>>> n\n1", ""),
        ["for n in range(2):\n    print(n)\n\nn"],
    ),
    "pycon": (fence(">>> x = 1\n>>> x\n1", "pycon"), ["x = 1\nx"]),
    "doctest in a console": (fence(">>> x = 1\n>>> x\n1", "console"), ["x = 1\nx"]),
    "ipython prompts": (
        fence(
            "In [1]: x = 1\n\nIn [2]: if x:\n   ...:     print(x)\n   ...:\n1\n\n"
            "In [3]: x\nOut[3]: 1",
            "ipython",
        ),
        ["x = 1\nif x:\n    print(x)\n\nx"],
    ),
    # The shell.
    "shell": (
        fence("ls -l data\nwc -l data/*.csv", "shell"),
        ["%%bash\nls -l data\nwc -l data/*.csv"],
    ),
    "sh": (fence("ls", "sh"), ["%%bash\nls"]),
    "shell prompts": (
        fence("$ ls data\na.csv\nb.csv\n$ head -1 data/a.csv\nregion,amount", "bash"),
        ["%%bash\nls data\nhead -1 data/a.csv"],
    ),
    "shell prompts, no language": (
        fence("$ cd data\n$ ls \\\n    -l \\\n    -a\ntotal 0", ""),
        ["%%bash\ncd data\nls \\\n    -l \\\n    -a"],
    ),
    "shell prompts in a console": (
        fence("(base) ana@host:~/work$ ls\na.csv", "console"),
        ["%%bash\nls"],
    ),
    "pip with a prompt": (fence("$ pip install polars", ""), ["%pip install polars"]),
    "pip, no language": (fence("pip install polars", ""), ["%pip install polars"]),
    "pip said to be python": (
        fence("pip install polars", "python"),
        ["%pip install polars"],
    ),
    "pip of many lines": (
        fence("# needed\npip3 install -U polars \\\n    'duckdb>=1'\n  # all", "bash"),
        ["# needed\n%pip install -U polars \\\n    'duckdb>=1'\n  # all"],
    ),
    "python -m pip": (
        fence("python -m pip install polars", "sh"),
        ["%pip install polars"],
    ),
    "conda": (
        fence("conda install -c conda-forge polars", "bash"),
        ["%conda install -c conda-forge polars"],
    ),
    "pip and more": (
        fence("pip install polars && python run.py", "bash"),
        ["%%bash\npip install polars && python run.py"],
    ),
    "commands, no language": (
        fence("git clone https://example.org/a.git\ncd a", ""),
        ["%%bash\ngit clone https://example.org/a.git\ncd a"],
    ),
    # Magics that are there already.
    "cell magic in python": (fence("%%time\nx = 1"), ["%%time\nx = 1"]),
    "cell magic in bash": (fence("%%bash\nls", "bash"), ["%%bash\nls"]),
    "cell magic, no language": (fence("%%html\n<b>x</b>", ""), ["%%html\n<b>x</b>"]),
    "line magics": (
        fence("%matplotlib inline\n!ls\nfiles = !ls\ndf?"),
        ["%matplotlib inline\n!ls\nfiles = !ls\ndf?"],
    ),
    "bang pip": (fence("!pip install polars", ""), ["!pip install polars"]),
    "line magics said to be bash": (
        fence("%pip install polars\n!apt-get install -y jq", "bash"),
        ["%pip install polars\n!apt-get install -y jq"],
    ),
    "line magic said to be sql": (fence("%sql SELECT 1", "sql"), ["%sql SELECT 1"]),
    # What is no cell.
    "prose": ("Yes. A DataFrame has columns, and `df.columns` names them.", []),
    "prose that would compile": ("None", []),
    "prose that would compile, a sentence": ("this is fine", []),
    "prose with a colon": ("Note: None", []),
    "heading": ("# A heading", []),
    "empty": ("", []),
    "inline code": ("Use ```df.head()``` or `df.tail()`.", []),
    "empty block": ("```python\n```\n", []),
    "only the fence": ("```", []),
    "a comment that asks, and a value": (fence("# Which one?\n3", ""), []),
    "a comment that asks": (fence("# Which one?", ""), []),
    "text": (fence("x = 1", "text"), []),
    "json": (fence(JSON, "json"), []),
    "json, no language": (fence(JSON, ""), []),
    "csv": (fence("a,b\n1,2", "csv"), []),
    "output": (fence("x = 1", "output"), []),
    "console output": (fence("Epoch 1/2\nloss = 0.3", "console"), []),
    "log, no language": (fence("Epoch 1/2\nloss: 0.3 - acc: 0.9", ""), []),
    "printed words, no language": (fence("Accuracy: high", ""), []),
    "table, no language": (fence(PRINTED, ""), []),
    "tree, no language": (fence("data/\n├── a.csv\n└── b.csv", ""), []),
    "path, no language": (fence("data/raw/a.csv", ""), []),
    "file, no language": (fence("sales.csv", ""), []),
    "diff": (fence("-x = 1\n+x = 2", "diff"), []),
    "diff said to be python": (fence(" y = 0\n-x = 1\n+x = 2"), []),
    "diff, no language": (fence("--- a.py\n+++ b.py\n@@ -1 +1 @@\n-x\n+y", ""), []),
    "traceback": (fence(ERROR, ""), []),
    "traceback said to be python": (fence(ERROR), []),
    "traceback of ipython": (fence(IPYTHON_ERROR, ""), []),
    "pytb": (fence(ERROR, "pytb"), []),
    "formula": (fence("E = m c^2", ""), []),
    "mermaid": (fence("graph TD\n  A --> B", "mermaid"), []),
    "rust": (fence("fn main() {}", "rust"), []),
    "R that is not loaded": (fence("x <- 1", "r"), []),
    "yaml": (fence("a: 1", "yaml"), []),
    "markdown": (fence("# Title\n\nprint(x) is a call.", "markdown"), []),
    "prose about fences": ("Begin the block with ```python\nand end it later.", []),
    # No fence at all.
    "bare code": (CODE, [CODE]),
    "bare code below its language": (f"python\n{CODE}", [CODE]),
    "bare function": (FUNCTION, [FUNCTION]),
    "bare function with a fence in its text": (FENCE_IN_TEXT, [FENCE_IN_TEXT]),
    "bare call": ("df.describe()\n", ["df.describe()"]),
    "bare magic": ("%pip install polars", ["%pip install polars"]),
    "bare doctest": (">>> x = 1\n>>> x\n1\n", ["x = 1\nx"]),
    "bare code with prose": (f"Here is the code:\n\n{CODE}", []),
}

# A fence that the model forgot to close: where prose begins, it looks like code yet.
NEVER_CLOSED: dict[str, tuple[str, list[str]]] = {
    "with a sentence": (
        f"```python\n{CODE}\n\nThis reads the file and sums the amounts.\n",
        [CODE],
    ),
    "with a heading and a list": (
        f"```python\n{FUNCTION}\n\n### How it works\n\n1. It strips the text of it.",
        [FUNCTION],
    ),
    "with bold words": (
        f"So:\n\n```py\n{CODE}\n\n**Note:** the file has to be there.\n\nx",
        [CODE],
    ),
    "with one bold word": (f"```py\n{CODE}\n\n**Output:**\n\n3", [CODE]),
    "cut in a statement that begins like a sentence": (
        "```py\nx = 1\n\nTrue if x",
        ["x = 1\n\nTrue if x"],
    ),
    "not closed before the next": (
        f"```python\nx = 1\n\nThen:\n\n{fence('print(x)')}",
        ["x = 1", "print(x)"],
    ),
}
