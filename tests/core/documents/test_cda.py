"""Clinical documents: participants, narratives, text of entries and embedded files are read; no entity is expanded."""

import base64
import gzip
import time

import pytest

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.detection import sniffing
from ner_tasks.documents.readers.clinical import cda
from ner_tasks.documents.types import Extract

PAGE = b"<html><body>Margins are clear.</body></html>"
SPACES = 'xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def document(body: str = "", header: str = "<title>Discharge Summary</title>") -> str:
    return f"<ClinicalDocument {SPACES}>{header}<component>{body}</component></ClinicalDocument>"


def section(text: str, title: str = "Plan", entries: str = "") -> str:
    narrative = f"<text>{text}</text>" if text else ""
    return f"<component><section><title>{title}</title>{narrative}{entries}</section></component>"


def read(body: str = "", header: str = "<title>Discharge Summary</title>") -> Extract:
    return cda.read(document(body, header).encode(), Limits())


def narrative(text: str) -> str:
    return read(f"<structuredBody>{section(text)}</structuredBody>").text.partition("Plan\n\n")[2]


def test_participants_are_named_by_their_role():
    patient = (
        "<recordTarget><patientRole><id extension='998877'/><addr><streetAddressLine>12 Elm St</streetAddressLine>"
        "<city>Reno</city></addr><telecom value='tel:555-1234'/><patient><name><family>Quinn</family><given>Henry</given>"
        "</name><birthTime value='19610615'/></patient></patientRole></recordTarget>"
    )

    assert read(header=patient).text == "Patient: Henry Quinn\n998877\n12 Elm St, Reno\n555-1234\n19610615"


def test_a_place_is_the_path_of_titles():
    inner = section("<paragraph>Call the clinic.</paragraph>", "Follow-up")
    outer = f"<component><section><title>Plan</title><text>Rest.</text>{inner}</section></component>"
    found = read(f"<structuredBody>{outer}</structuredBody>")

    assert found.sources.locate(found.text.index("Call"), found.text.index("Call") + 4) == {
        "source": "Plan / Follow-up"
    }


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<paragraph>One.</paragraph><paragraph>Two.</paragraph>", "One.\nTwo."),
        ("<list><item>One</item><item>Two</item></list>", "One\nTwo"),
        ("<table><tr><th>Drug</th><th>Dose</th></tr><tr><td>A</td><td>1 mg</td></tr></table>", "Drug\tDose\nA\t1 mg"),
        ("<table><tr><td><paragraph>10 mg</paragraph><paragraph>daily</paragraph></td></tr></table>", "10 mg daily"),
        ("H<sub>2</sub>O", "H2O"),
        ("<content>A1c</content><content>7.2</content>", "A1c 7.2"),
        ("One<br/>Two", "One\nTwo"),
        ("Kept <content revised='delete'>not </content>here", "Kept here"),
        ("<![CDATA[5 < 6 & 7]]>", "5 < 6 & 7"),
        ("<paragraph>On<!-- a comment -->e</paragraph>", "One"),
        ("Line one\nLine two", "Line one\nLine two"),
    ],
)
def test_narratives_are_read_as_shown(written, shown):
    assert narrative(written) == shown


def test_entries_add_what_the_narrative_lacks():
    entry = (
        "<entry><observation><code displayName='Problem'/><text>Type 2 diabetes</text>"
        "<value xsi:type='CD' displayName='Diabetes'><originalText>since the war</originalText></value></observation></entry>"
    )
    found = read(f"<structuredBody>{section('Has type 2 diabetes.', entries=entry)}</structuredBody>")

    assert found.text.endswith("Has type 2 diabetes.\nsince the war")
    assert found.items.ignored == {"coded-entry": 2, "said-by-narrative": 1}


def test_entries_without_a_narrative_are_read_with_their_codes_and_numbers():
    entry = (
        "<entry><observation><code displayName='Hemoglobin'/>"
        "<value xsi:type='PQ' value='10.2' unit='g/dL'/></observation></entry>"
    )

    assert read(f"<structuredBody>{section('', entries=entry)}</structuredBody>").text.endswith("Hemoglobin\n10.2 g/dL")


@pytest.mark.parametrize("pack", [("", bytes), ("compression='GZ'", gzip.compress)])
def test_a_body_that_is_a_file_is_a_document(pack):
    attribute, packed = pack
    encoded = base64.b64encode(packed(PAGE)).decode()
    text = f"<text mediaType='text/html' representation='B64' {attribute}>{encoded}</text>"

    assert read(f"<nonXMLBody>{text}</nonXMLBody>").parts[0].content == PAGE


def test_an_external_body_and_damaged_base64_are_listed():
    elsewhere = read("<nonXMLBody><text mediaType='application/pdf'><reference value='scan.pdf'/></text></nonXMLBody>")
    damaged = read("<nonXMLBody><text mediaType='application/pdf' representation='B64'>!!!</text></nonXMLBody>")

    assert "scan.pdf" in elsewhere.items.unread[0]
    assert "base64" in damaged.items.unread[0]


def test_without_ocr_a_picture_in_an_entry_is_listed():
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * 50).decode()
    value = f"<value mediaType='image/png' representation='B64'>{picture}</value>"
    entry = f"<entry><observationMedia ID='MM1'>{value}</observationMedia></entry>"

    assert "picture" in read(f"<structuredBody>{section('See.', entries=entry)}</structuredBody>").items.unread[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_the_declared_encoding_is_used(encoding):
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    text = f'<?xml version="1.0" encoding="{name}"?>{document(header="<title>Übergabe</title>")}'

    assert cda.read(text.encode(encoding), Limits()).text == "Übergabe"


def test_bare_ampersands_and_html_entities_are_repaired_with_a_note():
    found = read(header="<title>Smith & Sons&nbsp;&eacute;</title>")

    assert found.text == "Smith & Sons é"
    assert any("repaired" in note for note in found.notes)


def test_a_truncated_document_is_read_and_its_damage_listed():
    text = document(f"<structuredBody>{section('Margins are clear. <content>And more</content>')}</structuredBody>")
    found = cda.read(text[: text.index("And more") + 3].encode(), Limits())

    assert "Margins are clear." in found.text
    assert "malformed XML" in found.items.unread[0]


def test_entities_are_never_expanded():
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<!DOCTYPE x [<!ENTITY a0 "lol">{laughs}<!ENTITY f SYSTEM "file:///etc/hostname">]>'
    text += document(header="<title code='&a9;'>Title &a9; and &f; end</title>")
    began = time.monotonic()

    assert cda.read(text.encode(), Limits()).text == "Title &a9; and &f; end"
    assert time.monotonic() - began < 5


def test_deep_documents_are_rejected_or_read():
    deep = document("<section><component>" * 100_000 + "</component></section>" * 100_000, header="")
    with pytest.raises(CannotRead, match="expected XML"):
        cda.read(deep.encode(), Limits())
    assert narrative("<list><item>" * 500 + "deep" + "</item></list>" * 500) == "deep"


@pytest.mark.parametrize(
    "before",
    [
        "",
        "\n\n",
        "\ufeff",
        '<?xml version="1.0"?>\n<?xml-stylesheet href="CDA.xsl"?>\n',
        f"<!-- {'comment ' * 2000} -->",
        "<!DOCTYPE ClinicalDocument>",
    ],
)
@pytest.mark.parametrize("root", ["<ClinicalDocument xmlns='urn:hl7-org:v3'>", "<cda:ClinicalDocument>"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_clinical_documents_are_recognised(before, root, encoding):
    found = sniffing.sniff((before + root).encode(encoding))

    assert found is not None and found.name == "cda"


def test_a_document_with_a_broken_first_tag_is_read_without_structure():
    text = document(f"<structuredBody>{section('Margins are clear.')}</structuredBody>").replace('v3"', "v3", 1)
    found = cda.read(text.encode(), Limits())

    assert "Margins are clear." in found.text
    assert "without its structure" in found.items.unread[0]


def test_a_damaged_byte_costs_one_character():
    found = cda.read(document(header="<title>Discharge\0 Summary</title>").encode(), Limits())

    assert found.text == "Discharge\ufffd Summary"
    assert "damaged" in found.items.unread[0]
