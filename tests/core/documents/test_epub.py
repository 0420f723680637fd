"""EPUB is read in the order of its spine, and every file in it has a fate."""

import pytest

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.readers.markup import epub
from ner_tasks.documents.types import Extract
from tests.formats import zipped

PAGE = "application/xhtml+xml"
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/content.opf"/></rootfiles></container>'
)


def book(items: str, spine: str, files: dict[str, str | bytes]) -> bytes:
    package = f'<package xmlns="http://www.idpf.org/2007/opf"><metadata/><manifest>{items}</manifest><spine>{spine}</spine></package>'
    known = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER, "OEBPS/content.opf": package}
    return zipped({name: data.encode() if isinstance(data, str) else data for name, data in (known | files).items()})


def item(name: str, href: str, media_type: str = PAGE, properties: str = "") -> str:
    return f'<item id="{name}" href="{href}" media-type="{media_type}" properties="{properties}"/>'


def ref(name: str, linear: str = "yes") -> str:
    return f'<itemref idref="{name}" linear="{linear}"/>'


def read(items: str, spine: str, files: dict[str, str | bytes]) -> Extract:
    extract = epub.read(book(items, spine, files), Limits())
    assert extract.items.add_up()
    return extract


def test_chapters_stand_in_the_order_of_the_spine_and_say_where_they_come_from():
    items = item("a", "a%20one.xhtml") + item("b", "text/b.xhtml")
    files = {"OEBPS/a one.xhtml": "<p>Rosa</p>", "OEBPS/text/b.xhtml": "<p>Reno</p>"}
    extract = read(items, ref("b", "no") + ref("a"), files)
    assert extract.text == "Reno\n\nRosa"
    assert extract.sources.locate(6, 10) == {"source": "OEBPS/a one.xhtml"}
    assert extract.items.counts["chapter"] == {"read": 2}


def test_a_spine_that_goes_in_circles_is_read_once():
    extract = read(item("a", "a.xhtml"), ref("a") * 1_000, {"OEBPS/a.xhtml": "<p>Rosa</p>"})
    assert extract.text == "Rosa"


def test_a_page_that_the_spine_lacks_is_read_behind_it():
    files = {"OEBPS/a.xhtml": "<p>Rosa</p>", "OEBPS/b.xhtml": "<p>Reno</p>", "other/c.html": "<p>Tampa</p>"}
    extract = read(item("a", "a.xhtml") + item("b", "b.xhtml"), ref("a"), files)
    assert extract.text == "Rosa\n\nReno\n\nTampa"


def test_what_the_spine_names_and_the_book_lacks_is_named():
    extract = read(item("a", "a.xhtml"), ref("a") + ref("zz"), {"OEBPS/a.xhtml": "<p>Rosa</p>"})
    assert extract.items.unread == ("idref zz: listed in the spine, but missing in the book",)


@pytest.mark.parametrize("is_ncx", [True, False])
def test_a_table_of_contents_is_read_only_where_it_adds_text(is_ncx):
    def contents(heading: str) -> tuple[str, dict[str, str | bytes]]:
        if is_ncx:
            return item("n", "toc.ncx", "application/x-dtbncx+xml"), {
                "OEBPS/toc.ncx": f"<ncx><text>{heading}</text></ncx>"
            }
        return item("n", "nav.xhtml", PAGE, "nav"), {"OEBPS/nav.xhtml": f"<nav><li>{heading}</li></nav>"}

    chapter = {"OEBPS/a.xhtml": "<h1>One</h1><p>Rosa</p>"}
    entry, files = contents("One")
    same = read(item("a", "a.xhtml") + entry, ref("n") + ref("a"), files | chapter)
    assert same.text == "One\n\nRosa"
    assert same.items.ignored["table-of-contents"] == 1
    entry, files = contents("Reno")
    assert read(item("a", "a.xhtml") + entry, ref("n") + ref("a"), files | chapter).text == "One\n\nRosa\n\nReno"


def test_files_beside_the_text_get_their_fate():
    files = {
        "OEBPS/a.xhtml": "<p>Rosa</p>",
        "OEBPS/drawing.svg": '<svg xmlns="http://www.w3.org/2000/svg"><text>Reno</text></svg>',
        "OEBPS/scan.png": b"\x89PNG\r\n\x1a\n",
        "OEBPS/form.pdf": b"%PDF-1.4",
        "OEBPS/read aloud.mp3": b"ID3",
        "OEBPS/page.css": "p {}",
    }
    extract = read(item("a", "a.xhtml"), ref("a"), files)
    assert extract.text == "Rosa\n\nReno"
    assert [part.name for part in extract.parts] == ["OEBPS/form.pdf"]
    assert [line.partition(":")[0] for line in extract.items.unread] == ["OEBPS/scan.png", "OEBPS/read aloud.mp3"]
    assert extract.items.ignored["styles-and-settings"] == 2


def encryption(name: str, algorithm: str) -> str:
    return (
        '<encryption xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
        f'<enc:EncryptionMethod Algorithm="{algorithm}"/><enc:CipherData><enc:CipherReference URI="{name}"/>'
        "</enc:CipherData></enc:EncryptedData></encryption>"
    )


def test_an_encrypted_chapter_is_named_and_fonts_made_hard_to_copy_are_none():
    items, spine = item("a", "a.xhtml") + item("b", "b.xhtml"), ref("a") + ref("b")
    files: dict[str, str | bytes] = {"OEBPS/a.xhtml": "<p>Rosa</p>", "OEBPS/b.xhtml": b"\x93\x01\x02"}
    aes = encryption("OEBPS/b.xhtml", "http://www.w3.org/2001/04/xmlenc#aes128-cbc")
    extract = read(items, spine, files | {"META-INF/encryption.xml": aes})
    assert extract.text == "Rosa"
    assert extract.items.unread == ("OEBPS/b.xhtml: it is encrypted",)
    font = encryption("OEBPS/a.xhtml", "http://www.idpf.org/2008/embedding")
    assert "Rosa" in read(items, spine, {"OEBPS/a.xhtml": "<p>Rosa</p>", "META-INF/encryption.xml": font}).text


def test_a_book_that_is_encrypted_is_rejected_as_such():
    aes = encryption("OEBPS/a.xhtml", "http://www.w3.org/2001/04/xmlenc#aes256-cbc")
    with pytest.raises(CannotRead) as error:
        read(item("a", "a.xhtml"), ref("a"), {"OEBPS/a.xhtml": b"\x93\x01", "META-INF/encryption.xml": aes})
    assert error.value.reason == "encrypted"


@pytest.mark.parametrize("name", ["META-INF/container.xml", "OEBPS/content.opf"])
def test_a_book_whose_plan_is_damaged_is_read_by_names(name):
    extract = read("", "", {"b.xhtml": "<p>Reno</p>", "a.xhtml": "<p>Rosa</p>", name: "<"})
    assert sorted(extract.text.split()) == ["Reno", "Rosa"]
    assert extract.notes == ("no spine found; documents are read in the order of their names",)


def test_a_damaged_archive_is_broken():
    with pytest.raises(CannotRead) as error:
        epub.read(book("", "", {})[:-30], Limits())
    assert error.value.reason == "broken"


def test_a_book_that_unpacks_to_too_much_is_too_large():
    with pytest.raises(CannotRead) as error:
        epub.read(book("", "", {"a.xhtml": b" " * 100_000}), Limits(max_unpacked_bytes=10_000))
    assert error.value.reason == "too-large"


def test_title_subjects_and_description_of_a_book_are_read_where_its_text_lacks_them():
    metadata = (
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>One</dc:title><dc:creator>Bo</dc:creator>'
        "<dc:subject>Reno</dc:subject><dc:description>&lt;p&gt;Of &lt;b&gt;Ann&lt;/b&gt;&lt;/p&gt;</dc:description></metadata>"
    )
    package = f"<package>{metadata}<manifest>{item('a', 'a.xhtml')}</manifest><spine>{ref('a')}</spine></package>"
    extract = read("", "", {"OEBPS/content.opf": package, "OEBPS/a.xhtml": "<h1>One</h1>"})
    assert extract.text == "One\n\nSubject: Reno\nDescription: Of Ann"
    assert extract.items.ignored["said-in-the-text"] == 1
    assert extract.items.counts["property"] == {"ignored": 1, "read": 2}
