"""Measure precision, recall and F1 of the statuses that `ner_tasks.enrichment.assertion` gives.

    python -m tests.manual.assertion_quality ../shared/data

Negation in `negex/annotations-1-60.tsv`, where each row has a concept, in capitals in its sentence; the first half apart from
the second, whose errors nobody who writes the lexicon looks at. The five statuses in `aci-bench`, annotated in
`tests/manual/assertion_annotations.json`. There a finding counts as tagged wherever its words or its acronym stand in the note.
`--half first` leaves out the second half, and `--errors` lists the errors of the first and of the notes.
"""

import argparse
import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ner_tasks.enrichment.assertion import AssertionRules
from ner_tasks.enrichment.document_enricher import DocumentEnricher
from ner_tasks.enrichment.rules import EnrichmentRules
from ner_tasks.enrichment.sections import SectionRules
from ner_tasks.segmentation import DEFAULT_LANGUAGE, split_sentences

ANNOTATIONS = Path(__file__).parent / "assertion_annotations.json"
FINDING = "finding"
Pair = tuple[frozenset[str], frozenset[str]]  # statuses asked for, statuses given


def assess_mention(rules: AssertionRules, text: str, start: int, end: int) -> frozenset[str]:
    """Return the statuses of the characters `[start, end)`: of their words in the sentence in which they begin."""
    for sentence in split_sentences(text):
        inside = [index for index, word in enumerate(sentence) if word.start < end and word.end > start]
        if inside:
            words = [text[word.start : word.end] for word in sentence]
            return rules.assess(words, [(inside[0], inside[-1] + 1)])[0].statuses
    raise ValueError(f"found no word at {start} to {end}")


def read_negex(path: Path) -> list[tuple[str, str, bool]]:
    """Return concept, sentence and whether it is negated, of each row."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [(row["Concept"], row["Sentence"], row["Negation"] == "Negated") for row in rows]


def find_concept(concept: str, sentence: str) -> tuple[int, int] | None:
    """Return where a concept stands in capitals, or its first words if its end lies behind the sentence's."""
    words = concept.upper().split()
    for n_words in range(len(words), 0, -1):
        if found := re.search(r"\s+".join(map(re.escape, words[:n_words])), sentence):
            return found.span()
    return None


def assess_negex(rules: AssertionRules, rows: Iterable[tuple[str, str, bool]]) -> Iterator[tuple[Pair, str]]:
    """Yield the statuses of each row, asked for and given, with its sentence; a concept that is not there has none."""
    for concept, sentence, is_negated in rows:
        place = find_concept(concept, sentence)
        given = assess_mention(rules, sentence, *place) if place else frozenset()
        yield (frozenset({"negated"} if is_negated else ()), given & {"negated"}), sentence


def assess_notes(rules: AssertionRules, folder: Path) -> Iterator[tuple[Pair, str]]:
    """Yield the statuses of each annotated mention of the notes, asked for and given, with the text around it."""
    notes = {name: _read_notes(folder / name) for name in ("train.csv", "valid.csv")}
    annotated = defaultdict[tuple[str, str], dict[tuple[int, int], frozenset[str]]](dict)
    for each in json.loads(ANNOTATIONS.read_text(encoding="utf-8"))["annotations"]:
        places = annotated[each["file"], each["document"]]
        places[each["start"], each["end"]] = frozenset(each["statuses"])
    for (file, document), asked in annotated.items():
        note = notes[file][document]
        given = assess_note(rules, note, asked)
        for (start, end), statuses in asked.items():
            around = f"{note[max(0, start - 150) : start]}[[{note[start:end]}]]{note[end : end + 60]}"
            yield (statuses, given[start, end]), f"{document} {around}"


def assess_note(
    rules: AssertionRules, note: str, places: Iterable[tuple[int, int]]
) -> Mapping[tuple[int, int], frozenset[str]]:
    """Return the statuses of the characters `[start, end)` at each of these places, as an answer to the note has them."""
    enricher = DocumentEnricher(
        EnrichmentRules(sections=SectionRules.load(None), assertion=rules, findings=frozenset({FINDING})), note
    )
    entities = [{"start": start, "end": end, "label": FINDING} for start, end in find_all(note, places)]
    assessed = list(enricher.assess_again(DEFAULT_LANGUAGE, entities))
    current = enricher.settle((entity["start"], entity["end"], one) for entity, one in assessed)
    given: dict[tuple[int, int], frozenset[str]] = {}
    for entity, one in assessed:
        fields: dict[str, Any] = enricher.describe(entity["start"], entity["end"], FINDING, one, current)
        given[entity["start"], entity["end"]] = frozenset(fields["assertion"])
    return given


def find_all(note: str, places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return these places, and the others with the words of one of them or its acronym, or what it is that of, in text order."""
    found = sorted(places)
    mentions = {note[start:end] for start, end in found}
    patterns = [rf"(?i:\b{re.escape(words)}(?:e?s)?\b)" for words in sorted(mentions, key=len, reverse=True)]
    acronyms = sorted({"".join(word[0].upper() for word in words.split()) for words in mentions if " " in words})
    patterns += [rf"\b{re.escape(letters)}\b" for letters in acronyms]
    patterns += [
        rf"(?i:\b{r'[a-z]+ '.join(words)}[a-z]+\b)" for words in mentions if words.isalpha() and words.isupper()
    ]
    for pattern in patterns:
        for match in re.finditer(pattern, note):
            if all(match.end() <= start or end <= match.start() for start, end in found):
                found.append(match.span())
    return sorted(found)


def _read_notes(path: Path) -> dict[str, str]:
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8", newline="") as file:
        return {row["encounter_id"]: row["note"] for row in csv.DictReader(file)}


def print_scores(title: str, pairs: Iterable[Pair]) -> None:
    """Print precision, recall and F1 of each status that is asked for or given."""
    hits, asked, given = Counter[str](), Counter[str](), Counter[str]()
    for gold, found in pairs:
        hits.update(gold & found)
        asked.update(gold)
        given.update(found)
    for status in sorted(asked | given):
        precision, recall = hits[status] / max(1, given[status]), hits[status] / max(1, asked[status])
        f1 = 2 * hits[status] / (asked[status] + given[status])
        print(f"{title:<24} {status:<14} {asked[status]:>5} asked  P {precision:.3f}  R {recall:.3f}  F1 {f1:.3f}")


def print_errors(assessed: Iterable[tuple[Pair, str]]) -> None:
    """Print what was missed, what was given in its place, and the text."""
    for (gold, found), text in assessed:
        if gold != found:
            print(
                f"-{','.join(sorted(gold - found))} +{','.join(sorted(found - gold))} ", " ".join(text.split())[-300:]
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--lexicon", type=Path)
    parser.add_argument("--half", choices=("first", "both"), default="both")
    parser.add_argument("--errors", action="store_true")
    given = parser.parse_args()
    rules = AssertionRules.load(given.lexicon)
    rows = read_negex(given.data / "negex" / "annotations-1-60.tsv")
    first = list(assess_negex(rules, rows[: len(rows) // 2]))
    notes = list(assess_notes(rules, given.data / "aci-bench"))
    if given.errors:
        print_errors([*first, *notes])
    print_scores("negex, first half", [pair for pair, _ in first])
    if given.half == "both":
        print_scores("negex, second half", [pair for pair, _ in assess_negex(rules, rows[len(rows) // 2 :])])
    print_scores("aci-bench, 300 mentions", [pair for pair, _ in notes])


if __name__ == "__main__":
    main()
