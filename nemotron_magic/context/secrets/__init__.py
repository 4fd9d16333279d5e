"""What a secret looks like, by its value, its form, its name or its column."""
