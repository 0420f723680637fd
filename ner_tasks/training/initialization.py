"""Initial weights of a training run: a Hugging Face encoder or a trained model folder."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ner_tasks.errors import ArtifactBroken, ConfigInvalid, EncoderUnsupported
from ner_tasks.files import atomic
from ner_tasks.labels import LabelSet
from ner_tasks.model import encoders, model_folder
from ner_tasks.model.encoders.base import EncoderConfig
from ner_tasks.model.token_classifier import TokenClassifier
from ner_tasks.model.tokenization import WordTokenizer
from ner_tasks.model.weights import Weights, read_config, read_weights
from ner_tasks.training.encoder_tokenizer import save_tokenizer
from ner_tasks.training.layers import choose_layers, keep_weights

ENCODER = "model.safetensors"
MAX_WEIGHTS = 530_000_000  # a graph is a message of at most 2 GiB, and a weight takes 4 bytes


@dataclass(frozen=True)
class Initialization:
    """Initial weights.

    Attributes:
        folder: Hugging Face checkpoint or trained model folder.
        config: configuration of the encoder, as in the Hugging Face `config.json`.
        weights: weights by Hugging Face name.
        label_set: labels of the trained model; None for an encoder, which has none.
        layers: which layers of the pretrained encoder these are: `{"kept": [0, 2, 5], "of": 6}`; empty for all.
    """

    folder: Path
    config: dict[str, Any]
    weights: Weights
    label_set: LabelSet | None
    layers: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, layers: str = "") -> "Initialization":
        """Load initial weights from a checkpoint or a trained model folder.

        Args:
            folder: Hugging Face checkpoint or trained model folder.
            layers: layers to keep, as in `TrainConfig`; empty for all.

        Raises:
            InputMissing: neither a checkpoint nor a model folder.
            EncoderUnsupported: of a family that is not supported.
            ArtifactBroken: damaged, or a model folder of another kind.
            ConfigInvalid: there are no such layers.
        """
        if not (folder / model_folder.MANIFEST).is_file():
            config = read_config(folder)
            encoders.parse_config(config, folder)  # before half a gigabyte is read
            source = cls(folder, config, read_weights(folder / ENCODER), None)
        else:
            manifest = model_folder.read_manifest(folder)
            if manifest.kind != "trained":
                raise ArtifactBroken(f"found a {manifest.kind} model, expected a trained one, at {folder}")
            weights, known = read_weights(folder / model_folder.WEIGHTS), manifest.lineage.get("layers", {})
            source = cls(folder, manifest.encoder, weights, manifest.label_set, known)
        return source.keep_layers(layers) if layers else source

    def keep_layers(self, layers: str) -> "Initialization":
        """Return the initial weights with some of the layers, see `layers.choose_layers`."""
        sizes = encoders.parse_config(self.config, self.folder)
        n_layers, family = sizes.num_hidden_layers, sizes.family
        kept = choose_layers(layers, n_layers, self.folder)
        original = self.layers or {"kept": list(range(n_layers)), "of": n_layers}
        return replace(
            self,
            config={**self.config, family.settings["num_hidden_layers"]: len(kept)},
            weights=keep_weights(self.weights, kept, family.layers),
            layers={**original, "kept": [original["kept"][index] for index in kept]},
        )

    @staticmethod
    def find_weights(folder: Path) -> Path:
        """Return the path of the weights of a checkpoint or a trained model folder."""
        is_model = (folder / model_folder.MANIFEST).is_file()
        return folder / (model_folder.WEIGHTS if is_model else ENCODER)

    @staticmethod
    def read_encoder_config(folder: Path) -> dict[str, Any]:
        """Read the configuration of the encoder of a checkpoint or a model folder, without its weights.

        Raises:
            InputMissing: neither a checkpoint nor a model folder.
            ArtifactBroken: damaged.
        """
        is_model = (folder / model_folder.MANIFEST).is_file()
        return model_folder.read_manifest(folder).encoder if is_model else read_config(folder)

    @property
    def weights_file(self) -> Path:
        return self.find_weights(self.folder)

    def save_tokenizer(self, path: Path) -> None:
        """Write the tokenizer to `path` as one `tokenizer.json`.

        Raises:
            InputMissing, ArtifactBroken: there is none that can be read.
        """
        if self.label_set is None:
            save_tokenizer(self.folder, path)
        else:
            with atomic.space_for(path):
                path.write_bytes((self.folder / model_folder.TOKENIZER).read_bytes())

    def check_window(self, max_pieces: int) -> None:
        """Check that the position table of the encoder is as long as a window.

        Raises:
            ConfigInvalid: it is shorter.
        """
        if max_pieces > (longest := encoders.parse_config(self.config, self.folder).max_pieces):
            raise ConfigInvalid(
                f"found max_pieces {max_pieces}, expected at most {longest}, the positions of the encoder, in {self.folder}"
            )

    def _check_tokenizer(self, pieces: WordTokenizer, sizes: EncoderConfig) -> None:
        n_pieces, pad_id = pieces.vocabulary_size(), self.config.get("pad_token_id")
        if n_pieces > sizes.vocab_size:
            raise ArtifactBroken(
                f"found {n_pieces} pieces in the tokenizer, expected at most {sizes.vocab_size}, in {self.folder}"
            )
        if isinstance(pad_id, int) and pad_id != pieces.pad_id:
            raise ArtifactBroken(
                f"found padding at piece {pieces.pad_id} of the tokenizer, expected it at {pad_id}, the pad_token_id of "
                f"config.json, in {self.folder}"
            )

    def build_model(
        self, pieces: WordTokenizer, label_set: LabelSet, *, dropout: float, attention_dropout: float = 0.0
    ) -> TokenClassifier:
        """Build a model with these weights; the rows of the head for new labels are initialized at random.

        Args:
            pieces: tokenizer of the model.
            label_set: labels of the new model.
            dropout: dropout rate of the hidden layers, 0 to 1.
            attention_dropout: dropout rate of the attention probabilities, 0 to 1.

        Raises:
            EncoderUnsupported: of a family that is not supported, or too large.
            ArtifactBroken: weights and tokenizer do not match.
        """
        sizes = encoders.parse_config(self.config, self.folder)
        self._check_tokenizer(pieces, sizes)
        if sizes.n_weights > MAX_WEIGHTS:
            raise EncoderUnsupported(
                f"found an encoder of {sizes.n_weights / 1e6:.0f} million weights, expected at most "
                f"{MAX_WEIGHTS / 1e6:.0f} million, what a TensorFlow graph can hold, in {self.folder}"
            )
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
            model.import_all({**body, **self._merge_head(model.export(), self.label_set, label_set)}, self.folder)
        return model

    def _merge_head(self, fresh: Weights, known: LabelSet, wanted: LabelSet) -> Weights:
        """Return the weights of the head for `wanted`: trained rows for known tags, rows of `fresh` for the others."""
        head: Weights = {}
        for name in ("classifier.weight", "classifier.bias"):
            rows = np.array(fresh[name])
            if name not in self.weights or len(self.weights[name]) != len(known.tags):
                raise ArtifactBroken(f"found no {name} of {len(known.tags)} rows, expected one, in {self.folder}")
            for tag in set(known.tags) & set(wanted.tags):
                rows[wanted.id_of[tag]] = self.weights[name][known.id_of[tag]]
            head[name] = rows
        return head
