"""Convert the tokenizer of a Hugging Face checkpoint to one `tokenizer.json`."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer

from ner_tasks.errors import ArtifactBroken
from ner_tasks.files import atomic
from ner_tasks.model.tokenizer_files import TOKENIZER, check_tokenizer_files


def save_tokenizer(encoder: Path, path: Path) -> None:
    """Write the tokenizer of a checkpoint as one `tokenizer.json`.

    BERT's kind, word pieces, is read by transformers, which also considers `tokenizer_config.json`. A `tokenizer.json` of
    another kind is taken as it is: transformers 5 would build it anew and drop its normalization.

    Args:
        encoder: Hugging Face checkpoint.
        path: file to write.

    Raises:
        InputMissing: the checkpoint has no tokenizer, or only one that needs SentencePiece.
        ArtifactBroken: its files are no tokenizer.
    """
    check_tokenizer_files(encoder)
    file = encoder / TOKENIZER
    if file.is_file() and _model_type(file) not in (None, "WordPiece"):
        try:
            text = Tokenizer.from_file(str(file)).to_str(pretty=True)
        except Exception as error:  # noqa: BLE001  tokenizers raises bare exceptions
            raise ArtifactBroken(f"found {_first_line(error)}, expected a tokenizer, in {file}") from None
    else:
        try:
            text = AutoTokenizer.from_pretrained(str(encoder), local_files_only=True).backend_tokenizer.to_str(
                pretty=True
            )
        except Exception as error:  # noqa: BLE001  whatever transformers stumbles over in files of any content
            raise ArtifactBroken(f"found {_first_line(error)}, expected a tokenizer, in {encoder}") from None
    # `Tokenizer.save` raises a bare Exception if the disk is full
    atomic.write_text(path, text)


def _model_type(file: Path) -> Any:
    """Return the kind of a tokenizer, None for older files, which do not tell."""
    values = atomic.read_json(file)
    model = values.get("model") if isinstance(values, dict) else None
    if not isinstance(model, dict) or "vocab" not in model:
        raise ArtifactBroken(f"found JSON without a vocabulary, expected a tokenizer, in {file}")
    return model.get("type")


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
