"""Tables as spreadsheets and programs write them: each row is a document, or is reported."""

import base64
import json
import time
import zipfile

import pytest

from ner_tasks.documents import Document, Ignored, Limits, Rejected, read_documents
from ner_tasks.documents.tables import tables
from tests.formats import zipped

ROWS = [("1", "Rosa Delgado of Zürich paid."), ("2", "Henry Quinn paid.")]


@pytest.fixture
def answers(tmp_path):
    def _answers(name: str, data: bytes | str, limits: Limits | None = None):
        path = tmp_path / "document"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return list(read_documents(path, name, limits or Limits()))

    return _answers


@pytest.fixture
def read(answers):
    def _read(name: str, data: bytes | str, limits: Limits | None = None) -> list[tuple[str, str]]:
        """What comes behind the file's name, with the text or the reason; what is ignored as `(rule, n)`."""
        found = []
        for answer in answers(name, data, limits):
            if isinstance(answer, Document):
                found.append((answer.name.removeprefix(name).lstrip("#"), answer.text))
            elif isinstance(answer, Rejected):
                found.append((answer.document.removeprefix(name).lstrip("#"), answer.reason))
            else:
                found.append((answer.rule, answer.n))
        return found

    return _read


def table(delimiter: str, *, end: str = "\r\n", header: str = "id@text", mark: str = "") -> str:
    lines = [header.replace("@", delimiter), *(f"{name}{delimiter}{text}" for name, text in ROWS)]
    return mark + end.join(lines) + end


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_the_delimiter_is_detected_regardless_of_the_suffix(read, delimiter, suffix):
    assert read(f"a.{suffix}", table(delimiter)) == ROWS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_and_line_end_of_a_spreadsheet_is_read(read, encoding, end):
    assert read("a.csv", table("\t", end=end).encode(encoding)) == ROWS


@pytest.mark.parametrize(
    "header", ["Id@Text", "ID@TEXT", " id @ text ", '"id"@"text"', '"Id "@" Text"', "id@\u00a0text"]
)
def test_case_quotes_and_spaces_of_the_header_do_not_matter(read, header):
    assert read("a.csv", table(";", header=header)) == ROWS


def test_the_column_of_exactly_the_name_goes_before_one_that_is_like_it(read):
    assert read("a.csv", "Text,id,text\nno,1,One\n") == [("1", "One"), ("other-columns", 1)]


def test_spaces_behind_every_delimiter_belong_to_it(read):
    assert read("a.csv", 'id, text\n1, "One, two"\n') == [("1", "One, two")]


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=;\r"])
def test_a_sep_line_sets_the_delimiter_and_is_not_a_row(read, line):
    assert read("a.csv", f"{line}\n{table(';')}") == ROWS
    assert read("a.csv", f"{line}\r\n\r\n{table(',')}") == ROWS  # it lies


def test_rows_of_delimiters_alone_are_ignored_and_counted(read):
    data = f',,\n\n{table(",")},\n , \n"",""\n\n3,Three\n,\n'
    assert read("a.csv", data) == [*ROWS, ("3", "Three"), ("blank-row", 4)]


def test_empty_fields_too_many_or_too_few_at_a_row_s_end_do_not_matter(read):
    assert read("a.csv", "id,text\n1,One,\n2,Two,,,\n") == [("1", "One"), ("2", "Two")]
    assert read("a.csv", "id,text,note\n1,One\n2,Two,x\n") == [("1", "One"), ("2", "Two"), ("other-columns", 1)]
    assert read("a.csv", "text,id,,\nOne,1,,\nTwo\n") == [("1", "One"), ("row-2", "Two")]
    assert read("a.csv", "id,text\n1,One, two\n2\n3,Three\n") == [
        ("row-1", "bad-line"),
        ("row-2", "bad-line"),
        ("3", "Three"),
    ]


def test_columns_that_are_not_read_are_counted_if_they_hold_anything(answers):
    found = answers("a.csv", "id,text,note,empty,\n1,One,x,,\n2,Two,,,y\n")
    assert found[-1] == Ignored("a.csv", "other-columns", 2)


def test_a_comma_parts_nothing_in_a_file_of_one_column(read):
    assert read("a.csv", 'text\nRosa, of Zürich\n"Henry, ""Hank"""\n') == [
        ("row-1", "Rosa, of Zürich"),
        ("row-2", 'Henry, "Hank"'),
    ]


@pytest.mark.parametrize(
    "data",
    [
        'id,text\n1,"One\n2,Two\n3,Three\n4,Four\n',
        'id,text\n1,"One\n2,"Two"\n3,Three\n4,Four\n',
        'id,text\n1,"One\n2,Two\n3,"Three"\n4,"Four"\n',
        'id,text\n1,One\n2,"Two\n3,Three\n4,"Four\n',
    ],
)
def test_an_unclosed_quote_loses_no_row_and_is_noted(answers, data):
    found = answers("a.csv", data)
    assert [(answer.name, answer.text) for answer in found] == [
        ("a.csv#1", "One"),
        ("a.csv#2", "Two"),
        ("a.csv#3", "Three"),
        ("a.csv#4", "Four"),
    ]
    assert any("found an unclosed quote in row" in note for answer in found for note in answer.notes)


def test_a_text_over_several_lines_that_is_cut_off_is_read_whole(answers):
    (document,) = answers("a.csv", 'id,text\n1,"Dear Rosa,\nthank you\nfor your letter')
    assert document.text.strip() == "Dear Rosa,\nthank you\nfor your letter"
    assert document.notes


def test_quotes_within_a_field_and_lines_within_quotes_are_text(read):
    data = 'id,text\n1,the 6" pipe\n2,"One, ""two""\nlines\r\nthree"\n3,"a" b\n'
    assert read("a.csv", data) == [("1", 'the 6" pipe'), ("2", 'One, "two"\nlines\r\nthree'), ("3", "a b")]


def test_a_great_many_open_quotes_take_no_longer_than_their_bytes(read):
    rows = "".join(f'{number},"One {number}\n' for number in range(30_001))
    began = time.process_time()
    assert len(read("a.csv", "id,text\n" + rows)) == 30_001
    assert time.process_time() - began < 10


def test_a_nul_byte_rejects_only_its_row(read):
    assert read("a.csv", b"id,text\n1,On\0e\n2,Two\n") == [("row-1", "not-text"), ("2", "Two")]


def test_an_encoding_that_the_file_around_it_declares_is_used():
    found = tables.read_table("id,text\n1,Да\n".encode("cp1251"), ",", Limits(), "windows-1251")
    assert (found.encoding, found.is_guessed, list(found.records)) == ("cp1251", False, [("1", "Да")])


def test_a_detected_encoding_is_marked_as_guessed(answers):
    (document, _) = answers("a.csv", table(",").encode("cp1252"))
    assert (document.encoding, document.is_guessed) == ("cp1252", True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\x1e"])
def test_json_lines_are_read_in_every_encoding(read, encoding, end):
    lines = [f'{{"id": {name}, "text": "{text}"}}' for name, text in ROWS]
    assert read("a.jsonl", (end.join(lines) + end + end).encode(encoding)) == ROWS


def test_a_line_in_a_legacy_encoding_is_read_and_marked_as_guessed(answers):
    found = answers(
        "a.jsonl", '{"id": 1, "text": "Rosa Delgado of Zürich paid."}\n{"id": 2, "text": "Two"}'.encode("cp1252")
    )
    assert [(one.text, one.encoding, one.is_guessed) for one in found] == [
        ("Rosa Delgado of Zürich paid.", "cp1252", True),
        ("Two", "utf-8", False),
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json"])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_documents_is_read_like_lines_of_them(read, name, indent):
    data = json.dumps([{"id": name, "text": text} for name, text in ROWS], indent=indent)
    assert read(name, data) == ROWS
    assert read(name, data[1:-1].replace("},", "}\n")) == ROWS if indent is None else True


def test_a_line_that_is_a_resource_of_fhir_is_a_document(read):
    line = '{"resourceType": "Observation", "id": "7", "note": [{"text": "Rosa paid."}]}'
    found = dict(read("a.ndjson", f"{line}\n{line}\n"))
    assert set(found) == {"Observation/7", "line-2"}
    assert all("Rosa paid." in text for text in found.values())


def test_other_keys_and_keys_that_come_twice_are_named(answers, read):
    found = answers("a.jsonl", '{"id": 1, "text": "One", "note": "x"}\n{"id": 2, "text": "Two", "note": "y", "by": 1}')
    assert found[-1] == Ignored("a.jsonl", "other-keys", 2)
    assert read("a.jsonl", '{"id": 1, "text": "One", "text": "Two"}\n') == [("line-1", "bad-line")]


def test_a_json_file_of_any_kind_is_read_with_every_string_and_number(answers):
    (document,) = answers(
        "a.json", '{"name": "Rosa", "paid": [50, true, null], "to": {"name": "Henry"}, "name": "Ann"}'
    )
    assert document.text == "name: Rosa\npaid: 50\npaid: true\nname: Henry\nname: Ann"
    assert document.sources.locate(document.text.index("Henry"), len(document.text)) == {"source": "$.to.name"}
    (broken,) = answers("a.json", '{"name": "Rosa", "paid":')
    assert (broken.text, broken.notes[0][:13]) == ('{"name": "Rosa", "paid":', "found no JSON")
    deep = answers("a.json", "[" * 100_000 + '"Rosa"' + "]" * 100_000)
    assert "Rosa" in deep[0].text


def test_a_file_in_a_json_file_is_a_document_and_other_data_is_named(answers):
    packed = base64.b64encode(zipped({"a.txt": b"Rosa Delgado paid." * 20}, zipfile.ZIP_STORED)).decode()
    unknown = base64.b64encode(bytes(range(256))).decode()
    found = answers("a.json", f'{{"file": "{packed}", "data": "{unknown}", "name": "Henry"}}')
    assert found[0].text == "name: Henry"
    assert found[0].unread == ("$.data: data in base64 of no known format",)
    assert found[1].name == "a.json#$.file#a.txt"
