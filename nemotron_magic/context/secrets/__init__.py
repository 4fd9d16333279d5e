"""What a secret looks like: by value, form, name or column."""

from __future__ import annotations
