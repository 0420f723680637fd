"""Word files: every part of the package and every wrapper around runs is read, and hidden text is not."""

import contextlib
import io
import struct
import time
import zipfile

import pytest

from ner_tasks.documents import CannotRead, Limits, read_documents
from ner_tasks.documents.readers.office import docx
from ner_tasks.documents.types import Extract
from tests.formats import docx_bytes, zipped

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SPACES = (
    f'xmlns:w="{WORD}" xmlns:r="{OFFICE}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
)
RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'


def packed(body: str, parts: dict[str, bytes | str] | None = None, relations: str = "") -> bytes:
    files = {
        "_rels/.rels": RELATIONS.format(
            f'<Relationship Id="r" Type="{OFFICE}/officeDocument" Target="word/document.xml"/>'
        ),
        "word/document.xml": f"<w:document {SPACES}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": RELATIONS.format(relations),
        **(parts or {}),
    }
    return zipped({name: data.encode() if isinstance(data, str) else data for name, data in files.items()})


def read(body: str, parts: dict[str, bytes | str] | None = None, relations: str = "") -> Extract:
    return docx.read(packed(body, parts, relations), Limits())


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(text: str) -> str:
    return f"<w:p>{run(text)}</w:p>"


ROSA = run("Rosa Delgado")


@pytest.mark.parametrize(
    "wrapped",
    [
        f"<w:ins>{ROSA}</w:ins>",
        f"<w:moveTo>{ROSA}</w:moveTo>",
        f'<w:hyperlink r:id="none">{ROSA}</w:hyperlink>',
        f"<w:sdt><w:sdtPr/><w:sdtContent>{ROSA}</w:sdtContent></w:sdt>",
        f"<w:smartTag><w:smartTagPr/>{ROSA}</w:smartTag>",
        f"<w:customXml><w:customXmlPr/>{ROSA}</w:customXml>",
        f'<w:fldSimple w:instr="MERGEFIELD who">{ROSA}</w:fldSimple>',
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>Rosa Delgado</w:t></w:r>",
        "<w:r><w:t>Rosa Del</w:t><w:softHyphen/></w:r><w:r><w:lastRenderedPageBreak/><w:t>gado</w:t></w:r>",
        "<m:oMath><m:r><m:t>Rosa Delgado</m:t></m:r></m:oMath>",
        f"<mc:AlternateContent><mc:Choice Requires='x'>{ROSA}</mc:Choice><mc:Fallback>{ROSA}</mc:Fallback></mc:AlternateContent>",
        f"<mc:AlternateContent><mc:Choice Requires='x'/><mc:Fallback>{ROSA}</mc:Fallback></mc:AlternateContent>",
    ],
)
def test_text_is_read_once_in_any_wrapper(wrapped):
    assert read(f"<w:p>{run('Paid by ')}{wrapped}{run('.')}</w:p>").text == "Paid by Rosa Delgado."


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ("<w:tab/>", "\t"),
        ('<w:ptab w:alignment="right"/>', "\t"),
        ("<w:br/>", "\n"),
        ("<w:cr/>", "\n"),
        ("<w:noBreakHyphen/>", "-"),
        ('<w:sym w:font="Wingdings" w:char="F0FE"/>', "☑"),
        ('<w:sym w:font="Symbol" w:char="F0B0"/>', "°"),
        ('<w:sym w:font="Unknown" w:char="F041"/>', "\ufffc"),
        ('<w:footnoteReference w:id="2"/>', " "),
        ('<w:drawing><wp:docPr id="1" name="x"/></w:drawing>', " "),
    ],
)
def test_visible_separators_also_separate_words_in_the_text(between, expected):
    assert read(f"<w:p><w:r><w:t>Quinn</w:t>{between}<w:t>Reno</w:t></w:r></w:p>").text == f"Quinn{expected}Reno"


def test_deleted_or_moved_text_is_ignored_by_a_rule():
    found = read(
        f"<w:p>{run('Stays')}<w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:moveFrom>{run('moved')}</w:moveFrom></w:p>"
        f"<w:tbl><w:tr><w:trPr><w:del/></w:trPr><w:tc>{paragraph('row')}</w:tc></w:tr></w:tbl>"
    )
    assert (found.text, found.items.ignored) == ("Stays", {"deleted-text": 3})


def test_a_paragraph_with_a_deleted_mark_is_joined_with_the_next():
    marks = "<w:pPr><w:rPr><w:del/></w:rPr></w:pPr>"
    assert read(f"<w:p>{marks}{run('Rosa ')}</w:p>{paragraph('Delgado paid.')}").text == "Rosa Delgado paid."


def field(code: str, result: str | None = None, form: str = "") -> str:
    mark = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
    begin = (
        f'<w:r><w:fldChar w:fldCharType="begin">{form}</w:fldChar></w:r><w:r><w:instrText>{code}</w:instrText></w:r>'
    )
    return begin + ("" if result is None else mark.format("separate") + result) + mark.format("end")


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (field("MERGEFIELD who", ROSA), "Rosa Delgado"),
        (field("IF" + "</w:instrText></w:r>" + field("REF x", run("code")) + "<w:r><w:instrText>", ROSA), "Rosa Delgado"),
        (field("MACROBUTTON NoMacro Rosa Delgado"), "Rosa Delgado"),
        (field('QUOTE "Rosa Delgado"'), "Rosa Delgado"),
        (field("EQ \\f(1,2)"), "1 2"),
        (field("XE hidden"), ""),
        (field("FORMTEXT", ROSA, "<w:ffData><w:textInput/></w:ffData>"), "Rosa Delgado"),
        (field("FORMCHECKBOX", None, "<w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData>"), "☒"),
        (field("FORMCHECKBOX", None, '<w:ffData><w:checkBox><w:checked w:val="0"/></w:checkBox></w:ffData>'), "☐"),
        (
            field("FORMDROPDOWN", "", '<w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="a"/><w:listEntry w:val="Rosa"/></w:ddList></w:ffData>'),
            "Rosa",
        ),
        (f'<w:r><w:fldChar w:fldCharType="begin"/></w:r>{ROSA}', "Rosa Delgado"),
    ],
)  # fmt: skip
def test_only_the_shown_text_of_a_field_is_read(shown, expected):
    assert read(f"<w:p>{run('x ')}{shown}</w:p>").text == f"x {expected}".strip()


def test_text_boxes_notes_and_cells_are_separate_blocks():
    box = f"<w:r><w:pict><v:shape><v:textbox><w:txbxContent>{paragraph('In a box')}</w:txbxContent></v:textbox></v:shape></w:pict></w:r>"
    inner = f"<w:tbl><w:tr><w:tc>{paragraph('c')}</w:tc><w:tc>{paragraph('d')}</w:tc></w:tr></w:tbl>"
    cells = f"<w:tc>{paragraph('a')}{paragraph('b')}</w:tc><w:tc>{inner}<w:p/></w:tc>"
    found = read(
        f"<w:p>{run('Body')}{box}</w:p><w:tbl><w:tr>{cells}</w:tr></w:tbl>",
        {
            "word/footnotes.xml": f"<w:footnotes {SPACES}><w:footnote>{paragraph('A note')}</w:footnote></w:footnotes>",
            "word/header1.xml": f"<w:hdr {SPACES}>{paragraph('Keystone')}</w:hdr>",
            "word/comments.xml": f"<w:comments {SPACES}><w:comment>{paragraph('A comment')}</w:comment></w:comments>",
        },
    )
    assert found.text.split("\n\n") == ["Keystone", "Body", "In a box", "a\nb\tc\td", "A note", "A comment"]
    at = found.text.index("A note")
    assert found.sources.locate(at, at + 6) == {"source": "word/footnotes.xml"}


def test_the_fallback_of_a_text_box_is_ignored_unless_its_text_differs():
    def forms(new: str, old: str) -> str:
        return f"<w:r><mc:AlternateContent><mc:Choice>{new}</mc:Choice><mc:Fallback>{old}</mc:Fallback></mc:AlternateContent></w:r>"

    box = "<w:txbxContent>{}</w:txbxContent>"
    same = read(f"<w:p>{forms(box.format(paragraph('Rosa')), box.format(paragraph('Rosa')))}</w:p>")
    assert (same.text, same.items.ignored) == ("Rosa", {"other-form": 1})
    assert (
        read(f"<w:p>{forms(box.format(paragraph('Rosa')), box.format(paragraph('Ann')))}</w:p>").text == "Rosa\n\nAnn"
    )


def test_charts_diagrams_word_art_and_alternative_texts_are_read():
    label = "<c:strCache><c:pt><c:v>East</c:v></c:pt><c:pt><c:v>West</c:v></c:pt></c:strCache>"
    chart = f"<c:chartSpace {SPACES}><c:ser>{label}<c:numCache><c:pt><c:v>7</c:v></c:pt></c:numCache></c:ser></c:chartSpace>"
    diagram = f'<d:dataModel xmlns:d="x" {SPACES}><d:pt><d:t><a:p><a:r><a:t>Director</a:t></a:r></a:p></d:t></d:pt></d:dataModel>'
    drawn = '<w:r><w:drawing><wp:docPr id="1" name="x" descr="A receipt"/></w:drawing><w:pict><v:textpath string="DRAFT"/></w:pict></w:r>'
    found = read(f"<w:p>{drawn}</w:p>", {"word/charts/chart1.xml": chart, "word/diagrams/data1.xml": diagram})
    assert found.text.split("\n\n") == ["A receipt", "DRAFT", "East", "West", "Director"]
    assert found.items.ignored == {"chart-numbers": 1}


def test_embedded_files_become_documents_and_other_parts_are_listed_or_ignored():
    native = b"\2\0bill.txt\0C:\\bill.txt\0\0\0\3\0\4\0\0\0tmp\0" + struct.pack("<I", 4) + b"Tom."
    large = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 900, 900)
    tiny = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 8, 8)
    found = read(
        f'{paragraph("See")}<w:altChunk r:id="rC"/><w:altChunk r:id="rNone"/><w:subDoc r:id="rS"/>',
        {
            "word/chunk.html": "<p>Rosa</p>",
            "word/embeddings/s.xlsx": b"PK\x03\x04",
            "word/embeddings/oleObject1.bin": struct.pack("<I", len(native)) + native,
            "word/media/image1.png": large,
            "word/media/image2.png": tiny,
            "word/media/image3.emf": b"x",
            "word/media/sound.wav": b"RIFF",
            "word/activeX/activeX1.bin": b"x",
            "word/vbaProject.bin": b"x",
            "word/styles.xml": f"<w:styles {SPACES}/>",
            "word/glossary/document.xml": f"<w:glossaryDocument {SPACES}/>",
            "docProps/core.xml": "<cp:coreProperties xmlns:cp='x'><a>Title</a></cp:coreProperties>",
            "word/odd.xml": "<odd>words</odd>",
        },
        f'<Relationship Id="rC" Type="{OFFICE}/aFChunk" Target="chunk.html"/>',
    )
    assert sorted(part.name for part in found.parts) == [
        "word/chunk.html",
        "word/embeddings/oleObject1.bin/bill.txt",
        "word/embeddings/s.xlsx",
    ]
    named = " ".join(found.items.unread)
    for what in ("image1.png", "image3.emf", "sound.wav", "activeX1.bin", "odd.xml", "rNone", "rS"):
        assert what in named
    rules = {"tiny-picture": 1, "macro": 1, "styles-and-settings": 1, "building-blocks": 1, "metadata": 1}
    assert found.items.ignored == rules
    assert len(found.items.unread) == 7


def test_pictures_become_documents_with_ocr():
    found = docx.read(packed(paragraph("See"), {"word/media/image1.png": b"x"}), Limits(ocr=True))
    assert [part.name for part in found.parts] == ["word/media/image1.png"]


def test_custom_data_is_read_unless_it_repeats_the_document():
    parts = {"customXml/item1.xml": "<a><b>Rosa</b></a>", "customXml/item2.xml": "<a><b>Ann</b></a>"}
    found = read(paragraph("Rosa Delgado"), parts)
    assert (found.text, found.items.ignored) == ("Rosa Delgado\n\nAnn", {"other-form": 1})


def test_form_placeholders_are_ignored_and_entered_text_is_read():
    def control(text: str) -> str:
        return (
            f"<w:p><w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{run(text)}</w:sdtContent></w:sdt></w:p>"
        )

    prompts = f"<w:glossaryDocument {SPACES}><w:docPartBody>{paragraph('Choose an item.')}</w:docPartBody></w:glossaryDocument>"
    found = read(control("Choose an item.") + control("Rosa"), {"word/glossary/document.xml": prompts})
    assert (found.text, found.items.ignored) == ("Rosa", {"placeholder": 1, "building-blocks": 1})


def strict(data: bytes) -> bytes:
    return data.replace(WORD.encode(), b"http://purl.oclc.org/ooxml/wordprocessingml/main").replace(
        OFFICE.encode(), b"http://purl.oclc.org/ooxml/officeDocument/relationships"
    )


def changed(change) -> bytes:
    """Return a valid file with changed parts; a part without content is left out."""
    with zipfile.ZipFile(io.BytesIO(packed(paragraph("Rosa"), {"[Content_Types].xml": "<Types/>"}))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return zipped({name: data for old, content in files.items() for name, data in [change(old, content)] if data})


@pytest.mark.parametrize(
    "change",
    [
        lambda name, data: (name, strict(data)),
        lambda name, data: (name, b"" if "Types" in name else data),
        lambda name, data: (name, b"" if name.endswith(".rels") else data),
        lambda name, data: (name.replace("/", "\\"), data),
        lambda name, data: (name.upper() if "document" in name else name, data),
        lambda name, data: (name, data.replace(b'"word/document.xml', b'"/word/document.xml')),
        lambda name, data: (name, data.replace(b'"word/document.xml', b'"NULL')),
        lambda name, data: (name, data.decode().encode("utf-16") if name.endswith("t.xml") else data),
        lambda name, data: (name, data.replace(b"</w:body>", b"&nothing;</w:body>")),
    ],
    ids=["strict", "no types", "no relations", "backslashes", "case", "absolute", "dangling", "utf-16", "entity"],
)
def test_variants_of_other_programs_are_read(change):
    assert docx.read(changed(change), Limits()).text == "Rosa"


def test_a_damaged_part_does_not_affect_the_others():
    header = f"<w:hdr {SPACES}>{paragraph('Keystone ' * 50)}</w:hdr>"
    data = packed(
        paragraph("Rosa"),
        {"word/header1.xml": header, "word/footer1.xml": f"<w:ftr {SPACES}>{paragraph('End')}</w:ftr"},
    )
    at = data.index(b"word/header1.xml") + len("word/header1.xml")
    found = docx.read(data[: at + 20] + bytes(20) + data[at + 40 :], Limits())
    assert found.text.split("\n\n") == ["Rosa", "End"]
    assert [line.partition(":")[0] for line in found.items.unread] == ["word/footer1.xml", "word/header1.xml"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zipped({"[Content_Types].xml": b"<a/>", "word/document.xml": b"<a/>"}), "broken"),
        (packed(paragraph("Rosa")).replace(b"PK\x01\x02", b"PK\x01\x02", 1)[:-30], "broken"),
        (packed("<w:p/>", {"word/media/image1.png": b"x"}), "no-text-layer"),
        (packed("<w:p/>", {"word/bomb.bin": bytes(3_000_000)}), "too-large"),
        (b"\xd0\xcf\x11\xe0" + bytes(500), "encrypted"),
    ],
    ids=["no Word", "cut off", "pictures", "bomb", "old"],
)
def test_a_bad_file_is_rejected_with_its_reason(data, reason, tmp_path):
    (tmp_path / "a.docx").write_bytes(data)
    (answer,) = read_documents(tmp_path / "a.docx", "a.docx", Limits(max_unpacked_bytes=1_000_000))
    assert answer.reason == reason


@pytest.mark.parametrize(
    "body",
    [
        "<w:sdt>" * 1_000_000 + paragraph("Rosa"),
        "<w:p>" * 1_000 + ROSA + "</w:p>" * 1_000,
        "<mc:AlternateContent><mc:Choice>" * 500 + ROSA + "</mc:Choice></mc:AlternateContent>" * 500,
        '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r>' * 5_000 + ROSA,
        "<mc:AlternateContent>" + f"<mc:Choice>{ROSA}</mc:Choice>" * 20_000 + "</mc:AlternateContent>",
        "<w:tbl><w:tr><w:tc>" * 600 + paragraph("Rosa") + "</w:tc></w:tr></w:tbl>" * 600,
        "<w:p/>" * 200_000,
    ],
    ids=["deep", "paragraphs", "alternatives", "fields", "choices", "tables", "blank"],
)
def test_hostile_nesting_takes_linear_time(body):
    began = time.process_time()
    with contextlib.suppress(CannotRead):
        docx.read(packed(body + "<w:p/>"), Limits())
    assert time.process_time() - began < 5


def test_cyclic_relations_terminate():
    circle = f'<Relationship Id="rC" Type="{OFFICE}/aFChunk" Target="document.xml"/>'
    found = read(f'{paragraph("Rosa")}<w:altChunk r:id="rC"/>', None, circle)
    assert (found.text, len(found.parts)) == ("Rosa", 1)


def test_a_word_file_of_python_docx_is_read():
    assert (
        docx.read(docx_bytes("Rosa", header="Keystone", table=[["a", "b"]]), Limits()).text
        == "Keystone\n\nRosa\n\na\tb"
    )


CORE = (
    '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/">{}</cp:coreProperties>'
)
CUSTOM = '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties" xmlns:vt="x">{}</Properties>'


def test_entered_properties_are_the_last_block():
    core = (
        "<dc:title>Rosa Delgado</dc:title><dc:subject>Claim_x000d_\nof Ann</dc:subject><dc:creator>Bo</dc:creator>"
        "<dc:description>generated by python-docx</dc:description><cp:keywords>Reno</cp:keywords><cp:category>Appeals</cp:category>"
    )
    custom = "".join(
        f'<property name="{name}"><vt:{kind}>{value}</vt:{kind}></property>'
        for name, kind, value in (
            ("Client", "lpwstr", "Henry Quinn"),
            ("Pages", "i4", "7"),
            ("MSIP_Label_1_Name", "lpwstr", "Confidential"),
            ("Server", "lpwstr", "12345678-1234-1234-1234-123456789012"),
        )
    )
    parts = {"docProps/core.xml": CORE.format(core), "docProps/custom.xml": CUSTOM.format(custom)}
    found = read(paragraph("Dear Rosa Delgado,"), parts)
    lines = ["Subject: Claim of Ann", "Keywords: Reno", "Category: Appeals", "Client: Henry Quinn"]
    assert found.text == "Dear Rosa Delgado,\n\n" + "\n".join(lines)
    assert found.sources.locate(20, 27) == {"source": "properties"}
    assert found.items.counts["property"] == {"ignored": 5, "read": 4}
    assert found.items.ignored == {"default-name": 1, "metadata": 5, "said-in-the-text": 1}


def test_properties_are_found_under_any_part_name():
    core = CORE.format("<dc:title>Rosa</dc:title>")
    assert read(paragraph("Dear Ann,"), {"package/services/metadata/core-properties/1.psmdcp": core}).text.endswith(
        "Title: Rosa"
    )


def test_a_title_does_not_make_a_scan_a_text_document():
    parts = {"word/media/image1.png": b"x", "docProps/core.xml": CORE.format("<dc:title>Scan of Rosa</dc:title>")}
    with pytest.raises(CannotRead) as caught:
        read("<w:p/>", parts)
    assert caught.value.reason == "no-text-layer"


def test_damaged_base64_in_a_single_xml_file_is_listed():
    space = 'xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage"'
    relation = RELATIONS.format(f'<Relationship Id="r" Type="{OFFICE}/officeDocument" Target="word/document.xml"/>')
    parts = {
        "/_rels/.rels": f"<pkg:xmlData>{relation}</pkg:xmlData>",
        "/word/document.xml": f"<pkg:xmlData><w:document {SPACES}><w:body>{paragraph('Rosa')}</w:body></w:document></pkg:xmlData>",
        "/word/embeddings/a.bin": "<pkg:binaryData>e</pkg:binaryData>",
    }
    held = "".join(f'<pkg:part pkg:name="{name}">{content}</pkg:part>' for name, content in parts.items())
    found = docx.read(f"<pkg:package {space}>{held}</pkg:package>".encode(), Limits())
    assert (found.text, found.items.unread) == ("Rosa", ("word/embeddings/a.bin: damaged base64",))
