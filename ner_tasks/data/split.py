"""A split into train, dev, calibration and test that stays put while the data grows.

Neighbouring sentences come from one document and share names, so whole blocks of neighbours go to one part.
Where a block begins, and where it goes, follows from the words of its first sentence and from nothing else:
not from its place in the file, not from the file's name, not from how much data there is. Appending data
therefore moves no sentence at all; inserting or removing data moves at most the one block it touches.

A sentence that occurs again, word for word, belongs to the part of its first occurrence and is kept once, so
that no text is both learned and scored. A text that an earlier snapshot had in a part stays in that part, whatever
its block says now: whoever was scored on it must never learn it.

Source: content-defined chunking, as in Muthitacharoen et al., "A Low-bandwidth Network File System", 2001.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isclose

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.data.snapshot import text_digest
from ner_tasks.errors import ConfigInvalid, DataRejected

PARTS = ("train", "dev", "calibration", "test")


@dataclass(frozen=True)
class SplitConfig:
    """How much goes where.

    Attributes:
        shares: share of each part in the order of `PARTS`, each above 0, 1 in all.
        block_sentences: mean length of a block, in sentences, at least 1. Shorter blocks fit small data;
            longer ones have fewer neighbours across parts.
        seed: another seed, another split.
    """

    shares: tuple[float, float, float, float] = (0.80, 0.08, 0.02, 0.10)
    block_sentences: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.shares) != len(PARTS) or min(self.shares) <= 0 or not isclose(sum(self.shares), 1.0):
            raise ConfigInvalid(
                f"found shares {list(self.shares)}, expected four above 0 that add up to 1, for {PARTS}"
            )
        if self.block_sentences < 1:
            raise ConfigInvalid(f"found block_sentences={self.block_sentences}, expected at least 1")


def split_corpus(
    sentences: Sequence[LabelledSentence],
    config: SplitConfig,
    *,
    is_sound: Sequence[bool] | None = None,
    begins: Collection[int] = (0,),
    known: Mapping[str, str] | None = None,
) -> dict[str, list[LabelledSentence]]:
    """Sentences of each part, each text once, in the order of the input.

    Args:
        sentences: in the order of their documents.
        is_sound: whether each sentence may be used. The others still mark where blocks begin, so that
            quarantining a sentence moves none of its neighbours.
        begins: indices at which a file begins, see `assign_parts`.
        known: parts that texts have had before, see `assign_parts`.

    Raises:
        DataRejected: a part would be empty.
    """
    parts: dict[str, list[LabelledSentence]] = {part: [] for part in PARTS}
    seen: set[tuple[str, ...]] = set()
    texts = [sentence.words for sentence in sentences]
    for index, part in enumerate(assign_parts(texts, config, begins=begins, known=known)):
        words = sentences[index].words
        if words not in seen and (is_sound is None or is_sound[index]):
            seen.add(words)
            parts[part].append(sentences[index])
    empty = [part for part in PARTS if not parts[part]]
    if empty:
        found = f"{len(seen)} different sound sentences, which leave {', '.join(empty)} empty"
        raise DataRejected(f"found {found}, expected enough for blocks of about {config.block_sentences} in each part")
    return parts


def assign_parts(
    texts: Sequence[Sequence[str]],
    config: SplitConfig,
    *,
    begins: Collection[int] = (0,),
    known: Mapping[str, str] | None = None,
) -> list[str]:
    """Part of each sentence; a text that occurs again has the part of its first occurrence.

    Dev and calibration share their blocks and are told apart sentence by sentence: neither is learned
    from or scored on, and a calibration part of 2 % would often be empty if it had to be whole blocks.

    Args:
        texts: words of each sentence, in the order of their documents.
        begins: indices at which a file begins and with it a block, so that a file's parts follow from it alone.
        known: part of each text that has been in one before, by `labelled.frozen.text_key`.
    """
    known = known or {}
    _, dev, calibration, test = config.shares
    held_out = dev + calibration
    first_part: dict[bytes, str] = {}
    parts: list[str] = []
    block_place = 0.0
    for index, words in enumerate(texts):
        digest = text_digest(words)
        if index in begins or int.from_bytes(digest[:8]) % config.block_sentences == 0:
            block_place = _place(config.seed, "block", digest)
        if block_place < test:
            part = "test"
        elif block_place >= test + held_out:
            part = "train"
        else:
            part = "calibration" if _place(config.seed, "sentence", digest) < calibration / held_out else "dev"
        parts.append(first_part.setdefault(digest, known.get(digest.hex()[:32], part)))
    return parts


def _place(seed: int, kind: str, digest: bytes) -> float:
    """A number in [0, 1) that only these values decide, evenly spread."""
    return int.from_bytes(sha256(f"{seed}/{kind}/".encode() + digest).digest()[:7]) / 2**56
