"""What goes along with a question: described, redacted, cut to what fits, written."""

from nemotron_magic.context.cells import Cell, Selection
from nemotron_magic.context.parts import Fitted, Part, fit
from nemotron_magic.context.prompt import written

__all__ = ["Cell", "Fitted", "Part", "Selection", "fit", "written"]
