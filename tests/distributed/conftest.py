"""One cluster for all drills, with a retrained, quantized and promoted model."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.distributed import programs


@pytest.fixture(scope="session")
def folder():
    """Kept if a drill failed, with all logs."""
    programs.require()
    # not pytest's own, whose parents only we may enter
    made = Path(tempfile.mkdtemp(prefix="ner-distributed-"))
    made.chmod(0o711)
    yield made
    if made.is_dir():
        print(f"\nall logs are kept: {made}")


@pytest.fixture(scope="session")
def cluster(folder, request):
    from tests.distributed.cluster import up

    n_failed = request.session.testsfailed
    with up(folder) as made:
        yield made
    if request.session.testsfailed == n_failed:
        shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def nothing_left(request):
    """Each drill ends with no process left of what it has killed."""
    yield
    if "cluster" in request.fixturenames:
        request.getfixturevalue("cluster").keeper.wait_for_none_left()


@pytest.fixture(scope="session")
def promoted(cluster):
    """The version that the DAGs have made and promoted."""
    from tests.distributed.nights import promote

    return promote(cluster)


@pytest.fixture(scope="session")
def same():
    """Sees that a night's answers are in the inbox's order, and that each document has the entities of the nights before."""
    known = {}  # entities by document

    def compare(answers):
        files = [name.partition("#")[0] for name, _ in answers]
        assert files == sorted(files)
        assert any(entities for _, entities in answers)
        for name, entities in answers:
            assert known.setdefault(name, entities) == entities, name

    return compare
