"""Which sentences of a snapshot or of a labelled file a step uses."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from ner_tasks.data.corpus import LabelledSentence, read_labelled
from ner_tasks.data.snapshot import text_digest
from ner_tasks.data.split import SplitConfig, split_corpus


def read_training_parts(path: Path, *, seed: int) -> dict[str, Sequence[LabelledSentence]]:
    """Read the sentences to train on and those of dev.

    Args:
        path: a snapshot folder, or a labelled file, of which only a dev part is held out.
        seed: of the split of a file.

    Returns:
        Sentences under `train` and `dev`.

    Raises:
        InputMissing, DataRejected: the file is missing or invalid, or too small to be split.
    """
    if path.is_dir():
        return {name: read_labelled(path / f"{name}.csv") for name in ("train", "dev")}
    parts = split_corpus(read_labelled(path), SplitConfig(seed=seed))
    train = [sentence for name, part in parts.items() if name != "dev" for sentence in part]
    print(f"training on {len(train)} sentences of {path.name}, {len(parts['dev'])} for dev; no test part", flush=True)
    return {"train": train, "dev": parts["dev"]}


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


def read_calibration_text(path: Path) -> list[Sequence[str]]:
    """Read the words of the calibration part of a snapshot folder, or of a whole labelled file.

    Raises:
        InputMissing, DataRejected: the file is missing or invalid.
    """
    return [sentence.words for sentence in read_labelled(path / "calibration.csv" if path.is_dir() else path)]
