"""What was spent: every call one row, kept on disk or in memory."""

from nemotron_magic.ledger.book import Ledger
from nemotron_magic.ledger.call import Call
from nemotron_magic.ledger.entry import Entry
from nemotron_magic.ledger.export import export
from nemotron_magic.ledger.open import open_ledger
from nemotron_magic.ledger.tally import Tally
from nemotron_magic.ledger.totals import Totals

__all__ = ["Call", "Entry", "Ledger", "Tally", "Totals", "export", "open_ledger"]
