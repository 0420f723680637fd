"""Recognize Unique Device Identifiers and hardware addresses by their form."""

import re
from collections.abc import Iterator

from ner_tasks.enrichment.personal_data import checksums
from ner_tasks.enrichment.personal_data.spans import Evidence, SpanCandidate

# GS1: (01) with the number of the article, then dates, lot and serial number, with or without brackets.
_UDI = re.compile(r"\(01\)(?P<gtin>[0-9]{14})(?:\((?:11|17)\)[0-9]{6}|\((?:10|21)\)[!-'*-~]{1,20}){0,4}", re.ASCII)
_HIBC = re.compile(r"\+[A-Z][A-Z0-9]{3}(?<![\w]\+....)[A-Z0-9]{1,18}[0-9](?:/\$?\$?[+]?[A-Z0-9/-]{1,40})")
_HARDWARE = re.compile(r"[0-9A-Fa-f](?<!\w.)(?<![:-].)[0-9A-Fa-f]([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![\w:-])")


def find_devices(text: str) -> Iterator[SpanCandidate]:
    """Find identifiers of medical devices and of network cards."""
    for match in _UDI.finditer(text):
        if checksums.gtin(match["gtin"]):
            yield SpanCandidate(*match.span(), "device", "checksum:udi", Evidence.CONTEXT)
    for match in _HIBC.finditer(text):
        yield SpanCandidate(*match.span(), "device", "pattern:udi", Evidence.CHECKSUM)
    for match in _HARDWARE.finditer(text):
        yield SpanCandidate(*match.span(), "device", "pattern:mac", Evidence.CHECKSUM)
