"""Reply-shaped texts, the structure that each should get, and replies made of them."""

import random
from pathlib import Path

_FILE = Path(__file__).with_name("shapes.txt")
# What goes on beyond its own lines, or is shown by us in another way on purpose.
_ALONE = ("unclosed", "cut", "reference", "footnote", "windows", "escapes", "image")


def read_shapes() -> dict[str, tuple[str, str]]:
    """Give name, Markdown and structure of each shape in ``shapes.txt``."""
    found = {}
    for part in ("\n" + _FILE.read_text(encoding="utf-8")).split("\n=== ")[1:]:
        name, _, rest = part.partition("\n")
        markdown, _, structure = rest.rpartition("\n--> ")
        markdown = markdown.replace("\\r", "\r") if "windows" in name else markdown
        found[name] = (markdown, structure.rstrip("\n"))
    return found


SHAPES = read_shapes()


def replies(count: int, seed: int) -> list[str]:
    """Put whole replies together from two to five shapes each."""
    calm = [k for k in SHAPES if not any(word in k for word in _ALONE)]
    pick = random.Random(seed)
    chosen = (pick.sample(calm, pick.randint(2, 5)) for _ in range(count))
    return ["\n\n".join(SHAPES[name][0] for name in names) + "\n" for names in chosen]
