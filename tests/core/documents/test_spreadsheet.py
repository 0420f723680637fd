"""Workbooks as xls, xlsb and ods are read like xlsx, with comments and text boxes."""

import struct

import pytest

from ner_tasks.documents import CannotRead, Ignored, Limits
from ner_tasks.documents.readers.office import ole_objects, spreadsheet
from ner_tasks.documents.types import ExtractBuilder
from tests.core.documents.test_odf import META, SPACES, TYPED, packed, text
from tests.formats import zipped
from tests.ole import ole_bytes

PDF_HEAD = b"%PDF-1.7\n".ljust(4096, b"\0")


def record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def xls_bytes(
    cells: list[tuple[int, int, str]], *, more: bytes = b"", parts: dict[str, bytes] | None = None, head: bytes = b""
) -> bytes:
    """A BIFF8 workbook of one sheet, `Claims`."""
    start = record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + head
    name = b"Claims"
    bound_at = len(start)
    bound = record(0x85, struct.pack("<IBBBB", 0, 0, 0, len(name), 0) + name)
    sheet_at = bound_at + len(bound) + 4
    bound = record(0x85, struct.pack("<IBBBB", sheet_at, 0, 0, len(name), 0) + name)
    labels = b"".join(
        record(0x204, struct.pack("<HHHHB", row, column, 0, len(value), 1) + value.encode("utf-16-le"))
        for row, column, value in cells
    )
    sheet = record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0)) + labels + more + record(0x0A)
    return ole_bytes({"Workbook": start + bound + record(0x0A) + sheet, **(parts or {})})


def comment(value: str) -> bytes:
    """Return the records of a comment's or text box's text."""
    text_object = record(0x1B6, struct.pack("<HH6xHH4x", 0, 0, len(value), 16))
    return text_object + record(0x3C, b"\1" + value.encode("utf-16-le")) + record(0x3C, bytes(16))


def ods(rows: str, more: str = "") -> bytes:
    return packed(
        f'<office:spreadsheet><table:table table:name="Claims">{rows}{more}</table:table></office:spreadsheet>'
    )


def cell(value: str, kind: str = "string", more: str = "") -> str:
    return f'<table:table-cell office:value-type="{kind}" {more}><text:p>{value}</text:p></table:table-cell>'


def row(*cells: str, more: str = "") -> str:
    return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"


def test_an_old_workbook_is_read_with_comments_headers_and_objects():
    header = record(0x14, struct.pack("<HB", 10, 0) + b"&CKeystone")
    native = b"\2\0bill.txt\0C:\\bill.txt\0\0\0\3\0\4\0\0\0tmp\0" + struct.pack("<I", 4) + b"Tom."
    objects = {"MBD01/\x01Ole10Native": struct.pack("<I", len(native)) + native, "MBD02/Other": b"x"}
    data = xls_bytes([(0, 0, "Rosa"), (0, 2, "Reno"), (2, 1, "Ann")], more=header + comment("A comment"), parts=objects)
    found = spreadsheet.read(data, Limits())
    assert found.text == "Claims\n\nRosa\t\tReno\n\tAnn\n\nKeystone\n\nA comment"
    assert found.sources.locate(14, 18) == {"source": "Claims!C1"}
    assert [(part.name, part.content) for part in found.parts] == [("MBD01/bill.txt", b"Tom.")]
    assert found.items.unread == ("MBD02: an object of an unsupported program, which is not read",)


def test_a_column_of_texts_makes_an_old_workbook_a_table_of_documents():
    data = xls_bytes([(0, 0, "id"), (0, 1, "text"), (1, 0, "7"), (1, 1, "One.")], more=comment("A comment"))
    assert spreadsheet.read(data, Limits()) == [
        ("7", "One."),
        ("remarks", "A comment"),
        ("", Ignored("", "table-name", 1)),
    ]


def test_cells_of_an_opendocument_workbook_read_as_in_other_formats():
    cells = [
        cell("4. März", "date", 'office:date-value="2024-03-04"'),
        cell("50 %", "percentage", 'office:value="0.5"'),
        cell("7,00 €", "currency", 'office:value="7"'),
        cell("wahr", "boolean", 'office:boolean-value="true"'),
        cell("36:00", "time", 'office:time-value="PT36H00M00S"'),
        cell("00775"),
    ]
    assert spreadsheet.read(ods(row(*cells)), Limits()).text == "Claims\n\n2024-03-04\t0.5\t7\tTRUE\t36:00:00\t00775"


def test_repeated_cells_keep_their_places_and_blank_ones_are_skipped():
    blank = '<table:table-cell table:number-columns-repeated="16000"/>'
    rows = (
        row(cell("a"), blank, cell("b"))
        + row(blank, more='table:number-rows-repeated="1000000"')
        + row(cell("c", more='table:number-columns-repeated="2"'))
    )
    found = spreadsheet.read(ods(rows), Limits())
    assert found.text == "Claims\n\na\tb\nc\tc"
    assert found.sources.locate(12, 13) == {"source": "Claims!A1000002"}


@pytest.mark.parametrize(
    ("streams", "files", "unread"),
    [
        ({"Contents": b"\0junk"}, [], ["an object of an unsupported program, which is not read"]),
        ({"\x01Ole10Native": b""}, [], ["an object whose file cannot be extracted"]),
        ({"Equation Native": b"x"}, [], ["an equation object, which is not read"]),
        ({"Contents": b"\0junk", "VisioDocument": b"x"}, [], ["a Visio object, which is not read"]),
        ({"Package": PDF_HEAD}, [PDF_HEAD], []),
    ],
    ids=["junk", "damaged", "equation", "Visio", "file"],
)
def test_an_object_is_read_alike_as_a_storage_and_as_a_file(streams, files, unread):
    inner = {f"MBD01/{name}": data for name, data in streams.items()}
    stored = spreadsheet.read(xls_bytes([(0, 0, "Rosa")], parts=inner), Limits())
    builder = ExtractBuilder()
    ole_objects.add(builder, "MBD01", ole_bytes(streams))
    for found in (stored, builder.extract()):
        assert [part.content for part in found.parts] == files
        assert found.items.unread == tuple(f"MBD01: {why}" for why in unread)


def test_comments_boxes_and_headers_of_an_opendocument_workbook_are_read():
    remark = "<table:table-cell><office:annotation><dc:creator>x</dc:creator><text:p>A remark</text:p></office:annotation><text:p>Rosa</text:p></table:table-cell>"
    shapes = (
        "<table:shapes><draw:frame><draw:text-box><text:p>In a box</text:p></draw:text-box></draw:frame></table:shapes>"
    )
    found = spreadsheet.read(ods(shapes + row(remark)), Limits())
    assert found.text == "Claims\n\nRosa\n\nA remark\n\nIn a box"
    assert found.sources.locate(14, 15) == {"source": "Claims!A1"}


def test_plain_text_with_the_name_of_a_workbook_is_read():
    found = spreadsheet.read(b"Name\tCity\nRosa Delgado\tTampa\n", Limits())
    assert (found.text, found.notes) == ("Name\tCity\nRosa Delgado\tTampa\n", ("read as text, by its content",))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (xls_bytes([(0, 0, "Rosa")], head=record(0x2F, bytes(6))), "encrypted"),
        (ole_bytes({"EncryptedPackage": b""}), "encrypted"),
        (ole_bytes({"Workbook": b"junk"}), "broken"),
        (b"\x09\x04\x06\0junk\0", "broken"),
        (zipped({"xl/workbook.bin": b"junk"}), "broken"),
        (ods(row(cell("x" * 100, more='table:number-columns-repeated="16384"'), more='table:number-rows-repeated="1048576"')), "too-long"),
        (xls_bytes([(0, 0, "x" * 900)]), "too-long"),
        (xls_bytes([(0, 0, "x"), (65_535, 65_535, "y")]), "too-large"),
        (packed(text("<text:p/>"), {"bomb": bytes(3_000_000)}), "too-large"),
        (zipped({"xl/worksheets/sheet1.bin": b"\0\4" + struct.pack("<I", 0) + b"\0\4" + struct.pack("<I", 2**20 - 1) + b"\1\4" + struct.pack("<I", 0) + b"\1\4" + struct.pack("<I", 16_383)}), "too-large"),
    ],
    ids=["password", "package", "no book", "junk", "xlsb", "repeated", "long", "far", "bomb", "far xlsb"],
)  # fmt: skip
def test_a_bad_workbook_is_rejected_with_its_reason(data, reason):
    with pytest.raises(CannotRead) as caught:
        spreadsheet.read(data, Limits(max_unpacked_bytes=1_000_000, max_characters=500))
    assert caught.value.reason == reason


def test_a_sheet_with_impossible_dimensions_is_read():
    claims = record(0x200, struct.pack("<IIHHH", 16_384, 4, 0, 0xFFFF, 0))
    assert spreadsheet.read(xls_bytes([(0, 0, "Rosa")], more=claims), Limits()).text == "Claims\n\nRosa"


def test_a_cell_whose_place_looks_like_a_record_header_is_read():
    cells = [(0, 0, "Rosa"), (512, 14, "Delgado"), (513, 3, "Reno")]
    found = spreadsheet.read(xls_bytes(cells), Limits())
    assert found.text.split() == ["Claims", "Rosa", "Delgado", "Reno"]
    assert not found.items.unread


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("&LSmith&&Jones", "Smith&Jones"),
        ("&C&K01+000Reno", "Reno"),
        ("&K00FF00Rosa&R&P", "Rosa"),
        ('&"Arial,Bold"&12Rosa', "Rosa"),
    ],
)
def test_formatting_codes_of_a_header_are_removed(header, text):
    margin = record(0x14, struct.pack("<HB", len(header), 0) + header.encode())
    assert spreadsheet.read(xls_bytes([(0, 0, "Ann")], more=margin), Limits()).text == f"Claims\n\nAnn\n\n{text}"


def test_names_and_properties_of_an_opendocument_workbook_are_read():
    found = spreadsheet.read(ods(row(cell("Rosa")), '</table:table><table:table table:name="Feuille2">'), Limits())
    assert (found.text, found.items.ignored["default-name"]) == ("Claims\n\nRosa", 1)
    book = "<office:spreadsheet><table:table table:name='Tabelle1'/></office:spreadsheet>"
    found = spreadsheet.read(packed(book, {"meta.xml": META.format(spaces=SPACES, meta=TYPED)}), Limits())
    assert found.text.split("\n")[0] == "Title: Rosa"


@pytest.mark.parametrize("before", [b"\n", b"\t", b"\xef\xbb\xbf\t\r\n"])
def test_a_flat_workbook_may_begin_with_spaces(before):
    names = ("office", "table", "text")
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)
    cell = "<table:table-cell><text:p>Rosa</text:p></table:table-cell>"
    table = f'<table:table table:name="A"><table:table-row>{cell}</table:table-row></table:table>'
    book = f"<office:document {spaces}><office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
    assert spreadsheet.read(before + f"{book}</office:document>".encode(), Limits()).text == "A\n\nRosa"
