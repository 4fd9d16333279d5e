"""One server and one Chromium for the session, a fresh notebook for each test."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lab_server import Server, serve
from notebook_page import FrontEnd, NotebookPage, chromium, missing

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Last: a Jupyter server goes on knocking at the ports of kernels that have ended,
    # and servers of other tests may listen there by then.
    items.sort(key=lambda item: item.path.is_relative_to(HERE))


@pytest.fixture(scope="session")
def jupyter_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with serve(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture(scope="session")
def browser_context(jupyter_server: Server) -> Iterator[BrowserContext]:
    with chromium() as context:
        yield context


@pytest.fixture(params=["lab", pytest.param("notebook", marks=pytest.mark.extended)])
def front_end(request: pytest.FixtureRequest) -> FrontEnd:
    """Run the test once in JupyterLab and once in Notebook 7."""
    front_end: FrontEnd = request.param
    return front_end


@pytest.fixture
def notebook_page(
    request: pytest.FixtureRequest,
    jupyter_server: Server,
    browser_context: BrowserContext,
    tmp_path: Path,
) -> Iterator[NotebookPage]:
    """Give a page with a notebook of its own; its kernel ends with the test."""
    name = re.sub(r"\W+", "_", request.node.name).strip("_")
    screenshots = Path(os.environ.get("NEMOTRON_SCREENSHOTS", tmp_path))
    # A page that an earlier test left loaded saves seconds.
    page = (browser_context.pages or [browser_context.new_page()])[0]
    notebook = NotebookPage(jupyter_server, page, f"{name}.ipynb", screenshots)
    try:
        yield notebook
    finally:
        notebook.close()
        jupyter_server.shut_down_kernels()
