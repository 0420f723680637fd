"""OpenDocument texts and presentations: shown text is read, and hidden text is ignored by a rule."""

import io

import pytest
from odfdo import Document as Odf
from odfdo import DrawPage, Frame, Header, Paragraph, Table

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.readers.office import odf
from ner_tasks.documents.types import Extract
from tests.formats import zipped

SPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in {
        **{name: name for name in ("office", "text", "table", "style", "form", "presentation", "chart", "manifest")},
        "draw": "drawing",
        "svg": "svg-compatible",
    }.items()
)
CONTENT = (
    '<office:document-content {spaces} xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink">'
    "<office:body>{body}</office:body></office:document-content>"
)


def packed(body: str, parts: dict[str, bytes | str] | None = None) -> bytes:
    files = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": CONTENT.format(spaces=SPACES, body=body),
    }
    files |= parts or {}
    return zipped({name: data.encode() if isinstance(data, str) else data for name, data in files.items()})


def read(body: str, parts: dict[str, bytes | str] | None = None) -> Extract:
    return odf.read(packed(body, parts), Limits())


def text(body: str) -> str:
    return f"<office:text>{body}</office:text>"


@pytest.mark.parametrize(
    ("inline", "expected"),
    [
        ("Rosa<text:s/>Delgado", "Rosa Delgado"),
        ('Rosa<text:s text:c="3"/>Delgado', "Rosa   Delgado"),
        ("Rosa<text:tab/>Delgado", "Rosa\tDelgado"),
        ("Rosa<text:line-break/>Delgado", "Rosa\nDelgado"),
        ("Rosa\n      Delgado", "Rosa Delgado"),
        ("<text:span>Ro</text:span><text:a>sa</text:a>", "Rosa"),
        ("on <text:date>4 March</text:date> by <text:creator>Ann</text:creator>", "on 4 March by Ann"),
        ('<text:hidden-text text:string-value="Rosa"/>', "Rosa"),
        ("Rosa<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>A note</text:p></text:note-body></text:note>Reno", "Rosa Reno\n\nA note"),
        ("Rosa<office:annotation><dc:creator>x</dc:creator><text:p>A remark</text:p></office:annotation>", "Rosa\n\nA remark"),
        ("Rosa<draw:frame><draw:text-box><text:p>In a box</text:p></draw:text-box></draw:frame>Reno", "Rosa Reno\n\nIn a box"),
        ("Rosa<draw:custom-shape><text:p>On a shape</text:p></draw:custom-shape>", "Rosa\n\nOn a shape"),
        ("<draw:frame><draw:image/><svg:desc>A receipt</svg:desc></draw:frame>", "A receipt"),
        ("<text:ruby><text:ruby-base>東京</text:ruby-base><text:ruby-text>とうきょう</text:ruby-text></text:ruby>", "東京\n\nとうきょう"),
    ],
)  # fmt: skip
def test_a_paragraph_is_read_as_shown(inline, expected):
    assert read(text(f"<text:p>{inline}</text:p>")).text == expected


def test_tables_keep_cells_apart_and_forms_show_their_values():
    rows = "<table:table-row><table:table-cell><text:p>a</text:p><text:p>b</text:p></table:table-cell><table:table-cell><text:p>c</text:p></table:table-cell></table:table-row>"
    form = '<office:forms><form:form><form:textarea form:current-value="Rosa"/><form:properties><form:property/></form:properties></form:form></office:forms>'
    assert read(text(f"{form}<table:table>{rows}</table:table>")).text == "Rosa\n\na\nb\tc"


def test_deleted_text_is_ignored_by_a_rule():
    deletion = "<text:changed-region><text:deletion><text:p>gone</text:p></text:deletion></text:changed-region>"
    found = read(text(f"<text:tracked-changes>{deletion}</text:tracked-changes><text:p>Stays</text:p>"))
    assert (found.text, found.items.ignored) == ("Stays", {"deleted-text": 1})


def test_headers_footers_and_objects_are_read_and_other_parts_listed_or_ignored():
    margins = "<style:header><text:p>Keystone</text:p></style:header><style:footer><text:p>End</text:p></style:footer>"
    styles = f"<office:document-styles {SPACES}><office:master-styles><style:master-page>{margins}</style:master-page></office:master-styles></office:document-styles>"
    chart = CONTENT.format(
        spaces=SPACES, body="<chart:chart><chart:title><text:p>Claims</text:p></chart:title></chart:chart>"
    )
    parts = {
        "styles.xml": styles,
        "meta.xml": "<a/>",
        "settings.xml": "<a/>",
        "Basic/a.xml": "<a/>",
        "Object 1/content.xml": chart,
        "Object 1/styles.xml": "<a/>",
        "ObjectReplacements/Object 1": b"x",
        "Pictures/1.png": b"x",
        "Object 2": b"%PDF-1.4",
        "META-INF/manifest.xml": f"<manifest:manifest {SPACES}/>",
    }
    found = read(text("<text:p>Rosa</text:p>"), parts)
    assert found.text == "Keystone\n\nRosa\n\nEnd\n\nClaims"
    assert found.items.unread == ("Pictures/1.png: a picture; OCR is switched off",)
    assert [part.name for part in found.parts] == ["Object 2"]
    assert found.items.ignored == {"macro": 1, "metadata": 1, "other-form": 1, "styles-and-settings": 2}


def test_slides_are_read_in_their_order_with_notes():
    def page(slide: str, note: str) -> str:
        frame = "<draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
        return (
            f"<draw:page>{frame.format(slide)}<presentation:notes>{frame.format(note)}</presentation:notes></draw:page>"
        )

    declared = "<presentation:footer-decl>Keystone</presentation:footer-decl>"
    found = read(f"<office:presentation>{declared}{page('One', 'Note')}{page('Two', '')}</office:presentation>")
    assert found.text == "Keystone\n\nOne\n\nNote\n\nTwo"
    assert found.sources.locate(15, 16) == {"source": "slide 1 notes"}


def test_a_single_xml_file_is_read():
    body = text("<text:p>Rosa</text:p><draw:image><office:binary-data>eA==</office:binary-data></draw:image>")
    found = odf.read(CONTENT.format(spaces=SPACES, body=body).encode(), Limits())
    assert (found.text, found.items.unread) == ("Rosa", ("picture 1.png: a picture; OCR is switched off",))


def test_damaged_base64_in_a_single_xml_file_is_listed():
    picture = "<draw:image><office:binary-data>e</office:binary-data></draw:image>"
    file = "<draw:object><office:binary-data>e</office:binary-data></draw:object>"
    found = odf.read(
        CONTENT.format(spaces=SPACES, body=text(f"<text:p>Rosa</text:p>{picture}{file}")).encode(), Limits()
    )
    assert found.items.unread == ("picture 1.png: damaged base64", "object 2.bin: damaged base64")
    assert (found.text, found.parts) == ("Rosa", ())


def test_files_of_another_library_are_read():
    written, file = Odf("text"), io.BytesIO()
    written.body.clear()
    paragraph, table = Paragraph("Rosa Delgado paid."), Table("T", 2, 1)
    paragraph.insert_note(after="Rosa", note_id="n", citation="1", body="A note")
    table.set_value("A1", "a")
    table.set_value("B1", "b")
    for element in (Header(1, "Claim"), paragraph, table):
        written.body.append(element)
    written.save(file)
    assert odf.read(file.getvalue(), Limits()).text == "Claim\n\nRosa Delgado paid.\n\nA note\n\na\tb"
    deck, file = Odf("presentation"), io.BytesIO()
    deck.body.clear()
    page = DrawPage("p", name="p")
    page.append(Frame.text_frame("One", size=("7cm", "5cm"), position=("1cm", "1cm")))
    deck.body.append(page)
    deck.save(file)
    assert odf.read(file.getvalue(), Limits()).text == "One"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (packed(text("<text:p/>"), {"META-INF/manifest.xml": f"<manifest:manifest {SPACES}><manifest:encryption-data/></manifest:manifest>"}), "encrypted"),
        (packed("", {"content.xml": b""}), "broken"),
        (zipped({"mimetype": b"application/vnd.oasis.opendocument.text"}), "broken"),
        (packed(text("<text:p/>"), {"Pictures/1.png": b"x"}), "no-text-layer"),
        (packed(text("<text:p/>"), {"bomb": bytes(3_000_000)}), "too-large"),
    ],
    ids=["encrypted", "blank", "no content", "pictures", "bomb"],
)  # fmt: skip
def test_a_bad_file_is_rejected_with_its_reason(data, reason):
    with pytest.raises(CannotRead) as caught:
        odf.read(data, Limits(max_unpacked_bytes=1_000_000))
    assert caught.value.reason == reason


def test_damaged_content_is_read_as_far_as_possible():
    body = text("<text:p>Rosa</text:p><text:p>Ann</text:p>")
    whole = CONTENT.format(spaces=SPACES, body=body)
    found = read("", {"content.xml": whole[: whole.index("Ann")]})
    assert found.text == "Rosa"
    assert found.items.unread[0].startswith("content.xml: damaged XML")


META = (
    '<office:document-meta {spaces} xmlns:meta="urn:oasis:names:tc:opendocument:xmlns:meta:1.0" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/">{meta}</office:document-meta>'
)
TYPED = (
    "<office:meta><dc:title>Rosa</dc:title><dc:subject>Claim of Ann</dc:subject><dc:description>Reno</dc:description>"
    "<meta:keyword>one</meta:keyword><meta:keyword>two</meta:keyword><dc:creator>Bo</dc:creator>"
    '<meta:user-defined meta:name="Client">Henry Quinn</meta:user-defined>'
    '<meta:user-defined meta:name="Paid" meta:value-type="float">7</meta:user-defined>'
    '<meta:user-defined meta:name="Info 1"/></office:meta>'
)
LINES = ["Subject: Claim of Ann", "Description: Reno", "Keywords: one", "Keywords: two", "Client: Henry Quinn"]


def test_entered_properties_are_the_last_block():
    found = read(text("<text:p>Dear Rosa,</text:p>"), {"meta.xml": META.format(spaces=SPACES, meta=TYPED)})
    assert found.text.split("\n\n") == ["Dear Rosa,", "\n".join(LINES)]
    assert found.items.counts["property"] == {"ignored": 2, "read": 5}
    assert found.items.ignored == {"metadata": 2, "said-in-the-text": 1}


def test_properties_of_a_single_xml_file_are_read():
    body = CONTENT.format(spaces=SPACES, body=text("<text:p>Dear Rosa,</text:p>"))
    spaces = '<office:body xmlns:meta="urn:oasis:names:tc:opendocument:xmlns:meta:1.0">'
    flat = body.replace(
        "<office:body>", TYPED.replace("<office:meta>", spaces.replace("body", "meta")) + "<office:body>"
    )
    assert odf.read(flat.encode(), Limits()).text.split("\n\n") == ["Dear Rosa,", "\n".join(LINES)]
