"""Small SQLite files of our own: opened with care, and never in the user's way."""

from nemotron_magic.storage.file import Storage
from nemotron_magic.storage.folders import HOME_VARIABLE, cache_folder, data_folder
from nemotron_magic.storage.schema import Schema

__all__ = ["HOME_VARIABLE", "Schema", "Storage", "cache_folder", "data_folder"]
