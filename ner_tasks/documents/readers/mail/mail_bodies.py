"""Choose which form of a mail's body to read, and keep the text that only the other forms have."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_BLANK = re.compile("[\\s\u00a0\u00ad\u034f\u180e\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff\u3164\uffa0]+")
_URL = re.compile(r"(?:https?|ftp|file|cid|mailto):[^\s<>\"\])]+|\bwww\.[^\s<>\"\])]+", re.IGNORECASE)
_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_BETWEEN = re.compile(f"(?<=[{_NO_SPACES}])\\s+(?=[{_NO_SPACES}])")
_TOKEN = re.compile(f"[{_NO_SPACES}]+|[^\\W_{_NO_SPACES}]+")
_IS_UNSPACED = re.compile(f"[{_NO_SPACES}]")
_PARAGRAPHS = re.compile(r"\n[^\S\n]*\n\s*")
# Stub in the plain form for programs that do not show HTML; it is not part of the message.
_STUB = re.compile(
    r"(?:html|mime|rich text)\b.{0,200}\b(?:not|n't|unable|cannot|kein|nicht|pas|no|non|niet|view|display|support|see|read|show|use|using|format)"
    r"|(?:not|n't|unable|cannot|kein|nicht|ne|no|non|niet|view|display|support|see|read|show|use|using|format)\b.{0,200}\b(?:html|mime|rich text)"
    r"|view (?:this|the) (?:e-?mail|message|newsletter) (?:in|online|with)",
    re.IGNORECASE | re.DOTALL,
)
_MAX_STUB = 250
_STUB_ABOUT = re.compile(
    r"\b(?:e-?mails?|messages?|clients?|programs?|readers?|viewers?|browsers?|nachrichten?|programme?|newsletters?|"
    r"courriels?|messagerie|correo|mensajes?)\b",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=\S)")


@dataclass
class MailBlock:
    """A block of text from one part of a mail.

    Attributes:
        text: its text.
        place: source of the text, for the source map.
        form: `plain`, `html`, `rtf` ...; "" if it is not a form of a body.
        encoding: encoding in which it was stored.
    """

    text: str
    place: str
    form: str = ""
    encoding: str = ""
    kind: str = "body"
    is_guessed: bool = False
    _tokens: set[str] | None = field(default=None, repr=False)

    @property
    def tokens(self) -> set[str]:
        """The distinct words of the block."""
        if self._tokens is None:
            self._tokens = split_words(self.text)
        return self._tokens


def is_blank(text: str) -> bool:
    """Whether a text consists of whitespace and invisible characters."""
    return not _BLANK.sub("", text)


def is_stub(text: str) -> bool:
    """Whether a text only states that the mail program cannot show the other form."""
    compact = " ".join(text.split())
    if len(compact) > _MAX_STUB or not _STUB.search(compact):
        return False
    return all(_STUB_ABOUT.search(sentence) or _STUB.search(sentence) for sentence in _SENTENCES.split(compact))


def split_words(text: str) -> set[str]:
    """Return the distinct words of a text without web addresses; character pairs for scripts without spaces."""
    words: set[str] = set()
    for token in _TOKEN.findall(_BETWEEN.sub("", _URL.sub(" ", text)).replace("\u00ad", "").casefold()):
        if _IS_UNSPACED.match(token) and len(token) > 1:
            words.update(token[at : at + 2] for at in range(len(token) - 1))
        elif len(token) > 1:
            words.add(token)
    return words


def choose(forms: Sequence[list[MailBlock]]) -> tuple[list[MailBlock], list[MailBlock], int]:
    """Choose among the forms of one body.

    Takes the simplest form that has every word of the others, else the form with the most words. Paragraphs with words
    that only another form has follow.

    Args:
        forms: blocks of each form, in the order of the mail: the simplest first.

    Returns:
        Blocks of the chosen form; blocks that only other forms have; number of blocks without new words.
    """
    worded = [form for form in forms if form]
    is_full = [not all(is_stub(block.text) for block in form) for form in worded]
    full = [form for form, is_one in zip(worded, is_full, strict=True) if is_one] or worded
    n_same = sum(len(form) for form, is_one in zip(worded, is_full, strict=True) if not is_one) if any(is_full) else 0
    if len(full) < 2:
        return (full[0] if full else []), [], n_same
    sets = [set[str]().union(*(block.tokens for block in form)) for form in full]
    everything = set[str]().union(*sets)
    complete = next((index for index, words in enumerate(sets) if words == everything), None)
    sizes = [sum(len(block.text) - len(_URL.findall(block.text)) for block in form) for form in full]
    chosen = (
        complete if complete is not None else max(range(len(full)), key=lambda index: (len(sets[index]), sizes[index]))
    )
    known, own = set(sets[chosen]), []
    for index, form in enumerate(full):
        if index == chosen:
            continue
        for block in form:
            if extra := keep_new_paragraphs(block, known):
                own.append(extra)
                known |= extra.tokens
            else:
                n_same += 1
    return full[chosen], own, n_same


def keep_new_paragraphs(block: MailBlock, known: set[str]) -> MailBlock | None:
    """Return a block of the paragraphs that have unknown words, None if there are none."""
    if block.tokens <= known:
        return None
    paragraphs = [
        text for text in _PARAGRAPHS.split(block.text) if not split_words(text) <= known and not is_stub(text)
    ]
    return (
        MailBlock("\n\n".join(paragraphs), block.place, block.form, block.encoding, block.kind) if paragraphs else None
    )
