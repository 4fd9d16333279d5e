"""What to say of a value, one module for each family of kinds."""

from __future__ import annotations

__all__: list[str] = []
