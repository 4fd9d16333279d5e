"""SQLite files of our own: the ledger of calls and the cache of replies."""
