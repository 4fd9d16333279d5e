"""The command `rows`, as it is typed: pilot, rest, flags, runs, checks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from counting_service import Answer, CountingService, good
from shells import Shell

AS = '--as "tone: good|bad, why"'


class Notebook:
    """A shell whose questions go to a counting service."""

    def __init__(self, shell: Shell, service: CountingService) -> None:
        self.shell, self.service = shell, service
        shell.run(f"%config Nemotron.base_url = {service.url!r}")
        shell.run("%config Nemotron.model = 'm'")
        rows = [f"{'bad' if n % 3 else 'good'} soap {n}" for n in range(40)]
        truth = ["good", "bad"] * 20
        frame = pd.DataFrame({"review": rows, "title": "x", "truth": truth})
        shell.ip.user_ns["df"] = frame

    def ask(self, line: str, cell: str = "What tone?") -> Any:
        return self.shell.run(f"%%nemotron {line}\n{cell}")

    def __getitem__(self, name: str) -> Any:
        return self.shell[name]


@pytest.fixture
def notebook(shell: Shell, home: Path) -> Iterator[Notebook]:
    service = CountingService()
    yield Notebook(shell, service)
    service.close()


def test_five_rows_are_asked_first_and_the_rest_with_all(notebook: Notebook) -> None:
    pilot = notebook.ask(f"{AS} -o out rows: df.review")
    asked = sum(notebook.service.asked.values())
    assert (pilot.status, asked) == ("ok", 5)
    assert "5 of 40 rows · $0.00010 · all: about $0.00080 ±" in pilot.text
    assert "Sent: column review · 0 secrets redacted" in pilot.text
    assert notebook["out"].tone.notna().sum() == 5

    done = notebook.ask(f"{AS} -o out --all rows: df.review")

    assert "40 rows · 35 asked · $0.00080" in done.text
    assert set(notebook.service.asked.values()) == {1}
    assert notebook["out"].tone.tolist()[:2] == ["good", "bad"]
    assert notebook["out"].index.equals(notebook["df"].index)


@pytest.mark.parametrize("flags", ["", "--sample 7"])
def test_a_pilot_that_asks_nothing_anew_says_no_time(
    notebook: Notebook, flags: str
) -> None:
    first = notebook.ask(f"{AS} {flags} -o out rows: df.review")
    again = notebook.ask(f"{AS} {flags} -o out rows: df.review")

    assert re.search(r"about \$\S+ ± \$\S+, \d+ s at 16 at once · `--all`", first.text)
    assert re.search(r"about \$\S+ ± \$\S+ · `--all`", again.text)


def test_rows_that_cost_the_same_have_no_error_of_nothing(notebook: Notebook) -> None:
    notebook.shell.run("same = [f'soap {n:03}' for n in range(30)]")

    done = notebook.ask(f"{AS} -o out rows: same")

    assert re.search(r"all: about \$0.00060, \d+ s at 16 at once", done.text)
    assert "±" not in done.text


def test_a_pilot_shows_what_was_asked_and_counts_no_empty_row(
    notebook: Notebook,
) -> None:
    notebook["df"].loc[[0, 1], "review"] = None
    pilot = notebook.ask(f"{AS} -o out rows: df.review")

    assert "5 of 40 rows · " in pilot.text
    assert "\n0 " not in pilot.text


@pytest.mark.parametrize(
    ("spec", "columns"),
    [
        ("Review", ["tone", "stars"]),
        ("Tone", ["out"]),
        ("Stars", ["out"]),
        ("Loose", ["a", "b"]),
    ],
)
def test_rows_may_be_of_a_type_of_the_notebook(
    notebook: Notebook, spec: str, columns: list[str]
) -> None:
    notebook.shell.run(
        "from dataclasses import dataclass\n"
        "from enum import Enum\n"
        "from typing import Literal, TypedDict\n"
        "Tone = Literal['good', 'bad']\n"
        "class Stars(Enum):\n    ONE = 1\n    TWO = 2\n    THREE = 3\n"
        "@dataclass\nclass Review:\n    tone: Tone\n    stars: int\n"
        "class Loose(TypedDict):\n    a: int\n    b: Tone\n"
    )

    done = notebook.ask(f"--as {spec} -o out --all rows: df.review")

    assert done.status == "ok"
    assert [*notebook["out"].columns][: len(columns)] == columns


@pytest.mark.parametrize("typed", ["Reveiw", "Reviews", "Reviwe"])
@pytest.mark.parametrize("where", ["-o out rows: df.review", "what is it?"])
def test_a_type_whose_name_is_misspelled_is_not_asked_for(
    notebook: Notebook, typed: str, where: str
) -> None:
    notebook.shell.run("class Review:\n    tone: str\n")

    done = notebook.ask(f"--as {typed} {where}")

    assert f"there is no type {typed}" in done.error
    assert "Did you mean: --as Review" in done.error
    assert not notebook.service.bodies


@pytest.mark.parametrize("typed", ["$`df.review`", "`df.review`", "$`df['review']`"])
def test_rows_may_be_written_as_a_value_in_a_question(
    notebook: Notebook, typed: str
) -> None:
    done = notebook.ask(f"{AS} -o out --all rows: {typed}")

    assert "40 rows · 40 asked" in done.text


def test_of_a_dask_frame_no_partition_is_computed_twice(notebook: Notebook) -> None:
    import dask
    import dask.dataframe as dd

    computed: list[int] = []

    def part(number: int) -> pd.DataFrame:
        computed.append(number)
        return pd.DataFrame({"review": [f"soap {number} {n}" for n in range(10)]})

    lazy = dd.from_map(part, range(4), meta=pd.DataFrame({"review": ["soap"]}))
    notebook.shell.ip.user_ns["lazy"] = lazy
    with dask.config.set(scheduler="synchronous"):
        computed.clear()
        pilot = notebook.ask(f"{AS} -o out rows: lazy")
        for_pilot = [*computed]
        done = notebook.ask(f"{AS} -o out --all rows: lazy")

    assert for_pilot == [0]
    assert computed == [0, *range(4)]
    assert "5 of 10 rows in the first of 4 partitions" in pilot.text
    assert "all of these: about $0.00020" in pilot.text
    assert "40 rows · 35 asked" in done.text


def test_few_rows_are_all_asked_at_once(notebook: Notebook) -> None:
    notebook.shell.run("few = df.review.head(19)")

    notebook.ask(f"{AS} -o out rows: few")

    assert sum(notebook.service.asked.values()) == 19


def test_the_preview_has_the_bytes_that_the_service_gets(notebook: Notebook) -> None:
    shown = notebook.ask(f'{AS} --preview rows: df[["title", "review"]]', "{review}!")
    assert not notebook.service.asked

    notebook.ask(f'{AS} --all --at-once 1 rows: df[["title", "review"]]', "{review}!")

    body = json.loads(notebook.service.bodies[0])
    prompts = re.findall(r"```prompt\n(.*?)\n```", shown.text, re.DOTALL)
    assert prompts == [message["content"] for message in body.pop("messages")]
    (fields,) = re.findall(r"```json\n(.*?)\n```", shown.text, re.DOTALL)
    assert json.loads(fields) == body
    assert "title" not in notebook.service.bodies[0].decode()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            f"{AS} rows: df.review --all",
            f"Type: %%nemotron {AS} --all rows: df.review",
        ),
        (
            f"{AS} -o x rows: df['review'] --at-once 4 --rpm 9",
            f"Type: %%nemotron {AS} -o x --at-once 4 --rpm 9 rows: df['review']",
        ),
        (
            f"{AS} rows: df.review.str.lower()",
            "Assign it first: x = df.review.str.lower()   then: rows: x",
        ),
        (f"{AS} rows: df.review + df.title", "Assign it first"),
        (f"{AS} rows: df.nope", "nope"),
        (f"{AS} rows: df.reviw", "Did you mean 'review'?"),
        (f"{AS} rows: df[['title', 'Review']]", "Did you mean 'review'?"),
        (f"{AS} rows df.review", f"Did you mean: %%nemotron {AS} rows: df.review"),
        (f"{AS} rows df[['review']]", "rows: df[['review']]"),
        (f"{AS} rows:", "rows: of what?"),
        (f"{AS} --code rows: df.review", "--code is for a question"),
        (f"{AS} -T aside rows: df.review", "--thread is for a question"),
        (f"{AS} rows: df.shape[0]", "this is of type int"),
        (f"{AS} --again never rows: df.review", "again takes errors, billed, all"),
        (f"{AS} --at-once 300 rows: df.review", "at_once must be from 1 to 256"),
        (f"{AS} --sample 0 rows: df.review", "sample must be at least 1, got 0"),
        (f"{AS} --label nope rows: df.review", "no column nope beside df.review"),
        (f"{AS} --all why is this so?", "--all is for rows"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_corrected(
    notebook: Notebook, line: str, said: str
) -> None:
    done = notebook.ask(line)

    assert done.status == "error"
    assert said in done.error + done.text
    assert not notebook.service.asked


def test_a_lone_choice_is_a_column_of_the_variable_s_name(notebook: Notebook) -> None:
    done = notebook.ask('--as "good|bad" -o tone rows: df.review')

    assert notebook["tone"].columns[0] == "tone"
    assert "| row | review | tone |" in done.text


def test_answers_are_compared_with_the_truth(notebook: Notebook) -> None:
    done = notebook.ask(f"{AS} --all --label truth -o out rows: df.review")

    assert "agree: accuracy" in done.text
    assert "| bad | 50.0% | 65.0% | 20 |" in done.text
    assert "truth" not in notebook.service.bodies[0].decode()


def test_beside_an_answer_stands_what_was_asked(notebook: Notebook) -> None:
    frame = notebook["df"]
    frame.loc[0, "review"] = "good | soap\n" + "very " * 40 + "end"
    both = notebook.ask(f"{AS} --sample 40 rows: df[['title', 'review']]")
    notebook.shell.run("plain = df.review.tolist()")
    plain = notebook.ask(f"{AS} --all rows: plain")

    assert "| row | title · review | tone | why |" in both.text
    assert re.search(
        r"\| 0 \| x · good \S+ soap very very [very ]*… \| good", both.text
    )
    assert "| row | value | tone | why |" in plain.text
    assert "| 1 | bad soap 1 | bad |" in plain.text


def test_a_truth_counts_however_it_is_written(notebook: Notebook) -> None:
    odd = ["GOOD", " Bad. ", "", None, "so-so"]
    notebook["df"]["truth"] = [odd[n % 5] for n in range(40)]
    done = notebook.ask(f"{AS} --all --label truth -o out rows: df.review")

    tones = notebook["out"].tone
    right = sum(tones[n] == ("good", "bad")[n % 5] for n in range(40) if n % 5 < 2)
    assert f"{right} of 24 agree: accuracy {right / 24:.1%}" in done.text
    found = re.findall(r"\| (\S+) \| \S+ \| \S+ \| (\d+) \|", done.text)
    assert found == [("good", "8"), ("bad", "8"), ("so-so", "8")]
    assert "No label of tone, so never right: so-so" in done.text


def test_a_pilot_tells_errors_and_that_it_takes_no_more_than_asked(
    notebook: Notebook,
) -> None:
    notebook.service.answer = lambda row, body: (200, {}, "no idea")

    done = notebook.ask(f"{AS} --all --sample 4 rows: df.review")

    assert "4 of 40 rows · 4 errors · $0.00016 · all: about" in done.text


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        ((200, {}, "no idea"), "2 rows with no usable answer, see `_error`: `--again"),
        ((422, {}, "too odd"), "2 rows refused and not billed, see `_error`: run it"),
        ((500, {}, "broken"), "2 rows may have been billed: `%nemotron rows: check`"),
    ],
)
def test_errors_outside_of_what_is_shown_are_told_with_what_to_do(
    notebook: Notebook, answer: Answer, how: str
) -> None:
    def some(row: str, body: dict[str, Any]) -> Answer:
        text = body["messages"][1]["content"]
        return answer if re.search(r"soap (20|30)$", text) else good(row, body)

    notebook.service.answer = some
    done = notebook.ask(f"{AS} --all rows: df.review")

    assert how in done.text


def test_causes_that_differ_by_what_they_quote_are_told_once(
    notebook: Notebook,
) -> None:
    notebook.service.answer = lambda row, body: (200, {}, f"no idea of {row}")

    done = notebook.ask(f"{AS} --all rows: df.review")

    assert re.search(r"\n\d+ × invalid: there is no such JSON in", done.error)
    assert done.error.count("×") == 1


def test_where_labels_differ_stands_what_was_asked(notebook: Notebook) -> None:
    done = notebook.ask(f"{AS} --all --label truth rows: df.review")

    assert "| Row | review | Truth | Answer |" in done.text
    assert "| 2 | bad soap 2 | good | bad |" in done.text


@pytest.mark.parametrize("field", ["review", "title"])
def test_what_was_asked_is_shown_as_it_went_out(notebook: Notebook, field: str) -> None:
    key = "sk-" + "a1B2c3D4e5F6g7H8" * 2
    notebook["df"].loc[2, field] = f"bad {'soap ' * 8}{key}"
    line = "--all --label truth rows: df[['review', 'title']]"
    done = notebook.ask(f"{AS} {line}", "What tone? {review} {title}")

    assert "1 secret redacted" in done.text
    assert done.text.count("| 2 | bad soap") == 2
    assert key[:12] not in done.text


def test_without_a_variable_the_frame_is_the_value(notebook: Notebook) -> None:
    notebook.ask(f"{AS} --all rows: df.review")

    assert notebook["_"].shape == (40, 5)


def test_runs_are_listed_and_forgotten(notebook: Notebook) -> None:
    notebook.ask(f"{AS} -o out --all rows: df.review")

    notebook.ask(f"{AS} -o out rows: df.review", "What about prices?")

    listed = notebook.shell.run("%nemotron rows").text
    assert "| Run | Question | Model | Last | Rows | Answered | Cost |" in listed
    assert re.search(
        r"\| out \| What tone\? \| m \| [-\d]+ [\d:]+ \| 40 \| 40 \| \$0.00080 \|",
        listed,
    )
    assert re.search(r"\| out \| What about prices\? \| m \|.* \| 40 \| 5 \|", listed)
    gone = notebook.shell.run("%nemotron rows: forget out").text
    assert "Forgot 45 answers of out." in gone
    assert "No rows have been asked" in notebook.shell.run("%nemotron rows").text


def broken(row: str, body: dict[str, Any]) -> Answer:
    return 500, {}, "broken"


def test_doubtful_rows_are_settled_by_the_log_of_the_service(
    notebook: Notebook,
) -> None:
    service = notebook.service
    service.answer = broken
    notebook.shell.run("few = df.review.head(3)")
    notebook.ask(f"{AS} -o out rows: few")
    ids = [one["X-Client-Request-Id"] for one in service.headers]
    costs = {"usd": 0.5}, {"usd": 0}
    log = [
        {"client_request_id": one, "cost": cost, "status": 500}
        for one, cost in zip(ids, costs, strict=False)
    ]
    catalogue = service.page
    service.page = lambda path: (
        {"items": log} if path.startswith("/v2/logs") else catalogue(path)
    )

    checked = notebook.shell.run("%nemotron rows: check")

    assert "out: 1 billed, 1 not billed, 1 not in the log." in checked.text
    service.answer = good
    again = notebook.ask(f"{AS} -o out rows: few")
    assert sorted(service.asked.values()) == [1, 1, 2]
    assert "2 errors · $0.50" in again.text


def test_strict_fails_the_cell_and_keeps_the_answers(notebook: Notebook) -> None:
    notebook.service.answer = lambda row, body: (200, {}, '{"tone": "sour", "why": ""}')
    notebook.shell.run("few = df.review.head(3)")

    done = notebook.ask(f"{AS} --strict -o out rows: few")

    assert done.status == "error"
    assert "3 rows without an answer" in done.error
    assert notebook["out"]._error.notna().all()
