"""Messages on documents never quote them, since they appear on pages, in notices and in logs."""

import subprocess
import sys
from pathlib import Path

import pytest

from ner_tasks.documents import Limits, Rejected
from ner_tasks.documents.sandbox.sandbox import read_in_sandbox
from tests.formats import docx_bytes, eml_bytes, pdf_bytes, tarred, xlsx_bytes, zipped

MARKER = "Zephyrine"
DOCUMENT_XML = f"<w:document>&{MARKER};<{MARKER}></w:document>".encode()

FILES = {
    "no-header.csv": f"{MARKER} was here,{MARKER}\nand,again\n".encode(),
    "fields.csv": f"id,text\n{MARKER},1,2,3\n".encode(),
    "quote.csv": f'id,text\n1,"{MARKER}'.encode() + b"\0\n",
    "keys.jsonl": f'{{"{MARKER}": 1, "and {MARKER}": 2}}\n'.encode(),
    "no-json.jsonl": f"{MARKER} was here\n".encode(),
    "cut.jsonl": f'{{"id": 1, "text": "{MARKER}\n'.encode(),
    "latin.jsonl": f'{{"id": 1, "text": "{MARKER}\xe9"}}\n'.encode("latin-1"),
    "half.jsonl": f'{{"id": "1", "text": "{MARKER}\\ud800"}}\n'.encode(),
    "entity.docx": zipped({"[Content_Types].xml": b"<x/>", "word/document.xml": DOCUMENT_XML}),
    "types.docx": zipped({"[Content_Types].xml": f"<{MARKER}>&{MARKER};".encode(), "word/document.xml": b"<a/>"}),
    "cut.docx": docx_bytes(MARKER)[:-30],
    "cut.xlsx": xlsx_bytes({"a": [[MARKER]]})[:-30],
    "cut.pdf": pdf_bytes(MARKER)[:-200],
    "odd.pdf": b"%PDF-1.4\n1 0 obj << /Type /" + MARKER.encode() + b" /Pages (" + MARKER.encode() + b"\ntrailer << /Root 1 0 R",
    "broken.html": f"<html><meta charset='{MARKER}'><{MARKER} &{MARKER};".encode() + b"\0",
    "type.eml": f"From: a@b.org\nContent-Type: {MARKER}/{MARKER}; charset={MARKER}\n\n\xff{MARKER}".encode("latin-1"),
    "rest.eml": eml_bytes(MARKER).replace(b"Content-Type", f"Content-Transfer-Encoding: {MARKER}\nContent-Type".encode(), 1),
    "cut.zip": zipped({"a.txt": MARKER.encode()})[:-20],
    "cut.tar": tarred({"a.txt": MARKER.encode() * 200})[:700],
    "nul.txt": f"{MARKER}\0{MARKER}".encode(),
    "utf16.txt": b"\xff\xfe" + MARKER.encode("utf-16-le") + b"\x00\xd8",
}  # fmt: skip


@pytest.mark.runbook("notices-and-metrics", "found ... at ..., line ... without details of what is wrong")
def test_no_reason_and_no_remark_quotes_the_document(tmp_path, capfd):
    paths = []
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
        paths.append((name, tmp_path / name))
    rejected = [answer for _, answer in read_in_sandbox(paths, Limits()) if isinstance(answer, Rejected)]
    print(*(f"{one.document}: {one.message}" for one in rejected), sep="\n", file=(tmp_path / "rejected.txt").open("w"))
    assert len(rejected) >= 12, [one.document for one in rejected]
    assert {one.message for one in rejected if MARKER.lower() in one.message.lower()} == set()
    said = capfd.readouterr()
    assert MARKER.lower() not in (said.out + said.err).lower()


@pytest.mark.parametrize(
    "what", ["import warnings; warnings.warn({0!r})", "import logging; logging.error({0!r})", "int({0!r})"]
)
def test_what_a_library_remarks_in_the_reader_is_not_passed_on(what):
    code = f"from ner_tasks.documents.sandbox.confinement import silence_libraries; silence_libraries(); {what.format(MARKER)}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False
    )
    assert MARKER not in done.stdout + done.stderr
    assert ("ValueError" in done.stderr) == ("int" in what)
