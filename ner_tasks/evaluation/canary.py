"""Canary: predictions of a model on a few sentences, stored so that another process can check that it reproduces them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic
from ner_tasks.inference.tagger import TaggedSentence, Tagger
from ner_tasks.model import model_folder
from ner_tasks.records import read_file

FORMAT = 1
N_SENTENCES = 64


class _CanarySentence(TypedDict):
    words: tuple[str, ...]
    tags: tuple[str, ...]
    scores: tuple[Annotated[float, Field(ge=0, le=1)], ...]


class _CanaryFile(TypedDict):
    """A canary file: SHA-256 of the files of the model, and its predictions."""

    files: dict[str, str]
    answers: list[_CanarySentence]


def write_canary(model: Path, sentences: Sequence[LabelledSentence], target: Path, *, n_threads: int) -> None:
    """Tag a sample of the sentences and write the predictions to a JSON file.

    Args:
        model: model folder.
        sentences: sentences to sample from, at equal distances.
        target: file to write.
        n_threads: number of threads of the model.
    """
    step = max(len(sentences) / N_SENTENCES, 1.0)
    sample = [sentences[int(at * step)].words for at in range(min(N_SENTENCES, len(sentences)))]
    files, answers = _tag_sentences(model, sample, n_threads)
    rows = [
        {"words": list(words), "tags": list(answer.tags), "scores": list(answer.scores)}
        for words, answer in zip(sample, answers, strict=True)
    ]
    atomic.write_json(target, {"format": FORMAT, "files": files, "answers": rows})


def run_canary(model: Path, canary: Path, *, n_threads: int) -> dict[str, Any]:
    """Tag the sentences of a canary again in this process and compare the predictions.

    Args:
        model: model folder.
        canary: file from `write_canary`.
        n_threads: number of threads of the model.

    Returns:
        `n_sentences`, `n_words`, `n_other_tags` (words whose tag differs), and `largest_difference` of the scores.

    Raises:
        InputMissing: the model or the canary does not exist.
        ArtifactBroken: the model or the canary is damaged, or the canary is of another model.
    """
    if not canary.is_file():
        raise InputMissing(f"found nothing at {canary}, expected the canary that `compare-quantized` writes")
    record = read_file(canary, _CanaryFile, expected="a canary")
    before, expected = [(one["words"], one["tags"], one["scores"]) for one in record["answers"]], record["files"]
    if any(not len(words) == len(tags) == len(scores) for words, tags, scores in before):
        raise ArtifactBroken(f"found unequal numbers of words, tags and scores, expected a canary, in {canary}")
    files, answers = _tag_sentences(model, [words for words, _, _ in before], n_threads)
    changed = sorted(name for name in {*files, *expected} if files.get(name) != expected.get(name))
    if changed:
        raise ArtifactBroken(f"found another {', '.join(changed)}, expected the one that was measured, in {model}")
    tags = [
        (tag, now)
        for (_, old, _), answer in zip(before, answers, strict=True)
        for tag, now in zip(old, answer.tags, strict=True)
    ]
    scores = [
        abs(score - now)
        for (_, _, old), answer in zip(before, answers, strict=True)
        for score, now in zip(old, answer.scores, strict=True)
    ]
    return {
        "n_sentences": len(before),
        "n_words": len(tags),
        "n_other_tags": sum(tag != now for tag, now in tags),
        "largest_difference": max(scores, default=0.0),
    }


def _tag_sentences(
    model: Path, sentences: Sequence[Sequence[str]], n_threads: int
) -> tuple[dict[str, str], list[TaggedSentence]]:
    """Return the verified checksums of the files of a model, and its predictions."""
    tagger = Tagger.load(model, n_threads=n_threads)
    return dict(model_folder.read_manifest(model).files), tagger.tag(sentences)
