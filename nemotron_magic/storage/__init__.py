"""Small SQLite files of our own: opened with care, and never in the user's way."""

from nemotron_magic.storage.file import Schema, Storage
from nemotron_magic.storage.folders import HOME_VARIABLE, cache_folder, data_folder

__all__ = ["HOME_VARIABLE", "Schema", "Storage", "cache_folder", "data_folder"]
