"""Watch a day in the store while it is being published: whatever is visible has to be whole."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.distributed.cluster import Cluster
from tests.distributed.nights import get

PAUSE_S = 0.3


class DayWatch:
    """What a reader sees of a day from now on, again and again; past the proxy, so that it waits for no held request.

    Attributes:
        manifests: different manifests that were visible, in order.
        n_before: looks before the first of them.
        problems: what was not whole.
    """

    def __init__(self, cluster: Cluster, day: str) -> None:
        self.manifests, self.n_before, self.problems = list[dict[str, Any]](), 0, list[str]()
        self._cluster, self._day, self._done = cluster, day, threading.Event()
        self._looking = threading.Lock()

    def look(self) -> None:
        """Look once."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        try:
            manifest = json.loads(get(self._cluster, f"tagged/{self._day}/manifest.json"))
        except self._cluster.client.exceptions.NoSuchKey:
            self.n_before += not self.manifests
            self.problems += ["the manifest has gone"] if self.manifests else []
            return
        if not self.manifests or self.manifests[-1] != manifest:
            self.manifests.append(manifest)
        try:
            self.problems += check(self._cluster, manifest)
        except self._cluster.client.exceptions.NoSuchKey as error:
            self.problems.append(f"found {error}, expected all that the manifest names")

    def follow(self) -> None:
        while not self._done.wait(PAUSE_S):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - what ends a thread is seen by nobody
                self.problems.append(repr(error))

    def end(self) -> None:
        self._done.set()


def check(cluster: Cluster, manifest: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a visible manifest: each part and each file of it is there, and as its checksum says; each document once.

    Raises:
        NoSuchKey: something is not there.
    """
    names, told = Counter[str](), Counter[str]()
    for part in manifest["parts"]:
        key = part["key"]
        described = get(cluster, f"{key}/part.json")
        if hashlib.sha256(described).hexdigest() != part["sha256"]:
            yield f"found another part.json in {key}"
        for name, digest in json.loads(described)["files"].items():
            body = get(cluster, f"{key}/{name}")
            if (len(body), hashlib.sha256(body).hexdigest()) != (digest["n_bytes"], digest["sha256"]):
                yield f"found another {name} in {key}"
            if name in ("documents.jsonl", "rejected.jsonl"):
                lines = [json.loads(line)["document"] for line in body.splitlines()]
                names.update(lines)
                told[name] += len(lines)
    if twice := [name for name, n in names.items() if n > 1]:
        yield f"found {twice[:3]} twice"
    counts = {"n_tagged": told["documents.jsonl"], "n_rejected": told["rejected.jsonl"], "n_documents": names.total()}
    if found := {name: manifest[name] for name, n in counts.items() if manifest[name] != n}:
        yield f"found {found} in the manifest, expected {counts}"
    for key in (f"tagged/{manifest['day']}/page.html", *derived(manifest["day"])):
        get(cluster, key)


def derived(day: str) -> tuple[str, str]:
    """What is replaced before a manifest is, so that it may be ahead of it for a moment."""
    return f"tagged/{day}/statistics.json", f"rejected/{day}/rejected.jsonl"


def check_derived(cluster: Cluster, manifest: dict[str, Any]) -> None:
    """See that what lies beside a manifest is of its night."""
    statistics, rejected = (get(cluster, key) for key in derived(manifest["day"]))
    assert json.loads(statistics)["night"] == manifest["night"]
    lines = [json.loads(line)["document"] for line in rejected.splitlines()]
    parts = [get(cluster, f"{part['key']}/rejected.jsonl").splitlines() for part in manifest["parts"]]
    assert lines == [json.loads(line)["document"] for part in parts for line in part]


@contextmanager
def watch(cluster: Cluster, day: str) -> Iterator[DayWatch]:
    """Watch a day meanwhile, and see that at no moment anything was half visible."""
    seen = DayWatch(cluster, day)
    thread = threading.Thread(target=seen.follow, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        seen.end()
        thread.join()
    seen.look()
    assert seen.problems == []
    assert seen.n_before, "the day was published before anyone looked"
    assert seen.manifests, "nothing was ever visible"
    check_derived(cluster, seen.manifests[-1])
