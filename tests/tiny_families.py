"""Tiny checkpoints of every encoder family with a tokenizer of its kind, which can write every word of `tiny`."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from benchmarks.encoders.checkpoints import CONFIGS, draw_weights
from ner_tasks.files import atomic
from ner_tasks.model.weights import write_weights
from tests import tiny

FIXTURES = Path(__file__).parent / "core" / "model" / "encoders"
# one checkpoint of each model_type
NAMES = ("bert", "distilbert", "roberta", "xlm-roberta", "camembert", "mpnet", "electra")
_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
_CLASSES = {
    "bert": "BertTokenizer",
    "distilbert": "DistilBertTokenizer",
    "roberta": "RobertaTokenizer",
    "xlm-roberta": "XLMRobertaTokenizer",
    "camembert": "CamembertTokenizer",
    "mpnet": "MPNetTokenizer",
    "electra": "ElectraTokenizer",
}


def make_tokenizer(name: str) -> Tokenizer:
    """Train a tokenizer of the family's kind on the sentences of `tiny`."""
    texts = [" ".join(sentence.words) for sentence in tiny.sentences(200)]
    if name == "roberta":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer: Any = trainers.BpeTrainer(vocab_size=300, special_tokens=_SPECIAL, initial_alphabet=alphabet)
        tokenizer.train_from_iterator(texts, trainer)
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    elif name in ("xlm-roberta", "camembert"):
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
        )
        trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=_SPECIAL, unk_token="<unk>")
        tokenizer.train_from_iterator(texts, trainer)
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
    else:
        tokenizer = _word_pieces(name == "mpnet", texts)
    return tokenizer


def _word_pieces(is_mpnet: bool, texts: list[str]) -> Tokenizer:
    first = [*_SPECIAL[:4], "[PAD]", "[UNK]", "[CLS]", "[SEP]"] if is_mpnet else ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    last = "<mask>" if is_mpnet else "[MASK]"
    words = sorted({word.lower() for text in texts for word in text.split() if word.isalpha()})
    letters = [*tiny.ALPHABET, *(f"##{letter}" for letter in tiny.ALPHABET)]
    vocabulary = {piece: index for index, piece in enumerate([*first, *letters, *words, last])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # MPNet's vocabulary has BERT's names too, which it does not use
    used = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>"] if is_mpnet else [*first, last]
    tokenizer.add_special_tokens(used)
    start, end = ("<s>", "</s>") if is_mpnet else ("[CLS]", "[SEP]")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(piece, vocabulary[piece]) for piece in (start, end)]
    )
    return tokenizer


def make_family_encoder(folder: Path, name: str, **changed: Any) -> Path:
    """Write a checkpoint of a family with random weights, and its tokenizer.

    Args:
        folder: folder to create.
        name: one of `NAMES`.
        changed: settings that differ in `config.json`, not in the weights.
    """
    folder.mkdir(parents=True)
    tokenizer = make_tokenizer(name)
    tokenizer.save(str(folder / "tokenizer.json"))
    atomic.write_json(folder / "tokenizer_config.json", {"tokenizer_class": _CLASSES[name], "do_lower_case": True})
    n_pieces = tokenizer.get_vocab_size()
    shapes = {key: list(shape) for key, shape in atomic.read_json(FIXTURES / f"{name}.json")["weights"].items()}
    for key, shape in shapes.items():
        if key.endswith("word_embeddings.weight"):
            shape[0] = n_pieces
    weights = draw_weights({key: shape for key, shape in shapes.items() if not key.startswith("classifier.")})
    write_weights(folder / "model.safetensors", weights)
    (folder / "config.json").write_text(json.dumps({**CONFIGS[name], "vocab_size": n_pieces, **changed}))
    return folder
