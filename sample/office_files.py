"""Files of office programs and readers: rtf, docx, odt, pptx, xlsx, epub, and an archive that was packed on a Mac."""

import io
import random
import zipfile
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from sample import document_texts as texts
from sample.document_texts import cast_of, filled, some

if TYPE_CHECKING:
    import docx.document

_TIME = (2026, 3, 12, 9, 30, 0)
_ODF = "urn:oasis:names:tc:opendocument:xmlns"
_OOXML = "http://schemas.openxmlformats.org"
_RELATIONS = f"{_OOXML}/officeDocument/2006/relationships"
_MAIN_TYPE = "application/vnd.openxmlformats-officedocument"


def letter_rtf(rng: random.Random) -> bytes:
    """A letter of WordPad's."""
    cast = cast_of(rng)
    lines = [filled(rng, "Dear {agent},", cast), *_paragraphs(rng, texts.APPEAL, cast, 3), cast["member"]]
    body = "\\par\\par\n".join(_rtf(line) for line in lines)
    return f"{{\\rtf1\\ansi\\ansicpg1252\\deff0{{\\fonttbl{{\\f0 Calibri;}}}}\\f0\\fs22\n{body}\\par\n}}".encode(
        "ascii"
    )


def _rtf(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}")
    return "".join(char if char.isascii() else f"\\u{ord(char)}?" for char in escaped)


def new_docx() -> "docx.document.Document":
    """An empty document of Word's, with fixed properties."""
    import docx

    document = docx.Document()
    document.core_properties.created = document.core_properties.modified = texts.RECEIVED
    document.core_properties.author = "synthetic"
    return document


def saved_docx(document: "docx.document.Document") -> bytes:
    """The bytes of a document of Word's, the same each time."""
    file = io.BytesIO()
    document.save(file)
    return _rezipped(file.getvalue())


def _rezipped(data: bytes) -> bytes:
    """The same archive with fixed times and without its preview picture."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "_rels/.rels":
                content = _without_thumbnail(content)
            if not name.endswith("thumbnail.jpeg"):
                target.writestr(zipfile.ZipInfo(name, _TIME), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _without_thumbnail(relations: bytes) -> bytes:
    start = relations.index(
        b"<Relationship ", max(relations.rfind(b"<Relationship ", 0, relations.index(b"thumbnail")), 0)
    )
    return relations[:start] + relations[relations.index(b"/>", start) + 2 :]


def report_odt(rng: random.Random) -> bytes:
    """A report of LibreOffice's."""
    cast = cast_of(rng)
    body = "".join(f"<text:p>{escape(text)}</text:p>" for text in _paragraphs(rng, texts.REPORT[1:], cast, 3))
    content = (
        f'<office:document-content xmlns:office="{_ODF}:office:1.0" xmlns:text="{_ODF}:text:1.0" office:version="1.3">'
        f"<office:body><office:text><text:h>{escape(cast['hospital'])}</text:h>{body}</office:text></office:body>"
        "</office:document-content>"
    )
    mimetype = "application/vnd.oasis.opendocument.text"
    manifest = (
        f'<manifest:manifest xmlns:manifest="{_ODF}:manifest:1.0" manifest:version="1.3">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{mimetype}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    return packed({"mimetype": mimetype, "content.xml": content, "META-INF/manifest.xml": manifest})


def slides_pptx(rng: random.Random) -> bytes:
    """A slide with notes."""
    cast = cast_of(rng)
    spaces = (
        f'xmlns:a="{_OOXML}/drawingml/2006/main" xmlns:p="{_OOXML}/presentationml/2006/main" xmlns:r="{_RELATIONS}"'
    )

    def shape(text: str) -> str:
        body = f"<p:txBody><a:bodyPr/><a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p></p:txBody>"
        return f"<p:cSld><p:spTree><p:sp>{body}</p:sp></p:spTree></p:cSld>"

    slide, note = _paragraphs(rng, texts.NEWS, cast, 2)
    listed = '<p:sldIdLst><p:sldId id="256" r:id="rId1"/></p:sldIdLst>'
    return packed(
        {
            "[Content_Types].xml": _types(
                {
                    "/ppt/presentation.xml": "presentationml.presentation.main+xml",
                    "/ppt/slides/slide1.xml": "presentationml.slide+xml",
                    "/ppt/notesSlides/notesSlide1.xml": "presentationml.notesSlide+xml",
                }
            ),
            "_rels/.rels": _relations(("officeDocument", "ppt/presentation.xml")),
            "ppt/presentation.xml": f"<p:presentation {spaces}>{listed}</p:presentation>",
            "ppt/_rels/presentation.xml.rels": _relations(("slide", "slides/slide1.xml")),
            "ppt/slides/slide1.xml": f"<p:sld {spaces}>{shape(slide)}</p:sld>",
            "ppt/slides/_rels/slide1.xml.rels": _relations(("notesSlide", "../notesSlides/notesSlide1.xml")),
            "ppt/notesSlides/notesSlide1.xml": f"<p:notes {spaces}>{shape(note)}</p:notes>",
        }
    )


def claims_xlsx(rng: random.Random) -> bytes:
    """A sheet of claims with a remark on each."""
    rows = [["Member", "Provider", "Billed", "Remark"]]
    for _ in range(5):
        cast = cast_of(rng)
        amount = filled(rng, "{amount}", cast)
        rows.append([cast["member"], cast["hospital"], amount, _paragraphs(rng, texts.CALLS, cast, 1)[0]])
    cells = "".join(
        f'<row r="{r}">'
        + "".join(
            f'<c r="{chr(64 + c)}{r}" t="inlineStr"><is><t>{escape(text)}</t></is></c>' for c, text in enumerate(row, 1)
        )
        + "</row>"
        for r, row in enumerate(rows, 1)
    )
    space = f"{_OOXML}/spreadsheetml/2006/main"
    sheets = '<sheets><sheet name="Claims" sheetId="1" r:id="rId1"/></sheets>'
    return packed(
        {
            "[Content_Types].xml": _types(
                {
                    "/xl/workbook.xml": "spreadsheetml.sheet.main+xml",
                    "/xl/worksheets/sheet1.xml": "spreadsheetml.worksheet+xml",
                }
            ),
            "_rels/.rels": _relations(("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f'<workbook xmlns="{space}" xmlns:r="{_RELATIONS}">{sheets}</workbook>',
            "xl/_rels/workbook.xml.rels": _relations(("worksheet", "worksheets/sheet1.xml")),
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{space}"><sheetData>{cells}</sheetData></worksheet>',
        }
    )


def guide_epub(rng: random.Random) -> bytes:
    """A guide for members, one chapter."""
    cast = cast_of(rng)
    text = "".join(f"<p>{escape(each)}</p>" for each in _paragraphs(rng, texts.LETTER_BODIES[0], cast, 3))
    page = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Reviews</title></head><body>{text}</body></html>'
    container = (
        '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="guide.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Reviews</dc:title></metadata><manifest>'
        '<item id="c1" href="reviews.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="c1"/></spine></package>'
    )
    files = {"META-INF/container.xml": container, "guide.opf": package, "reviews.xhtml": page}
    return packed({"mimetype": "application/epub+zip", **files})


def mac_zip(rng: random.Random) -> bytes:
    """A letter that was packed on a Mac, with what its file manager adds."""
    cast = cast_of(rng)
    note = "\n\n".join([filled(rng, "To {agent}", cast), *_paragraphs(rng, texts.APPEAL, cast, 2), cast["member"]])
    return packed(
        {
            "appeal.txt": note,
            "__MACOSX/._appeal.txt": b"\0\x05\x16\x07" + bytes(80),
            ".DS_Store": b"\0\0\0\1Bud1" + bytes(90),
        }
    )


def packed(files: Mapping[str, str | bytes]) -> bytes:
    """An archive of these files, the first one not compressed, with fixed times."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, (name, content) in enumerate(files.items()):
            method = zipfile.ZIP_DEFLATED if number else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name, _TIME), content, method)
    return file.getvalue()


def _paragraphs(rng: random.Random, pool: Sequence[str], cast: texts.Cast, n: int) -> list[str]:
    return [filled(rng, text, cast) for text in some(rng, pool, n)][:n]


def _types(overrides: Mapping[str, str]) -> str:
    listed = "".join(f'<Override PartName="{n}" ContentType="{_MAIN_TYPE}.{t}"/>' for n, t in overrides.items())
    default = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    return f'<Types xmlns="{_OOXML}/package/2006/content-types">{default}{listed}</Types>'


def _relations(*targets: tuple[str, str]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_OOXML}/package/2006/relationships">{listed}</Relationships>'
