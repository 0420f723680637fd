"""Files that a checkpoint's tokenizer may consist of."""

from pathlib import Path

from ner_tasks.errors import InputMissing

TOKENIZER = "tokenizer.json"
# Each of these sets of files is a whole tokenizer.
_WHOLE = ((TOKENIZER,), ("vocab.txt",), ("vocab.json", "merges.txt"))


def check_tokenizer_files(encoder: Path) -> None:
    """Check that a checkpoint has the files of a tokenizer.

    Raises:
        InputMissing: it has none, or only a SentencePiece model.
    """
    if any(all((encoder / name).is_file() for name in names) for names in _WHOLE):
        return
    expected = f"expected {' or '.join(' with '.join(names) for names in _WHOLE)}"
    if slow := sorted(encoder.glob("*.model")):
        raise InputMissing(
            f"found only {slow[0].name}, {expected}, in {encoder}; convert it with transformers and sentencepiece: "
            "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)"
        )
    raise InputMissing(f"found no tokenizer, {expected}, in {encoder}")
