"""Reproducible sample of a night's files and their answers, for comparison with another model."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken, redact_error
from ner_tasks.files import atomic
from ner_tasks.records import PartRecord
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.answers import read_lines

FILES = "files.jsonl"
_LEAST_PARTS, _MARGIN = 4, 2.0


def pick_parts(parts: Sequence[PartRecord], share: float, *, seed: int = 0) -> list[PartRecord]:
    """Pick parts of a day to sample from, reproducibly; one with more documents is more likely to be picked.

    Args:
        parts: all parts of the day.
        share: share of the day's documents that the sample will have, 0 to 1.
        seed: seed of the choice.

    Returns:
        At least four parts with documents if there are so many, with twice the documents of the sample, in their order.

    Source: Efraimidis and Spirakis, Weighted random sampling with a reservoir (2006), by a hash instead of a generator.
    """

    def chance(part: PartRecord) -> float:
        digest = hashlib.sha256(f"{seed}/{part['number']}".encode()).digest()
        # the smaller, the earlier: an exponential variable whose rate is the number of documents
        return -math.log((int.from_bytes(digest[:8]) + 1) / 2**64) / part["n_tagged"]

    tagged = [part for part in parts if part["n_tagged"]]
    wanted, picked = share * _MARGIN * sum(part["n_tagged"] for part in tagged), list[PartRecord]()
    for part in sorted(tagged, key=chance):
        if len(picked) >= _LEAST_PARTS and sum(one["n_tagged"] for one in picked) >= wanted:
            break
        picked.append(part)
    return [part for part in tagged if part in picked]


def sample_answers(parts: Sequence[Path], output: Path, *, max_words: int, seed: int = 0) -> dict[str, Any]:
    """Sample files of a night, and write their names and answers into a folder.

    Files are taken in an order that depends only on the seed and their names, so that every model gets the same sample.
    Whole files are taken, because files are what is tagged.

    Args:
        parts: folders of answers, as `tag` writes them, in order.
        output: output folder: `documents.jsonl`, and `files.jsonl` with `{"name": ...}` on each line.
        max_words: maximum number of words in all; if no file fits, the shortest one is taken.
        seed: seed of the sample.

    Returns:
        `n_documents` and `n_words` of the night, and those of the sample in `sampled`.

    Raises:
        InputMissing: there are no answers.
        ArtifactBroken: a line is not an answer.
    """
    words, documents = dict[str, int](), dict[str, int]()
    for file, n_words, _ in _lines(parts):
        words[file] = words.get(file, 0) + n_words
        documents[file] = documents.get(file, 0) + 1
    taken, n_left = set[str](), max_words
    for file in sorted(
        words, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode("utf-8", "surrogatepass")).digest()
    ):
        if words[file] <= n_left:
            taken.add(file)
            n_left -= words[file]
    if words and not taken:
        taken.add(min(words, key=lambda name: (words[name], name)))
    output.mkdir(parents=True, exist_ok=True)
    with atomic.space_for(output / DOCUMENTS), (output / DOCUMENTS).open("wb") as lines:
        lines.writelines(line for file, _, line in _lines(parts) if file in taken)
    with atomic.space_for(output / FILES), (output / FILES).open("w", encoding="utf-8") as names:
        names.writelines(json.dumps({"name": file}) + "\n" for file in words if file in taken)
    return {
        "n_documents": sum(documents.values()),
        "n_words": sum(words.values()),
        "sampled": {
            "n_files": len(taken),
            "n_documents": sum(documents[file] for file in taken),
            "n_words": sum(words[file] for file in taken),
        },
    }


def _lines(parts: Sequence[Path]) -> Iterator[tuple[str, int, bytes]]:
    """Yield the file, the number of words and the raw line of each answer."""
    for where, line in read_lines([part / DOCUMENTS for part in parts]):
        try:
            values = json.loads(line)
            yield str(values["file"]), int(values["receipt"]["n_words"]), line
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ArtifactBroken(f"found {redact_error(error)}, expected an answer, in {where}") from None
