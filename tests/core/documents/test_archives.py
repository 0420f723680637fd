"""Archives from many programs: unusual names, surrounding bytes, compression methods; damage affects only its file."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib

import pytest

from ner_tasks.documents import Document, Ignored, Limits, Rejected, read_documents
from ner_tasks.documents.archives import member_names
from tests.formats import tarred, zipped

SENTENCE = "Rosa Delgado of Zürich paid $50."
TEXT = SENTENCE.encode()


@pytest.fixture
def read(tmp_path):
    def _read(name: str, data: bytes, limits: Limits | None = None) -> dict[str, str]:
        """Text, reason or rule by name."""
        path = tmp_path / "document"
        path.write_bytes(data)
        found = {}
        for answer in read_documents(path, name, limits or Limits()):
            if isinstance(answer, Document):
                found[answer.name] = answer.text
            else:
                found[answer.document] = answer.reason if isinstance(answer, Rejected) else f"ignored: {answer.rule}"
        return found

    return _read


def renamed(data: bytes, name: str, stored: bytes) -> bytes:
    """An archive with a name of the same length put in without any change to the flags."""
    assert len(name) == len(stored)
    return data.replace(name.encode(), stored)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Müller-Zürich.txt", "cp850"),
        ("Müller-Zürich.txt", "cp1252"),
        ("résumé.txt", "cp437"),
        ("Ångström.txt", "cp850"),
        ("straße.txt", "cp850"),
        ("Málaga.txt", "cp1252"),
        ("Wójcik Łódź.txt", "cp852"),
        ("田中.txt", "cp932"),
        ("診断書(東京).txt", "cp932"),
        ("发票.txt", "gbk"),
        ("病历_王小明.txt", "gbk"),
        ("진단서_김철수.txt", "cp949"),
        ("Справка.txt", "cp866"),
        ("Иванов Иван.txt", "cp1251"),
        ("Müller.txt", "utf-8"),
    ],
)
def test_a_name_without_a_declared_encoding_is_read_by_the_most_plausible_one(read, name, encoding):
    stored = name.encode(encoding)
    data = renamed(zipped({"x" * len(stored): TEXT}), "x" * len(stored), stored)
    assert read("a.zip", data) == {f"a.zip#{name}": SENTENCE}


def test_names_of_one_archive_are_judged_together():
    # the first one alone could be anything
    assert member_names.decode(["ß.txt".encode("cp850"), "Müller.txt".encode("cp850")])[0] == "ß.txt"


def test_a_unicode_path_field_goes_before_the_name(read):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        entry = zipfile.ZipInfo("m_ller.txt")
        path = b"\1" + struct.pack("<I", zlib.crc32(b"m_ller.txt")) + "müller.txt".encode()
        entry.extra = struct.pack("<HH", 0x7075, len(path)) + path
        archive.writestr(entry, TEXT)
    assert read("a.zip", file.getvalue()) == {"a.zip#müller.txt": SENTENCE}


def test_a_name_flagged_as_utf_8_that_is_not_is_still_decoded(read):
    data = zipped({"zürich.txt": TEXT, "b.txt": TEXT}).replace("zürich".encode(), b"xz\xfcrich")
    assert read("a.zip", data) == {"a.zip#xzürich.txt": SENTENCE, "a.zip#b.txt": SENTENCE}


def test_backslashes_part_folders_and_a_path_is_only_a_name(read):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("day\\", "day\\a.txt", "/etc/b.txt", "..\\..\\c.txt"):
            entry = zipfile.ZipInfo(name)
            entry.create_system = 0
            archive.writestr(entry, b"" if name == "day\\" else TEXT)
    assert read("a.zip", file.getvalue()) == {
        "a.zip#day/a.txt": SENTENCE,
        "a.zip#/etc/b.txt": SENTENCE,
        "a.zip#../../c.txt": SENTENCE,
    }


@pytest.mark.parametrize("name", ["a.zip", "a.exe", "a"])
def test_an_archive_behind_a_program_and_in_front_of_garbage_is_read_and_the_bytes_are_named(read, name):
    data = b"MZ" + bytes(500) + zipped({"a.txt": TEXT, "b.txt": b"Two."}) + b"\1garbage" * 100
    assert read(name, data) == {
        f"{name}#a.txt": SENTENCE,
        f"{name}#b.txt": "Two.",
        name: "ignored: bytes-around-archive",
    }


def test_an_archive_behind_a_program_within_a_tar_is_read(read):
    inner = b"MZ" + bytes(500) + zipped({"a.txt": TEXT})
    assert read("a.tar", tarred({"b.zip": inner}))["a.tar#b.zip#a.txt"] == SENTENCE


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("text", [TEXT, b"word " * 100_000])
def test_each_method_of_packing_that_python_has_is_read(read, method, text):
    assert read("a.zip", zipped({"a.txt": text}, method)) == {"a.zip#a.txt": text.decode()}


def test_an_unsupported_compression_method_rejects_only_its_file(read, tmp_path):
    data = bytearray(zipped({"a.txt": TEXT, "b.txt": TEXT}))
    data[data.index(b"PK\x01\x02") + 10] = 9
    assert read("a.zip", bytes(data)) == {"a.zip#a.txt": "unknown-format", "a.zip#b.txt": SENTENCE}
    (rejected, _) = read_documents(tmp_path / "document", "a.zip")
    assert isinstance(rejected, Rejected)
    assert "Deflate64 (9)" in rejected.message


def streamed(files: dict[str, bytes]) -> bytes:
    """A zip whose lengths stand behind the data, as it is written to a pipe."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise io.UnsupportedOperation

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return pipe.getvalue()


def test_lengths_behind_the_data_and_lengths_of_64_bits_are_read(read):
    assert read("a.zip", streamed({"a.txt": TEXT, "b.txt": b"Two."})) == {
        "a.zip#a.txt": SENTENCE,
        "a.zip#b.txt": "Two.",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open("a.txt", "w", force_zip64=True) as entry:
        entry.write(TEXT)
    assert read("a.zip", file.getvalue()) == {"a.zip#a.txt": SENTENCE}


@pytest.mark.parametrize("make", [zipped, streamed])
def test_an_archive_that_is_cut_off_gives_the_files_that_are_there(read, make):
    data = make({"a.txt": TEXT, "b.txt": b"Two. " * 1_000, "c.txt": bytes(range(256)) * 100})
    found = read("a.zip", data[: data.index(b"c.txt") + 60])
    assert (found["a.zip#a.txt"], found["a.zip#b.txt"][:4], found["a.zip"]) == (SENTENCE, "Two.", "broken")


def test_a_local_header_with_another_name_is_accepted(read):
    data = zipped({"a.txt": TEXT})
    assert read("a.zip", data.replace(b"a.txt", b"z.txt", 1)) == {"a.zip#a.txt": SENTENCE}


def test_one_part_of_an_archive_in_several_is_named(read, tmp_path):
    data = bytearray(zipped({"a.txt": TEXT}))
    at = data.rindex(b"PK\x05\x06")
    data[at + 4 : at + 8] = b"\2\0\2\0"
    assert read("a.zip", bytes(data)) == {"a.zip": "broken"}
    (rejected,) = read_documents(tmp_path / "document", "a.zip")
    assert isinstance(rejected, Rejected)
    assert "the last of 3 parts" in rejected.message


def test_comments_of_an_archive_are_a_text(read):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = b"Sent by Henry Quinn."
        entry = zipfile.ZipInfo("a.txt")
        entry.comment = "Zürich only".encode("cp850")
        archive.writestr(entry, TEXT)
        archive.writestr("comment.txt", b"Mine.")
    found = read("a.zip", file.getvalue())
    assert found.pop("a.zip#comment.txt+") == "Sent by Henry Quinn.\n\na.txt: Zürich only"
    assert found == {"a.zip#a.txt": SENTENCE, "a.zip#comment.txt": "Mine."}


def test_files_of_one_stream_in_every_packing_are_read(read):
    for suffix, pack in ((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)):
        assert read(f"a.txt{suffix}", pack(TEXT)) == {f"a.txt{suffix}#a.txt": SENTENCE}
        assert read("a", pack(TEXT)) == {"a#a": SENTENCE}
        tar = tarred({"a.txt": TEXT, "day/b.txt": b"Two."})
        name = f"a.tar{suffix}"
        assert read(name, pack(tar)) == {f"{name}#a.txt": SENTENCE, f"{name}#day/b.txt": "Two."}
    assert read("a.lzma", lzma.compress(TEXT, lzma.FORMAT_ALONE)) == {"a.lzma#a": SENTENCE}


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, "gz"), (bz2.compress, "bz2"), (lzma.compress, "xz")])
def test_streams_one_behind_the_other_are_one_file_and_garbage_behind_them_is_named(read, pack, suffix):
    parts = [b"", b"Rosa ", *(b"%d " % number for number in range(200)), TEXT]
    data = b"".join(map(pack, parts))
    name = f"a.txt.{suffix}"
    inside = {f"{name}#a.txt": b"".join(parts).decode()}
    assert read(name, data) == inside
    assert read(name, data + bytes(1_000)) == inside  # blocks of a tape
    assert read(name, data + b"\1garbage" * 3) == {**inside, name: "ignored: bytes-around-archive"}
    assert read(name, data[:-6]) == {f"{name}#a.txt": "broken"}


def test_the_name_in_a_gz_is_used_where_the_outer_name_has_no_known_suffix(read):
    file = io.BytesIO()
    with gzip.GzipFile("claims.csv", "wb", fileobj=file) as packed:
        packed.write(b"id,text\n7,One.\n")
    assert read("2024-01.gz", file.getvalue()) == {"2024-01.gz#claims.csv#7": "One."}
    assert read("b.csv.gz", file.getvalue()) == {"b.csv.gz#b.csv#7": "One."}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_kind_of_tar_is_read(read, form):
    file = io.BytesIO()
    name = "day/" * 30 + "zürich.txt"
    with tarfile.open(fileobj=file, mode="w", format=form, encoding="utf-8") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(TEXT)
        archive.addfile(entry, io.BytesIO(TEXT))
    assert read("a.tar", file.getvalue()) == {f"a.tar#{name}": SENTENCE}


def test_a_name_in_a_tar_of_another_encoding_is_read(read):
    data = renamed(tarred({"zXrich.txt": TEXT}), "zXrich.txt", "zürich.txt".encode("cp1252"))
    header = bytearray(data[:512])
    header[148:156] = b" " * 8
    data = data.replace(data[148:156], b"%06o\0 " % sum(header), 1)
    assert read("a.tar", data) == {"a.tar#zürich.txt": SENTENCE}


def test_a_tar_behind_the_end_of_another_is_read_and_garbage_there_is_named(read):
    data = tarred({"a.txt": TEXT}) + tarred({"b.txt": b"Two."})
    inside = {"a.tar#a.txt": SENTENCE, "a.tar#b.txt": "Two."}
    assert read("a.tar", data) == inside
    assert read("a.tar", data + b"garbage " * 200) == {**inside, "a.tar": "ignored: bytes-around-archive"}


def test_a_file_with_holes_in_a_tar_is_read_and_counted(read):
    data = bytearray(tarred({"a.txt": TEXT}))
    data[156:157] = b"S"  # GNU sparse: its map in the header, the length of the whole at the end
    data[257:265] = b"ustar  \0"
    data[345:500] = bytes(155)
    size = 2_000 + len(TEXT)
    data[386:410] = b"%011o\0%011o\0" % (2_000, len(TEXT))
    data[483:495] = b"%011o\0" % size
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    found = read("a.tar", bytes(data))
    assert set(found) == {"a.tar#a.txt"}
    bomb = data.copy()
    bomb[483:495] = b"%011o\0" % (2**31)
    bomb[148:156] = b" " * 8
    bomb[148:156] = b"%06o\0 " % sum(bomb[:512])
    assert "bomb" in read("a.tar", bytes(bomb)).values()


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.rar", b"Rar!\x1a\x07\x01\0" + bytes(100), "a RAR archive"),
        ("a.zip", b"Rar!\x1a\x07\0" + bytes(100), "a RAR archive"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(100), "a 7z archive"),
        ("a.cab", b"MSCF\0\0\0\0" + bytes(100), "a cabinet archive"),
        ("a.txt.zst", b"\x28\xb5\x2f\xfd" + bytes(100), "a Zstandard file"),
        ("a.exe", b"MZ\x90\0" + bytes(100), "a program"),
    ],
)
def test_an_archive_that_is_not_read_is_called_what_it_is(tmp_path, name, data, what):
    (tmp_path / "a").write_bytes(data)
    (rejected,) = read_documents(tmp_path / "a", name)
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, what in rejected.message) == ("unknown-format", True)


def test_a_text_that_begins_like_a_program_is_text(read):
    assert read("a.txt", b"MZ Smith called.") == {"a.txt": "MZ Smith called."}


def test_an_archive_of_ignored_files_is_rejected_as_empty(read, tmp_path):
    litter = {"__MACOSX/._a.txt": b"\0\5\x16\7" + bytes(100), ".DS_Store": b"\0\0\0\1Bud1", "Thumbs.db": b""}
    assert read("a.zip", zipped(litter)) == {
        "a.zip#__MACOSX/._a.txt": "ignored: macos-metadata",
        "a.zip#.DS_Store": "ignored: macos-metadata",
        "a.zip#Thumbs.db": "ignored: windows-metadata",
        "a.zip": "empty",
    }
    (*ignored, rejected) = read_documents(tmp_path / "document", "a.zip")
    assert {type(one) for one in ignored} == {Ignored}
    assert isinstance(rejected, Rejected)
    assert "only ignored files" in rejected.message


@pytest.mark.parametrize("at", range(7))
def test_a_damaged_byte_affects_only_its_file(read, at):
    data = zipped({f"{number}.txt": f"Text {number}. ".encode() * 50 for number in range(5)}, zipfile.ZIP_STORED)
    start = data.index(b"Text 2. ") + 10 * at
    damaged = data[:start] + bytes([data[start] ^ 0xFF]) + data[start + 1 :]
    found = read("a.zip", damaged)
    assert found["a.zip#2.txt"] == "broken"
    assert [name for name, said in found.items() if said.startswith("Text ")] == [
        f"a.zip#{n}.txt" for n in (0, 1, 3, 4)
    ]


def test_a_great_many_tiny_streams_take_no_longer_than_their_bytes(read):
    import time

    one = gzip.compress(b"a", mtime=0)
    began = time.process_time()
    assert len(read("a.txt.gz", one * 50_000)["a.txt.gz#a.txt"]) == 50_000
    assert time.process_time() - began < 5
