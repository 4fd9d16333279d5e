"""Ask about each row of a table: render, send within limits, keep, and type."""
