"""A PDF stream that unpacks to too much is found before PDFium unpacks it, whatever its filters."""

import base64
import random
import time
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.readers.pdf import pdf, pdf_bombs
from tests.hostile import pdf_of

MIB = 2**20
LIMITS = Limits(max_unpacked_bytes=MIB // 4)
WORDS = b"BT /F1 12 Tf 72 700 Td (words) Tj ET\n"
BOMB = WORDS + b" " * (17 * MIB // 16)


def file_of(
    content: bytes, dictionary: bytes, *more: bytes, before: bytes = b"\n", after: bytes = b"\nendstream"
) -> bytes:
    """A PDF of one page that shows this stream; `more` objects are numbered from 5."""
    resources = b"<</Font <</F1 <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>>>>>"
    page = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources %s>>" % resources
    stream = b"<</Length %d %s>>stream%s%s%s" % (len(content), dictionary, before, content, after)
    tree = b"<</Type /Pages /Kids [3 0 R] /Count 1>>"
    return pdf_of(b"<</Type /Catalog /Pages 2 0 R>>", tree, page, stream, *more)


def hexed(data: bytes) -> bytes:
    return data.hex().encode() + b">"


def ascii85(data: bytes) -> bytes:
    return base64.a85encode(data) + b"~>"


def run_length(data: bytes) -> bytes:
    """As literal runs, which are as long as what they hold."""
    runs = (data[at : at + 128] for at in range(0, len(data), 128))
    return b"".join(bytes([len(run) - 1]) + run for run in runs) + b"\x80"


def lzw(data: bytes) -> bytes:
    """Packed by LZW with early change, as PDF has it."""
    table, codes, word, width = {bytes([n]): n for n in range(256)}, [(256, 9)], b"", 9
    for byte in data:
        longer = word + bytes([byte])
        if longer in table:
            word = longer
            continue
        codes.append((table[word], width))
        table[longer] = len(table) + 2
        word = bytes([byte])
        width = max(9, (len(table) + 2).bit_length())
        if len(table) + 2 >= 4095:
            codes.append((256, 12))
            table, width = {bytes([n]): n for n in range(256)}, 9
    codes += [(table[word], width), (257, width)]
    bits = "".join(f"{code:0{size}b}" for code, size in codes)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def with_false_end(data: bytes) -> bytes:
    """Packed, with the word `endstream` among the packed bytes: in a block that is stored as it is."""
    comment = b"%\nendstream\n"
    stored = b"\x00" + len(comment).to_bytes(2, "little") + (0xFFFF ^ len(comment)).to_bytes(2, "little") + comment
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    return b"\x78\x9c" + stored + packed + zlib.adler32(comment + data).to_bytes(4, "big")


Pack = Callable[[bytes], bytes]
# What a stream is packed by, and what its dictionary says of that.
TRICKS: dict[str, tuple[Pack, bytes]] = {
    "plain": (zlib.compress, b"/Filter /FlateDecode"),
    "short name": (zlib.compress, b"/Filter /Fl"),
    "escaped name": (zlib.compress, b"/Filter /Fl#61teDecode"),
    "escaped key": (zlib.compress, b"/F#69lter /F#6CateDecode"),
    "array": (zlib.compress, b"/Filter [ /FlateDecode ]"),
    "array over lines": (lambda data: zlib.compress(zlib.compress(data)), b"/Filter [/Fl%x\n/Fl#61teDecode]"),
    "false end": (with_false_end, b"/Filter /FlateDecode"),
    "hexadecimal": (lambda data: hexed(zlib.compress(data)), b"/Filter [/ASCIIHexDecode /FlateDecode]"),
    "base 85": (lambda data: ascii85(zlib.compress(data)), b"/Filter [/A85 /Fl]"),
    "twice in base 85": (lambda data: ascii85(hexed(zlib.compress(data))), b"/Filter [/A85 /AHx /Fl]"),
    "run length": (lambda data: run_length(zlib.compress(data)), b"/Filter [/RunLengthDecode /FlateDecode]"),
    "LZW": (lzw, b"/Filter /LZWDecode"),
    "LZW in Flate": (lambda data: zlib.compress(lzw(data)), b"/Filter [/FlateDecode /LZW#44ecode]"),
    "Flate in LZW": (lambda data: lzw(zlib.compress(data)), b"/Filter [/LZW /Fl]"),
    "far filter": (zlib.compress, b"/Filter /FlateDecode /X (%s)" % (b"x" * 5_000)),
    "as a picture": (zlib.compress, b"/Filter /FlateDecode /Subtype /Image"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_stream_is_read_or_a_bomb_by_what_it_unpacks_to(trick):
    pack, dictionary = TRICKS[trick]
    assert pdf.read(file_of(pack(WORDS), dictionary), LIMITS).text.strip() == "words"
    with pytest.raises(CannotRead, match="found a stream that unpacks to more than") as caught:
        pdf_bombs.check(file_of(pack(BOMB), dictionary), LIMITS)
    assert caught.value.reason == "bomb"


@pytest.mark.parametrize("before", [b"\r\n", b"\r", b" \n", b" odd\n", b" " * 500 + b"\n"], ids=repr)
def test_a_stream_begins_behind_whatever_ends_its_line(before):
    packed, dictionary = zlib.compress(BOMB), b"/Filter /FlateDecode"
    with pytest.raises(CannotRead, match="unpacks to more"):
        pdf_bombs.check(file_of(packed, dictionary, before=before), LIMITS)


def test_filters_in_another_object_and_unterminated_streams_are_checked():
    packed = zlib.compress(BOMB)
    for data in (
        file_of(packed, b"/Filter 5 0 R", b"[/FlateDecode]"),
        file_of(packed, b"/Filter /FlateDecode", after=b""),
        file_of(hexed(packed), b"/Filter 5 0 R", b"[/AHx /Fl]"),
    ):
        with pytest.raises(CannotRead, match="unpacks to more"):
            pdf_bombs.check(data, LIMITS)


def test_many_small_streams_are_not_a_bomb():
    streams = [b"<</Length 1 /Filter /FlateDecode>>stream\n%s\nendstream" % zlib.compress(b" " * 200_000)] * 20
    data = file_of(zlib.compress(WORDS), b"/Filter /FlateDecode", *streams)
    assert pdf.read(data, LIMITS).text.strip() == "words"


def test_streams_that_share_their_bytes_share_the_limit():
    shared = zlib.compress(b" " * 200_000)
    head = b"\x78\x9c\x00" + b"\xff\xff\x00\x00"  # begins a stored block, in which the next one begins
    data = file_of((b"stream\n" + head) * 20 + b"stream\n" + shared, b"/Filter /FlateDecode")
    pdf_bombs.check(data, LIMITS)
    data = file_of(b"stream\n" + head + b"stream\n" + zlib.compress(BOMB), b"/Filter /FlateDecode")
    with pytest.raises(CannotRead, match="unpacks to more"):
        pdf_bombs.check(data, LIMITS)


@pytest.mark.parametrize(
    "unit",
    [
        b"stream",
        b"stream ",
        b"stream\n",
        b"stream\nx\x9c",
        b"stream\n789c",
        b"stream\nGhQ",
        b"obj<</LZW>>stream\n",
        b"<~Gb",
    ],
    ids=repr,
)
def test_checking_takes_time_by_the_bytes(unit):
    def seconds(n_bytes):
        data = unit * (n_bytes // len(unit))
        began = time.process_time()
        with suppress(CannotRead):
            pdf_bombs.check(data, LIMITS)
        return time.process_time() - began

    small = max(min(seconds(MIB // 16) for _ in range(3)), 0.02)
    assert seconds(MIB // 2) < 8 * 2 * small


def test_the_check_accepts_arbitrary_bytes():
    chance = random.Random(16)
    for _ in range(300):
        packed = bytearray(zlib.compress(chance.randbytes(200)))
        packed[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
        for pack in (bytes, hexed, ascii85, run_length):
            pdf_bombs.check(file_of(pack(bytes(packed)), b"/Filter [/LZW /RL /A85 /AHx /Fl]"), LIMITS)
