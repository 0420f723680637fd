"""Special pieces of a tokenizer, such as the one for padding.

Their names differ between tokenizers, and a vocabulary may hold names that its tokenizer does not use: MPNet's has both
`<pad>` and `[PAD]`. So they are read from the parts of the tokenizer that use them, where there are any.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from ner_tasks.errors import ArtifactBroken

_NAMES = {
    "cls": ("[CLS]", "<s>"),
    "sep": ("[SEP]", "</s>"),
    "unk": ("[UNK]", "<unk>"),
    "pad": ("[PAD]", "<pad>"),
    "mask": ("[MASK]", "<mask>"),
}


@dataclass(frozen=True)
class SpecialPieces:
    """Ids of the pieces around a window, of an unknown word, of padding, and of a masked word, if there is one."""

    cls_id: int
    sep_id: int
    unk_id: int
    pad_id: int
    mask_id: int | None

    @classmethod
    def find(cls, tokenizer: Tokenizer, where: Path) -> "SpecialPieces":
        """Find the special pieces of a tokenizer, which then neither pads nor truncates.

        Args:
            tokenizer: changed as described.
            where: its file, for error messages.

        Raises:
            ArtifactBroken: one is missing; only that of a masked word may be.
        """
        padding = tokenizer.padding
        tokenizer.no_padding()
        tokenizer.no_truncation()
        around = tokenizer.encode("").ids  # of an empty text only the pieces around it are left
        cls_id, sep_id = around if len(around) == 2 else (None, None)
        unknown = getattr(tokenizer.model, "unk_token", None)
        own = {
            "cls": cls_id,
            "sep": sep_id,
            "unk": tokenizer.token_to_id(unknown) if unknown else None,
            "pad": padding["pad_id"] if padding else None,
        }
        found: dict[str, int] = {}
        for role, names in _NAMES.items():
            for piece_id in (own.get(role), *_by_name(tokenizer, role)):
                if piece_id is not None:
                    found.setdefault(role, piece_id)
            if role not in found and role != "mask":
                raise ArtifactBroken(f"found no {' or '.join(names)}, expected a tokenizer with it, in {where}")
        return cls(found["cls"], found["sep"], found["unk"], found["pad"], found.get("mask"))


def _by_name(tokenizer: Tokenizer, role: str) -> Iterator[int]:
    """Yield candidates: pieces that the tokenizer marks as special, then those of the vocabulary."""
    for piece_id, token in sorted(tokenizer.get_added_tokens_decoder().items()):
        if token.special and (token.content in _NAMES[role] or token.content.strip("[]<>|").lower() == role):
            yield piece_id
    for name in _NAMES[role]:
        if (own_id := tokenizer.token_to_id(name)) is not None:
            yield own_id
