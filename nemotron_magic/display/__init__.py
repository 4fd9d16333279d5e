"""Show replies: page, terminal, reports, panel; put code into cells."""
