"""Convert a folder of brat annotations (`.txt` and `.ann`) to labelled spans that `dataset` and `train` read.

    python -m tests.manual.brat_spans ../shared/data/maccrobat spans.jsonl

Only contiguous spans are kept; of spans that overlap, the longest, then the first. Events, relations and attributes are
left out. One line per text: `{"text": ..., "label": [[start, end, label], ...]}`, offsets in characters.
"""

import json
import sys
from collections import Counter
from pathlib import Path

Span = tuple[int, int, str]


def read_spans(annotations: str, counts: Counter[str]) -> list[Span]:
    """Read the text-bound annotations; those that are discontinuous are counted and left out."""
    spans = []
    for line in annotations.splitlines():
        if not line.startswith("T"):
            continue
        label, _, place = line.split("\t")[1].partition(" ")
        if ";" in place:
            counts["discontinuous"] += 1
            continue
        start, end = map(int, place.split())
        spans.append((start, end, label))
    return spans


def drop_overlapping(spans: list[Span], counts: Counter[str]) -> list[Span]:
    """Keep the longest of overlapping spans, in the order of the text."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda each: (each[0] - each[1], each[0])):
        if any(span[0] < end and start < span[1] for start, end, _ in kept):
            counts["overlapping"] += 1
        else:
            kept.append(span)
    counts["kept"] += len(kept)
    return sorted(kept)


def main(folder: Path, target: Path) -> None:
    counts: Counter[str] = Counter()
    with target.open("w", encoding="utf-8") as file:
        for path in sorted(folder.glob("*.ann")):
            text = path.with_suffix(".txt").read_text(encoding="utf-8")
            spans = drop_overlapping(read_spans(path.read_text(encoding="utf-8"), counts), counts)
            file.write(json.dumps({"text": text, "label": spans}, ensure_ascii=False) + "\n")
            counts["texts"] += 1
    print(", ".join(f"{n} {name}" for name, n in counts.items()), "->", target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
