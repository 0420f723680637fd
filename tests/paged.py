"""Answers to PDFs and pictures, with pages and boxes as the reader gives them, in the layout of `documents.jsonl`."""

from ner_tasks.documents import Document, Limits, read_documents
from tests.published import answer


def paged_answer(path, name, *words, document="", ocr=False, label="per"):
    """Read a file, and return the answer in which each of some words, or of some `(start, end)`, is an entity."""
    read = list(read_documents(path, name, Limits(ocr=ocr)))
    (found,) = [one for one in read if isinstance(one, Document) and one.name == (document or name)]
    line = answer(found.name, found.text)
    line |= {"file": name, "sha256": found.sha256, "entities": []}
    line["receipt"] |= {"format": found.format, "encoding": found.encoding}
    for word in words:
        at = found.text.index(word) if isinstance(word, str) else word[0]
        start, end = (at, at + len(word)) if isinstance(word, str) else word
        place = found.sources.locate(start, end)
        line["entities"].append({"start": start, "end": end, "label": label, "score": 0.9, **place})
    return line
