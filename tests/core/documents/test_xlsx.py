"""A spreadsheet is read whole, sheet by sheet, or row by row if it is a table of documents."""

import io
import time
import zipfile

import pytest

from ner_tasks.documents import Document, Limits, Rejected, read_documents
from tests.formats import sheet_xml, xlsx_bytes

PEOPLE = [["Name", "City", "Paid"], ["Rosa Delgado", "Zürich", 50], ["Ann", "", 1.5], [], ["Bo", "Reno", True]]


@pytest.fixture
def read(tmp_path):
    def _read(data: bytes, limits: Limits | None = None) -> list[Document | Rejected]:
        (tmp_path / "a.xlsx").write_bytes(data)
        return list(read_documents(tmp_path / "a.xlsx", "a.xlsx", limits or Limits()))

    return _read


def test_all_sheets_are_read_rows_by_line_cells_by_tab(read):
    (document,) = read(xlsx_bytes({"People": PEOPLE, "Empty": [], "More": [["Tampa"]]}))
    assert document.text == "Name\tCity\tPaid\nRosa Delgado\tZürich\t50\nAnn\t\t1.5\nBo\tReno\tTRUE\n\nTampa"
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
    assert [(a.name, a.text) for a in answers] == [("a.xlsx#1", "One."), ("a.xlsx#2", "Two.")]


def test_what_is_not_read_is_named(read):
    (document,) = read(xlsx_bytes({"A": [["x"]]}, {"xl/media/image1.png": b"x", "xl/comments1.xml": b"<a/>"}))
    assert document.unread == ("xl/media/image1.png: a picture; OCR is switched off",)
    assert document.items.ignored == {"no-text": 1, "sheet-name": 1}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (xlsx_bytes({"A": []}), "empty"),
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


def test_cells_far_apart_are_read_without_laying_out_what_is_between(read):
    far = sheet_xml([["a"]]).replace("</row>", '</row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    began = time.process_time()
    (document,) = read(xlsx_bytes({"A": []}, {"xl/worksheets/sheet1.xml": far.encode()}))
    assert (document.text, time.process_time() - began < 1) == ("a\n\t1", True)
    assert document.sources.locate(3, 4) == {"source": "A!XFD1048576"}


def test_a_part_that_lies_about_its_size_is_not_unpacked_beyond_the_limit(read):
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
