"""Typed answers: the fields that are wanted, the ladder to get them, their reading."""
