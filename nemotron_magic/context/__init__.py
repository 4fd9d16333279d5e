"""What goes along with a question: described, redacted, cut to what fits, written."""
