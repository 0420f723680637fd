"""Other readers find no word that ours miss: poppler's `pdftotext` and LibreOffice, where installed."""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from ner_tasks.documents import Document, read_documents
from sample import documents as sample

INBOX = Path(sample.OUTPUT)
OFFICE = ("claim-01.docx", "report-08.odt", "letter-13.rtf")
WITH_POPPLER = pytest.mark.skipif(not shutil.which("pdftotext"), reason="needs the Debian package poppler-utils")
WITH_LIBREOFFICE = pytest.mark.skipif(not shutil.which("soffice"), reason="needs LibreOffice")


def words_of(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W\d_]{2,}", text))


def ours(path: Path) -> Counter[str]:
    found = [answer for answer in read_documents(path, path.name) if isinstance(answer, Document)]
    return words_of("\n".join(document.text for document in found))


@WITH_POPPLER
@pytest.mark.parametrize(
    "name", sorted(path.name for path in INBOX.glob("*.pdf") if not path.name.startswith("upload"))
)
def test_every_word_that_pdftotext_reads_is_read(name):
    run = subprocess.run(["pdftotext", INBOX / name, "-"], capture_output=True, text=True, check=True)
    words = words_of(run.stdout)
    if words:  # a scan has none, and is not read without OCR
        assert words - ours(INBOX / name) == Counter()


@WITH_LIBREOFFICE
@pytest.mark.parametrize("name", OFFICE)
def test_every_word_that_libreoffice_reads_is_read(name, tmp_path):
    command = ["soffice", "--headless", "--convert-to", "txt:Text (encoded):UTF8", "--outdir", tmp_path, INBOX / name]
    subprocess.run([*command[:1], f"-env:UserInstallation=file://{tmp_path}/profile", *command[1:]], check=True)
    words = words_of((tmp_path / name).with_suffix(".txt").read_text(encoding="utf-8-sig"))
    assert words and words - ours(INBOX / name) == Counter()
