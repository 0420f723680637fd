"""Add a labelled file in batches and check that no test sentence is ever used for training.

    python -m tests.manual.growing_data ner.zip --batches 5 [--encoder var/encoder --epochs 3 [--go_on]]

Cuts the file into batches of neighbouring sentences, adds them one at a time and makes a snapshot of all after each. Each
batch after the first repeats some earlier sentences and sorts before them by name, so that the order of the data changes.
Checks that every sentence stays in its part. With `--encoder`, trains a model after each batch and scores it on the current
test part; with `--go_on` each model starts from the previous one, and forgetting on its test part is measured.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ner_tasks.data.corpus import LabelledSentence, read_labelled
from ner_tasks.data.quotas import PARTS
from ner_tasks.data.snapshot import open_snapshot, text_key

AGAIN = 50  # sentences of earlier batches that each batch brings once more


def main(argv: Sequence[str] | None = None) -> int:
    """Run the drill; 1 if a sentence has changed its part."""
    parse = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parse.add_argument("data", type=Path, help="a labelled file")
    parse.add_argument("--batches", type=int, default=5)
    parse.add_argument("--block_sentences", type=int, default=32, help="fewer for small data")
    parse.add_argument("--encoder", type=Path, help="train a model after each batch")
    parse.add_argument("--epochs", type=int, default=3)
    parse.add_argument("--go_on", action="store_true", help="train each model from the one before")
    parse.add_argument("--output", type=Path, help="keep snapshots and models there")
    args = parse.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.output or Path(scratch)
        options = {name: getattr(args, name) for name in ("block_sentences", "encoder", "epochs", "go_on")}
        rows = drill(args.data, folder, n_batches=args.batches, **options)
    print(json.dumps(rows, indent=2))
    return int(any(row["n_moved"] for row in rows))


def drill(
    data: Path,
    folder: Path,
    *,
    n_batches: int,
    block_sentences: int = 32,
    encoder: Path | None = None,
    epochs: int = 3,
    go_on: bool = False,
) -> list[dict[str, Any]]:
    """A row for each batch: sizes of the parts, sentences that changed sides, what `_learn` says if a model is trained."""
    rng = random.Random(0)
    sentences = _sound(data, folder)
    size = len(sentences) // n_batches + 1
    first: dict[str, str] = {}
    rows, previous = [], None
    for turn in range(n_batches):
        batch = sentences[turn * size : (turn + 1) * size]
        batch += rng.sample(sentences[: turn * size], AGAIN) if turn else []
        # names count down: the newest comes first, and says first what block its repeated sentences are in
        _write(folder / "labelled" / f"batch-{n_batches - turn}", batch)
        snapshot = folder / f"snapshot-{turn + 1}"
        batches = sorted((folder / "labelled").iterdir())
        flags = {"previous": previous} if previous else {}
        _verb("dataset", data=batches, output=snapshot, block_sentences=block_sentences, **flags)
        rows.append({"batches": turn + 1, **_moves(snapshot, first)})
        if encoder:
            begin = {"encoder": encoder}
            if go_on and previous:
                begin = {"start_from": folder / f"model-{turn}", "remember": previous / "test.csv"}
            rows[-1] |= _learn(snapshot, folder / f"model-{turn + 1}", epochs=epochs, **begin)
        print(rows[-1], flush=True)
        previous = snapshot
    return rows


def _moves(snapshot: Path, first: dict[str, str]) -> dict[str, Any]:
    """Sizes of a snapshot's parts, and how many sentences are in another part than when they were first seen."""
    said = open_snapshot(snapshot)
    moved = 0
    for part in PARTS:
        for sentence in read_labelled(snapshot / f"{part}.csv"):
            moved += first.setdefault(text_key(sentence.words), part) != part
    sizes = {part: said["parts"][part]["n_sentences"] for part in PARTS}
    return {"version": said["version"], **sizes, "n_copies": said["n_copies"], "n_moved": moved}


def _sound(data: Path, folder: Path) -> list[LabelledSentence]:
    """Sentences that pass the gate by themselves, in the order of the file."""
    _verb("dataset", data=[data], output=folder / "whole")
    found = [one for part in PARTS for one in read_labelled(folder / "whole" / f"{part}.csv")]
    with (folder / "whole" / "origins.csv").open(encoding="utf-8") as file:
        lines = [int(line.rpartition(":")[2]) for line in file.read().splitlines()[1:]]
    return [one for _, one in sorted(zip(lines, found, strict=True), key=lambda pair: pair[0])]


def _write(folder: Path, sentences: Sequence[LabelledSentence]) -> None:
    folder.mkdir(parents=True)
    blocks = ("".join(f"{w}\t{t}\n" for w, t in zip(one.words, one.tags, strict=True)) for one in sentences)
    (folder / "ner.tsv").write_text("\n".join(blocks), encoding="utf-8")


def _learn(snapshot: Path, model: Path, **flags: Any) -> dict[str, Any]:
    """F1 on the test part, and that of the model before and of this one on the test part of the snapshot before."""
    forgotten = _verb("train", data=snapshot, output=model, **flags)["forgotten"]
    said = {"f1": _verb("evaluate", model=model, data=snapshot / "test.csv")["overall"]["f1"]}
    return said | ({f"old_test_{when}": forgotten[when] for when in ("before", "after")} if forgotten else {})


def _verb(name: str, **flags: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "ner_tasks", name, "--report", str(report)]
        for flag, value in flags.items():
            command += [f"--{flag}", *map(str, value if isinstance(value, list) else [value])]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return dict(json.loads(report.read_text())["result"])


if __name__ == "__main__":
    sys.exit(main())
