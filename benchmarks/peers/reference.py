"""Compute the logits of our FP32 graph for three batches, as the reference for the peers' models.

    .venv/bin/python -m benchmarks.peers.reference FROZEN CALIBRATION TARGET

The batches hold short, medium and long windows of real sentences, with padding.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from ner_tasks.data import corpus
from ner_tasks.inference.runners import PaddedRunner
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model import model_folder
from ner_tasks.model.tokenization import WordTokenizer, make_batches, make_windows

N_SENTENCES, PER_BATCH = 120, 8


def write_reference(frozen: Path, labelled: Path, target: Path) -> None:
    """Write piece ids, shape ids and logits of three batches."""
    tagger = Tagger.load(frozen, n_threads=1)
    runner: PaddedRunner = tagger._runner  # type: ignore[assignment]  # noqa: SLF001  of an FP32 graph
    pieces = WordTokenizer(frozen / model_folder.TOKENIZER)
    sentences = [sentence.words for sentence in corpus.read_labelled(labelled)[:N_SENTENCES]]
    windows = make_windows(sentences, pieces, max_pieces=tagger.manifest.max_pieces)
    batches = make_batches(windows, pad_id=pieces.pad_id, max_windows=PER_BATCH, max_pieces=2**31)
    arrays: dict[str, Any] = {}
    for number, batch in enumerate((batches[0], batches[len(batches) // 2], batches[-1])):
        logits = runner.compute(batch.piece_ids, batch.shape_ids)  # the graph's logits of each piece
        arrays |= {f"pieces_{number}": batch.piece_ids, f"shapes_{number}": batch.shape_ids}
        arrays[f"logits_{number}"] = np.asarray(logits)
    part = target.with_name(f"part-{target.name}")
    np.savez(part, pad_id=np.array(pieces.pad_id), **arrays)
    part.replace(target)


if __name__ == "__main__":
    write_reference(*(Path(argument) for argument in sys.argv[1:]))
