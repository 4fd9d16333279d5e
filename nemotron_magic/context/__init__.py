"""Context: what is sent along with a question, described, redacted, cut to fit."""
