"""Files inside files become separate documents with names of their location; bombs are stopped."""

import gzip
import io
import json
import stat
import tarfile
import zipfile
from email.message import EmailMessage

import pytest

from ner_tasks.bounded_names import bound_name
from ner_tasks.documents import Document, Ignored, Limits, Rejected, read_documents
from tests.formats import tarred, xlsx_bytes, zipped

SENTENCE = "Rosa Delgado of Zürich paid $50."
TEXT = SENTENCE.encode()


def mail(*attachments: tuple[str, bytes, str]) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "Henry Quinn <h@x.org>", "Claim"
    message.set_content("See below.")
    for name, data, content_type in attachments:
        maintype, subtype = content_type.split("/")
        message.add_attachment(data, maintype=maintype, subtype=subtype, filename=name or None)
    return bytes(message)


@pytest.fixture
def read(tmp_path):
    def _read(name: str, data: bytes, limits: Limits | None = None) -> dict[str, str]:
        """Text or reason by name."""
        path = tmp_path / "document"
        path.write_bytes(data)
        answered = read_documents(path, name, limits or Limits())
        answers = [answer for answer in answered if not isinstance(answer, Ignored)]
        found = {
            answer.name if isinstance(answer, Document) else answer.document: answer.text
            if isinstance(answer, Document)
            else answer.reason
            for answer in answers
        }
        assert len(found) == len(answers), "two answers have one name"
        for answer in answers:
            if isinstance(answer, Rejected):
                assert "\n" not in answer.message
                assert answer.message.startswith("found ")
        return found

    return _read


FILES = {"a.txt": TEXT, "day/b.md": TEXT, "c.jsonl": b'{"id": 1, "text": "One."}\n{"id": 2, "text": "Two."}\n'}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.zip", zipped(FILES)),
        ("x.ZIP", zipped(FILES, zipfile.ZIP_STORED)),
        ("x.tar", tarred(FILES)),
        ("x.tar.gz", tarred(FILES, mode="w:gz")),
        ("in/x.tgz", tarred(FILES, mode="w:gz")),
    ],
)
def test_each_file_in_an_archive_is_a_document(read, name, data):
    assert read(name, data) == {
        f"{name}#a.txt": SENTENCE,
        f"{name}#day/b.md": SENTENCE,
        f"{name}#c.jsonl#1": "One.",
        f"{name}#c.jsonl#2": "Two.",
    }


def test_the_file_in_a_gz_is_named_after_it(read):
    assert read("day/a.txt.gz", gzip.compress(TEXT)) == {"day/a.txt.gz#a.txt": SENTENCE}
    assert read("a.gz", gzip.compress(TEXT)) == {"a.gz#a": SENTENCE}


def test_lines_of_a_packed_file_are_read_as_a_stream_and_may_be_more_than_one_document_may(read):
    lines = "\n".join(json.dumps({"id": number, "text": "word " * 100}) for number in range(1_000))
    answers = read("a.jsonl.gz", gzip.compress(lines.encode()), Limits(max_bytes=10_000))
    assert (len(answers), set(answers.values())) == (1_000, {"word " * 100})


def test_a_folder_is_skipped_and_an_empty_archive_is_rejected(read):
    assert read("a.zip", zipped({"folder/": b""})) == {"a.zip": "empty"}
    assert read("a.zip", zipped({})) == {"a.zip": "empty"}
    assert read("a.tar", tarred({})) == {"a.tar": "empty"}


def test_an_unreadable_file_does_not_affect_its_neighbours(read):
    data = zipped({"a.txt": TEXT, "b.xyz": b"\0" + TEXT, "c.pdf": b"junk", "d.txt": TEXT}, zipfile.ZIP_STORED)
    damaged = data.replace(TEXT, TEXT[:-1] + b"!", 1)
    assert read("x.zip", damaged) == {
        "x.zip#a.txt": "broken",
        "x.zip#b.xyz": "unknown-format",
        "x.zip#c.pdf": "broken",
        "x.zip#d.txt": SENTENCE,
    }


def test_links_devices_and_folders_above_are_never_followed(read, tmp_path):
    (tmp_path / "secret.txt").write_text("top secret")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, kind in (("s.txt", tarfile.SYMTYPE), ("h.txt", tarfile.LNKTYPE), ("d.txt", tarfile.CHRTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, str(tmp_path / "secret.txt")
            archive.addfile(entry)
        entry = tarfile.TarInfo("../../up.txt")
        entry.size = len(TEXT)
        archive.addfile(entry, io.BytesIO(TEXT))
    assert read("a.tar", file.getvalue()) == {
        "a.tar#s.txt": "not-a-file",
        "a.tar#h.txt": "not-a-file",
        "a.tar#d.txt": "not-a-file",
        "a.tar#../../up.txt": SENTENCE,
    }
    assert [path.name for path in tmp_path.parent.glob("up.txt")] == []
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        entry = zipfile.ZipInfo("s.txt")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "secret.txt")
    assert read("a.zip", file.getvalue()) == {"a.zip#s.txt": "not-a-file"}


def test_an_encrypted_file_and_an_unsupported_method_are_reported(read):
    data = bytearray(zipped({"a.txt": TEXT}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert read("a.zip", bytes(data)) == {"a.zip#a.txt": "encrypted"}
    data = bytearray(zipped({"a.txt": TEXT}))
    data[data.index(b"PK\x01\x02") + 10] = 9  # Deflate64
    assert read("a.zip", bytes(data)) == {"a.zip#a.txt": "unknown-format"}


def test_names_in_an_archive_stay_unique(read):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", TEXT)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.txt", b"other")
        archive.writestr("c.jsonl", b'{"id": "1.txt", "text": "One."}')
        archive.writestr("c.jsonl#1.txt", b"not the line")
        archive.writestr("x" * 1_001 + ".txt", TEXT)
    assert read("a.zip", file.getvalue()) == {
        "a.zip#a.txt": SENTENCE,
        "a.zip#member-2": "duplicate-id",
        "a.zip#c.jsonl#1.txt": "One.",
        "a.zip#c.jsonl%231.txt": "not the line",
        f"a.zip#{bound_name('x' * 1_001 + '.txt')}": SENTENCE,
    }


@pytest.mark.parametrize("kind", ["zip", "tar", "mail"])
def test_files_in_files_are_read_three_deep(read, kind):
    wrap = {
        "zip": lambda name, data: zipped({name: data}),
        "tar": lambda name, data: tarred({name: data}),
        "mail": lambda name, data: mail((name, data, "application/octet-stream")),
    }[kind]
    suffix = {"zip": ".zip", "tar": ".tar", "mail": ".eml"}[kind]
    name, inner = f"a{suffix}", f"a{suffix}#b{suffix}#c{suffix}#x.txt"
    three = wrap(f"b{suffix}", wrap(f"c{suffix}", wrap("x.txt", TEXT)))
    assert read(name, three)[inner] == SENTENCE
    four = wrap(f"b{suffix}", wrap(f"c{suffix}", wrap(f"d{suffix}", wrap("x.txt", TEXT))))
    deep = f"a{suffix}#b{suffix}#c{suffix}#d{suffix}"
    found = read(name, four)
    assert found.get(f"{deep}#x.txt" if kind == "mail" else deep) == "too-deep"


def test_an_archive_that_unpacks_to_too_much_is_a_bomb_and_what_came_before_stands(read):
    limits = Limits(max_bytes=50_000, max_unpacked_bytes=100_000)
    many = {f"{number}.txt": b"word " * 8_000 for number in range(5)}
    assert read("a.zip", zipped(many), limits) == {"a.zip": "bomb"}
    found = read("a.tar.gz", tarred(many, mode="w:gz"), limits)
    assert (found.pop("a.tar.gz"), next(iter(found))) == ("bomb", "a.tar.gz#0.txt")
    assert len(found) < 3
    assert read("a.txt.gz", gzip.compress(b"x" * 60_000), limits) == {"a.txt.gz#a.txt": "too-large"}
    line = gzip.compress(b'{"id": 1, "text": "One."}\n' + b"x" * 10_000_000)
    assert read("a.jsonl.gz", line, limits) == {
        "a.jsonl.gz#a.jsonl#1": "One.",
        "a.jsonl.gz#a.jsonl#line-2": "too-large",
        "a.jsonl.gz": "bomb",
    }


def test_a_zip_with_false_sizes_is_broken(read):
    data = bytearray(zipped({"a.txt": b"0" * 5_000_000}))
    for at in (22, data.index(b"PK\x01\x02") + 24):
        data[at : at + 4] = (100).to_bytes(4, "little")
    assert read("a.zip", bytes(data)) == {"a.zip#a.txt": "broken"}


def test_nested_bombs_share_one_allowance(read):
    inner = zipped({"x.txt": b"0" * 40_000})
    outer = zipped({f"{number}.zip": inner for number in range(10)})
    found = read("a.zip", outer, Limits(max_unpacked_bytes=100_000))
    assert found["a.zip"] == "bomb"
    assert len(found) < 5


def test_more_files_than_the_limit_are_not_read(read):
    files = {f"{number}.txt": TEXT for number in range(10)}
    for name, data in (("a.zip", zipped(files)), ("a.tar", tarred(files))):
        found = read(name, data, Limits(max_members=4))
        assert (found.pop(name), len(found)) == ("too-many", 4)
    letters = [(f"{number}.txt", TEXT, "text/plain") for number in range(10)]
    found = read("a.eml", mail(*letters), Limits(max_members=4))
    assert found.pop("a.eml").endswith("See below.\n")
    assert (found.pop("a.eml#rest"), len(found)) == ("too-many", 4)


@pytest.mark.parametrize("at", [100, 700, 1_600])
def test_a_damaged_or_truncated_tar_is_reported_and_read_as_far_as_possible(read, at):
    data = tarred({"a.txt": TEXT, "b.txt": TEXT})
    found = read("a.tar", data[:at])
    assert "broken" in found.values()
    damaged = bytearray(data)
    damaged[1_024 + 100] ^= 0xFF
    assert read("a.tar", bytes(damaged)) == {"a.tar#a.txt": SENTENCE, "a.tar": "broken"}


def test_attachments_of_a_mail_are_documents(read):
    forwarded = EmailMessage()
    forwarded["From"], forwarded["Subject"] = "rosa@x.org", "Inner"
    forwarded.set_content("Forwarded words.")
    data = mail(
        ("bill.txt", TEXT, "application/octet-stream"),
        ("", "Wójcik, łódź".encode("cp1250"), "text/plain"),
        ("bill.txt", b"Second.", "text/plain"),
        ("rows.csv", b"id,text\n7,One\n", "text/csv"),
        ("note", b"<p>Noted.</p>", "text/html"),
        ("all.zip", zipped({"in/a.txt": TEXT}), "application/zip"),
        ("sign.p7s", b"\0\1", "application/pkcs7-signature"),
    ).replace(b"Content-Type: text/plain\n", b"Content-Type: text/plain; charset=windows-1250\n", 1)
    assert b"windows-1250" in data
    found = read("a.eml", data)
    assert found.pop("a.eml").endswith("\n\nSee below.\n")
    assert {name: text.strip() for name, text in found.items()} == {
        "a.eml#bill.txt": SENTENCE,
        "a.eml#part-2.txt": "Wójcik, łódź",
        "a.eml#part-3-bill.txt": "Second.",
        "a.eml#rows.csv#7": "One",
        "a.eml#note.html": "Noted.",
        "a.eml#all.zip#in/a.txt": SENTENCE,
    }


def test_a_forwarded_mail_is_a_document(read):
    inner, outer = EmailMessage(), EmailMessage()
    inner["From"], inner["Subject"] = "rosa@x.org", "Inner"
    inner.set_content("Forwarded words.")
    outer["From"] = "h@x.org"
    outer.set_content("See below.")
    outer.add_attachment(inner)
    found = read("a.eml", bytes(outer))
    assert list(found) == ["a.eml", "a.eml#part-1.eml"]
    assert "Forwarded words." in found["a.eml#part-1.eml"]
    assert "Forwarded" not in found["a.eml"]


def test_a_picture_in_a_mail_is_a_document_where_pictures_are_read_and_its_neighbours_always_are(read, tmp_path):
    data = mail(("", b"no picture", "image/png"), ("b.txt", TEXT, "text/plain"))
    found = read("a.eml", data, Limits(ocr=True))
    assert found["a.eml#part-1.png"] == "broken"
    assert found["a.eml#b.txt"] == SENTENCE
    assert sorted(read("a.eml", data)) == ["a.eml", "a.eml#b.txt"]
    (message, _) = read_documents(tmp_path / "document", "a.eml")
    assert isinstance(message, Document)
    assert message.unread == ("attachment image/png: a picture; OCR is switched off",)


def test_made_up_names_never_are_those_of_others(read):
    lines = b'{"id": "line-2", "text": "One."}\nbroken\n{"id": "line-2+", "text": "Three."}\n'
    assert read("a.jsonl", lines) == {
        "a.jsonl#line-2": "One.",
        "a.jsonl#line-2+": "bad-line",
        "a.jsonl#line-3": "duplicate-id",
    }
    rows = b"id,text\nrow-2,One.\nx,too,many\nrow-2,Again.\n"
    assert read("a.csv", rows) == {"a.csv#row-2": "One.", "a.csv#row-2+": "bad-line", "a.csv#row-3": "duplicate-id"}
    book = xlsx_bytes({"Calls": [["id", "text"], ["Notes", "One."]], "Notes": [["Two."]]})
    assert read("a.xlsx", book) == {"a.xlsx#Notes": "One.", "a.xlsx#Notes+": "Two."}
    named_alike = [(name, TEXT, "text/plain") for name in ("part-2-a.txt", "a.txt", "part-3-a.txt", "a.txt")]
    assert len(read("a.eml", mail(*named_alike))) == 5
    assert len(read("a.tar", tarred({"member-2": TEXT, "x" * 2_000 + ".txt": TEXT, "member-2+": TEXT}))) == 3
