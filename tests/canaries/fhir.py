"""FHIR: words in narratives, in strings of any element and extension, in attachments, in nested resources."""

import base64
import json
import random
from collections.abc import Mapping
from typing import Any

from tests.canaries.words import new_word

NAME, SUFFIX = "fhir", ".json"
_TYPES = ("Patient", "Observation", "Condition", "DocumentReference", "Claim", "CarePlan", "Communication", "Zed")
_STRINGS = (
    "description",
    "comment",
    "conclusion",
    "title",
    "patientInstruction",
    "valueString",
    "publisher",
    "newElement",
)


class _Maker:
    def __init__(self, rng: random.Random):
        self.rng = rng
        self.words: dict[str, str] = {}

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = holder
        return word

    def element(self) -> tuple[str, Any]:
        w = self.word
        name, value = self.rng.choice(
            [
                lambda: (self.rng.choice(_STRINGS), w("string")),
                lambda: (
                    "note",
                    [{"text": w("note")}, {"text": f"{w('note')} and\n{w('note')}", "authorString": w("a")}],
                ),
                lambda: ("name", [{"family": w("family"), "given": [w("given"), w("given")], "suffix": [w("suffix")]}]),
                lambda: ("name", [{"text": w("text"), "family": w("family")}]),
                lambda: ("address", [{"line": [w("line")], "city": w("city"), "state": w("state"), "text": w("text")}]),
                lambda: ("telecom", [{"system": "phone", "value": w("telecom")}]),
                lambda: ("identifier", [{"system": "urn:oid:1.2", "value": w("identifier")}]),
                lambda: (
                    "code",
                    {"coding": [{"system": "s", "code": "c", "display": w("display")}], "text": w("text")},
                ),
                lambda: ("subject", {"reference": "Patient/1", "display": w("display")}),
                lambda: ("valueQuantity", {"value": 7.25, "unit": w("unit")}),
                lambda: ("extension", [{"url": "http://x.org/y", "valueString": w("extension")}]),
                lambda: ("extension", [{"url": "u", "extension": [{"url": "v", "valueMarkdown": w("extension")}]}]),
                lambda: ("_birthDate", {"extension": [{"url": "u", "valueString": w("extension")}]}),
                lambda: ("item", [{"linkId": "1", "text": w("item"), "answer": [{"valueString": w("answer")}]}]),
                lambda: ("content", [{"attachment": self.attachment()}]),
                lambda: ("payload", [{"contentString": w("payload")}, {"contentAttachment": self.attachment()}]),
            ]
        )()
        return name, value

    def attachment(self) -> dict[str, Any]:
        page = base64.b64encode(f"<html><body>{self.word('attachment')}</body></html>".encode()).decode()
        found: dict[str, Any] = {"contentType": "text/html", "data": page}
        if self.rng.random() < 0.5:
            found["title"] = self.word("title of an attachment")
        return found

    def resource(self, depth: int = 0) -> dict[str, Any]:
        kind = self.rng.choice(_TYPES)
        found: dict[str, Any] = dict(self.element() for _ in range(self.rng.randint(1, 6)))
        found = {key: value for key, value in found.items() if key != "content" or kind != "Binary"}
        if self.rng.random() < 0.5:
            found["text"] = {"status": "generated", "div": self._narrative()}
        if depth < 3 and self.rng.random() < 0.3:
            found["contained"] = [self.resource(depth + 1) for _ in range(self.rng.randint(1, 2))]
        items = [("resourceType", kind), ("id", "x1"), *found.items()]
        self.rng.shuffle(items)
        return dict(items)

    def _narrative(self) -> str:
        cells = f"<td>{self.word('td')}</td><td>{self.word('td')}</td>"
        table = f"<table><tr>{cells}</tr></table>"
        return f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{self.word("p")}</p>{table}{self.word("div")}</div>'


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    maker = _Maker(rng)
    if rng.random() < 0.5:
        made: Any = maker.resource()
    else:
        entries = [{"fullUrl": "urn:uuid:1", "resource": maker.resource()} for _ in range(rng.randint(1, 5))]
        made = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    text = json.dumps(made, indent=rng.choice([None, 2]))
    kept = {word: holder for word, holder in maker.words.items() if word in text or holder == "attachment"}
    attached = {base64.b64encode(f"<html><body>{word}</body></html>".encode()).decode(): word for word in kept}
    lost = {word for data, word in attached.items() if word not in text and data not in text}
    words = {word: holder for word, holder in kept.items() if word not in lost}
    return text.encode(rng.choice(["utf-8", "utf-8-sig", "utf-16"])), words
