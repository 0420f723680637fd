"""Account for the parts of an Office package that no other reader takes: read, extract, list as unread or ignore them."""

import io
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from ner_tasks.documents.detection import formats, sniffing
from ner_tasks.documents.readers import pictures, xml_names
from ner_tasks.documents.readers.office import ole_objects, xml_tree
from ner_tasks.documents.readers.office.ooxml import CONTENT_TYPES, Package
from ner_tasks.documents.readers.office.ooxml_text import TextWalk
from ner_tasks.documents.types import ExtractBuilder, Limits

_SETTINGS = "styles-and-settings"
_METADATA = "metadata"
# Rules by the part's path in lower case; the first match wins.
_BY_PATH: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("macro", re.compile(r"(^|/)vba(project|data|projectsignature)\w*\.(bin|xml)$|^(xl/)?(macrosheets|dialogsheets)/")),
    ("signature", re.compile(r"^_xmlsignatures/")),
    (_SETTINGS, re.compile(r"^docprops/thumbnail|(^|/)(fonts|theme|printersettings)/|\.(odttf|fntdata)$")),
    (_METADATA, re.compile(r"^(docprops|docmetadata)/|\.psmdcp$|^customxml/itemprops|^\[trash\]/")),
    ("building-blocks", re.compile(r"^word/glossary/")),
)
# Rules by the name of the root element.
_BY_ROOT: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("styles", "settings", "webSettings", "fonts", "numbering", "theme", "styleSheet", "presentationPr"),
            *("viewPr", "tblStyleLst", "tagLst", "people", "personList", "cmAuthorLst", "authorLst", "recipients"),
            *("calcChain", "connections", "queryTable", "table", "metadata", "volTypes", "colorsDef", "styleDef"),
            *("layoutDef", "chartStyle", "colorStyle", "commentsEx", "commentsIds", "commentsExtensible", "tcg"),
            *("customUI", "datastoreItem", "singleXmlCells", "MapInfo", "revInfo", "chgInfo", "userShapesStyle"),
            *("webextension", "taskpanes", "slicerCacheDefinition", "slicers", "timelines", "rvTypesInfo", "rvData"),
            *(
                "rvStructures",
                "richStyleSheet",
                "supportingPropertyBags",
                "supportingPropertyBagStructure",
                "slideUpdateInfo",
            ),
            *("threadReactions", "formControlPr", "xstlMap", "clrMapOvr", "users", "headers", "themeManager"),
            *(
                "namedSheetViews",
                "cellImages",
                "arrayData",
                "featurePropertyBags",
                "webPublishItems",
                "keyMapCustomizations",
            ),
        ),
        _SETTINGS,
    ),
    **dict.fromkeys(("coreProperties", "Properties", "labelList"), _METADATA),
    **dict.fromkeys(("pivotCacheDefinition", "pivotCacheRecords", "pivotTableDefinition"), "pivot-cache"),
    "externalLink": "external-link",
    "revisions": "deleted-text",
}
_TEXT_ROOTS = ("chartSpace", "dataModel", "userShapes", "wsDr", "lockedCanvas")
# Namespaces of data that Office and SharePoint store for their own use.
_OWN_DATA = re.compile(
    r"schemas\.microsoft\.com/(?:office/2006/(?:metadata|coverPageProps)|sharepoint|office/infopath)", re.IGNORECASE
)
_SOUND = (
    ".mp3",
    ".mp4",
    ".wav",
    ".wma",
    ".wmv",
    ".avi",
    ".mov",
    ".m4a",
    ".m4v",
    ".mpg",
    ".mpeg",
    ".mid",
    ".aif",
    ".aiff",
    ".au",
    ".webm",
    ".ogg",
)
# Maximum number of values times characters to compare; values beyond it are read without a comparison.
_MAX_COMPARED = 10**9
_CONTROL_VALUES = frozenset({"Value", "Caption", "Text"})


def add_rest(
    package: Package, taken: Iterable[str], builder: ExtractBuilder, limits: Limits, shown: Iterable[str]
) -> None:
    """Account for every part that is not taken; text is appended to the document.

    Args:
        package: the package.
        taken: names of the parts that a reader has already accounted for.
        builder: receives the text and the fate of each part.
        limits: whether pictures are read.
        shown: text of the document; data that only repeats it is ignored.
    """
    done = set(taken)
    rest = [name for name in package.parts if name not in done and not is_structural(name)]
    texts = [*shown]
    unknown = []
    for name in rest:
        if rule := _find_rule(package, name):
            builder.inventory.ignored("part", rule)
        elif package.root(name) in _TEXT_ROOTS or name.lower().endswith(".vml"):
            texts += add_text(package, name, builder)
        elif package.root(name):
            unknown.append(name)
        else:
            add_file(package, name, builder, limits)
    known = _KnownText(remove_spaces("".join(texts)) if unknown else "")
    for name in unknown:
        _add_unknown(package, name, builder, known)
    for name, wrong in package.damaged.items():
        if not is_structural(name):
            builder.inventory.unread("part", name, wrong)


class _KnownText:
    """The text of a document, to compare data with; a budget bounds the work."""

    def __init__(self, text: str) -> None:
        self._text, self._n_left = text, _MAX_COMPARED

    def contains_all(self, values: list[str]) -> bool:
        """Whether the document contains all values; False once the budget is exhausted."""
        self._n_left -= len(values) * (len(self._text) + 1)
        return self._n_left >= 0 and all(remove_spaces(text) in self._text for text in values)


def remove_spaces(text: str) -> str:
    """Remove all whitespace, to compare two texts."""
    return "".join(text.split())


def is_structural(name: str) -> bool:
    """Whether a part only describes the structure of the package."""
    lowered = name.lower()
    return lowered.endswith(".rels") or lowered.rstrip("+") == CONTENT_TYPES.lower()


def add_text(
    package: Package,
    name: str,
    builder: ExtractBuilder,
    place: str = "",
    *,
    kind: str = "part",
    skips_placeholders: bool = False,
) -> list[str]:
    """Read the paragraphs of a part as blocks of the document.

    Args:
        package: the package.
        name: name of the part.
        builder: receives the blocks.
        place: source of the blocks; the name of the part if "".
        kind: kind of the item in the inventory.
        skips_placeholders: whether to skip placeholders, which a slide fills, as in a layout.

    Returns:
        The blocks.
    """
    root = package.parse(name, builder)
    walk = TextWalk(skips_placeholders=skips_placeholders)
    blocks = walk.blocks(root) if root is not None else []
    if root is not None and package.root(name) == "cmLst":  # comments on slides are not paragraphs
        blocks += [xml_tree.join_text(text) for text in xml_names.outermost(root, "text")]
    for block in blocks:
        builder.block(block, place or name)
    count_ignored(walk, builder)
    builder.inventory.read(kind)
    return blocks


def add_related(
    package: Package, name: str, kinds: Iterable[str], builder: ExtractBuilder, place: str, taken: set[str]
) -> list[str]:
    """Read the parts to which a part has relations of these kinds, such as its charts, and add them to `taken`.

    Returns:
        The blocks of the parts that were not taken before.
    """
    blocks: list[str] = []
    for related in package.find_related(name, *kinds):
        if related in package.parts and related not in taken:
            taken.add(related)
            blocks += add_text(package, related, builder, place)
    return blocks


def count_ignored(walk: TextWalk, builder: ExtractBuilder) -> None:
    """Add the items that a walk ignored to the inventory."""
    for rule, n in walk.ignored.items():
        builder.inventory.ignored("text", rule, n)


def _find_rule(package: Package, name: str) -> str:
    by_path = next((rule for rule, pattern in _BY_PATH if pattern.search(name.lower())), "")
    return by_path or _BY_ROOT.get(package.root(name), "")


def _add_unknown(package: Package, name: str, builder: ExtractBuilder, known: _KnownText) -> None:
    """Account for a part of unknown XML: read it if it is the document's own data, unless it repeats the document."""
    root = package.parse(name, builder)
    if root is None:
        builder.inventory.unread("part", name, "no readable XML")
        return
    if xml_names.local_name(root) == "ocx":
        values = [xml_tree.attribute(one, "value") for one in root.iter() if _is_control_value(one)]
    else:
        values = [text for text in (text.strip() for text in root.itertext()) if text]
    if not any(character.isalpha() for text in values for character in text):
        builder.inventory.ignored("part", "no-text")
    elif _OWN_DATA.search(package.roots[name][0]):
        builder.inventory.ignored("part", _METADATA)
    elif known.contains_all(values):
        builder.inventory.ignored("part", "other-form")
    elif name.lower().startswith("customxml/") or xml_names.local_name(root) in ("ocx", "drawing"):
        builder.lines(values, name)
        builder.inventory.read("part")
    else:
        builder.inventory.unread("part", name, "a part of an unknown kind")


def _is_control_value(element: Any) -> bool:
    return xml_names.local_name(element) == "ocxPr" and xml_tree.attribute(element, "name") in _CONTROL_VALUES


def add_file(package: Package, name: str, builder: ExtractBuilder, limits: Limits) -> None:
    """Account for a part that is not XML."""
    content, lowered, media_type = package.parts[name], name.lower(), package.get_type(name)
    suffix = PurePosixPath(lowered).suffix
    if not content:
        builder.inventory.ignored("part", "no-text")
    elif suffix in pictures.SUFFIXES or (media_type.startswith("image/") and suffix != ".svg"):
        pictures.add(builder, name, content, limits, media_type)
    elif suffix in _SOUND or media_type.startswith(("audio/", "video/")):
        builder.inventory.unread("media", name, "audio or video, which is not read")
    elif "/activex/" in lowered:
        builder.inventory.unread("form-control", name, "the value of a form control, which is not read")
    elif "/ink/" in lowered:
        builder.inventory.unread("ink", name, "handwriting, which is not read")
    elif (
        formats.find_by_suffix(name)
        or suffix in (".bin", ".ole", ".dat")
        or "/embeddings/" in lowered
        or sniffing.sniff(content[: sniffing.HEAD_BYTES], io.BytesIO(content))
        or media_type.startswith("text/")
    ):
        ole_objects.add(builder, name, content, media_type)
    else:
        builder.inventory.unread("part", name, "a file of an unknown format")
