"""Read Word and PowerPoint files from before 2007 (doc, ppt).

Word files since 1993 and presentations since 1997 are read from their streams. An older Word file is read by an external
program, named in the document's notes, or rejected if none is installed.
"""

from typing import Any

from ner_tasks.documents.detection import sniffing
from ner_tasks.documents.readers import pictures
from ner_tasks.documents.readers.office import doc_pieces, legacy_programs, ole_objects, ppt_records
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

_WORD, _SLIDES, _USER = "WordDocument", "PowerPoint Document", "Current User"


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read the body, notes, comments and text boxes of a text, or the slides and notes of a presentation.

    Raises:
        CannotRead: `encrypted`, `broken`; `no-program` for files from before 1993.
    """
    from ner_tasks.documents.detection.ole_files import OleFile

    if not data.startswith(sniffing.OLE_HEAD):
        return legacy_programs.read(data, limits)
    builder = ExtractBuilder()
    with OleFile(data) as ole:
        if ole.exists("EncryptedPackage"):
            raise CannotRead("encrypted", "found an Office file with a password, expected one that opens")
        if ole.exists(_WORD):
            stream = ole.openstream(_WORD).read()
            if not doc_pieces.is_readable(stream):
                return legacy_programs.read(data, limits)
            _add_word(ole, stream, builder)
        elif ole.exists(_SLIDES):
            _add_slides(ole, builder)
        else:
            raise CannotRead("broken", "found neither Word text nor slides, expected a Word or PowerPoint file")
        _add_objects(ole, builder)
    return pictures.require_text(builder.extract())


def _add_word(ole: Any, stream: bytes, builder: ExtractBuilder) -> None:
    if doc_pieces.is_encrypted(stream):
        raise CannotRead("encrypted", "found a Word file with a password, expected one that opens")
    name = doc_pieces.find_table_stream(stream)
    if not ole.exists(name):
        raise CannotRead("broken", f"found no stream {name}, expected a whole Word file")
    for part in doc_pieces.read_stories(stream, ole.openstream(name).read()):
        builder.block(part.text, "" if part.name == "body" else part.name)
        builder.inventory.read("part")
        builder.inventory.ignored("text", "field-code", part.n_codes)
        where = f"{part.n_pictures} picture(s) in the {part.name}"
        builder.inventory.unread("picture", where, "pictures in a doc file are not read", part.n_pictures)
        where = f"{part.n_drawn} floating object(s) in the {part.name}"
        builder.inventory.unread("drawing", where, "only their text boxes are read", part.n_drawn)


def _add_slides(ole: Any, builder: ExtractBuilder) -> None:
    if ole.exists("EncryptedSummary"):
        raise CannotRead("encrypted", "found a PowerPoint file with a password, expected one that opens")
    user = ole.openstream(_USER).read() if ole.exists(_USER) else b""
    for label, texts in ppt_records.read_slides(ole.openstream(_SLIDES).read(), user):
        builder.inventory.read("slide")
        for text in texts:
            builder.block(text, label)
    if ole.exists("Pictures"):
        builder.inventory.unread("picture", "Pictures", "pictures in a ppt file are not read")


def _add_objects(ole: Any, builder: ExtractBuilder) -> None:
    """Add the files embedded as objects; macros and properties are ignored."""
    entries = ole.listdir(storages=True, streams=False)
    ole_objects.add_storages(builder, ole, 2, lambda path: path[0] == "ObjectPool")
    n_macros = sum(1 for path in entries if len(path) == 1 and path[0].lower() in ("macros", "_vba_project_cur"))
    builder.inventory.ignored("part", "macro", n_macros)
    n_metadata = sum(1 for path in ole.listdir() if len(path) == 1 and path[0].endswith("SummaryInformation"))
    builder.inventory.ignored("part", "metadata", n_metadata)
