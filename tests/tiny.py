"""Tiny real things: a two-layer BERT with random weights, and sentences that it can learn."""

import json
import random
from pathlib import Path

import numpy as np

from ner_tasks.data.corpus import LabelledSentence

CONFIG = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "vocab_size": 0,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
}
_PLACES = ["Boston", "Ohio", "Chicago", "Denver", "Texas", "Austin"]
_PEOPLE = ["Maria", "John", "Ruth", "Ahmed", "Chen", "Olga"]
_VERBS = ["visited", "left", "called", "wrote"]
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789.,-'#:/()$%"


def make_tiny_encoder(folder: Path, *, seed: int = 0, n_layers: int = 2) -> Path:
    """A Hugging Face BERT checkpoint of a few kilobytes; every word can be written in its pieces."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    words = [word.lower() for word in (*_PLACES, *_PEOPLE, *_VERBS)]
    letters = [*ALPHABET, *(f"##{letter}" for letter in ALPHABET)]
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *words]
    tokenizer = Tokenizer(WordPiece({name: index for index, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = BertNormalizer(lowercase=True), BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    config = {**CONFIG, "vocab_size": len(names), "num_hidden_layers": n_layers}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizerFast", "do_lower_case": true}')
    save_file(_random_weights(config, np.random.default_rng(seed)), folder / "model.safetensors")
    return folder


def _random_weights(config: dict, random_: np.random.Generator) -> dict:
    hidden, wide = config["hidden_size"], config["intermediate_size"]

    def dense(name: str, n_in: int, n_out: int) -> dict:
        return {f"{name}.weight": normal(n_out, n_in), f"{name}.bias": normal(n_out)}

    def norm(name: str) -> dict:
        return {f"{name}.weight": 1 + normal(hidden), f"{name}.bias": normal(hidden)}

    def normal(*shape: int) -> np.ndarray:
        return (0.1 * random_.standard_normal(shape)).astype(np.float32)

    weights = norm("embeddings.LayerNorm")
    for name, n_rows in (
        ("word", "vocab_size"),
        ("position", "max_position_embeddings"),
        ("token_type", "type_vocab_size"),
    ):
        weights[f"embeddings.{name}_embeddings.weight"] = normal(config[n_rows], hidden)
    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}"
        for part in ("query", "key", "value"):
            weights |= dense(f"{layer}.attention.self.{part}", hidden, hidden)
        weights |= dense(f"{layer}.attention.output.dense", hidden, hidden)
        weights |= norm(f"{layer}.attention.output.LayerNorm")
        weights |= dense(f"{layer}.intermediate.dense", hidden, wide)
        weights |= dense(f"{layer}.output.dense", wide, hidden)
        weights |= norm(f"{layer}.output.LayerNorm")
    return weights


def sentences(n: int, *, seed: int = 0) -> list[LabelledSentence]:
    """Sentences such as `Maria Chen visited Boston .`, numbered so that no two are the same."""
    chance = random.Random(seed)
    made = []
    for index in range(n):
        first, last, verb, place = (chance.choice(names) for names in (_PEOPLE, _PEOPLE, _VERBS, _PLACES))
        words = (first, last, verb, place, str(index), ".")
        made.append(LabelledSentence(words, ("B-per", "I-per", "O", "B-geo", "O", "O"), f"tiny:{index + 1}"))
    return made
