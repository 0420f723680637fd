"""Measure how many headings of clinical notes are found, with the right kind, and how many false ones in letters.

    python -m tests.manual.section_headings DATA [--half second] [--errors]

DATA holds `mts-dialog` (sections with a header each, from which notes are written in several forms) and `aci-bench`
(notes; `section_headings.json` has the headings of the validation file, annotated by eye: note, offset, kind, and
whether it is the heading of a part of a section). Every second section of `mts-dialog` belongs to each half.
"""

import argparse
import csv
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from ner_tasks.enrichment.sections import SectionRules
from sample import documents

HERE = Path(__file__).parent
N_LETTERS = 1_000

Heading = tuple[int, str]

# The kind of each header, and ways to write it out. "{}" of a form stands for one of them.
HEADERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "FAM/SOCHX": (
        "family-and-social-history",
        ("FAM/SOCHX", "Family and Social History", "Family/Social History", "Social and Family History", "Fam/Soc Hx"),
    ),
    "GENHX": (
        "history-present-illness",
        ("GENHX", "History of Present Illness", "HPI", "History of the Present Illness", "General History"),
    ),
    "PASTMEDICALHX": (
        "past-medical-history",
        ("PASTMEDICALHX", "Past Medical History", "PMH", "PMHx", "Past Medical Hx", "Medical History"),
    ),
    "CC": ("chief-complaint", ("CC", "Chief Complaint", "Presenting Complaint", "Reason for Visit")),
    "PASTSURGICAL": (
        "past-surgical-history",
        ("PASTSURGICAL", "Past Surgical History", "PSH", "Surgical History", "Prior Surgeries"),
    ),
    "ROS": ("review-of-systems", ("ROS", "Review of Systems", "Systems Review")),
    "ALLERGY": ("allergies", ("ALLERGY", "Allergies", "Drug Allergies", "Known Allergies")),
    "MEDICATIONS": ("medications", ("MEDICATIONS", "Medications", "Current Medications", "Home Meds", "Meds")),
    "ASSESSMENT": ("assessment", ("ASSESSMENT", "Assessment", "Impression", "Clinical Impression")),
    "EXAM": ("exam", ("EXAM", "Physical Examination", "Physical Exam", "Examination", "PE")),
    "DIAGNOSIS": ("diagnosis", ("DIAGNOSIS", "Diagnoses", "Final Diagnosis", "Discharge Diagnoses")),
    "DISPOSITION": ("disposition", ("DISPOSITION", "Disposition", "Discharge Disposition", "Condition at Discharge")),
    "PLAN": ("plan", ("PLAN", "Plan", "Treatment Plan", "Plan of Care")),
    "EDCOURSE": ("hospital-course", ("EDCOURSE", "ED Course", "Emergency Department Course", "Emergency Room Course")),
    "IMMUNIZATIONS": ("immunizations", ("IMMUNIZATIONS", "Immunizations", "Immunization History", "Vaccinations")),
    "IMAGING": ("imaging", ("IMAGING", "Imaging", "Imaging Studies", "Radiology", "X-Rays")),
    "GYNHX": (
        "gynecologic-history",
        ("GYNHX", "Gynecologic History", "Gyn History", "OB/GYN History", "Obstetric History"),
    ),
    "PROCEDURES": ("procedures", ("PROCEDURES", "Procedures", "Procedures Performed")),
    "OTHER_HISTORY": ("other-history", ("OTHER_HISTORY", "Other History", "Additional History")),
    "LABS": ("laboratory", ("LABS", "Labs", "Laboratory Data", "Lab Results", "Laboratory Studies")),
}  # fmt: skip

# What stands before the name, behind it, and between it and the text; {n} is the number of the section.
FORMS: dict[str, tuple[str, Callable[[str], str]]] = {
    "upper-case line": ("{}\n\n", str.upper),
    "upper-case line, no blank lines": ("{}\n", str.upper),
    "`Name:` line": ("{}:\n", str),
    "`Name:` in front of text": ("{}: ", str),
    "`NAME:` in front of text": ("{}: ", str.upper),
    "`name:` in front of text": ("{}: ", str),
    "`## Name`": ("## {}\n\n", str),
    "`1. Name`": ("{n}. {}\n", str),
    "`1. NAME:` in front of text": ("{n}. {}: ", str.upper),
    "underlined": ("{}\n--------\n", str),
    "`**Name**`": ("**{}**\n", str),
    "`**Name:**` in front of text": ("**{}:** ", str),
    "name alone between blank lines": ("{}\n\n", str),
    "one paragraph, `NAME:`": ("{}: ", str.upper),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("--half", choices=["first", "second"], default="first", help="half of mts-dialog")
    parser.add_argument("--errors", action="store_true", help="print places and kinds of errors, never text")
    args = parser.parse_args()
    rules = SectionRules.load()
    print("| what | headings | found with the right kind | others found |")
    print("|---|---:|---:|---:|")
    sections = read_sections(args.data / "mts-dialog")[args.half == "second" :: 2]
    total: Counter[str] = Counter()
    for form in FORMS:
        total += report(f"mts-dialog, {form}", rules, written_notes(sections, form), show=args.errors)
    total += report("mts-dialog, forms mixed", rules, written_notes(sections, None), show=args.errors)
    print(f"| mts-dialog, all | {total['n']:,} | {total['right'] / total['n']:.4f} | {total['others']:,} |")
    notes = read_notes(args.data / "aci-bench" / "valid.csv")
    annotated = json.loads((HERE / "section_headings.json").read_text(encoding="utf-8"))
    for parts in (False, True):
        report(
            f"aci-bench, {'parts' if parts else 'sections'}",
            rules,
            annotated_notes(notes, annotated, parts),
            show=args.errors,
        )
    measure_letters(rules)
    return 0


def report(
    name: str, rules: SectionRules, notes: Iterator[tuple[str, str, set[Heading], set[int]]], *, show: bool
) -> Counter[str]:
    """Count the headings of notes: a heading is right where its offset and its kind are."""
    count: Counter[str] = Counter()
    for note_id, text, expected, known in notes:
        found = {(section.start, section.kind) for section in rules.find(text)}
        count["n"] += len(expected)
        count["right"] += len(expected & found)
        others = {each for each in found - expected if each[0] not in known}
        count["others"] += len(others)
        if show and (expected - found or others):
            print(f"{note_id}: missed {sorted(expected - found)}, found {sorted(others)}", file=sys.stderr)
    print(f"| {name} | {count['n']:,} | {count['right'] / count['n']:.4f} | {count['others']:,} |")
    return count


def read_sections(folder: Path) -> list[tuple[str, str]]:
    """Return header and text of each section."""
    rows = [row for path in sorted(folder.glob("*.csv")) for row in _rows(path)]
    return [(row["section_header"].strip(), row["section_text"].strip()) for row in rows]


def read_notes(path: Path) -> dict[str, str]:
    return {row["encounter_id"]: row["note"] for row in _rows(path)}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def written_notes(
    sections: list[tuple[str, str]], form: str | None
) -> Iterator[tuple[str, str, set[Heading], set[int]]]:
    """Write notes of three to eight sections with distinct headers, in one form or in a form drawn for each section."""
    rng = random.Random(form or "mixed")
    left = rng.sample(sections, len(sections))
    while left:
        size, taken = rng.randint(3, 8), []
        for section in list(left):
            if len(taken) < size and section[0] not in {header for header, _ in taken}:
                taken.append(section)
                left.remove(section)
        text, headings = "", set()
        for number, (header, body) in enumerate(taken, 1):
            kind, names = HEADERS[header]
            pattern, case = FORMS[form or rng.choice(list(FORMS))]
            name = rng.choice(names)
            if form == "`name:` in front of text" and name not in names[:1] and name.isupper() is False:
                name = name.lower()
            flat = form == "one paragraph, `NAME:`"
            headings.add((len(text), kind))
            text += pattern.format(case(name), n=number) + (" ".join(body.split()) + ". " if flat else f"{body}\n\n")
        yield f"{form} {len(left)}", text, headings, set()


def annotated_notes(
    notes: dict[str, str], annotated: list[dict[str, object]], parts: bool
) -> Iterator[tuple[str, str, set[Heading], set[int]]]:
    """The notes with their headings: those of sections, or those of parts of sections."""
    for note_id, text in notes.items():
        here = [each for each in annotated if each["document"] == note_id]
        expected = {(each["start"], each["kind"]) for each in here if each["part"] is parts}
        yield note_id, text, expected, {each["start"] for each in here}


def measure_letters(rules: SectionRules) -> None:
    """Count headings in the sample's letters, which have none, and the time that they take."""
    letters = [documents.letter(random.Random(number)) for number in range(N_LETTERS)]
    n_words = sum(len(letter.split()) for letter in letters)
    began = time.process_time()
    n_found = sum(len(rules.find(letter)) for letter in letters)
    rate = n_words / (time.process_time() - began)
    print(f"| {N_LETTERS:,} letters of the sample | 0 | | {n_found} |")
    print(f"\n{rate:,.0f} words per second of letters")


if __name__ == "__main__":
    sys.exit(main())
