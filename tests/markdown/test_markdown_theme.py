"""The style sheet is small, ours only, and in the page's own colours."""

import re

import pytest

from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.html import stylesheet, used_rules


def test_the_sheet_is_small():
    assert len(stylesheet()) < 4_700


@pytest.mark.parametrize(
    ("markdown", "most_bytes"),
    [
        ("It is **6**.", 300),
        ("- a\n- b\n\n## H\n\n`x` and $x$", 600),
        ("```python\nx = 1  # a\n```", 1_200),
        ("| a | |\n|:--|:--|\n| `x` | 1 |", 400),
        ("| a | b |\n|:--|--:|\n| x | 1 |", 400),
    ],
)
def test_an_output_carries_the_rules_that_it_has_a_use_for(markdown, most_bytes):
    html = to_html(markdown)
    sheet = used_rules(f'<div class="nm-reply">{html}</div>')
    named = set(re.findall(r"nm-[a-z]+", html)) & set(
        re.findall(r"nm-[a-z]+", stylesheet())
    )

    assert len(sheet) < most_bytes
    assert sheet.count("{") == sheet.count("}") > 2
    assert named <= set(re.findall(r"nm-[a-z]+", sheet))


def test_no_rule_is_without_use():
    sheet = stylesheet()
    tags = "".join(f"<{tag}>" for tag in re.findall(r"[a-z]\w*", sheet))
    names = " ".join(re.findall(r"nm-[\w-]+", sheet))

    sides = '<p align="center"><p align="right">'

    assert used_rules(f'<p class="{names}">{tags}{sides}') == sheet


def test_white_space_goes_and_every_rule_stays_whole():
    sheet = stylesheet()

    assert sheet.startswith(".nm-reply{--nm-muted:color-mix(in srgb,currentColor 78%")
    assert ".nm-reply>:first-child{margin-top:0}.nm-reply pre[class]{" in sheet
    assert sheet.count("{") == sheet.count("}") > 40
    assert not re.search(r"\n|\s[{};]|[{};]\s", sheet)


def test_each_rule_is_about_our_own_classes():
    selectors = re.findall(r"(?:^|\})([^{}]+)\{", stylesheet())

    # A comma within `:is(…)` parts no selectors.
    single = [one for group in selectors for one in re.split(r",(?![^(]*\))", group)]
    assert all(".nm-" in one for one in single)


def test_nothing_is_loaded_and_no_style_is_closed():
    assert not re.search(r"@import|url\(|<", stylesheet())


def test_each_colour_of_code_has_its_rule():
    html = to_html("```python\n@d\ndef f(): return len('a') + 1 is None  # c\n```")
    names = set(re.findall(r'class="(nm-[a-z])"', html))

    assert names == {"nm-a", "nm-b", "nm-c", "nm-d", "nm-f", "nm-k", "nm-m", "nm-s"}
    assert all(f".{name}{{color:" in stylesheet() for name in names)


def test_colours_are_those_of_the_page_or_else_our_own():
    assert (
        ".nm-s{color:color-mix(in srgb,var(--jp-mirror-editor-string-color,"
        "var(--vscode-debugTokenExpression-string,light-dark(#a31515,#ff9d8a)))"
        " 75%,currentColor)}"
    ) in stylesheet()
    assert (
        ".nm-c{color:color-mix(in srgb,var(--jp-mirror-editor-comment-color,"
        "light-dark(#57606a,#9aa4ae)) 75%,currentColor)}"
    ) in stylesheet()
