"""Read width and height of a picture from its header, without decoding it."""

import struct

# Pixels; less than the height of a line of small print: bullets, spacers, tracking pixels, icons.
MIN_SIDE = 30
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MAX_SEGMENTS = 1_000


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a PNG, GIF, JPEG or BMP in pixels; None for other formats or damaged files."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
            width, height = struct.unpack_from(">II", data, 16)
        elif data.startswith((b"GIF87a", b"GIF89a")):
            width, height = struct.unpack_from("<HH", data, 6)
        elif data.startswith(b"BM") and len(data) > 26:
            width, height = struct.unpack_from("<ii", data, 18)
        elif data.startswith(b"\xff\xd8\xff"):
            return _jpeg_size(data)
        else:
            return None
    except struct.error:
        return None
    return (abs(width), abs(height)) if width and height else None


def is_tiny(data: bytes) -> bool:
    """Whether a picture is too small to hold a line of text."""
    size = picture_size(data)
    return size is not None and min(size) < MIN_SIDE


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    position = 2
    for _ in range(_MAX_SEGMENTS):
        if data[position : position + 1] != b"\xff" or position + 4 > len(data):
            return None
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return (width, height) if width and height else None
        position += 2 + int(struct.unpack_from(">H", data, position + 2)[0])
    return None
