"""Each command, flag and setting once in a real kernel, against the rehearsal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from reply_page import text_of
from shells import LOAD, Kernel, Outcome, running

from nemotron_magic import rehearsal
from nemotron_magic.core.parameters import PARAMETERS
from nemotron_magic.magics.words import COMMANDS, FLAGS

NANO = "nvidia/nemotron-3-nano-30b-a3b"
BLOCKS = "rehearsal: say A\n```python\nx = 1\n```\n```python\ny = 2\n```"
FUNCTION = "def clean_names(names):\n    return [name.strip() for name in names]"
FAILS = "value = 0\nfor number in [1, 2]:\n    value += nunber"
CUT = "%nemotron -n 60 rehearsal: length 200"

# What is typed in turn in one kernel, and what then stands in its outputs.
TYPED = (
    ("%nemotron", r"\| Endpoint \|"),
    ("%nemotron status", r"none is needed on this machine"),
    ("%nemotron help", r"\| `code` \| Put the next code .* `code: NUMBER or all`"),
    ("%nemotron help: fix", r"\| `fix` \| Correct the cell that failed"),
    ("%nemotron -h", r"-n, --max-tokens TOKENS"),
    ("%nemotron doctor", r"✓ key: none, and none is needed on this machine"),
    ("%nemotron models", NANO),
    ("%nemotron models: nano", NANO),
    ("%nemotron models nano", NANO),
    ("%nemotron threads", r"There is no conversation yet"),
    ("%nemotron --preview why?", r"What would be sent"),
    (f"%%nemotron --code\n{BLOCKS}", r"x = 1"),
    ("%nemotron code", r"Block 2 of 2 is in the cell below"),
    ("%nemotron code: 1", r"Block 1 of 2 is in the cell below"),
    ("%nemotron code: all", r"2 blocks are in the cell below"),
    (f"{FUNCTION}\nclean_names(['a '])", r"\['a'\]"),
    ("%nemotron explain", r"It ran without an error"),
    ("%nemotron explain: the loop", r"lines"),
    ("%nemotron doc", r"Document cell \d+"),
    ("%nemotron test: clean_names", r"Write tests for the function clean_names"),
    (FAILS, r"NameError"),
    ("%nemotron fix", r"value \+= number"),
    (FAILS, r"NameError"),
    ("%nemotron fix: keep the loop", r"number"),
    (CUT, r"Cut off at max_tokens"),
    ("%nemotron continue", r"Section 1 takes"),
    ("%nemotron retry", r"Rehearsal"),
    ("%nemotron retry: shorter", r"Rehearsal"),
    ("%nemotron preview", r"What was sent"),
    ("%nemotron threads", r"\| `main` \| \d+ \|"),
    ("%nemotron -T side why?", r"Rehearsal"),
    ("%nemotron reset: side", r"Forgot 1 turn\."),
    ("%nemotron reset", r"Forgot \d+ turns\."),
    ("%nemotron usage", r"This session"),
    ("%nemotron usage: export calls.csv", r"Wrote \d+ calls to .*calls\.csv"),
    ("%nemotron log", r"\| No\. \| When \|"),
    ("%nemotron log 1", r"\| Call 1 \|"),
    ("%nemotron log: strike 1", r"no longer counts"),
    ("%nemotron log: unstrike 1", r"counts again"),
    ("%nemotron --cache why is this slow?", r"Rehearsal"),
    ("%nemotron cache", r"It holds 1 reply"),
    ("%nemotron cache: clear", r"Deleted 1 reply\."),
    ("%nemotron balance", r"The rehearsal has no account"),
    ("%nemotron rows", r"No (run|rows)"),
    ("%nemotron panel", r"panel of %nemotron"),
    ("%nemotron login", r"the key cannot be asked for here"),
    ("%nemotron rehearse", r"Rehearsal is on"),
    ("%nemotron rehearse: off", r"Rehearsal is off"),
)
# For each flag, a question with it, and what then stands in the outputs.
WITH_FLAGS = {
    "--model": (f"-m {NANO}", NANO),
    "--temperature": ("-t 0.2", r'"temperature": 0.2'),
    "--top-p": ("--top-p 0.9", r'"top_p": 0.9'),
    "--top-k": ("--top-k 40", r'"top_k": 40'),
    "--min-p": ("--min-p 0.1", r'"min_p": 0.1'),
    "--max-tokens": ("-n 50", r'"max_tokens": 50'),
    "--seed": ("--seed 7", r'"seed": 7'),
    "--stop": ("--stop END", r'"stop": \["END"\]'),
    "--frequency-penalty": ("--frequency-penalty 1", r'"frequency_penalty": 1'),
    "--presence-penalty": ("--presence-penalty -1", r'"presence_penalty": -1'),
    "--repetition-penalty": ("--repetition-penalty 1.1", r'"repetition_penalty": 1.1'),
    "--no-stream": ("--no-stream", r'"stream": false'),
    "--system": ("-s 'Be brief.'", r"Be brief\."),
    "--context": ("-c all", r"seen = 41"),
    "--data": ("--data full", r"why\?"),
    "--repair": ("--code --repair 2", r"why\?"),
    "--try": ("--code --try", r"code"),
    "--max-cost": ("--max-cost 100", r"why\?"),
    "--cache": ("--cache", r"in the cache"),
    "-p": ("-p top_a=0.5", r'"top_a": 0.5'),
    "--out": ("-o answer", r"why\?"),
    "--as": ('--as "total float"', r'"total"'),
    "--file": ("-f notes.txt", r"a note in a file"),
    "--notebook": ("--notebook", r"notebook"),  # no page here says which it is
    "--thread": ("-T side", r"why\?"),
    "--fresh": ("--fresh", r"why\?"),
    "--preview": ("", r"What would be sent"),
    "--code": ("--code", r"code"),
    "--replace": ("--code --replace", r"code"),
    "--all": ("--all", r"is for rows"),
    "--sample": ("--sample 5", r"is for rows"),
    "--at-once": ("--at-once 4", r"is for rows"),
    "--rpm": ("--rpm 9", r"is for rows"),
    "--again": ("--again errors", r"is for rows"),
    "--label": ("--label truth", r"is for rows"),
    "--strict": ("--strict", r"is for rows"),
    "--quiet": ("-q", r"What would be sent"),
    "--help": ("-h", r"--max-tokens TOKENS"),
}


@pytest.fixture
def rehearsing(tmp_path: Path) -> Iterator[Kernel]:
    (tmp_path / "notes.txt").write_text("a note in a file")
    with (
        rehearsal.serve() as url,
        running(tmp_path, AIMLAPI_API_BASE=url) as kernel,
    ):
        assert kernel.run(LOAD).outputs == []
        yield kernel


def shown(outcome: Outcome) -> str:
    """Give all that a cell shows, as text."""
    data = [output.get("data", {}) for output in outcome.outputs]
    plain = [str(one.get("text/plain", "")) for one in data]
    html = [text_of(one.get("text/html", "")) for one in data]
    return "\n".join([*plain, *html, outcome.text, outcome.error])


def test_every_command_shows_what_it_is_for(rehearsing: Kernel) -> None:
    named = re.findall(r"%nemotron (\w+)", "\n".join(cell for cell, _ in TYPED))
    wrong = []
    for number, (cell, words) in enumerate(TYPED):
        done = rehearsing.run(cell, f"cell-{number}", allow_stdin=False)
        if not re.search(words, shown(done)):
            wrong.append((cell, shown(done)))

    assert set(COMMANDS) <= set(named)
    assert wrong == []


def test_every_flag_does_what_help_says(rehearsing: Kernel) -> None:
    rehearsing.run("seen = 41", "cell-a")
    wrong = []
    for name, (flags, words) in WITH_FLAGS.items():
        done = rehearsing.run(f"%nemotron --preview {flags} why?", f"cell{name}")
        if not re.search(words, shown(done)):
            wrong.append((name, shown(done)))

    assert [flag.names[-1] for flag in FLAGS] == [*WITH_FLAGS]
    assert wrong == []


def test_every_setting_is_listed_and_read_back(rehearsing: Kernel) -> None:
    listed = shown(rehearsing.run("%config Nemotron"))
    missing = [
        parameter.name
        for parameter in PARAMETERS
        if f"Nemotron.{parameter.name}=<{parameter.describe()}>" not in listed
    ]
    rehearsing.run("%config Nemotron.temperature = 0.2")
    rehearsing.run("%config Nemotron.max_tokens = 77")
    preview = shown(rehearsing.run("%nemotron --preview -t 0.9 why?"))

    assert missing == []
    assert '"temperature": 0.9' in preview
    assert '"max_tokens": 77' in preview


def test_the_manual_names_all_commands_and_flags(rehearsing: Kernel) -> None:
    done = rehearsing.run(
        "print(get_ipython().object_inspect_mime('nemotron')['text/plain'])"
    )

    for name in [*COMMANDS, *(flag.names[-1] for flag in FLAGS)]:
        assert name in done.text


@pytest.mark.usefixtures("loops_closed")
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_a_day_is_the_user_s_own(tmp_path: Path, zone: str) -> None:
    hour = "import time; print(time.strftime('%Y-%m-%d %H'))"
    environ = {"TZ": zone, "NEMOTRON_MAGIC_HOME": str(tmp_path / "home")}
    with rehearsal.serve() as url:
        kernel = Kernel(tmp_path, AIMLAPI_API_BASE=url, **environ)
        try:
            kernel.run("%load_ext nemotron_magic")
            hours = kernel.run(hour).text.split("\n")[:1]
            kernel.run("%nemotron -q why?")
            hours += kernel.run(hour).text.split("\n")[:1]
            log = shown(kernel.run("%nemotron log"))
            usage = shown(kernel.run("%nemotron usage"))
        finally:
            kernel.close()

    assert any(f"| 1 | {one}:" in log for one in hours)
    assert "UTC" not in log + usage
    assert "| Today | 1 |" in usage


@pytest.mark.usefixtures("loops_closed")
def test_the_first_question_without_a_key_says_how_to_get_one_or_try(
    tmp_path: Path,
) -> None:
    no_keyring = "keyring.backends.null.Keyring"
    kernel = Kernel(tmp_path, PYTHON_KEYRING_BACKEND=no_keyring)
    try:
        loaded = kernel.run("%load_ext nemotron_magic")
        asked = kernel.run("%nemotron why does a left join add rows?", "cell-2")
        status = shown(kernel.run("%nemotron"))
        doctor = shown(kernel.run("%nemotron doctor"))
        forgot = shown(kernel.run("%nemotron login: forget"))
        tried = [kernel.run("%nemotron rehearse"), kernel.run("%nemotron hi", "cell-3")]
    finally:
        kernel.close()

    assert loaded.outputs == []
    assert asked.error.splitlines() == [
        "AuthenticationError: no key for api.aimlapi.com",
        "looked in this session, AIMLAPI_API_KEY and the system's keyring",
        "Make one at https://aimlapi.com/app/keys, then type: %nemotron login   "
        "Or try without: %nemotron rehearse",
    ]
    for told in (status, doctor):
        assert "https://aimlapi.com/app/keys" in told
    assert "No key for `api.aimlapi.com` is kept here now" in forgot
    assert [one.status for one in tried] == ["ok", "ok"]


@pytest.mark.usefixtures("loops_closed")
def test_a_key_of_the_environment_is_not_forgotten_but_named(tmp_path: Path) -> None:
    with rehearsal.serve() as url:
        environ = {"AIMLAPI_API_BASE": url, "AIMLAPI_API_KEY": "a-key-for-a-test"}
        kernel = Kernel(tmp_path, **environ)
        try:
            kernel.run("%load_ext nemotron_magic")
            asked = kernel.run("%nemotron logout")
            forgot = shown(kernel.run("%nemotron login: forget"))
        finally:
            kernel.close()

    assert "Did you mean: %nemotron login: forget   " in asked.error
    assert "The key in AIMLAPI_API_KEY is still there" in forgot
