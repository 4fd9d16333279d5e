"""A saved reply outside the notebook: HTML and Markdown exports, plain text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import (
    HTMLExporter,
    LatexExporter,
    MarkdownExporter,
    SlidesExporter,
)
from service import serve

REPLY = """Two ways:

| way | rows |
|:--|--:|
| left | 5 |

```python
left.merge(right, validate="1:1")

# *not* a heading
```

It costs $5 and $9. List<String> stays. <img src=x onerror=alert(1)>"""


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    cells = ["%load_ext nemotron_magic", f"%%nemotron\nrehearsal: say {REPLY}"]
    node = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    with serve() as url:
        environ = {"AIMLAPI_API_BASE": str(url)}
        client = NotebookClient(node, extra_arguments=["--log-level=40"])
        client.execute(env={**_environ(), **environ})
    return node


def _environ() -> dict[str, str]:
    import os

    return dict(os.environ)


class _Page(HTMLParser):
    """The text and the tags of a page, without scripts and styles of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.images: list[str | None] = []
        self._skips = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skips += tag in ("script", "style")
        if tag == "img":
            self.images.append(dict(attrs).get("src"))

    def handle_endtag(self, tag: str) -> None:
        self._skips -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        self.text += "" if self._skips else data


def test_the_saved_notebook_holds_one_output_and_is_valid(
    notebook: nbformat.NotebookNode,
) -> None:
    nbformat.validate(notebook)

    (output,) = notebook.cells[1].outputs
    assert set(output.data) == {"text/html", "text/plain", "text/latex"}
    assert output.data["text/plain"] == REPLY
    assert output.metadata["nemotron"]["usage"]["completion_tokens"] > 0


@pytest.mark.slow
def test_the_html_export_reads_well_and_loads_nothing(
    notebook: nbformat.NotebookNode,
) -> None:
    page = _Page()
    page.feed(HTMLExporter().from_notebook_node(notebook)[0])

    words = " ".join(page.text.split())
    assert "It costs $5 and $9. List<String> stays. <img src=x" in words
    assert "merge(right, validate=" in words
    assert page.images == []


def test_the_markdown_export_shows_the_text_before_the_style(
    notebook: nbformat.NotebookNode,
) -> None:
    body, _ = MarkdownExporter().from_notebook_node(notebook)
    reply = body[body.index("nm-reply") :]

    assert reply.index("Two ways") < reply.index("<style>")
    assert "List&lt;String&gt; stays" in reply
    assert not re.search(r"<img[^>]*onerror", reply.replace("&lt;img", ""))


def test_the_markdown_export_is_one_block_of_html(
    notebook: nbformat.NotebookNode,
) -> None:
    body, _ = MarkdownExporter().from_notebook_node(notebook)
    start = body.index('<div class="nm-reply">')

    assert "\n\n" not in body[start : body.index("</style>", start)].rstrip()
    assert "# *not* a heading" in _text(body[start:])
    assert _text("<pre>a&#10;b</pre>") == "a\nb"


def test_slides_read_as_the_page_does(notebook: nbformat.NotebookNode) -> None:
    body, _ = SlidesExporter().from_notebook_node(notebook)

    assert notebook.cells[1].outputs[0].data["text/html"].split("\n")[1] in body


def test_a_sanitized_page_hides_the_style_and_the_button_it_shows_as_text(
    notebook: nbformat.NotebookNode,
) -> None:
    body, _ = HTMLExporter(sanitize_html=True).from_notebook_node(notebook)
    reply = body[body.rindex('<div class="nm-reply">') :]
    classes = "(?:nm-act )?lm-Widget lm-mod-hidden hidden"
    hidden = re.findall(f'(?s)<div class="{classes}">(.*?)</div>', reply)

    assert re.search(r"(?m)^\.lm-Widget\.lm-mod-hidden \{\s+display: none", body)
    assert reply.count("&lt;style") == sum("&lt;style" in one for one in hidden) == 1
    assert reply.count("&lt;button") == sum("&lt;button" in one for one in hidden)
    assert 'validate=<span class="nm-s">"1:1"</span>' in reply


def test_the_latex_export_keeps_tables_and_code_and_runs_nothing(
    notebook: nbformat.NotebookNode,
) -> None:
    body, _ = LatexExporter().from_notebook_node(notebook)
    reply = body[body.rindex("Two ways:") :]

    assert "\\begin{longtable}{lr}" in reply
    assert "left & 5 \\\\\n" in reply
    assert 'left.merge(right, validate="1:1")\n\n# *not* a heading\n\\end{' in reply
    assert r"It costs \$5 and \$9. List\textless{}String\textgreater{}" in reply


def _text(html: str) -> str:
    page = _Page()
    page.feed(html)
    return page.text
