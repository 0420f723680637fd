"""Measure the CPU time of the rules behind the tagger, per word, and as a share of that of tagging.

    python -m tests.manual.enrichment_cost [MODEL] [--texts 500]

The texts are visit notes and letters of the sample, in equal numbers. Entities are those that the sample knows of, so that
the rules are timed alone. MODEL, a frozen or INT8 model, is timed on the same sentences, each computed anew.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ner_tasks import hardware
from ner_tasks.enrichment.config import EnrichmentConfig
from ner_tasks.enrichment.document_enricher import DocumentEnricher
from ner_tasks.enrichment.rules import EnrichmentRules
from ner_tasks.segmentation import iter_sentences
from sample import clinical_notes, documents

VOCABULARY = Path(documents.__file__).with_name("vocabulary.csv")
LABELS = {"name": "per", "place": "geo", "date": "tim"}
RULES: dict[str, dict[str, Any]] = {
    "sections": {},
    "assertion, with sections": {"assertion_labels": "dis"},
    "codes": {"sections": False, "vocabulary": VOCABULARY, "code_labels": "dis"},
    "personal data and a redacted copy": {"sections": False, "redaction": "label"},
    "all": {"assertion_labels": "dis", "vocabulary": VOCABULARY, "code_labels": "dis", "redaction": "label"},
}


class Known(NamedTuple):
    """A text with its entities in text order: first character, character after the last, label."""

    text: str
    entities: list[dict[str, Any]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", help="a frozen or INT8 model")
    parser.add_argument("--texts", type=int, default=500, help="number of notes, and of letters (default: %(default)s)")
    args = parser.parse_args()
    texts = [make_note(number) for number in range(args.texts)] + [make_letter(number) for number in range(args.texts)]
    sentences = [[one.text[a:b] for a, b in words] for one in texts for words in iter_sentences(one.text)]
    n_words = sum(map(len, sentences))
    print(f"{len(texts):,} texts, {n_words:,} words, {sum(len(one.entities) for one in texts):,} entities\n")
    tagging = measure(lambda: tag(args.model, sentences)) if args.model else None
    print("| | CPU microseconds per word | share of tagging |\n|---|---:|---:|")
    segmentation = measure(lambda: [list(iter_sentences(one.text)) for one in texts])
    for name, settings in RULES.items():
        rules = EnrichmentRules.load(EnrichmentConfig(**settings), ["dis", "per", "geo", "tim"])
        seconds = measure(lambda rules=rules: [enrich(rules, one) for one in texts])  # type: ignore[misc]
        own = max(seconds - segmentation, 0)  # the sentences are there already when a text is tagged
        print(f"| {name} | {1e6 * own / n_words:.2f} | {f'{own / tagging:.1%}' if tagging else ''} |")
    if tagging:
        print(f"| tagging | {1e6 * tagging / n_words:.2f} | |")
    return 0


def make_note(number: int) -> Known:
    """Return a visit note with its findings and the personal data that a tagger finds."""
    note = clinical_notes.visit(random.Random(number))
    spans = [(one.start, one.end, "dis") for one in note.findings]
    spans += [(one.start, one.end, LABELS[one.kind]) for one in note.personal_data if one.kind in LABELS]
    return Known(note.text, [{"start": start, "end": end, "label": label} for start, end, label in sorted(spans)])


def make_letter(number: int) -> Known:
    """Return a letter, of whose entities nothing is known."""
    return Known(documents.letter(random.Random(number)), [])


def enrich(rules: EnrichmentRules, one: Known) -> None:
    """Apply the rules as to the answer to a text."""
    enricher = DocumentEnricher(rules, one.text)
    assessed = list(enricher.assess_again("en", one.entities))
    current = enricher.settle((entity["start"], entity["end"], assertion) for entity, assertion in assessed)
    for entity, assertion in assessed:
        enricher.describe(entity["start"], entity["end"], entity["label"], assertion, current)
    enricher.describe_document(((e["start"], e["end"], e["label"]) for e in one.entities), text_sha256="")


def tag(model: Path, sentences: list[list[str]]) -> None:
    """Tag all sentences on one thread."""
    from ner_tasks.inference.tagger import Tagger

    tagger = Tagger.load(model, n_threads=1, bf16=hardware.has_bf16())
    began = time.process_time()
    tagger.tag(sentences)
    _LOADING.append(time.process_time() - began)


_LOADING: list[float] = []  # CPU seconds of tagging without loading the model


def measure(run: Callable[[], Any]) -> float:
    """Return CPU seconds: the least of three runs."""
    seconds = []
    for _ in range(3):
        began = time.process_time()
        run()
        seconds.append(_LOADING.pop() if _LOADING else time.process_time() - began)
    return min(seconds)


if __name__ == "__main__":
    sys.exit(main())
