"""Installations that are thrown away."""

import socket

import pytest

from launcher.layout import REPOSITORY, Layout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def layout(tmp_path):
    return Layout(root=REPOSITORY, var=tmp_path / "var", port=free_port())


@pytest.fixture
def messages():
    """Lines that were shown."""
    return []
