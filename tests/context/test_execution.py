"""The cell that runs now, asked of a kernel's shell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nemotron_magic.context.cells import source_of


def kernel_shell(code: str, raw: list[str], parsed: list[str]) -> Any:
    """Give a shell that runs `code` and keeps these inputs."""
    return SimpleNamespace(
        kernel=object(),
        get_parent=lambda: {"content": {"code": code}},
        history_manager=SimpleNamespace(input_hist_raw=raw, input_hist_parsed=parsed),
        transform_cell=lambda cell: f"transformed {cell}",
    )


def test_a_cell_that_is_in_the_history_is_not_transformed_again() -> None:
    shell = kernel_shell("%nemotron hi\n", ["a", "%nemotron hi"], ["a", "magic('hi')"])

    assert source_of(shell) == "magic('hi')"


def test_one_that_runs_without_a_trace_is() -> None:
    shell = kernel_shell("%nemotron hi", ["a", "b"], ["a", "b"])

    assert source_of(shell) == "transformed %nemotron hi"
    assert source_of(kernel_shell("x", [], [])) == "transformed x"
