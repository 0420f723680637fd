"""A small published day: as one folder, as releases up to 0.2.0 published it, or as parts."""

import hashlib
import json

from ner_tasks.store import keys
from ner_tasks.tagging.answer_index import write_index
from ner_tasks.tagging.answer_ledger import AnswerKey, AnswerLedger
from ner_tasks.tagging.entity_index.writer import write_entity_index
from ner_tasks.tagging.merge import sum_manifests
from ner_tasks.tagging.part import write_part

COUNTS = ("n_documents", "n_tagged", "n_rejected", "n_partly_read", "n_entities", "n_words", "n_reused", "words_per_s")
RECEIPT_COUNTS = ("n_sentences", "n_pieces", "n_windows", "n_unknown")
KINDS = ("rejected", "ignored", "entities", "items")


def answer(name, text, *, label="per"):
    """A line of documents.jsonl; the first four characters are an entity."""
    return {
        "document": name,
        "sha256": "0" * 64,
        "text_sha256": "1" * 64,
        "text": text,
        "entities": [{"start": 0, "end": 4, "label": label, "score": 0.5}],
        "receipt": {"n_words": len(text.split()), "items": {"text": {"read": 1}}, "unread": []},
    }


def manifest_of(day, n):
    """What a day's manifest says, with `n` of everything."""
    times = {"elapsed_s": 1.0, "model_s": 0.5}
    counted = {**dict.fromkeys(COUNTS, n), **{name: {} for name in KINDS}, "entities": {"per": n}}
    return {"day": day, "night": "n", "model_version": "v1", **times, **counted}


def publish(store, folder, day, answers, rejects=(), **said):
    """Publish a day of these lines; `folder` is made, and `said` goes into the manifest."""
    folder.mkdir()
    for name, lines in (("documents.jsonl", answers), ("rejected.jsonl", rejects)):
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    write_index(folder / "documents.jsonl", folder / "rejected.jsonl", folder / "index.sqlite")
    write_entity_index(folder / "documents.jsonl", folder / "entities.sqlite")
    manifest = {**manifest_of(day, len(answers)), "entities": {"per": 1}, **said}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    store.publish(folder, f"tagged/{day}", marker="manifest.json")


def publish_parts(store, folder, day, shards, **said):
    """Publish a day of one part for each shard; return the keys of the parts.

    Args:
        store: the store.
        folder: scratch folder, which is made.
        day: YYYY-MM-DD.
        shards: lines of answers and of rejects of each shard, in the order of the inbox; both may be empty.
        said: goes into the manifests of the parts and of the day.
    """
    folder.mkdir()
    manifests, parts = [], []
    for number, (answers, rejects) in enumerate(shards):
        shard = folder / f"shard-{number:02d}"
        manifests.append({**manifest_of(day, len(answers)), "n_rejected": len(rejects), **said})
        write_shard(shard, answers, rejects, manifests[-1])
        named = {name: manifests[-1][name] for name in ("night", "model_version")}
        columns = {"text_column": "text", "id_column": "id"}
        parts.append(write_part(shard, folder / f"{number:02d}", day=day, number=number, columns=columns, **named))
        store.publish(folder / f"{number:02d}", parts[-1]["key"], marker="part.json")
    told = {**manifest_of(day, 0), **said}
    sums = sum_manifests(manifests) | {name: told[name] for name in ("day", "night", "model_version")}
    store.write_json(keys.tagged_day(day, "manifest.json"), {**sums, **said, "parts": parts})
    return [part["key"] for part in parts]


def cut(answers, sizes):
    """Cut answers into shards without rejects, of so many answers each; the last one gets the rest."""
    waiting = iter(answers)
    return [([next(waiting) for _ in range(size)], []) for size in sizes] + [(list(waiting), [])]


def write_shard(folder, answers, rejects, manifest):
    """Write the folder of a shard, as `tag` does; what a line's receipt lacks is filled in."""
    folder.mkdir()
    for name, lines in (("documents", map(_complete, answers)), ("rejected", rejects), ("ignored", ())):
        text = "".join(json.dumps({"file": line["document"], **line}) + "\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    offset = 0
    with AnswerLedger(folder) as ledger:
        for line in (folder / "documents.jsonl").read_bytes().splitlines(keepends=True):
            answer = json.loads(line)
            key = AnswerKey(answer["text_sha256"], answer["receipt"]["model_version"], answer["receipt"]["config"])
            ledger.add(key, offset=offset, n_bytes=len(line))
            offset += len(line)
        ledger.commit()


def _complete(line):
    n = len(line.get("text") or "")
    counts = {"n_characters": n, "n_characters_tagged": n} | dict.fromkeys(RECEIPT_COUNTS, 1)
    said = {"format": "text", "encoding": "utf-8", "read_share": 1.0, "model_version": "v1", "config": "c"}
    text = line.get("text")
    sha256 = "1" * 64 if text is None else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return {"text_sha256": sha256, **line, "receipt": {**counts, **said, **line["receipt"]}}
