"""Words become the pieces that transformers makes of them, whatever the tokenizer's kind, names and files."""

import json
import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer, pre_tokenizers

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.model.tokenization import WordTokenizer, make_windows
from ner_tasks.training.encoder_tokenizer import save_tokenizer
from tests.tiny_families import NAMES, make_family_encoder, make_tokenizer

WORDS = ("Maria", "visited", "U.S.", "Ahmed-Chen", "3,5", "Zürich", "ﬁne", "O'Hara", "東京")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: make_family_encoder(tmp_path_factory.mktemp("encoders") / name, name) for name in NAMES}


@pytest.fixture(scope="module")
def saved(checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The `tokenizer.json` of each trained model."""
    folder = tmp_path_factory.mktemp("saved")
    for name, encoder in checkpoints.items():
        save_tokenizer(encoder, folder / f"{name}.json")
    return {name: folder / f"{name}.json" for name in checkpoints}


@pytest.mark.parametrize("name", NAMES)
def test_the_pieces_of_a_window_are_those_of_the_whole_sentence(
    name: str, checkpoints: dict[str, Path], saved: dict[str, Path]
) -> None:
    """The checkpoint's own tokenizer on a whole sentence of words, each preceded by a space, is the reference."""
    reference = Tokenizer.from_file(str(checkpoints[name] / "tokenizer.json"))
    if name == "roberta":
        reference.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    expected = reference.encode(WORDS, is_pretokenized=True)
    (window,) = make_windows([WORDS], WordTokenizer(saved[name]), max_pieces=128)
    assert list(window.piece_ids) == expected.ids
    firsts = [expected.word_ids.index(word) for word in range(len(WORDS))]
    assert list(window.first_pieces) == firsts


@pytest.mark.parametrize(
    ("name", "special"),
    [
        ("bert", ("[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]")),
        ("distilbert", ("[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]")),
        ("electra", ("[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]")),
        ("mpnet", ("<s>", "</s>", "[UNK]", "<pad>", "<mask>")),
        ("roberta", ("<s>", "</s>", "<unk>", "<pad>", "<mask>")),
        ("xlm-roberta", ("<s>", "</s>", "<unk>", "<pad>", "<mask>")),
        ("camembert", ("<s>", "</s>", "<unk>", "<pad>", "<mask>")),
    ],
)
def test_special_pieces_are_those_that_the_tokenizer_uses(
    name: str, special: tuple[str, ...], saved: dict[str, Path]
) -> None:
    """MPNet's vocabulary has `[CLS]`, `[SEP]` and `[PAD]` as well."""
    pieces, names = WordTokenizer(saved[name]), Tokenizer.from_file(str(saved[name]))
    ids = (pieces.cls_id, pieces.sep_id, pieces.unk_id, pieces.pad_id, pieces.mask_id)
    assert tuple(map(names.id_to_token, ids)) == special


def test_padding_of_another_name_is_read_from_the_tokenizer(tmp_path: Path) -> None:
    values = json.loads(make_tokenizer("roberta").to_str().replace("<pad>", "<fill>"))
    (tmp_path / "without.json").write_text(json.dumps(values))
    with pytest.raises(ArtifactBroken, match=r"found no \[PAD\] or <pad>, expected a tokenizer with it"):
        WordTokenizer(tmp_path / "without.json")
    tokenizer = Tokenizer.from_str(json.dumps(values))
    tokenizer.enable_padding(pad_id=1, pad_token="<fill>")
    tokenizer.save(str(tmp_path / "with.json"))
    assert WordTokenizer(tmp_path / "with.json").pad_id == 1


def test_a_normalization_that_transformers_would_drop_is_kept(saved: dict[str, Path]) -> None:
    assert json.loads(saved["xlm-roberta"].read_text())["normalizer"] == {"type": "NFKC"}
    assert WordTokenizer(saved["xlm-roberta"]).tokenize_word("ﬁ") == WordTokenizer(saved["xlm-roberta"]).tokenize_word(
        "fi"
    )


def test_byte_level_pieces_are_read_from_vocabulary_and_merges(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(checkpoints["roberta"], tmp_path / "older")
    make_tokenizer("roberta").model.save(str(tmp_path / "older"))
    (tmp_path / "older" / "tokenizer.json").unlink()
    save_tokenizer(tmp_path / "older", tmp_path / "older.json")
    save_tokenizer(checkpoints["roberta"], tmp_path / "newer.json")
    older, newer = (WordTokenizer(tmp_path / f"{age}.json") for age in ("older", "newer"))
    assert [older.tokenize_word(word) for word in WORDS] == [newer.tokenize_word(word) for word in WORDS]
    assert (older.cls_id, older.pad_id, older.unk_id) == (newer.cls_id, newer.pad_id, newer.unk_id)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"added_tokens": []}', r"found JSON without a vocabulary, expected a tokenizer, in \S+tokenizer\.json"),
        ('{"model": {"type": "BPE", "vocab": 7}}', r"found Exception: .*, expected a tokenizer, in \S+tokenizer\.json"),
        ('{"model": {"type": "WordPiece", "vocab": 7}}', r"found \w+: .*, expected a tokenizer, in \S+$"),
        ("[1, 2]", "found JSON without a vocabulary, expected a tokenizer"),
        ('{"model": {', "expected JSON"),
    ],
)
def test_a_file_that_is_no_tokenizer_is_told_in_one_line(
    content: str, complaint: str, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(checkpoints["bert"], tmp_path / "bert")
    (tmp_path / "bert" / "tokenizer.json").write_text(content)
    with pytest.raises(ArtifactBroken, match=complaint) as told:
        save_tokenizer(tmp_path / "bert", tmp_path / "tokenizer.json")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "tokenizer.json").exists()


def test_a_tokenizer_that_only_sentencepiece_reads_is_told_with_what_to_do(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(checkpoints["xlm-roberta"], tmp_path / "slow")
    (tmp_path / "slow" / "tokenizer.json").rename(tmp_path / "slow" / "sentencepiece.bpe.model")
    with pytest.raises(InputMissing, match=r"found only sentencepiece\.bpe\.model, expected tokenizer\.json or vocab"):
        save_tokenizer(tmp_path / "slow", tmp_path / "tokenizer.json")
    (tmp_path / "slow" / "sentencepiece.bpe.model").unlink()
    with pytest.raises(
        InputMissing, match=r"found no tokenizer, expected tokenizer\.json or vocab\.txt or vocab\.json"
    ):
        save_tokenizer(tmp_path / "slow", tmp_path / "tokenizer.json")
