"""What each language of a fence makes of its code."""

from __future__ import annotations

import pytest

from nemotron_magic.code.cells import is_known, is_python_name, magic_of

MAGICS = [
    "HTML", "R", "SVG", "bash", "cmd", "cython", "html", "javascript", "js", "julia",
    "latex", "octave", "perl", "ruby", "sh", "sql", "svg",
]  # fmt: skip


@pytest.mark.parametrize(
    ("languages", "magic"),
    [
        ("bash sh shell shellscript zsh", "bash"),
        ("html htm html5", "html"),
        ("javascript js", "javascript"),
        ("latex tex", "latex"),
        ("perl pl", "perl"),
        ("ruby rb", "ruby"),
        ("sql postgres postgresql mysql sqlite sqlite3 duckdb", "sql"),
        ("svg", "svg"),
        ("cython pyx", "cython"),
        ("julia jl", "julia"),
        ("octave", "octave"),
        ("r", "R"),
        ("cmd bat batch", "cmd"),
    ],
)
def test_a_language_goes_by_several_names(languages: str, magic: str) -> None:
    for language in languages.split():
        assert magic_of(language, MAGICS) == magic
        assert is_known(language)
        assert not is_python_name(language)


@pytest.mark.parametrize(
    ("language", "there", "magic"),
    [
        ("zsh", ["sh"], "sh"),
        ("javascript", ["js"], "js"),
        ("html", ["HTML"], "HTML"),
        ("svg", ["SVG"], "SVG"),
        ("julia", ["bash"], ""),
        ("rust", MAGICS, ""),
        ("", MAGICS, ""),
    ],
)
def test_the_best_magic_is_taken_of_those_there(
    language: str, there: list[str], magic: str
) -> None:
    assert magic_of(language, there) == magic


@pytest.mark.parametrize(
    ("language", "is_one"),
    [
        ("python", True),
        ("py3", True),
        ("python3.12", True),
        ("ipython", True),
        ("text/x-python", True),
        ("pytb", False),
        ("", False),
        ("3", False),
    ],
)
def test_python_goes_by_its_version_too(language: str, is_one: bool) -> None:
    assert is_python_name(language) is is_one
    assert is_known(language) is is_one
