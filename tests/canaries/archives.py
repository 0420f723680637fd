"""Archives in archives: zip, tar and streams, in every packing, with odd names, bytes around them, comments and litter."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Mapping

from tests.canaries.words import new_word

NAME, SUFFIX = "archives", ".zip"
# Archives around a file; a stream around an archive is one more, and three are read.
_MAX_DEPTH = 2
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_NAMES = ("a", "Müller-Zürich", "田中", "day/note", "day\\note", "../up", "/etc/abs", "a b#c", "Справка", "x" * 120)
_ENCODINGS = ("utf-8", "cp850", "cp1252", "cp932", "cp866", "gbk")
_LITTER = (("__MACOSX/._a.txt", b"\0\5\x16\7" + bytes(40)), (".DS_Store", b"\0\0\0\1Bud1"), ("Thumbs.db", b""))

Canaries = dict[str, str]


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    canaries: Canaries = {}
    return _archive(rng, canaries, 1), canaries


def _archive(rng: random.Random, canaries: Canaries, depth: int) -> bytes:
    kind = rng.choice(("zip", "zip", "tar", "stream" if depth > 1 else "tar"))
    if kind == "stream":
        return _packed(rng, _member(rng, canaries, depth)[1])
    members: dict[str, bytes] = {}
    for number in range(rng.randint(1, 5)):
        suffix, data = _member(rng, canaries, depth)
        name = f"{rng.choice(_NAMES)}{number}{suffix}"
        members[name] = data
    members |= dict(rng.sample(_LITTER, rng.randint(0, len(_LITTER))))
    if kind == "zip":
        return _zip(rng, members, canaries)
    tar = _tar(rng, members)
    return _packed(rng, tar) if rng.random() < 0.5 else tar


def _member(rng: random.Random, canaries: Canaries, depth: int) -> tuple[str, bytes]:
    """Suffix and content of one file."""
    if depth < _MAX_DEPTH and rng.random() < 0.4:
        return rng.choice((".zip", ".bin", "")), _archive(rng, canaries, depth + 1)
    word = new_word(rng)
    canaries[word] = "a file in the archive"
    suffix, text = rng.choice(
        ((".txt", f"Paid by {word}."), (".csv", f"id,text\n1,Paid by {word}.\n"), ("", f"Paid by {word}."))
    )
    return suffix, (text + " Rosa." * rng.randint(0, 5_000) * (suffix != ".csv")).encode()


class _Entry(zipfile.ZipInfo):
    """An entry whose name is stored as it is, without a flag that says how it is encoded."""

    stored: bytes

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - zipfile's own name
        return self.stored, self.flag_bits


def _zip(rng: random.Random, members: Mapping[str, bytes], canaries: Canaries) -> bytes:
    file = io.BytesIO()
    encoding = rng.choice(_ENCODINGS)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            entry = _Entry(name)
            try:
                entry.stored = name.encode(encoding)
            except UnicodeEncodeError:
                entry.stored = name.encode()
            entry.create_system = rng.choice((0, 3))
            archive.writestr(entry, data, rng.choice(_METHODS))
        if rng.random() < 0.3:
            word = new_word(rng)
            canaries[word] = "the comment"
            archive.comment = f"Sent by {word}.".encode()
    prefix = b"MZ" + bytes(rng.randint(40, 400)) if rng.random() < 0.2 else b""
    return prefix + file.getvalue() + (b"\0\1garbage" if rng.random() < 0.2 else b"")


def _tar(rng: random.Random, members: Mapping[str, bytes]) -> bytes:
    parts = []
    names = list(members)
    is_short = max(map(len, names)) < 90
    form = rng.choice((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)[0 if is_short else 1 :])
    at = rng.randint(1, len(names)) if rng.random() < 0.2 else len(names)
    for some in (names[:at], names[at:]):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=form, encoding="utf-8") as archive:
            for name in some:
                entry = tarfile.TarInfo(name)
                entry.size = len(members[name])
                archive.addfile(entry, io.BytesIO(members[name]))
        parts.append(file.getvalue() if some else b"")
    return b"".join(parts)


def _packed(rng: random.Random, data: bytes) -> bytes:
    """One stream, or two one behind the other."""
    pack = rng.choice((gzip.compress, bz2.compress, lzma.compress))
    at = rng.randint(0, len(data)) if rng.random() < 0.3 else len(data)
    return b"".join(pack(part) for part in (data[:at], data[at:]) if part or not data)
