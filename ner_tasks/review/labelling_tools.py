"""Export of a review queue to Label Studio and doccano, whose own exports are read as a labelled batch.

Offsets count characters (code points), as both tools do: Label Studio since 2021 (its pull request 1559), doccano
always.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from ner_tasks.files import atomic
from ner_tasks.review.queue import CHANCE, ReviewItem
from ner_tasks.surrogates import escape_surrogates, replace_surrogates

LABEL_STUDIO, DOCCANO, LABELS = "label-studio.json", "doccano.jsonl", "label-studio.xml"


def write_queue(items: Iterable[ReviewItem], labels: Iterable[str], folder: Path, *, day: str) -> None:
    """Write the queue for Label Studio and doccano, and the labelling interface for Label Studio.

    Args:
        items: sentences in the order in which to review them.
        labels: labels to choose from.
        folder: output folder.
        day: day of the night, YYYY-MM-DD, for the metadata of each sentence.

    Raises:
        StorageFull: no space left on the device.
    """
    folder.mkdir(parents=True, exist_ok=True)
    items = list(items)
    # a JSON list with one task per line
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
    origin = {"document": escape_surrogates(item.document), "day": day, "model": item.model, "why": item.why}
    return {**origin, "worth": None if item.why == CHANCE else item.worth, "sha256": item.sha256, "start": item.start}


def _label_studio(item: ReviewItem, day: str) -> dict[str, Any]:
    answers = [(item.model, item.entities)]
    if item.other_model is not None:
        answers.append((item.other_model, item.other_entities))
    text = replace_surrogates(item.text)
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
    value = {"start": start, "end": end, "text": text[start:end], "labels": [escape_surrogates(entity["label"])]}
    named = {"id": f"e{number}", "from_name": "label", "to_name": "text", "type": "labels"}
    return {**named, "value": value, "score": entity["score"]}


def _doccano(item: ReviewItem, day: str) -> dict[str, Any]:
    spans = [[entity["start"], entity["end"], escape_surrogates(entity["label"])] for entity in item.entities]
    # doccano stores all other keys as metadata of the example
    return {"text": replace_surrogates(item.text), "label": spans, **_meta(item, day)}
