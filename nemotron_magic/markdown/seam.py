"""Joining a reply that was cut off with what came when the model went on."""

__all__ = ["joined"]


def joined(before: str, after: str) -> str:
    """Give both parts as one text."""
    return before + after
