"""A network of containers on a bridge without a way out, made of network namespaces.

For use in network and mount namespaces of one's own: names and addresses are fixed.
"""

import socket
import subprocess
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

# reserved for documentation: nobody's address
PREFIX, GATEWAY = "192.0.2", 1
BRIDGE = "ner0"
NAMESPACES = Path("/run/netns")


class Network:
    """Hosts with an address each; all know each other's names, and nobody else."""

    def __init__(self, names: Iterable[str], folder: Path) -> None:
        self.addresses = {name: f"{PREFIX}.{number}" for number, name in enumerate(names, GATEWAY + 1)}
        self.hosts = folder / "hosts"

    def up(self) -> None:
        """Make the bridge and the hosts."""
        lines = [f"{address}\t{name}" for name, address in self.addresses.items()]
        self.hosts.write_text("\n".join(["127.0.0.1\tlocalhost", *lines, ""]))
        self.hosts.chmod(0o644)
        # the files that stand for network namespaces go with this mount namespace
        NAMESPACES.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "ner", NAMESPACES], check=True)
        _ip("link", "set", "lo", "up")
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{PREFIX}.{GATEWAY}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for number, (name, address) in enumerate(self.addresses.items()):
            cable = f"veth{number}"
            _ip("netns", "add", name)
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", cable, "master", BRIDGE, "up")
            _ip("-netns", name, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-netns", name, "link", "set", "eth0", "up")
            _ip("-netns", name, "link", "set", "lo", "up")

    def of(self, name: str) -> Path:
        """The network namespace of a host."""
        return NAMESPACES / name

    def publish(self, port: int, name: str, target: int) -> None:
        """Pass on connections to a port of loopback to a host, as long as this process lives."""
        server = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=_serve, args=(server, (self.addresses[name], target)), daemon=True).start()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _serve(server: socket.socket, target: tuple[str, int]) -> None:
    while True:
        caller, _ = server.accept()
        try:
            called = socket.create_connection(target, timeout=10)
        except OSError:
            caller.close()
            continue
        called.settimeout(None)
        for source, sink in ((caller, called), (called, caller)):
            threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(65536):
            sink.sendall(block)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
