"""Reads files full of canaries and says which of them were lost in silence, and which are glued to a neighbour."""

import io
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ner_tasks.documents import CannotRead, Document, Limits, Rejected
from ner_tasks.documents.archives.archives import UnpackingBudget
from ner_tasks.documents.place import Place
from ner_tasks.documents.reading import iter_answers

Maker = Callable[[random.Random], tuple[bytes, Mapping[str, str]]]
LIMITS = Limits()


@dataclass(frozen=True)
class Finding:
    """A canary that is not where it should be; `seed` makes its file again."""

    seed: str
    word: str
    holder: str
    what: str


def makers() -> dict[str, tuple[str, Maker]]:
    """Suffix and maker of every format that has a generator in this folder, by name."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    modules = (import_module(f"tests.canaries.{name}") for name in names if name not in ("words", "drive", "__main__"))
    return {module.NAME: (module.SUFFIX, module.make) for module in modules}


def findings(name: str, n: int, seed: int = 0) -> Iterator[Finding]:
    """Canaries that were lost or glued in `n` files of a format; a file that is rejected whole loses all of its own."""
    suffix, make = makers()[name]
    for number in range(n):
        one = f"{seed}-{number}"
        data, canaries = make(random.Random(one))
        yield from _in_one(one, f"file{suffix}", data, canaries)


def read(name: str, data: bytes) -> tuple[list[Document], list[str]]:
    """Documents of a file, and lines that name what of it was not read."""
    found, rejects = [], []
    try:
        for answer in iter_answers(
            Place(name, name, LIMITS, UnpackingBudget(LIMITS), name), io.BytesIO(data), len(data)
        ):
            (found if isinstance(answer, Document) else rejects).append(answer)
    except CannotRead as error:
        rejects.append(Rejected(name, error.reason, str(error)))
    lines = [line for document in found for line in document.unread]
    return found, lines + [f"{r.document}: {r.reason}, {r.message}" for r in rejects if isinstance(r, Rejected)]


def _in_one(seed: str, name: str, data: bytes, canaries: Mapping[str, str]) -> Iterator[Finding]:
    documents, lines = read(name, data)
    for word, holder in canaries.items():
        texts = [document.text for document in documents if word in document.text]
        if texts:
            if not all(re.search(rf"(?<!\w){word}(?!\w)", text) for text in texts):
                yield Finding(seed, word, holder, "glued to its neighbour")
        elif not any(holder in line for line in lines):
            yield Finding(seed, word, holder, f"lost; named are {lines[:5]}")
