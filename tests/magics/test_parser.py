"""What stands after `%nemotron`: flags, a command, or the user's own bytes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nemotron_magic.context.secrets.patterns import typed_key
from nemotron_magic.core.errors import InputError
from nemotron_magic.magics.parser import FlagParser, ParsedMagic, parse
from nemotron_magic.magics.words import COMMANDS, FLAGS, TypedKeyError

ANY = st.text(st.characters(exclude_characters="\n"), max_size=40)
KEY = "4f9a2c7d8e1b4a3f" + "9c0d5e6f7a8b9c0d"


def read(line: str, body: str | None = None) -> ParsedMagic:
    return parse(line, body)


def refusal(line: str, body: str | None = None) -> str:
    with pytest.raises(InputError) as refused:
        read(line, body)
    return str(refused.value)


# ---- the user's own words


@pytest.mark.parametrize(
    "text",
    [
        "why is this slow?",
        "why?",
        "what does -x do, and --model?",
        "say \"hi\" and 'bye' \\ ${x} {y} $z %s `z`",
        "- why",
        "-5 degrees",
        "— model",
        "---",
        "a  b\t c ",
        '"--temperature 9" means what',
        "fix the legend and the axis of this",
        "fix the legend?",
        "help, it is slow",
        "models?",
        "log(x) or not",
        "Test whether it is normal",
        "what: this",
        "https://example.org is down",
        "c:\\temp",
        "🙂 -t 0",
    ],
)
def test_a_sentence_is_a_question_byte_for_byte(text: str) -> None:
    assert read(text) == ParsedMagic(text=text)


def test_a_lone_question_mark_asks_for_help_and_not_the_model() -> None:
    assert read(" ? ") == ParsedMagic(command="help")
    assert read("-- ?") == ParsedMagic(text="?")
    assert read("?", "why") == ParsedMagic(text="?\nwhy")


@given(ANY)
def test_any_text_after_two_hyphens_comes_through_unchanged(text: str) -> None:
    assert read(f"-- {text}") == ParsedMagic(text=text)
    assert read(f"-t 0 -q -- {text}").text == text


@given(ANY)
def test_any_text_that_starts_like_no_flag_comes_through_unchanged(text: str) -> None:
    assume(not text[:1].isspace() and "-" not in text)  # no flags behind it

    assert read(f"Why {text}").text == f"Why {text}"


@given(st.text(max_size=60))
def test_any_body_comes_through_but_for_its_last_newline(body: str) -> None:
    assume(typed_key(body) is None)

    assert read("", body).text == body.removesuffix("\n")
    assert read("-t 0", body).text == body.removesuffix("\n")


@pytest.mark.parametrize("body", ["--model x\n", "-t 9", "reset\n", "-- a", "-q\n-q\n"])
def test_a_first_line_of_the_body_is_never_taken_for_flags(body: str) -> None:
    assert read("", body) == ParsedMagic(text=body.removesuffix("\n"))


def test_words_on_the_line_stand_above_the_body() -> None:
    assert read("Explain:", "x = 1\ny = 2\n").text == "Explain:\nx = 1\ny = 2"
    assert read("-- reset", "x\n").text == "reset\nx"


@given(ANY, st.none() | ANY)
def test_whatever_is_typed_is_read_or_refused_in_words(
    line: str, body: str | None
) -> None:
    with suppress(InputError):
        assert isinstance(read(line, body), ParsedMagic)


# ---- flags


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("-t 0.2 hi", {"temperature": 0.2}),
        ("-t=0.2 hi", {"temperature": 0.2}),
        ("--temperature=.2 hi", {"temperature": 0.2}),
        ("--temperature   0.2   hi", {"temperature": 0.2}),
        ("-m a/b -n 5 hi", {"model": "a/b", "max_tokens": 5}),
        ("--frequency-penalty -1 hi", {"frequency_penalty": -1}),
        ("--presence-penalty=-.5 hi", {"presence_penalty": -0.5}),
        ("--stop a --stop 'b c' hi", {"stop": ["a", "b c"]}),
        ('--stop "\\"" hi', {"stop": ['"']}),
        ("--stop don't hi", {"stop": ["don't"]}),
        ("--stop -x hi", {"stop": ["-x"]}),
        ('--system "" hi', {"system": ""}),
        ('-s "Be brief. Be \\"kind\\"." hi', {"system": 'Be brief. Be "kind".'}),
        ("-s 'a\\b' hi", {"system": "a\\b"}),
        ("-s “be brief” hi", {"system": "be brief"}),
        ("--system=‘be \"kind\"’ hi", {"system": 'be "kind"'}),
        ("-s „be brief“ hi", {"system": "be brief"}),
        ("--system=«be brief» hi", {"system": "be brief"}),
        ("-s \"Be' 'brief\" hi", {"system": "Be' 'brief"}),
        ("--cache hi", {"cache": "on"}),
        ('-c "3-7 9" hi', {"context": "3-7 9"}),
        ("--no-stream hi", {"stream": False}),
        ("-t 0 -t 1 hi", {"temperature": 1}),
        ("-p temperature=1 hi", {"temperature": 1}),
        ("-p logprobs=true -p n=3 hi", {"logprobs": True, "n": 3}),
        ('-p stop=["a","b"] hi', {"stop": ["a", "b"]}),
        ("-p stop=a hi", {"stop": ["a"]}),
        ("-p max_tokens=null hi", {"max_tokens": None}),
        ('-p response_format={"type":"json_object"} hi',
         {"response_format": {"type": "json_object"}}),
        ("-p 'response_format={\"type\": \"json_object\"}' hi",
         {"response_format": {"type": "json_object"}}),
        ("-p=seed=7 hi", {"seed": 7}),
    ],
)  # fmt: skip
def test_flags_come_first_and_are_taken_off(line: str, values: dict[str, Any]) -> None:
    assert read(line) == ParsedMagic(values=values, text="hi")


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ("-p reasoning={\"effort\":\"low\"} hi", {"reasoning": {"effort": "low"}}),
        ("-p provider=togetherai hi", {"provider": "togetherai"}),
        ("-p top_a=0.5 hi", {"top_a": 0.5}),
        ("-p x= hi", {"x": ""}),
        ("-p x=a=b hi", {"x": "a=b"}),
        ("-p x=True hi", {"x": True}),
        ('-p x="a b" hi', {"x": "a b"}),
    ],
)  # fmt: skip
def test_any_further_field_can_be_sent(line: str, extra: dict[str, Any]) -> None:
    assert read(line) == ParsedMagic(extra=extra, text="hi")


def test_out_quiet_and_help_are_for_us() -> None:
    call = read("-q -o answer --help hi")

    assert (call.quiet, call.out, call.help, call.values) == (True, "answer", True, {})


@pytest.mark.parametrize(
    ("line", "cache"),
    [("--cache hi", "on"), ("--cache=off hi", "off"), ("--cache=replay hi", "replay")],
)
def test_a_flag_may_have_a_value_only_after_an_equals_sign(
    line: str, cache: str
) -> None:
    assert read(line) == ParsedMagic({"cache": cache}, text="hi")


def test_a_value_of_such_a_flag_is_checked() -> None:
    with pytest.raises(InputError, match="cache must be off, on or replay, got 1"):
        read("--cache=1 hi")


def test_every_flag_is_read() -> None:
    for flag in FLAGS:
        value = {"KEY=VALUE": "seed=1", "NAME": "a", "FIELDS": "a"}.get(
            flag.value, "0.9"
        )
        value = "9" if flag.value in ("TOKENS", "SEED", "CONTEXT", "N") else value
        value = "2" if flag.value == "REPAIR" else value
        value = "full" if flag.value == "DATA" else value
        for name in flag.names:
            has_value = flag.value and not flag.value.startswith("[")
            line = f"{name} {value} hi" if has_value else f"{name} hi"
            assert read(line).text == "hi"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--temprature 1 hi", "Did you mean --temperature?"),
        ("--temp 1 hi", "Did you mean --temperature?"),
        ("—code plot it", "there is no flag —code"),
        ("–t 0 hi", "Did you mean -t?"),
        ("–-max-tokens 9 hi", "Did you mean --max-tokens?"),
        ("-q —code hi", "Did you mean --code?"),
        ("−q hi", "Did you mean -q?"),
        ("-x hi", "there is no flag -x"),
        ("-x hi", "put -- before it"),
        ("--max_tokens 5 hi", "Did you mean --max-tokens?"),
        ("--top-p", "Type: %nemotron --top-p P …"),
        ("--top-p --seed 1 hi", "--top-p needs a value"),
        ("-t -n 5 hi", "-t needs a value"),
        ("--quiet=1 hi", "there is no flag --quiet=1"),
        ("--no-stream=no hi", "Did you mean --no-stream?"),
        ("-t warm hi", "temperature must be a number from 0 to 2, got warm"),
        ("-t 3 hi", "temperature must be from 0 to 2, got 3"),
        ("--seed 0 hi", "seed must be at least 1, got 0"),
        ("--stop a --stop b --stop c --stop d --stop e hi", "at most 4"),
        ("--stop '' hi", "no empty text"),
        ("-p hi", "-p needs KEY=VALUE, got hi"),
        ("-p 1a=2 hi", "-p needs KEY=VALUE"),
        ("-p messages=[] hi", "-p cannot set messages"),
        ("-p model=x hi", "%nemotron --model NAME"),
        ("-p base_url=http://evil hi", "-p cannot set base_url"),
        ("-p allow_http=true hi", "Set it with: %config Nemotron.allow_http"),
        ("-p x={a} hi", "x must be a JSON value, got {a}"),
        ("-o 1a hi", "needs the name of a variable"),
        ("-o for hi", "needs the name of a variable"),
        ("-o a.b hi", "needs the name of a variable"),
        ('-s "Be brief why', 'a quote is not closed: "Be brief why'),
        ("--system='Be brief why", "a quote is not closed"),
        ("-s Be' 'brief why", "Put the whole value of the flag in quotes"),
        ('--stop 5" why', "a quote is not closed"),
        ("-s „Be brief why", "a quote is not closed"),
        ('-T "" hi', "-T needs a value, and this one is empty"),
        ("-f '' hi", "Type: %nemotron -f PATH …"),
        ("--thread= hi", "Type: %nemotron --thread THREAD …"),
        ('--as "" hi', "--as needs a value"),
        ("-m '' hi", "model must not be empty, got nothing"),
        ("-t= 0.2 hi", "from 0 to 2, got nothing"),
        ("-t = 0.2 hi", "Type: %nemotron -t=0.2 …"),
        ("--system = brief hi", "Type: %nemotron --system=brief …"),
        ("-t why is that", "Type: %nemotron -t TEMPERATURE …   To ask it"),
        ("-n 1,000 hi", "Type: %nemotron -n TOKENS …"),
        ('-p stop=["a", "b"] hi', 'the whole: -p \'stop=["a", "b"]\''),
        ("-c 3-7 9 hi", 'Type: %nemotron -c "3-7 9" …'),
        ("--context 3 5-9 hi", 'Type: %nemotron --context "3 5-9" …'),
        ("--cache replay hi", "Type: %nemotron --cache=replay …"),
        ("--try off --code hi", "Type: %nemotron --try=off …"),
        ("--cache=1 hi", "Type: %nemotron --cache=on …"),
        ("－t 0 hi", "Did you mean -t?"),
        ("--MAX-TOKENS 5 hi", "Did you mean --max-tokens?"),
        ("-M a/b hi", "Did you mean -m?"),
        ("-t: 0.2 hi", "Did you mean -t?"),
        ('-s"Be brief" hi', "Did you mean -s?"),
        ("--version", "Did you mean: %nemotron doctor   If"),
        ("--list-models", "Did you mean: %nemotron models   If"),
        ("--fix", "Did you mean: %nemotron fix   If"),
        ("--reset hi", "Did you mean: %nemotron reset   If"),
        ("--no-redact hi", "Did you mean: %config Nemotron.redact = False   If"),
        ("--stream hi", "Did you mean: %config Nemotron.stream = True   If"),
        ("--base-url x hi", "Did you mean: %config Nemotron.base_url = …   If"),
        ("--max-cost-usd 1 hi", "Did you mean --max-cost?"),
        ("--no-context hi", "Did you mean -c none?"),
        ("--dry-run hi", "Did you mean --preview?"),
        ("---code hi", "Did you mean --code?"),
        ("-----t 0 hi", "Did you mean -t?"),
        ("--daily-budget 2 hi", "Did you mean: %config Nemotron.daily_budget_usd = …"),
        ("--as yes | no is it so?", "--as takes its fields in quotes"),
        ("--as total, due when?", 'Type: %nemotron --as "total, due" …'),
        ("-s “Be brief' hi", "End the value of the flag with ”,"),
        ("-p x={'a':1} hi", "Put double quotes within JSON"),
        ("--why", "All flags: %nemotron help   If"),
        ("-y hi", "All flags: %nemotron help   If"),
        ("--key sk-1 hi", "a key is never typed into a cell"),
        ("--api-key=sk-1 hi", "%nemotron login"),
    ],
)
def test_a_slip_is_told_with_a_way_on(line: str, words: str) -> None:
    assert words in refusal(line)


def test_a_key_that_was_typed_is_not_repeated() -> None:
    assert "sk-1" not in refusal("--api-key=sk-1 hi")


@pytest.mark.parametrize(
    "line",
    [
        f"--key {KEY} hi",
        f"--login {KEY}",
        f"--secret={KEY} hi",
        f"--bearer '{KEY}' hi",
        f"--key '{KEY}",
    ],
)
def test_a_key_behind_a_flag_that_is_none_is_refused_and_hidden(line: str) -> None:
    hidden: list[str] = []

    with pytest.raises(TypedKeyError):
        FlagParser(hidden.append).take(line)

    assert hidden == [KEY]


@pytest.mark.parametrize(
    "name",
    [
        *("get_ipython", "In", "Out", "exit", "quit", "display", "open", "_nemotron"),
        *("_", "__", "___", "_i", "_ii", "_iii", "_ih", "_oh", "_dh", "_7", "_i12"),
        *("_exit_code", "__builtins__", "__name__", "print", "list", "ValueError"),
    ],
)
@pytest.mark.parametrize("flag", ["-o {}", "--out={}", "--out '{}'"])
def test_the_reply_takes_no_name_that_a_shell_needs(flag: str, name: str) -> None:
    said = refusal(f"{flag.format(name)} why?")

    assert "uses that name itself" in said
    assert "Take another: %nemotron -o answer" in said


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        *(("_private", "_private"), ("out", "out"), ("exits", "exits")),
        *(("df", "df"), ("größe", "größe"), ("ﬁt", "fit"), ("_ix", "_ix")),
    ],
)
def test_other_names_are_taken_as_python_reads_them(typed: str, name: str) -> None:
    assert read(f"-o {typed} why?").out == name


# ---- commands


@pytest.mark.parametrize(
    ("line", "command", "text"),
    [
        ("help", "help", ""),
        ("help ", "help", ""),
        ("help:", "help", ""),
        ("models: nemo ", "models", "nemo "),
        ("models:nemo", "models", "nemo"),
        ("rehearse: off", "rehearse", "off"),
        ("-m a/b models", "models", ""),
        ("models nano", "models", "nano"),
        ("Models nano", "models", "nano"),
        ("log 12", "log", "12"),
        ("log strike 12", "log", "strike 12"),
        ("rehearse off", "rehearse", "off"),
        ("rehearse OFF ", "rehearse", "OFF "),
        ("reset main", "reset", "main"),
        ("cache clear", "cache", "clear"),
        ("login forget", "login", "forget"),
        ("login: forget", "login", "forget"),
        ("code 3", "code", "3"),
        ("code all", "code", "all"),
        ("usage export calls.csv", "usage", "export calls.csv"),
        ("-q log 12", "log", "12"),
        ("Help", "help", ""),
        ("cost", "usage", ""),
        ("history", "log", ""),
        ("Conversations", "threads", ""),
        ("credits", "balance", ""),
        ("version", "doctor", ""),
        ("status", "status", ""),
        ("history 12", "log", "12"),
        ("history: 12", "log", "12"),
        ("prices nano", "models", "nano"),
        ("fix : keep it", "fix", "keep it"),
        ("price list", "models", ""),
        ("model list", "models", ""),
        ("/help", "help", ""),
        ("show all models", "models", ""),
        ("/models nano", "models", "nano"),
        ("`usage`", "usage", ""),
        ("“status”", "status", ""),
        ("models()", "models", ""),
        ("usage;", "usage", ""),
        ("mo\u200bdels", "models", ""),
        ("ｈｅｌｐ", "help", ""),
        ("hilfe", "help", ""),
        ("帮助", "help", ""),
        ("modèles", "models", ""),
        ("list-models", "models", ""),
        ("nemotron: help", "help", ""),
        ("nemotron", "status", ""),
        ("*usage*", "usage", ""),
        ("help fix", "help", "fix"),
        ("help: -t", "help", "-t"),
        ("help --code", "help", "--code"),
        ("??", "help", ""),
        ("-?", "help", ""),
    ],
)
def test_a_lone_word_is_a_command_and_text_takes_a_colon(
    line: str, command: str, text: str
) -> None:
    call = read(line)

    assert (call.command, call.text) == (command, text)


@pytest.mark.parametrize("line", ["reset: the index", "--fresh reset: the index"])
def test_a_cell_below_a_command_is_kept_apart_from_its_text(line: str) -> None:
    call = read(line, "df.plot()\n\nreset: x\n")

    assert (call.command, call.text) == ("reset", "the index")
    assert call.cell == "df.plot()\n\nreset: x"


def test_a_question_has_no_cell_of_its_own() -> None:
    call = read("why", "df.plot()\n")

    assert (call.text, call.cell) == ("why\ndf.plot()", "")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("modles", "models"),
        ("hlep", "help"),
        ("rest", "reset"),
        ("model: nemo", "models: nemo"),
        ("rehaerse: off", "rehearse: off"),
        ("lgo 12", "log 12"),
        ("retry shorter", "retry: shorter"),
        ("fix keep the index", "fix: keep the index"),
        ("-t 0 fix keep it", "-t 0 fix: keep it"),
        ("explain this error", "explain: this error"),
        ("test clean_names", "test: clean_names"),
        ("test the function clean_names()", "test: clean_names"),
        ("export calls.json", "usage: export calls.json"),
        ("-q switch to thread draft", "-q -T draft …"),
        ("insert 2", "code: 2"),
        ("preview why it fails", "--preview why it fails"),
        ("-t 0 code plot sales", "-t 0 --code plot sales"),
        ("rows df.review", "rows: df.review"),
        ("reset the index", "reset: the index"),
        ("log twelve", "log"),
        ("usage today", "usage"),
        ("models nano and super", "models: nano and super"),
        ("doctor now", "doctor"),
        ("help me", "help"),
        ("continue please", "continue"),
        ("rehearsal", "rehearse"),
        ("clear", "reset"),
        ("clear cache", "cache: clear"),
        ("settings", "panel"),
        ("logout", "login: forget"),
        ("Clear Cache", "cache: clear"),
        ("Log out", "login: forget"),
        ("-q logout", "-q login: forget"),
        ("fix it", "fix"),
        ("please explain this cell", "explain"),
        ("Document that.", "doc"),
        ("rehearsal on", "rehearse"),
        ("stop the rehearsal!", "rehearse: off"),
        ("clear the conversation", "reset"),
        ("start over", "reset"),
        ("empty my cache", "cache: clear"),
        ("forget my api key", "login: forget"),
        ("log in", "login"),
        ("insert the code", "code"),
        ("try again", "retry"),
        ("usage export", "usage: export calls.csv"),
        ("show the panel", "panel"),
        ("use model a/b", "-m a/b …"),
        ("reset --fresh", "--fresh reset"),
        ("reset -T side  -q ", "-T side  -q reset"),
        ("continue --max-tokens 9000", "--max-tokens 9000 continue"),
        ("/fix the bug", "fix: the bug"),
        (
            "/explain why this merge loses half of all rows",
            "explain: why this merge loses half of all rows",
        ),
        ("/code plot sales", "--code plot sales"),
        ("/tests clean_names", "test: clean_names"),
        ("/new", "reset"),
        ("/compact", "help"),
        ("@fix", "fix"),
        ("fix()", "fix"),
        ("“fix”", "fix"),
        ("ﬁx", "fix"),
        ("%nemotron fix", "fix"),
        ("fix：keep the index", "fix: keep the index"),
        ("fix; keep the index", "fix: keep the index"),
        ("fix - keep the index", "fix: keep the index"),
        ("test clean_names()", "test: clean_names"),
        ("models --help", "help: models"),
        ("preferences", "panel"),
        ("to thread draft", "-T draft …"),
        ("new thread draft", "-T draft …"),
        ("delete thread draft", "reset: draft"),
        ("change model to nano", "models: nano"),
        ("/fix -t 0.2", "-t 0.2 fix"),
        ("**fix**", "fix"),
        ("fix。", "fix"),
        ("rehearse --off", "rehearse: off"),
        ("cache --clear", "cache: clear"),
        ("log -12", "log: 12"),
        ("log-in", "login"),
        ("log_out", "login: forget"),
        ("clear-cache", "cache: clear"),
        ("start-over", "reset"),
        ("model=a/b", "-m a/b …"),
        ("nvidia/nemotron-3-nano", "-m nvidia/nemotron-3-nano …"),
        ("use nvidia/nemotron-3-nano", "-m nvidia/nemotron-3-nano …"),
        ("unstrike 12", "log: unstrike 12"),
        ("rehearse stop", "rehearse: off"),
        ("run the code", "code"),
    ],
)
def test_what_a_short_line_was_meant_for_is_told_whole(line: str, meant: str) -> None:
    told = refusal(line)

    assert "nothing was sent" in told
    assert f"\nDid you mean: %nemotron {meant}   " in told
    assert told.endswith("To ask it as it stands, put -- before it")
    assert read(f"-- {line}") == ParsedMagic(text=line)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("set temperature to 0.2", "temperature = 0.2"),
        ("-q max_tokens 500", "max_tokens = 500"),
        ("cache off", "cache = 'off'"),
        ("Cache replay.", "cache = 'replay'"),
        ("temperature=0.2", "temperature = 0.2"),
        ("temp 0.2", "temperature = 0.2"),
        ("Nemotron.max_tokens = 100", "max_tokens = 100"),
        ("%config Nemotron.seed = 7", "seed = 7"),
        ("session budget 2", "session_budget_usd = 2"),
        ("set data to full", "data = 'full'"),
        ("context all", "context = 'all'"),
        ("redact off", "redact = False"),
        ("turn stream on", "stream = True"),
        ("base_url http://x:1", "base_url = 'http://x:1'"),
    ],
)
def test_a_setting_that_is_typed_as_a_command_is_told_as_a_setting(
    line: str, meant: str
) -> None:
    assert f"\nDid you mean: %config Nemotron.{meant}   To ask" in refusal(line)


@pytest.mark.parametrize(
    "line",
    [
        "explain this error in plain words please",
        "list the models of sklearn",
        "clear explanation",
        "document this function in French",
        "start over from the csv",
        "temperature 0.2 or 0.5?",
        "again with polars",
        "insert it into the table",
        "export to excel",
        "sign in front of a number",
        "/tmp is full, what now",
        "/usr/bin/python",
        ".loc",
        "@property",
        "!= or is not",
        "use pandas/polars",
        "data types",
        "system design",
        "base url",
        "base case",
        "tool belt",
        "stop words",
        "n grams",
        "model = RandomForest",
        "temperature 20",
        "price elasticity",
        "pricing models in R",
        "stream data",
        "run regression",
        "new column",
        "models?",
        "log(x)",
    ],
)
def test_what_only_begins_like_a_command_is_a_question(line: str) -> None:
    assert read(line) == ParsedMagic(text=line)


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("!ls -l", "!ls -l"),
        ("!pip install pandas", "!pip install pandas"),
        ("exit", "%unload_ext nemotron_magic"),
        ("quit()", "%unload_ext nemotron_magic"),
        ("reload", "%reload_ext nemotron_magic"),
    ],
)
def test_what_is_for_the_shell_or_for_ipython_is_told_as_that(
    line: str, typed: str
) -> None:
    assert f"\nDid you mean: {typed}   To ask it" in refusal(line)


@pytest.mark.parametrize(
    "line",
    [
        "what is --code",
        "what does pandas mean by --code",
        "tell me about --fresh",
        "is there a flag --preview",
        "what happens with --replace",
        "What's --max-tokens 100",
        "explain --all",
        "plot a sample --sample 5",
    ],
)
def test_a_flag_that_is_asked_about_is_a_part_of_the_question(line: str) -> None:
    assert read(line) == ParsedMagic(text=line)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("code --all", "code: all"),
        ("models --all", "models"),
        ("fix --strict", "fix"),
        ("explain --code", "--code explain"),
        ("rows --all", "--all rows"),
        ("usage --preview", "usage"),
        ("login --fresh", "--fresh login"),
        ("login -m nemotron-3-ultra", "-m nemotron-3-ultra login"),
        ("login -n 5", "-n 5 login"),
    ],
)
def test_a_flag_behind_a_command_is_told_as_one_that_goes_with_it(
    line: str, meant: str
) -> None:
    assert f"Did you mean: %nemotron {meant}   To ask" in refusal(line)


@pytest.mark.parametrize(
    "line", ["why q", "what is q", "show q", "my q?", "the Q", "all q please", "plot q"]
)
def test_no_question_is_a_command_for_one_letter(line: str) -> None:
    assert read(line) == ParsedMagic(text=line)


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("why is this slow --code", "--code why is this slow"),
        ("-t 0 why? --code --try", "-t 0 --code --try why?"),
        ("why is this slow? -t 0.2 ", "-t 0.2 why is this slow?"),
        ("plot sales --max-tokens 800", "--max-tokens 800 plot sales"),
        ("Sum it up. -o total", "-o total Sum it up."),
        ('why? --system "Be brief"', '--system "Be brief" why?'),
    ],
)
def test_flags_behind_a_question_are_put_before_it(line: str, typed: str) -> None:
    told = refusal(line)

    assert f"Type: %nemotron {typed}   To ask it as it stands" in told
    assert read(typed) != ParsedMagic(text=typed)
    assert f"Type: %%nemotron {typed}   " in refusal(line, "x = 1\n")


@pytest.mark.parametrize(
    ("expression", "flags"),
    [("df.review", "--sample 5"), ("df[['a']]", "--as 'x' --again errors")],
)
def test_so_are_flags_behind_rows_without_its_colon(
    expression: str, flags: str
) -> None:
    told = refusal(f"rows {expression} {flags}", "Is it good?\n")

    assert f"Type: %%nemotron {flags} rows {expression}   To ask" in told


@pytest.mark.parametrize(
    "line",
    [
        "what does pip install --quiet",
        "what is pytest --code?",
        "what does tail -n 5 do",
        "how do I use git commit -m",
        "why does python -m venv fail",
        "grep -c 5",
        "explain --preview and --code",
        "why --because of it",
        "why? -x",
    ],
)
def test_flags_of_another_tool_are_a_part_of_the_question(line: str) -> None:
    assert read(line) == ParsedMagic(text=line)


@pytest.mark.parametrize("line", ["/explain", "/fix: keep it"])
def test_a_command_of_another_tool_above_a_cell_is_told(line: str) -> None:
    assert f"Did you mean: %%nemotron {line[1:]}   " in refusal(line, "x = 1")


@pytest.mark.parametrize(
    ("line", "typed"),
    [("/explain {}", "explain: …"), ("{}. --code", "--code …")],
)
def test_a_long_text_is_not_repeated_in_a_correction(line: str, typed: str) -> None:
    told = refusal(line.format("why this " * 50 + "so"))

    assert f": %nemotron {typed}   " in told
    assert max(map(len, told.splitlines())) < 120


@pytest.mark.parametrize("piece", ["so. -q ", "so --code ", "-t ", "a? -t 1 "])
def test_a_long_text_of_flags_is_read_at_once(piece: str) -> None:
    line = f"why {piece * 100_000}x"

    assert read(line).text == line


def test_a_long_text_of_dots_is_read_at_once() -> None:
    line = f"models{'. ' * 500_000}x"

    assert read(line).text == line


def test_what_was_meant_above_a_cell_is_told_as_a_cell() -> None:
    assert "Did you mean: %%nemotron fix\n" in refusal("fxi", "x = 1").replace(
        "   ", "\n"
    )


@pytest.mark.parametrize(
    "line", ["fix keep the index", "log 12", "cost", "Explain:", "explain it"]
)
def test_with_a_text_below_a_line_is_a_question(line: str) -> None:
    assert read(line, "x = 1") == ParsedMagic(text=f"{line}\nx = 1")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("mode", "Mean, median or mode?"),
        ("Text", "As **text** or as numbers."),
        ("best", "Which do you want?"),
        ("best", "Which do you want? 😀"),
        ("test", "Which do you want?"),
        ("cost", "By price or by cost."),
        ("log scale", "A log scale or a linear one?"),
        ("fix it", "Shall I fix it or leave it."),
        ("clear", "Is that *clear*?"),
        ("Models", "(models, data or both?)"),
    ],
)
def test_what_answers_the_last_reply_is_sent(line: str, reply: str) -> None:
    call = parse(line, None, last_reply={"": reply}.__getitem__)

    assert call == (
        ParsedMagic(command=line) if line in COMMANDS else ParsedMagic(text=line)
    )


def test_an_answer_is_one_in_its_own_thread() -> None:
    replies = {"": "Done.", "side": "Mean, median or mode?"}.__getitem__

    call = parse("-T side mode", None, last_reply=replies)
    assert call == ParsedMagic(text="mode", thread="side")
    with pytest.raises(InputError, match="Did you mean: %nemotron code "):
        parse("mode", None, last_reply=replies)


@pytest.mark.parametrize("word", ["plain", "median", "rehearsing", "yes", "a/b", "1"])
def test_a_word_that_no_slip_makes_a_command_is_a_question(word: str) -> None:
    assert read(word) == ParsedMagic(text=word)


@pytest.mark.parametrize("line", ["rehearsal: say hi", "modular: why", "hello", "a: b"])
def test_a_word_that_is_only_like_a_command_is_a_question(line: str) -> None:
    assert read(line) == ParsedMagic(text=line)


def test_after_two_hyphens_a_command_is_a_word() -> None:
    assert read("-- reset") == ParsedMagic(text="reset")


@pytest.mark.parametrize("text", ["reset -x", "reset --fresh please", "continue -T"])
def test_what_is_not_only_flags_behind_a_command_is_a_question(text: str) -> None:
    assert read(text) == ParsedMagic(text=text)
    assert read("-- reset --fresh") == ParsedMagic(text="reset --fresh")


@pytest.mark.parametrize(
    "text",
    [
        "check it",
        "check my code",
        "show this",
        "last cell",
        "history of this",
        "check: is it so",
        "list columns",
    ],
)
def test_a_short_question_about_a_cell_is_no_command(text: str) -> None:
    assert read(text).command == ""
