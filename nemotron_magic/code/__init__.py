"""Code in replies: find it, make it cells, check it; nothing here runs code."""
