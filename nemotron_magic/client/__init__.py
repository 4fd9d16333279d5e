"""HTTP: the only room that talks to the network, and the only one with httpx."""

from nemotron_magic.client.call import Request
from nemotron_magic.client.client import Client

__all__ = ["Client", "Request"]
