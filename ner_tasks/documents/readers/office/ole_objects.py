"""Extract files embedded in another file as OLE objects.

Source: [MS-OLEDS] 2.3.6 (Ole10Native); names of other programs' streams from their files.
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
# Streams that hold a whole file, written by Office since 2007, Acrobat and others, LibreOffice.
_WHOLE = ("package", "contents", "embeddedodf", "package_stream")
# Streams that mark the object itself as a file of such a program.
_PROGRAMS = ("worddocument", "workbook", "book", "powerpoint document", "__properties_version1.0", "encryptedpackage")
_STREAM = 2  # olefile's type of a stream
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f]")


def add(builder: ExtractBuilder, name: str, content: bytes, media_type: str = "") -> None:
    """Add the file in an object as a separate document, or list the object as unread.

    Args:
        builder: builder of the enclosing file.
        name: name of the part that holds the object.
        content: an OLE object, or the file itself.
        media_type: media type declared by the enclosing file.
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
            builder.inventory.unread(KIND, name, "an object of an unknown format")
        return
    try:
        result = _unwrap(content)
    except Exception as error:  # noqa: BLE001 - olefile raises many types of exceptions on damage
        builder.inventory.unread(KIND, name, f"a damaged object ({type(error).__name__})")
        return
    _add_result(builder, name, result)


def add_storages(builder: ExtractBuilder, ole: Any, depth: int, is_object: Callable[[list[str]], bool]) -> None:
    """Add the files in objects that are storages of an OLE file, or list the objects as unread.

    Args:
        builder: builder of the OLE file.
        ole: the open OLE file.
        depth: number of names in the path of an object's storage.
        is_object: whether a path belongs to an object.
    """
    objects: dict[tuple[str, ...], list[list[str]]] = {}
    for entry in ole.listdir(streams=True, storages=True):
        if len(entry) >= depth and is_object(entry[:depth]):
            objects.setdefault(tuple(entry[:depth]), []).append(entry)
    for path, entries in objects.items():
        name = "/".join(path)
        try:
            result = _read_storage(ole, [entry for entry in entries if ole.get_type(entry) == _STREAM], depth)
        except Exception as error:  # noqa: BLE001 - olefile raises many types of exceptions on damage
            builder.inventory.unread(KIND, name, f"a damaged object ({type(error).__name__})")
            continue
        _add_result(builder, name, result)


def _read_storage(ole: Any, entries: list[list[str]], depth: int) -> tuple[str, bytes] | str:
    """Return the name and bytes of the file in an object that is a storage, or why it is unread."""

    def whole() -> bytes:
        root = cfb.Storage()
        for entry in entries:
            storage = root
            for folder in entry[depth:-1]:
                storage = storage.storages.setdefault(folder, cfb.Storage())
            storage.streams[entry[-1]] = ole.openstream(entry).read()
        return cfb.write(root)

    return _find_file(ole, [entry for entry in entries if len(entry) == depth + 1], whole)


def _add_result(builder: ExtractBuilder, name: str, result: tuple[str, bytes] | str) -> None:
    if isinstance(result, str):
        builder.inventory.unread(KIND, name, result)
    else:
        _add_file(builder, name, *result)


def _add_file(builder: ExtractBuilder, name: str, called: str, content: bytes) -> None:
    own = name.replace("#", "%23")
    builder.inventory.read(KIND)
    builder.parts.append(Part(f"{own}/{called}" if called else own, content))


def _unwrap(content: bytes) -> tuple[str, bytes] | str:
    """Return the name and bytes of the file in an object that is an OLE file, or why it is unread."""
    from ner_tasks.documents.detection.ole_files import OleFile

    with OleFile(content) as ole:
        return _find_file(ole, [path for path in ole.listdir() if len(path) == 1], lambda: content)


def _find_file(ole: Any, paths: list[list[str]], whole: Callable[[], bytes]) -> tuple[str, bytes] | str:
    """Return the name and bytes of the file in an object, or why it is unread.

    Args:
        ole: the open file that holds the object.
        paths: paths of the streams directly in the object.
        whole: returns the object as a separate file, for objects that are files of a program.
    """
    streams = {path[-1].lower(): path for path in paths}
    if _NATIVE in streams:
        return _parse_native(ole.openstream(streams[_NATIVE]).read()) or "an object whose file cannot be extracted"
    for name in _WHOLE:
        if name in streams:
            data = ole.openstream(streams[name]).read()
            if sniffing.sniff(data[: sniffing.HEAD_BYTES], io.BytesIO(data)):
                return "", data
    if streams.keys() & set(_PROGRAMS):
        return "", whole()
    if "equation native" in streams:
        return "an equation object, which is not read"
    if "visiodocument" in streams:
        return "a Visio object, which is not read"
    return "an object of an unsupported program, which is not read"


def _parse_native(data: bytes) -> tuple[str, bytes] | None:
    """Return the name and bytes of the file in an `Ole10Native` stream, None if it is damaged."""
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
    # Older programs store the file without a header.

    content = data[4 : 4 + n_bytes]
    return ("", content) if sniffing.sniff(content[: sniffing.HEAD_BYTES], io.BytesIO(content)) else None


def _read_string(data: bytes, position: int) -> tuple[str, int]:
    end = data.index(b"\0", position)
    return data[position:end].decode("cp1252", "replace"), end + 1
