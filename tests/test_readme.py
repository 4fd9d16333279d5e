"""README: what it names is there, and what it says to type works."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from nemotron_magic.client.client import Client
from nemotron_magic.context.describe.privacy import (
    is_personal,
    is_vocabulary,
    tells_of_person,
)
from nemotron_magic.context.secrets.values import Strength, is_live_secret, strength_of
from nemotron_magic.core.parameters import BY_NAME, PARAMETERS
from nemotron_magic.core.settings import Settings
from nemotron_magic.magics.extension import NemotronMagics
from nemotron_magic.magics.parser import parse
from nemotron_magic.magics.questions import TASKS
from nemotron_magic.magics.words import COMMANDS, FLAGS
from nemotron_magic.session.conversation import MEMORY_CHARS
from nemotron_magic.session.session import Session

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / ".github/CONTRIBUTING.md").read_text(encoding="utf-8")
MANUAL = NemotronMagics.nemotron.getdoc()  # type: ignore[attr-defined]
PACKAGE = "\n".join(
    path.read_text("utf-8")
    for folder in ("nemotron_magic", "tests/service")
    for path in sorted((ROOT / folder).rglob("*.py"))
)
LINES = sorted(set(re.findall(r"(?<!%)%nemotron(?: [^`\n]*)?(?=`)", README)))


@pytest.mark.parametrize("line", LINES)
def test_what_the_readme_says_to_type_is_understood(line: str) -> None:
    typed = line.removeprefix("%nemotron").strip()
    call = parse("" if typed == "?" else typed, None)

    is_command = typed.partition(":")[0] in COMMANDS
    assert bool(call.command) == is_command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme_and_in_the_manual(command: str) -> None:
    assert f"`%nemotron {command}" in README
    assert f"%nemotron {command}" in MANUAL


def test_the_manual_names_every_flag() -> None:
    assert [name for f in FLAGS for name in f.names if name not in MANUAL] == []


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)h][^)]*)\)", README))
def test_the_files_that_the_readme_names_are_there(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)h][^)]*)\)", CONTRIBUTING))
def test_the_files_that_contributing_names_are_there(path: str) -> None:
    assert (ROOT / ".github" / path).exists()


GLOSSARY = CONTRIBUTING.partition("## Glossary")[2]
TERMS = [row.rpartition(" | ")[2] for row in GLOSSARY.splitlines() if " | `" in row]
WORDS = sorted(set(re.findall(r"`(\w+)`", " ".join(TERMS))))


def test_the_words_of_the_glossary_are_those_of_the_code() -> None:
    def is_defined(word: str) -> bool:
        return bool(re.search(rf"(?m)^(class|def) {word}\b|^{word}\b.* = ", PACKAGE))

    assert len(WORDS) > 50
    assert [word for word in WORDS if not is_defined(word)] == []


def test_most_of_the_readme_is_folded() -> None:
    shown = re.sub(r"(?s)<details>.*?</details>\n", "", README)

    assert README.count("<details>\n<summary>") == README.count("</details>\n")
    assert len(shown.splitlines()) <= 160


def table() -> str:
    """Give the table of settings as it must stand in the README."""
    rows = [
        f"| {', '.join(f'`{flag}`' for flag in p.flags)} | `{p.name}` "
        f"| {p.help} | {p.describe()} |"
        for p in PARAMETERS
    ]
    return "\n".join(["| Flag | Setting | | Value |", "|:--|:--|:--|:--|", *rows])


def test_the_table_of_settings_is_the_one_in_the_code() -> None:
    assert table() in README


def test_the_figures_of_what_is_sent_are_those_of_the_code() -> None:
    sent = README[README.index("## What is sent") : README.index("## When something")]
    read = Session(environ={}, client=Client()).context_tokens(Settings())

    assert f"{MEMORY_CHARS:,} characters" in sent
    assert f"({read:,}, or a quarter" in sent
    assert BY_NAME["context"].default == "auto"
    assert BY_NAME["data"].default == "schema"
    assert BY_NAME["redact"].default is True


def test_the_rule_of_telling_names_is_that_of_the_code() -> None:
    (rule,) = re.findall(r"(?s)A name is telling if .*?\n\n", README)
    password, secret, hint = (int(n) for n in re.findall(r"of (\d)", rule))

    assert [strength_of(name) for name in re.findall(r"`(\w+)`", rule)] == [
        *(Strength.SECRET, Strength.SECRET, Strength.HINT, Strength.HINT)
    ]
    for strength, letters, fewest in (
        (Strength.PASSWORD, "abcdefgh", password),
        (Strength.SECRET, "abcdefgh", secret),
        (Strength.HINT, "abcdefg7", hint),
        (Strength.HINT, "abcDefgh", hint),
    ):
        assert is_live_secret(letters[-fewest:], strength)
        assert not is_live_secret(letters[1 - fewest :], strength)
    assert not is_live_secret("customer", Strength.HINT)


def test_what_is_sent_says_which_values_of_tables_are() -> None:
    (row,) = re.findall(r"(?m)^\| tables, .*", README)
    told, _, personal = row.partition("nothing of what looks personal")
    hidden, _, counts = personal.partition(" do, and ")
    column = dict.fromkeys(re.findall(r"`([^`]+)`", told), 9)

    assert len(row) < 3 * 150
    assert is_vocabulary(column | {"benign": 9, "EU-27": 9, "XL": 9})
    assert not is_vocabulary(column | {"Zebulon Quimby": 9})
    for word in re.findall(r"`([^`]+)`", hidden):
        assert is_personal(word) or tells_of_person(word)
    for word in re.findall(r"`(\w+)`", counts.partition("|")[0]):
        assert not is_personal(word)


@pytest.mark.parametrize("task", TASKS)
def test_what_is_sent_names_the_commands_that_take_variables_along(task: str) -> None:
    (row,) = re.findall(r"(?m)^\| variables \|.*", README)

    assert f"`{task}`" in row


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NEEDED = [re.split(r"[<>=]", one)[0] for one in PROJECT["dependencies"]]


@pytest.mark.parametrize("package", NEEDED)
def test_the_readme_says_why_each_dependency_is_one(package: str) -> None:
    reasons = README.partition("## What it depends on")[2].partition("\n## ")[0]

    assert re.search(rf"(?m)^\| .*`{package}`.* \| .{{9,}} \|$", reasons)


def test_the_extras_that_the_readme_installs_are_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = re.findall(r"\.\[([\w,]+)\]", README + CONTRIBUTING)
    groups = re.findall(r"--group (\w+)", README + CONTRIBUTING)

    assert {"demo", "keyring", "test"} <= set(",".join(named).split(","))
    extras = project["project"]["optional-dependencies"]
    assert set(",".join(named).split(",")) <= set(extras)
    assert set(groups) == set(project["dependency-groups"])
