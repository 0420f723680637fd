"""Read EPUB: the documents of the spine in order, then all others.

Source: EPUB 3.3; Open Packaging Format (OPF) 2.0.1; Open Container Format 3.3 for `encryption.xml`.
"""

import posixpath
import zipfile
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from ner_tasks.documents.readers import pictures, properties, xml_names
from ner_tasks.documents.readers.markup import html, svg, xml_parsing
from ner_tasks.documents.readers.office import ooxml
from ner_tasks.documents.readers.office.ooxml import Package
from ner_tasks.documents.readers.properties import Property
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits, Part

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_PAGES = (".xhtml", ".html", ".htm", ".xml")
_MARKUP = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml")
_SILENT = (".css", ".js", ".otf", ".ttf", ".woff", ".woff2", ".opf", ".smil", ".pls", ".xpgt", ".plist", ".json")
_MEDIA = (".mp3", ".mp4", ".m4a", ".m4v", ".ogg", ".oga", ".ogv", ".wav", ".webm", ".opus", ".aac")
_MAX_SEARCHED = 500_000_000
# Obfuscation of fonts, which does not affect text.
_OBFUSCATION = ("idpf.org/2008/embedding", "ns.adobe.com/pdf/enc")


@dataclass(frozen=True)
class _Item:
    name: str
    media_type: str
    properties: str = ""


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read an EPUB file.

    Raises:
        CannotRead: `broken`; `encrypted` if all its documents are encrypted; `too-large`.
    """
    try:
        package = ooxml.open_package(data, limits)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise CannotRead("broken", "found a damaged archive, expected a whole EPUB") from error
    reading = _EpubReader(package, limits)
    reading.run()
    if not reading.builder.length and reading.encrypted:
        raise CannotRead("encrypted", "found an EPUB with encrypted documents, expected one without encryption")
    text = pictures.require_text(reading.builder.extract()).text
    properties.add(reading.builder, reading.properties, text)
    return reading.builder.extract()


class _EpubReader:
    """Reads one EPUB; each of its files gets one fate."""

    def __init__(self, package: Package, limits: Limits):
        self.package, self.limits = package, limits
        self.builder = ExtractBuilder()
        self._damaged: dict[str, str] = {}
        self.encrypted = self._find_encrypted()
        self._left = dict.fromkeys((*package.parts, *package.damaged))
        self._texts: list[str] = []
        self._words, self._lines = "", set[str]()  # of the first `_n_joined` texts
        self._n_joined = self._n_searched = 0
        self.properties: list[Property] = []

    def run(self) -> None:
        """Read the spine, then the rest."""
        items, spine = self._read_packages()
        for item in spine:
            if not _is_contents(item):
                self._read_item(item)
        by_name = {item.name: item for item in items}
        rest = list(self._left)
        # Tables of contents last, when it is known whether the text repeats them.
        for name in sorted(rest, key=lambda name: _is_contents(by_name.get(name, _Item(name, "")))):
            self._read_item(by_name.get(name, _Item(name, "")))
        for name, fault in self._damaged.items():
            self.builder.inventory.unread("damage", name, fault)

    def _find_encrypted(self) -> frozenset[str]:
        name = self.package.find(_ENCRYPTION)
        if name not in self.package.parts:
            return frozenset()
        names: set[str] = set()
        for entry in self._parse_tree(name).iter("{*}EncryptedData"):
            method = next(entry.iter("{*}EncryptionMethod"), None)
            algorithm = method.get("Algorithm", "") if method is not None else ""
            if not any(known in algorithm for known in _OBFUSCATION):
                names.update(self.package.find(link.get("URI", "")) for link in entry.iter("{*}CipherReference"))
        return frozenset(names)

    def _read_packages(self) -> tuple[list[_Item], list[_Item]]:
        """Return all listed files, and those of the spine in order, each once."""
        parts = self.package.parts
        container = self.package.find(_CONTAINER)
        wanted = []
        if container in parts:
            self._mark_done(container)
            wanted = [link.get("full-path", "") for link in self._parse_tree(container).iter("{*}rootfile")]
        paths = [self.package.find(name) for name in wanted] or [
            name for name in parts if name.lower().endswith(".opf")
        ]
        items: dict[str, _Item] = {}
        spine: dict[str, _Item] = {}
        for name in dict.fromkeys(name for name in paths if name in parts):
            self._mark_done(name)
            self.builder.inventory.ignored("part", "document-properties")
            self.properties += self._read_properties(name)
            by_id = self._read_manifest(name)
            items.update({item.name: item for item in by_id.values()})
            for reference in self._parse_tree(name).iter("{*}itemref"):
                if item := by_id.get(reference.get("idref", "")):
                    spine.setdefault(item.name, item)
                else:
                    where = f"idref {reference.get('idref', '')[:40]}"
                    self.builder.inventory.unread("part", where, "listed in the spine, but missing in the book")
        if not spine:
            self.builder.note("no spine found; documents are read in the order of their names")
        return list(items.values()), list(spine.values())

    def _read_manifest(self, package: str) -> dict[str, _Item]:
        folder = posixpath.dirname(package)
        by_id = {}
        for entry in self._parse_tree(package).iter("{*}item"):
            path = unquote(entry.get("href", "").partition("#")[0])
            name = self.package.find(posixpath.normpath(posixpath.join("/", folder, path)))
            if name:
                item = _Item(name, entry.get("media-type", "").lower(), entry.get("properties", ""))
                by_id[entry.get("id", "")] = item
        return by_id

    def _read_properties(self, package: str) -> list[Property]:
        """Return title, subjects and description, some of which may be HTML."""
        properties_ = []
        for metadata in xml_names.outermost(self._parse_tree(package), "metadata"):
            for one in xml_names.outermost(metadata, "title", "subject", "description"):
                text = "".join(one.itertext())
                properties_.append(
                    (xml_names.local_name(one).title(), html.extract_text(text) if "<" in text else text)
                )
        return properties_

    def _parse_tree(self, name: str) -> Any:
        """Parse a part; for invalid XML, return an empty element and record the damage."""
        from lxml import etree

        try:
            parsed = xml_parsing.parse(self.package.parts[name])
        except CannotRead as error:
            self._damaged[name] = str(error)
            return etree.Element("damaged")
        if parsed.fault:
            self._damaged[name] = parsed.fault
        return parsed.root

    def _mark_done(self, name: str) -> bool:
        if name in self._left:
            del self._left[name]
            return True
        return False

    def _read_item(self, item: _Item) -> None:
        inventory, name = self.builder.inventory, item.name
        if not self._mark_done(name):
            return
        lowered = name.lower()
        if name in self.package.damaged:
            inventory.unread("part", name, self.package.damaged[name])
        elif name in self.encrypted:
            inventory.unread("part", name, "it is encrypted")
        elif name == "mimetype" or lowered.startswith("meta-inf/") or lowered.endswith(_SILENT):
            inventory.ignored("part", "styles-and-settings")
        elif lowered.endswith(".ncx") or _is_contents(item):
            self._read_contents(name)
        elif item.media_type in _MARKUP or lowered.endswith(_PAGES):
            self._read_page(name)
        elif lowered.endswith(".svg") or "svg" in item.media_type:
            self._read_drawing(name)
        elif lowered.endswith(pictures.SUFFIXES) or item.media_type.startswith("image/"):
            pictures.add(self.builder, name, self.package.parts[name], self.limits, item.media_type)
        elif lowered.endswith(_MEDIA) or item.media_type.startswith(("audio/", "video/")):
            inventory.unread("part", name, "audio or video, which is not read")
        else:
            inventory.read("embedded-file")
            content = self.package.parts[name]
            self.builder.parts.append(Part(name.replace("#", "%23"), content, "", item.media_type))

    def _read_page(self, name: str) -> None:
        try:
            decoded = html.decode(self.package.parts[name])
        except CannotRead as error:
            self.builder.inventory.unread("part", name, str(error))
            return
        decoded.name_damage(self.builder)
        page = html.parse(decoded.text)
        self._texts.append(page.text)
        self.builder.inventory.read("chapter")
        self.builder.block(page.text, name)
        html.add_findings(page, self.builder, self.limits, name)

    def _read_drawing(self, name: str) -> None:
        try:
            drawing = svg.read(self.package.parts[name], self.limits)
        except CannotRead as error:
            if error.reason == "broken":
                self.builder.inventory.unread("part", name, str(error))
                return
            self.builder.inventory.unread("picture", name, "a drawing that holds pictures; OCR is switched off")
            return
        self.builder.inventory.read("drawing")
        self.builder.block(drawing.text, name)
        for line in drawing.items.unread:
            self.builder.inventory.unread("picture", name, line)
        self.builder.parts.extend(
            replace(part, name=f"{name}/{part.name}".replace("#", "%23")) for part in drawing.parts
        )

    def _read_contents(self, name: str) -> None:
        """Read the lines of a table of contents that the text does not repeat."""
        if name.lower().endswith(".ncx"):
            lines = [" ".join("".join(label.itertext()).split()) for label in self._parse_tree(name).iter("{*}text")]
        else:
            try:
                lines = html.parse(html.decode(self.package.parts[name]).text).text.split("\n")
            except CannotRead as error:
                self.builder.inventory.unread("part", name, str(error))
                return
        new = self._find_new_lines(lines)
        if not new:
            self.builder.inventory.ignored("part", "table-of-contents")
            return
        self.builder.inventory.read("table-of-contents")
        self.builder.lines(new, name)

    def _find_new_lines(self, lines: list[str]) -> list[str]:
        """Return the lines that no page repeats: searched in the text, or in a large book among its whole lines."""
        if len(self._texts) != self._n_joined:
            self._n_joined = len(self._texts)
            self._words = " ".join(" ".join(self._texts).split())
            self._lines = {line.strip() for text in self._texts for line in text.split("\n")}
        self._n_searched += (len(self._words) + 1) * len(lines)
        known: str | set[str] = self._lines if self._n_searched > _MAX_SEARCHED else self._words
        return [line for line in lines if line.strip() and line.strip() not in known]


def _is_contents(item: _Item) -> bool:
    return "nav" in item.properties.split() or item.name.lower().endswith(".ncx")
