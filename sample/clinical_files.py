"""The notes, letters and forms of `clinical_notes` as files of the inbox."""

import random
import re

from sample import clinical_notes, office_files, scans_and_forms
from sample.clinical_notes import ClinicalNote
from sample.clinical_texts import FORM_FIELDS

_WIDTH = 88  # characters in a line
_MADE_AFTER = (
    1  # seeds apart from those of the other documents, so that a change to these leaves the others as they are
)


def notes(seed: int) -> dict[str, ClinicalNote]:
    """The text of each file and what is true of it; read from a docx or PDF, the text has other spaces and line breaks."""
    rng = random.Random(seed + _MADE_AFTER)
    return {
        "visit-01.txt": clinical_notes.visit(rng).wrapped(_WIDTH),
        "visit-02.txt": clinical_notes.visit(rng, "short").wrapped(_WIDTH),
        "emergency-01.txt": clinical_notes.emergency(rng).wrapped(_WIDTH),
        "referral-01.docx": clinical_notes.referral(rng),
        "discharge-01.pdf": clinical_notes.discharge(rng).wrapped(_WIDTH),
        "letter-14.txt": clinical_notes.notice(rng).wrapped(_WIDTH),
        "form-02.pdf": clinical_notes.questionnaire(rng),
    }


def build(seed: int) -> dict[str, bytes]:
    """The files by name."""
    return {name: _file(name, note) for name, note in notes(seed).items()}


def _file(name: str, note: ClinicalNote) -> bytes:
    if name.endswith(".docx"):
        return _docx(note)
    if name.startswith("form"):
        title, *_ = note.text.split("\n")
        values = [re.findall(rf"^{re.escape(label)}: (.+)$", note.text, re.MULTILINE)[0] for label, _ in FORM_FIELDS]
        return scans_and_forms.questionnaire_pdf(
            title, [(label, value) for (label, _), value in zip(FORM_FIELDS, values, strict=True)]
        )
    if name.endswith(".pdf"):
        return scans_and_forms.text_pdf(note.text.split("\n"))
    return note.text.encode()


def _docx(note: ClinicalNote) -> bytes:
    document = office_files.new_docx()
    headings = {note.text[heading.start : heading.end] for heading in note.headings}
    for line in filter(None, note.text.split("\n")):
        document.add_paragraph(line, "Heading 2" if line in headings else None)
    return office_files.saved_docx(document)
