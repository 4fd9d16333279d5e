"""What a model is told of notebooks as people write them.

    python -m pip install --group bench '.[test]'
    python tests/bench/context_quality.py

Each notebook of `notebooks.py` runs in a real kernel; a question is previewed after its
fifth cell, its thirtieth and its last. Of each request: the tokens by kind, what was
left out, whether imports are there, and whether each fact is that the answer needs.
Tokens are counted by Llama 3's vocabulary if it is there, else by our own estimate.
The goals: facts at least 95%, delimiters at most 10% of the context, errors 15%.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "support"), str(TESTS)]

from notebooks import NOTEBOOKS, Notebook  # noqa: E402
from shells import Kernel  # noqa: E402
from tokens import llama_count  # noqa: E402

from nemotron_magic.context.tokens import estimate_tokens  # noqa: E402

KINDS = ("source", "output", "error", "delimiters")
_KIND_OF = {"error": "error", "value": "output", "": "output"}


@dataclass(frozen=True)
class Told:
    """What one request tells of a notebook."""

    notebook: str
    after: int
    text: str
    missing: tuple[str, ...] = ()
    facts: int = 0
    tokens: Counter[str] = field(default_factory=Counter)

    @property
    def left_out(self) -> str:
        """What there was no room for."""
        found = re.search(r"(?m)^<\w+ left out for lack of room: (.*)>$", self.text)
        return found[1] if found else "-"

    @property
    def has_imports(self) -> bool:
        """Whether an import stands in a source."""
        return bool(re.search(r"(?m)^(?:import|from) \w", self.text))


def context_in(preview: str) -> str:
    """Return the context of the previewed request, delimiters included."""
    found = re.search(r"Notebook data by cell up to (</\w+>)", preview)
    assert found, preview[:2000]
    end = preview.rindex(f"\n{found[1]}\n") + len(found[1]) + 1
    return preview[found.start() : end]


def parts_of(context: str) -> Iterator[tuple[str, str]]:
    """Yield each piece of a context with its kind."""
    lines = context.split("\n")
    mark = re.search(r"up to </(\w+)>", lines[0])
    assert mark
    yield "delimiters", lines[0]
    kind = "source"
    for line in lines[1:]:
        if re.match(rf"</?{mark[1]}(?![^\W\d])", line):
            label = line[len(mark[1]) + 1 : -1].strip()
            kind = _KIND_OF.get(label.partition(" ")[0], "source")
            yield "delimiters", line
        else:
            yield kind, line


def tokens_by_kind(context: str) -> Counter[str]:
    """Return how many tokens each kind takes."""
    count = llama_count() or estimate_tokens
    texts: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for kind, line in parts_of(context):
        texts[kind].append(f"{line}\n")
    return Counter({kind: count("".join(lines)) for kind, lines in texts.items()})


def ask(notebook: Notebook) -> Iterator[Told]:
    """Run a notebook; yield what is told after its fifth, thirtieth and last cell."""
    last = len(notebook.cells)
    with TemporaryDirectory() as folder:
        kernel = Kernel(Path(folder))
        try:
            kernel.run("%load_ext nemotron_magic", "load")
            for number, cell in enumerate(notebook.cells, 1):
                kernel.run(cell, f"cell-{number}", limit_s=300)
                if number in {5, 30, last}:
                    shown = kernel.run("%nemotron --preview -c all why?", "ask")
                    text = context_in(shown.outputs[0]["data"]["text/plain"])
                    facts = [fact for at, fact in notebook.facts if at <= number]
                    missing = tuple(f for f in facts if not re.search(f, text))
                    tokens = tokens_by_kind(text)
                    yield Told(notebook.name, number, text, missing, len(facts), tokens)
        finally:
            kernel.close()


def report(found: list[Told]) -> bool:
    """Print what was told and the sums; return whether the goals are met."""
    head = f"{'notebook':<22}{'after':>6}{'tokens':>8}"
    print(head + "".join(f"{kind:>11}" for kind in KINDS) + "  imports  facts")
    sums: Counter[str] = Counter()
    for told in found:
        total = told.tokens.total()
        shares = "".join(f"{told.tokens[kind] / total:11.0%}" for kind in KINDS)
        imports = "yes" if told.has_imports else "no"
        facts = f"{told.facts - len(told.missing)}/{told.facts}"
        print(
            f"{told.notebook:<22}{told.after:6}{total:8}{shares}{imports:>9}  {facts}"
        )
        if told.left_out != "-":
            print(f"    left out: {told.left_out}")
        for fact in told.missing:
            print(f"    missing: {fact}")
        sums += told.tokens
        sums["facts"] += told.facts
        sums["missing"] += len(told.missing)
    total = sum(sums[kind] for kind in KINDS)
    shares = {kind: sums[kind] / total for kind in KINDS}
    facts = 1 - sums["missing"] / max(sums["facts"], 1)
    print(", ".join(f"{kind} {shares[kind]:.1%}" for kind in KINDS), end="")
    print(f"; facts {facts:.1%} of {sums['facts']}; {len(found)} requests")
    if count := llama_count():
        times = sorted(estimate_tokens(one.text) / count(one.text) for one in found)
        print(f"estimate / count: {times[0]:.2f}, {median(times):.2f}, {times[-1]:.2f}")
    return facts >= 0.95 and shares["delimiters"] <= 0.1 and shares["error"] <= 0.15


def main(wanted: list[str]) -> int:
    """Run the notebooks whose names hold a word of `wanted`, or all."""
    chosen = [
        notebook
        for notebook in NOTEBOOKS
        if all(map(find_spec, notebook.needs))
        and (not wanted or any(word in notebook.name for word in wanted))
    ]
    return 0 if report([told for one in chosen for told in ask(one)]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
