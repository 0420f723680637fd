"""Whatever is killed while a day is published, and however many publish it: nothing is visible by half, lost or doubled."""

import dataclasses
import shutil

import psutil
import pytest

from ner_tasks.store import keys
from tests.distributed.cluster import BUCKET, PREFIX, TAG
from tests.distributed.nights import NIGHT, Night, put
from tests.distributed.programs import wait
from tests.distributed.watch import watch

pytestmark = [pytest.mark.distributed, pytest.mark.slow, pytest.mark.timeout(3600)]
# short enough for three shards and more, whatever earlier nights have taken
N_DOCUMENTS, PADDING, SHARD_MINUTES = 300, 11_000, 0.03
SOON_S = 0.05


@pytest.fixture
def begin(cluster, promoted):
    """Starts the night of a small inbox; one after another, the days differ too much to be compared for drift."""

    def begin(day, n_documents=N_DOCUMENTS):
        return Night.begin(cluster, day, n_documents, padding=PADDING, accept_drift=True, shard_minutes=SHARD_MINUTES)

    return begin


@pytest.fixture
def hold(cluster):
    """Holds the next PUT of a key before the store gets it; what it returns waits for it, and returns it."""

    def hold(pattern):
        fault = cluster.proxy.hold("PUT", f"^/{BUCKET}/{PREFIX}/{pattern}$")
        return lambda: wait(lambda: fault.held and fault.held[0], f"PUT {pattern}", every_s=SOON_S)

    yield hold
    cluster.proxy.faults.clear()


def sender(cluster, held):
    """The machine and the process that have sent a held request."""
    for name, program in cluster.keeper.programs.items():
        for process in psutil.Process(program.pid).children(recursive=True) if program.is_up() else ():
            try:
                if any(connection.laddr.port == held.port for connection in process.net_connections("tcp4")):
                    return name, process
            except psutil.Error:  # it has just ended
                continue
    raise AssertionError("found nobody, expected the sender of the request")


def names(cluster, key):
    """The names of all objects below a key."""
    listed = cluster.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/{key}/").get("Contents", ())
    return {item["Key"].removeprefix(f"{PREFIX}/{key}/") for item in listed}


def states(cluster, run):
    """The states in which the tasks of a run are."""
    return {task["state"] for task in cluster.api.tasks(NIGHT, run)}


def test_of_workers_killed_while_they_publish_parts_others_publish_them_whole(cluster, begin, hold, same):
    """One has put all files of its part but the last, the other the whole part, but not the record that names it."""
    day = "2026-04-01"
    part, record = (
        hold(rf"parts/{day}/\d\d-\w+/part\.json"),
        hold(rf"staging/tagged/{day}/\w+/shard-\d\d/manifest\.json"),
    )
    with watch(cluster, day) as seen:
        night = begin(day)
        held = part(), record()
        victims = [sender(cluster, one)[0] for one in held]
        assert set(victims) == set(TAG)
        # itself, its pool with the supervisor of the task, the task
        assert min(cluster[victim].kill() for victim in victims) >= 3
        for one in held:
            one.lose()
        left = {name.partition("/")[0] for name in names(cluster, f"parts/{day}")}
        (whole,) = (name for name in left if "part.json" in names(cluster, f"parts/{day}/{name}"))
        (half,) = left - {whole}
        assert {"documents.jsonl", "entities.sqlite"} <= names(cluster, f"parts/{day}/{half}")
        for victim in victims:
            # another machine in its place
            shutil.rmtree(cluster.home(victim) / "scratch")
            cluster[victim].start()
        same(night.end())
    tries = sorted(night.tries("tag_shard"))
    assert (tries[-2:], set(tries[:-2])) == ([2, 2], {1})
    assert states(cluster, night.run) <= {"success", "skipped"}
    (manifest,) = seen.manifests
    assert not {keys.part(day, name) for name in (half, whole)} & {part["key"] for part in manifest["parts"]}


def test_a_day_whose_publisher_is_killed_is_published_once_by_the_retry(cluster, begin, hold, same):
    """And what the killed one had sent arrives when the retry, too, is about to publish."""
    day = "2026-04-02"
    with watch(cluster, day) as seen:
        first = hold(rf"tagged/{day}/manifest\.json")
        night = begin(day)
        late = first()
        sender(cluster, late)[1].kill()
        again = hold(rf"tagged/{day}/manifest\.json")()
        assert seen.manifests == []
        assert late.pass_on() == 200
        seen.look()  # by the manifest of the killed one alone
        assert again.pass_on() == 412
        same(night.end())
    assert night.tries("publish_day") == [2]
    assert states(cluster, night.run) <= {"success", "skipped"}
    assert len(seen.manifests) == 1
    assert names(cluster, f"staging/tagged/{day}") == set()


@pytest.fixture
def at_once(cluster):
    """Airflow lets runs of the nightly DAG overlap, as those of two installations with one store do."""
    cluster.let_overlap(NIGHT, 2)
    yield
    cluster.let_overlap(NIGHT, 1)


def test_of_two_runs_at_once_for_the_same_files_one_publishes_the_day(cluster, begin, hold, same, at_once):
    day = "2026-04-03"
    with watch(cluster, day) as seen:
        waits = [hold(rf"staging/runs/\w+/{day}/plan\.json") for _ in range(2)]
        nights = {keys.run_name(night.run): night for night in (begin(day), begin(day))}
        # both have listed the inbox; one goes on when the other has published, and removed what both have staged
        ahead, behind = (wait_for() for wait_for in waits)
        for held in (ahead, behind):
            assert held.pass_on() == 200
            same(nights.pop(held.path.split("/")[-3]).end())
    assert nights == {}
    assert len(seen.manifests) == 1


def test_of_two_runs_at_once_between_which_documents_arrive_the_later_listing_counts(
    cluster, begin, hold, same, at_once
):
    day = "2026-04-04"
    with watch(cluster, day) as seen:
        nights, plans = [], []
        for n in (N_DOCUMENTS - 100, N_DOCUMENTS):
            planned = hold(rf"staging/runs/\w+/{day}/plan\.json")
            nights.append(begin(day, n))
            plans.append(planned())
            put(cluster, f"inbox/{day}/dropped.txt", b"")
        middle, shard = hold(rf"rejected/{day}/rejected\.jsonl"), hold(rf"parts/{day}/00-\w+/part\.json")
        for held in (plans[0], shard(), plans[1]):
            assert held.pass_on() == 200
        # the one that has listed the inbox first is in the middle of publication; the other publishes then, or waits
        held = middle()
        wait(lambda: seen.manifests or waits_for(cluster, f"tagged/{day}/manifest.json"), "the other run to publish")
        assert held.pass_on() == 200
        cluster.finish(NIGHT, nights[0].run)
        rejected = {*nights[1].rejected, "dropped.txt"}
        same(dataclasses.replace(nights[1], rejected=rejected).end())
    for night in nights:
        assert states(cluster, night.run) <= {"success", "skipped"}


def waits_for(cluster, key):
    """Whether somebody waits for the lock on a key: only who does not get it reads who has it."""
    return ("GET", f"/{BUCKET}/{PREFIX}/.locks/{key}.lock") in cluster.proxy.requests
