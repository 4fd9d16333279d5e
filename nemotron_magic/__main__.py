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
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from nemotron_magic import rehearsal
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.text import format_cost, format_tokens
from nemotron_magic.core.usage import Usage
from nemotron_magic.session.credentials import BASE_VARIABLES
from nemotron_magic.session.session import Session
from nemotron_magic.storage.files import HOME_VARIABLE

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = [
    "main",
]


_NAME = "quickstart.ipynb"
_MISSING = "The demo needs more packages: python -m pip install 'nemotron-magic[demo]'"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return the exit status."""
    options = _options(arguments)
    try:
        source = _notebook(options.notebook)
        with _endpoint() as (said, environ):
            print(said)
            if options.lab:
                return _open_lab(source, options.more, environ)
            return _execute(source, environ)
    except ModuleNotFoundError as error:
        print(f"{error}. {_MISSING}", file=sys.stderr)
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m nemotron_magic", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--lab",
        action="store_true",
        help="open the notebook in JupyterLab instead; it gets all further flags",
    )
    parser.add_argument(
        "notebook", nargs="?", type=Path, help="another notebook to run (default: ours)"
    )
    options, more = parser.parse_known_args(arguments)
    options.more = more
    if options.more and not options.lab:
        parser.error(f"there is no {options.more[0]}")
    if options.notebook and not options.notebook.is_file():
        hint = "; JupyterLab's flags take a =, as in --port=8888" if more else ""
        parser.error(f"there is no notebook {options.notebook}{hint}")
    return options


def _notebook(given: Path | None) -> Path:
    """Find the notebook: the one given, the clone's, or the installed copy."""
    if given is not None:
        return given
    clone = Path("examples") / _NAME
    return clone if clone.exists() else Path(__file__).parent / "examples" / _NAME


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


def _open_lab(source: Path, flags: Sequence[str], environ: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "jupyterlab", str(source), *flags]
    try:
        return subprocess.call(command, env=dict(environ))
    except KeyboardInterrupt:
        return 0


def _execute(source: Path, environ: Mapping[str, str]) -> int:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(source, as_version=4)

    def tell(cell: NotebookNode, cell_index: int, **more: Any) -> None:
        print("\n".join(_lines_of(cell)), flush=True)

    client = NotebookClient(
        notebook,
        on_cell_executed=tell,
        resources={"metadata": {"path": str(source.parent)}},
        timeout=700,
        # The kernel warns about TCP, which stays on this machine.
        extra_arguments=["--log-level=40"],
    )
    status = 0
    try:
        client.execute(env=dict(environ))
    except CellExecutionError:
        status = 1
    print()
    for path in _written(source, notebook):
        print(f"Wrote {path}")
    return status


def _lines_of(cell: NotebookNode) -> Iterator[str]:
    """Yield what a cell asked, what came back, and its usage."""
    if cell.cell_type != "code":
        return
    yield f"\n── In [{cell.execution_count}] " + "─" * 60
    yield cell.source
    for output in cell.outputs:
        yield from _output_lines(output)


def _output_lines(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "stream":
        yield f"\n{output.text.rstrip()}"
    elif output.output_type == "error":
        yield "\n" + "\n".join(output.traceback)
    else:
        yield f"\n{output.data.get('text/plain', '').rstrip()}"
        about = output.metadata.get("nemotron")
        if about:
            yield f"\n   {_usage_line(about)}"


def _usage_line(about: Mapping[str, Any]) -> str:
    usage = Usage.from_dict(about["usage"])
    cost = format_cost(usage.cost_usd, about["estimated_cost_usd"])
    return (
        f"{about['served_model'] or about['model']} · {about['elapsed_s']} s · "
        f"{format_tokens(usage)} · {cost}"
    )


def _written(source: Path, notebook: NotebookNode) -> Iterator[Path]:
    """Write the executed notebook and its HTML; return where they are."""
    import nbformat
    from nbconvert import HTMLExporter

    folder = source.parent
    if not os.access(folder, os.W_OK) or "site-packages" in folder.parts:
        folder = Path.cwd()
    executed = folder / f"{source.stem}.executed.ipynb"
    nbformat.write(notebook, executed)
    yield executed
    html, _ = HTMLExporter().from_notebook_node(notebook)
    page = executed.with_suffix(".html")
    page.write_text(html, encoding="utf-8")
    yield page


if __name__ == "__main__":
    sys.exit(main())
