"""Formats that are not read, but recognised for a better error message."""

import re

_UNREAD = (
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"MSCF\0\0\0\0", "a cabinet archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\x04\x22\x4d\x18", "an LZ4 file"),
    (b"\x1f\x9d", "a file packed by compress"),
    (b"LZIP\x01", "an lzip file"),
    (b"!BDN", "an Outlook data file"),
    (b"ITSF\x03\0", "a compiled help file"),
    (b"SQLite format 3\0", "a database"),
    (b"%!PS", "a PostScript file"),
    (b"\xffWPC", "a WordPerfect file"),
    (b"\x7fELF", "a program"),
)
_PROGRAM = re.compile(rb"MZ.{0,62}\0", re.DOTALL)  # with the zero byte, since a text may begin with these letters
_LHA = re.compile(rb"..-l[hz][0-9sd]-", re.DOTALL)


def find_name(head: bytes) -> str:
    """Return a phrase for a format that is not read, such as `a RAR archive`; "" for any other file."""
    if _LHA.match(head):
        return "an LHA archive"
    if _PROGRAM.match(head):
        return "a program"
    return next((what for mark, what in _UNREAD if head.startswith(mark)), "")
