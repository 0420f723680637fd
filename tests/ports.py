"""Ports for servers that tests start."""

import random
import socket
from contextlib import suppress

# Below what systems give to clients (Linux: from 32768): a port from there is lost to any client while its server starts,
# and to one of its own that asks for it again and again: TCP connects such a socket to itself.
_FIRST, _LAST = 15_000, 32_000


def free_port() -> int:
    """Return a port of loopback on which nobody listens, and which no client is given meanwhile."""
    chance = random.SystemRandom()  # workers of pytest-xdist seed `random` alike
    while True:
        port = chance.randint(_FIRST, _LAST)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
