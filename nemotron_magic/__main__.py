"""Run an example notebook: `python -m nemotron_magic`.

It is executed in a real kernel, against the configured endpoint if there is a key for
it, else against the rehearsal. Every question is printed with its reply and what that
took; the executed notebook and its HTML are written beside the notebook.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from nemotron_magic import rehearsal
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.text import format_cost, format_tokens
from nemotron_magic.core.usage import Usage
from nemotron_magic.session.credentials import BASE_VARIABLES
from nemotron_magic.session.session import Session
from nemotron_magic.storage.files import HOME_VARIABLE

if TYPE_CHECKING:
    from nbformat import NotebookNode

_NAME = "quickstart.ipynb"
_MISSING = "The demo needs more packages: python -m pip install 'nemotron-magic[demo]'"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return the exit status."""
    options = _options(arguments)
    clone, ours = Path("examples") / _NAME, Path(__file__).parent / "examples" / _NAME
    source = options.notebook or (clone if clone.exists() else ours)
    try:
        with _endpoint() as (said, environ):
            print(said)
            if options.lab:
                lab = [sys.executable, "-m", "jupyterlab", str(source), *options.more]
                with suppress(KeyboardInterrupt):
                    return subprocess.call(lab, env=dict(environ))
                return 0
            return _execute(source, environ)
    except ModuleNotFoundError as error:
        print(f"{error}. {_MISSING}", file=sys.stderr)
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    about = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser("python -m nemotron_magic", description=about)
    lab = "open the notebook in JupyterLab instead; it gets all further flags"
    parser.add_argument("--lab", action="store_true", help=lab)
    other = "another notebook to run (default: ours)"
    parser.add_argument("notebook", nargs="?", type=Path, help=other)
    options, more = parser.parse_known_args(arguments)
    options.more = more
    if more and not options.lab:
        parser.error(f"there is no {more[0]}")
    if options.notebook and not options.notebook.is_file():
        flags = "; JupyterLab's flags take a =, as in --port=8888"
        hint = flags if more else ""
        parser.error(f"there is no notebook {options.notebook}{hint}")
    return options


@contextmanager
def _endpoint() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield what to say about the endpoint, and the kernel's environment."""
    session = Session()
    try:
        endpoint = session.endpoint()
        has_key = endpoint.is_loopback or session.credentials.key(endpoint) is not None
    except NemotronError as error:
        raise SystemExit(str(error)) from None
    if has_key:
        yield f"Asking {endpoint.base_url}.", os.environ
        return
    with rehearsal.serve() as url, TemporaryDirectory() as home:
        said = (
            f"No key for {endpoint.netloc} was found, so no model is asked: the "
            "rehearsal inside this package answers.\n"
            "With a key in AIMLAPI_API_KEY the same command asks the model."
        )
        # What a rehearsal charges belongs into nobody's ledger.
        own = {BASE_VARIABLES[0]: str(url), HOME_VARIABLE: home}
        yield said, {**os.environ, **own}


def _execute(source: Path, environ: Mapping[str, str]) -> int:
    """Execute a notebook, print and write what comes of it; return the exit status."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(source, as_version=4)
    place = {"metadata": {"path": str(source.parent)}}
    client = NotebookClient(notebook, resources=place, timeout=700)
    client.on_cell_executed = lambda cell, **more: _print(cell)
    # The kernel warns about TCP, which stays on this machine.
    client.extra_arguments = ["--log-level=40"]
    status = 1
    with suppress(CellExecutionError):
        client.execute(env=dict(environ))
        status = 0
    print()
    _write(source, notebook)
    return status


def _print(cell: NotebookNode) -> None:
    """Print what a cell asked, what came back, and its usage."""
    if cell.cell_type != "code":
        return
    print(f"\n── In [{cell.execution_count}] {'─' * 60}\n{cell.source}")
    for output in cell.outputs:
        shown = output.get("text") or output.get("data", {}).get("text/plain", "")
        if output.output_type == "error":
            shown = "\n".join(output.traceback)
        print(f"\n{shown.rstrip()}")
        if about := output.get("metadata", {}).get("nemotron"):
            usage = Usage.from_dict(about["usage"])
            model = about["served_model"] or about["model"]
            cost = format_cost(usage.cost_usd, about["estimated_cost_usd"])
            if about["rehearsal"]:
                cost = f"rehearsal, would be about {cost.removeprefix('~')}"
            took = f"{about['elapsed_s']} s · {format_tokens(usage)}"
            print(f"\n   {model} · {took} · {cost}")
    sys.stdout.flush()


def _write(source: Path, notebook: NotebookNode) -> None:
    """Write the executed notebook and its HTML; print where they are."""
    import nbformat
    from nbconvert import HTMLExporter

    folder = source.parent
    if not os.access(folder, os.W_OK) or "site-packages" in folder.parts:
        folder = Path.cwd()
    executed = folder / f"{source.stem}.executed.ipynb"
    nbformat.write(notebook, executed)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    page = executed.with_suffix(".html")
    page.write_text(html, encoding="utf-8")
    print(f"Wrote {executed}\nWrote {page}")


if __name__ == "__main__":
    sys.exit(main())
