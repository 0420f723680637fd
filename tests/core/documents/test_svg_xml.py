"""SVG and XML of any kind: all text, elements on separate lines, embedded files as parts."""

import base64
from urllib.parse import quote

import pytest

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.readers.markup import svg, xml
from ner_tasks.documents.types import Extract
from tests.hostile import png

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{}</svg>'


def drawn(inner: str) -> Extract:
    extract = svg.read(SVG.format(inner).encode(), Limits())
    assert extract.items.add_up()
    return extract


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ("<text>Rosa</text><text>Reno</text>", "Rosa\nReno"),
        ("<text>Rosa <tspan font-weight='bold'>Delgado</tspan></text>", "Rosa Delgado"),
        ("<text>Ro<tspan x='7'>sa</tspan></text>", "Rosa"),
        ("<text><tspan x='0' y='0'>Rosa</tspan><tspan x='0' y='20'>Reno</tspan></text>", "Rosa\nReno"),
        ("<text>Rosa<tspan x='0' dy='1.2em'>Reno</tspan></text>", "Rosa\nReno"),
        ("<text>Rosa<tspan dy='0'>lia</tspan></text>", "Rosalia"),
        ("<title>Chart</title><desc>Of bills</desc><g><a><text>Rosa</text></a></g>", "Chart\nOf bills\nRosa"),
        ("<text><textPath href='#p'>Rosa</textPath></text>", "Rosa"),
        ("<defs><text>Rosa</text></defs><symbol><text>Reno</text></symbol>", "Rosa\nReno"),
        ("<switch><text systemLanguage='de'>Rosa</text><text>Reno</text></switch>", "Rosa\nReno"),
        (
            "<foreignObject><div xmlns='http://www.w3.org/1999/xhtml'><p>Rosa</p><p>Reno</p></div></foreignObject>",
            "Rosa\nReno",
        ),
        ("<flowRoot><flowPara>Rosa</flowPara><flowPara>Reno</flowPara></flowRoot>", "Rosa\nReno"),
    ],
)
def test_texts_of_a_drawing_stand_on_their_lines(inner, text):
    assert drawn(inner).text == text


@pytest.mark.parametrize(
    ("inner", "rule"),
    [
        ("<style>secret</style>", "style"),
        ("<script>secret</script>", "script"),
        ("<metadata>secret</metadata>", "document-properties"),
        ("<g display='none'><text>secret</text></g>", "hidden-element"),
        ("<text style='visibility: hidden'>secret</text>", "hidden-element"),
        ("<image xlink:href='secret.png'/>", "linked-picture"),
    ],
)
def test_what_a_drawing_does_not_show_is_counted_by_its_rule(inner, rule):
    extract = drawn(f"<text>Rosa</text>{inner}")
    assert extract.text == "Rosa"
    assert extract.items.ignored == {rule: 1}


def test_pictures_in_a_drawing_are_named_and_drawings_handed_on():
    picture = base64.b64encode(png(200, 100)).decode()
    inner = quote(SVG.format("<text>Reno</text>"))
    extract = drawn(
        f'<text>Rosa</text><image xlink:href="data:image/png;base64,{picture}"/><image href="data:image/svg+xml,{inner}"/>'
    )
    assert extract.items.unread == ("image 1.png: a picture; OCR is switched off",)
    assert [part.name for part in extract.parts] == ["image 2.svg"]


def test_a_drawing_in_another_encoding_is_read_as_it_declares():
    data = f'<?xml version="1.0" encoding="koi8-r"?>{SVG.format("<text>Москва</text>")}'.encode("koi8-r")
    assert svg.read(data, Limits()).text == "Москва"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("<c><n>Rosa</n><t>Reno</t></c>", "Rosa\nReno"),
        ("<c>\n  <n>Rosa\n   Delgado</n>\n</c>", "Rosa Delgado"),
        ("<c><p>Rosa <b>Del</b>gado of <town>Reno</town>.</p></c>", "Rosa Delgado of Reno ."),
        ("<c><p>Rosa<br/>Reno</p></c>", "Rosa\nReno"),
        ("<c><p>Rosa<town>Reno</town></p></c>", "Rosa Reno"),
        ("<c><p>It <x>a</x><y>b</y></p></c>", "It a b"),
        ("<c><![CDATA[Rosa <b> Reno]]></c>", "Rosa <b> Reno"),
        ('<c name="Rosa Delgado"><t>Reno</t></c>', "Rosa Delgado\nReno"),
        ('<c id="abc" href="http://x.org/Rosa" type="claim"><t>Reno</t></c>', "Reno"),
        ("<!DOCTYPE c [<!ENTITY e 'secret'>]><c>Rosa &amp; Reno</c>", "Rosa & Reno"),
        ("<c>Rosa<!-- secret --> Delgado<?secret?></c>", "Rosa Delgado"),
    ],
)
def test_text_of_unknown_xml_keeps_sentences_together_and_elements_separate(data, text):
    extract = xml.read(data.encode(), Limits())
    assert extract.text == text
    assert extract.items.add_up()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('<html xmlns="http://www.w3.org/1999/xhtml"><p>Rosa</p><script>secret</script></html>', "Rosa"),
        (SVG.format("<text>Rosa</text>"), "Rosa"),
        (
            (
                '<w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"><w:body><w:p><w:r><w:t>Ro</w:t>'
                "</w:r><w:r><w:t>sa</w:t></w:r><w:r><w:tab/><w:delText>secret</w:delText></w:r></w:p>"
                "<w:p><w:r><w:t>Reno</w:t></w:r></w:p></w:body></w:wordDocument>"
            ),
            "Rosa\t\nReno",
        ),
        (
            (
                '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:s="urn:schemas-microsoft-com:office:spreadsheet">'
                '<Worksheet s:Name="Bills"><Table><Row><Cell><Data>Rosa</Data></Cell><Cell><Data>Reno</Data></Cell></Row></Table>'
                "</Worksheet></Workbook>"
            ),
            "Bills\nRosa\tReno",
        ),
        (
            (
                '<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
                'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text>'
                "<text:p>Rosa</text:p></office:text></office:body></office:document>"
            ),
            "Rosa",
        ),
        (
            (
                '<Patient xmlns="http://hl7.org/fhir"><text><status value="generated"/>'
                '<div xmlns="http://www.w3.org/1999/xhtml">Rosa</div></text></Patient>'
            ),
            "Patient\nRosa",
        ),
        (
            (
                '<p:package xmlns:p="http://schemas.microsoft.com/office/2006/xmlPackage"><p:part p:name="/_rels/.rels"><p:xmlData>'
                '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="1" '
                'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
                'Target="word/document.xml"/></Relationships></p:xmlData></p:part><p:part p:name="/word/document.xml"><p:xmlData>'
                '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>'
                "<w:t>Rosa</w:t></w:r></w:p></w:body></w:document></p:xmlData></p:part></p:package>"
            ),
            "Rosa",
        ),
    ],
    ids=["xhtml", "svg", "word 2003", "excel 2003", "flat odt", "fhir", "flat docx"],
)
def test_xml_goes_to_the_reader_of_its_root_element(data, text):
    assert xml.read(data.encode(), Limits()).text == text


def test_a_file_in_an_element_becomes_a_part_and_not_text():
    content = b"%PDF-1.4 " + b"Rosa Delgado " * 30
    extract = xml.read(b"<c><n>Rosa</n><f>" + base64.b64encode(content) + b"</f></c>", Limits())
    assert extract.text == "Rosa"
    assert [part.content for part in extract.parts] == [content]


def test_damage_is_named_and_the_rest_is_read():
    extract = xml.read(b"<c><n>Rosa</n><t>Reno</c>", Limits())
    assert extract.text == "Rosa\nReno"
    assert extract.items.unread[0].startswith("the file: malformed XML at")


def test_depth_beyond_all_measure_is_read_and_named():
    extract = xml.read(b"<a>" * 100_000 + b"Rosa" + b"</a>" * 100_000, Limits())
    assert extract.text == "Rosa"
    assert extract.items.unread


def test_a_file_without_an_element_is_broken():
    with pytest.raises(CannotRead) as error:
        xml.read(b"<!-- nothing -->", Limits())
    assert error.value.reason == "broken"


def test_a_damaged_drawing_gives_the_words_that_are_left():
    extract = svg.read(b'<svg xmlns="http://www.w3.org/2000/svg" x="<text>Rosa</text><text>Reno</text>', Limits())
    assert {"Rosa", "Reno"} <= set(extract.text.split())
    assert extract.items.unread


def test_a_drawing_whose_prefix_nothing_declares_is_read_as_one():
    data = b"<svg:svg><svg:style>p {}</svg:style><svg:text>Henry <svg:tspan>Quinn</svg:tspan></svg:text></svg:svg>"
    found = svg.read(data, Limits())
    assert found.text == "Henry Quinn"
    assert found.items.unread == ()
