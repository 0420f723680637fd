"""OpenDocument texts with a word at every place: raw XML, in a package or as a single file."""

import io
import random
import zipfile
from collections.abc import Mapping

from tests.canaries.words import new_word

NAME, SUFFIX = "odt", ".odt"

_SPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in {
        "office": "office",
        "text": "text",
        "table": "table",
        "draw": "drawing",
        "style": "style",
        "form": "form",
        "svg": "svg-compatible",
        "meta": "meta",
        "chart": "chart",
        "manifest": "manifest",
    }.items()
)
_NAMESPACES = f'{_SPACES} xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'
_AROUND = (
    "{}",
    "<text:span>{}</text:span>",
    '<text:a xlink:href="x">{}</text:a>',
    "<text:date>{}</text:date>",
    "<text:user-field-get>{}</text:user-field-get>",
    "<text:creator>{}</text:creator>",
    "<text:meta>{}</text:meta>",
    "<text:ruby><text:ruby-base>{}</text:ruby-base></text:ruby>",
    '<text:bookmark-start text:name="b"/>{}<text:bookmark-end text:name="b"/>',
)
_APART = (" ", "<text:s/>", '<text:s text:c="3"/>', "<text:tab/>", "<text:line-break/>", "\n    ")


class _Maker:
    def __init__(self, rng: random.Random):
        self.rng, self.words = rng, {}
        self.files: dict[str, str | bytes] = {}

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = holder
        return word

    def inline(self, depth: int) -> str:
        kind = self.rng.choice(["plain"] * 5 + ["note", "annotation", "frame", "shape", "ruby", "hidden", "described"])
        if kind == "note" and depth < 2:
            return f"<text:note><text:note-citation>1</text:note-citation><text:note-body>{self.blocks(depth + 1)}</text:note-body></text:note>"
        if kind == "annotation" and depth < 2:
            return f"<office:annotation><dc:creator>a</dc:creator><dc:date>2026</dc:date>{self.blocks(depth + 1)}</office:annotation>"
        if kind == "frame" and depth < 2:
            return f"<draw:frame><draw:text-box>{self.blocks(depth + 1)}</draw:text-box></draw:frame>"
        if kind == "shape":
            return f"<draw:custom-shape><text:p>{self.word('shape')}</text:p></draw:custom-shape>"
        if kind == "ruby":
            base, above = self.word("ruby base"), self.word("ruby")
            return f"<text:ruby><text:ruby-base>{base}</text:ruby-base><text:ruby-text>{above}</text:ruby-text></text:ruby>"
        if kind == "hidden":
            return f'<text:hidden-text text:string-value="{self.word("hidden")}"/>'
        if kind == "described":
            return f'<draw:frame><draw:image xlink:href="x"/><svg:desc>{self.word("alt text")}</svg:desc></draw:frame>'
        word = self.word("text")
        at = self.rng.randint(0, len(word))
        text = word if self.rng.random() < 0.7 else f"{word[:at]}<text:span>{word[at:]}</text:span>"
        for _ in range(self.rng.randint(0, 2)):
            text = self.rng.choice(_AROUND).format(text)
        return text

    def paragraph(self, depth: int) -> str:
        name = self.rng.choice(["p", "p", "h"])
        pieces = [self.inline(depth) + self.rng.choice(_APART) for _ in range(self.rng.randint(1, 4))]
        return f"<text:{name}>{''.join(pieces)}</text:{name}>"

    def table(self, depth: int) -> str:
        rows = ""
        for _ in range(self.rng.randint(1, 3)):
            cells = "".join(
                f"<table:table-cell>{self.blocks(depth + 1)}</table:table-cell>" for _ in range(self.rng.randint(1, 3))
            )
            rows += f"<table:table-row>{cells}<table:covered-table-cell/></table:table-row>"
        return f"<table:table>{rows}</table:table>"

    def blocks(self, depth: int = 0) -> str:
        made = ""
        for _ in range(self.rng.randint(1, 4 if depth == 0 else 2)):
            kind = self.rng.random()
            block = self.table(depth) if kind < 0.15 and depth < 2 else self.paragraph(depth)
            if kind > 0.85:
                block = f"<text:list><text:list-item>{block}</text:list-item></text:list>"
            elif kind > 0.7:
                block = f"<text:section>{block}</text:section>"
            made += block
        return made


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    maker = _Maker(rng)
    deleted = "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p></text:deletion></text:changed-region></text:tracked-changes>"
    form = f'<office:forms><form:form><form:textarea form:current-value="{maker.word("form")}"/></form:form></office:forms>'
    body = (form if rng.random() < 0.3 else "") + (deleted if rng.random() < 0.3 else "") + maker.blocks()
    if "<office:forms>" not in body:
        maker.words.pop(next(iter(maker.words)))
    content = f"<office:document-content {_NAMESPACES}><office:body><office:text>{body}</office:text></office:body></office:document-content>"
    margins = "".join(
        f"<style:{name}><text:p>{maker.word(name)}</text:p></style:{name}>"
        for name in ("header", "footer", "header-left")
    )
    styles = f"<office:document-styles {_NAMESPACES}><office:master-styles><style:master-page>{margins}</style:master-page></office:master-styles></office:document-styles>"
    maker.files |= {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content, "styles.xml": styles}
    if rng.random() < 0.3:
        title = f"<chart:title><text:p>{maker.word('chart')}</text:p></chart:title>"
        maker.files["Object 1/content.xml"] = (
            f"<office:document-content {_NAMESPACES}><chart:chart>{title}</chart:chart></office:document-content>"
        )
    if rng.random() < 0.3:
        maker.files["Pictures/1.png"] = b"no picture"
        maker.words[new_word(rng)] = "Pictures/1.png"
    if rng.random() < 0.5:
        names = ("dc:title", "dc:subject", "dc:description", "meta:keyword", "meta:keyword")
        texts = "".join(f"<{name}>{maker.word(name)}</{name}>" for name in names)
        own = (
            f'<meta:user-defined meta:name="{maker.word("name of a property")}">{maker.word("own")}</meta:user-defined>'
        )
        maker.files["meta.xml"] = (
            f"<office:document-meta {_NAMESPACES}><office:meta>{texts}{own}</office:meta></office:document-meta>"
        )
    maker.files["META-INF/manifest.xml"] = f"<manifest:manifest {_NAMESPACES}/>"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in maker.files.items():
            archive.writestr(name, text)
    return file.getvalue(), maker.words
