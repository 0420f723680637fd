"""Checks that a teacher has not seen the sentences that its student is judged by."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.data.parts import digest_texts
from ner_tasks.data.snapshot import read_known_parts, text_key
from ner_tasks.errors import ConfigInvalid

TRAIN_PART = "train_part"  # in the lineage of a model: `digest_texts` of its train part
# Parts of the student's data that a teacher must not have used, by the part of the teacher's data that it would be in.
_FORBIDDEN = {"train": ("dev", "calibration", "test"), "dev": ("test",)}


def check_teacher(
    lineage: Mapping[str, Any],
    train: Sequence[LabelledSentence],
    held_out: Mapping[str, Sequence[LabelledSentence]],
    *,
    teacher_snapshot: Path | None = None,
) -> None:
    """Check that a teacher was not trained on held-out sentences.

    It was not if it was trained on the same train part. A teacher of another snapshot is checked text by text, which needs
    that snapshot.

    Args:
        lineage: lineage of the teacher.
        train: the train part of the student.
        held_out: the student's other parts by name.
        teacher_snapshot: snapshot that the teacher was trained on; None for the student's.

    Raises:
        ConfigInvalid: the teacher has seen held-out sentences, or nothing shows that it has not.
        InputMissing: there is no `teacher_snapshot`.
        ArtifactBroken: it is damaged.
    """
    trained_on = lineage.get(TRAIN_PART)
    if trained_on is None:
        raise ConfigInvalid("found a teacher that does not record its train part, expected one trained by this version")
    if trained_on == digest_texts(train):
        return
    if teacher_snapshot is None:
        raise ConfigInvalid(
            "found a teacher of another snapshot, expected one trained on the same train part, or its snapshot as "
            "--teacher_snapshot"
        )
    known = read_known_parts(teacher_snapshot)
    for part, sentences in held_out.items():
        seen = sum(part in _FORBIDDEN.get(known.get(text_key(sentence.words), ""), ()) for sentence in sentences)
        if seen:
            raise ConfigInvalid(
                f"found a teacher that has seen {seen} of {len(sentences)} {part} sentences, expected none, "
                f"by the parts in {teacher_snapshot}"
            )
