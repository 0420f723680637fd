"""The sample's notes, letters and forms about patients: what is said to be true of them is so, and nobody is named by them."""

import csv
import random
import re
from pathlib import Path

import pytest

from ner_tasks.documents import Document, read_documents
from sample import clinical_files, clinical_notes, documents, patients, vocabulary
from sample.clinical_notes import PERSONAL, ClinicalNote

NOTES = clinical_files.notes(documents.SEED)
SHOWN = ("visit-01.txt", "referral-01.docx", "form-02.pdf")
MAKERS = (
    clinical_notes.visit,
    clinical_notes.emergency,
    clinical_notes.referral,
    clinical_notes.discharge,
    clinical_notes.notice,
    clinical_notes.questionnaire,
)
STATUSES = {"negated", "uncertain", "historical", "hypothetical", "family"}
MBI = re.compile(  # of the Centers for Medicare and Medicaid Services; S, L, O, I, B and Z are not used
    r"[1-9][AC-HJKMNP-RT-Y][\dAC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y][\dAC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y]{2}\d{2}"
)
VIN_LETTERS = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True))
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
ICD_10_CM = re.compile(r"[A-Z]\d[\dA-Z](\.[\dA-Z]{1,4})?")


def many() -> list[ClinicalNote]:
    return [make(random.Random(seed)).wrapped(70) for make in MAKERS for seed in range(40)]


def texts_of(note: ClinicalNote, kind: str) -> list[str]:
    return [note.text[span.start : span.end] for span in note.personal_data if span.kind == kind]


@pytest.mark.parametrize("name", NOTES)
def test_a_file_reads_as_its_note_but_for_spaces(name: str):
    (document,) = [each for each in read_documents(documents.OUTPUT / name, name) if isinstance(each, Document)]

    assert document.text.split() == NOTES[name].text.split()
    assert not name.endswith(".txt") or document.text == NOTES[name].text


def test_findings_are_at_their_places_in_order_and_of_one_status_each():
    for note in many():
        places = [(finding.start, finding.end) for finding in note.findings]
        assert places == sorted(places)
        statuses: dict[str, set[frozenset[str]]] = {}
        for finding in note.findings:
            name = " ".join(note.text[finding.start : finding.end].split())
            assert name in vocabulary.FINDINGS or name[0].lower() + name[1:] in vocabulary.FINDINGS
            statuses.setdefault(name.lower(), set()).add(finding.statuses)
        assert all(len(each) == 1 for each in statuses.values())


def test_headings_begin_lines_and_their_sections_are_those_of_the_findings():
    for note in many():
        ends = [*(heading.start for heading in note.headings[1:]), len(note.text)]
        for heading, end in zip(note.headings, ends, strict=False):
            assert note.text[heading.start - 1] == "\n"
            assert "\n" not in note.text[heading.start : heading.end]
            inside = [finding for finding in note.findings if heading.start <= finding.start < end]
            assert {finding.section for finding in inside} <= {heading.kind}


def test_personal_data_is_never_broken_and_never_overlaps():
    for note in many():
        ends = [0, *(span.end for span in note.personal_data)]
        assert all(end <= span.start for end, span in zip(ends, note.personal_data, strict=False))
        assert all(text == " ".join(text.split()) for kind in PERSONAL.values() for text in texts_of(note, kind))


def test_every_status_and_every_kind_of_personal_data_is_in_the_inbox():
    assert set().union(*(finding.statuses for note in NOTES.values() for finding in note.findings)) == STATUSES
    assert any(not finding.statuses for note in NOTES.values() for finding in note.findings)
    assert {span.kind for note in NOTES.values() for span in note.personal_data} == set(PERSONAL.values())
    assert len(set(PERSONAL.values())) == 18


@pytest.mark.parametrize("name", SHOWN)
def test_three_documents_show_most_of_it(name: str):
    note = NOTES[name]

    assert len(set().union(*(finding.statuses for finding in note.findings))) >= 4
    assert len({span.kind for span in note.personal_data}) >= 9


def test_identifiers_are_valid_in_form():
    for note in many():
        assert all(luhn("80840" + npi) for npi in texts_of(note, "npi"))
        assert all(MBI.fullmatch(mbi.replace("-", "")) for mbi in texts_of(note, "mbi"))
        assert all(int(age) > 89 for age in texts_of(note, "age"))
        for ssn in texts_of(note, "ssn"):
            area, group, serial = ssn.split("-")
            assert area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"
    total = sum(int(VIN_LETTERS.get(char, char)) * weight for char, weight in zip(_vin(), VIN_WEIGHTS, strict=True))
    assert "0123456789X"[total % 11] == patients.VIN[8]


def _vin() -> str:
    return patients.VIN[:8] + "0" + patients.VIN[9:]


def luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def test_the_check_of_a_provider_s_number_knows_the_published_example():
    assert luhn("80840" + "1234567893")
    assert not luhn("80840" + "1234567894")


def test_identifiers_are_nobody_s():
    for note in many():
        assert set(texts_of(note, "ssn")) <= {"078-05-1120", "219-09-9999"}
        assert set(texts_of(note, "mbi")) <= {"1EG4-TE5-MK72", "1EG4-TE5-MK73"}
        assert all(npi.startswith("2") for npi in texts_of(note, "npi"))
        assert all(re.search(r"555-01\d\d$", number) for kind in ("phone", "fax") for number in texts_of(note, kind))
        assert all(".example.com" in host for kind in ("mail", "url") for host in texts_of(note, kind))
        assert all(address.startswith(("203.0.113.", "2001:db8::")) for address in texts_of(note, "ip"))


def test_the_vocabulary_has_a_code_for_nearly_every_finding_of_the_sample():
    with Path(documents.__file__).with_name("vocabulary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    codes: dict[str, set[str]] = {}
    for row in rows:
        codes.setdefault(row["name"].lower(), set()).add(row["code"])

    assert all(row["system"] == "ICD-10-CM" and ICD_10_CM.fullmatch(row["code"]) for row in rows)
    assert {name for name in vocabulary.FINDINGS if name.lower() not in codes} == {"joint swelling", "torn ligament"}
    assert {name: found for name, found in codes.items() if len(found) > 1} == {"hiv": {"B20", "Z21"}}
