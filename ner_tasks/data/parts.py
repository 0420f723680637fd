"""Which sentences of a snapshot or of a labelled file a step uses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ner_tasks.data import part_sizes
from ner_tasks.data.corpus import LabelledSentence, read_labelled
from ner_tasks.data.snapshot import text_digest
from ner_tasks.data.split import SplitConfig, split_corpus


@dataclass(frozen=True)
class CalibrationText:
    """Text that the ranges of INT8 activations are measured on.

    Attributes:
        sentences: words of each sentence.
        n_from: number of sentences by their origin: a part of a snapshot, or `file`.
    """

    sentences: list[Sequence[str]]
    n_from: dict[str, int] = field(default_factory=dict)


def read_training_parts(path: Path, *, seed: int) -> dict[str, Sequence[LabelledSentence]]:
    """Read the sentences to train on and those of dev; prints a line if dev is too small to decide by.

    Args:
        path: a snapshot folder, or a labelled file, of which only a dev part is held out.
        seed: of the split of a file.

    Returns:
        Sentences under `train` and `dev`.

    Raises:
        InputMissing, DataRejected: the file is missing or invalid, or too small to be split.
    """
    if path.is_dir():
        parts: dict[str, Sequence[LabelledSentence]] = {
            name: read_labelled(path / f"{name}.csv") for name in ("train", "dev")
        }
    else:
        split = split_corpus(read_labelled(path), SplitConfig(seed=seed))
        train = [sentence for name, part in split.items() if name != "dev" for sentence in part]
        parts = {"train": train, "dev": split["dev"]}
        print(
            f"training on {len(train)} sentences of {path.name}, {len(parts['dev'])} for dev; no test part", flush=True
        )
    n_entities = part_sizes.count_entities(sentence.tags for sentence in parts["dev"])
    part_sizes.print_small_part(part_sizes.describe_small_part("dev", n_entities))
    return parts


def read_held_out(path: Path) -> dict[str, list[LabelledSentence]]:
    """Read the parts of a snapshot folder that no model is trained on; empty for a labelled file, which has no such list.

    Raises:
        InputMissing, DataRejected: a part is missing or invalid.
    """
    if not path.is_dir():
        return {}
    return {name: read_labelled(path / f"{name}.csv") for name in ("dev", "calibration", "test")}


def digest_texts(sentences: Iterable[LabelledSentence]) -> str:
    """Return 64 hex digits that identify a set of texts, regardless of their order and tags."""
    return sha256(b"".join(sorted(text_digest(sentence.words) for sentence in sentences))).hexdigest()


def read_calibration_text(path: Path) -> CalibrationText:
    """Read the calibration part of a snapshot folder, or a whole labelled file.

    A calibration part of fewer than 64 sentences is filled up with sentences of train, spread over it: ranges need no
    labels, so nothing of the answers leaks.

    Raises:
        InputMissing, DataRejected: the file is missing or invalid.
    """
    if not path.is_dir():
        words: list[Sequence[str]] = [sentence.words for sentence in read_labelled(path)]
        return CalibrationText(words, {"file": len(words)})
    words = [sentence.words for sentence in read_labelled(path / "calibration.csv")]
    n_missing = part_sizes.MIN_CALIBRATION_SENTENCES - len(words)
    if n_missing <= 0:
        return CalibrationText(words, {"calibration": len(words)})
    part_sizes.print_small_part(part_sizes.describe_small_calibration(len(words)))
    train = read_labelled(path / "train.csv")
    n_added = min(n_missing, len(train))
    added = [train[index * len(train) // n_added].words for index in range(n_added)]
    return CalibrationText([*words, *added], {"calibration": len(words), "train": n_added})
