"""Reader for exports of labelling tools: text and spans of each task.

    [{"data": {"text": ...}, "annotations": [{"result": [{"value": {"start", "end", "labels"}}]}]}]   Label Studio
    [{"text": ..., "<any name>": [{"start", "end", "text", "labels"}]}]                  Label Studio, JSON_MIN
    {"text": ..., "label": [[start, end, label]]}                                        doccano, old form
    {"text": ..., "entities": [{"start_offset", "end_offset", "label"}]}                 doccano, with relations
    {"text": ..., "entities": [[start, end, label]]}, [text, {"entities": [...]}]        spaCy and its annotators
    {"text": ..., "spans": [{"start", "end", "label"}], "answer": "accept"}              Prodigy

In a flat task any key with a list of span-like items counts as spans. Other annotations (choices, ratings, relations,
predictions) are left out.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.errors import DataRejected

_STARTS = ("start_offset", "start", "start_position", "start_char", "begin")
_ENDS = ("end_offset", "end", "end_position", "end_char", "stop")
_LABELS = ("labels", "label", "hypertextlabels", "entity_type", "type")
_MENTIONS = ("text", "entity_value")
_TEXTS = ("text", "data", "full_text", "content")
_SPAN_KEYS = ("label", "labels", "entities", "spans")
# Words and sentences with offsets, and model predictions.
_NO_SPANS = ("tokens", "words", "sents", "sentences", "prediction", "predictions")
_NO_TEXTS = ("created_at", "updated_at", "answer")
# Prodigy's answers other than `accept`.
_NOT_DONE = ("reject", "ignore")
# Number of mentions to search for when several strings may be the text.
_MAX_MENTIONS = 50
_RESULTS = ("labels", "hypertextlabels")
# JSON_MIN omits the list of spans if a task has none.
_JSON_MIN = ("annotation_id", "lead_time")


class Span(NamedTuple):
    """Characters `[start, end)` with a label; `mention` is the text of the span in the export, None if it has none."""

    start: int
    end: int
    label: str
    mention: str | None


class Task(NamedTuple):
    """One task.

    Attributes:
        line: line of the file, or position in its list, from 1.
        text: text of the task; the start of its JSON if it is unreadable.
        spans: spans in the order of the text.
        problem: why the task is unreadable; empty if it is not.
    """

    line: int
    text: str
    spans: list[Span]
    problem: str = ""


class UnreadableTask(ValueError):
    """A task has none of the supported forms."""


class _NoSpans(Exception):
    """A flat task has a text but no list of spans."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


def read_tasks(text: str, name: str, conversions: Conversions) -> list[Task]:
    """Read all annotated tasks; tasks without annotations are left out.

    Args:
        text: a JSON list of tasks, or JSON Lines.
        name: name of the file, for error messages.
        conversions: filled with what was left out.

    Raises:
        DataRejected: a list that is not valid JSON.
    """
    tasks: list[Task] = []
    without_spans: dict[int, Any] = {}
    n_tasks = n_open = 0
    for line, value in _iter_values(text, name):
        n_tasks += 1
        try:
            content = _read_task(value, conversions)
        except _NoSpans as no_spans:
            without_spans[len(tasks)] = value
            tasks.append(Task(line, no_spans.text, []))
            continue
        except UnreadableTask as error:
            tasks.append(_make_unreadable(line, value, error))
            continue
        if content is None:
            n_open += 1
        else:
            tasks.append(Task(line, *content))
    # If other tasks of a JSON_MIN export have spans, a task without a list was annotated and has no entities.
    has_spans = any(task.spans for task in tasks)
    for at, value in without_spans.items():
        if has_spans and any(key in value for key in _JSON_MIN):
            conversions.add("annotated without a list of spans, read as texts without entities", "tasks")
        else:
            tasks[at] = _make_unreadable(tasks[at].line, value, _unknown_keys(value))
    conversions.add(f"{n_open} of {n_tasks} tasks are not annotated and are left out", "tasks", n_open)
    return tasks


def _make_unreadable(line: int, value: Any, error: UnreadableTask) -> Task:
    return Task(line, str(value)[:80], [], str(error))


def _iter_values(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """Yield position and JSON value of each task; a line that is not JSON is yielded as text."""
    begin = text.lstrip()[:1]
    if begin in ("[", "{"):
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError) as error:
            if begin == "[" and not _is_json(text.lstrip().partition("\n")[0]):
                raise DataRejected(f"found a list that is not JSON ({error}), expected tasks, at {name}") from None
        else:
            yield from enumerate(_list_tasks(whole), start=1)
            return
    for line, one in enumerate(text.split("\n"), start=1):
        if one.strip():
            try:
                yield line, json.loads(one)
            except (ValueError, RecursionError):
                yield line, one


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _list_tasks(whole: Any) -> list[Any]:
    """List the tasks of a JSON value: a list, one task, or `{"classes": ..., "annotations": [[text, {...}]]}`."""
    if isinstance(whole, list):
        return [whole] if _is_pair(whole) else whole
    pairs = whole.get("annotations")
    if "text" not in whole and "data" not in whole and isinstance(pairs, list) and any(map(_is_pair, pairs)):
        return [one for one in pairs if one is not None]
    return [whole]


def _is_pair(value: Any) -> bool:
    """Return whether a value is `[text, {"entities": ...}]`."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict)


def _read_task(task: Any, conversions: Conversions) -> tuple[str, list[Span]] | None:
    """Read text and spans of a task; None if it is not annotated."""
    if _is_pair(task):
        task = {**task[1], "text": task[0]}
    if not isinstance(task, dict):
        raise UnreadableTask("found no JSON object, expected a task of Label Studio or doccano")
    for key in ("annotations", "completions"):
        if key in task and not _are_spans(task[key]) and not isinstance(task.get("text"), str):
            return _read_label_studio(task, key, conversions)
    return _read_flat(task, conversions)


def _read_flat(task: dict[str, Any], conversions: Conversions) -> tuple[str, list[Span]] | None:
    if task.get("answer") in _NOT_DONE:
        return None
    span_keys = [key for key in task if _are_spans(task[key]) and key not in _NO_SPANS]
    known_keys = [key for key in _SPAN_KEYS if isinstance(task.get(key), list)]
    keys = span_keys or known_keys[:1]
    spans = _sort_spans(_parse_span(one) for key in keys for one in task[key])
    strings = {key: value for key, value in task.items() if isinstance(value, str) and key not in _NO_TEXTS}
    text = _find_text(strings, spans)
    if text is None:
        raise _unknown_keys(task)
    for key in ("relations", "cats", "choices"):
        if isinstance(task.get(key), list) and key not in keys:
            conversions.add(f"{key} beside spans, left out", "items", len(task[key]))
    if not keys:
        if "annotations" in task and task["annotations"] == []:
            return None
        if any(map(_has_places, (value for key, value in task.items() if key not in _NO_SPANS))):
            raise UnreadableTask("found places without labels, expected a label with each span")
        raise _NoSpans(text)
    return text, spans


def _unknown_keys(task: dict[str, Any]) -> UnreadableTask:
    return UnreadableTask(f"found keys {', '.join(map(str, task))[:80]}, expected text and label (or entities)")


def _find_text(strings: dict[str, str], spans: list[Span]) -> str | None:
    """Find the text of a task: under a usual key, else the only string, else the only string with all mentions."""
    for key in _TEXTS:
        if key in strings:
            return strings[key]
    texts = list(strings.values())
    if len(texts) > 1 and spans and all(span.mention for span in spans):
        mentions = {span.mention or "" for span in spans[:_MAX_MENTIONS]}
        texts = [text for text in texts if all(mention in text for mention in mentions)]
    return texts[0] if len(texts) == 1 else None


def _read_label_studio(task: dict[str, Any], key: str, conversions: Conversions) -> tuple[str, list[Span]] | None:
    data, annotations = task.get("data"), task[key]
    if not isinstance(data, dict) or not isinstance(annotations, list):
        raise UnreadableTask("found no data or annotations, expected them, in a task of Label Studio")
    done = [one for one in annotations if isinstance(one, dict) and not one.get("was_cancelled")]
    readings = [_sort_spans(_parse_span(part.get("value")) for part in _select_spans(one, conversions)) for one in done]
    text = _find_text(
        {key: value for key, value in data.items() if isinstance(value, str)}, readings[0] if done else []
    )
    if "text" in data and not isinstance(data["text"], str):
        text = None
    if text is None:
        n = sum(isinstance(value, str) for value in data.values())
        raise UnreadableTask(f"found {n} texts in data, expected one, best under the key text")
    if not done:
        return None
    if any(reading != readings[0] for reading in readings):
        raise UnreadableTask(f"found {len(readings)} annotations that differ, expected one or equal ones")
    return text, readings[0]


def _select_spans(annotation: dict[str, Any], conversions: Conversions) -> list[dict[str, Any]]:
    """Select the labelled spans of an annotation, without choices, ratings and relations."""
    result = annotation.get("result")
    if not isinstance(result, list) or not all(isinstance(part, dict) for part in result):
        raise UnreadableTask("found an annotation without a list as result, expected one")
    spans = []
    for part in result:
        kind = part.get("type", "labels")
        if kind in _RESULTS:
            spans.append(part)
        else:
            conversions.add(f"{str(kind)[:40]} beside spans, left out", "results")
    return spans


def _are_spans(value: Any) -> bool:
    """Return whether a value is a list with at least one span-like item."""
    return isinstance(value, list) and any(map(_is_span_like, value))


def _has_places(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, dict) and _has_place(one) for one in value)


def _has_place(one: dict[str, Any]) -> bool:
    return _first_value(one, _STARTS) is not None and _first_value(one, _ENDS) is not None


def _is_span_like(one: Any) -> bool:
    if isinstance(one, dict):
        return _has_place(one) and _first_value(one, _LABELS) is not None
    return isinstance(one, list) and len(one) == 3 and type(one[0]) is int and type(one[1]) is int


def _first_value(one: dict[str, Any], keys: Iterable[str]) -> Any:
    return next((one[key] for key in keys if one.get(key) is not None), None)


def _parse_span(value: Any) -> Span:
    """Parse a span in any of the supported forms; raises UnreadableTask for anything else."""
    mention = None
    if isinstance(value, dict):
        start, end, labels = (_first_value(value, keys) for keys in (_STARTS, _ENDS, _LABELS))
        offsets = value.get("globalOffsets")
        if type(start) is not int and isinstance(offsets, dict):
            start, end = offsets.get("start"), offsets.get("end")
        mention = _first_value(value, _MENTIONS)
    else:
        start, end, labels = value if isinstance(value, list) and len(value) == 3 else (None, None, None)
    if isinstance(labels, list):
        labels = labels[0] if len(labels) == 1 else None
    if type(start) is not int or type(end) is not int or not isinstance(labels, str):
        raise UnreadableTask(f"found span {str(value)[:80]}, expected whole numbers start and end, and one label")
    return Span(start, end, labels, mention if isinstance(mention, str) else None)


def _sort_spans(spans: Iterable[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: (span.start, span.end, span.label, span.mention or ""))
