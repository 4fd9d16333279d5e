"""A reply as LaTeX: it looks as it was meant, and nothing of it is a command."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_shapes import SHAPES

from nemotron_magic.markdown.latex import to_latex


@pytest.mark.parametrize(
    ("markdown", "latex"),
    [
        ("# A & B", r"\section*{A \& B}"),
        ("#### A", r"\paragraph*{A}"),
        ("*a* **b** ~~c~~ `d_e`", r"\emph{a} \textbf{b} \sout{c} \texttt{d\_e}"),
        ("```\na{}\n\n  b\\\n```", "a\\{\\}\n\n  b\\textbackslash{}\n\\end{Verbatim}"),
        ("$x_1$ and \\(y\\)", r"\(x_1\) and \(y\)"),
        ("$$\nx^2 % y\n$$", "\\[x^2 \\% y\\]"),
        ("\\begin{align}\na\n\\end{align}", "\\begin{align}\na\n\\end{align}"),
        ("3. a\n4. b", "\\item[3.] a\n\\item[4.] b"),
        ("> a", "\\begin{quote}\na\n\n\\end{quote}"),
        ("| a |\n|:-:|\n| [b] |", "\\begin{longtable}{c}\n\\toprule\na \\\\\n"),
        ("[a](https://e.org/x%20y#z)", r"\href{https://e.org/x\%20y\#z}{a}"),
        ("[e.org](https://f.org)", r"\href{https://f.org}{e.org} (f.org)"),
        ("![a](https://e.org/x.png)", r"a {[}image: e.org/x.png{]}"),
        ("a\u202eb", "a{[}U+202E{]}b"),
    ],
)
def test_markdown_has_its_like_in_latex(markdown: str, latex: str) -> None:
    assert latex in to_latex(markdown)


@pytest.mark.parametrize(
    "tex",
    [
        r"\input{/etc/passwd}", r"\include{x}", r"\openin5=x", r"\write18{ls}",
        r"\csname input\endcsname{x}", r"a^^5cinput{x}", r"\lstinputlisting{x}",
        r"\@@input x", r"\makeatletter\@input{x}", r"\iffalse", r"\frac{a}{b",
        r"a}b", r"\begin {filecontents}{x}", r"\begin{cases}a", r"\end{document}",
        r"\directlua{x}", r"\catcode`\%=12", r"\verb|x|", r"\text{$\input{x}$}",
        r"\includegraphics{x}", r"\def\x{y}", r"\\\input{x}",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "form", ["{}", "${}$", "$$\n{}\n$$", "\\[{}\\]", "# {}", "`{}`"]
)
def test_no_command_of_a_reply_reaches_tex(form: str, tex: str) -> None:
    written = to_latex(form.replace("{}", tex, 1) + "\n\nThe end.")
    bare = written.replace(r"\textbackslash{}", "")

    assert not re.search(
        r"\\(input|incl|open|write|cs|lst|@|make|if|frac|direct|cat|verb|def)", bare
    )
    assert "filecontents" not in bare or r"\begin {" not in bare
    assert bare.count("{") - bare.count(r"\{") == bare.count("}") - bare.count(r"\}")
    assert bare.endswith("The end.\n\n")


def test_every_shape_has_as_many_ends_as_beginnings() -> None:
    written = {name: to_latex(shape[0]) for name, shape in SHAPES.items()}
    begun, ended = (
        {
            name: sorted(re.findall(rf"(?m)^\s*\\{one}\{{(\w+)\}}", text))
            for name, text in written.items()
        }
        for one in ("begin", "end")
    )

    assert begun == ended


@given(st.text("ab\\{}$%#_^~&[]()`*-\n |<>!\"'", max_size=60))
def test_any_text_leaves_no_brace_open(text: str) -> None:
    written = re.sub(r"\\[{}\\]", "", to_latex(text))

    assert written.count("{") == written.count("}")


def test_lists_deeper_than_latex_can_count_go_on_flat() -> None:
    markdown = "\n".join(f"{'  ' * n}- item {n}" for n in range(8))
    written = to_latex(markdown)

    assert written.count(r"\begin{itemize}") == written.count(r"\end{itemize}") == 4
    assert all(f"item {n}" in written for n in range(8))
