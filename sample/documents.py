"""Write the bundled inbox: a health plan's post of one day, synthetic, with a few bad documents among it.

    python -m sample.documents --output sample/inbox

The same seed gives the same documents. Writing PDF needs reportlab, which only development installs.
"""

import argparse
import json
import random
import shutil
import textwrap
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from pathlib import Path

from sample import clinical_files, compound_file, exchanged, office_files, scans_and_forms
from sample import document_texts as texts
from sample.document_texts import RECEIVED, cast_of, filled, some

SEED = 8
OUTPUT = Path(__file__).parent / "inbox"

File = tuple[str, bytes]


def letter(rng: random.Random) -> str:
    """A letter to a member, wrapped as letters are."""
    cast = cast_of(rng)
    body = some(rng, rng.choice(texts.LETTER_BODIES), 3)
    paragraphs = [textwrap.fill(filled(rng, paragraph, cast), 78, break_on_hyphens=False) for paragraph in body]
    return "\n".join(
        [filled(rng, texts.LETTER_HEAD, cast), "\n\n".join(paragraphs), "", filled(rng, texts.LETTER_END, cast), ""]
    )


def report(rng: random.Random) -> list[str]:
    """Paragraphs of a report on a patient."""
    cast = cast_of(rng)
    return [filled(rng, paragraph, cast) for paragraph in some(rng, texts.REPORT, 5)]


def report_text(rng: random.Random) -> str:
    return "\n\n".join(textwrap.fill(text, 90) if "\n" not in text else text for text in report(rng)) + "\n"


def report_pdf(rng: random.Random) -> bytes:
    """A report with a text layer, on one page."""
    lines: list[str] = []
    for paragraph in report(rng):
        for line in paragraph.split("\n"):
            lines += textwrap.wrap(line, 88) or [""]
        lines.append("")
    return scans_and_forms.text_pdf(lines)


def claim_docx(rng: random.Random) -> bytes:
    """A claim form: header, table of fields, remarks."""
    cast = cast_of(rng)
    document = office_files.new_docx()
    document.sections[0].header.paragraphs[0].text = filled(rng, "{insurer}, {other_city}", cast)
    document.add_paragraph(filled(rng, "Claim {claim_id}", cast))
    table = document.add_table(0, 2)
    for label, value in texts.CLAIM_FIELDS:
        cells = table.add_row().cells
        cells[0].text, cells[1].text = f"{label}:", filled(rng, value, cast)
    for remark in some(rng, texts.CLAIM_REMARKS, 2):
        document.add_paragraph(filled(rng, remark, cast))
    return office_files.saved_docx(document)


def appeal_eml(rng: random.Random) -> bytes:
    """A member's mail."""
    cast = cast_of(rng)
    message = EmailMessage()
    address = cast["member"].split()[-1].encode("ascii", "ignore").decode().lower()
    message["From"] = f"{cast['member']} <{address}@mail.example.com>"
    message["To"] = f"appeals@{cast['site']}"
    message["Subject"] = f"Appeal, claim {cast['claim_id']}"
    message["Date"] = format_datetime(RECEIVED)
    body = [filled(rng, paragraph, cast) for paragraph in some(rng, texts.APPEAL, 4)]
    lines = [filled(rng, "Dear {insurer},", cast), *body, cast["member"]]
    message.set_content("\n\n".join(textwrap.fill(line, 72) for line in lines) + "\n")
    return message.as_bytes()


def note_html(rng: random.Random) -> bytes:
    """A note from the press review."""
    cast = cast_of(rng)
    title = escape(filled(rng, rng.choice(texts.NEWS_TITLES), cast))
    body = "\n".join(f"<p>{escape(filled(rng, text, cast))}</p>" for text in rng.sample(texts.NEWS, 4))
    head = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n'
    return f"{head}<body>\n<h1>{title}</h1>\n{body}\n</body></html>\n".encode()


def calls_jsonl(rng: random.Random, first: int, *, broken: bool) -> bytes:
    """Notes of eight telephone calls; one line of them cut off, if asked for."""
    lines = []
    for number in range(first, first + 8):
        cast = cast_of(rng)
        text = " ".join(filled(rng, sentence, cast) for sentence in rng.sample(texts.CALLS, 3))
        lines.append(json.dumps({"id": f"call-{number}", "text": text}, ensure_ascii=False))
    if broken:
        lines[4] = lines[4][:60]
    return ("\n".join(lines) + "\n").encode()


def old_letter(rng: random.Random) -> bytes:
    """A letter from an old Windows program: cp1252, which nothing in it says."""
    while True:
        text = letter(rng).replace("'", "’")
        if "’" in text and any(char in text for char in "áéíóúñöüç"):
            return text.replace("\n", "\r\n").encode("cp1252")


def good(rng: random.Random) -> Iterator[File]:
    kinds: tuple[tuple[str, int, Callable[[random.Random], str | bytes]], ...] = (
        ("letter-{:02}.txt", 12, letter),
        ("report-{:02}.txt", 8, report_text),
        ("report-{:02}.pdf", 7, report_pdf),
        ("claim-{:02}.docx", 6, claim_docx),
        ("appeal-{:02}.eml", 8, appeal_eml),
        ("press-{:02}.html", 8, note_html),
        ("minutes-{:02}.md", 3, lambda rng: filled(rng, texts.MINUTES, cast_of(rng)) + "\n"),
        ("letter-old-{:02}.txt", 1, old_letter),
    )
    for pattern, n, make in kinds:
        for number in range(1, n + 1):
            content = make(rng)
            yield pattern.format(number), content if isinstance(content, bytes) else content.encode()
    yield "calls-morning.jsonl", calls_jsonl(rng, 1, broken=False)


def bad(rng: random.Random) -> Iterator[File]:
    yield "calls-afternoon.jsonl", calls_jsonl(rng, 9, broken=True)
    yield "empty.txt", b""
    yield "photo.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + rng.randbytes(600)
    yield "upload-broken-off.docx", claim_docx(rng)[:9_000]
    yield "upload-broken-off.pdf", report_pdf(rng)[:700]
    yield "scan.pdf", scans_and_forms.scan_pdf(rng)
    yield "export.wpd", b"\xffWPC" + letter(rng).encode()


def unlike(rng: random.Random) -> Iterator[File]:
    """One of each kind that is easily read in part: forms, faxes, mail that is a file, what systems exchange."""
    yield "form-01.pdf", scans_and_forms.form_pdf(rng)
    yield "fax-01.pdf", scans_and_forms.fax_pdf(rng)
    yield "scanner-01.eml", exchanged.mail_that_is_a_pdf(rng, report_pdf(rng))
    yield "appeal-09.msg", exchanged.message_msg(rng)
    yield "result-01.hl7", exchanged.result_hl7(rng)
    yield "summary-01.xml", exchanged.summary_cda(rng)
    yield "bundle-01.json", exchanged.bundle_fhir(rng)
    yield "claim-07.x12", exchanged.claim_x12(rng)
    yield "letter-13.rtf", office_files.letter_rtf(rng)
    yield "report-08.odt", office_files.report_odt(rng)
    yield "press-09.pptx", office_files.slides_pptx(rng)
    yield "claims-01.xlsx", office_files.claims_xlsx(rng)
    yield "guide-01.epub", office_files.guide_epub(rng)
    yield "appeal-10.zip", office_files.mac_zip(rng)
    yield "Thumbs.db", compound_file.write({"Catalog": b"catalog of pictures"})


def build(seed: int = SEED) -> dict[str, bytes]:
    """All files of the inbox by name."""
    rng = random.Random(seed)
    return {**dict([*good(rng), *bad(rng), *unlike(rng)]), **clinical_files.build(seed)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the bundled inbox.")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    files = build(options.seed)
    shutil.rmtree(options.output, ignore_errors=True)
    options.output.mkdir(parents=True)
    for name, content in files.items():
        (options.output / name).write_bytes(content)


if __name__ == "__main__":
    main()
