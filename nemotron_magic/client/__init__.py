"""HTTP: the only room that talks to the network, and the only one with httpx."""
