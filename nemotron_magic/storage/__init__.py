"""Small SQLite files of our own: opened with care, and never in the user's way."""

from nemotron_magic.storage.aside import beginning
from nemotron_magic.storage.file import Storage
from nemotron_magic.storage.folders import (
    HOME_VARIABLE,
    cache_folder,
    data_folder,
    expanded,
)
from nemotron_magic.storage.own import Foreign, check_regular
from nemotron_magic.storage.schema import Schema

__all__ = [
    "HOME_VARIABLE",
    "Foreign",
    "Schema",
    "Storage",
    "beginning",
    "cache_folder",
    "check_regular",
    "data_folder",
    "expanded",
]
