"""Files that programs leave beside documents are ignored by a named rule; documents with the same names are read."""

import pytest

from ner_tasks.documents import Document, Ignored, Rejected, read_documents
from ner_tasks.documents.detection import ignored_files
from tests.formats import docx_bytes, pdf_bytes

SENTENCE = "Rosa Delgado of Zürich paid $50."
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
APPLE_DOUBLE = b"\0\5\x16\7\0\2\0\0" + bytes(80)

LITTER = [
    ("__MACOSX/._a.txt", APPLE_DOUBLE, "macos-metadata"),
    ("day/._scan.pdf", APPLE_DOUBLE, "macos-metadata"),
    ("day/.DS_Store", b"\0\0\0\1Bud1" + bytes(100), "macos-metadata"),
    (".DS_Store", b"", "macos-metadata"),
    (".Spotlight-V100/Store-V2/x.txt", b"index", "macos-metadata"),
    (".fseventsd/0001", b"\x1f\x8b", "macos-metadata"),
    ("Icon\r", b"", "macos-metadata"),
    ("Thumbs.db", OLE, "windows-metadata"),
    ("THUMBS.DB", b"", "windows-metadata"),
    ("Thumbs.db:encryptable", b"", "windows-metadata"),
    ("desktop.ini", b"[.ShellClassInfo]\r\nIconResource=a", "windows-metadata"),
    ("desktop.ini", b"\xff\xfe" + "\r\n[.ShellClassInfo]".encode("utf-16-le"), "windows-metadata"),
    ("$RECYCLE.BIN/S-1-5-21/$IAB12CD.docx", b"\2\0\0\0", "windows-metadata"),
    ("@eaDir/a.pdf/SYNO@.fileindexdb", b"x", "storage-metadata"),
    (".git/refs/heads/main", b"0" * 40, "version-control"),
    ("~$report.docx", b"\5Quinn" + bytes(156), "office-lock-file"),
    (".~lock.report.odt#", b",quinn,host,01.01.2024 10:00,file:///home;", "office-lock-file"),
    ("~WRL0001.tmp", OLE, "office-temporary-file"),
    ("smime.p7s", b"\x30\x82\x05\x01" + bytes(100), "signature"),
    ("sign.p7s", b"MIIGSQYJKoZIhvcNAQcCoIIGOjCCBjYCAQExDzANBglghkgBZQMEAgEFADALBgkqhkiG9w0B", "signature"),
    ("signature.asc", b"-----BEGIN PGP SIGNATURE-----\n\niQ==\n", "signature"),
    (".gitkeep", b"", "empty-marker"),
]

DOCUMENTS = [
    ("Thumbs.db.pdf", pdf_bytes("Rosa paid.")),
    ("Thumbs.db", SENTENCE.encode()),
    ("._notes.txt", SENTENCE.encode()),
    ("__MACOSX/a.txt", SENTENCE.encode()),
    ("desktop.ini", SENTENCE.encode()),
    ("~$report.docx", docx_bytes(SENTENCE)),
    (".~lock.a.txt#", SENTENCE.encode() * 100),
    ("signature.asc", SENTENCE.encode()),
    ("a.p7s", b"Michigan Quinn paid."),
    ("$RECYCLE.BIN/S-1-5-21/$RAB12CD.txt", SENTENCE.encode()),
    (".gitkeep", SENTENCE.encode()),
    (".git.txt", SENTENCE.encode()),
    ("my.DS_Store.txt", SENTENCE.encode()),
]


@pytest.mark.parametrize(("name", "data", "rule"), LITTER)
def test_litter_is_ignored_by_the_rule_for_it(tmp_path, name, data, rule):
    (tmp_path / "a").write_bytes(data)
    assert list(read_documents(tmp_path / "a", name)) == [Ignored(name, rule)]
    assert ignored_files.find_rule(name.replace("/", "\\"), data) == rule


@pytest.mark.parametrize(("name", "data"), DOCUMENTS)
def test_a_document_that_is_called_like_litter_is_read(tmp_path, name, data):
    (tmp_path / "a").write_bytes(data)
    (document,) = read_documents(tmp_path / "a", name)
    assert isinstance(document, Document)


def test_litter_that_cannot_be_opened_goes_by_its_name():
    assert ignored_files.find_rule("__MACOSX/._a.txt") == "macos-metadata"
    assert ignored_files.find_rule("a.txt") == ""


def test_an_empty_file_of_any_other_name_is_rejected(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    (rejected,) = read_documents(tmp_path / "a", "a.txt")
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "empty"
