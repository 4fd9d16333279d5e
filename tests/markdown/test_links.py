"""A link says where it leads wherever its text says something else."""

from __future__ import annotations

import pytest

from nemotron_magic.markdown.sanitize import host_to_show, place_to_show

HERE = "https://example.org/a"


@pytest.mark.parametrize(
    ("text", "url", "host"),
    [
        ("here", HERE, ""),
        ("example.org", HERE, ""),
        ("www.example.org", HERE, ""),
        ("example.org", "https://www.example.org/a", ""),
        ("EXAMPLE.org and bank.com", HERE, ""),
        ("bank.com", HERE, "example.org"),
        ("https://bank.com/login", HERE, "example.org"),
        ("df.groupby, plot.py", HERE, ""),
        ("here", f"{HERE}?{'q' * 100}", ""),
        ("here", f"{HERE}?{'q' * 101}", "example.org"),
        ("here", "https://xn--exmple-cua.org/", "xn--exmple-cua.org"),
        ("bank.com", "mailto:a@example.org", ""),
        ("bank.com", "https://[::1/", "https://[::1/"),
    ],
)
def test_the_host_is_shown_where_the_text_may_deceive(
    text: str, url: str, host: str
) -> None:
    assert host_to_show(text, url) == host


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (f"{HERE}?b=c#d", "example.org/a"),
        ("http://example.org#d?", "example.org"),
        ("x" * 121, "x" * 120),
        ("", ""),
    ],
)
def test_of_an_address_host_and_path_are_shown(url: str, place: str) -> None:
    assert place_to_show(url) == place
