"""What users register is found by every description."""

from __future__ import annotations

import nemotron_magic as describe


class Own:
    """A class of the user's."""


def test_a_describer_is_registered_and_taken_back() -> None:
    describe.register(Own, lambda own: "registered")

    assert describe.describe(Own()) == "registered"
    describe.unregister(Own)
    assert describe.describe(Own()).endswith("Own object (not inspected)")
