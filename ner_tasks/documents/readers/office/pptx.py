"""Read presentations since 2007 (pptx, pptm, ppsx): slides in order, each with its notes and comments.

Every part of the package is accounted for: text of slides and of their layouts is read, embedded files become separate
documents, and the rest is listed as unread or ignored by a named rule.
"""

from ner_tasks.documents.readers import pictures, properties, xml_names
from ner_tasks.documents.readers.office import ooxml, ooxml_parts, ooxml_properties
from ner_tasks.documents.readers.office.ooxml import Package
from ner_tasks.documents.types import Extract, ExtractBuilder, Limits

# Parts behind slides. A slide shows their shapes, except the placeholders.
_LAYOUTS = ("sldLayout", "sldMaster", "notesMaster", "handoutMaster")
_DRAWN = ("chart", "chartEx", "diagramData")


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read the shapes of each slide as blocks and its table rows as lines, then its notes and comments.

    Raises:
        CannotRead: `encrypted`, `too-large`, `broken`; `no-text-layer` if there are only pictures.
    """
    package = ooxml.open_package(data, limits)
    main = package.find_main("presentation")
    builder = ExtractBuilder()
    builder.inventory.read("part")
    taken, shown = {main}, []
    for number, name in enumerate(_list_slides(package, main, builder), start=1):
        shown += _add_slide(package, name, f"slide {number}", builder, taken)
    for name in [name for name in package.parts if name not in taken]:
        root = package.root(name)
        if root in _LAYOUTS:
            shown += ooxml_parts.add_text(package, name, builder, skips_placeholders=True)
            taken.add(name)
        elif root in ("sld", "notes", "cmLst"):  # not referenced by a listed slide
            shown += _add_text(package, name, name, builder, taken)
    ooxml_parts.add_rest(package, taken, builder, limits, shown)
    text = pictures.require_text(builder.extract()).text
    properties.add(builder, ooxml_properties.read_properties(package, builder), text)
    return builder.extract()


def _list_slides(package: Package, main: str, builder: ExtractBuilder) -> list[str]:
    root = package.parse(main, builder)
    relations = package.relations(main)
    names: list[str] = []
    for number, element in enumerate(root.iter("{*}sldId") if root is not None else (), start=1):
        # The element also has an id without a namespace, which is not the id of the relation.
        ids = [value for key, value in xml_names.attributes(element) if key.startswith("{")]
        name = next((relations[id_].target for id_ in ids if id_ in relations), "")
        if name in package.parts:
            names.append(name)
        else:
            builder.inventory.unread("slide", f"slide {number}", "its part is missing or damaged")
    return list(dict.fromkeys(names))


def _add_slide(package: Package, name: str, place: str, builder: ExtractBuilder, taken: set[str]) -> list[str]:
    shown = _add_text(package, name, place, builder, taken, kind="slide")
    for notes in package.find_related(name, "notesSlide"):
        if notes in package.parts and notes not in taken:
            shown += _add_text(package, notes, f"{place} notes", builder, taken)
    for comments in package.find_related(name, "comments"):
        if comments in package.parts and comments not in taken:
            shown += _add_text(package, comments, f"{place} comments", builder, taken)
    return shown


def _add_text(
    package: Package, name: str, place: str, builder: ExtractBuilder, taken: set[str], kind: str = "part"
) -> list[str]:
    """Read a part with a slide, notes or comments, and its charts and diagrams."""
    taken.add(name)
    blocks = ooxml_parts.add_text(package, name, builder, place, kind=kind)
    return blocks + ooxml_parts.add_related(package, name, _DRAWN, builder, place, taken)
