"""Workbooks: all sheets are read as one document, or as a table with one document per row."""

import io
import time
import zipfile

import pytest

from ner_tasks.documents import Document, Ignored, Limits, Rejected, read_documents
from tests.formats import sheet_xml, xlsx_bytes, zipped

PEOPLE = [["Name", "City", "Paid"], ["Rosa Delgado", "Zürich", 50], ["Ann", "", 1.5], [], ["Bo", "Reno", True]]


@pytest.fixture
def read(tmp_path):
    def _read(data: bytes, limits: Limits | None = None) -> list[Document | Rejected]:
        (tmp_path / "a.xlsx").write_bytes(data)
        return list(read_documents(tmp_path / "a.xlsx", "a.xlsx", limits or Limits()))

    return _read


def test_all_sheets_are_read_rows_by_line_cells_by_tab(read):
    (document,) = read(xlsx_bytes({"People": PEOPLE, "Empty": [], "More": [["Tampa"]]}))
    cells = "Name\tCity\tPaid\nRosa Delgado\tZürich\t50\nAnn\t\t1.5\nBo\tReno\tTRUE"
    assert document.text == f"People\n\n{cells}\n\nEmpty\n\nMore\n\nTampa"
    assert (document.name, document.unread) == ("a.xlsx", ())


def test_a_table_with_a_text_column_holds_a_document_per_row_and_no_other_sheet_is_lost(read):
    rows = [["id", "text", "by"], [7, "One.", "x"], ["", "Two."], ["7", "Again."], [8, "", "x"]]
    answers = read(xlsx_bytes({"Calls": rows, "Notes": [["Rosa"], ["Ann"]], "Empty": []}))
    assert [(a.name, a.text) for a in answers if isinstance(a, Document)] == [
        ("a.xlsx#7", "One."),
        ("a.xlsx#row-2", "Two."),
        ("a.xlsx#Notes", "Rosa\nAnn"),
    ]
    assert [(a.document, a.reason) for a in answers if isinstance(a, Rejected)] == [
        ("a.xlsx#row-3", "duplicate-id"),
        ("a.xlsx#8", "empty"),
    ]


def test_the_columns_can_be_chosen(read):
    rows = [["number", "note"], [1, "One."], [2, "Two."]]
    answers = read(xlsx_bytes({"Calls": rows}), Limits(text_column="note", id_column="number"))
    read_ones = [(a.name, a.text) for a in answers if isinstance(a, Document)]
    assert read_ones == [("a.xlsx#1", "One."), ("a.xlsx#2", "Two.")]


def test_unread_parts_are_listed(read):
    (document,) = read(xlsx_bytes({"A": [["x"]]}, {"xl/media/image1.png": b"x", "xl/comments1.xml": b"<a/>"}))
    assert document.unread == ("xl/media/image1.png: a picture; OCR is switched off",)
    assert document.items.ignored == {"no-text": 1}
    assert document.items.counts["sheet-name"] == {"read": 1}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (xlsx_bytes({"Sheet1": []}), "empty"),
        (xlsx_bytes({"A": PEOPLE})[:-200], "broken"),
        (b"\xd0\xcf\x11\xe0" + bytes(500), "encrypted"),
        (b"junk", "broken"),
        (xlsx_bytes({"A": [["x" * 3_000_000]]}), "too-large"),
        (xlsx_bytes({"A": [["x" * 2_000]]}), "too-long"),
    ],
    ids=["empty", "cut off", "old", "junk", "bomb", "long"],
)
def test_a_bad_workbook_is_rejected_with_its_reason(read, data, expected):
    (answer,) = read(data, Limits(max_unpacked_bytes=1_000_000, max_characters=1_000))
    assert (answer.document, answer.reason) == ("a.xlsx", expected)


def test_distant_cells_are_read_without_allocating_the_range(read):
    far = sheet_xml([["a"]]).replace("</row>", '</row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    began = time.process_time()
    (document,) = read(xlsx_bytes({"Sheet1": []}, {"xl/worksheets/sheet1.xml": far.encode()}))
    assert (document.text, time.process_time() - began < 1) == ("a\n\t1", True)
    assert document.sources.locate(3, 4) == {"source": "Sheet1!XFD1048576"}


def test_a_part_with_a_false_size_is_not_unpacked_beyond_the_limit(read):
    data = xlsx_bytes({"A": [["x" * 3_000_000]]})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    lying = data.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lying != data
    (answer,) = read(lying, Limits(max_unpacked_bytes=1_000_000))
    assert answer.reason == "too-large"


def test_entities_are_not_expanded(read, tmp_path):
    (tmp_path / "secret").write_text("top secret")
    laughs = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    for declared in (f'<!ENTITY e9 SYSTEM "file://{tmp_path}/secret">', f'<!ENTITY e0 "ha">{laughs}'):
        xml = sheet_xml([["x&y"]], f"<!DOCTYPE a [{declared}]>").replace("&amp;y", "&e9;")
        (answer,) = read(xlsx_bytes({"A": []}, {"xl/worksheets/sheet1.xml": xml.encode()}))
        assert "secret" not in str(answer)
        assert len(str(answer)) < 1_000


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'


def book(cells: str, parts: dict[str, bytes] | None = None, after: str = "", **related: str) -> bytes:
    """A workbook of one sheet of these cells; `related` are targets of the sheet's relations by their kind."""
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData>{after}</worksheet>'
    own = "".join(f'<Relationship Id="r{k}" Type="{OFFICE}/{k}" Target="{target}"/>' for k, target in related.items())
    strings = f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    strings += f'<Relationship Id="rIdS" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    strings += f'<Relationship Id="rIdF" Type="{OFFICE}/styles" Target="styles.xml"/>'
    files = {
        "xl/worksheets/sheet1.xml": sheet.encode(),
        "xl/worksheets/_rels/sheet1.xml.rels": RELATIONS.format(own).encode(),
        "xl/_rels/workbook.xml.rels": RELATIONS.format(strings).encode(),
    }
    return xlsx_bytes({"Sheet1": []}, files | (parts or {}))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('<c r="A1" t="inlineStr"><is><t>Rosa_x000D_&#10;Delgado</t></is></c>', "Rosa\nDelgado"),
        ('<c r="A1" t="inlineStr"><is><t>_x005F_x000D_</t></is></c>', "_x000D_"),
        ('<c r="A1" t="inlineStr"><is><r><t>Ro</t></r><r><t>sa</t></r><rPh><t>spoken</t></rPh></is></c>', "Rosa"),
        ('<c r="A1" t="s"><v>0</v></c>', "Shared"),
        ('<c r="A1" t="str"><f>A2</f><v>Rosa</v></c>', "Rosa"),
        ('<c t="e"><v>#N/A</v></c><c t="b"><v>1</v></c>', "#N/A\tTRUE"),
        ('<c t="d"><v>2024-03-04T00:00:00</v></c><c t="d"><v>2024-03-04T10:30:00</v></c>', "2024-03-04\t2024-03-04 10:30:00"),
        ('<c s="1"><v>45355</v></c><c s="1"><v>45355.5</v></c>', "2024-03-04\t2024-03-04 12:00:00"),
        ('<c s="2"><v>1.5</v></c><c s="3"><v>0.5</v></c><c s="4"><v>0.15</v></c>', "36:00:00\t12:00:00\t0.15"),
        ("<c><v>7</v></c><c><v>7.0</v></c><c><v>0.1</v></c><c><v>12345678901234567890</v></c>", "7\t7\t0.1\t12345678901234567890"),
        ('<c r="C1"><v>1</v></c><c r="A1"><v>2</v></c>', "2\t\t1"),
    ],
)  # fmt: skip
def test_a_cell_is_read_as_shown(read, cell, expected):
    formats = '<numFmt numFmtId="164" formatCode="[h]:mm"/><numFmt numFmtId="165" formatCode="0.0&quot;d&quot;%"/>'
    styles = "".join(f'<xf numFmtId="{number}"/>' for number in (0, 14, 164, 20, 165))
    parts = {
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>Shared</t></si></sst>'.encode(),
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts>{formats}</numFmts><cellXfs>{styles}</cellXfs></styleSheet>'.encode(),
    }
    (document,) = read(book(f"<row>{cell}</row>", parts))
    assert document.text == expected


def test_comments_and_shapes_are_read_with_their_place(read):
    shape = '<d:wsDr xmlns:d="x" xmlns:a="y"><d:txBody><a:p><a:r><a:t>In a box</a:t></a:r></a:p></d:txBody></d:wsDr>'
    old = "[Threaded comment] Your version of Excel allows you to read it. Comment: In a thread"
    comments = "".join(
        f'<comment ref="{ref}"><text><t>{text}</t></text></comment>' for ref, text in (("A1", "A comment"), ("B2", old))
    )
    parts = {
        "xl/drawings/drawing1.xml": shape.encode(),
        "xl/comments1.xml": f'<comments xmlns="{MAIN}"><commentList>{comments}</commentList></comments>'.encode(),
        "xl/threaded.xml": b'<ThreadedComments xmlns="x"><threadedComment ref="B2"><text>In a thread</text></threadedComment></ThreadedComments>',
    }
    margins = (
        '<headerFooter><oddHeader>&amp;L&amp;"Arial,Bold"&amp;12Keystone&amp;RPage &amp;P</oddHeader></headerFooter>'
    )
    data = book(
        '<row><c r="A1"><v>1</v></c></row>', parts, margins,
        drawing="../drawings/drawing1.xml", comments="../comments1.xml", threadedComment="../threaded.xml",
    )  # fmt: skip
    (document,) = read(data)
    assert document.text.split("\n\n") == ["1", "Keystone Page", "In a thread", "A comment", "In a box"]
    at = document.text.index("A comment")
    assert document.sources.locate(at, at + 3) == {"source": "Sheet1!A1"}
    assert document.items.ignored["other-form"] == 1


def test_a_header_inside_a_row_does_not_drop_cells(read):
    (document,) = read(book('<row><c r="A1"><v>1</v></c><oddHeader>Rosa</oddHeader><c r="B1"><v>2</v></c></row>'))
    assert document.text == "1\t2\n\nRosa"


def test_a_drawing_shared_by_two_sheets_is_read_once(read):
    shape = '<d:wsDr xmlns:d="x" xmlns:a="y"><d:txBody><a:p><a:r><a:t>In a box</a:t></a:r></a:p></d:txBody></d:wsDr>'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = RELATIONS.format(f'<Relationship Id="d" Type="{office}/drawing" Target="../drawings/drawing1.xml"/>')
    parts = {f"xl/worksheets/_rels/sheet{n}.xml.rels": relations.encode() for n in (1, 2)}
    parts["xl/drawings/drawing1.xml"] = shape.encode()
    (document,) = read(xlsx_bytes({"Sheet1": [["a"]], "Sheet2": [["b"]]}, parts))
    assert document.text.split() == ["a", "In", "a", "box", "b"]


def test_missing_cell_values_are_listed(read):
    (document,) = read(book('<row><c t="str"><f>A2</f></c><c t="s"><v>9</v></c><c><v>1</v></c></row>'))
    named = sorted(line.partition(":")[0] for line in document.unread)
    assert (document.text, named) == ("1", ["1 cell(s)", "1 formula(s) in xl/worksheets/sheet1.xml"])


def test_other_columns_of_a_table_of_documents_are_ignored_by_a_rule(read, tmp_path):
    answers = read(xlsx_bytes({"Calls": [["id", "text", "by"], [1, "One.", "Ann"]]}))
    ignored = [(a.document, a.rule, a.n) for a in answers if isinstance(a, Ignored)]
    assert ignored == [("a.xlsx", "other-columns", 1), ("a.xlsx", "table-name", 1)]


def test_strict_files_sheets_without_relations_and_hidden_sheets_are_read(read):
    data = book('<row><c t="inlineStr"><is><t>Rosa</t></is></c></row>')
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    strict = {
        name: content.replace(MAIN.encode(), b"http://purl.oclc.org/ooxml/spreadsheetml/main")
        for name, content in files.items()
    }
    lost = files | {"xl/_rels/workbook.xml.rels": RELATIONS.format("").encode()}
    hidden = files | {"xl/workbook.xml": files["xl/workbook.xml"].replace(b"sheetId", b'state="veryHidden" sheetId')}
    for changed in (strict, lost, hidden):
        assert read(zipped(changed))[0].text == "Rosa"


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [("<row><c>" * 100_000, 5), ("<row><c><v>1</v></c></row>" * 100_000, 10), ('<row r="9999999"/>' * 100_000, 5)],
    ids=["deep", "many", "rows"],
)
def test_hostile_sheets_take_linear_time(read, cells, seconds):
    began = time.process_time()
    assert read(book(cells))
    assert time.process_time() - began < seconds


def test_sheets_beyond_the_limit_are_listed(read):
    sheets = {f"S{number}": [[f"w{number}"]] for number in range(300)}
    (document,) = read(xlsx_bytes(sheets))
    assert document.items.counts["sheet"] == {"read": 300}
    assert document.text.split("\n\n") == [text for number in range(300) for text in (f"S{number}", f"w{number}")]


def test_custom_sheet_names_are_read_and_default_names_ignored(read):
    (document,) = read(xlsx_bytes({"Rosa Delgado": [["a"]], "Sheet2": [["b"]], "Tabelle3": []}))
    assert document.text == "Rosa Delgado\n\na\n\nb"
    assert document.sources.locate(0, 4) == {"source": "Rosa Delgado"}
    assert document.items.counts["sheet-name"] == {"ignored": 2, "read": 1}
    assert document.items.ignored["default-name"] == 2


@pytest.mark.parametrize("lost", ["xl/worksheets/sheet2.xml", "xl/_rels/workbook.xml.rels"])
def test_the_name_of_a_sheet_with_a_missing_part_is_read(read, lost):
    related = f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    content = RELATIONS.format(related) if lost.endswith(".rels") else ""
    (document,) = read(xlsx_bytes({"Sheet1": [["a"]], "Rosa": []}, {lost: content.encode()}))
    assert sorted(document.text.split("\n\n")) == ["Rosa", "a"]
    assert len(document.unread) == 1


def test_a_very_long_sheet_name_is_truncated_and_listed(read):
    (document,) = read(xlsx_bytes({"x" * 5_000: [["a"]]}))
    assert document.text == "x" * 1_000 + "\n\na"
    assert document.unread == ("a sheet name of 5000 characters: only the first 1000 characters are read",)


def test_in_a_table_of_documents_only_sheet_names_of_documents_are_read(read):
    sheets = {"Sheet1": [["text"], ["One."]], "Rosa": [["Two."]], "Ann": [], "Sheet4": []}
    answers = read(xlsx_bytes(sheets))
    assert [(a.name, a.text) for a in answers if isinstance(a, Document)] == [
        ("a.xlsx#row-1", "One."),
        ("a.xlsx#Rosa", "Two."),
    ]
    assert [(a.rule, a.n) for a in answers if isinstance(a, Ignored)] == [("default-name", 2), ("table-name", 1)]


def test_properties_are_read_unless_they_repeat_cells(read):
    core = b"<coreProperties xmlns:dc='x'><dc:title>Rosa</dc:title><dc:subject>Reno</dc:subject></coreProperties>"
    (document,) = read(xlsx_bytes({"Sheet1": [["Rosa"]]}, {"docProps/core.xml": core}))
    assert document.text == "Rosa\n\nSubject: Reno"
    answers = read(xlsx_bytes({"Sheet1": [["text"], ["Rosa"]]}, {"docProps/core.xml": core}))
    assert [(a.name, a.text) for a in answers if isinstance(a, Document)][1:] == [("a.xlsx#remarks", "Subject: Reno")]
