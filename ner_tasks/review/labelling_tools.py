"""A review queue as files that labelling tools read, and whose exports come back as a labelled batch.

Offsets are characters (code points), as both tools count them: Label Studio since 2021 (its pull request 1559), doccano
always.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from ner_tasks.files import atomic
from ner_tasks.review.queue import ReviewItem
from ner_tasks.tagging.answers import escape_surrogates

LABEL_STUDIO, DOCCANO, LABELS = "label-studio.json", "doccano.jsonl", "label-studio.xml"
_SURROGATE = re.compile("[\ud800-\udfff]")


def write_queue(items: Iterable[ReviewItem], labels: Iterable[str], folder: Path, *, day: str) -> None:
    """Write the queue in both forms, and the labelling interface that Label Studio asks for.

    Args:
        items: in the order in which they are to be read.
        labels: those a person may choose from.
        folder: where to.
        day: the night's, for the meta data of each sentence.

    Raises:
        StorageFull: no room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    items = list(items)
    # a list, one task on each line
    tasks = ",\n".join(json.dumps(_label_studio(item, day), ensure_ascii=False) for item in items)
    atomic.write_text(folder / LABEL_STUDIO, f"[\n{tasks}\n]\n")
    lines = "".join(json.dumps(_doccano(item, day), ensure_ascii=False) + "\n" for item in items)
    atomic.write_text(folder / DOCCANO, lines)
    choices = "".join(f"    <Label value={quoteattr(escape_surrogates(label))}/>\n" for label in sorted(labels))
    interface = (
        f'<View>\n  <Labels name="label" toName="text">\n{choices}  </Labels>\n  <Text name="text" value="$text"/>\n'
    )
    atomic.write_text(folder / LABELS, f"{interface}</View>\n")


def _meta(item: ReviewItem, day: str) -> dict[str, Any]:
    said = {"document": escape_surrogates(item.document), "day": day, "model": item.model, "why": item.why}
    return {**said, "worth": None if item.why == "chance" else item.worth, "sha256": item.sha256, "start": item.start}


def _label_studio(item: ReviewItem, day: str) -> dict[str, Any]:
    answers = [(item.model, item.entities)]
    if item.other_model is not None:
        answers.append((item.other_model, item.other_entities))
    text = _shown(item.text)
    return {
        "data": {"text": text, "document": escape_surrogates(item.document), "day": day},
        "meta": _meta(item, day),
        "predictions": [
            {
                "model_version": model,
                "score": min((entity["score"] for entity in entities), default=1.0),
                "result": [_region(number, entity, text) for number, entity in enumerate(entities)],
            }
            for model, entities in answers
        ],
    }


def _region(number: int, entity: Mapping[str, Any], text: str) -> dict[str, Any]:
    start, end = entity["start"], entity["end"]
    value = {"start": start, "end": end, "text": text[start:end], "labels": [entity["label"]]}
    named = {"id": f"e{number}", "from_name": "label", "to_name": "text", "type": "labels"}
    return {**named, "value": value, "score": entity["score"]}


def _doccano(item: ReviewItem, day: str) -> dict[str, Any]:
    spans = [[entity["start"], entity["end"], entity["label"]] for entity in item.entities]
    # what is neither text nor label becomes the example's meta data
    return {"text": _shown(item.text), "label": spans, **_meta(item, day)}


def _shown(text: str) -> str:
    """The text without half surrogate pairs, which no file of these tools can hold; each offset stays as it is."""
    return _SURROGATE.sub("\ufffd", text)
