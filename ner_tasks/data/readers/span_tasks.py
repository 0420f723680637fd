"""Tasks of labelling tools: the text of each and its spans, in any of the forms that tools export.

    [{"data": {"text": ...}, "annotations": [{"result": [{"value": {"start", "end", "labels"}}]}]}]   Label Studio
    [{"text": ..., "<any name>": [{"start", "end", "text", "labels"}]}]                  Label Studio, JSON_MIN
    {"text": ..., "label": [[start, end, label]]}                                        doccano, old form
    {"text": ..., "entities": [{"start_offset", "end_offset", "label"}]}                 doccano, with relations
    {"text": ..., "entities": [[start, end, label]]}, [text, {"entities": [...]}]        spaCy and its annotators
    {"text": ..., "spans": [{"start", "end", "label"}], "answer": "accept"}              Prodigy

In a flat task the lists of spans are found by their shape, whatever their names. What stands beside them (choices,
ratings, relations, predictions) is about something else and is left out.
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
# Words and sentences with their places, and what a model found.
_NO_SPANS = ("tokens", "words", "sents", "sentences", "prediction", "predictions")
_NO_TEXTS = ("created_at", "updated_at", "answer")
# What Prodigy calls a task that its annotator did not accept.
_NOT_DONE = ("reject", "ignore")
# So many mentions tell which of several strings is the text.
_MAX_LOOKED_FOR = 50
_RESULTS = ("labels", "hypertextlabels")
# JSON_MIN leaves the list of spans out where a person has marked nothing.
_JSON_MIN = ("annotation_id", "lead_time")


class Span(NamedTuple):
    """Characters `[start, end)` with a label; `mention` is what the tool says stands there, None if it does not say."""

    start: int
    end: int
    label: str
    mention: str | None


class Task(NamedTuple):
    """A text and its spans in the order of their places; `problem` says why a task is unreadable and has neither.

    Attributes:
        line: 1-based line of the file, or place in its list.
    """

    line: int
    text: str
    spans: list[Span]
    problem: str = ""


class UnreadableTask(ValueError):
    """A task is not written as any of the tools writes it; says what was found."""


class _NoSpans(Exception):
    """A flat task has a text and no list of spans."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


def read_tasks(text: str, name: str, conversions: Conversions) -> list[Task]:
    """All annotated tasks; one that nobody has annotated is left out, for it says nothing about its text.

    Args:
        text: a JSON list of tasks, or a task on each line.
        name: of the file, for messages.
        conversions: gets what was left out.

    Raises:
        DataRejected: a list that is not JSON.
    """
    tasks: list[Task] = []
    unmarked: dict[int, Any] = {}
    n_tasks = n_open = 0
    for line, written in _written(text, name):
        n_tasks += 1
        try:
            read = _read(written, conversions)
        except _NoSpans as found:
            unmarked[len(tasks)] = written
            tasks.append(Task(line, found.text, []))
            continue
        except UnreadableTask as error:
            tasks.append(_unreadable(line, written, error))
            continue
        if read is None:
            n_open += 1
        else:
            tasks.append(Task(line, *read))
    # In a JSON_MIN that has lists of spans elsewhere, nothing was marked in a task without one.
    has_spans = any(task.spans for task in tasks)
    for at, written in unmarked.items():
        if has_spans and any(key in written for key in _JSON_MIN):
            conversions.add("annotated without a list of spans, read as texts without entities", "tasks")
        else:
            tasks[at] = _unreadable(tasks[at].line, written, _unknown_keys(written))
    conversions.add(f"{n_open} of {n_tasks} tasks are not annotated and are left out", "tasks", n_open)
    return tasks


def _unreadable(line: int, written: Any, error: UnreadableTask) -> Task:
    return Task(line, str(written)[:80], [], str(error))


def _written(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """Place and value of each task; a line that is not JSON comes as the text that it is."""
    begin = text.lstrip()[:1]
    if begin in ("[", "{"):
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError) as error:
            if begin == "[" and not _is_json(text.lstrip().partition("\n")[0]):
                raise DataRejected(f"found a list that is not JSON ({error}), expected tasks, at {name}") from None
        else:
            yield from enumerate(_listed(whole), start=1)
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


def _listed(whole: Any) -> list[Any]:
    """Tasks of a JSON value: a list, one task, or `{"classes": ..., "annotations": [[text, {"entities": ...}]]}`."""
    if isinstance(whole, list):
        return [whole] if _is_pair(whole) else whole
    pairs = whole.get("annotations")
    if "text" not in whole and "data" not in whole and isinstance(pairs, list) and any(map(_is_pair, pairs)):
        return [one for one in pairs if one is not None]
    return [whole]


def _is_pair(value: Any) -> bool:
    """Whether a value is `[text, {"entities": ...}]`."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict)


def _read(task: Any, conversions: Conversions) -> tuple[str, list[Span]] | None:
    """Text and spans of a task, None if nobody has annotated it."""
    if _is_pair(task):
        task = {**task[1], "text": task[0]}
    if not isinstance(task, dict):
        raise UnreadableTask("found no JSON object, expected a task of Label Studio or doccano")
    for key in ("annotations", "completions"):
        if key in task and not _are_spans(task[key]) and not isinstance(task.get("text"), str):
            return _label_studio(task, key, conversions)
    return _flat(task, conversions)


def _flat(task: dict[str, Any], conversions: Conversions) -> tuple[str, list[Span]] | None:
    if task.get("answer") in _NOT_DONE:
        return None
    found = [key for key in task if _are_spans(task[key]) and key not in _NO_SPANS]
    known = [key for key in _SPAN_KEYS if isinstance(task.get(key), list)]
    listed = found or known[:1]
    spans = _sorted(_span(one) for key in listed for one in task[key])
    strings = {key: value for key, value in task.items() if isinstance(value, str) and key not in _NO_TEXTS}
    text = _text_of(strings, spans)
    if text is None:
        raise _unknown_keys(task)
    for key in ("relations", "cats", "choices"):
        if isinstance(task.get(key), list) and key not in listed:
            conversions.add(f"{key} beside spans, left out", "items", len(task[key]))
    if not listed:
        if "annotations" in task and task["annotations"] == []:
            return None
        if any(map(_has_places, (value for key, value in task.items() if key not in _NO_SPANS))):
            raise UnreadableTask("found places without labels, expected a label with each span")
        raise _NoSpans(text)
    return text, spans


def _unknown_keys(task: dict[str, Any]) -> UnreadableTask:
    return UnreadableTask(f"found keys {', '.join(map(str, task))[:80]}, expected text and label (or entities)")


def _text_of(strings: dict[str, str], spans: list[Span]) -> str | None:
    """The text of a task: under one of the usual names, else the only string, else the only one that has the mentions."""
    for key in _TEXTS:
        if key in strings:
            return strings[key]
    texts = list(strings.values())
    if len(texts) > 1 and spans and all(span.mention for span in spans):
        mentions = {span.mention or "" for span in spans[:_MAX_LOOKED_FOR]}
        texts = [text for text in texts if all(mention in text for mention in mentions)]
    return texts[0] if len(texts) == 1 else None


def _label_studio(task: dict[str, Any], key: str, conversions: Conversions) -> tuple[str, list[Span]] | None:
    data, annotations = task.get("data"), task[key]
    if not isinstance(data, dict) or not isinstance(annotations, list):
        raise UnreadableTask("found no data or annotations, expected them, in a task of Label Studio")
    done = [one for one in annotations if isinstance(one, dict) and not one.get("was_cancelled")]
    readings = [_sorted(_span(part.get("value")) for part in _labels_in(one, conversions)) for one in done]
    text = _text_of({key: value for key, value in data.items() if isinstance(value, str)}, readings[0] if done else [])
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


def _labels_in(annotation: dict[str, Any], conversions: Conversions) -> list[dict[str, Any]]:
    """The labelled spans of an annotation; its choices, ratings and relations are about something else."""
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
    """Whether a value is a list of which at least one item has the shape of a span."""
    return isinstance(value, list) and any(map(_is_span_like, value))


def _has_places(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, dict) and _has_place(one) for one in value)


def _has_place(one: dict[str, Any]) -> bool:
    return _first(one, _STARTS) is not None and _first(one, _ENDS) is not None


def _is_span_like(one: Any) -> bool:
    if isinstance(one, dict):
        return _has_place(one) and _first(one, _LABELS) is not None
    return isinstance(one, list) and len(one) == 3 and type(one[0]) is int and type(one[1]) is int


def _first(one: dict[str, Any], keys: Iterable[str]) -> Any:
    return next((one[key] for key in keys if one.get(key) is not None), None)


def _span(written: Any) -> Span:
    """A span in any of the forms; what is none is said, not left out."""
    mention = None
    if isinstance(written, dict):
        start, end, labels = (_first(written, keys) for keys in (_STARTS, _ENDS, _LABELS))
        offsets = written.get("globalOffsets")
        if type(start) is not int and isinstance(offsets, dict):
            start, end = offsets.get("start"), offsets.get("end")
        mention = _first(written, _MENTIONS)
    else:
        start, end, labels = written if isinstance(written, list) and len(written) == 3 else (None, None, None)
    if isinstance(labels, list):
        labels = labels[0] if len(labels) == 1 else None
    if type(start) is not int or type(end) is not int or not isinstance(labels, str):
        raise UnreadableTask(f"found span {str(written)[:80]}, expected whole numbers start and end, and one label")
    return Span(start, end, labels, mention if isinstance(mention, str) else None)


def _sorted(spans: Iterable[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: (span.start, span.end, span.label, span.mention or ""))
