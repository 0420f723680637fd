"""Read Word files since 2007 (docx, docm, dotx) from the XML of the package.

Every part of the package is accounted for: text that Word shows is read, embedded files become separate documents, and
the rest is listed as unread or ignored by a named rule.
"""

from ner_tasks.documents.readers import pictures, properties
from ner_tasks.documents.readers.office import ooxml, ooxml_parts, ooxml_properties, xml_tree
from ner_tasks.documents.readers.office.ooxml import Package
from ner_tasks.documents.readers.office.ooxml_text import MAX_PROMPT, TextWalk, compact_text
from ner_tasks.documents.types import Extract, ExtractBuilder, Limits, Part

# Root elements of the parts that hold text, in reading order.
_ROOTS = ("hdr", "document", "footnotes", "endnotes", "comments", "ftr")
_GLOSSARY = "word/glossary/"


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read headers, body, notes, comments, footers and properties.

    Each paragraph or table row is a block; cells are separated by tabs.

    Raises:
        CannotRead: `encrypted`, `too-large`, `broken`; `no-text-layer` if there are only pictures.
    """
    package = ooxml.open_package(data, limits)
    main = package.find_main("document", "wordDocument")
    builder = ExtractBuilder()
    shown: list[str] = []
    taken = _list_text_parts(package, main)
    chunks: list[str] = []
    prompts = _collect_prompts(package)
    for name in taken:
        walk = TextWalk(prompts=prompts)
        chunks += _add_part(package, name, builder, walk, "" if name == main else name, shown)
    for name in dict.fromkeys(chunks):
        _add_document(package, name, builder)
    ooxml_parts.add_rest(package, {*taken, *chunks}, builder, limits, shown)
    text = pictures.require_text(builder.extract()).text
    properties.add(builder, ooxml_properties.read_properties(package, builder), text)
    return builder.extract()


def _list_text_parts(package: Package, main: str) -> list[str]:
    """Return the names of the parts that hold text, in reading order."""
    names = [name for name in package.parts if package.root(name) in _ROOTS and not name.lower().startswith(_GLOSSARY)]
    ranks = {name: (_ROOTS.index(package.root(name)), name != main) for name in names}
    return sorted(names, key=lambda name: ranks[name])


def _collect_prompts(package: Package) -> frozenset[str]:
    """Collect the placeholder texts of the form's content controls, which are stored as building blocks."""
    prompts: set[str] = set()
    for name in package.parts:
        if package.root(name) == "glossaryDocument":
            root, _ = xml_tree.parse(package.parts[name])
            bodies = root.iter("{*}p", "{*}docPartBody") if root is not None else ()
            prompts.update(compact_text(body, MAX_PROMPT) for body in bodies)
    return frozenset(prompt for prompt in prompts if 0 < len(prompt) <= MAX_PROMPT)


def _add_part(
    package: Package, name: str, builder: ExtractBuilder, walk: TextWalk, place: str, shown: list[str]
) -> list[str]:
    """Read a part and return the names of the parts whose documents it includes."""
    root = package.parse(name, builder)
    for block in walk.blocks(root) if root is not None else ():
        builder.block(block, place)
        shown.append(block)
    builder.inventory.read("part")
    ooxml_parts.count_ignored(walk, builder)
    relations = package.relations(name)
    for id_ in walk.subdocuments:
        builder.inventory.unread("subdocument", f"{name} {id_}", "a document outside this file")
    for id_ in walk.chunks:
        if id_ not in relations or not relations[id_].target:
            builder.inventory.unread("subdocument", f"{name} {id_}", "a document missing from this file")
    named = [relations[id_].target for id_ in walk.chunks if id_ in relations]
    named += package.find_related(name, "aFChunk")
    return [target for target in dict.fromkeys(named) if target in package.parts]


def _add_document(package: Package, name: str, builder: ExtractBuilder) -> None:
    """Make a separate document of an included file, which Word shows inline."""
    builder.inventory.read("embedded-file")
    builder.parts.append(Part(name.replace("#", "%23"), package.parts[name], "", package.get_type(name)))
