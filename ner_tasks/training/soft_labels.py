"""Soft labels: a teacher's tag probabilities for the words of a train part, from which a smaller model learns.

    soft-labels/  log_probs.safetensors  soft_labels.json

They are computed once and serve any number of trainings. A killed computation continues with the next block of sentences.

Shapes: S sentences, N words in all of them, K tags.

Source: G. Hinton et al., Distilling the Knowledge in a Neural Network, 2015.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.data.parts import digest_texts
from ner_tasks.data.snapshot import text_digest
from ner_tasks.errors import ArtifactBroken, ConfigInvalid
from ner_tasks.files import atomic, schema
from ner_tasks.fingerprint import make_version
from ner_tasks.inference.tagger import SentenceLogits, Tagger
from ner_tasks.labels import LabelSet
from ner_tasks.progress import show_progress
from ner_tasks.records import SoftLabelsManifest, read_file
from ner_tasks.store import keys

MANIFEST, VALUES = keys.SOFT_LABELS_MANIFEST, "log_probs.safetensors"
_BLOCK = 512  # sentences computed between two files of a killed computation
LogProbs = NDArray[np.float16]  # [words, K]
ComputeLogits = Callable[[Sequence[Sequence[str]]], Sequence[SentenceLogits]]


@dataclass(frozen=True)
class SoftLabels:
    """Soft labels of a train part.

    Attributes:
        by_text: log-probabilities [words, K] of each sentence, by `snapshot.text_digest`.
        sha256: checksum of all values.
        teacher: version of the teacher.
    """

    by_text: dict[bytes, LogProbs]
    sha256: str
    teacher: str

    @classmethod
    def load(cls, folder: Path, sentences: Sequence[LabelledSentence], label_set: LabelSet) -> "SoftLabels":
        """Load soft labels and check that they belong to the sentences.

        Args:
            folder: folder that `compute_soft_labels` wrote.
            sentences: sentences to train on.
            label_set: labels of the model to train.

        Raises:
            InputMissing: there are no soft labels in `folder`.
            ArtifactBroken: a file is damaged.
            ConfigInvalid: the soft labels are of other sentences or other labels.
        """
        manifest = read_file(folder / MANIFEST, SoftLabelsManifest)
        if tuple(manifest["labels"]) != label_set.labels:
            raise _other_labels(tuple(manifest["labels"]), label_set, folder)
        values = _read_values(folder / VALUES, manifest["sha256"], n_tags=len(label_set.tags))
        by_text = _split(values["digests"], values["n_words"], values["log_probs"])
        missing = sum(
            len(by_text.get(text_digest(sentence.words), ())) != len(sentence.words) for sentence in sentences
        )
        if missing:
            raise ConfigInvalid(
                f"found no soft labels for {missing} of {len(sentences)} sentences, expected those of the same snapshot, "
                f"in {folder}"
            )
        return cls(by_text, manifest["sha256"], manifest["teacher"])

    def of(self, sentence: LabelledSentence) -> LogProbs:
        """Return the log-probabilities [words, K] of a sentence."""
        return self.by_text[text_digest(sentence.words)]


def read_checksum(folder: Path) -> str:
    """Read the checksum of soft labels from their manifest.

    Raises:
        InputMissing: there are no soft labels in `folder`.
        ArtifactBroken: the manifest is damaged.
    """
    return read_file(folder / MANIFEST, SoftLabelsManifest)["sha256"]


def compute_soft_labels(
    teacher: Tagger, sentences: Sequence[LabelledSentence], label_set: LabelSet, *, output: Path
) -> dict[str, Any]:
    """Compute the teacher's tag probabilities for each word of the sentences.

    Args:
        teacher: the model to learn from.
        sentences: the train part, at least one sentence.
        label_set: labels of the data.
        output: folder to create. Blocks of a killed computation are kept beside it.

    Returns:
        The content of `soft_labels.json`.

    Raises:
        ConfigInvalid: the teacher has other labels than the data.
        StorageFull: no space left; finished blocks stay.
        Busy: another process computes the same.
    """
    if teacher.manifest.label_set != label_set:
        raise _other_labels(teacher.manifest.labels, label_set, teacher.version)
    weights = dict(teacher.manifest.files)
    identity = make_version({"teacher": weights, "texts": _hash_order(sentences)})
    work = output.with_name(f".{output.name}.{identity}")
    with atomic.exclusive(output.with_name(f".{output.name}.lock")):
        blocks = [sentences[at : at + _BLOCK] for at in range(0, len(sentences), _BLOCK)]
        with show_progress("soft labels", total=len(sentences), unit="sentences") as bar:
            log_probs = []
            for number, block in enumerate(blocks):
                log_probs.append(_compute_block(teacher.compute_logits, block, work / f"{number:05d}", label_set))
                bar.advance(len(block))
        content = save(
            {
                "digests": np.frombuffer(b"".join(text_digest(each.words) for each in sentences), np.uint8),
                "n_words": np.array([len(each.words) for each in sentences], np.int32),
                "log_probs": np.concatenate(log_probs),
            }
        )
        manifest = {
            "labels": list(label_set.labels),
            "teacher": teacher.version,
            "teacher_files": weights,
            "train_part": digest_texts(sentences),
            "n_sentences": len(sentences),
        }
        with atomic.staged_folder(output) as stage:
            (stage / VALUES).write_bytes(content)
            manifest["sha256"] = atomic.sha256_of(stage / VALUES)
            atomic.write_json(stage / MANIFEST, schema.stamp(manifest))
        shutil.rmtree(work)
    return manifest


def _compute_block(
    compute_logits: ComputeLogits, block: Sequence[LabelledSentence], path: Path, label_set: LabelSet
) -> LogProbs:
    """Return the log-probabilities [N, K] of a block, from its file if an earlier run has computed it."""
    n_words, n_tags = sum(len(sentence.words) for sentence in block), len(label_set.tags)
    if path.is_file():
        try:
            known = load(path.read_bytes())["log_probs"]
        except (SafetensorError, KeyError):
            print(f"notice: found a damaged block, computing it again, at {path}", flush=True)
        else:
            if known.shape == (n_words, n_tags):
                return known
    logits = np.concatenate([each.logits for each in compute_logits([sentence.words for sentence in block])])  # [N, K]
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))).astype(np.float16)
    atomic.write_bytes(path, save({"log_probs": log_probs}))
    return log_probs


def _read_values(path: Path, sha256: str, *, n_tags: int) -> dict[str, NDArray[Any]]:
    found = atomic.sha256_of(path) if path.is_file() else "no file"
    if found != sha256:
        raise ArtifactBroken(f"found {found[:12]}, expected sha256 {sha256[:12]}, at {path}")
    values = load(path.read_bytes())
    if values["log_probs"].shape != (int(values["n_words"].sum()), n_tags):
        shape = list(values["log_probs"].shape)
        raise ArtifactBroken(f"found soft labels of shape {shape}, expected [words, {n_tags}], at {path}")
    return values


def _split(digests: NDArray[np.uint8], n_words: NDArray[np.int32], log_probs: LogProbs) -> dict[bytes, LogProbs]:
    ends = np.cumsum(n_words)
    rows = digests.reshape(len(n_words), -1)
    return {row.tobytes(): part for row, part in zip(rows, np.split(log_probs, ends[:-1]), strict=True)}


def _hash_order(sentences: Sequence[LabelledSentence]) -> str:
    return make_version({"texts": [text_digest(sentence.words).hex() for sentence in sentences]})


def _other_labels(found: Sequence[str], wanted: LabelSet, where: Path | str) -> ConfigInvalid:
    return ConfigInvalid(
        f"found a teacher with labels {', '.join(found)}, expected those of the data, {', '.join(wanted.labels)}, in {where}"
    )
