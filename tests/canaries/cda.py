"""Clinical documents: words in participants, in every element of a narrative, in entries and in files inside."""

import base64
import random
from collections.abc import Mapping

from tests.canaries.words import new_word

NAME, SUFFIX = "cda", ".xml"
_PEOPLE = ("recordTarget", "author", "informant", "custodian", "participant", "componentOf", "legalAuthenticator")


class _Maker:
    def __init__(self, rng: random.Random):
        self.rng = rng
        self.words: dict[str, str] = {}

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = holder
        return word

    def person(self) -> str:
        name = self.rng.choice(
            [
                lambda: f"<name>{self.word('name')}</name>",
                lambda: f"<name><given>{self.word('given')}</given><family>{self.word('family')}</family></name>",
                lambda: (
                    f"<name use='L'>Dr <given>{self.word('given')}</given>\n<family>{self.word('family')}</family></name>"
                ),
            ]
        )()
        street, city, phone = self.word("streetAddressLine"), self.word("city"), self.word("telecom")
        address = f"<addr><streetAddressLine>{street}</streetAddressLine><city>{city}</city></addr>"
        role = f'<code code="1" displayName="{self.word("displayName")}"/>'
        return f'<role>{role}{address}<telecom value="tel:{phone}"/><person>{name}</person></role>'

    def inline(self, depth: int = 0) -> str:
        w = self.word
        choices = [
            lambda: w("text"),
            lambda: f"<content styleCode='Bold'>{w('content')}</content><content ID='x'>{w('content')}</content>",
            lambda: f"{w('text')}<br/>{w('text')}",
            lambda: f"<linkHtml href='#x'>{w('linkHtml')}</linkHtml> {w('text')}",
            lambda: f"<sub>{w('sub')}</sub> ",
            lambda: f"{w('text')} <content revised='delete'>gone</content> {w('text')}",
            lambda: f"<!-- a comment -->{w('text')}<footnote>{w('footnote')}</footnote>",
            lambda: f"<![CDATA[{w('text')} & <b>]]>",
            lambda: f"<renderMultiMedia referencedObject='MM'><caption>{w('caption')}</caption></renderMultiMedia>",
        ]
        if depth < 3:
            choices.append(lambda: f"<content>{self.inline(depth + 1)}</content>")
        return self.rng.choice(choices)()

    def block(self, depth: int = 0) -> str:
        kind = self.rng.choice(["paragraph", "list", "table", "inline"] if depth < 3 else ["paragraph", "inline"])
        if kind == "paragraph":
            return f"<paragraph><caption>{self.word('caption')}</caption>{self.inline()}</paragraph>"
        if kind == "list":
            items = "".join(
                f"<item>{self.inline()}{self.block(depth + 1)}</item>" for _ in range(self.rng.randint(1, 3))
            )
            return f"<list listType='ordered'><caption>{self.word('caption')}</caption>{items}</list>"
        if kind == "table":
            rows = "".join(
                f"<tr><td>{self.inline()}</td><td>{self.block(depth + 1)}</td></tr>"
                for _ in range(self.rng.randint(1, 3))
            )
            head = f"<thead><tr><th>{self.word('th')}</th><th>{self.word('th')}</th></tr></thead>"
            return f"<table border='1'><caption>{self.word('caption')}</caption>{head}<tbody>{rows}</tbody></table>"
        return f" {self.inline()} "

    def file(self, element: str) -> str:
        page = base64.b64encode(f"<html><body>{self.word('file')}</body></html>".encode()).decode()
        return f'<{element} mediaType="text/html" representation="B64">{page}</{element}>'

    def entry(self, *, has_narrative: bool) -> str:
        kind = self.rng.choice(["observation", "media", "author", "comment"])
        if kind == "media":
            return f'<entry><observationMedia ID="M{len(self.words)}">{self.file("value")}</observationMedia></entry>'
        if kind == "author":
            return f"<entry><act><author>{self._named()}</author></act></entry>"
        if kind == "comment":
            return f"<entry><act><text>{self.word('entry text')}<reference value='#x'/></text></act></entry>"
        code = "" if has_narrative else f'<code code="1" displayName="{self.word("displayName")}"/>'
        original = f"<originalText>{self.word('originalText')}</originalText>"
        return f"<entry><observation>{code}<value xsi:type='CD'>{original}</value></observation></entry>"

    def _named(self) -> str:
        return f"<assignedAuthor><assignedPerson><name>{self.word('name')}</name></assignedPerson></assignedAuthor>"

    def section(self, depth: int = 0) -> str:
        has_narrative = self.rng.random() < 0.8
        blocks = (
            "".join(self.block() for _ in range(self.rng.randint(1, 4))) + self.word("text") if has_narrative else ""
        )
        if self.rng.random() < 0.5:
            title = f"<title>{self.word('title')}</title>"
        else:
            title = f"<code displayName='{self.word('code')}'/>"
        entries = "".join(self.entry(has_narrative=has_narrative) for _ in range(self.rng.randint(0, 3)))
        nested = "".join(
            f"<component>{self.section(depth + 1)}</component>"
            for _ in range(self.rng.randint(0, 2) if depth < 3 else 0)
        )
        text = f"<text>{blocks}</text>" if blocks else ""
        return f"<section>{title}{text}{entries}{nested}</section>"


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    maker = _Maker(rng)
    header = f"<title>{maker.word('title')}</title>" + "".join(
        f"<{name}>{maker.person()}</{name}>" for name in rng.sample(_PEOPLE, rng.randint(1, 4))
    )
    if rng.random() < 0.8:
        sections = "".join(f"<component>{maker.section()}</component>" for _ in range(rng.randint(1, 3)))
        body = f"<structuredBody>{sections}</structuredBody>"
    else:
        body = f"<nonXMLBody>{rng.choice([lambda: maker.file('text'), lambda: _plain(maker)])()}</nonXMLBody>"
    encoding = rng.choice(["UTF-8", "UTF-16", "ISO-8859-1"])
    start = rng.choice(["", "<!-- a comment -->\n", '<?xml-stylesheet type="text/xsl" href="CDA.xsl"?>\n'])
    spaces = 'xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    document = f"<ClinicalDocument {spaces}>{header}<component>{body}</component></ClinicalDocument>"
    return f'<?xml version="1.0" encoding="{encoding}"?>\n{start}{document}'.encode(encoding), maker.words


def _plain(maker: _Maker) -> str:
    return f'<text mediaType="text/plain">{maker.word("nonXMLBody")}\n{maker.word("nonXMLBody")}</text>'
