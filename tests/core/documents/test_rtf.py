"""RTF is read with all its destinations, each in the character set of its font."""

import struct

import pytest

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.readers.markup import rtf
from ner_tasks.documents.types import Extract
from tests.growth import growth
from tests.hostile import png

FONTS = (
    r"{\fonttbl{\f0\fnil\fcharset0 Arial;}{\f1\fnil\fcharset204 Arial Cyr;}{\f2\fcharset128 MS Mincho;}"
    r"{\f3\fcharset2 Symbol;}{\f4\fcharset238{\*\panose 0}Arial CE;}}"
)


def rtf_bytes(body: str, page: str = r"\ansicpg1252") -> bytes:
    return rf"{{\rtf1\ansi{page}\deff0{FONTS}{body}}}".encode("latin-1")


def read(body: str, page: str = r"\ansicpg1252") -> Extract:
    return rtf.read(rtf_bytes(body, page), Limits())


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"Rosa {\b Delgado} of {\i Re}no", "Rosa Delgado of Reno"),
        ("Rosa\nDelgado", "RosaDelgado"),
        (r"Rosa\par Reno\line Tampa", "Rosa\nReno\nTampa"),
        ("Rosa\\\nReno", "Rosa\nReno"),
        (r"Rosa\tab Reno\~x\_y Spring\-field", "Rosa\tReno\u00a0x\u2011y Springfield"),
        (r"\ldblquote It\rquote s\rdblquote\emdash so", "“It’s”—so"),
        (r"\{a\\b\}", r"{a\b}"),
        (r"M\'fcller", "Müller"),
        (r"{\f1 \'cc\'ee\'f1\'ea\'e2\'e0} Reno", "Москва Reno"),
        (r"{\f2 \'93\'8c\'8b\'9e}", "東京"),
        (r"{\f2 \'83\'5c\'83A}", "ソア"),
        (r"{\f4 \'a3\'f3d\'9f}", "Łódź"),
        (r"{\f3 \'61\'62} {\f3 b}", "αβ β"),
        (r"\u321?\u243?d\u378?", "Łódź"),
        (r"\uc2\u26481\'93\'8c x", "東 x"),
        (r"\uc0\u26481 x", "東x"),
        (r"\u-10179?\u-8704?", "😀"),
        (r"{\upr{Lodz}{\*\ud{\u321?\u243?d\u378?}}}", "Łódź"),
        (r"{\field{\*\fldinst HYPERLINK x}{\fldrslt Rosa}}", "Rosa"),
        (r"{\listtext 1.\tab}Rosa\par", "1.\tRosa"),
        (r"Rosa{\v hidden} Reno", "Rosahidden Reno"),
        (r"{\pict\pngblip\bin5 {}\\}}Rosa", "Rosa"),
        (r"{\*\mmath{\*\moMath{\mf{\mnum{\mr 1}}{\mden{\mr 2}}}}}", "1 2"),
    ],
)
def test_text_is_what_a_word_processor_shows(body, text):
    assert rtf.extract_text(rtf_bytes(body)) == text


def test_a_font_of_the_western_set_may_hold_the_page_of_the_file():
    assert read(r"\f0 \'cc\'ee\'f1\'ea\'e2\'e0", r"\ansicpg1251").text == "Москва"
    assert read(r"\f0 caf\'e9 Reno", r"\ansicpg1251").text == "café Reno"


def test_rows_are_lines_and_cells_are_separated_by_tabs():
    body = r"\trowd\intbl Rosa\cell Reno\cell\row\trowd\intbl Ann\cell{\nonesttables\par}\row\pard after"
    assert read(body).text == "Rosa\tReno\nAnn\nafter"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (r"{\header Reno\par}", "header"),
        (r"{\headerf Reno}", "header"),
        (r"{\footerr Reno}", "footer"),
        (r"{\footnote{\super\chftn} Reno}", "footnote"),
        (r"{\*\annotation Reno}", "annotation"),
        (r"{\shp{\*\shpinst{\shptxt Reno\par}}{\shprslt{\*\do}}}", "text-box"),
        (r"{\*\do{\dptxbx{\dptxbxtext Reno\par}}}", "text-box"),
        (r"{\shp{\*\shpinst{\sp{\sn gtextUNICODE}{\sv Reno}}}}", "text-box"),
        (r"{\pict{\*\picprop{\sp{\sn wzDescription}{\sv Reno}}}\pngblip 89}", "description"),
    ],
)
def test_headers_notes_and_boxes_are_blocks_with_their_place(body, kind):
    extract = read(rf"Rosa{body} Delgado")
    assert extract.text == "Rosa Delgado\n\nReno"
    assert extract.items.counts[kind] == {"read": 1}
    assert extract.sources.locate(extract.text.index("Reno"), len(extract.text)) == {"source": kind}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (r"{\field{\*\fldinst secret}{\fldrslt x}}", "field-code"),
        (r"{\deleted secret}", "deleted-text"),
        (r"{\info{\title secret}}", "document-properties"),
        (r"{\xe secret}", "index-entry"),
        (r"{\*\someprogram secret}", "unknown-destination"),
        (r"{\shp{\shprslt secret}}", "other-form"),
    ],
)
def test_ignored_destinations_are_counted_by_rule(body, rule):
    extract = read(f"Rosa{body}")
    assert "secret" not in extract.text
    assert extract.items.ignored == {rule: 1}
    assert extract.items.add_up()


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (r"{\fftype2\ffres1{\*\ffl one}{\*\ffl Rosa}}", "Rosa"),
        (r"{\fftype2\ffres25\ffdefres0{\*\ffl Rosa}{\*\ffl two}}", "Rosa"),
        (r"{\fftype1\ffres1}", "[x]"),
        (r"{\fftype1\ffres25\ffdefres0}", "[ ]"),
    ],
)
def test_a_form_field_shows_what_is_chosen(field, text):
    assert (
        read(rf"{{\field{{\*\fldinst FORM {{\*\formfield{field}}}}}{{\fldrslt}}}}end").text.split("end")[0].strip()
        == text
    )


def object_hex(class_name: bytes, native: bytes, kind: int = 2) -> str:
    head = struct.pack("<III", 0x501, kind, len(class_name) + 1) + class_name + b"\0" + bytes(8)
    return (head + struct.pack("<I", len(native)) + native).hex()


def test_a_file_in_an_object_becomes_a_separate_document():
    content = b"Rosa Delgado of Reno"
    native = struct.pack("<H", 2) + b"a.txt\0C:\\a.txt\0" + b"\0\0\3\0" + struct.pack("<I", 8) + b"C:\\a.tx\0"
    native += struct.pack("<I", len(content)) + content
    extract = read(rf"See {{\object\objemb{{\*\objdata {object_hex(b'Package', native)}}}{{\result shown}}}}")
    assert extract.text == "See shown"
    assert [(part.name, part.content) for part in extract.parts] == [("object-1.bin/a.txt", content)]


def test_an_object_that_cannot_be_read_is_named():
    linked = read(rf"See{{\object{{\*\objdata {object_hex(b'Package', b'', kind=1)}}}}}")
    broken = read(r"See{\object{\*\objdata 0105}}")
    assert linked.items.unread == ("object-1.bin: a link to an external file",)
    assert broken.items.unread == ("object-1.bin: a damaged object",)


def test_pictures_are_named_once():
    picture = png(200, 100).hex()
    extract = read(rf"Rosa{{\*\shppict{{\pict\pngblip {picture}}}}}{{\nonshppict{{\pict\wmetafile8 00}}}}")
    assert extract.items.unread == ("picture-1.png: a picture; OCR is switched off",)
    assert extract.items.ignored["other-form"] == 1


def test_a_file_of_pictures_only_has_no_text_layer():
    with pytest.raises(CannotRead) as error:
        read(rf"{{\pict\pngblip {png(200, 100).hex()}}}")
    assert error.value.reason == "no-text-layer"


def test_a_page_that_a_mail_program_wrapped_is_taken_out():
    body = r"\fromhtml1{\*\htmltag <p>}Rosa {\*\htmltag <b>}Delgado{\*\htmltag </b></p>}\htmlrtf\par\htmlrtf0"
    assert rtf.extract_text(rtf_bytes(body)) == "Rosa Delgado"
    assert read(body).text == "Rosa Delgado"


def test_a_truncated_file_is_read_as_far_as_possible():
    extract = rtf.read(rtf_bytes(r"Rosa {\b Delgado")[:-1], Limits())
    assert extract.text == "Rosa Delgado"
    assert extract.items.unread == ("end of the file: truncated within a group",)


def test_what_stands_behind_the_end_is_read():
    assert rtf.read(rtf_bytes("Rosa") + rtf_bytes(r"\par Reno") + b"\0\0", Limits()).text == "Rosa\nReno"


def test_a_file_that_is_not_rtf_is_broken():
    with pytest.raises(CannotRead) as error:
        rtf.read(b"Rosa Delgado", Limits())
    assert error.value.reason == "broken"


@pytest.mark.parametrize(
    "piece",
    ["{", r"{\b x}", r"\u233?", r"{\footnote x}", r"{\pict\bin1 x}", r"{\fonttbl{\f1 abc;}", r"{\f1 ", r"{\sn x}"],
)
def test_time_grows_linearly_with_the_groups(piece):
    # Eight times the groups; a quadratic step would take 64 times as long.
    assert growth(lambda n: rtf.extract_text(rf"{{\rtf1 {piece * n}".encode()), 5_000, 40_000) < 32
