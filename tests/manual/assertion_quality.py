"""Measure precision, recall and F1 of the statuses that `ner_tasks.enrichment.assertion` gives.

    python -m tests.manual.assertion_quality ../shared/data

Negation in `negex/annotations-1-60.tsv`, where each row has a concept, in capitals in its sentence; the first half apart from
the second, whose errors nobody who writes the lexicon looks at. The five statuses in `aci-bench`, annotated in
`tests/manual/assertion_annotations.json`. `--first-half` measures the first half of NegEx alone, and `--errors` lists its errors.
"""

import argparse
import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ner_tasks.enrichment.assertion import AssertionRules
from ner_tasks.enrichment.sections import SectionRules
from ner_tasks.segmentation import split_sentences

ANNOTATIONS = Path(__file__).parent / "assertion_annotations.json"
Pair = tuple[frozenset[str], frozenset[str]]  # statuses asked for, statuses given


def assess_mention(
    rules: AssertionRules, text: str, start: int, end: int, section: str | None = None
) -> frozenset[str]:
    """Return the statuses of the characters `[start, end)`: of their words in the sentence in which they begin."""
    for sentence in split_sentences(text):
        inside = [index for index, word in enumerate(sentence) if word.start < end and word.end > start]
        if inside:
            words = [text[word.start : word.end] for word in sentence]
            return rules.assess(words, [(inside[0], inside[-1] + 1)], section)[0]
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


def assess_notes(rules: AssertionRules, folder: Path) -> Iterator[Pair]:
    """Yield the statuses of each annotated mention of the notes, asked for and given."""
    notes = {name: _read_notes(folder / name) for name in ("train.csv", "valid.csv")}
    headings = SectionRules.load(None)
    for each in json.loads(ANNOTATIONS.read_text(encoding="utf-8"))["annotations"]:
        note, start, end = notes[each["file"]][each["document"]], each["start"], each["end"]
        kinds = [section.kind for section in headings.find(note) if section.start <= start < section.end]
        yield frozenset(each["statuses"]), assess_mention(rules, note, start, end, kinds[0] if kinds else None)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--lexicon", type=Path)
    parser.add_argument("--first-half", action="store_true")
    parser.add_argument("--errors", action="store_true")
    given = parser.parse_args()
    rules = AssertionRules.load(given.lexicon)
    rows = read_negex(given.data / "negex" / "annotations-1-60.tsv")
    first = list(assess_negex(rules, rows[: len(rows) // 2]))
    if given.errors:
        for (gold, found), sentence in first:
            if gold != found:
                print("missed" if gold else "false ", " ".join(sentence.split())[-300:])
    print_scores("negex, first half", [pair for pair, _ in first])
    if given.first_half:
        return
    print_scores("negex, second half", [pair for pair, _ in assess_negex(rules, rows[len(rows) // 2 :])])
    print_scores("aci-bench, 300 mentions", assess_notes(rules, given.data / "aci-bench"))


if __name__ == "__main__":
    main()
