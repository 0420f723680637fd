"""Installations that are thrown away."""

import pytest

from launcher.layout import REPOSITORY, Layout
from tests.ports import free_port


@pytest.fixture
def layout(tmp_path):
    return Layout(root=REPOSITORY, var=tmp_path / "var", port=free_port())


@pytest.fixture
def messages():
    """Lines that were shown."""
    return []
