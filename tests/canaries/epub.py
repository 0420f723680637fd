"""EPUB: words in chapters, drawings, tables of contents, files beside the spine, pages that nothing names."""

import random
from collections.abc import Mapping

from tests.canaries import html, svg
from tests.canaries.words import new_word
from tests.formats import zipped

NAME, SUFFIX = "epub", ".epub"
_PAGE = "application/xhtml+xml"


class _Book:
    def __init__(self, rng: random.Random):
        self.rng, self.words = rng, dict[str, str]()
        self.files: dict[str, bytes] = {"mimetype": b"application/epub+zip"}
        self.items: list[str] = []
        self.spine: list[str] = []

    def add(self, name: str, data: bytes, media_type: str, properties: str = "") -> None:
        number = len(self.items)
        folder = "OEBPS/" if self.rng.random() < 0.8 else "OEBPS/text/"
        self.files[folder + name] = data
        href = (folder.removeprefix("OEBPS/") + name).replace(" ", "%20")
        extra = f' properties="{properties}"' if properties else ""
        if self.rng.random() < 0.9:
            self.items.append(f'<item id="i{number}" href="{href}" media-type="{media_type}"{extra}/>')
            if media_type == _PAGE and self.rng.random() < 0.8:
                self.spine.append(f'<itemref idref="i{number}"{self._linear()}/>')

    def _linear(self) -> str:
        return self.rng.choice(["", ' linear="no"'])

    def chapter(self, number: int) -> None:
        data, words = html.make(self.rng)
        self.words |= words
        self.add(f"chapter {number}.xhtml", data, _PAGE)

    def drawing(self, number: int) -> None:
        data, words = svg.make(self.rng)
        self.words |= words
        self.add(f"drawing-{number}.svg", data, "image/svg+xml")

    def contents(self) -> None:
        word = new_word(self.rng)
        self.words[word] = "table of contents"
        if self.rng.random() < 0.5:
            ncx = f"<ncx><navMap><navPoint><navLabel><text>{word}</text></navLabel></navPoint></navMap></ncx>"
            self.add("toc.ncx", ncx.encode(), "application/x-dtbncx+xml")
        else:
            self.add("nav.xhtml", f"<nav><ol><li><a>{word}</a></li></ol></nav>".encode(), _PAGE, "nav")

    def metadata(self) -> str:
        """Title and the like; OPF 1 wraps them once more, shops describe books in HTML."""
        if self.rng.random() < 0.3:
            return "<metadata/>"
        texts = []
        for name in ("title", "subject", "subject", "description"):
            word = new_word(self.rng)
            self.words[word] = name
            text = f"&lt;p&gt;{word}&lt;/p&gt;" if name == "description" and self.rng.random() < 0.5 else word
            texts.append(f"<dc:{name}>{text}</dc:{name}>")
        listed = "".join(texts)
        listed = f"<dc-metadata>{listed}</dc-metadata>" if self.rng.random() < 0.2 else listed
        return f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">{listed}</metadata>'

    def beside(self) -> None:
        word = new_word(self.rng)
        self.words[word] = "file"
        self.add("notes.txt", f"{word} in a file".encode(), "text/plain")


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    book = _Book(rng)
    for number in range(rng.randint(1, 3)):
        book.chapter(number)
    if rng.random() < 0.5:
        book.drawing(1)
    if rng.random() < 0.6:
        book.contents()
    if rng.random() < 0.4:
        book.beside()
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf">{book.metadata()}<manifest>{"".join(book.items)}</manifest>'
    )
    lost = '<itemref idref="none"/>' if rng.random() < 0.1 else ""
    package += f"<spine>{''.join(book.spine)}{lost}</spine></package>"
    book.files["OEBPS/content.opf"] = package.encode()
    if rng.random() < 0.95:
        book.files["META-INF/container.xml"] = (
            b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            b'<rootfile full-path="OEBPS/content.opf"/></rootfiles></container>'
        )
    return zipped(book.files), book.words
