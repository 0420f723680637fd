"""Contents of a parsed RTF file: blocks of text, bytes of pictures and objects."""

import re
from dataclasses import dataclass, field

from ner_tasks.documents.encodings import plausible_words
from ner_tasks.surrogates import find_surrogate, join_surrogates


@dataclass
class RtfBlock:
    """Contiguous text: the body, or a header, note, text box and so on."""

    kind: str
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        joined = "".join(self.pieces)
        return joined if find_surrogate(joined) is None else join_surrogates(joined)


@dataclass
class Blob:
    """Content of a picture or object."""

    kind: str
    suffix: str = ""
    hexadecimal: list[bytes] = field(default_factory=list)
    binary: list[bytes] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        digits = re.sub(rb"[^0-9a-fA-F]", b"", b"".join(self.hexadecimal))
        return b"".join(self.binary) or bytes.fromhex(digits[: len(digits) // 2 * 2].decode())


def is_western(text: str) -> bool:
    """Whether text decoded as windows-1252 is plausible; fonts declare it wrongly for other code pages."""
    foreign = [word for word in text.split() if not word.isascii()]
    letters = [character for word in foreign for character in word if character.isalpha()]
    n_beyond = sum(not letter.isascii() for letter in letters)
    return plausible_words.bad_share(foreign) == 0 and 2 * n_beyond <= len(letters)
