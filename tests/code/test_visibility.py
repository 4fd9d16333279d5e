"""What code hides is shown, and ordinary code is left as it is."""

from __future__ import annotations

import ast
from warnings import catch_warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemotron_magic.code.visibility import escape_bidi

RLO, ZWSP, TAG, BEL, ESC = "\u202e", "\u200b", "\U000e0041", "\x07", "\x1b"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (f'x = "a{RLO}b"', 'x = "a\\u202eb"'),
        (f"x = 1  # {RLO}", "x = 1  # <U+202E>"),
        (f"us{ZWSP}er = 1", "us<U+200B>er = 1"),
        (f"'''a\n{RLO}'''\n# {RLO}", "'''a\n\\u202e'''\n# <U+202E>"),
        (f'x = "{ESC}[31mred"', 'x = "\\x1b[31mred"'),
        (f"# {ESC}]0;title{BEL}", "# <U+001B>]0;title<U+0007>"),
        (f'x = "{TAG}"', 'x = "\\U000e0041"'),
        (f"f(){TAG}", "f()<U+E0041>"),
        ("x = 1\r\ny = 2", "x = 1\ny = 2"),
        ("# nice\rimport os", "# nice\nimport os"),
        ("\ufeffx = 1", "<U+FEFF>x = 1"),
        ('x = "\x9b31m"', 'x = "\\x9b31m"'),
        ('x = "a\u200db"', 'x = "a\\u200db"'),
        ('x = "a\ufe0f"', 'x = "a\\ufe0f"'),
        ('x = "❤\ufe0f\ufe0e"', 'x = "❤\ufe0f\\ufe0e"'),
        ('x = "\U000e0101"', 'x = "\\U000e0101"'),
        ("x\ufe0f = 1", "x<U+FE0F> = 1"),
        ('x = "\u2028"', 'x = "\\u2028"'),
        ("%%bash\necho '\u202e'", "%%bash\necho '<U+202E>'"),
        (f"!echo don't {RLO}", "!echo don't <U+202E>"),
        (f'x = """open {RLO}', 'x = """open \\u202e'),
        ("x = '\ud800'", "x = '\\ud800'"),
        ("if x:\x0c\n    y", "if x:<U+000C>\n    y"),
    ],
)
def test_what_hides_is_shown(source: str, shown: str) -> None:
    found, warnings = escape_bidi(source)

    assert found == shown
    assert escape_bidi(found) == (found, ())
    assert bool(warnings) == ("\r\n" not in source)


def test_a_warning_says_where_and_what() -> None:
    _, warnings = escape_bidi(f"x = 1\n# {RLO}{RLO}\ny{ZWSP} = '{TAG}{ESC}'\r#")

    assert warnings == (
        "line 3: it ends with a bare carriage return, which can hide the next",
        "line 2: RIGHT-TO-LEFT OVERRIDE (U+202E) is shown by its number",
        "line 3: ZERO WIDTH SPACE (U+200B) is shown by its number",
        "line 3: TAG LATIN CAPITAL LETTER A (U+E0041) is shown by its number",
        "line 3: a control character (U+001B) is shown by its number",
    )


def test_a_warning_counts_the_lines_of_texts() -> None:
    source = f"x = '''a\nb{RLO}\n'''\n# {ZWSP}\nу_x = 1"

    assert [one.partition(":")[0] for one in escape_bidi(source)[1]] == [
        "line 2",
        "line 4",
        "line 5",
    ]


def test_there_are_never_many_warnings() -> None:
    _, warnings = escape_bidi(f"# {ZWSP}\n" * 5_000)

    assert len(warnings) == 11
    assert warnings[-1] == "and 4990 more"


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("pаy", "the name 'pаy' mixes Latin and Cyrillic letters (U+0430)"),
        ("user_іd", "the name 'user_іd' mixes Latin and Cyrillic letters (U+0456)"),
        ("а_b", "the name 'а_b' mixes Latin and Cyrillic letters (U+0430)"),
        ("νalue", "the name 'νalue' mixes Latin and Greek letters (U+03BD)"),
        ("Οpen", "the name 'Οpen' mixes Latin and Greek letters (U+039F)"),
        (
            "ехес",
            "the name 'ехес' is of Cyrillic letters that read 'exec' "
            "(U+0435 U+0445 U+0435 U+0441)",
        ),
        ("х", "the name 'х' is of Cyrillic letters that read 'x' (U+0445)"),
        (
            "ΝΟΝΕ",
            "the name 'ΝΟΝΕ' is of Greek letters that read 'NONE' "
            "(U+039D U+039F U+039D U+0395)",
        ),
        ("ο", "the name 'ο' is of Greek letters that read 'o' (U+03BF)"),
        ("ο_1", "the name 'ο_1' is of Greek letters that read 'o_1' (U+03BF)"),
        ("Α", "the name 'Α' is of Greek letters that read 'A' (U+0391)"),
        (
            "νοχ",
            "the name 'νοχ' is of Greek letters that read 'vox' (U+03BD U+03BF U+03C7)",
        ),
        (
            "τοη",
            "the name 'τοη' is of Greek letters that read 'ton' (U+03C4 U+03BF U+03B7)",
        ),
        ("ꓐꓢ", "the name 'ꓐꓢ' is of Lisu letters (U+A4D0 U+A4E2)"),
    ],
)
def test_names_that_look_like_others_are_named(name: str, warning: str) -> None:
    source = f"x = 1\n{name} = 2\nprint({name!r})  # {name}"

    assert escape_bidi(source) == (source, (f"line 2: {warning}",))


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("ｐrint", "print"),
        ("𝐱", "x"),
        ("ﬁle", "file"),
        ("𝓮𝔁𝓮𝓬", "exec"),
        ("ｏｓ", "os"),
    ],
)
def test_a_name_stands_as_python_reads_it(name: str, read: str) -> None:
    warning = f"line 2: Python reads the name {name!r} as {read!r}"
    source = f"x = 1\n{name} = 2\nprint({name!r})  # {name}\n!{name}"

    shown, warnings = escape_bidi(source)
    assert shown == f"x = 1\n{read} = 2\nprint({name!r})  # {name}\n!{name}"
    assert warnings[0] == warning


@pytest.mark.parametrize("blank", "\u3164\u115f\u1160\uffa0\u2800\u00ad\U000e0061")
def test_blanks_that_are_letters_are_shown_wherever_they_are(blank: str) -> None:
    number = f"<U+{ord(blank):04X}>"
    escape = blank.encode("unicode_escape").decode()
    shown, warnings = escape_bidi(f"a{blank}b = '{blank}'\n%x {blank}  # {blank}")

    assert shown == f"a{number}b = '{escape}'\n%x {number}  # {number}"
    assert len(warnings) == 2
    assert escape_bidi(f"%%bash\n{blank}")[0] == f"%%bash\n{number}"
    assert escape_bidi(f"%%time\n'{blank}'")[0] == f"%%time\n'{escape}'"


@pytest.mark.parametrize(
    "source",
    [f"r'a{RLO}'", f"R'{ESC}'", f"rb'{ESC}'", f"'\\{RLO}'", f"'\\\\{RLO}'",
     f"'\\\\\\{TAG}'", f"fr'{ZWSP}'", f"b'\\{ESC}'"],
)  # fmt: skip
def test_an_escape_stands_for_what_it_replaces_in_any_text(source: str) -> None:
    shown, _ = escape_bidi(source)
    with catch_warnings(action="ignore"):
        before = ast.literal_eval(source.replace("f", ""))

    assert shown.isascii()
    assert shown.isprintable()
    assert ast.literal_eval(shown.removeprefix("f")) == before


@pytest.mark.parametrize(
    "name",
    ["Δx", "σ_max", "ν_max", "x_μ", "naïve", "größe", "e\u0301te\u0301", "данные",
     "df_продажи", "面积", "área_m2", "αβγ", "データ_1", "ŝ", "кот", "ρ_air", "Œuvre",
     "x面积", "nデータ", "ν", "χ", "γ", "η_0", "Δ", "κ", "Ω"],
)  # fmt: skip
def test_ordinary_names_are_not_warned_of(name: str) -> None:
    assert escape_bidi(f"{name} = 1") == (f"{name} = 1", ())


ALPHABETS = [
    "abcxyzé",
    "ñöüßø",
    "днгжзи",
    "βγδλσω",
    "面积数据",
    "データ",
    "한국어",
    "עברית",
]
WORDS = st.sampled_from(ALPHABETS).flatmap(
    lambda letters: st.text(st.sampled_from(letters), min_size=1, max_size=8)
)
EMOJI = ["👩‍🔬", "❤️", "🏳️‍🌈", "👍🏽", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣", "می‌خواهم", "葛󠄀", "क्‍ष", "☂", "€", " "]
TEXTS = st.lists(WORDS | st.sampled_from(EMOJI), max_size=6).map(" ".join)
LINES = st.one_of(
    st.builds("{} = '{}'".format, WORDS, TEXTS),
    st.builds('{}("""{}\n{}""")'.format, WORDS, TEXTS, TEXTS),
    st.builds("# {}".format, TEXTS),
    st.builds("for {} in {}:\n\tf'{}' + r\"{}\"".format, WORDS, WORDS, TEXTS, TEXTS),
)


@pytest.mark.slow
@settings(max_examples=150)
@given(st.lists(LINES, max_size=8).map("\n".join))
def test_ordinary_code_is_left_as_it_is(source: str) -> None:
    assert escape_bidi(source) == (source, ())


HIDING = st.sampled_from([*"\u202e\u2066\u200b\ufeff\x1b\x00\x85\u2028", TAG, "\u200d"])


@settings(max_examples=150)
@given(st.text(st.sampled_from("a='\"#\\\n 1é") | HIDING, max_size=40))
def test_nothing_stays_hidden_in_anything(source: str) -> None:
    shown, warnings = escape_bidi(source)

    assert not set(shown) & {*"\u202e\u2066\u200b\ufeff\x1b\x00\x85\u2028", TAG}
    assert bool(warnings) == (shown != source)
    assert escape_bidi(shown)[0] == shown


def test_an_escaped_text_means_the_same() -> None:
    source = f"x = 'a{RLO}b{ESC}{TAG}'"
    shown, _ = escape_bidi(source)

    assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(source))
