"""What a really full disk ends is `StorageFull`, whoever notices it, and leaves nothing half-written behind."""

import json
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ner_tasks.errors import ArtifactBroken, Busy, ConfigInvalid, StorageFull
from ner_tasks.files import sqlite_files
from tests.tiny import CONFIG

# on a disk of 128 KiB; what is written is on another one, or in memory
STEPS = {
    "ledger": """
from ner_tasks.tagging.answer_ledger import AnswerKey, AnswerLedger
with AnswerLedger(disk) as ledger:
    for number in range(100_000):
        ledger.add(AnswerKey(f"{number:064d}", "m1", "c1"), offset=number, n_bytes=1)
    ledger.commit()
""",
    "journal": """
from ner_tasks.tagging.journal import Journal
answer = {"file": "a", "text_sha256": "", "entities": [], "receipt": {
    "model_version": "m1", "config": "c1", "n_words": 1, "unread": [], "items": {}}}
with Journal(disk, {"run": 1}) as journal:
    for number in range(100_000):
        journal.write(number, {**answer, "text_sha256": f"{number:064d}"})
        journal.checkpoint(at_once=number % 100 == 0)
""",
    "index": """
from ner_tasks.tagging.answer_index import write_index
write_index(source / "documents.jsonl", source / "rejected.jsonl", disk / "index.sqlite")
""",
    "entities": """
from ner_tasks.tagging.entity_index.writer import write_entity_index
write_entity_index(source / "documents.jsonl", disk / "entities.sqlite")
""",
    "join": """
from ner_tasks.tagging.answer_ledger import AnswerLedger
with AnswerLedger(disk) as ledger:
    ledger.merge([(source, 0)])
""",
    "tables": """
from ner_tasks.tagging.exports.parquet import write_parquet
write_parquet(source / "documents.jsonl", disk)
""",
    "vocabulary": """
from ner_tasks.enrichment.codes import Vocabulary
try:
    Vocabulary.open(source / "terms.csv", disk)
finally:
    [lock.unlink() for lock in disk.glob("terms.*.lock")]
""",
    "training": """
import numpy as np
from ner_tasks.training import checkpoints, encoder_tokenizer
try:
    encoder_tokenizer.save_tokenizer(source / "encoder", disk / "tokenizer.json")
except StorageFull:
    checkpoints.save_checkpoint(disk, checkpoints.TrainingProgress(), [np.zeros((300, 300), np.float32)], identity="this")
""",
}
KEPT = {"ledger": {"ledger.sqlite"}, "join": {"ledger.sqlite"}}
RUN = """
import sys
from pathlib import Path
from ner_tasks.errors import StorageFull
disk, source = map(Path, sys.argv[1:3])
try:
    exec(sys.argv[3])
except StorageFull as error:
    print("full:", error)
print(*sorted(path.name for path in disk.rglob("*")))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Answers that take more than the disk has, with their ledger."""
    from ner_tasks.tagging.answer_ledger import AnswerKey, AnswerLedger

    folder = tmp_path_factory.mktemp("source")
    (folder / "rejected.jsonl").write_text("")
    terms = "".join(f"term {number},{number},local\n" for number in range(20_000))
    (folder / "terms.csv").write_text(f"name,code,system\n{terms}")
    (folder / "encoder").mkdir()
    (folder / "encoder" / "config.json").write_text(json.dumps(CONFIG))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{number}" for number in range(20_000))]
    (folder / "encoder" / "vocab.txt").write_text("\n".join(words))
    counts = dict.fromkeys(("n_characters", "n_sentences", "n_words", "n_pieces", "n_windows"), 1)
    kept = {"format": "txt", "encoding": "utf-8", "unread": [], "read_share": 1.0, "model_version": "m1", "items": {}}
    entity = {"start": 0, "end": 96, "label": "per", "score": 1.0}
    rng = random.Random(0)
    with (folder / "documents.jsonl").open("w") as lines, AnswerLedger(folder) as ledger:
        for number in range(5000):
            name = rng.randbytes(48).hex()  # nothing that a compressor makes small
            answer = {
                "document": name,
                "sha256": name,
                "text": name,
                "entities": [entity],
                "receipt": {**counts, **kept},
            }
            lines.write(json.dumps(answer) + "\n")
            ledger.add(AnswerKey(name, "m1", "c1"), offset=number, n_bytes=1)
        ledger.commit()
    return folder


@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk_is_said_to_be_full(step, source, tmp_path):
    if shutil.which("unshare") is None:
        pytest.skip("this system has no unshare")
    mounted = 'mount -t tmpfs -o size=128k none "$1" && exec "$2" -c "$3" "$1" "$4" "$5"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", tmp_path, sys.executable]
    done = subprocess.run([*command, RUN, source, STEPS[step]], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"a small disk cannot be made here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    said, left = done.stdout.splitlines()[-2:]
    assert said.startswith("full: found ") and "MiB free, expected room for " in said
    if step != "journal":
        assert set(left.split()) - {"ledger.sqlite-journal"} == KEPT.get(step, set())


def test_a_database_that_may_not_grow_is_full(tmp_path):
    database = sqlite3.connect(tmp_path / "a.sqlite")
    database.executescript("PRAGMA max_page_count = 4; CREATE TABLE texts (text TEXT)")
    with (
        pytest.raises(StorageFull, match=r"expected room for a\.sqlite"),
        sqlite_files.translate_errors(tmp_path / "a.sqlite", "texts"),
    ):
        database.executemany("INSERT INTO texts VALUES (?)", [("x" * 1000,)] * 1000)
    database.close()


def test_each_failure_of_sqlite_is_an_error_of_ours(tmp_path):
    path = tmp_path / "a.sqlite"
    with sqlite3.connect(path, timeout=0) as database:
        database.execute("CREATE TABLE texts (text TEXT)")
    database.close()

    def fails(error, statement, *, mode="rw", words=None):
        other = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=0)
        with pytest.raises(error, match=words) as raised, sqlite_files.translate_errors(path, "a day's index"):
            other.execute(statement).fetchall()
        other.close()
        return str(raised.value)

    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    fails(Busy, "SELECT * FROM texts", words="database is locked, expected to be alone")
    holder.execute("INSERT INTO texts VALUES (CAST(x'ff' AS TEXT))")
    holder.execute("COMMIT")
    holder.close()
    fails(ConfigInvalid, "INSERT INTO texts VALUES (1)", mode="ro", words="readonly")
    fails(ArtifactBroken, "SELECT * FROM others", words="no such table: others, expected a day's index, at ")
    # SQLite's own words would quote what the column holds
    assert "with text" not in fails(ArtifactBroken, "SELECT text FROM texts")
    path.write_bytes(path.read_bytes()[:4096] + b"\x07" * 4096)
    fails(ArtifactBroken, "SELECT * FROM texts", words="malformed")
    path.write_bytes(b"no database" * 1000)
    fails(ArtifactBroken, "SELECT * FROM texts", words="file is not a database")


def test_what_is_wrong_with_our_own_call_is_not_blamed_on_the_file(tmp_path):
    database = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.ProgrammingError), sqlite_files.translate_errors(Path("a.sqlite"), "an index"):
        database.execute("SELECT ?", ())
    database.close()
