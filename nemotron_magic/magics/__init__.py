"""`%nemotron` and `%%nemotron`: read the line, dispatch, run commands."""

from __future__ import annotations
