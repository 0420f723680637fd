"""Files that stand in another one as OLE objects, taken out of their wrapping.

Source: [MS-OLEDS] 2.3.6 (Ole10Native); what programs call their streams was seen in files of theirs.
"""

import io
import re
import struct
from collections.abc import Callable
from typing import Any

from ner_tasks.documents.detection import sniffing
from ner_tasks.documents.readers.mail import cfb
from ner_tasks.documents.types import ExtractBuilder, Part

KIND = "embedded-file"
_NATIVE = "\x01ole10native"
# Streams that hold a whole file: of Office since 2007, of Acrobat and others, of LibreOffice.
_WHOLE = ("package", "contents", "embeddedodf", "package_stream")
# Streams that make the object itself a file of such a program.
_PROGRAMS = ("worddocument", "workbook", "book", "powerpoint document", "__properties_version1.0", "encryptedpackage")
_STREAM = 2  # olefile's number for what is no storage
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f]")


def add(builder: ExtractBuilder, name: str, content: bytes, media_type: str = "") -> None:
    """Hand on the file in an object, or name what cannot be taken out of it.

    Args:
        builder: of the file around it.
        name: of the part that holds the object.
        content: an OLE object, or a file as it is.
        media_type: what the file around says of it.
    """
    own = name.replace("#", "%23")
    if not content.startswith(sniffing.OLE):
        head = content[: sniffing.HEAD_BYTES]
        if sniffing.sniff(head, io.BytesIO(content)) or not own.lower().endswith((".bin", ".ole", ".dat")):
            builder.inventory.read(KIND)
            builder.parts.append(Part(own, content, "", media_type))
        elif inner := _parse_native(content):
            _add_file(builder, name, *inner)
        else:
            builder.inventory.unread(KIND, name, "an object of a format that is not known")
        return
    try:
        result = _unwrap(content)
    except Exception as error:  # noqa: BLE001 - olefile fails on damage in whatever way it likes
        builder.inventory.unread(KIND, name, f"a damaged object ({type(error).__name__})")
        return
    _account_for(builder, name, result)


def add_storages(builder: ExtractBuilder, ole: Any, depth: int, is_object: Callable[[list[str]], bool]) -> None:
    """Hand on the files in objects that are storages of the file around them, or name them.

    Args:
        builder: of the file around them.
        ole: the open file around them.
        depth: how many names the path of such a storage has.
        is_object: whether a path is that of an object.
    """
    objects: dict[tuple[str, ...], list[list[str]]] = {}
    for entry in ole.listdir(streams=True, storages=True):
        if len(entry) >= depth and is_object(entry[:depth]):
            objects.setdefault(tuple(entry[:depth]), []).append(entry)
    for path, entries in objects.items():
        name = "/".join(path)
        try:
            result = _read_storage(ole, [entry for entry in entries if ole.get_type(entry) == _STREAM], depth)
        except Exception as error:  # noqa: BLE001 - olefile fails on damage in whatever way it likes
            builder.inventory.unread(KIND, name, f"a damaged object ({type(error).__name__})")
            continue
        _account_for(builder, name, result)


def _read_storage(ole: Any, entries: list[list[str]], depth: int) -> tuple[str, bytes] | str:
    """Name and bytes of the file in an object that is a storage, or what it is instead."""

    def whole() -> bytes:
        root = cfb.Storage()
        for entry in entries:
            storage = root
            for folder in entry[depth:-1]:
                storage = storage.storages.setdefault(folder, cfb.Storage())
            storage.streams[entry[-1]] = ole.openstream(entry).read()
        return cfb.write(root)

    return _find_file(ole, [entry for entry in entries if len(entry) == depth + 1], whole)


def _account_for(builder: ExtractBuilder, name: str, result: tuple[str, bytes] | str) -> None:
    if isinstance(result, str):
        builder.inventory.unread(KIND, name, result)
    else:
        _add_file(builder, name, *result)


def _add_file(builder: ExtractBuilder, name: str, called: str, content: bytes) -> None:
    own = name.replace("#", "%23")
    builder.inventory.read(KIND)
    builder.parts.append(Part(f"{own}/{called}" if called else own, content))


def _unwrap(content: bytes) -> tuple[str, bytes] | str:
    """Name and bytes of the file in an object that is a file itself, or what it is instead."""
    from ner_tasks.documents.detection.ole_files import OleFile

    with OleFile(content) as ole:
        return _find_file(ole, [path for path in ole.listdir() if len(path) == 1], lambda: content)


def _find_file(ole: Any, paths: list[list[str]], whole: Callable[[], bytes]) -> tuple[str, bytes] | str:
    """Name and bytes of the file in an object, or what it is instead.

    Args:
        ole: the open file that holds the object.
        paths: of the streams directly in the object.
        whole: gives the object as a file of its own, for those that are files of a program.
    """
    streams = {path[-1].lower(): path for path in paths}
    if _NATIVE in streams:
        return _parse_native(ole.openstream(streams[_NATIVE]).read()) or "an object whose file cannot be taken out"
    for name in _WHOLE:
        if name in streams:
            data = ole.openstream(streams[name]).read()
            if sniffing.sniff(data[: sniffing.HEAD_BYTES], io.BytesIO(data)):
                return "", data
    if streams.keys() & set(_PROGRAMS):
        return "", whole()
    if "equation native" in streams:
        return "an object of an equation editor, which is not read"
    if "visiodocument" in streams:
        return "an object of Visio, which is not read"
    return "an object of a program that is not read"


def _parse_native(data: bytes) -> tuple[str, bytes] | None:
    """Name and bytes of the file in an `Ole10Native` stream."""
    try:
        position = 4
        if struct.unpack_from("<H", data, position)[0] == 2:
            label, position = _read_string(data, position + 2)
            path, position = _read_string(data, position)
            position += 4
            n_temporary = struct.unpack_from("<I", data, position)[0]
            position += 4 + n_temporary
            n_bytes = struct.unpack_from("<I", data, position)[0]
            content = data[position + 4 : position + 4 + n_bytes]
            called = (label or path).replace("\\", "/").rpartition("/")[2]
            if content:
                return _CONTROL_CHARACTERS.sub("", called).replace("#", "%23") or "object", content
        n_bytes = struct.unpack_from("<I", data, 0)[0]
    except (struct.error, ValueError):
        return None
    # Older programs write the bytes as they are.
    content = data[4 : 4 + n_bytes]
    return ("", content) if sniffing.sniff(content[: sniffing.HEAD_BYTES], io.BytesIO(content)) else None


def _read_string(data: bytes, position: int) -> tuple[str, int]:
    end = data.index(b"\0", position)
    return data[position:end].decode("cp1252", "replace"), end + 1
