"""Split text into sentences and words, with the characters `[start, end)` of each.

Each character other than white space belongs to exactly one word, see `ner_tasks.segmentation.words`.

Sentence boundaries come from `sentencex`, applied to blocks that no sentence crosses: a blank line ends a block, and so
does the end of a list item, a `Field: value` line, a table cell or a short line; the line end of wrapped prose does not.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice

from ner_tasks.segmentation.languages import DEFAULT_LANGUAGE, find_rules
from ner_tasks.segmentation.words import Word, word_splitter
from ner_tasks.surrogates import replace_surrogates

# Bounds on memory for text that is not natural language: longer sentences, words and paragraphs are cut.
MAX_SENTENCE_WORDS = 1_000
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
# A sentence never ends after the number of a list item.
_LIST_NUMBER = r"^\(?\d{1,3}[.)]"
_ORDINAL = re.compile(r"\b\d{1,2}\.\s+$")
_LINE_END = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")  # as `str.splitlines` has them


def split_sentences(text: str, language: str = DEFAULT_LANGUAGE) -> list[list[Word]]:
    """Return all sentences of `text`, see `iter_sentences`."""
    return list(iter_sentences(text, language))


def iter_sentences(text: str, language: str = DEFAULT_LANGUAGE) -> Iterator[list[Word]]:
    """Yield the sentences of `text` one by one, so that the words of a long document are never all in memory.

    Args:
        text: any string. Time is linear in its length; memory is bounded.
        language: its language by ISO 639. One without a table in `languages` gets sentencex's rules and neutral rules for
            words.

    Yields:
        The words of each sentence, 1 to `MAX_SENTENCE_WORDS`, in the order of the text. Together they cover every
        character other than white space exactly once.
    """
    splitter = word_splitter(language)
    for block in _iter_blocks(text):
        for start, end in _iter_sentence_spans(text, *block, language):
            words = splitter.iter_words(text, start, end)
            while sentence := list(islice(words, MAX_SENTENCE_WORDS)):
                yield sentence


def _iter_sentence_spans(text: str, start: int, end: int, language: str) -> Iterator[tuple[int, int]]:
    """Yield the sentences within the block `[start, end)`, contiguous and without gaps."""
    from sentencex import segment

    sentence, position = start, start
    while position < end:
        chunk_end = _find_chunk_end(text, position, end)
        # Half a surrogate pair is a character to Python and an error to sentencex.
        segments = segment(language, replace_surrogates(text[position:chunk_end]))
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
            if _may_end(text, sentence, position, language):
                yield sentence, position
                sentence = position
    if sentence < end:
        yield sentence, end


def _may_end(text: str, start: int, end: int, language: str) -> bool:
    """Whether `[start, end)` may be a sentence: not if it ends in `anti-U.` or `Ms. `; Chinese needs no space after it."""
    begin, ordinal = _open_patterns(language)
    if begin.search(text[max(start, end - 16) : end]):
        return False
    if ordinal and _ORDINAL.search(text[max(start, end - 16) : end]) and ordinal.match(text, end):
        return False
    before, after = text[end - 1], text[end : end + 1]
    return before.isspace() or not after or after.isspace() or not before.isascii()


@cache
def _open_patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    """Return what no sentence ends after, even if sentencex ends it there, and what may follow an ordinal number."""
    rules = find_rules(language)
    abbreviation = rf"\b(?:{rules.open})\.|" if rules.open else ""
    begin = re.compile(rf"(?:{abbreviation}{_LIST_NUMBER})\s+$")
    following = rules.after_ordinal.replace(" ", "|")
    return begin, re.compile(rf"(?:{following})\b") if following else None


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
