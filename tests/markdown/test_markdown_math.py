"""Formulae reach the page's MathJax as written; money and code never do."""

import re

import pytest
from markdown_policy import read

from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.parser import formula_html

_FORMULA = re.compile(r'<span class="nm-math">(.*?)</span>', re.DOTALL)
_ALONE = re.compile(r'<span class="nm-raw">(\$|\\)</span>')


_MACROS = [
    r"\def\x{1}",
    r"\gdef\x{1}",
    r"\edef\x{1}",
    r"\xdef\x{1}",
    r"\let\le\ge",
    r"\futurelet\x",
    r"\newcommand{\x}{1}",
    r"\renewcommand{\le}{\ge}",
    r"\providecommand{\x}{1}",
    r"\newenvironment{x}{}{}",
    r"\verb|x|",
    r"\renewenvironment{x}{}{}",
    r"\DeclareMathOperator{\x}{x}",
    r"\DeclareMathOperator*{\x}{x}",
    r"\require{html}",
    r"\includegraphics{x}",
    r"\htmlData{a=b}{x}",
    r"\htmlId{a}{x}",
    r"\htmlClass{a}{x}",
    r"\htmlStyle{a}{x}",
    r"\href{https://a.b}{x}",
    r"\url{https://a.b}",
    r"\class{a}{x}",
    r"\cssId{a}{x}",
    r"\style{a}{x}",
    r"\unicode{x}",
    r"\rule{500em}{1em}",
    r"\rule{99em}{1em}",
    r"\hspace{-999px}",
    r"\kern-99em",
    r"\begin{verbatim}x\end{verbatim}",
    r"\bbox[url(a)]{x}",
    r"\definecolor{a}{b}{c}",
    r"\global\x",
    r"\mmlToken{mi}{x}",
    r"\\def\x{1}",
    r"\catcode`x=1",
]


def formulae(markdown: str) -> list[str]:
    return _FORMULA.findall(to_html(markdown))


def typeset_outside(markdown: str) -> list[str]:
    """Give the signs that MathJax could take for an opening, outside of formulae."""
    html = re.sub(r"<(code|pre)\b.*?</\1>", "", to_html(markdown), flags=re.DOTALL)
    html = _ALONE.sub("", _FORMULA.sub("", html))
    text = read(html)[1]
    return re.findall(r"\$|\\[(\[]|\\begin|\\(?:eq)?ref", text)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("$x$ and $y_1*z_2*$", ["$x$", "$y_1*z_2*$"]),
        (r"\(a_1 * b_2\)", ["$a_1 * b_2$"]),
        (r"\[a < b\]", ["$$a &lt; b$$"]),
        ("so $$x = 1$$ holds", ["$$x = 1$$"]),
        ("$$\nx\n= y\n$$", ["$$x\n= y$$"]),
        ("text\n$$\na\n- b\n# c\n$$\ntext", ["$$a\n- b\n# c$$"]),
        ("- a\n  $$\n  x\n  $$", ["$$x$$"]),
        ("> \\[\n> x\n> \\]", ["$$x$$"]),
        (
            "\\begin{align}\na &= b \\\\\nc\n\\end{align}",
            ["\\begin{align}\na &amp;= b \\\\\nc\n\\end{align}"],
        ),
        ("the $n$th of $5$", ["$n$", "$5$"]),
        ("$3 \\text{ apples}$", ["$3 \\text{ apples}$"]),
        ("$2x + 3 \\sin x$", ["$2x + 3 \\sin x$"]),
        ("| $a$ |\n|---|\n| $b$ |", ["$a$", "$b$"]),
        ("**$x$** ($y$), $z$.", ["$x$", "$y$", "$z$"]),
        (r"$a \$ b$", [r"\(a \$ b\)"]),
        (r"$x \label{eq:1}$", ["$x $"]),
        ("It costs $5 and $9, so $x^2$ it is.", ["$x^2$"]),
    ],
)
def test_a_formula_is_handed_on_as_written(markdown, expected):
    assert formulae(markdown) == expected
    assert typeset_outside(markdown) == []


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $9",
        "costs $5-$10",
        "US$3, A$4 and $5",
        "$1,200.50 for a and then $3",
        "between $5 and 10$",
        "$100 (or $200)",
        "$5.00/month vs. $7.50/month",
        "$10 million and US$3",
        "$5k–$10k",
        "$5/$10",
        "$$5 and $$9",
        "$HOME/bin:$PATH and $HOME/$USER",
        "${x}/${y}",
        "$('a').b($c)",
        "$ a $ b $",
        "$ $$ $$$ $$$$",
        "$",
        "$$",
        "a$b$c",
    ],
)
def test_money_and_shell_stay_text(text):
    assert formulae(text) == []
    assert typeset_outside(text) == []
    assert read(to_html(text))[1].strip() == text


@pytest.mark.parametrize("text", ["`$x$`", "```\n$x$ \\(y\\)\n```", "    $x$\n"])
def test_code_is_no_formula(text):
    assert formulae(text) == []


@pytest.mark.parametrize(
    "text",
    [
        r"\\(x\\) and \\[y\\]",
        r"\\begin{equation}x\\end{equation}",
        r"a \begin{equation}x\end{equation} b",
        r"\ref{x} and \eqref{y}",
        "$<br>x$",
        "&#36;x&#36; and &dollar;x&dollar;",
        r"&#92;(x&#92;) &bsol;[y&bsol;]",
        r"\$x\$ and \\$x\\$",
        "*$*x*$*",
        "| $ |\n|---|\n| $x |",
        "[$x](https://a.b)$",
        "![$x$](https://a.b/$y$)",
        "[a](https://a.b '$x$')",
        "\\\n(x\\\n)",
    ],
)
def test_no_pair_is_left_that_only_mathjax_would_see(text):
    assert typeset_outside(text) == []


@pytest.mark.parametrize("form", ["${}$", "$$\n{}\n$$", "\\({}\\)", "\\[a {}\\]"])
def test_a_macro_that_reaches_further_is_shown_not_run(form):
    texts = [form.replace("{}", macro) for macro in _MACROS]

    assert [text for text in texts if "nm-math" in to_html(text)] == []
    assert [text for text in texts if typeset_outside(text)] == []


def test_hidden_characters_in_a_formula_are_shown():
    assert "[U+202E]" in to_html("$a\u202eb$")


@pytest.mark.parametrize(
    ("tex", "display", "html"),
    [
        ("x", False, '<span class="nm-math">$x$</span>'),
        ("x", True, '<span class="nm-math">$$x$$</span>'),
        ("a<b", False, '<span class="nm-math">$a&lt;b$</span>'),
        (r"\text{$x$}", False, r'<span class="nm-math">\(\text{$x$}\)</span>'),
        (r"\text{$x$}", True, r'<span class="nm-math">\[\text{$x$}\]</span>'),
        (r"\href{x}{y}", False, r'<code class="nm-tex">\href{x}{y}</code>'),
        ("x" * 5_001, True, f'<code class="nm-tex">{"x" * 5_001}</code>'),
    ],
    ids=["in text", "apart", "signs", "dollars", "dollars apart", "harmful", "long"],
)
def test_a_formula_goes_to_the_page_or_is_shown_as_it_was_written(tex, display, html):
    assert formula_html(tex, display=display) == html
