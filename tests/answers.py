"""Hand-made answers in the layout of `tag`."""

import hashlib
import json
from pathlib import Path
from typing import Any


def answer(name: str, text: str, mentions: dict[str, str] | None = None, *, score: float = 0.9, **more: Any) -> dict:
    """One line of `documents.jsonl`; each mention is marked with its label where it first stands."""
    entities = []
    for mention, label in (mentions or {}).items():
        start = text.index(mention)
        entities.append({"start": start, "end": start + len(mention), "label": label, "text": mention, "score": score})
    receipt = {
        "n_characters": len(text),
        "n_sentences": 1,
        "n_words": len(text.split()),
        "n_pieces": 2 * len(text.split()),
        "n_windows": 1,
        "format": "text",
        "encoding": "utf-8",
        "items": {"text": {"read": 1}},
        "read_share": 1.0,
        "unread": [],
        "model_version": "v1",
    }
    sha256 = hashlib.sha256(name.encode("utf-8", "surrogatepass") + text.encode("utf-8", "surrogatepass")).hexdigest()
    entities.sort(key=lambda entity: entity["start"])
    return {"document": name, "sha256": sha256, "text": text, "entities": entities, "receipt": receipt, **more}


def without_text(line: dict) -> dict:
    """The same as it is written where only hashes are kept."""
    kept = {name: value for name, value in line.items() if name != "text"}
    entities = [{name: value for name, value in entity.items() if name != "text"} for entity in line["entities"]]
    return {**kept, "text_sha256": hashlib.sha256(line["text"].encode()).hexdigest(), "entities": entities}


def write(path: Path, lines: list[dict]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
