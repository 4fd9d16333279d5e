"""Typed answers in a real kernel, from servers that keep to no form or to another."""

from __future__ import annotations

from typing import Any

import pytest
from service import serve
from shells import Kernel, Outcome, close_event_loops
from wire import DONE, STOP, say

ASK = '%%nemotron --as "total float, currency: EUR|USD" -o bill\nrehearsal: say '
GOOD = '{"total": 12.5, "currency": "EUR"}'
BAD = '{"total": 12.5, "currency": "GBP"}'


def shown(outcome: Outcome) -> dict[str, Any]:
    """Return the data of the only output, which must be a reply."""
    (one,) = [o for o in outcome.outputs if "text/html" in o.get("data", {})]
    return dict(one["data"])


def value(kernel: Kernel, expression: str) -> str:
    outcome = kernel.run(f"print({expression})")
    return outcome.text.strip() or outcome.error


def painted(outcome: Outcome) -> str:
    """Return all that was ever painted, in whatever display."""
    contents = (message["content"] for message in outcome.messages)
    return "".join(c.get("data", {}).get("text/html", "") for c in contents)


def test_values_are_shown_as_a_table_and_kept(kernel: Kernel) -> None:
    done = kernel.run(ASK + GOOD + "\nrehearsal: end")

    assert (done.status, done.error) == ("ok", "")
    assert shown(done)["text/plain"].splitlines()[2:] == [
        "| total | 12.5 |",
        "| currency | EUR |",
    ]
    assert "<td" in shown(done)["text/html"]
    assert '{"total"' not in painted(done).replace("&quot;", '"')
    assert value(kernel, "bill") == "{'total': 12.5, 'currency': 'EUR'}"
    assert value(kernel, "_nemotron.value == bill, str(_nemotron)") == f"True {GOOD}"


@pytest.mark.parametrize(
    ("spec", "text", "got"),
    [
        ("bool", "```json\ntrue\n```", "True"),
        ("spam|ham", '<think>{"label": 1}</think>Ham.', "'ham'"),
        ("list: new|old", '["new"]', "'new'"),
        ("at date", 'On {it}: {"at": "2026-02-28"}', "date(2026, 2, 28)"),
        ("why; n int?", "{'why': 'a', 'n': None,}", "'n': None"),
    ],
)
def test_other_ways_to_write_an_answer_are_read(
    kernel: Kernel, spec: str, text: str, got: str
) -> None:
    kernel.run(f'%%nemotron --as "{spec}" -o it\nrehearsal: say {text}\nrehearsal: end')

    assert got in value(kernel, "repr(it)")


def test_an_answer_that_does_not_fit_is_sent_back_once(kernel: Kernel) -> None:
    done = kernel.run(ASK + BAD + "\nrehearsal: end")

    assert (done.status, done.error) == ("ok", "")
    assert (
        "Asked twice; the first answer did not fit: currency"
        in shown(done)["text/html"]
    )
    assert value(kernel, "bill['currency']") == "EUR"


def test_a_type_of_the_notebook_may_be_named(kernel: Kernel) -> None:
    kernel.run(
        "from dataclasses import dataclass\nfrom typing import Literal\n"
        "@dataclass\nclass Bill:\n    total: float\n    currency: str\n"
        "Mood = Literal['good', 'bad']\nreason = 3"
    )
    kernel.run(ASK.replace('"total float, currency: EUR|USD"', "Bill") + GOOD)
    kernel.run("%%nemotron --as Mood -o mood\nrehearsal: say Good.\nrehearsal: end")
    kernel.run("%nemotron --as reason -o why how?")

    got = value(kernel, "bill, mood, why, sep='; '")
    assert got == "Bill(total=12.5, currency='EUR'); good; {'reason': 'rehearsal'}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('--as "total flaot" how much?', 'Did you mean: "total float"'),
        ('--as "total float" --code plot it', "--as asks for values, and --code"),
        ('--as "total float" fix', "--as is for a question, and fix is none"),
        ('--as "total float" models', "--as is for a question, and models is none"),
        ("--as total float how much?", 'Type: %nemotron --as "total float" …'),
        ("--as total int, why how much?", 'Type: %nemotron --as "total int" …'),
        ("--as", "--as needs a value"),
        ('--as "a|b" -p n=2 which?', "--as takes one answer"),
    ],
)
def test_what_cannot_be_asked_is_refused(kernel: Kernel, line: str, said: str) -> None:
    done = kernel.run(f"%nemotron {line}")

    assert done.status == "error"
    assert said in done.error


def test_the_preview_shows_the_form(kernel: Kernel) -> None:
    done = kernel.run('%nemotron --preview --as "total float" how much?')

    text = shown(done)["text/plain"]
    assert "Answer with one JSON object" in text
    assert '"json_schema"' in text


def test_tab_and_help_know_the_flag(kernel: Kernel) -> None:
    line = "%nemotron --a"
    kernel.client.complete(line, len(line))
    reply = kernel.client.get_shell_msg(timeout=30)
    while reply["msg_type"] != "complete_reply":
        reply = kernel.client.get_shell_msg(timeout=30)

    assert "--as" in reply["content"]["matches"]
    assert "--as FIELDS" in shown(kernel.run("%nemotron -h"))["text/plain"]


@pytest.fixture
def kernel_at(tmp_path_factory: pytest.TempPathFactory, loops_closed: None) -> Any:
    """Return a function that starts a kernel at a server of this kind."""
    opened: list[Any] = []

    def start(**options: Any) -> tuple[Kernel, Any]:
        server = serve(**options)
        url = server.__enter__()
        place = tmp_path_factory.mktemp("kernel")
        kernel = Kernel(place, AIMLAPI_API_BASE=str(url))
        opened.extend((kernel, server))
        kernel.run("%load_ext nemotron_magic")
        return kernel, url

    yield start
    for kernel, server in zip(opened[::2], opened[1::2], strict=True):
        kernel.close()
        server.__exit__(None, None, None)
    close_event_loops()


def forms(url: Any) -> list[str | None]:
    bodies = (one.body for one in url.requests if one.method == "POST")
    return [(body.get("response_format") or {}).get("type") for body in bodies]


def test_a_server_that_refuses_the_form_is_asked_in_words(kernel_at: Any) -> None:
    kernel, url = kernel_at(fault=["400-format", "400-format"])
    done = kernel.run(ASK + GOOD)
    kernel.run(ASK + GOOD)

    assert (done.status, done.error) == ("ok", "")
    assert forms(url) == ["json_schema", "json_object", None, None]
    assert value(kernel, "bill['total']") == "12.5"


def test_an_answer_in_place_of_reasoning_is_read(kernel_at: Any) -> None:
    kernel, _ = kernel_at(dialect="reasoning-for-answer")
    done = kernel.run(ASK + GOOD + "\nrehearsal: end")

    assert (done.status, done.error) == ("ok", "")
    assert "read from the reasoning" in shown(done)["text/html"]
    assert value(kernel, "bill['currency']") == "EUR"


def test_an_answer_that_is_cut_off_says_how_to_allow_more(kernel_at: Any) -> None:
    kernel, url = kernel_at()
    done = kernel.run(ASK.replace("-o", "-n 4 -o") + GOOD)

    assert done.status == "error"
    assert "it was cut off at max_tokens" in done.error
    assert "--max-tokens 16" in done.error
    assert len(forms(url)) == 1


def test_an_answer_that_stays_wrong_is_an_error_that_keeps_it(kernel_at: Any) -> None:
    kernel, _ = kernel_at(body=[say(BAD) + STOP + DONE])
    kernel.run("bill = 0")
    done = kernel.run(ASK)

    assert done.status == "error"
    assert "InvalidAnswerError: the answer does not fit: currency 'GBP'" in done.error
    assert value(kernel, "bill, _nemotron") == f"0 {BAD}"
    assert "Asked twice" in shown(done)["text/html"]
