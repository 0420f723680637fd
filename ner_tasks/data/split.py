"""Split into train, dev, calibration and test that stays stable while the data grows, and keeps its shares.

Neighbouring sentences come from the same document and share names, so whole blocks of neighbours go to one part. The
words of its first sentence determine where a block starts and which part it is proposed for. The proposal stands unless
a part would leave its quota, see `ner_tasks.data.quotas`: then the block ends early or goes to another part. On large
data this is rare; on small data it keeps the shares.

Only the sentences before it decide on a sentence, so appending data moves none. A text keeps the part that it had in an
earlier snapshot, so that no later model is trained on test sentences of an earlier one, wherever data is inserted.

A repeated sentence belongs to the part of its first occurrence and is kept once, so that no text is in both train and
test.

Source: content-defined chunking, as in Muthitacharoen et al., "A Low-bandwidth Network File System", 2001.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isclose

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.data.quotas import PARTS, PartQuotas
from ner_tasks.data.snapshot import text_digest
from ner_tasks.errors import ConfigInvalid, DataRejected

HELD_OUT = ("dev", "calibration")


@dataclass(frozen=True)
class SplitConfig:
    """Settings of a split.

    Attributes:
        shares: share of each part in the order of `PARTS`, each above 0, with sum 1.
        block_sentences: mean length of a block in sentences, at least 1. Shorter blocks suit small data, longer blocks
            separate documents better.
        seed: seed of the split.
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
    """Split sentences into parts; each text is kept once, in the order of the input.

    Args:
        sentences: sentences in document order.
        is_sound: whether each sentence may be used; None for all. The others still start blocks, so that quarantining a
            sentence does not move its neighbours.
        begins: index of the first sentence of each file, see `assign_parts`.
        known: parts of texts in earlier snapshots, see `assign_parts`.

    Returns:
        Sentences by part.

    Raises:
        DataRejected: a part is empty.
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
        counts = f"{len(seen)} distinct sound sentences, which leave {', '.join(empty)} empty"
        raise DataRejected(f"found {counts}, expected enough for blocks of about {config.block_sentences} in each part")
    return parts


def assign_parts(
    texts: Sequence[Sequence[str]],
    config: SplitConfig,
    *,
    begins: Collection[int] = (0,),
    known: Mapping[str, str] | None = None,
) -> list[str]:
    """Assign a part to each sentence; a repeated text has the part of its first occurrence.

    Dev and calibration share blocks and are separated sentence by sentence: neither is trained or tested on, and with
    whole blocks a calibration part of 2 % would often be empty.

    Args:
        texts: words of each sentence in document order.
        config: settings of the split.
        begins: index of the first sentence of each file, which starts a block.
        known: part of each text in earlier snapshots, by `snapshot.text_key`.
    """
    known = known or {}
    digests = [text_digest(words) for words in texts]
    assigned = {digest: known[key] for digest in digests if (key := digest.hex()[:32]) in known}
    quotas = PartQuotas(config.shares, Counter(assigned.values()))
    seen: set[bytes] = set()
    block = ""
    for index, digest in enumerate(digests):
        if not block or index in begins or int.from_bytes(digest[:8]) % config.block_sentences == 0:
            block = _propose_block(digest, config)
        if digest in seen:
            continue
        seen.add(digest)
        if digest in assigned:  # a new sentence beside it stays with it
            block = _block_of(assigned[digest])
        else:
            block, assigned[digest] = _choose_part(quotas, block, digest, config)
    return [assigned[digest] for digest in digests]


def _propose_block(digest: bytes, config: SplitConfig) -> str:
    """Return `train`, `test`, or `dev` for dev and calibration together."""
    _, dev, calibration, test = config.shares
    position = _hash_to_unit(config.seed, "block", digest)
    if position < test:
        return "test"
    return "train" if position >= test + dev + calibration else "dev"


def _block_of(part: str) -> str:
    return "dev" if part in HELD_OUT else part


def _choose_part(quotas: PartQuotas, block: str, digest: bytes, config: SplitConfig) -> tuple[str, str]:
    """Return the block's part after this sentence, and the sentence's own part.

    Test comes first and depends on its own quota alone, so that it is the same for any share of dev.
    """
    behind = quotas.find_behind("test")
    if behind is not None:
        block = "test"
    elif block == "test" and not quotas.has_room("test"):
        block = ""
    if block != "test":
        behind = quotas.find_behind("train", *HELD_OUT)
        if behind is not None:
            block = _block_of(behind)
        elif not block or not quotas.has_room(*(HELD_OUT if block == "dev" else (block,))):
            block = _block_of(quotas.find_roomiest("train", *HELD_OUT))
    part = (behind or _propose_held_out(quotas, digest, config)) if block == "dev" else block
    quotas.add(part, is_forced=behind is not None)
    return block, part


def _propose_held_out(quotas: PartQuotas, digest: bytes, config: SplitConfig) -> str:
    """Return whether a sentence goes to dev or calibration."""
    _, dev, calibration, _ = config.shares
    part = (
        "calibration" if _hash_to_unit(config.seed, "sentence", digest) < calibration / (dev + calibration) else "dev"
    )
    if quotas.has_room(part):
        return part
    return "calibration" if quotas.has_room("calibration") else "dev"


def _hash_to_unit(seed: int, kind: str, digest: bytes) -> float:
    """Hash the arguments to a uniformly distributed number in [0, 1)."""
    return int.from_bytes(sha256(f"{seed}/{kind}/".encode() + digest).digest()[:7]) / 2**56
