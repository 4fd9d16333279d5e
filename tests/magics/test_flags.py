"""The flags: their names, and the table that a user reads."""

from __future__ import annotations

import io
import re

import pytest

from nemotron_magic.core.parameters import PARAMETERS
from nemotron_magic.display.terminal import TerminalMarkdown, markdown_console
from nemotron_magic.magics.words import FLAG_OF, FLAGS, flags_table

ROWS = flags_table().splitlines()[2:]


def row_of(name: str) -> tuple[str, str]:
    """Give the flag as the table has it, and its help."""
    row = ROWS[FLAGS.index(FLAG_OF[name])]
    left, right = row.strip("| ").split(" | ")
    return left.strip("`"), right


def test_no_two_flags_have_a_name_in_common() -> None:
    names = [name for flag in FLAGS for name in flag.names]

    assert sorted(names) == sorted(set(names)) == sorted(FLAG_OF)
    assert all(name in FLAG_OF[name].names for name in names)


def test_a_name_is_one_letter_or_a_word_that_no_number_looks_like() -> None:
    names = list(FLAG_OF)

    assert [x for x in names if not re.fullmatch(r"-[A-Za-z]|--[a-z][a-z-]+", x)] == []


def test_every_setting_with_flags_has_one_of_them_under_its_names() -> None:
    with_flags = [row for row in PARAMETERS if row.flags]

    assert [flag.parameter for flag in FLAGS if flag.parameter] == with_flags
    assert [FLAG_OF[row.flags[0]].names for row in with_flags] == [
        row.flags for row in with_flags
    ]


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("-t", "-t, --temperature TEMPERATURE", r".* From 0 to 2\."),
        ("-n", "-n, --max-tokens TOKENS", r".* At least 1\."),
        ("--top-p", "--top-p P", r".* From 0.01 to 1\."),
        ("--no-stream", "--no-stream", r"Wait for the whole reply\."),
        ("--cache", "--cache [=off,on,replay]", r".*"),
        ("-p", "-p KEY=VALUE", r"Any other field of the request, as JSON\."),
        ("-o", "-o, --out NAME", r"Also store the reply in this variable\."),
        ("-f", "-f, --file PATH", r"Attach a text file; may be repeated\."),
        ("-T", "-T, --thread THREAD", r"Ask in a separate conversation of this name\."),
        ("--fresh", "--fresh", r"Leave out the earlier turns, this once\."),
    ],
)
def test_a_flag_is_shown_with_what_follows_it_and_its_range(
    name: str, left: str, right: str
) -> None:
    shown, help_text = row_of(name)

    assert shown == left
    assert re.fullmatch(right, help_text)


def test_every_flag_has_one_row_with_all_of_its_help() -> None:
    assert len(ROWS) == len(FLAGS)
    for flag, row in zip(FLAGS, ROWS, strict=True):
        limits = flag.parameter.limits if flag.parameter else ""
        assert row.startswith(f"| `{', '.join(flag.names)}")
        assert row.endswith(f"{flag.help} |")
        assert flag.help.lower().rstrip(".").endswith(limits)
        assert flag.help == flag.help.strip()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_helps_stand_below_each_other_in_a_terminal_of_any_width(
    width: int,
) -> None:
    console = markdown_console(stream := io.StringIO(), width=width)
    console.print(TerminalMarkdown(flags_table()), end="", crop=False)
    lines = [one for one in stream.getvalue().splitlines() if "─" not in one]
    column = lines[-1].index("Show the flags.")

    assert max(map(len, lines)) <= width
    assert {line[column - 2 : column].strip() for line in lines} == {""}
    assert all(line[column] != " " for line in lines[1:])
