"""Registry of formats: reader, suffixes and media types of each. A new format is one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from ner_tasks.documents.types import Extract, Limits

# How a file of a format becomes documents.
DOCUMENT, TABLE, JSON_LINES, ARCHIVE = "document", "table", "json-lines", "archive"


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: its name in receipts.
        reader: module in `ner_tasks.documents.readers`, or a function like their `read`, see `register_format`; "" for
            tables, JSON Lines and archives.
        suffixes: suffixes of file names, in lower case with the period.
        media_types: media types, in lower case.
        shape: `document`, `table`, `json-lines` or `archive`.
        is_text: whether its files are text, which has no signature.
        delimiter: default delimiter of a table.
    """

    name: str
    reader: str | Callable[[bytes, Limits, str], Extract] = ""
    suffixes: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    shape: str = DOCUMENT
    is_text: bool = False
    delimiter: str = ""


_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_EXCEL, _WORD = "application/vnd.ms-excel", "application/vnd.ms-word"

_ALL = (
    Format("text", "plain", (".txt", ".text", ".md", ".log"), ("text/plain", "text/markdown"), is_text=True),
    Format("html", "markup.html", (".html", ".htm", ".xhtml"), ("text/html", "application/xhtml+xml"), is_text=True),
    Format("svg", "markup.svg", (".svg",), ("image/svg+xml",), is_text=True),
    Format("xml", "markup.xml", (".xml",), ("text/xml", "application/xml"), is_text=True),
    Format("rtf", "markup.rtf", (".rtf",), ("text/rtf", "application/rtf"), is_text=True),
    Format("eml", "mail.eml", (".eml",), ("message/rfc822", "message/global"), is_text=True),
    Format("mbox", "mail.eml", (".mbox", ".mbx"), ("application/mbox",), is_text=True),
    Format(
        "ics", "mail.calendar", (".ics", ".vcs"), ("text/calendar", "text/x-vcalendar", "application/ics"), is_text=True
    ),
    Format("vcf", "mail.calendar", (".vcf", ".vcard"), ("text/vcard", "text/x-vcard", "text/directory"), is_text=True),
    Format("mhtml", "mail.eml", (".mht", ".mhtml"), ("multipart/related", "application/x-mimearchive"), is_text=True),
    Format("msg", "mail.msg", (".msg",), ("application/vnd.ms-outlook",)),
    Format("tnef", "mail.tnef", (".tnef",), ("application/ms-tnef", "application/vnd.ms-tnef")),
    Format("pdf", "pdf.pdf", (".pdf",), ("application/pdf", "application/x-pdf")),
    Format(
        "docx",
        "office.docx",
        (".docx", ".docm", ".dotx", ".dotm"),
        (f"{_OOXML}wordprocessingml.document", f"{_OOXML}wordprocessingml.template"),
    ),
    Format("doc", "office.legacy_office", (".doc", ".dot"), ("application/msword", _WORD)),
    Format("xlsx", "office.xlsx", (".xlsx", ".xlsm", ".xltx", ".xltm"), (f"{_OOXML}spreadsheetml.sheet",)),
    Format("xlsb", "office.spreadsheet", (".xlsb",), (f"{_EXCEL}.sheet.binary.macroenabled.12",)),
    Format("xls", "office.spreadsheet", (".xls", ".xlt"), (_EXCEL,)),
    Format("ods", "office.spreadsheet", (".ods", ".ots", ".fods"), (f"{_ODF}spreadsheet",)),
    Format(
        "pptx", "office.pptx", (".pptx", ".pptm", ".potx", ".ppsx", ".ppsm"), (f"{_OOXML}presentationml.presentation",)
    ),
    Format("ppt", "office.legacy_office", (".ppt", ".pps"), ("application/vnd.ms-powerpoint",)),
    Format("odt", "office.odf", (".odt", ".ott", ".fodt"), (f"{_ODF}text",)),
    Format("odp", "office.odf", (".odp", ".otp", ".fodp"), (f"{_ODF}presentation",)),
    Format("epub", "markup.epub", (".epub",), ("application/epub+zip",)),
    Format("hl7", "clinical.hl7", (".hl7",), ("application/hl7-v2", "x-application/hl7-v2+er7"), is_text=True),
    Format("cda", "clinical.cda", (".cda", ".ccda"), ("application/hl7-cda+xml",), is_text=True),
    Format("fhir", "clinical.fhir", (".fhir",), ("application/fhir+json",), is_text=True),
    Format(
        "x12",
        "clinical.x12",
        (".x12", ".edi", ".837", ".835", ".275", ".277", ".278"),
        ("application/edi-x12",),
        is_text=True,
    ),
    Format("image", "image", (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp")),
    Format("csv", "", (".csv",), ("text/csv",), TABLE, is_text=True, delimiter=","),
    Format("tsv", "", (".tsv",), ("text/tab-separated-values",), TABLE, is_text=True, delimiter="\t"),
    Format("jsonl", "", (".jsonl", ".ndjson"), ("application/x-ndjson", "application/jsonl"), JSON_LINES, is_text=True),
    Format("json", "json_values", (".json",), ("application/json", "text/json"), is_text=True),
    Format("zip", "", (".zip",), ("application/zip", "application/x-zip-compressed"), ARCHIVE),
    Format("tar", "", (".tar",), ("application/x-tar",), ARCHIVE),
    Format("tar.gz", "", (".tgz",), (), ARCHIVE),
    Format("tar.bz2", "", (".tbz2", ".tbz"), (), ARCHIVE),
    Format("tar.xz", "", (".txz",), (), ARCHIVE),
    Format("gz", "", (".gz",), ("application/gzip", "application/x-gzip"), ARCHIVE),
    Format("bz2", "", (".bz2",), ("application/x-bzip2",), ARCHIVE),
    Format("xz", "", (".xz", ".lzma"), ("application/x-xz",), ARCHIVE),
)

FORMATS: dict[str, Format] = {format_.name: format_ for format_ in _ALL}
SUFFIXES: dict[str, Format] = {suffix: format_ for format_ in _ALL for suffix in format_.suffixes}
MEDIA_TYPES: dict[str, Format] = {
    **{media_type: format_ for format_ in _ALL for media_type in format_.media_types},
    **{f"image/{kind}": FORMATS["image"] for kind in ("png", "jpeg", "jpg", "tiff", "gif", "bmp", "webp")},
}


def register_format(format_: Format) -> None:
    """Register a format in this process.

    The command `tag` and the nightly run read documents in separate processes. For those, add a reader module to
    `ner_tasks.documents.readers` and its format to the list above.

    Args:
        format_: its `reader` is a function of a file's bytes, the limits, and the declared encoding or "".

    Raises:
        ValueError: the name, a suffix or a media type belongs to another format.
    """
    taken = [*({format_.name} & FORMATS.keys()), *(set(format_.suffixes) & SUFFIXES.keys())]
    taken += set(format_.media_types) & MEDIA_TYPES.keys()
    if taken:
        raise ValueError(
            f"found {taken[0]!r} of another format, expected one that is free, for format {format_.name!r}"
        )
    FORMATS[format_.name] = format_
    SUFFIXES.update(dict.fromkeys(format_.suffixes, format_))
    MEDIA_TYPES.update(dict.fromkeys(format_.media_types, format_))


def find_by_suffix(called: str) -> Format | None:
    """Return the format of a file name; None for no suffix or an unknown one."""
    lowered = called.lower()
    for packed in ("tar.gz", "tar.bz2", "tar.xz"):
        if lowered.endswith(f".{packed}"):
            return FORMATS[packed]
    if lowered == "winmail.dat":
        return FORMATS["tnef"]
    return SUFFIXES.get(PurePosixPath(lowered).suffix)


def find_by_media_type(media_type: str) -> Format | None:
    """Return the format of a media type: `text` for other `text/` types, None for unknown ones."""
    lowered = media_type.partition(";")[0].strip().lower()
    format_ = MEDIA_TYPES.get(lowered)
    return format_ or (FORMATS["text"] if lowered.startswith("text/") else None)
