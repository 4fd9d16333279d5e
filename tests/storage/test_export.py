"""A saved reply outside the notebook: HTML and Markdown exports, plain text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter
from service import serve

REPLY = """Two ways:

| way | rows |
|:--|--:|
| left | 5 |

```python
left.merge(right, validate="1:1")
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
    assert set(output.data) == {"text/html", "text/plain"}
    assert output.data["text/plain"] == REPLY
    assert output.metadata["nemotron"]["usage"]["completion_tokens"] > 0


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
