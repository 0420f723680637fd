"""Split text into sentences and words, with the characters `[start, end)` of each.

Words are tokenized as in the labelled data (Penn Treebank style, as in the Groningen Meaning Bank): punctuation, currency
signs, `'s` and `n't` are separate; `U.S.`, `Mr.`, hyphenated words, numbers, dates, mail addresses and URLs are single
words. Each character other than white space belongs to exactly one word.

Sentence boundaries come from `sentencex`, applied to blocks that no sentence crosses: a blank line ends a block, and so
does the end of a list item, a `Field: value` line, a table cell or a short line; the line end of wrapped prose does not.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from ner_tasks.surrogates import replace_surrogates

# Bounds on memory for text that is not natural language: longer sentences, words and paragraphs are cut.
MAX_SENTENCE_WORDS = 1_000
_MAX_JOINTS = 500  # parts of a word, such as those of a-b-c or a.b.c
_MAX_PARAGRAPH_LINES = 10_000
_PIECE = 65_536  # approximate number of characters that are split into lines at once

# Maximum number of characters passed to sentencex, which takes quadratic time for hostile punctuation.
_CHUNK = 4_000
# A line counts as wrapped if it fills at least this share of its paragraph's width, which is at least _MIN_WIDTH
# characters; text in proportional fonts has ragged line ends.
_FULL_SHARE, _MIN_WIDTH = 0.75, 40

_ITEM = re.compile(r"(?:[-*+•‣◦▪·–—]|\(?\d{1,3}[.)]|\(?[a-z]\))\s")
_FIELD = re.compile(r"[A-Z][\w.#/&'()-]*(?: [\w.#/&'()-]+){0,3} ?:(?:\s|$)")
_GAP = re.compile(r"\t+| {4,}|\u3000{2,}")
# A sentence never ends after these, even if sentencex ends it there.
_OPEN = re.compile(
    r"(?:\b(?:M[rsx]|Mrs|Dr|Prof|Rev|Hon|Gov|Sen|Rep|Gen|Lt|Col|Maj|Capt|Sgt|St|Mt|Ft|[Vv]ol|vs)\.|^\(?\d{1,3}[.)])\s+$"
)
_LINE_END = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")  # as `str.splitlines` has them

# Characters within a word: letters and digits with combining marks, joiners, soft hyphens.
_W = r"[\w\u0300-\u036f\u1ab0-\u1aff\u200c\u200d\u20d0-\u20ff\ufe00-\ufe0f\u00ad]"
_LETTER = r"[^\W\d_]"
_TITLES = (
    "Mr Mrs Ms Mx Dr Prof Rev Fr Hon Pres Gov Sen Rep Gen Lt Col Maj Capt Cmdr Adm Brig Sgt Cpl Pvt Jr Sr Esq Messrs Mme "
    "St Ste Mt Ft Ave Blvd Rd Hwy Inc Corp Co Ltd Cos Bros Dept Univ Assn Govt vs etc ca cf al approx est "
    "Ala Ariz Ark Calif Colo Conn Del Fla Ga Ill Ind Kan Ky La Md Mass Mich Minn Mo Mont Neb Nev Okla Ore Pa Penn Tenn Tex "
    "Va Vt Wash Wis Wyo Ph"
).replace(" ", "|")
_ABBREVIATION = "|".join(
    (
        rf"(?:{_LETTER}\.){{2,{_MAX_JOINTS}}}(?:{_LETTER}(?!{_W}))?",  # U.S., p.m., U.S
        rf"{_LETTER}\.{_LETTER}(?!{_W})",
        rf"(?:{_TITLES})\.(?!{_W})",
        r"(?:[Nn]os?|pp?|[Ff]igs?|[Aa]rt|[Ss]ec|[Cc]h|[Vv]ol|[Tt]el|[Ee]xt)\.(?=\s*[\d:#])",  # without a number it is a word
        rf"(?:{_LETTER}|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.(?=\s+\S)",  # at a sentence's end the period is its own
        r"Ph\.D\.|e\.g\.|i\.e\.",
    )
)
_JOINT = "|".join(
    (
        r"(?<=\d)[.,:/](?=\d)",  # 6.5  1,200  10:30  03/12/2026
        rf"['’](?={_LETTER})",  # O'Connor; clitics are cut off afterwards
        r"\.(?=[a-z0-9])",  # example.com
        r"(?<=[A-Z])&(?=[A-Z])",  # AT&T
    )
)
_PART = rf"(?:{_ABBREVIATION}|{_W}+(?:(?:{_JOINT}){_W}+){{0,{_MAX_JOINTS}}})"
_WORD = re.compile(
    "|".join(
        (
            r"(?:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]}'’]",
            r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,126}\.[^\W\d_]{2,}",
            "|".join(rf"{re.escape(sign)}{{2,}}" for sign in "-=_*~#.·•"),  # -- ... ====
            r"['’]\d0s\b",
            r"['’](?:s|m|d|ll|ve|re|S)\b",
            r"°[CFK]\b",
            rf"{_PART}(?:[-\u2010\u2011]{_PART}){{0,{_MAX_JOINTS}}}",
            r"\S",
        )
    )
)
_TAIL = re.compile(r"(?:n['’]t|['’](?:s|m|d|ll|ve|re)|(?<=^can)not)$", re.IGNORECASE)
_TAIL_LENGTH = 3


class Word(NamedTuple):
    """The characters `[start, end)` of one word."""

    start: int
    end: int


def split_sentences(text: str) -> list[list[Word]]:
    """Return all sentences of `text`, see `iter_sentences`."""
    return list(iter_sentences(text))


def iter_sentences(text: str) -> Iterator[list[Word]]:
    """Yield the sentences of `text` one by one, so that the words of a long document are never all in memory.

    Args:
        text: any string. Time is linear in its length; memory is bounded.

    Yields:
        The words of each sentence, 1 to `MAX_SENTENCE_WORDS`, in the order of the text. Together they cover every
        character other than white space exactly once.
    """
    for block in _iter_blocks(text):
        for start, end in _iter_sentence_spans(text, *block):
            words = _iter_words(text, start, end)
            while sentence := list(islice(words, MAX_SENTENCE_WORDS)):
                yield sentence


def _iter_words(text: str, start: int, end: int) -> Iterator[Word]:
    for match in _WORD.finditer(text, start, end):
        first, last = match.span()
        # A clitic is a separate word: do|n't, Mary|'s, can|not.
        tail = _TAIL.search(text[max(first, last - 16) : last]) if last - first > _TAIL_LENGTH - 1 else None
        cut = last - len(tail.group()) if tail else first
        if first < cut:
            yield Word(first, cut)
        yield Word(cut, last)


def _iter_sentence_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the sentences within the block `[start, end)`, contiguous and without gaps."""
    from sentencex import segment

    sentence, position = start, start
    while position < end:
        chunk_end = _find_chunk_end(text, position, end)
        # Half a surrogate pair is a character to Python and an error to sentencex.
        segments = segment("en", replace_surrogates(text[position:chunk_end]))
        if sum(map(len, segments)) != chunk_end - position:
            # Not observed so far. A lost boundary is harmless, a wrong offset is not.
            segments = [text[position:chunk_end]]
        for index, length in enumerate(map(len, segments)):
            is_last = index == len(segments) - 1
            if is_last and chunk_end < end:
                # Decide in the next chunk whether a sentence ends here, including its beginning if that is near.
                position = position if length <= _CHUNK // 2 and index else chunk_end
                break
            position += length
            if _may_end(text, sentence, position):
                yield sentence, position
                sentence = position
    if sentence < end:
        yield sentence, end


def _may_end(text: str, start: int, end: int) -> bool:
    """Whether `[start, end)` may be a sentence: not if it ends in `anti-U.` or `Ms. `; Chinese needs no space after it."""
    if _OPEN.search(text[max(start, end - 16) : end]):
        return False
    before, after = text[end - 1], text[end : end + 1]
    return before.isspace() or not after or after.isspace() or not before.isascii()


def _find_chunk_end(text: str, start: int, end: int) -> int:
    """Return the end of the next chunk for sentencex: after a space if possible, not to split a word."""
    limit = min(start + _CHUNK, end)
    space = text.rfind(" ", limit - _CHUNK // 4, limit) if limit < end else -1
    return space + 1 if space > start else limit


def _iter_blocks(text: str) -> Iterator[tuple[int, int]]:
    """Yield blocks that no sentence crosses: paragraphs, list items, fields, table cells."""
    paragraph: list[tuple[int, int]] = []
    for start, end in _iter_lines(text):
        if start < end:
            paragraph.append((start, end))
        if paragraph and (start == end or len(paragraph) == _MAX_PARAGRAPH_LINES):
            yield from _split_paragraph(text, paragraph)
            paragraph = []
    if paragraph:
        yield from _split_paragraph(text, paragraph)


def _iter_lines(text: str) -> Iterator[tuple[int, int]]:
    """Yield the range of each line without surrounding spaces; `(start, start)` for a blank line."""
    position = 0
    while position < len(text):
        match = _LINE_END.search(text, position + _PIECE)
        end = match.end() if match else len(text)
        for line in text[position:end].splitlines(keepends=True):
            stripped = line.strip()
            start = position + len(line) - len(line.lstrip()) if stripped else position
            yield start, start + len(stripped)
            position += len(line)


def _split_paragraph(text: str, lines: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the blocks of one paragraph, given its lines without surrounding spaces."""
    width = max(_MIN_WIDTH, *(end - start for start, end in lines))
    block = lines[0][0]
    for index, (start, end) in enumerate(lines):
        for gap in _GAP.finditer(text, start, end):
            yield block, gap.start()
            block = gap.end()
        if index == len(lines) - 1 or _ends_block(text, lines[index], lines[index + 1], width):
            yield block, end
            block = lines[index + 1][0] if index + 1 < len(lines) else end


def _ends_block(text: str, line: tuple[int, int], following: tuple[int, int], width: int) -> bool:
    """Whether the line break between two adjacent lines is intended rather than due to wrapping."""
    if _ITEM.match(text, *following) or _FIELD.match(text, *following):
        return True
    if _GAP.search(text, *line) or _GAP.search(text, *following):
        return True
    if text[following[0]].islower():
        return False
    next_word = re.compile(r"\S+").match(text, *following)
    return line[1] - line[0] + 1 + len(next_word.group() if next_word else "") < _FULL_SHARE * width
