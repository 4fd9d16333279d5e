"""Which places hold only tests of one mark."""

from __future__ import annotations

# What is left out of the fast loop: -m "not kernel and not browser and not slow".
PLACES = {
    "browser": ("tests/browser/",),
    "kernel": (
        "tests/kernel/",
        "tests/session/test_interrupt.py",
        "tests/test_demo.py",
        "tests/test_examples.py",
    ),
    "slow": (
        "tests/bench/",
        "tests/code/test_code_check.py",
        "tests/context/test_describe_cost.py",
        "tests/context/test_held.py",
        "tests/context/test_redact.py",
        "tests/faults/",
        "tests/fuzz/",
        "tests/markdown/test_highlight.py",
        "tests/markdown/test_markdown_time.py",
        "tests/safety/",
        "tests/service/",
        "tests/storage/test_export.py",
    ),
}


def left_out(expression: str) -> tuple[str, ...]:
    """Return the places whose tests all have a mark that `-m` wants none of."""
    words = expression.split()
    if "or" in words or "(" in expression:
        return ()  # a test with the mark may be wanted all the same
    terms = " ".join(words).split(" and ")
    return tuple(
        place
        for mark, places in PLACES.items()
        if f"not {mark}" in terms
        for place in places
    )
