"""Add a document format: SubRip subtitles (.srt), read as their spoken text.

    python examples/add_format.py film.srt

A reader gets a file's bytes and returns its text, with the fate of each item of the file: read, or unread with a reason.
To read the format in the nightly run, put `read_subtitles` as `read` into a module below `ner_tasks/documents/readers/`, and
the `Format` into the list in `ner_tasks/documents/detection/formats.py`, with the module's name as its reader.
"""

import argparse
from pathlib import Path

from ner_tasks.documents import Document, Limits, read_documents
from ner_tasks.documents.detection.formats import Format, register_format
from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.types import Extract, ExtractBuilder


def read_subtitles(data: bytes, _limits: Limits, declared: str = "") -> Extract:
    """Read the cues of a SubRip file: a number, a line with `-->`, then lines of text."""
    decoded = text_encoding.decode_with_guess(data, declared)
    builder = ExtractBuilder()
    for number, cue in enumerate(decoded.text.replace("\r\n", "\n").strip().split("\n\n"), 1):
        _, arrow, rest = cue.partition("-->")
        times, _, text = rest.partition("\n")
        if arrow:
            builder.inventory.read("cue")
            builder.block(text.strip(), f"cue {number} until {times.strip()}")
        else:
            builder.inventory.unread("cue", f"cue {number}", "has no line with times")
    return builder.extract(decoded.encoding, is_guessed=decoded.is_guessed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="a subtitle file")
    args = parser.parse_args()

    register_format(Format("srt", read_subtitles, (".srt",), ("application/x-subrip",), is_text=True))
    for answer in read_documents(args.file, args.file.name):
        if isinstance(answer, Document):
            print(f"{answer.name}: {answer.format}, {dict(answer.items.counts)}\n{answer.text}")
        else:
            print(answer)


if __name__ == "__main__":
    main()
