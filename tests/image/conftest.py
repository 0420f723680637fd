"""The stack from the image, with a retrained, quantized and promoted model; `python -m tests.image` says where."""

import os
import socket
from pathlib import Path

import pytest

from tests.image.__main__ import ENGINE, FOLDER, container_name


@pytest.fixture(scope="session")
def stack():
    """All services, once `init` has ended."""
    if ENGINE not in os.environ:
        pytest.skip("found no engine for containers, expected that of `make test-image`")
    from tests.image.containers import ContainerStack
    from tests.image.deployment import Deployment
    from tests.image.docker_stack import DockerStack

    folder = Path(os.environ[FOLDER])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    deployment = Deployment(folder, port)
    make = DockerStack if os.environ[ENGINE] == "docker" else ContainerStack
    made = make(deployment, container_name(folder))
    try:
        made.up()
        yield made
    finally:
        made.down()
