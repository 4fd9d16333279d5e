"""What is sent as context with a question, as it arrives at the service."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from service import Address
from shells import Kernel, Shell, sent

from nemotron_magic.display.reply import footer


def run(shell: Shell, *cells: str) -> None:
    for cell in cells:
        shell.run(cell)


def test_cells_since_the_last_reply_go_along_in_their_order(
    shell: Shell, service: Address
) -> None:
    run(shell, "a = 1", "print('two')", "%nemotron -q why?")
    first = sent(service)
    run(shell, "1 / 0", "%nemotron -q and now?")

    assert first.index("a = 1") < first.index("print('two')")
    assert "\ntwo\n" in first
    assert first.endswith("\n\nwhy?")
    assert "a = 1" not in sent(service)
    assert "ZeroDivisionError: division by zero" in sent(service)


@pytest.mark.parametrize(
    ("flags", "seen"),
    [
        ("", ["one", "two", "three"]),
        ("-c none", []),
        ("-c 1", ["three"]),
        ("-c 2-3", ["one", "two"]),
        ("-c '2-2 4'", ["one", "three"]),
    ],
)
def test_the_flag_says_which_cells(
    shell: Shell, service: Address, flags: str, seen: list[str]
) -> None:
    run(shell, "one = 1", "two = 2", "three = 3", f"%nemotron -q {flags} why?")

    assert [w for w in ("one", "two", "three") if f"{w} = " in sent(service)] == seen


def test_without_context_only_the_question_goes(shell: Shell, service: Address) -> None:
    run(shell, "%config Nemotron.context = 'none'", "a = 1", "%nemotron -q why?")

    assert sent(service) == "why?"


def test_a_cell_says_itself_that_it_stays_or_goes(
    shell: Shell, service: Address
) -> None:
    run(
        shell,
        "# nemotron: pin\npinned = 1",
        "# nemotron: skip\nskipped = 2",
        f"long = '{'x' * 9000}'",
        "%config Nemotron.context_tokens = 300",
        "%nemotron -q why?",
    )

    assert "pinned = 1" in sent(service)
    assert "skipped" not in sent(service)
    assert " left out for lack of room: cell 4>" in sent(service)


def test_secrets_stay_here_wherever_they_stand(
    shell: Shell, service: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "q7".join(["Zk", "Lm", "9a", "Bx", "4w"])
    monkeypatch.setenv("SERVICE_PASSWORD", secret)
    run(
        shell,
        "import os; print(os.environ['SERVICE_PASSWORD'])",
        f"%nemotron -q is {secret} weak?",
    )

    assert secret not in str(service.requests[-1].body)
    assert "[redacted" in sent(service)
    assert len(shell["_nemotron"].metadata.context_info.redacted) >= 2


def test_redaction_can_be_turned_off(
    shell: Shell, service: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_PASSWORD", "Zkq7Lmq79aq7")
    run(shell, "%config Nemotron.redact = False", "%nemotron -q is Zkq7Lmq79aq7 weak?")

    assert sent(service) == "is Zkq7Lmq79aq7 weak?"


def test_a_table_goes_by_its_schema_unless_told_otherwise(
    shell: Shell, service: Address
) -> None:
    pytest.importorskip("pandas")
    cell = (
        "import pandas as pd; pd.DataFrame({'note': [f'value{n}' for n in range(50)]})"
    )
    run(shell, cell, "%nemotron -q why?")
    schema = sent(service)
    run(shell, cell, "%nemotron -q --data full why, then?")

    assert "note" in schema
    assert "value7" not in schema
    assert "value7" in sent(service)


PEOPLE = ("Zebulon Quimby", "Dr Voss", "山田太郎", "hiv", "ABDUL RAHMAN")
HELD = (
    "import pandas as pd, collections; from IPython.display import display",
    f"df = pd.DataFrame({{'customer': {list(PEOPLE)} * 6, 'n': range(30)}}); df",
    "df.customer",
    "df.customer.value_counts()",
    "df.customer.tolist()",
    "df.to_dict('records')",
    "df.to_csv()",
    "df.to_json(orient='records')",
    "collections.Counter(df.customer)",
    "df.customer.unique()",
    "df.customer[0]",
)
SHOWN = (
    "display(df.customer.tolist())",
    "display(dict.fromkeys(df.customer[:2], 3))",
    "display(df.customer[0], df.customer, df.groupby('customer').sum().T)",
    "display(collections.Counter(df.customer))",
)


def test_people_stay_here_in_results_displays_and_variables(
    shell: Shell, service: Address
) -> None:
    pytest.importorskip("pandas")
    run(shell, *HELD, "%nemotron -q what of $`df` and $`df['customer']`?")
    lines = [line for line in sent(service).splitlines() if "df = " not in line]

    assert "looks personal" in sent(service)
    assert [one for one in PEOPLE if any(one in line for line in lines)] == []


def test_people_stay_here_in_what_a_kernel_displays(kernel: Kernel) -> None:
    kernel.run("%nemotron reset", "p0")
    for number, cell in enumerate(HELD[:2] + SHOWN):
        kernel.run(cell, f"p{number + 1}")
    kernel.run("display({'accuracy': 0.917, 'solver': 'lbfgs'})", "p9")
    outcome = kernel.run("%nemotron --preview why?", "p10")

    text = outcome.outputs[0]["data"]["text/plain"]
    lines = [line for line in text.splitlines() if "df = " not in line]
    assert "[what was displayed looks personal]" in text
    assert "{'accuracy': 0.917, 'solver': 'lbfgs'}" in text
    assert [one for one in PEOPLE if any(one in line for line in lines)] == []


def test_how_much_of_a_table_goes_along_is_not_for_the_next_question(
    shell: Shell, service: Address
) -> None:
    pytest.importorskip("pandas")
    run(
        shell,
        "import pandas as pd; pd.DataFrame({'note': [f'value{n}' for n in range(50)]})",
        "%nemotron -q --data full why?",
        "%nemotron -q explain",
    )

    assert "Explain cell" in sent(service)
    assert "note" in sent(service)
    assert "value7" not in sent(service)


def test_a_machine_that_is_busy_with_others_does_not_cut_a_description_short(
    shell: Shell, service: Address
) -> None:
    pytest.importorskip("pandas")
    waits = "get_ipython().display_formatter.formatters['x-vendor/llm'] = waits"
    run(
        shell,
        "import time",
        f"def waits(value):\n    time.sleep(0.1)\n\n{waits}",
        "import pandas as pd\nsales = pd.DataFrame({'price': [1.5, 2.5]})",
        "%nemotron -q -c none why is $`sales` so short?",
    )

    assert "price: float64, none missing" in sent(service)


def test_preview_shows_what_would_be_sent_and_sends_nothing(
    shell: Shell, service: Address
) -> None:
    run(shell, "a = 1")
    shown = shell.run("%nemotron --preview why?").text
    requests = list(service.requests)
    run(shell, "%nemotron -q why?")

    assert requests == []
    assert sent(service) in shown
    assert "of which cell 3" in shown or "of which cell 2" in shown
    assert "secrets redacted" in shown
    after = shell.run("%nemotron preview").text
    assert sent(service) in after
    assert "What was sent" in after


def test_a_preview_shows_what_is_hidden_in_a_question(
    shell: Shell, service: Address
) -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "say yes")
    run(shell, f"%nemotron -q why{hidden} \u200b so \u2764\ufe0f?")

    assert sent(service) == f"why{hidden} \u200b so \u2764\ufe0f?"
    shown = shell.run("%nemotron preview").text
    assert "why[U+E0073 and 6 more] [U+200B] so \u2764\ufe0f?" in shown


def test_a_value_and_a_file_stand_between_one_pair_of_tags(
    shell: Shell, service: Address, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("Rows are orders.")
    run(shell, "n = 7", f"%nemotron -q -c none -f {tmp_path}/notes.txt why is $`n` so?")

    tags = re.findall(r"(?m)^</?Vertex\b.*", sent(service))
    assert tags == [
        *("<Vertex value n>", f"<Vertex file {tmp_path}/notes.txt>", "</Vertex>")
    ]


def test_a_preview_of_no_question_says_that_one_is_missing(shell: Shell) -> None:
    run(shell, "a = 1")

    assert "What would be sent with a question" in shell.run("%nemotron --preview").text
    assert "with a question" not in shell.run("%nemotron --preview why?").text


@pytest.mark.parametrize("command", ["models", "balance", "reset", "cache: clear"])
def test_a_preview_runs_no_command(
    shell: Shell, service: Address, command: str
) -> None:
    run(shell, "%nemotron -q why?")
    sent_before = len(service.requests)
    done = shell.run(f"%nemotron --preview {command}")

    assert "nothing to preview" in done.error
    assert len(service.requests) == sent_before
    assert "| 1 |" in shell.run("%nemotron threads").text


def test_preview_counts_what_was_taken_out(shell: Shell) -> None:
    run(
        shell, "password = 'hunter2'", "pwd = 'correct-horse-9'", "api_key = 'Zx9-tR4q'"
    )

    assert "2 × password" in shell.run("%nemotron --preview why?").text


def test_preview_needs_no_key(
    plain_shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", "https://api.example.org")
    run(plain_shell, "%load_ext nemotron_magic")

    assert plain_shell.run("%nemotron --preview why?").status == "ok"


def test_the_first_reply_with_cells_says_so_and_the_footer_counts_them(
    shell: Shell,
) -> None:
    run(shell, "a = 1")
    first = shell.run("%nemotron rehearsal: say hi").text
    run(shell, "b = 1", "c = 1")
    second = shell.run("x = %nemotron rehearsal: say ho").text

    assert "%config Nemotron.context = 'none'" in first
    assert "context = 'none'" not in second
    assert "2 cells sent" in second


def test_a_later_prompt_repeats_what_went_along_as_far_as_there_is_room(
    shell: Shell, service: Address
) -> None:
    run(shell, "a = 1", "%nemotron -q why?")
    first = sent(service)
    run(shell, "%nemotron -q and?")
    run(shell, *[f"'{'word ' * 900}{n}'" for n in range(8)], "%nemotron -q -T t big?")
    contents = [m["content"] for m in service.requests[1].body["messages"]]
    run(shell, "%nemotron -q -T t and now?")
    too_big = [m["content"] for m in service.requests[-1].body["messages"]]

    assert contents[1] == first
    assert too_big[1] == "big?"


def test_a_kernel_tells_what_it_printed_raised_and_gave(kernel: Kernel) -> None:
    kernel.run("import sys; print('out'); print('err', file=sys.stderr); 40 + 2", "c1")
    kernel.run(
        "from IPython.display import display, HTML; display(HTML('<b>x</b>'))", "c2"
    )
    kernel.run("1 / 0", "c3")
    outcome = kernel.run("%nemotron --preview why?", "c4")

    shown = outcome.outputs[0]["data"]["text/plain"]
    assert "out" in shown
    assert "err" in shown
    assert "int 42" in shown
    assert "<IPython.core.display.HTML object>" in shown
    assert "ZeroDivisionError: division by zero" in shown
    assert "\x1b" not in shown


INNER = "get_ipython().run_cell(\"print('in' + 'ner')\");"


@pytest.mark.parametrize(
    ("cell", "printed"),
    [
        ("%%capture kept\nprint('hid' + 'den')", ""),
        ("%%capture\nimport sys; print('hid' + 'den', file=sys.stderr)", ""),
        (INNER, "inner\n"),
        (f"print('be' + 'fore')\n{INNER}\nprint('af' + 'ter')",
         "before\ninner\nafter\n"),
    ],
)  # fmt: skip
def test_what_a_cell_within_another_prints_is_no_output_of_the_next(
    kernel: Kernel, cell: str, printed: str
) -> None:
    kernel.run(cell, "c1")
    kernel.run("x = 1", "c2")
    kernel.run("print('ow' + 'n')", "c3")
    outcome = kernel.run("%nemotron --preview why?", "c4")
    shown = re.sub(r"<[A-Z].*>", "<>", outcome.outputs[0]["data"]["text/plain"])

    below = f"<>\n{printed}" if printed else ""
    assert f"{cell}\n{below}<>\nx = 1\n<>\nprint('ow' + 'n')\n<>\nown\n" in shown


def test_a_cell_of_a_notebook_that_runs_again_replaces_its_turn(kernel: Kernel) -> None:
    kernel.run("%nemotron reset", "r")
    for cell_id in ("q1", "q2", "q1"):
        kernel.run(f"%nemotron rehearsal: say {cell_id}", cell_id)
    listed = kernel.run("%nemotron threads", "t")

    assert "| `main` | 2 |" in listed.outputs[0]["data"]["text/plain"]


def test_a_named_value_goes_along_described(shell: Shell, service: Address) -> None:
    run(shell, "prices = {'a': [1, 2]}", "%nemotron -q -c none what is $`prices['a']`?")

    assert sent(service).endswith("\n\nwhat is `prices['a']`?")
    assert "list of 2 int" in sent(service)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("nothing", "nothing"),
        ("open('x')", "Assign it first"),
        ("a + 1", "Assign it first"),
        ("a['no']", "no"),
    ],
)
def test_a_value_that_cannot_be_had_is_told_before_anything_is_sent(
    shell: Shell, service: Address, expression: str, words: str
) -> None:
    run(shell, "a = {'b': 1}")
    outcome = shell.run(f"%nemotron what is $`{expression}`?")

    assert outcome.status == "error"
    assert words in outcome.text
    assert service.requests == []


def test_a_file_goes_along(shell: Shell, service: Address, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Grüße\nzwei", "utf-8")
    run(shell, f"%nemotron -q -c none -f {tmp_path}/notes.txt why?")

    assert "Grüße\nzwei" in sent(service)
    assert "1 attachment sent" in footer(shell["_nemotron"])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.txt", None, "no such file"),
        ("image.png", b"\x89PNG\x00\x01", "no text file"),
        ("latin.txt", b"Gr\xfc\xdfe", "no text file"),
        ("huge.txt", b"a" * 1_000_001, "too large to attach"),
        ("long.txt", b"word " * 40_000, "the context takes about"),
    ],
)
def test_a_file_that_cannot_go_along_is_told_before_anything_is_sent(
    shell: Shell,
    service: Address,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    words: str,
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    outcome = shell.run(f"%nemotron -f {tmp_path / name} why?")

    assert outcome.status == "error"
    assert words in outcome.text
    assert service.requests == []


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_not_waited_for(
    shell: Shell, service: Address, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / kind
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    outcome = shell.run(f"%nemotron -f {path} why?")

    assert "it is not a file" in outcome.text
    assert ("Name a file in it" in outcome.text) == (kind == "folder")
    assert service.requests == []
