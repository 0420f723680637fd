"""A small published day, in the layout of `merge-shards` and `PublishDayOperator`."""

import json

from ner_tasks.tagging.answer_index import write_index
from ner_tasks.tagging.entity_index.writer import write_entity_index

COUNTS = ("n_documents", "n_tagged", "n_rejected", "n_partly_read", "n_entities", "n_words", "n_reused", "words_per_s")
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
