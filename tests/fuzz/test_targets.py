"""What the fuzzer holds of every room, held for its seeds and for what it found."""

from __future__ import annotations

import pytest
from targets import SEEDS, TARGETS

FINDINGS = {
    "a lone CR ends a line of Markdown": (
        "blocks",
        b"\x02a-- a\n  - b\n" + b"   x = 1\n  y\r- c\n  - d\n" * 8,
    ),
    "a scheme may be in capitals": ("markdown", b"[a](httP://d) httP://d/"),
    "a value that is typed may hold line ends": (
        "grammar",
        b"-t " + b'"a\r\r\r\xe2\x80\xa8\x85b\x1b[2J"',
    ),
    "a model may have no name": ("catalogue", b'[{"id":""},{"id":" ","info":{}}]'),
}
"""Inputs that once broke a room, as short as they get."""


@pytest.mark.parametrize("name", TARGETS)
def test_a_room_stands_every_beginning_of_its_seeds(name: str) -> None:
    for seed in SEEDS[name]:
        for end in range(0, len(seed) + 1, 3):
            TARGETS[name](seed[:end])


@pytest.mark.parametrize("name", TARGETS)
def test_a_room_stands_its_seeds_with_any_byte_damaged(name: str) -> None:
    for seed in SEEDS[name]:
        for at in range(0, len(seed), 3):
            for byte in (0x00, 0x0A, 0x22, 0xFF):
                TARGETS[name](seed[:at] + bytes([byte]) + seed[at + 1 :])


@pytest.mark.parametrize("finding", FINDINGS)
def test_what_broke_a_room_once_does_so_no_more(finding: str) -> None:
    name, data = FINDINGS[finding]
    TARGETS[name](data)
