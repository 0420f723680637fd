"""Read Office packages (docx, xlsx, pptx): their parts and relations, as leniently as Office does.

Part names are case-insensitive, relations may have no target, content types may be missing, and a damaged part does not
affect the others.

Source: ECMA-376, part 2 (Open Packaging Conventions); part 4 for the namespaces of strict files.
"""

import base64
import binascii
import io
import posixpath
import zipfile
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from ner_tasks.documents.detection import sniffing
from ner_tasks.documents.readers import xml_names
from ner_tasks.documents.readers.office import xml_tree
from ner_tasks.documents.types import CannotRead, ExtractBuilder, Limits

CONTENT_TYPES = "[Content_Types].xml"
_ENCRYPTED = 0x1
_BUFFER_BYTES = 64 * 1024
_MAX_PARTS = 100_000


@dataclass(frozen=True)
class Relation:
    """A relation of one part to another.

    Attributes:
        id: its id in the XML of the source part.
        kind: last segment of its type, such as `aFChunk` or `image`, the same in strict and transitional files.
        target: name of the target part, "" if the package does not have it.
        wanted: the target as written.
        is_external: whether the target is outside the package.
    """

    id: str
    kind: str
    target: str
    wanted: str
    is_external: bool


class Package:
    """The parts of a package.

    Attributes:
        parts: content of each unpacked part by its name, without a leading slash, in archive order.
        damaged: why a part could not be unpacked, by its name.
    """

    def __init__(self, parts: Mapping[str, bytes], damaged: Mapping[str, str]):
        self.parts, self.damaged = parts, damaged
        self._by_lower = {name.lower(): name for name in reversed([*parts, *damaged])}
        self._relations: dict[str, dict[str, Relation]] = {}

    def find(self, name: str) -> str:
        """Return the name under which the package stores a part, "" if it has none."""
        lowered = name.replace("\\", "/").lstrip("/").lower()
        return self._by_lower.get(lowered) or self._by_lower.get(unquote(lowered), "")

    @cached_property
    def roots(self) -> Mapping[str, tuple[str, str]]:
        """Namespace and name of the root element of each part that is XML."""
        return {name: xml_tree.find_root(data) for name, data in self.parts.items() if _may_be_xml(name, data)}

    def root(self, name: str) -> str:
        """Return the name of a part's root element, "" if the part is not XML."""
        return self.roots.get(name, ("", ""))[1]

    @cached_property
    def _types(self) -> tuple[dict[str, str], dict[str, str]]:
        by_suffix, by_name = {}, {}
        part = self.find(CONTENT_TYPES)
        root = xml_tree.parse(self.parts[part])[0] if part in self.parts else None
        for element in root if root is not None else ():
            kind = xml_tree.attribute(element, "ContentType")
            if suffix := xml_tree.attribute(element, "Extension"):
                by_suffix[suffix.lower()] = kind
            else:
                by_name[self.find(xml_tree.attribute(element, "PartName"))] = kind
        return by_suffix, by_name

    def get_type(self, name: str) -> str:
        """Return the content type that the package declares for a part, "" if none."""
        by_suffix, by_name = self._types
        return by_name.get(name) or by_suffix.get(name.rpartition(".")[2].lower(), "")

    def relations(self, name: str = "") -> Mapping[str, Relation]:
        """Return the relations of a part by id; "" is the package itself."""
        if name not in self._relations:
            folder, own = posixpath.split(name)
            part = self.find(posixpath.join(folder, "_rels", f"{own}.rels"))
            root = xml_tree.parse(self.parts[part])[0] if part in self.parts else None
            listed = [self._make_relation(folder, element) for element in root] if root is not None else []
            self._relations[name] = {relation.id: relation for relation in listed}
        return self._relations[name]

    def _make_relation(self, folder: str, element: Any) -> Relation:
        wanted = xml_tree.attribute(element, "Target")
        is_external = xml_tree.attribute(element, "TargetMode").lower() == "external"
        path = wanted.replace("\\", "/").partition("#")[0]
        target = ""
        if path and not is_external:
            # Some programs confuse absolute and relative targets, so both are tried.
            joined = posixpath.normpath(posixpath.join("/", folder, path))
            target = self.find(joined) or self.find(path)
        kind = xml_tree.attribute(element, "Type").rstrip("/").rpartition("/")[2]
        return Relation(xml_tree.attribute(element, "Id"), kind, target, wanted, is_external)

    def find_related(self, name: str, *kinds: str) -> list[str]:
        """Return the names of the parts to which a part has relations of these kinds."""
        wanted = {kind.lower() for kind in kinds}
        targets = [one.target for one in self.relations(name).values() if one.kind.lower() in wanted and one.target]
        return list(dict.fromkeys(targets))

    def find_main(self, *roots: str) -> str:
        """Return the name of the main part: the target of the package's relation, or the first part with such a root.

        Raises:
            CannotRead: `broken` if there is none.
        """
        named = [name for name in self.find_related("", "officeDocument") if name in self.parts]
        fitting = [name for name in self.parts if self.root(name) in roots]
        candidates = [name for name in named if self.root(name) in roots] or fitting
        if not candidates:
            raise CannotRead("broken", f"found no main part among {len(self.parts)}, expected <{roots[0]}>")
        return candidates[0]

    def parse(self, name: str, builder: ExtractBuilder) -> Any:
        """Return the root element of a part, None if it has none; damage is added to the builder's inventory."""
        root, wrong = xml_tree.parse(self.parts[name])
        if wrong:
            builder.inventory.unread("damage", name, wrong)
        return root


def _may_be_xml(name: str, data: bytes) -> bool:
    head = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith((b"\xff\xfe<\0", b"\xfe\xff\0<", b"<\0", b"\0<")):
        return True
    return head.startswith(b"<") and not name.lower().endswith((".htm", ".html", ".xhtml", ".svg", ".rels"))


def open_package(data: bytes, limits: Limits) -> Package:
    """Unpack a package, each part once, up to the size limit.

    Raises:
        CannotRead: `too-large`; `encrypted` if every part requires a password.
        zipfile.BadZipFile: not an archive, or truncated.
    """
    if data.startswith(sniffing.OLE_HEAD):
        raise CannotRead("encrypted", "found an encrypted or pre-2007 Office file, expected one without a password")
    if xml_tree.begins_xml(data):
        return _read_flat(data)
    parts: dict[str, bytes] = {}
    damaged: dict[str, str] = {}
    n_bytes = n_encrypted = 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > _MAX_PARTS:
            raise CannotRead("too-large", f"found {len(entries)} parts, expected at most {_MAX_PARTS}")
        for number, entry in enumerate(entries):
            name = entry.filename.replace("\\", "/").lstrip("/")
            n_encrypted += entry.flag_bits & _ENCRYPTED
            content, wrong = _unpack(archive, entry, limits.max_unpacked_bytes - n_bytes)
            n_bytes += len(content)
            if wrong:
                damaged[_make_unique(name, number, parts, damaged)] = wrong
            elif parts.get(name) != content:
                parts[_make_unique(name, number, parts, damaged)] = content
    if n_encrypted and not parts:
        raise CannotRead("encrypted", "found a package with a password, expected one without a password")
    return Package(parts, damaged)


def _make_unique(name: str, number: int, *taken: Mapping[str, object]) -> str:
    """Return the name, with a number appended if the archive has another file of that name."""
    return f"{name}+{number}" if any(name in names for names in taken) else name


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> tuple[bytes, str]:
    """Return the content of a part, ignoring its declared size, and its damage, "" if none."""
    if entry.flag_bits & _ENCRYPTED:
        return b"", "requires a password"
    unlimited, pieces, n_bytes = copy(entry), [], 0
    unlimited.file_size = most + 2 * _BUFFER_BYTES
    try:
        with archive.open(unlimited) as part:
            while piece := part.read(_BUFFER_BYTES):
                n_bytes += len(piece)
                if n_bytes > most:
                    raise CannotRead("too-large", "found more bytes unpacked than max_unpacked_bytes, expected fewer")
                pieces.append(piece)
    except (CannotRead, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - zipfile and zlib raise many types of exceptions on damage
        return b"", f"cannot be unpacked ({type(error).__name__})"
    return b"".join(pieces), ""


def _read_flat(data: bytes) -> Package:
    """Read a package stored as one XML file (flat OPC)."""
    from lxml import etree

    root, _ = xml_tree.parse(data)
    parts: dict[str, bytes] = {}
    damaged: dict[str, str] = {}
    for part in root if root is not None and xml_names.local_name(root) == "package" else ():
        name = xml_tree.attribute(part, "name").lstrip("/")
        for kind in part:
            if xml_names.local_name(kind) == "xmlData" and len(kind):
                parts[name] = etree.tostring(kind[0], encoding="utf-8")
            elif xml_names.local_name(kind) == "binaryData":
                try:
                    parts[name] = base64.b64decode(xml_tree.join_text(kind))
                except binascii.Error:
                    damaged[name] = "damaged base64"
    if not parts:
        raise CannotRead("broken", "found XML without package parts, expected an Office file")
    return Package(parts, damaged)
