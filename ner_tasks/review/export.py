"""Export of a night's review queue."""

from collections import Counter
from pathlib import Path
from typing import Any

from ner_tasks.review.labelling_tools import write_queue
from ner_tasks.review.queue import ReviewConfig, build_queue
from ner_tasks.tagging.answer_ledger import DOCUMENTS


def export_queue(answers: Path, other: Path | None, output: Path, config: ReviewConfig, *, day: str) -> dict[str, Any]:
    """Choose the sentences to review and write them for Label Studio and doccano.

    Args:
        answers: folder of a night's answers.
        other: a second model's answers to the same documents, None without one.
        output: folder to write into.
        config: what is chosen.
        day: YYYY-MM-DD, for the metadata of each sentence.

    Returns:
        `n_sentences`; `asked`, how many of them for each reason; `found`, how many candidates there were;
        `n_without_text`, documents without text, which cannot be reviewed.

    Raises:
        InputMissing, ArtifactBroken: there are no answers, or they are damaged.
        StorageFull: no space left on the device.
    """
    queue = build_queue(answers / DOCUMENTS, config, other=other / DOCUMENTS if other else None)
    write_queue(queue.items, queue.labels, output, day=day)
    return {
        "n_sentences": len(queue.items),
        "asked": dict(Counter(item.why for item in queue.items)),
        "found": dict(queue.found),
        "n_without_text": queue.n_without_text,
    }
