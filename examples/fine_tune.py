"""Fine-tune the tagger on your own CoNLL file and freeze it into one inference graph.

    python examples/fine_tune.py my.conll --encoder var/encoder --output my-model

Makes `my-model/trained` and `my-model/frozen`. The file has a word and its tag on each line, in any tagging scheme, and a
blank line between sentences; Kaggle CSV and spans of Label Studio or doccano work as well.
"""

import argparse
from pathlib import Path

from ner_tasks.data.corpus import read_labelled
from ner_tasks.data.split import SplitConfig, split_corpus
from ner_tasks.model.freezing import freeze_model
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.loop import train_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labelled", type=Path, help="labelled sentences")
    parser.add_argument(
        "--encoder", type=Path, required=True, help="a Hugging Face checkpoint; `make setup` fetches one"
    )
    parser.add_argument("--output", type=Path, required=True, help="the folder to make")
    parser.add_argument("--epochs", type=int, default=0, help="most passes; 0: 3 to 12, depending on the data")
    parser.add_argument("--learning_rate", type=float, default=4e-4, help="of the last layer (default: %(default)s)")
    args = parser.parse_args()

    sentences = read_labelled(args.labelled)
    # Blocks of neighbours stay in one part, so that no part shares a document with another; small data needs shorter ones.
    parts = split_corpus(sentences, SplitConfig(block_sentences=max(1, min(32, len(sentences) // 100))))
    trained, frozen = args.output / "trained", args.output / "frozen"
    args.output.mkdir(parents=True, exist_ok=True)
    train_model(
        {"train": parts["train"], "dev": parts["dev"]},
        encoder=args.encoder,
        target=trained,
        checkpoints=args.output / ".checkpoints",
        config=TrainConfig(epochs=args.epochs, learning_rate=args.learning_rate),
        lineage={"version": args.output.name},
    )
    freeze_model(trained, frozen)
    print(f"made {trained} and {frozen}, from {len(parts['train'])} sentences")


if __name__ == "__main__":
    main()
