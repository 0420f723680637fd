"""A published day in miniature, as `join` and `PublishDay` leave one."""

import json

from ner_tasks.answers.index import write_index

COUNTS = ("n_documents", "n_rejected", "n_partly_read", "n_entities", "n_words", "n_reused", "words_per_s")


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


def publish(store, folder, day, answers, rejects=(), **said):
    """Publish a day of these lines; `folder` is made, and `said` goes into the manifest."""
    folder.mkdir()
    for name, lines in (("documents.jsonl", answers), ("rejected.jsonl", rejects)):
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    write_index(folder / "documents.jsonl", folder / "rejected.jsonl", folder / "index.sqlite")
    counts = dict.fromkeys(COUNTS, len(answers))
    manifest = {**counts, "day": day, "model_version": "v1", "elapsed_s": 1.0, "rejected": {}, "entities": {"per": 1}}
    (folder / "manifest.json").write_text(json.dumps({**manifest, **said}))
    store.publish(folder, f"tagged/{day}", marker="manifest.json")
