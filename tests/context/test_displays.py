"""Displays are sent as they ended, and not as they began."""

from __future__ import annotations

import pytest
from shells import Kernel
from test_tracebacks import context_of

pytestmark = pytest.mark.kernel

CASES = {
    "a bar on stderr": (
        "import sys\nfor n in range(50):\n"
        "    print(f'\\r{2 * n:3}%|bar|', end='', file=sys.stderr)\nprint()",
        [" 98%|bar|"], [" 96%|bar|", "  0%|bar|"],
    ),
    "two bars with moves of the cursor": (
        "for n in range(9):\n    print(f'\\router {n}\\n\\rinner {n}\\x1b[A', end='')",
        ["outer 8", "inner 8"], ["outer 7", "inner 7"],
    ),
    "a colored bar that hides the cursor": (
        "for n in range(9):\n"
        "    print(f'\\x1b[?25l\\r\\x1b[1;32mstep {n}\\x1b[0m\\x1b[K', end='')",
        ["step 8"], ["step 7", "step 0", "[0m"],
    ),
    "lines that are erased": (
        "for n in range(9):\n    print(f'\\x1b[31mepoch {n}\\x1b[0m\\nloss {n}')\n"
        "    print('\\x1b[2A\\x1b[2K', end='')\nprint('all is done')",
        ["all is done", "loss 8"], ["epoch", "loss 7"],
    ),
    "a counter that backs up": (
        "for n in range(9):\n    print(f'{n} of 9', end='' if n == 8 else '\\b' * 6)",
        ["8 of 9"], ["7 of 9", "0 of 9"],
    ),
    "what is written in Markdown": (
        "from IPython.display import Markdown, display\n"
        "display(Markdown('## Result\\nThe mean is **3.5**.'))",
        ["## Result", "The mean is **3.5**."], ["IPython.core.display"],
    ),
    "a formula": (
        "from IPython.display import Math, display\ndisplay(Math(r'x^2 + 1'))",
        ["x^2 + 1"], ["IPython.core.display"],
    ),
    "rows of a table in Markdown": (
        "from IPython.display import Markdown, display\n"
        "row = '|'.join(['', 'Leeds', str(41 + 1), ''])\n"
        "display(Markdown('| a | b |\\n|:--|--:|\\n' + row))",
        ["a table was displayed"], ["|42|"],
    ),
    "rows of a table in Markdown without outer bars": (
        "from IPython.display import Markdown, display\n"
        "display(Markdown('a | b\\n--|--\\nLeeds | ' + str(41 + 1)))",
        ["a table was displayed"], ["Leeds | 42"],
    ),
    "people in a list in Markdown": (
        "from IPython.display import Markdown, display\n"
        "display(Markdown('\\n'.join(f'- {n} Smith: 31' for n in ['Anna', 'Bob'])))",
        ["looks personal"], ["- Anna Smith"],
    ),
    "what is no table": (
        "from IPython.display import display\ndisplay({3 / 8})", ["{0.375}"], ["set"],
    ),
    "a display that is updated": (
        "from IPython.display import display\n"
        "shown = display('epoch 0', display_id=True)\n"
        "for n in range(1, 5):\n    shown.update(f'epoch {n}')",
        ["'epoch 4'"], ["'epoch 0'", "'epoch 3'"],
    ),
    "a loop that clears its prints": (
        "from IPython.display import clear_output\n"
        "for n in range(5):\n    clear_output(wait=True)\n    print('epoch', n)",
        ["epoch 4"], ["epoch 0\n", "epoch 3"],
    ),
    "a loop that clears at its end": (
        "from IPython.display import clear_output\n"
        "for n in range(5):\n    print('epoch', n)\n    clear_output(wait=True)",
        ["epoch 4"], ["epoch 0\n", "epoch 3"],
    ),
    "a loop that clears its displays": (
        "from IPython.display import clear_output, display\n"
        "for n in range(5):\n    clear_output(wait=True)\n    display(f'epoch {n}')\n"
        "    print('loss', n)",
        ["'epoch 4'", "loss 4"], ["'epoch 0'", "'epoch 3'", "loss 3"],
    ),
    "what was cleared at once": (
        "from IPython.display import clear_output\n"
        "print('before')\nclear_output()\nprint('after')",
        ["after"], ["before\n"],
    ),
    "colours": (
        "print('\\x1b[31mred\\x1b[0m')\n"
        "from IPython.display import display\n"
        "display({'text/plain': '\\x1b[32mgreen\\x1b[0m'}, raw=True)",
        ["red", "green"], ["\x1b", "[31mred", "[32mgreen"],
    ),
    "an Output widget that is cleared": (
        "import ipywidgets\nfrom IPython.display import display\n"
        "out = ipywidgets.Output()\ndisplay(out)\n"
        "display('stays')\n"
        "for n in range(4):\n    with out:\n        out.clear_output(wait=True)\n"
        "        display(f'step {n}')",
        ["'stays'", "'step 3'"], ["'step 0'", "'step 2'", "Output()"],
    ),
    "a widget that is moved": (
        "import ipywidgets\nfrom IPython.display import display\n"
        "bar = ipywidgets.IntProgress(max=7)\ndisplay(bar)\n"
        "for n in range(8):\n    bar.value = n",
        ["IntProgress(value=7"], ["value=0"],
    ),
    "a widget that is closed": (
        "import ipywidgets\nfrom IPython.display import display\n"
        "bar = ipywidgets.IntProgress(max=7)\ndisplay(bar, 'stays')\nbar.close()",
        ["stays"], ["IntProgress("],
    ),
    "displays of another thread": (
        "import threading\nfrom IPython.display import clear_output, display\n"
        "def paint():\n    for n in range(4):\n        clear_output(wait=True)\n"
        "        display(f'frame {n}')\n"
        "thread = threading.Thread(target=paint)\nthread.start()\nthread.join()",
        ["frame 3"], ["frame 0", "frame 2"],
    ),
    "rich.track": (
        "from rich.progress import track\nfor n in track(range(30)):\n    pass",
        ["100%"], [" 0%", "Output()"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_display_is_sent_as_it_ended(kernel: Kernel, case: str) -> None:
    cell, seen, unseen = CASES[case]
    if "rich" in cell:
        pytest.importorskip("rich")

    told = context_of(kernel, cell).partition("instructions.")[2].partition("</")[0]
    shown = told.replace(cell, "")

    assert [text for text in seen if text not in shown] == []
    assert [text for text in unseen if text in shown] == []


def test_an_update_from_a_later_cell_reaches_the_display(kernel: Kernel) -> None:
    begin = "from IPython.display import display\nh = display('begun', display_id=True)"
    told = context_of(kernel, begin, "h.update('ended')")

    assert "\n'ended'" in told
    assert "\n'begun'" not in told


def test_a_bar_of_widgets_is_sent_as_it_stands(kernel: Kernel) -> None:
    pytest.importorskip("tqdm")
    cell = "from tqdm.notebook import tqdm\nfor n in tqdm(range(40)):\n    pass"

    assert "| 40/40 [" in context_of(kernel, cell)
