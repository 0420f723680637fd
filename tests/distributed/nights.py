"""Documents of a day and their answers."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any, Self

from sample import documents
from tests.distributed.cluster import BUCKET, PREFIX, ROOT, Cluster
from tests.distributed.programs import wait

NIGHT = "ner_tag_nightly"
N_IN_FILE = 100
# of the bundled sample
TAGGED = ("letter-*.txt", "minutes-*.md", "press-*.html", "claim-*.docx")
REJECTED = ("empty.txt", "export.wpd", "photo.txt")


def put(cluster: Cluster, key: str, body: bytes) -> None:
    cluster.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}", Body=body)


def get(cluster: Cluster, key: str) -> bytes:
    return bytes(cluster.client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}")["Body"].read())


def text(rng: random.Random, index: int) -> str:
    """A letter or a report of the synthetic sample, like no other."""
    return f"Number {index}.\n\n{documents.letter(rng) if index % 2 else documents.report_text(rng)}"


def put_inbox(cluster: Cluster, day: str, n_documents: int, *, padding: int = 0) -> tuple[set[str], set[str]]:
    """Write a day's inbox: files of a hundred documents, and those of the bundled sample that are one document each.

    Args:
        cluster: whose store it is.
        day: YYYY-MM-DD.
        n_documents: in files of many; the first ones are those of a smaller inbox.
        padding: blanks that make each document's line longer, for shards of few documents.

    Returns:
        Names of the documents that have to be tagged, and of those that have to be rejected.
    """
    rng, tagged = random.Random(0), set()
    for first in range(0, n_documents, N_IN_FILE):
        name = f"calls-{first:06d}.jsonl"
        numbers = range(first, min(first + N_IN_FILE, n_documents))
        lines = [json.dumps({"id": str(index), "text": text(rng, index)}) + " " * padding for index in numbers]
        put(cluster, f"inbox/{day}/{name}", "\n".join(lines).encode())
        tagged |= {f"{name}#{index}" for index in numbers}
    files = [path for pattern in (*TAGGED, *REJECTED) for path in (ROOT / "sample" / "inbox").glob(pattern)]
    for path in files:
        put(cluster, f"inbox/{day}/{path.name}", path.read_bytes())
    rejected = {path.name for path in files if path.name in REJECTED}
    return tagged | {path.name for path in files} - rejected, rejected


def lines(cluster: Cluster, key: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in get(cluster, key).decode().splitlines()]


def promote(cluster: Cluster) -> str:
    """The version that the DAGs make of the bundled sample, and promote."""
    sample = ROOT / "sample" / "labelled" / "ner_sample.csv"
    put(cluster, "labelled/2026-03-01-sample/ner_sample.csv", sample.read_bytes())
    run = cluster.api.trigger("ner_retrain", {"epochs": 3, "learning_rate": 0.005})
    cluster.finish("ner_retrain", run)
    quantize = wait(lambda: cluster.api.started_by(run, "ner_quantize"), "ner_quantize to start")
    cluster.finish("ner_quantize", str(quantize))
    return str(json.loads(get(cluster, "models/promoted.json"))["version"])


@dataclass(frozen=True)
class Night:
    """One night of one day, under way.

    Attributes:
        run: its run of `ner_tag_nightly`.
        tagged: names of the documents that have to be tagged.
        rejected: of those that have to be rejected.
    """

    cluster: Cluster
    day: str
    run: str
    tagged: set[str]
    rejected: set[str]

    @classmethod
    def begin(cls, cluster: Cluster, day: str, n_documents: int, *, padding: int = 0, **conf: Any) -> Self:
        """Fill the day's inbox, and start its night; no answer is taken over from another day."""
        tagged, rejected = put_inbox(cluster, day, n_documents, padding=padding)
        conf = {"day": day, "shard_minutes": 0.1, "lookback_days": 0, **conf}
        return cls(cluster, day, cluster.api.trigger(NIGHT, conf, partition_key=day), tagged, rejected)

    def end(self) -> list[tuple[str, list[Any]]]:
        """Wait for the end, and see that each document is answered exactly once; the answers."""
        self.cluster.finish(NIGHT, self.run)
        manifest = json.loads(get(self.cluster, f"tagged/{self.day}/manifest.json"))
        said = {
            name: [line for part in manifest["parts"] for line in lines(self.cluster, f"{part['key']}/{name}.jsonl")]
            for name in ("documents", "rejected")
        }
        for name, expected in (("documents", self.tagged), ("rejected", self.rejected)):
            found = Counter(line["document"] for line in said[name])
            assert found == Counter(expected), _difference(found, expected)
        n_tagged, n_rejected = len(self.tagged), len(self.rejected)
        assert (manifest["n_documents"], manifest["n_tagged"], manifest["n_rejected"]) == (
            n_tagged + n_rejected,
            n_tagged,
            n_rejected,
        )
        copies = lines(self.cluster, f"rejected/{self.day}/rejected.jsonl")
        assert Counter(line["document"] for line in copies) == Counter(self.rejected)
        places = ("start", "end", "label", "mention")
        return [
            (line["document"], [[entity[name] for name in places] for entity in line["entities"]])
            for line in said["documents"]
        ]

    def tries(self, task_id: str) -> list[int]:
        """How often each of the task's instances was tried."""
        tasks = self.cluster.api.tasks(NIGHT, self.run)
        return [int(task["try_number"]) for task in tasks if task["task_id"] == task_id]


def _difference(found: Counter[str], expected: set[str]) -> str:
    twice = [name for name, n in found.items() if n > 1]
    lost, more = expected - set(found), set(found) - expected
    return (
        f"found {twice[:3]} twice, {sorted(lost)[:3]} of {len(lost)} lost, {sorted(more)[:3]} that nobody sent, "
        f"expected each of {len(expected)} documents once"
    )
