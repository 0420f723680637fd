"""Exports answers for INCEpTION: per document a file in the format UIMA CAS JSON.

The file holds sentences, tokens and INCEpTION's own layer of named entities; other layers would have to be made in its
project first. Source: Apache UIMA JSON CAS, SPECIFICATION.adoc; its implementations count UTF-16 units.
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from ner_tasks.segmentation import iter_sentences
from ner_tasks.surrogates import escape_surrogates
from ner_tasks.tagging.answers import Answer, AnswerFiles
from ner_tasks.tagging.exports.annotated_files import open_text, staged_export

_DKPRO = "de.tudarmstadt.ukp.dkpro.core.api"
SENTENCE, TOKEN = f"{_DKPRO}.segmentation.type.Sentence", f"{_DKPRO}.segmentation.type.Token"
NAMED_ENTITY = f"{_DKPRO}.ner.type.NamedEntity"
_FEATURES = {SENTENCE: (), TOKEN: (), NAMED_ENTITY: ("value", "identifier")}
_TYPES = {
    name: {
        "%NAME": name,
        "%SUPER_TYPE": "uima.tcas.Annotation",
        **{feature: {"%NAME": feature, "%RANGE": "uima.cas.String"} for feature in features},
    }
    for name, features in _FEATURES.items()
}
_SOFA_ID = 1


def write_inception(documents_jsonl: AnswerFiles, target: Path) -> dict[str, int]:
    """Write all answers as files that INCEpTION imports as "UIMA CAS JSON".

    Args:
        documents_jsonl: the answers, with their texts.
        target: folder to create, or an earlier export, which is replaced.

    Returns:
        `{"n_documents": ..., "n_entities": ...}`.

    Raises:
        InputMissing: there are no answers.
        ArtifactBroken: a line is not an answer.
        ConfigInvalid: a text was not kept, or `target` holds something else.
        StorageFull: no space left on the device; nothing is left behind.
    """
    with staged_export(target) as export:
        for answer, text, path in export.place_documents(documents_jsonl, form="UIMA CAS JSON"):
            with open_text(path.with_name(f"{path.name}.json")) as file:
                _write_cas(answer, text, file)
    return export.counts


def _write_cas(answer: Answer, text: str, file: TextIO) -> None:
    """Write one annotation per line, so that a text of millions of words takes no memory."""
    sofa = {"%ID": _SOFA_ID, "%TYPE": "uima.cas.Sofa", "sofaNum": 1, "sofaID": "_InitialView", "mimeType": "text"}
    file.write(
        f'{{"%TYPES": {json.dumps(_TYPES)},\n"%FEATURE_STRUCTURES": [\n{json.dumps(sofa | {"sofaString": text})}'
    )
    place, last = _unit_counter(text), _SOFA_ID
    for last, (kind, start, end, features) in zip(count(_SOFA_ID + 1), _annotations(answer, text), strict=False):
        where = {"@sofa": _SOFA_ID, "begin": place(start), "end": place(end)}
        file.write(f",\n{json.dumps({'%ID': last, '%TYPE': kind, **where, **features})}")
    members = ", ".join(map(str, range(_SOFA_ID + 1, last + 1)))
    file.write(f'\n],\n"%VIEWS": {{"_InitialView": {{"%SOFA": {_SOFA_ID}, "%MEMBERS": [{members}]}}}}}}\n')


def _annotations(answer: Answer, text: str) -> Iterator[tuple[str, int, int, dict[str, Any]]]:
    """Yield type, `[start, end)` in characters, and features."""
    yield "uima.tcas.DocumentAnnotation", 0, len(text), {"language": answer.language}
    # of the text as the tagger had it
    for words in iter_sentences(answer.text or "", answer.language):
        spans = list(words)
        if spans:
            yield SENTENCE, spans[0][0], spans[-1][1], {}
            for start, end in spans:
                yield TOKEN, start, end, {}
    for entity in answer.entities:
        features = {"value": escape_surrogates(entity["label"])}
        if entity.get("code"):
            system = entity.get("code_system")
            features["identifier"] = escape_surrogates(f"{system}:{entity['code']}" if system else str(entity["code"]))
        yield NAMED_ENTITY, entity["start"], entity["end"], features


def _unit_counter(text: str) -> Callable[[int], int]:
    """Return a function from offsets in characters to offsets in UTF-16 units."""
    if not text or max(text) <= "\uffff":
        return lambda offset: offset
    wide = [index for index, character in enumerate(text) if character > "\uffff"]
    return lambda offset: offset + bisect_left(wide, offset)
