"""Read clinical documents (HL7 CDA R2, C-CDA): participants, the narrative of each section, and embedded files.

Source: HL7 CDA R2, sections 4.2 and 4.3; C-CDA R2.1, "Unstructured Document".
"""

from typing import Any

from ner_tasks.documents.readers.clinical import cda_narrative, cda_values
from ner_tasks.documents.readers.clinical.cda_values import Value
from ner_tasks.documents.readers.clinical.narrative import Narrative, NarrativeBudget
from ner_tasks.documents.readers.encapsulated import Attachments
from ner_tasks.documents.readers.markup import xml_parsing
from ner_tasks.documents.readers.xml_names import local_name, outermost
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

_LABELS = {
    "recordTarget": "Patient",
    "author": "Author",
    "dataEnterer": "Entered by",
    "informant": "Informant",
    "custodian": "Custodian",
    "informationRecipient": "Recipient",
    "legalAuthenticator": "Signed by",
    "authenticator": "Signed by",
    "participant": "Participant",
    "inFulfillmentOf": "Order",
    "documentationOf": "Service",
    "relatedDocument": "Related document",
    "authorization": "Authorization",
    "componentOf": "Encounter",
    "subject": "Subject",
}
_MAX_PATH = 200  # characters of a section's path in the source map


def read(data: bytes, limits: Limits, declared: str = "") -> Extract:
    """Read the header as `Label: value` lines, then the title, narrative and further entries of each section.

    Raises:
        CannotRead: `broken` if there is no element; `not-text`, `unknown-encoding`.
    """
    parsed = xml_parsing.parse(data, declared)
    builder = ExtractBuilder()
    builder.note(*parsed.notes)
    if parsed.fault:
        builder.inventory.unread("xml", "the file", parsed.fault)
    documents = list(outermost(parsed.root, "ClinicalDocument"))
    if not documents:
        builder.note("found no ClinicalDocument element: read as generic clinical XML")
    reader = _CdaReader(builder, Attachments(builder, limits), limits)
    for document in documents or [parsed.root]:
        reader.read_document(document)
    if parsed.fault and not builder.length and not builder.parts:
        raise CannotRead("broken", f"found {parsed.fault[:120]}, expected a whole document")
    return builder.extract(parsed.encoding)


class _CdaReader:
    def __init__(self, builder: ExtractBuilder, attachments: Attachments, limits: Limits):
        self._builder, self._attachments, self._limits = builder, attachments, limits
        self._budget = NarrativeBudget()

    def read_document(self, document: Any) -> None:
        self._read_stray_text(document, "header")
        for child in document:
            name = local_name(child)
            if name == "ClinicalDocument":
                continue
            if name == "title":
                self._read_title(child)
            elif name != "component":
                self._read_lines(child, _LABELS.get(name, ""), name, "header")
            else:
                self._read_body(child)

    def _read_title(self, title: Any) -> None:
        self._builder.inventory.read("header")
        self._builder.block(" ".join("".join(title.itertext()).split()), "title")

    def _read_lines(self, element: Any, label: str, place: str, kind: str) -> None:
        """Read the names, addresses, telephone numbers and roles of a participant."""
        values = list(cda_values.collect_values(element, with_ids=local_name(element) == "recordTarget"))
        shown = [value for value in values if value.kind in cda_values.SHOWN]
        shown.sort(key=lambda value: value.kind != "name")  # names first
        lines = list(dict.fromkeys(value.text for value in shown))
        if label and lines:
            lines[0] = f"{label}: {lines[0]}"
        self._builder.block("\n".join(lines), place)
        self._add_files(values, place)
        if values:
            self._builder.inventory.read(kind)
        else:
            self._builder.inventory.ignored(kind, "coded-value")

    def _read_stray_text(self, element: Any, place: str) -> None:
        """Read text between elements, which only a malformed document has."""
        words = " ".join(" ".join([element.text or "", *(child.tail or "" for child in element)]).split())
        if words:
            self._builder.inventory.read("loose-text")
            self._builder.block(words, place)

    def _read_body(self, component: Any) -> None:
        """Read all sections in order, nested ones included, and a body that is not XML."""
        waiting: list[tuple[Any, str]] = [(component, "")]
        n_sections = 0
        while waiting:
            element, path = waiting.pop()
            name = local_name(element)
            if name == "section":
                n_sections += 1
                path = self._read_section(element, path, n_sections)
            elif name == "nonXMLBody":
                self._read_non_xml(element)
                continue
            nested = [child for child in element if local_name(child) in _HOLDERS]
            waiting.extend((child, path) for child in reversed(nested))
            self._read_stray_text(element, path or "body")
            if name in ("structuredBody", "component"):
                for child in element:
                    if local_name(child) not in _HOLDERS:
                        self._read_lines(child, "", path or "body", "entry")

    def _read_section(self, section: Any, above: str, number: int) -> str:
        title = next((" ".join("".join(c.itertext()).split()) for c in section if local_name(c) == "title"), "")
        code = next((c.get("displayName", "") for c in section if local_name(c) == "code"), "")
        own = title or code or f"section {number}"
        path = f"{above} / {own}" if above else own
        path = path[-_MAX_PATH:]
        self._builder.inventory.read("section")
        self._builder.block(title or code, path)
        blocks = [child for child in section if local_name(child) == "text"]
        texts = []
        for block in blocks:
            text, n_deleted = cda_narrative.read_narrative(block)
            self._builder.inventory.ignored("revision", "deleted-revision", n_deleted)
            self._builder.block(text, path)
            texts.append(text)
            self._add_files(list(cda_values.collect_files(block)), path)
        narrative = Narrative("\n".join([own, *texts]), self._budget)
        has_narrative = any(text.strip() for text in texts)
        for child in section:
            name = local_name(child)
            if name not in ("title", "text", "code", *_HOLDERS):
                self._read_entry(child, path, narrative, has_narrative=has_narrative)
        return path

    def _read_entry(self, entry: Any, path: str, narrative: Narrative, *, has_narrative: bool) -> None:
        """Read the text of an entry that the narrative lacks; names of codes only if there is no narrative."""
        inventory = self._builder.inventory
        values = list(cda_values.collect_values(entry, with_numbers=not has_narrative))
        lines: list[str] = []
        for value in values:
            if value.kind not in cda_values.SHOWN:
                continue
            if value.kind == "display" and has_narrative:
                inventory.ignored("entry-text", "coded-entry")
            elif narrative.contains(value.text):
                inventory.ignored("entry-text", "said-by-narrative")
            else:
                inventory.read("entry-text")
                lines.append(value.text)
        self._builder.block("\n".join(dict.fromkeys(lines)), path, separator="\n")
        self._add_files(values, path)

    def _read_non_xml(self, body: Any) -> None:
        for child in body:
            if local_name(child) != "text":
                continue
            values = list(cda_values.collect_values(child))
            self._add_files(values, "nonXMLBody")
            if not any(value.kind == "file" for value in values):
                text, _ = cda_narrative.read_narrative(child)
                self._builder.inventory.read("section", bool(text.strip()))
                self._builder.block(text, "nonXMLBody")

    def _add_files(self, values: list[Value], place: str) -> None:
        for value in values:
            if value.kind == "pointer":
                self._attachments.pointer(place, value.text)
            elif value.kind == "file":
                content = cda_values.decode_content(value.element, self._limits)
                self._attachments.add(content, place, media_type=value.media_type, title=value.text)


_HOLDERS = frozenset(("component", "structuredBody", "section", "nonXMLBody"))
