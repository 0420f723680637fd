"""Whatever fails at night, each document of the day is answered exactly once, with the same entities as in other nights."""

import json
import shutil
import time

import pytest

from tests.distributed.cluster import POSTGRES, REDIS, SCHEDULER, TAG, TRAIN
from tests.distributed.nights import Night, get
from tests.distributed.programs import is_alive, wait
from tests.s3 import Fault

# on a machine with much else to do the cluster and its model alone take twenty minutes
pytestmark = [pytest.mark.distributed, pytest.mark.slow, pytest.mark.timeout(3600)]
# three shards of six seconds, as estimated, for two workers
N_DOCUMENTS = 4000
DOWN_S, S3_DOWN_S = 10.0, 60.0


@pytest.fixture
def night(request, cluster, promoted):
    """A night in which a shard is being tagged and others wait; each has a day of its own."""
    drills = [item for item in request.session.items if "night" in item.fixturenames]
    begun = Night.begin(cluster, f"2026-02-{1 + drills.index(request.node):02d}", N_DOCUMENTS)
    wait(cluster.mid_shard, "a worker in mid-shard", every_s=0.1)
    return begun


@pytest.mark.runbook("several-machines", "tasks stay queued, all workers are idle")
@pytest.mark.runbook("several-machines", "tasks stay scheduled, one shard is tagged at a time")
@pytest.mark.runbook("several-machines", "scheduler and workers end at once, cannot import name")
def test_two_schedulers_have_nothing_done_twice_by_machines_that_share_the_store_alone(cluster, promoted, same):
    second = cluster.add_scheduler("scheduler-2")
    second.start()
    cluster.wait_for_schedulers(2)
    night = Night.begin(cluster, "2026-01-31", N_DOCUMENTS)
    same(night.end())
    assert second.is_up()
    assert second.n_starts == 1
    second.kill()

    assert json.loads(get(cluster, f"tagged/{night.day}/manifest.json"))["model_version"] == promoted
    worked_on = {name: cluster.worked_on(name) for name in (TRAIN, *TAG)}
    assert {"train", "quantize", "plan_shards", "check_night", "publish_day"} <= worked_on[TRAIN]
    # load_postgres has no Connection, and no worker has to find that out
    assert worked_on[TAG[0]] | worked_on[TAG[1]] == {"tag_shard", "drift"}


@pytest.mark.runbook("several-machines", "a task is retried though nobody killed it, heartbeat in the")
def test_the_shard_of_a_killed_worker_is_tagged_by_another(cluster, night, same):
    victim = wait(cluster.mid_shard, "a worker in mid-shard", every_s=0.1)[0]
    shards = cluster.shards(victim)
    # whose parent is a warm server: they outlive what is killed here, and have to end by themselves
    assert shards
    assert all("ner_tasks.cli.warm_server" in process.cmdline() for process in shards)
    # itself, its pool with the supervisor of the task, the task
    assert cluster[victim].kill() >= 3
    cluster.keeper.wait_for_none_left()
    assert not any(is_alive(process) for process in shards)
    same(night.end())
    assert max(night.tries("tag_shard")) == 2
    # another machine in its place
    shutil.rmtree(cluster.home(victim) / "scratch")
    cluster[victim].start()


@pytest.mark.runbook("several-machines", "tasks stay queued for an hour after Redis came back")
@pytest.mark.parametrize("name", [REDIS, POSTGRES])
def test_a_night_outlives_a_server_that_is_killed_and_comes_back(cluster, night, same, name):
    assert cluster[name].kill()
    time.sleep(DOWN_S)
    cluster[name].start()
    same(night.end())


def test_a_night_outlives_its_scheduler(cluster, night, same):
    assert cluster[SCHEDULER].kill()
    time.sleep(DOWN_S)
    cluster[SCHEDULER].start()
    same(night.end())


def test_a_night_outlives_a_minute_without_s3(cluster, night, same):
    cluster.proxy.faults.append(Fault(lambda *_: True, "answer", times=10**9))
    n_before = len(cluster.proxy.requests)
    time.sleep(S3_DOWN_S)
    cluster.proxy.faults.clear()
    assert len(cluster.proxy.requests) > n_before
    same(night.end())
