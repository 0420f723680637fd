"""Read OpenDocument texts and presentations (odt, odp), and the parts that workbooks (ods) share with them.

Every part of the package is accounted for: text that is shown is read, embedded files become separate documents, and the
rest is listed as unread or ignored by a named rule.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from ner_tasks.documents.readers import pictures, properties, xml_names
from ner_tasks.documents.readers.office import ole_objects, ooxml, ooxml_parts, ooxml_properties, xml_tree
from ner_tasks.documents.readers.office.odf_text import OdfWalk, qualify
from ner_tasks.documents.readers.office.ooxml import Package
from ner_tasks.documents.readers.properties import Property
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

CONTENT, STYLES = "content.xml", "styles.xml"
_MANIFEST = "META-INF/manifest.xml"
_META = re.compile(r"(^|/)meta\.xml$")
_PROPERTIES = {
    "dc:title": "Title",
    "dc:subject": "Subject",
    "dc:description": "Description",
    "meta:keyword": "Keywords",
}
_RULES = (
    ("signature", re.compile(r"^META-INF/.*signatures.*\.xml$", re.IGNORECASE)),
    ("metadata", _META),
    ("macro", re.compile(r"^(Basic|Dialogs|Scripts)/")),
    ("other-form", re.compile(r"^ObjectReplacements/")),
    (
        "styles-and-settings",
        re.compile(r"^(Configurations2|Thumbnails|Fonts)/|(^|/)(settings\.xml|manifest\.rdf|layout-cache)$"),
    ),
    ("styles-and-settings", re.compile(r".+/styles\.xml$|^[A-Za-z]+/(accelerator|images)/")),
)
_PLUMBING = ("mimetype", _MANIFEST)


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read headers, the body with its notes and text boxes, and footers; or slides in order, each with its notes.

    Raises:
        CannotRead: `encrypted`, `too-large`, `broken`; `no-text-layer` if there are only pictures.
    """
    package = open_odf(data, limits)
    builder = ExtractBuilder()
    root = parse_content(package, builder)
    margins = [*iter_margins(package, root, builder)]
    for name, block in margins:
        if "header" in name:
            builder.block(block, STYLES)
    add_body(root, builder)
    for name, block in margins:
        if "header" not in name:
            builder.block(block, STYLES)
    add_rest(package, root, builder, limits)
    text = pictures.require_text(builder.extract()).text
    properties.add(builder, read_properties(package, root, builder), text)
    return builder.extract()


def open_odf(data: bytes, limits: Limits) -> Package:
    """Unpack an OpenDocument file; a single XML file becomes a package with one part.

    Raises:
        CannotRead: `encrypted`, `too-large`, `broken`.
    """
    if xml_tree.begins_xml(data):
        return Package({CONTENT: data}, {})
    package = ooxml.open_package(data, limits)
    manifest = xml_tree.parse(package.parts[_MANIFEST])[0] if _MANIFEST in package.parts else None
    if manifest is not None and next(manifest.iter("{*}encryption-data"), None) is not None:
        raise CannotRead("encrypted", "found an OpenDocument file with a password, expected one that opens")
    if CONTENT not in package.parts:
        wrong = package.damaged.get(CONTENT, "it is missing")
        raise CannotRead("broken", f"found no content among {len(package.parts)} parts ({wrong}), expected {CONTENT}")
    return package


def parse_content(package: Package, builder: ExtractBuilder) -> Any:
    """Parse the main part and return its root element.

    Raises:
        CannotRead: `broken`.
    """
    root = package.parse(CONTENT, builder)
    builder.inventory.read("part")
    if root is None:
        raise CannotRead("broken", f"found no XML in {CONTENT}, expected an OpenDocument file")
    return root


def add_body(root: Any, builder: ExtractBuilder) -> None:
    """Read a text, a drawing or the slides of a presentation."""
    pages = [page for page in xml_names.outermost(root, "page") if qualify(page.tag) == "draw:page"]
    _add_blocks(root, builder, "", ("draw:page", "office:master-styles"))
    for number, page in enumerate(pages, start=1):
        builder.inventory.read("slide")
        _add_blocks(page, builder, f"slide {number}", ("presentation:notes",))
        for notes in xml_names.outermost(page, "notes"):
            _add_blocks(notes, builder, f"slide {number} notes", ())


def _add_blocks(root: Any, builder: ExtractBuilder, place: str, leaves_out: tuple[str, ...]) -> None:
    walk = OdfWalk(leaves_out)
    for block in walk.blocks(root):
        builder.block(block, place)
    for rule, n in walk.ignored.items():
        builder.inventory.ignored("text", rule, n)


def iter_margins(package: Package, root: Any, builder: ExtractBuilder) -> Iterator[tuple[str, str]]:
    """Yield the headers, footers and shapes of the master pages, each after the name of its element.

    Args:
        package: the package.
        root: root element of the main part, which holds the master pages of a single XML file.
        builder: receives the fate of each item.
    """
    styles = root
    if STYLES in package.parts:
        styles = package.parse(STYLES, builder)
        builder.inventory.read("part")
    for master in xml_names.outermost(styles, "master-styles") if styles is not None else ():
        for page in master:
            for element in page:
                if _is_filled_by_slides(element):
                    builder.inventory.ignored("text", "layout")
                    continue
                walk = OdfWalk()
                for block in walk.blocks(element):
                    yield xml_names.local_name(element), block


def _is_filled_by_slides(element: Any) -> bool:
    if xml_names.local_name(element) == "notes":
        return True
    return any(xml_tree.attribute(element, name) for name in ("placeholder", "class"))


def add_rest(package: Package, content: Any, builder: ExtractBuilder, limits: Limits) -> None:
    """Account for every part except content and styles; `content` is the root element of the main part."""
    for name in package.parts:
        if name in (CONTENT, STYLES, *_PLUMBING):
            continue
        if rule := next((rule for rule, pattern in _RULES if pattern.search(name)), ""):
            builder.inventory.ignored("part", rule)
        elif name.endswith(f"/{CONTENT}"):
            root = package.parse(name, builder)
            builder.inventory.read("part")
            if root is not None:
                _add_blocks(root, builder, name, ())
        else:
            ooxml_parts.add_file(package, name, builder, limits)
    for name, wrong in package.damaged.items():
        builder.inventory.unread("part", name, wrong)
    if len(package.parts) == 1:
        _add_binary_data(content, builder, limits)


def read_properties(package: Package, content: Any, builder: ExtractBuilder) -> list[Property]:
    """Return the name and text of each property that people enter; a single XML file has them in `content`."""
    fields: list[Property] = []
    for name in [name for name in package.parts if _META.search(name)] or [CONTENT]:
        root = content if name == CONTENT else package.parse(name, builder)
        if root is None:
            continue
        walk = etree.iterwalk(root, events=("start",))
        for _, one in walk:
            element = qualify(one.tag)
            if element == "office:body":
                break
            if element in _PROPERTIES or element == "meta:user-defined":
                walk.skip_subtree()
            if element in _PROPERTIES:
                fields.append((_PROPERTIES[element], xml_tree.join_text(one)))
            elif element == "meta:user-defined":
                called, text = xml_tree.attribute(one, "name"), xml_tree.join_text(one)
                if xml_tree.attribute(one, "value-type", "string") != "string" or ooxml_properties.is_program_property(
                    called, text
                ):
                    builder.inventory.ignored(properties.KIND, ooxml_properties.METADATA)
                else:
                    fields.append((called, text))
    return fields


def _add_binary_data(root: Any, builder: ExtractBuilder, limits: Limits) -> None:
    """Add the pictures and files embedded in a single XML file."""
    for number, element in enumerate(root.iter("{*}binary-data"), start=1):
        is_picture = xml_names.local_name(element.getparent()) == "image"
        name = f"picture {number}.png" if is_picture else f"object {number}.bin"
        try:
            content = base64.b64decode(xml_tree.join_text(element))
        except binascii.Error:
            builder.inventory.unread(pictures.KIND if is_picture else ole_objects.KIND, name, "damaged base64")
            continue
        if is_picture:
            pictures.add(builder, name, content, limits)
        elif content:
            ole_objects.add(builder, name, content)
        else:
            builder.inventory.ignored(ole_objects.KIND, "no-text")
