"""A few sentences that a model has answered, to be asked again where it will run: the same artifact, the same answers."""

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
    """What `write` writes: the SHA-256 of the model's files, and what it answered."""

    files: dict[str, str]
    answers: list[_CanarySentence]


def write_canary(model: Path, sentences: Sequence[LabelledSentence], target: Path, *, n_threads: int) -> None:
    """Ask a model, and keep its answers.

    Args:
        model: a model folder.
        sentences: of which some are asked, evenly over them.
        target: the JSON file to make.
        n_threads: threads of the model.
    """
    step = max(len(sentences) / N_SENTENCES, 1.0)
    chosen = [sentences[int(at * step)].words for at in range(min(N_SENTENCES, len(sentences)))]
    files, answers = _asked(model, chosen, n_threads)
    asked = [
        {"words": list(words), "tags": list(answer.tags), "scores": list(answer.scores)}
        for words, answer in zip(chosen, answers, strict=True)
    ]
    atomic.write_json(target, {"format": FORMAT, "files": files, "answers": asked})


def run_canary(model: Path, canary: Path, *, n_threads: int) -> dict[str, Any]:
    """Ask a model again, in this process.

    Returns:
        `n_sentences`, `n_words`, `n_other_tags`, and `largest_difference` of the scores.

    Raises:
        InputMissing: there is no model, or no canary.
        ArtifactBroken: the model is damaged, is another one than was asked before, or the canary is none.
    """
    if not canary.is_file():
        raise InputMissing(f"found nothing at {canary}, expected the canary that `compare-quantized` writes")
    said = read_file(canary, _CanaryFile, expected="a canary")
    before, expected = [(one["words"], one["tags"], one["scores"]) for one in said["answers"]], said["files"]
    if any(not len(words) == len(tags) == len(scores) for words, tags, scores in before):
        raise ArtifactBroken(f"found not one tag and score for each word, expected a canary, in {canary}")
    files, answers = _asked(model, [words for words, _, _ in before], n_threads)
    other = sorted(name for name in {*files, *expected} if files.get(name) != expected.get(name))
    if other:
        raise ArtifactBroken(f"found another {', '.join(other)} than was measured, expected the same, in {model}")
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


def _asked(
    model: Path, sentences: Sequence[Sequence[str]], n_threads: int
) -> tuple[dict[str, str], list[TaggedSentence]]:
    """The checksums of a model's files, which are checked, and its answers."""
    tagger = Tagger.load(model, n_threads=n_threads)
    return dict(model_folder.read_manifest(model).files), tagger.tag(sentences)
