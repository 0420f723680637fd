"""Reads the last benchmarks of each host."""

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.records import BenchmarkRun
from ner_tasks.store import keys


def list_hosts(reader: StoreReader, *, most: int) -> dict[str, list[BenchmarkRun]]:
    """List the newest benchmarks of each host, newest first.

    Args:
        reader: the store.
        most: maximum number per host.
    """
    hosts = dict[str, list[BenchmarkRun]]()
    for host in reader.folders(keys.BENCHMARK_HISTORY):
        names = sorted(reader.names(keys.benchmark_history(host)), reverse=True)[:most]
        runs = (reader.record(keys.benchmark_history(host, name), BenchmarkRun, changes=False) for name in names)
        if sound := [run for run in runs if run]:
            hosts[host] = sound
    return hosts
