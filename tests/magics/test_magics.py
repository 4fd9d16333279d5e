"""`%nemotron` in a shell: what is typed, what arrives, what comes back."""

from __future__ import annotations

import re
import time

import pytest
from IPython.core.completer import provisionalcompleter
from service import Address, serve
from shells import Shell, sent
from traitlets.config import Config

from nemotron_magic.magics.input_transformers import MISSED
from nemotron_magic.magics.words import COMMANDS
from nemotron_magic.session.reply import Reply

PROSE = [
    "what is the -x flag",
    "cost is $5 for {df} and {1/0} and $HOME",
    'it\'s "quoted" and \\n is a backslash',
    "why?",
    "is that so?  ",
    "a trailing blank   ",
    "!ls and %time and ?help and a ; b",
    "π ≠ 3 — 日本語 😀",
]


@pytest.mark.parametrize("prose", PROSE)
def test_a_line_arrives_byte_for_byte(
    shell: Shell, service: Address, prose: str
) -> None:
    assert shell.run(f"%nemotron {prose}").status == "ok"

    assert sent(service) == prose


@pytest.mark.parametrize("prose", PROSE)
def test_a_cell_arrives_byte_for_byte(
    shell: Shell, service: Address, prose: str
) -> None:
    body = f"-t 0 is no flag here\n\n  {prose}\n\t{prose}"

    assert shell.run(f"%%nemotron\n{body}").status == "ok"

    assert sent(service) == body


ANY_CHARACTER = [
    *("¿por qué?", "“smart” why?", "😀 why?", "€5 why?", "– why?", "«why»?"),
    *("？why?", "¡ay! ¿no?", "`x` why?", "№ 5 is what?", "… why?", "1e why?"),
    *(f"a{end}b?" for end in "\f\v\r\x1c\x1d\x1e\x85\u2028\u2029"),
    *(f"a{end}b" for end in "\f\v\r\x1c\x1d\x1e\x85\u2028\u2029"),
    *("a\fb\u2028c\r d", "ends in one\f."),
]


@pytest.mark.parametrize(
    "cell",
    ["%nemotron -q {}", "x = %nemotron -q {}\ny = 1", "if 1:\n    %nemotron -q {}"],
)
def test_a_question_may_hold_any_character(
    shell: Shell, service: Address, cell: str
) -> None:
    ran = [shell.run(cell.replace("{}", one)).status for one in ANY_CHARACTER]
    asked = [one.body["messages"][-1]["content"] for one in service.requests]

    assert set(ran) == {"ok"}
    assert asked == ANY_CHARACTER


@pytest.mark.parametrize(
    ("cell", "question"),
    [
        ("%nemotron -q a \\\r\nb \\\r\nc?", "a  b  c?"),
        ("%nemotron -q a\\\nb?", "a b?"),
        ("%nemotron -q why?\r\nx = 1\r\n", "why?"),
        ("%nemotron\xa0-q why?", "why?"),
        ("%nemotron\t-q why", "why"),
        ("x = %nemotron\u3000why?", "why?"),
        ("%%nemotron\xa0-q\nwhy?", "why?"),
        ("%%nemotron\t\nwhy?", "why?"),
        ("%%nemotron -q one\u2028two\nthree", "one\u2028two\nthree"),
        ("# note\n%%nemotron\nwhy?", "why?"),
        ("\ufeff%nemotron why?", "why?"),
        ("\xa0\xa0%%nemotron\nwhy?", "why?"),
        ("\n# a note\n\n  # and one\n%%nemotron -q\nwhy?\n\n# b", "why?\n\n# b"),
        ("# note\n%%nemotron why?", "why?"),
        ("  %%nemotron -q\n  why?\n    so", "why?\n  so"),
        ("%time %nemotron why?", "why?"),
        ("%time x = %nemotron -q why?", "why?"),
        ("%%time\n%nemotron a\fb?", "a\fb?"),
        ("%timeit -n1 -r1 %nemotron -q ¿why?", "¿why?"),
    ],
)
def test_a_question_is_asked_however_it_is_set(
    shell: Shell, service: Address, cell: str, question: str
) -> None:
    assert shell.run(cell).status == "ok"

    assert sent(service) == question


@pytest.mark.parametrize(
    "cell",
    ["%ask why?", "x = %ask ¿why?", "%%ask\nwhy?", "%%ask why?", "%time %ask why?"],
)
def test_an_alias_of_ours_asks(shell: Shell, service: Address, cell: str) -> None:
    shell.run("%alias_magic ask nemotron")

    assert shell.run(cell).status == "ok"
    assert sent(service).endswith("why?")
    assert len(service.requests) == 1


SESSION = ">>> x = 1\n... x\n  >>> y\nIn [2]: z\n   ...: z"


@pytest.mark.parametrize("first", ["", "Why?\n", "Why?\n\n```\n"])
@pytest.mark.parametrize("flags", ["", " -q", " why?"])
def test_prompts_in_a_question_stay(
    shell: Shell, service: Address, first: str, flags: str
) -> None:
    assert shell.run(f"%%nemotron{flags}\n{first}{SESSION}").status == "ok"

    assert sent(service).endswith(first + SESSION)


def test_a_terminal_waits_for_more_behind_a_prompt(shell: Shell) -> None:
    assert shell.ip.check_complete(f"%%nemotron\n{SESSION}")[0] == "incomplete"


@pytest.mark.parametrize(
    "cell",
    [
        "x = %nemotron why?",
        "if True:\n    x = %nemotron why?",
        "x   =   %nemotron   why?",
        "x = %nemotron -- why?",
        "d = {}\nd['x'] = %nemotron why?\nx = d['x']",
        'd = {}\nd["a=b", (1, 2)] = %nemotron why?\nx = d["a=b", (1, 2)]',
        ">>> x = %nemotron why?",
        "In [3]: x = %nemotron why?",
        ">>> %nemotron -o x why?",
        "%nemotron -o x why?",
        "%%nemotron --out x\nwhy?",
        "%%nemotron -o x why?",
    ],
)
def test_a_question_with_a_question_mark_is_asked(
    shell: Shell, service: Address, cell: str
) -> None:
    assert shell.run(cell).status == "ok"

    assert sent(service) == "why?"
    assert isinstance(shell["x"], Reply)
    assert shell["_nemotron"] is shell["x"]


@pytest.mark.parametrize("question", ["%nemotron why?", "x = %nemotron -q why?"])
def test_a_question_in_the_cell_that_loads_is_told_of(
    plain_shell: Shell, service: Address, question: str
) -> None:
    cell = f"%load_ext nemotron_magic\n{question}"
    first, second = plain_shell.run(cell), plain_shell.run(cell)

    assert first.text.count(f"{MISSED}\n") == 1
    assert MISSED not in second.text
    assert sent(service) == "why?"


@pytest.mark.parametrize(
    "more",
    ["", "%nemotron -q say it", "%nemotron?", "# %nemotron why?", "'%nemotron ?'"],
)
def test_nothing_is_told_of_a_cell_that_loads_and_asks_what_can_be_asked(
    plain_shell: Shell, more: str
) -> None:
    outcome = plain_shell.run(f"%load_ext nemotron_magic\n{more}")

    assert outcome.status == "ok"
    assert MISSED not in outcome.text


@pytest.mark.parametrize(
    "cell", ["%nemotron?", "%%nemotron?", "%timeit?", "len?", "?len", "%nemotron??"]
)
def test_other_requests_for_help_stay_help(
    shell: Shell, service: Address, cell: str
) -> None:
    plain = Shell.run(shell, cell)

    assert plain.status == "ok"
    assert "Docstring" in plain.text or "Source" in plain.text
    assert service.requests == []


@pytest.mark.parametrize("line", ["%nemotron why?", "x = %nemotron why?"])
def test_a_text_of_the_users_own_is_not_touched(shell: Shell, line: str) -> None:
    shell.run(f"text = '''\n{line}\n'''")

    assert shell["text"] == f"\n{line}\n"


def test_a_long_word_before_a_question_mark_takes_no_time(
    shell: Shell, service: Address
) -> None:
    def asked_s(word: str) -> float:
        began_s = time.perf_counter()
        shell.run(f"%nemotron {word}?")
        assert sent(service) == f"{word}?"
        return time.perf_counter() - began_s

    short_s = min(asked_s("why") for _ in range(3))
    # A minute and more, where IPython looks for a name to explain.
    assert asked_s("x" * 100_000) < 100 * short_s


def test_a_text_in_another_cell_magic_is_not_touched(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("written") / "a.txt"

    shell.run(f"%%writefile {path}\n%nemotron why?\n")

    assert path.read_text() == "%nemotron why?\n"


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%nemotron --temprature 1 hi", "Did you mean --temperature?"),
        ("%nemotron modles", "Did you mean: %nemotron models "),
        ("%nemotron -t 9 hi", "temperature must be from 0 to 2, got 9"),
        ("%nemotron -t", "-t needs a value"),
        ("%nemotron -t 0", "there is no question"),
        ("%%nemotron\n  \n", "there is no question"),
        ("%nemotron --key abc hi", "a key is never typed into a cell"),
        ("%nemotron login: abc", "a key is never typed into a cell"),
        ("%nemotron -p n=0 hi", "n must be at least 1, got 0"),
        ("%nemotron -o 1x hi", "--out needs the name of a variable"),
        ("%nemotron threads: all", "threads takes no text"),
        ("%nemotron rehearse: up", "rehearse takes off or nothing"),
        ("%nemotron continue", "there is no reply to continue"),
    ],
)
def test_a_mistake_is_told_in_words_and_nothing_is_sent(
    shell: Shell, service: Address, cell: str, words: str
) -> None:
    outcome = shell.run(cell)

    assert outcome.status == "error"
    assert words in outcome.error
    assert "Traceback" not in outcome.text
    assert len(outcome.text.strip().splitlines()) <= 3
    assert service.requests == []


@pytest.mark.parametrize(
    ("cell", "footers"),
    [
        ("%nemotron hi", 1),
        ("x = %nemotron hi", 1),
        ("x = %nemotron hi\nx", 1),
        ("%nemotron one\n%nemotron two", 2),
        ("for n in '12':\n    %nemotron hi", 2),
        ("def f():\n    x = %nemotron hi\n    return x\nf()", 1),
        ("%time %nemotron hi", 1),
        ("%%time\n%nemotron hi", 1),
        ("%nemotron -q hi", 0),
        ("%nemotron -q one\n%nemotron -q two", 0),
        ("x = %nemotron -q hi", 0),
        ("%time %nemotron -q hi", 0),
        ("%%time\n%nemotron -q hi", 0),
    ],
)
def test_in_a_terminal_each_reply_has_its_footer_once_and_a_quiet_one_none(
    shell: Shell, cell: str, footers: int
) -> None:
    assert shell.run(cell).text.count(" tokens · $") == footers


def test_in_a_terminal_the_footer_stands_behind_the_prompt_of_the_value(
    shell: Shell,
) -> None:
    one = shell.run("%nemotron rehearsal: say Hi").text
    two = shell.run("x = %nemotron hi\n%nemotron rehearsal: say Ho").text

    assert re.search(r"^Hi\s+Out\[\d+\]: .* tokens · \$", one)
    assert re.search(r"^Ho\s+.* tokens · \$.*\s+Out\[\d+\]: ", two, re.MULTILINE)


def test_a_quiet_reply_is_shown_by_a_later_line_of_its_cell(shell: Shell) -> None:
    shown = shell.run("x = %nemotron -q rehearsal: say hello\nx").text

    assert "hello" in shown
    assert shown.count(" tokens · $") == 1


@pytest.mark.parametrize("line", ["%nemotron", "%nemotron status", "%nemotron  "])
def test_a_bare_magic_shows_a_card_of_nine_lines(shell: Shell, line: str) -> None:
    card = shell.run(line).text.strip().splitlines()

    assert len(card) == 9
    assert "nvidia/Llama-3.1-Nemotron-70B-Instruct-HF" in card[2]
    assert "none is needed" in card[4]


def test_flags_reach_the_request_and_only_what_is_set_is_sent(
    shell: Shell, service: Address
) -> None:
    shell.run(
        "%nemotron -m x/y -t 0.5 --top-p 0.9 -n 50 --seed 7 --stop END --stop '\"' "
        '-s "be brief" -p reasoning=\'{"effort": "low"}\' hello'
    )

    body = dict(service.requests[0].body)
    assert [m["content"] for m in body.pop("messages")] == ["be brief", "hello"]
    assert body == {
        "model": "x/y",
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 50,
        "seed": 7,
        "stop": ["END", '"'],
        "reasoning": {"effort": "low"},
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_setting_lasts_and_a_flag_does_not(shell: Shell, service: Address) -> None:
    shell.run("%config Nemotron.temperature = 0.2")
    shell.run("%nemotron -t 1 one")
    shell.run("%nemotron two")

    assert [r.body["temperature"] for r in service.requests] == [1, 0.2]


def test_a_bad_setting_is_refused_in_one_line(
    shell: Shell, caplog: pytest.LogCaptureFixture
) -> None:
    shell.run("%config Nemotron.temperature = 9")

    assert caplog.messages == ["temperature must be from 0 to 2, got 9"]


@pytest.mark.parametrize("before", ["", "%config Nemotron.top_p = 0.5"])
def test_a_setting_that_was_refused_does_not_come_back_on_reload(
    shell: Shell, service: Address, before: str
) -> None:
    shell.run(before)
    shell.run("%config Nemotron.seed = 3")
    shell.run("%config Nemotron.top_p = 7")
    outcome = shell.run("%reload_ext nemotron_magic")
    shell.run("%nemotron -q hi")

    assert outcome.status == "ok"
    body = service.requests[-1].body
    assert (body["seed"], body.get("top_p")) == (3, 0.5 if before else None)


def test_config_lists_what_each_setting_may_be(shell: Shell) -> None:
    listed = shell.run("%config Nemotron").text

    assert listed.count("Current: None") > 5
    assert "Nemotron.temperature=<a number from 0 to 2>\n" in listed
    assert "Nemotron.redact=<true or false>\n" in listed


@pytest.mark.parametrize("name", ["system", "model", "context", "redact", "base_url"])
def test_what_is_always_needed_cannot_be_unset(
    shell: Shell, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    before = shell.ip.run_line_magic("config", f"Nemotron.{name}")
    shell.run(f"%config Nemotron.{name} = None")

    assert f"{name} must be " in caplog.text
    assert "got None" in caplog.text
    assert shell.ip.run_line_magic("config", f"Nemotron.{name}") == before


@pytest.mark.parametrize("name", ["temperature", "max_tokens", "stream_options"])
def test_what_need_not_be_sent_can_be_unset(
    shell: Shell, service: Address, name: str
) -> None:
    shell.run("%config Nemotron.temperature = 1")
    shell.run(f"%config Nemotron.{name} = None")
    shell.run("%nemotron -q why?")

    assert name not in service.requests[-1].body


def test_ipython_config_sets_for_good(environment: None, service: Address) -> None:
    shell = Shell(Config({"Nemotron": {"temperature": 0.9, "max_tokens": 7}}))
    shell.run("%load_ext nemotron_magic")
    shell.run("%nemotron hello")
    shell.close()

    body = service.requests[-1].body
    assert (body["temperature"], body["max_tokens"]) == (0.9, 7)


def test_a_bad_value_in_the_configuration_is_told_in_words(environment: None) -> None:
    shell = Shell(Config({"Nemotron": {"temperature": 9}}))
    outcome = shell.run("%load_ext nemotron_magic")
    after = shell.run("%nemotron hello").text
    shell.close()

    assert outcome.status == "error"
    assert "temperature must be from 0 to 2, got 9" in outcome.text
    assert "Traceback" not in outcome.text
    assert "not found" in after


def test_a_reply_is_painted_once_and_is_the_value(shell: Shell) -> None:
    outcome = shell.run("%nemotron rehearsal: say Hello *you*")

    assert outcome.text.count("Hello *you*") == 1
    assert shell["_"] == "Hello *you*"
    assert "tokens" in outcome.text.splitlines()[-1]


def test_an_assigned_reply_shows_itself_when_asked_for_later(shell: Shell) -> None:
    first = shell.run("x = %nemotron rehearsal: say Hello")

    assert "Hello" in first.text
    assert "Hello" in shell.run("x").text


def test_quiet_shows_nothing_and_gives_the_reply(shell: Shell) -> None:
    outcome = shell.run("x = %nemotron -q rehearsal: say Hello")

    assert outcome.text == ""
    assert shell["x"] == "Hello"


def test_escape_sequences_of_a_reply_do_not_reach_the_terminal(shell: Shell) -> None:
    outcome = shell.run("%nemotron rehearsal: say a\x1b[31mb\x1b]0;title\x07c\x9b1md")

    assert "\x1b" not in outcome.text
    assert "\x9b" not in outcome.text
    assert "\x07" not in outcome.text


def test_an_error_ends_the_cell_with_three_lines_and_keeps_what_came(
    shell: Shell,
) -> None:
    outcome = shell.run("%nemotron rehearsal: fault error-openrouter")

    assert outcome.status == "error"
    assert "Traceback" not in outcome.text
    assert shell["_nemotron"].metadata.ending == "failed"
    assert len(shell["_nemotron"]) > 0


def test_verbose_errors_bring_the_traceback_back(shell: Shell) -> None:
    shell.run("%config Nemotron.verbose_errors = True")

    assert "Traceback" in shell.run("%nemotron -t 9 hi").text


def test_continue_goes_on_with_a_reply_that_was_cut(
    shell: Shell, service: Address
) -> None:
    cut = shell.run("%nemotron --max-tokens 5 rehearsal: length 50")
    shell.run("%nemotron continue")

    assert "%nemotron continue" in cut.text
    roles = [m["role"] for m in service.requests[-1].body["messages"]]
    assert roles == ["system", "user", "assistant", "user"]


def test_reset_forgets_the_conversation(shell: Shell, service: Address) -> None:
    shell.run("%nemotron one")
    shell.run("%nemotron two")
    said = shell.run("%nemotron reset").text
    shell.run("%nemotron three")

    assert "Forgot 2 turns" in said
    assert [len(r.body["messages"]) for r in service.requests] == [2, 4, 2]


def test_models_lists_nemotrons_first_with_context_and_price(shell: Shell) -> None:
    rows = shell.run("%nemotron models").text.splitlines()[2:]

    assert "nemotron" in rows[0]
    assert "1,000,000" in rows[0]
    assert any("unknown" in row for row in rows)


def test_of_many_models_the_first_are_listed_and_the_others_counted(
    shell: Shell,
) -> None:
    with serve(extra_models=90) as url:
        shell.run(f"%config Nemotron.base_url = {url!r}")
        told = shell.run("%nemotron models").text
        few = shell.run("%nemotron models: nemotron").text

    assert len(told.splitlines()) == 2 + 40 + 2
    assert told.endswith(" more; `%nemotron models: WORD` filters.\n")
    assert "filters" not in few


def test_doctor_says_what_is_well_and_what_to_do(shell: Shell) -> None:
    shell.run("%config Nemotron.model = 'no/such'")
    well = shell.run("%nemotron doctor").text
    shell.run("%config Nemotron.base_url = 'http://127.0.0.1:9'")
    ill = shell.run("%nemotron doctor").text

    assert "✓ endpoint" in well
    assert "✓ front end: terminal" in well
    assert "✗ model `no/such` is not listed" in well
    assert "✗ endpoint" in ill
    assert "cannot connect" in ill


@pytest.mark.parametrize(
    ("base_url", "proxy", "line"),
    [
        ("https://h.example", "anna:geheim@127.0.0.1:9", "✓ proxy: `127.0.0.1:9 of"),
        ("https://h.example", "http://anna:geheim@127.0.0.1:x", "✗ proxy: `the proxy"),
        ("http://m.localhost:9", "http://127.0.0.1:9", "✓ proxy: none"),
    ],
)
def test_doctor_names_the_proxy_without_its_password(
    base_url: str,
    proxy: str,
    line: str,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    shell.run(f"%config Nemotron.base_url = {base_url!r}")
    told = shell.run("%nemotron doctor").text

    assert line in told
    assert ("ALL_PROXY" in told) == ("none" not in line)
    assert "geheim" not in told


def test_rehearse_points_the_session_at_the_stand_in_and_back(
    shell: Shell, service: Address
) -> None:
    on = shell.run("%nemotron rehearse").text
    shell.run("x = %nemotron -q hello")
    off = shell.run("%nemotron rehearse: off").text

    assert "Rehearsal is on" in on
    assert "no model is behind" in shell["x"]
    assert service.requests == []
    assert str(service) in off


@pytest.mark.parametrize("times", [1, 2])
def test_unloading_leaves_nothing_behind(plain_shell: Shell, times: int) -> None:
    ip = plain_shell.ip
    formatter = ip.display_formatter.ipython_display_formatter

    def state() -> tuple[object, ...]:
        return (
            set(ip.magics_manager.magics["line"]),
            set(ip.magics_manager.magics["cell"]),
            set(ip.magics_manager.registry),
            list(ip.input_transformers_cleanup),
            list(ip.input_transformer_manager.token_transformers),
            list(ip.configurables),
            list(ip.Completer.custom_matchers),
            dict(formatter.type_printers),
            dict(formatter.deferred_printers),
        )

    plain_shell.run("%load_ext nemotron_magic")
    plain_shell.run("%unload_ext nemotron_magic")
    before = state()
    for _ in range(times):
        plain_shell.run("%load_ext nemotron_magic")
        plain_shell.run("%reload_ext nemotron_magic")
    plain_shell.run("x = %nemotron -q hello")
    plain_shell.run("x")
    plain_shell.run("%unload_ext nemotron_magic")

    assert state() == before
    assert "not found" in plain_shell.run("%nemotron").text


@pytest.mark.parametrize("base_url", ["no address", "http://u:p@h.example/v1"])
def test_with_settings_that_are_wrong_it_is_unloaded_and_loaded_again(
    plain_shell: Shell, base_url: str
) -> None:
    plain_shell.run("%load_ext nemotron_magic")
    plain_shell.run("%nemotron -q hello")
    plain_shell.run(f"%config Nemotron.base_url = {base_url!r}")
    unloaded = plain_shell.run("%unload_ext nemotron_magic")
    gone = plain_shell.run("%nemotron").text
    loaded = plain_shell.run("%load_ext nemotron_magic")

    assert unloaded.status == "ok"
    assert "not found" in gone
    assert loaded.text == ""


def completed(shell: Shell, text: str) -> list[str]:
    with provisionalcompleter():
        found = shell.ip.Completer.completions(text, len(text))
        return [text[: c.start] + c.text + text[c.end :] for c in found]


@pytest.mark.parametrize(
    "prefix", ["%nemotron ", "%%nemotron ", "x = %nemotron ", "d['a=b'] = %nemotron "]
)
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("--temp", ["--temperature"]),
        ("-t 0 --se", ["-t 0 --seed"]),
        ("-s 'be brief' --se", ["-s 'be brief' --seed"]),
        ("mod", ["models"]),
        ("-m nvidia/nemotron-3-na", ["-m nvidia/nemotron-3-nano-30b-a3b"]),
        ("--model=nvidia/nemotron-3-na", ["--model=nvidia/nemotron-3-nano-30b-a3b"]),
        ("-m nano", ["-m nvidia/nemotron-3-nano-30b-a3b"]),
        ("--data s", ["--data sample", "--data schema"]),
        ("-c a", ["-c all", "-c auto"]),
        ("--cache --se", ["--cache --seed"]),
        ("--cache=re", ["--cache=replay"]),
        ("help: mod", ["help: models"]),
        ("help --temp", ["help --temperature"]),
        ("-q help: ref", []),
    ],
)
def test_tab_completes_flags_commands_and_models_and_nothing_else(
    shell: Shell, prefix: str, typed: str, expected: list[str]
) -> None:
    assert completed(shell, prefix + typed) == [prefix + line for line in expected]


def test_tab_after_the_magic_offers_the_commands(shell: Shell) -> None:
    assert completed(shell, "%nemotron ") == [
        f"%nemotron {c}" for c in sorted(COMMANDS)
    ]


def test_tab_in_another_line_of_the_cell_and_in_no_body(shell: Shell) -> None:
    assert completed(shell, "import os\n%nemotron mod") == [
        "import os\n%nemotron models"
    ]
    assert completed(shell, "%%nemotron\n%nemotron --temp") == []


def test_tab_in_a_question_completes_its_values(shell: Shell) -> None:
    shell.run("sales_by_region = 1")

    lines = completed(shell, "%nemotron -t 0 what is $`sales_by")

    assert lines == ["%nemotron -t 0 what is $`sales_by_region"]


def told(service: Address) -> list[str]:
    return [m["content"] for m in service.requests[-1].body["messages"]][1::2]


def test_a_cell_that_runs_again_replaces_its_turn_and_keeps_the_later_ones(
    shell: Shell, service: Address
) -> None:
    for question in ("one", "two", "three", "two"):
        shell.run(f"%nemotron -q {question}")
    again = told(service)
    shell.run("%nemotron -q four")

    assert again == ["one", "two"]
    assert told(service) == ["one", "two", "three", "four"]


def test_questions_of_a_loop_are_turns_of_their_own(
    shell: Shell, service: Address
) -> None:
    loop = "for n in range(3):\n    get_ipython().run_line_magic('nemotron', f'-q {n}')"
    shell.run(loop)
    shell.run(loop)

    assert [question.rpartition("\n")[2] for question in told(service)] == [
        "0",
        "1",
        "2",
    ]


def test_threads_do_not_know_of_each_other(shell: Shell, service: Address) -> None:
    shell.run("%nemotron -q one")
    shell.run("%nemotron -q -T plots two")
    apart = told(service)
    shell.run("%nemotron -q -T plots three")
    listed = shell.run("%nemotron threads").text

    assert apart == ["two"]
    assert told(service) == ["two", "three"]
    assert "| `plots` | 2 | `three` |" in listed
    assert "Forgot 2 turns" in shell.run("%nemotron reset: plots").text


def test_a_thread_that_is_not_there_is_not_forgotten(shell: Shell) -> None:
    shell.run("%nemotron -q -T plots two")
    refused = shell.run("%nemotron reset: plot").text

    assert "there is no thread plot" in refused
    assert "There are: plots" in refused


def test_fresh_leaves_the_earlier_turns_out_for_once(
    shell: Shell, service: Address
) -> None:
    shell.run("%nemotron -q one")
    shell.run("%nemotron -q --fresh two")
    fresh = told(service)
    shell.run("%nemotron -q three")

    assert fresh == ["two"]
    assert told(service) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("rehearsal: say", "The reply is empty."),
        ("--stop a rehearsal: say abc", "The reply is empty."),
        ("-n 1 rehearsal: think", "All tokens went into reasoning"),
    ],
)
@pytest.mark.parametrize("line", ["%nemotron {}", "x = %nemotron {}"])
def test_a_terminal_says_once_why_there_is_no_text(
    shell: Shell, line: str, question: str, told: str
) -> None:
    done = shell.run(line.format(question))

    assert done.text.count(told) == 1


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("cache: on", "%config Nemotron.cache = 'on'"),
        ("rehearse: stop", "%nemotron rehearse: off"),
        ("usage: export", "%nemotron usage: export calls.csv"),
        ("log: twelve", "%nemotron log"),
    ],
)
def test_a_text_that_a_command_does_not_take_is_told_with_what_was_meant(
    shell: Shell, line: str, typed: str
) -> None:
    refused = shell.run(f"%nemotron {line}").error

    assert f"Type: {typed}   All commands: %nemotron help" in refused
