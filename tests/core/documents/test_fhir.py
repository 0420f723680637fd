"""FHIR: narratives, readable strings and attachments are read; codes and links are ignored by a rule."""

import base64
import io
import json
from typing import Any

import pytest

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.detection import sniffing
from ner_tasks.documents.readers.clinical import fhir
from ner_tasks.documents.types import Extract

PAGE = base64.b64encode(b"<html><body>Margins are clear.</body></html>").decode()


def read(resource: Any) -> Extract:
    return fhir.read(json.dumps(resource).encode(), Limits())


def div(html: str) -> dict[str, str]:
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{html}</div>'}


def test_names_and_addresses_are_composed():
    name = {"use": "official", "family": "Quinn", "given": ["Henry", "A"], "prefix": ["Mr"]}
    address = {"line": ["12 Elm St"], "city": "Reno", "state": "NV", "postalCode": "89501"}
    found = read({"resourceType": "Patient", "name": [name], "address": [address]})

    assert found.text == "Patient\nName: Mr Henry A Quinn\nAddress: 12 Elm St, Reno, NV, 89501"


def test_a_number_keeps_its_digits_and_unit():
    data = b'{"resourceType": "Observation", "valueQuantity": {"value": 10.20, "unit": "g/dL"}}'

    assert "10.20 g/dL" in fhir.read(data, Limits()).text


def test_strings_in_the_narrative_are_not_repeated():
    found = read(
        {
            "resourceType": "Condition",
            "text": div("<p>Type 2 <b>diabetes</b></p>"),
            "note": [{"text": "Type 2 diabetes"}],
        }
    )

    assert found.text.split() == ["Condition", "Type", "2", "diabetes"]
    assert found.items.ignored["said-by-narrative"] == 1


def test_codes_and_links_are_ignored_by_a_rule():
    coding = {"system": "http://loinc.org", "code": "718-7", "display": "Hemoglobin"}
    found = read({"resourceType": "Observation", "id": "o1", "status": "final", "code": {"coding": [coding]}})

    assert found.text == "Observation\nCode: Hemoglobin"
    assert found.items.ignored == {"coded-value": 4}


@pytest.mark.parametrize(
    "element",
    [
        {"note": [{"text": "Sample hemolyzed"}]},
        {"extension": [{"url": "http://x.org", "valueString": "Sample hemolyzed"}]},
        {"_birthDate": {"extension": [{"url": "u", "valueMarkdown": "Sample hemolyzed"}]}},
        {"payload": [{"contentString": "Sample hemolyzed"}]},
        {"status": "Sample hemolyzed"},
        {"elementOfANewerRelease": "Sample hemolyzed"},
        {"item": [{"linkId": "1", "answer": [{"valueString": "Sample hemolyzed"}]}]},
        {"contained": [{"resourceType": "Practitioner", "name": [{"text": "Sample hemolyzed"}]}]},
    ],
)
def test_words_are_read_in_any_element(element):
    assert "Sample hemolyzed" in read({"resourceType": "Observation", **element}).text


def test_a_place_names_the_entry_and_the_element():
    entries = [
        {"resource": {"resourceType": "Patient"}},
        {"resource": {"resourceType": "Observation", "comment": "Fasting."}},
    ]
    found = read({"resourceType": "Bundle", "entry": entries})
    start = found.text.index("Fasting.")

    assert found.sources.locate(start, start + 4) == {"source": "Bundle.entry[1].Observation.comment"}


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "DocumentReference", "content": [{"attachment": {"contentType": "text/html", "data": PAGE}}]},
        {"resourceType": "DiagnosticReport", "presentedForm": [{"contentType": "text/html", "data": PAGE}]},
        {
            "resourceType": "Communication",
            "payload": [{"contentAttachment": {"contentType": "text/html", "data": PAGE}}],
        },
        {"resourceType": "Binary", "contentType": "text/html", "data": PAGE},
        {"resourceType": "Binary", "contentType": "text/html", "content": PAGE},
        {"resourceType": "Media", "content": {"contentType": "text/html", "url": f"data:text/html;base64,{PAGE}"}},
        {
            "resourceType": "Bundle",
            "entry": [{"resource": {"resourceType": "Binary", "contentType": "x/y", "data": PAGE}}],
        },
    ],
)
def test_a_file_in_a_resource_is_a_document(resource):
    found = read(resource)

    assert [part.content for part in found.parts] == [base64.b64decode(PAGE)]
    assert PAGE not in found.text


@pytest.mark.parametrize(
    "url", ["data:text/plain,Henry%20Quinn", "DATA:text/plain;base64,SGVucnkgUXVpbm4=", "data:;base64,SGVucnkgUXVpbm4"]
)
def test_a_file_in_a_link_is_a_document_however_it_is_packed(url):
    found = read({"resourceType": "Media", "content": {"contentType": "text/plain", "url": url}})

    assert [part.content for part in found.parts] == [b"Henry Quinn"]


def test_a_linked_attachment_is_listed_unless_the_bundle_holds_it():
    def document(url: str) -> dict[str, Any]:
        attachment = {"contentType": "application/pdf", "url": url}
        return {"resource": {"resourceType": "DocumentReference", "content": [{"attachment": attachment}]}}

    held = {"resource": {"resourceType": "Binary", "id": "b1", "contentType": "text/html", "data": PAGE}}
    found = read({"resourceType": "Bundle", "entry": [document("Binary/b1"), document("http://x.org/2"), held]})

    assert len(found.items.unread) == 1
    assert "http://x.org/2" in found.items.unread[0]


def test_invalid_base64_is_listed():
    attachment = {"contentType": "application/pdf", "data": "no base64 !"}
    found = read({"resourceType": "DocumentReference", "content": [{"attachment": attachment}]})

    assert "base64" in found.items.unread[0]


def test_sampled_data_and_signatures_are_not_files():
    curve = {"origin": {"value": 0}, "period": 10, "dimensions": 1, "data": "1 2 3 4"}
    signature = {"who": {"display": "Anna Weber"}, "when": "2024-01-01", "data": "YWJj", "sigFormat": "x/y"}
    found = read({"resourceType": "Observation", "valueSampledData": curve, "signature": signature})

    assert not found.parts
    assert not found.items.unread


def test_concatenated_resources_are_read():
    lines = "\n".join(json.dumps({"resourceType": "Basic", "comment": f"number {n} of them"}) for n in range(3))

    assert fhir.read(lines.encode(), Limits()).text.count("of them") == 3


def test_xml_reads_like_json():
    text = (
        '<Patient xmlns="http://hl7.org/fhir"><id value="1"/><text><status value="generated"/>'
        '<div xmlns="http://www.w3.org/1999/xhtml"><p>Seen <b>today</b></p></div></text>'
        '<contained><Basic><note><text value="Fasting."/></note></Basic></contained>'
        '<name><family value="Quinn"/><given value="Henry"/><given value="A"/></name></Patient>'
    )

    assert (
        fhir.read(text.encode(), Limits()).text == "Patient\nSeen today\nName: Henry A Quinn\n\nBasic\nNote: Fasting."
    )


def test_both_values_of_a_duplicate_key_are_read():
    found = fhir.read(b'{"resourceType": "Basic", "comment": "one thing", "comment": "other thing"}', Limits())

    assert "one thing" in found.text
    assert "other thing" in found.text
    assert found.notes


def test_truncated_json_is_read_and_listed():
    text = json.dumps(
        {"resourceType": "Basic", "comment": "Margins are clear.", "note": [{"text": "Call the clinic."}]}
    )
    found = fhir.read(text[:-9].encode(), Limits())

    assert "Margins are clear." in found.text
    assert "Call the c" in found.text
    assert "invalid JSON" in found.items.unread[0]


@pytest.mark.parametrize("brackets", ["[", '{"a":'])
def test_deep_json_is_rejected(brackets):
    with pytest.raises(CannotRead) as caught:
        fhir.read(('{"resourceType": "Basic", "a": ' + brackets * 100_000).encode(), Limits())
    assert caught.value.reason == "too-deep"


def test_half_a_surrogate_pair_loses_one_character():
    assert "one \ufffd thing" in fhir.read(b'{"resourceType": "Basic", "comment": "one \\ud800 thing"}', Limits()).text


@pytest.mark.parametrize(
    "text",
    [
        '{"resourceType": "Patient"}',
        '{"id": "1", "meta": {"tag": [{"code": "x"}]}, "resourceType" : "Patient"}',
        '[{"resourceType": "Patient"}]',
        '<Patient xmlns="http://hl7.org/fhir">',
        '<?xml version="1.0"?>\n<!-- x -->\n<f:Bundle xmlns:f="http://hl7.org/fhir">',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_resources_are_recognised(text, encoding):
    data = text.encode(encoding)
    found = sniffing.sniff(data[: sniffing.HEAD_BYTES], io.BytesIO(data))

    assert found is not None and found.name == "fhir"


def test_other_json_is_not_a_resource():
    assert sniffing.sniff(b'{"text": "he wrote \\"resourceType\\": \\"Patient\\""}') is None


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_resource_type_after_a_long_file_is_recognised(mark):
    data = mark + f'{{"data": "{"QUJD" * 40_000}", "resourceType": "Binary"}}'.encode()
    found = sniffing.sniff(data[: sniffing.HEAD_BYTES], io.BytesIO(data))

    assert found is not None and found.name == "fhir"
