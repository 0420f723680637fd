"""Export of a night's review queue."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ner_tasks.review.code_suggestions import CodeSuggestions
from ner_tasks.review.decisions.queue_file import write_queue_file
from ner_tasks.review.labelling_tools import write_queue
from ner_tasks.review.queue import ReviewConfig, build_queue
from ner_tasks.store import keys
from ner_tasks.surrogates import escape_surrogates
from ner_tasks.tagging.answer_ledger import DOCUMENTS


def export_queue(
    parts: Sequence[Path],
    other: Path | None,
    output: Path,
    config: ReviewConfig,
    *,
    day: str,
    labels: Iterable[str] = (),
    codes: CodeSuggestions | None = None,
) -> dict[str, Any]:
    """Choose the sentences to review and write them for the page Review queue, Label Studio and doccano.

    Args:
        parts: folders of a night's answers, in order.
        other: a second model's answers to the same documents, None without one.
        output: folder to write into.
        config: what is chosen.
        day: YYYY-MM-DD, for the metadata of each sentence.
        labels: labels to choose from, besides those of the answers.
        codes: suggests codes for entities without one; None: codes are not looked at.

    Returns:
        `n_sentences`; `asked`, how many of them for each reason; `found`, how many candidates there were;
        `n_without_text`, documents without text, which cannot be reviewed; `n_not_on_page`, sentences that only the other tools
        have; `labels` to choose from.

    Raises:
        InputMissing, ArtifactBroken: there are no answers, or they are damaged.
        StorageFull: no space left on the device.
    """
    documents = [part / DOCUMENTS for part in parts]
    queue = build_queue(documents, config, other=other / DOCUMENTS if other else None, codes=codes)
    known = sorted({escape_surrogates(label) for label in (*queue.labels, *labels)})
    write_queue(queue.items, known, output, day=day)
    n_not_on_page = write_queue_file(queue.items, output / keys.REVIEW_QUEUE)
    return {
        "n_sentences": len(queue.items),
        "asked": dict(Counter(item.why for item in queue.items)),
        "found": dict(queue.found),
        "n_without_text": queue.n_without_text,
        "n_not_on_page": n_not_on_page,
        "labels": known,
    }
