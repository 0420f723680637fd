"""The stack from the image, with a retrained, quantized and promoted model; `python -m tests.image` says where."""

import os
from pathlib import Path

import pytest

from tests.image.__main__ import ENGINE, FOLDER, container_name
from tests.ports import free_port


@pytest.fixture(scope="session")
def stack():
    """All services, once `init` has ended."""
    if ENGINE not in os.environ:
        pytest.skip("found no engine for containers, expected that of `make test-image`")
    from tests.image.containers import ContainerStack
    from tests.image.deployment import Deployment
    from tests.image.docker_stack import DockerStack

    folder = Path(os.environ[FOLDER])
    deployment = Deployment(folder, free_port())
    make = DockerStack if os.environ[ENGINE] == "docker" else ContainerStack
    made = make(deployment, container_name(folder))
    try:
        made.up()
        yield made
    finally:
        made.down()
