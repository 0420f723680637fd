"""Detect Office, OpenDocument and EPUB files by the contents of their package, or of their flat XML file."""

import re
import zipfile
import zlib
from typing import BinaryIO

_MAX_BYTES = 2**20
# Formats of Office packages by the content type of the main part; "macroEnabled" may be part of it.
_OFFICE = (
    (
        re.compile(
            rb"wordprocessingml\.(?:document|template)\.main|ms-word\.(?:document|template)\.macroEnabled",
            re.IGNORECASE,
        ),
        "docx",
    ),
    (re.compile(rb"ms-excel\.sheet\.binary\.macroEnabled", re.IGNORECASE), "xlsb"),
    (
        re.compile(
            rb"spreadsheetml\.(?:sheet|template)\.main|ms-excel\.(?:sheet|template)\.macroEnabled", re.IGNORECASE
        ),
        "xlsx",
    ),
    (
        re.compile(
            rb"presentationml\.(?:presentation|template|slideshow)\.main|ms-powerpoint\.\w+\.macroEnabled",
            re.IGNORECASE,
        ),
        "pptx",
    ),
)
_MIMETYPES = {
    b"application/epub+zip": "epub",
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.presentation": "odp",
}
_FOLDERS = {
    "word/document.xml": "docx",
    "xl/workbook.xml": "xlsx",
    "xl/workbook.bin": "xlsb",
    "ppt/presentation.xml": "pptx",
}
_MANIFEST = re.compile(rb"opendocument\.(text|spreadsheet|presentation)")
_OF_MANIFEST = {b"text": "odt", b"spreadsheet": "ods", b"presentation": "odp"}
_FLAT_OFFICE = re.compile(r"<pkg:package[\s>]")
_FLAT_ODF = re.compile(r"<office:document[\s>][^>]*?office:mimetype=\"application/vnd\.oasis\.opendocument\.(\w+)")


def detect_kind(file: BinaryIO) -> str:
    """Return the name of the format of a ZIP file: `zip` if it is no package, "" if it is too damaged to tell.

    Args:
        file: a seekable file; its position is reset to the beginning.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            # Some programs write names with backslashes or in another case.
            names = {name.replace("\\", "/").lstrip("/").lower(): name for name in archive.namelist()}
            return _detect_by_names(archive, names) or "zip"
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, zlib.error, EOFError):
        return ""  # damaged: the format is taken from its name
    finally:
        file.seek(0)


def _detect_by_names(archive: zipfile.ZipFile, names: dict[str, str]) -> str:
    if "mimetype" in names and archive.getinfo(names["mimetype"]).file_size < 200:
        kind = archive.read(names["mimetype"]).strip().removesuffix(b"-template")
        if kind in _MIMETYPES:
            return _MIMETYPES[kind]
    # A document may contain another one: the folder of the main part identifies the outer one.
    at_home = next((kind for name, kind in _FOLDERS.items() if name in names), "")
    if "[content_types].xml" in names:
        types = archive.open(names["[content_types].xml"]).read(_MAX_BYTES).replace(b"\0", b"")  # may be UTF-16
        named = [kind for pattern, kind in _OFFICE if pattern.search(types)]
        return at_home if at_home and (at_home in named or not named) else (named or [at_home])[0]
    if "content.xml" in names and "meta-inf/manifest.xml" in names:
        match = _MANIFEST.search(archive.open(names["meta-inf/manifest.xml"]).read(_MAX_BYTES))
        return _OF_MANIFEST[match[1]] if match else ""
    if "meta-inf/container.xml" in names and any(name.endswith(".opf") for name in names):
        return "epub"
    return at_home


def detect_kind_of_xml(text: str) -> str:
    """Detect the format of an XML file that contains a whole package; "" for any other XML.

    Args:
        text: beginning of the file, from the first element on.
    """
    if _FLAT_OFFICE.match(text):
        return next((kind for name, kind in _FOLDERS.items() if f'pkg:name="/{name}"' in text), "docx")
    match = _FLAT_ODF.match(text)
    return _OF_MANIFEST.get(match[1].encode(), "") if match else ""
