"""Where a training starts from: a Hugging Face encoder, or a model of ours that goes on learning."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer

from ner_tasks.errors import ArtifactBroken
from ner_tasks.files import atomic
from ner_tasks.labels import LabelSet
from ner_tasks.model import model_folder
from ner_tasks.model.token_classifier import EncoderConfig, TokenClassifier, Weights, read_config, read_weights
from ner_tasks.model.tokenization import WordTokenizer

ENCODER = "model.safetensors"


@dataclass(frozen=True)
class Initialization:
    """Weights to start from.

    Attributes:
        folder: a checkpoint, or a trained model.
        config: the encoder's configuration, as in the Hugging Face `config.json`.
        weights: by Hugging Face name.
        label_set: what the model knows already; None for an encoder, which knows no labels.
    """

    folder: Path
    config: dict[str, Any]
    weights: Weights
    label_set: LabelSet | None

    @classmethod
    def at(cls, folder: Path) -> "Initialization":
        """What lies in `folder`.

        Raises:
            InputMissing, ArtifactBroken: it is neither a checkpoint nor a sound trained model.
        """
        if not (folder / model_folder.MANIFEST).is_file():
            return cls(folder, read_config(folder), read_weights(folder / ENCODER), None)
        manifest = model_folder.read_manifest(folder)
        if manifest.kind != "trained":
            raise ArtifactBroken(f"found a {manifest.kind} model, expected a trained one, at {folder}")
        return cls(folder, manifest.encoder, read_weights(folder / model_folder.WEIGHTS), manifest.label_set)

    @property
    def weights_file(self) -> Path:
        return self.folder / (ENCODER if self.label_set is None else model_folder.WEIGHTS)

    def save_tokenizer(self, path: Path) -> None:
        """Write the tokenizer as one `tokenizer.json`."""
        if self.label_set is None:
            save_tokenizer(self.folder, path)
        else:
            with atomic.space_for(path):
                path.write_bytes((self.folder / model_folder.TOKENIZER).read_bytes())

    def model(
        self, pieces: WordTokenizer, label_set: LabelSet, *, dropout: float, attention_dropout: float = 0.0
    ) -> TokenClassifier:
        """A model with these weights; the head's rows of labels that are new here start by chance.

        Raises:
            EncoderUnsupported, ArtifactBroken: not a BERT, or weights and tokenizer that do not belong together.
        """
        sizes = EncoderConfig.from_config(self.config, self.folder)
        if pieces.vocabulary_size() > sizes.vocab_size:
            found = f"{pieces.vocabulary_size()} pieces in the tokenizer"
            raise ArtifactBroken(f"found {found}, expected at most {sizes.vocab_size}, in {self.folder}")
        model = TokenClassifier(
            sizes,
            n_tags=len(label_set.tags),
            pad_id=pieces.pad_id,
            dropout=dropout,
            attention_dropout=attention_dropout,
        )
        body = {name: value for name, value in self.weights.items() if not name.startswith("classifier.")}
        model.import_encoder(body, self.folder)
        if self.label_set is not None:
            model.import_all({**body, **self._head(model.export(), self.label_set, label_set)}, self.folder)
        return model

    def _head(self, fresh: Weights, known: LabelSet, wanted: LabelSet) -> Weights:
        """The head's weights for `wanted`: the row of each tag that is known, a fresh one for the others."""
        head: Weights = {}
        for name in ("classifier.weight", "classifier.bias"):
            rows = np.array(fresh[name])
            if name not in self.weights or len(self.weights[name]) != len(known.tags):
                raise ArtifactBroken(f"found no {name} of {len(known.tags)} rows, expected one, in {self.folder}")
            for tag in set(known.tags) & set(wanted.tags):
                rows[wanted.id_of[tag]] = self.weights[name][known.id_of[tag]]
            head[name] = rows
        return head


def save_tokenizer(encoder: Path, path: Path) -> None:
    """Write a checkpoint's tokenizer as one `tokenizer.json`, whatever form it has there.

    Raises:
        ArtifactBroken: there is none that transformers can read.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(encoder), local_files_only=True)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ArtifactBroken(f"found {reason}, expected a tokenizer, in {encoder}") from None
    # its own `save` raises an error without a type if the disk is full
    atomic.write_text(path, tokenizer.backend_tokenizer.to_str(pretty=True))
