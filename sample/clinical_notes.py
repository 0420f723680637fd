"""Notes, letters and forms about patients, with what is true of them: headings, findings and their status, personal data.

`patients` says why no identifier is anybody's.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sample import clinical_texts as texts
from sample import vocabulary
from sample.patients import patient_of
from sample.slots import GAP, capitalized

# Of each kind of section: its heading in full, and in short.
HEADINGS = {
    "chief-complaint": ("Chief Complaint", "CC"),
    "history-present-illness": ("History of Present Illness", "HPI"),
    "past-medical-history": ("Past Medical History", "PMH"),
    "family-history": ("Family History", "FHx"),
    "social-history": ("Social History", "SHx"),
    "allergies": ("Allergies", "Allergies"),
    "medications": ("Medications", "Meds"),
    "review-of-systems": ("Review of Systems", "ROS"),
    "exam": ("Physical Exam", "PE"),
    "assessment": ("Assessment", "Assessment"),
    "plan": ("Plan", "Plan"),
    "assessment-and-plan": ("Assessment and Plan", "A/P"),
    "diagnosis": ("Discharge Diagnosis", "Dx"),
    "hospital-course": ("Hospital Course", "Course"),
    "instructions": ("Discharge Instructions", "Instructions"),
    "follow-up": ("Follow-Up", "Follow-up"),
}
# What a gap of a person's is, in the terms of `ner_tasks.enrichment.personal_data`.
PERSONAL = {
    **dict.fromkeys(("member", "contact", "relative", "agent"), "name"),
    **dict.fromkeys(("doctor", "doctor_first", "other_doctor"), "name"),
    **dict.fromkeys(("street", "city", "zip", "other_street", "other_city", "other_zip"), "place"),
    **dict.fromkeys(("birth", "visit_date", "letter_date", "onset", "past_month", "appointment"), "date"),
    **dict.fromkeys(("phone", "other_phone"), "phone"),
    **dict.fromkeys(("vin", "plate"), "vehicle"),
    **{kind: kind for kind in ("fax", "mail", "url", "ip", "ssn", "mrn", "account", "licence", "npi", "mbi")},
    "member_id": "member-id",
    "serial": "device",
    "old_age": "age",
}

_SYMPTOMS, _ACUTE, _PAST = vocabulary.SYMPTOMS, vocabulary.ACUTE, (*vocabulary.ACUTE, *vocabulary.CHRONIC)
# A gap for a finding: what the text says of it, and what it is chosen from.
FINDINGS: dict[str, tuple[frozenset[str], Sequence[str]]] = {
    "complaint": (frozenset(), _SYMPTOMS),
    "present": (frozenset(), (*_SYMPTOMS, *vocabulary.CHRONIC)),
    "negated": (frozenset({"negated"}), _SYMPTOMS),
    "excluded": (frozenset({"negated"}), _ACUTE),
    "historical": (frozenset({"historical"}), _PAST),
    "suspected": (frozenset({"uncertain"}), _ACUTE),
    "uncertain": (frozenset({"uncertain"}), _ACUTE),
    "hypothetical": (frozenset({"hypothetical"}), _SYMPTOMS),
    "family": (frozenset({"family"}), vocabulary.HEREDITARY),
    "family_negated": (frozenset({"family", "negated"}), vocabulary.HEREDITARY),
}
_SAID_AGAIN = ("complaint", "suspected")


@dataclass(frozen=True)
class TrueHeading:
    """A heading in a text: where, without a colon, and of what kind its section is."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class TrueFinding:
    """A finding in a text: where, and what the text says of it; no status: the patient has it. `section` is a kind or None."""

    start: int
    end: int
    statuses: frozenset[str]
    section: str | None


@dataclass(frozen=True)
class TruePersonalData:
    """The characters that identify a person, without words that introduce them.

    A year alone, a state and an age up to 89 are none.
    """

    start: int
    end: int
    kind: str


@dataclass
class ClinicalNote:
    """A text and what is true of it, in text order."""

    text: str = ""
    headings: list[TrueHeading] = field(default_factory=list)
    findings: list[TrueFinding] = field(default_factory=list)
    personal_data: list[TruePersonalData] = field(default_factory=list)

    def wrapped(self, width: int) -> "ClinicalNote":
        """The same with line breaks in the place of spaces, so that no position moves; none within personal data."""
        kept = {at for span in self.personal_data for at in range(span.start, span.end)}
        text, line, space = list(self.text), 0, -1
        for at, character in enumerate(self.text):
            if character == "\n":
                line, space = at + 1, -1
            elif at - line >= width and space >= 0:
                text[space] = "\n"
                line, space = space + 1, -1
            if character == " " and at not in kept:
                space = at
        return ClinicalNote("".join(text), self.headings, self.findings, self.personal_data)


class _Pen:
    """Writes a note from texts with gaps."""

    def __init__(self, rng: random.Random, cast: Mapping[str, str]) -> None:
        self.note = ClinicalNote()
        self._rng, self._cast = rng, cast
        self._findings: dict[str, str] = {}
        self._section: str | None = None

    def write(self, template: str) -> None:
        for index, piece in enumerate(GAP.split(template)):
            start = len(self.note.text)
            if index % 2 == 0:
                self.note.text += piece
            elif piece.lower() in FINDINGS:
                statuses, _ = FINDINGS[piece.lower()]
                name = self._finding(piece.lower())
                self.note.text += capitalized(name) if piece[0].isupper() else name
                self.note.findings.append(TrueFinding(start, len(self.note.text), statuses, self._section))
            else:
                self.note.text += self._cast[piece] if piece in self._cast else FILLERS[piece](self._rng)
                if kind := PERSONAL.get(piece):
                    self.note.personal_data.append(TruePersonalData(start, len(self.note.text), kind))

    def sections(self, sections: Sequence[texts.Section], style: str) -> None:
        """Write sections: headings in capitals or in title case on lines of their own, or short ones before the text."""
        for kind, *choice in sections:
            full, short = HEADINGS[kind]
            heading = {"upper": full.upper(), "title": full, "short": short}[style]
            start, self._section = len(self.note.text), kind
            self.write(f"{heading}: " if style == "short" else f"{heading}\n")
            self.write(self._rng.choice(choice) + ("\n" if style == "short" else "\n\n"))
            self.note.headings.append(TrueHeading(start, start + len(heading), kind))
        self._section = None
        if style == "short":
            self.write("\n")

    def _finding(self, gap: str) -> str:
        """A finding that the note does not name yet, nor one of which it is a part: each has one status."""
        if gap in _SAID_AGAIN and gap in self._findings:
            return self._findings[gap]
        named = self._findings.values()
        pool = [name for name in FINDINGS[gap][1] if not any(name in other or other in name for other in named)]
        name = self._rng.choice(pool)
        self._findings[gap if gap in _SAID_AGAIN else name] = name
        return name


FILLERS: dict[str, Callable[[random.Random], str]] = {
    "medicine": lambda rng: rng.choice(vocabulary.MEDICINES),
    "Medicine": lambda rng: capitalized(rng.choice(vocabulary.MEDICINES)),
    "n": lambda rng: str(rng.randint(2, 9)),
    "pressure": lambda rng: f"{rng.randint(110, 150)}/{rng.randint(65, 95)}",
    "digit": lambda rng: str(rng.randint(1, 9)),
}


def visit(rng: random.Random, style: str = "upper") -> ClinicalNote:
    """A note of a visit to a doctor; for styles of headings see `_Pen.sections`."""
    return _sectioned(rng, patient_of(rng), (texts.VISIT_HEAD, texts.VISIT, texts.VISIT_END), style)


def emergency(rng: random.Random, style: str = "short") -> ClinicalNote:
    """A note of an emergency room on a patient of more than 89 years."""
    cast = patient_of(rng, ages=(90, 99))
    return _sectioned(rng, cast, (texts.EMERGENCY_HEAD, texts.EMERGENCY, texts.EMERGENCY_END), style)


def referral(rng: random.Random, style: str = "title") -> ClinicalNote:
    """A doctor's letter to another doctor."""
    return _sectioned(rng, patient_of(rng), (texts.REFERRAL_HEAD, texts.REFERRAL, texts.REFERRAL_END), style)


def discharge(rng: random.Random, style: str = "upper") -> ClinicalNote:
    """A hospital's summary at discharge."""
    return _sectioned(rng, patient_of(rng), (texts.DISCHARGE_HEAD, texts.DISCHARGE, texts.DISCHARGE_END), style)


def _sectioned(
    rng: random.Random, cast: Mapping[str, str], template: tuple[str, Sequence[texts.Section], str], style: str
) -> ClinicalNote:
    head, sections, end = template
    pen = _Pen(rng, cast)
    pen.write(f"{head}\n")
    pen.sections(sections, style)
    pen.write(f"{end}\n")
    return pen.note


def notice(rng: random.Random) -> ClinicalNote:
    """A health plan's letter to a member about a visit; it has no headings."""
    pen = _Pen(rng, patient_of(rng))
    pen.write(texts.NOTICE + "\n")
    return pen.note


def questionnaire(rng: random.Random) -> ClinicalNote:
    """A form that a member filled in: its title, the labels printed on it, and each label with what was filled in."""
    pen = _Pen(rng, patient_of(rng))
    pen.write(texts.FORM_TITLE + "\n")
    pen.write("".join(f"{label}:\n" for label, _ in texts.FORM_FIELDS) + "\n")
    for label, value in texts.FORM_FIELDS:
        pen.write(f"{label}: {value}\n")
    return pen.note
