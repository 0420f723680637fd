"""The sentences of a queue that the page Review queue offers: `queue.jsonl`, a line for each."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ner_tasks.files import atomic
from ner_tasks.fingerprint import make_version
from ner_tasks.review.queue import ReviewItem
from ner_tasks.surrogates import escape_surrogates, replace_surrogates

# What a person can handle on a page; label files hold everything.
MAX_SENTENCES, MAX_CHARACTERS, MAX_ENTITIES = 2_000, 3_000, 100
_MAX_BYTES = 8 * 2**20
_SHOWN = ("start", "end", "label", "score", "section", "assertion", "code", "code_system", "decision", "match")


def write_queue_file(items: Iterable[ReviewItem], path: Path) -> int:
    """Write the sentences that the page offers, in their order.

    Sentences of more than 3,000 characters or 100 entities are left out; the file ends after 2,000 sentences or 8 MiB.

    Args:
        items: the queue.
        path: the file.

    Returns:
        Number of sentences left out; other tools have them.

    Raises:
        StorageFull: no space left on the device.
    """
    lines, n_bytes, n_left_out = list[str](), 0, 0
    for item in items:
        line = json.dumps(_describe(item))
        fits = len(item.text) <= MAX_CHARACTERS and len(item.entities) <= MAX_ENTITIES
        if not fits or len(lines) == MAX_SENTENCES or n_bytes + len(line) > _MAX_BYTES:
            n_left_out += 1
            continue
        lines.append(line)
        n_bytes += len(line)
    atomic.write_text(path, "".join(f"{line}\n" for line in lines))
    return n_left_out


def _describe(item: ReviewItem) -> dict[str, Any]:
    sentence = {
        "document": escape_surrogates(item.document),
        "sha256": item.sha256,
        "start": item.start,
        "text": replace_surrogates(item.text),
        "model": item.model,
        "entities": [_describe_entity(entity) for entity in item.entities],
    }
    # other entities are another question, so that an answer to it is never taken for one to this
    spans = [[entity["start"], entity["end"], escape_surrogates(entity["label"])] for entity in item.entities]
    return {"id": make_version({**sentence, "entities": spans}), "why": item.why, "language": item.language, **sentence}


def _describe_entity(entity: Mapping[str, Any]) -> dict[str, Any]:
    described = {name: entity[name] for name in _SHOWN if entity.get(name) is not None}
    described["label"] = escape_surrogates(entity["label"])
    candidates = [
        {name: replace_surrogates(value) for name, value in one.items()} for one in entity.get("candidates", ())
    ]
    return {**described, **({"candidates": candidates} if candidates else {})}
