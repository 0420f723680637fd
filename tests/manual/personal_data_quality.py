"""Measure recall and precision of personal data by kind, on texts with known spans.

    python -m tests.manual.personal_data_quality DATA [--part first|second|all] [--model FOLDER] [--errors]

DATA is a JSON list of `{"full_text": ..., "spans": [{"entity_type", "start_position", "end_position"}]}`, as
presidio-research writes it. Only kinds that both know are measured; states and whatever is larger count on neither
side. Names and places need `--model`; without it their figures are those of the recognizers alone.

A known span is found if every letter and digit of it lies in spans of its kind. A found span is right if most of its
letters and digits lie in known spans of its kind. `removed` is the share of known spans of which no letter or digit
stays outside the spans of any kind.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ner_tasks.enrichment.personal_data.rules import PersonalDataRules
from ner_tasks.enrichment.personal_data.spans import PersonalSpan

KINDS = {
    "PERSON": "name",
    "STREET_ADDRESS": "place",
    "ZIP_CODE": "place",
    "GPE": "place",
    "DATE_TIME": "date",
    "PHONE_NUMBER": "phone",
    "EMAIL_ADDRESS": "mail",
    "DOMAIN_NAME": "url",
    "IP_ADDRESS": "ip",
    "US_SSN": "ssn",
    "CREDIT_CARD": "account",
    "IBAN_CODE": "account",
    "US_DRIVER_LICENSE": "licence",
    "AGE": "age",
}
SAME = {"fax": "phone"}  # the data tell no fax number from a telephone number
ASKED = {"date": 0.98, "phone": 0.98, "mail": 0.98, "url": 0.98, "ip": 0.98, "ssn": 0.98}
ASKED_RECALL, ASKED_PRECISION = 0.95, 0.9


class Known(NamedTuple):
    """A span of the data."""

    start: int
    end: int
    kind: str


def read_known(rules: PersonalDataRules, text: str, spans: Iterable[dict[str, Any]]) -> list[Known]:
    """Spans of kinds that both know; ages and regions that are no personal data are left out."""
    known = []
    for span in spans:
        start, end, kind = span["start_position"], span["end_position"], KINDS.get(span["entity_type"])
        if kind == "age" and not (text[start:end].isdigit() and int(text[start:end]) > rules.lexicon.age_over):
            continue
        if span["entity_type"] == "GPE" and rules.is_region(text[start:end]):
            continue
        if kind:
            known.append(Known(start, end, kind))
    return known


def characters(text: str, spans: Iterable[tuple[Any, ...]], kind: str | None = None) -> set[int]:
    """Places of the letters and digits in spans of a kind, of all kinds if None."""
    return {
        at
        for start, end, of_kind, *_ in spans
        if kind is None or SAME.get(of_kind, of_kind) == kind
        for at in range(start, end)
        if text[at].isalnum()
    }


class Scores:
    """Counts over all texts, by kind."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.errors: list[str] = []

    def add(self, text: str, known: Sequence[Known], found: Sequence[PersonalSpan]) -> None:
        removed = characters(text, found)
        for start, end, kind in known:
            own = characters(text, [(start, end, kind)])
            self.counts[kind, "known"] += 1
            self.counts[kind, "found"] += (is_found := own <= characters(text, found, kind))
            self.counts[kind, "removed"] += own <= removed
            self.counts[kind, "exact"] += any((start, end) == span[:2] for span in found)
            if not is_found:
                self.errors.append(f"missed {kind}: {text[start:end]!r} in {text[max(0, start - 50) : end + 30]!r}")
        for span in found:
            kind = SAME.get(span.kind, span.kind)
            own = characters(text, [span])
            is_right = 2 * len(own & characters(text, known, kind)) > len(own)
            self.counts[kind, "spans"] += 1
            self.counts[kind, "right"] += is_right
            if not is_right:
                place = text[max(0, span.start - 50) : span.end + 30]
                self.errors.append(f"wrong {span.kind} ({span.source}): {text[span.start : span.end]!r} in {place!r}")

    def print(self) -> bool:
        """Print a table; whether each kind that both know is as good as asked."""
        is_well = True
        print("| kind | known | recall | asked | precision | exact bounds | removed |\n|" + "---|" * 7)
        for kind in dict.fromkeys(KINDS.values()):
            known, spans = self.counts[kind, "known"], self.counts[kind, "spans"]
            if not known:
                continue
            recall, asked = self.counts[kind, "found"] / known, ASKED.get(kind, ASKED_RECALL)
            precision = self.counts[kind, "right"] / spans if spans else 0.0
            is_well &= recall >= asked and precision >= ASKED_PRECISION
            exact, removed = (self.counts[kind, name] / known for name in ("exact", "removed"))
            print(f"| {kind} | {known} | {recall:.3f} | {asked} | {precision:.3f} | {exact:.3f} | {removed:.3f} |")
        others = {kind for kind, name in self.counts if name == "spans" and not self.counts[kind, "known"]}
        print("of kinds without known spans:", {kind: self.counts[kind, "spans"] for kind in sorted(others)})
        return is_well


def find_entities(model: Path | None, texts: list[str]) -> list[list[tuple[int, int, str]]]:
    """The tagger's entities of each text; none without a model."""
    if model is None:
        return [[] for _ in texts]
    from ner_tasks.inference.tagger import Tagger

    found = Tagger.load(model).find_entities(texts)
    return [[(each.start, each.end, each.label) for each in entities] for entities in found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--part", choices=["first", "second", "all"], default="all", help="which half of the texts")
    parser.add_argument("--model", type=Path, help="folder of a model, for names and places")
    parser.add_argument("--rules", type=Path, help="a YAML file of words of your own")
    parser.add_argument("--errors", action="store_true", help="print what was missed or wrong")
    args = parser.parse_args()
    data = json.loads(args.data.read_text(encoding="utf-8"))
    half = len(data) // 2
    data = {"first": data[:half], "second": data[half:], "all": data}[args.part]
    texts = [item["full_text"] for item in data]
    rules = PersonalDataRules.load(args.rules)
    entities = find_entities(args.model, texts)
    began = time.process_time()
    found = [rules.find(text, of_text) for text, of_text in zip(texts, entities, strict=True)]
    took_s = time.process_time() - began
    scores = Scores()
    for item, spans in zip(data, found, strict=True):
        scores.add(item["full_text"], read_known(rules, item["full_text"], item["spans"]), spans)
    is_well = scores.print()
    n_words = sum(len(text.split()) for text in texts)
    print(f"{len(texts)} texts, {n_words:,} words, {n_words / took_s:,.0f} words/s; rules {rules.version}")
    if args.errors:
        print("\n".join(sorted(scores.errors)))
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
