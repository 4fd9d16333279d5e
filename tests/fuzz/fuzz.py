"""Fuzz one room, guided by coverage, for a bounded time.

    pip install --group fuzz -e '.[test]'
    python tests/fuzz/fuzz.py dialect --seconds 300

What it finds is written into the directory it runs in, as `crash-…`; make a row of
FINDINGS in test_targets.py of it. Atheris runs on Linux and macOS.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "support")]

with atheris.instrument_imports(include=["nemotron_magic", "markdown_it"]):
    from targets import SEEDS, TARGETS

    for _name, _target in TARGETS.items():  # some rooms import when first used
        _target(SEEDS[_name][0])


def main() -> None:
    """Read the command line, then fuzz until the time is over."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("target", choices=TARGETS)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--longest", type=int, default=4096, help="bytes of input")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS[chosen.target]):
            Path(corpus, f"seed-{number}").write_bytes(seed)
        options = [
            *(sys.argv[0], corpus),
            f"-max_total_time={chosen.seconds}",
            f"-max_len={chosen.longest}",
            "-timeout=10",
            "-print_final_stats=1",
        ]
        atheris.Setup(options, TARGETS[chosen.target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
