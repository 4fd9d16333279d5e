"""The code of a reply is found wherever it stands, and as the model meant it."""

import pytest
from markdown_shapes import SHAPES

from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.parser import CodeBlock, as_block, code_blocks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```python\nx = 1\n```", [CodeBlock("x = 1\n", "python", True)]),
        ("```Python title=x\nx\n```\n", [CodeBlock("x\n", "python", True)]),
        ("```\n```", [CodeBlock("", "", True)]),
        ("```", [CodeBlock("", "", False)]),
        ("```py\nx = [\n", [CodeBlock("x = [\n", "py", False)]),
        ("```py\nx\n``", [CodeBlock("x\n``", "py", False)]),
        ("```py\nx\n```\n\n\n", [CodeBlock("x\n", "py", True)]),
        ("~~~sh\nls\n~~~", [CodeBlock("ls\n", "sh", True)]),
        ("~~~sh\n```\n~~~", [CodeBlock("```\n", "sh", True)]),
        ("````md\n```py\nx\n```\n````", [CodeBlock("```py\nx\n```\n", "md", True)]),
        (
            "1. a\n   ```py\n   if x:\n       y\n   ```",
            [("if x:\n    y\n", "py", True)],
        ),
        ("- a\n  - b\n    ```js\n    x\n    ```", [CodeBlock("x\n", "js", True)]),
        ("> ```py\n> x\n> ```", [CodeBlock("x\n", "py", True)]),
        ("> ```py\n> x", [CodeBlock("x", "py", False)]),
        ("> - a\n>   ```py\n>   x\n>   ```\n", [CodeBlock("x\n", "py", True)]),
        ("- ```py\n  x\n- b", [CodeBlock("x\n", "py", True)]),
        ("  ```py\n  x\n   y\n  ```", [CodeBlock("x\n y\n", "py", True)]),
        ("```py\r\nx\r\n```\r\n", [CodeBlock("x\n", "py", True)]),
        ("```{python}\nx\n```", [CodeBlock("x\n", "python", True)]),
        ("text ```not a fence``` text", []),
        ("    ```\n    x\n    ```", []),
        ("", []),
        ("```py\n\n\n```", [CodeBlock("\n\n", "py", True)]),
        ("```a\n1\n```\n```b\n2\n", [("1\n", "a", True), ("2\n", "b", False)]),
        ("```py\n\ud800\0\n```", [("\ud800\ufffd\n", "py", True)]),
    ],
)
def test_fences_are_found(text, expected):
    found = [(b.code, b.language, b.closed) for b in code_blocks(text)]

    wanted = [
        b if isinstance(b, tuple) else (b.code, b.language, b.closed) for b in expected
    ]
    assert found == wanted


def test_every_prefix_of_a_text_gives_blocks():
    for text, _ in SHAPES.values():
        for end in range(0, len(text), 5):
            assert isinstance(code_blocks(text[:end]), tuple)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("x", "```"),
        ("a `b` ``c``", "```"),
        ("```py\nx\n```", "````"),
        ("`" * 7, "`" * 8),
    ],
)
def test_a_text_cannot_close_the_block_around_it(text, mark):
    block = as_block(text, "md")

    assert block == f"{mark}md\n{text}\n{mark}"
    assert code_blocks(block) == (CodeBlock(f"{text}\n", "md", True),)


@pytest.mark.parametrize(
    "blank", "\u2800\u3164\uffa0\u115f\u1160\u00ad\u180b\u2062\U0001d159\U00016fe4"
)
@pytest.mark.parametrize(
    "text", ["```python\nx{} = 'a{}b'\n```", "`x{}`", "an x{} of it"]
)
def test_a_blank_that_is_no_space_is_shown_by_its_number(blank: str, text: str) -> None:
    html = to_html(text.replace("{}", blank))

    assert blank not in html
    assert f'<span class="nm-hidden">[U+{ord(blank):04X}]</span>' in html
