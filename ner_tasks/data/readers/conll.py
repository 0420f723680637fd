"""Labelled words in columns: CoNLL and its relatives, one word a line, the word first and its tag last.

Only tabs and spaces part columns, and only line feeds part lines: a no-break space, a thin space, NEL (U+0085) and
U+2028 are characters of a word. A line that begins with `#` is a comment if it has no tag, so that the word `#` stays
a word. A first column that counts the words is passed over. Tags become BIO, see `tag_schemes`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from sys import intern
from typing import NamedTuple

from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.rows import LabelledRow
from ner_tasks.data.readers.tag_schemes import convert_to_bio
from ner_tasks.data.readers.tag_spelling import is_tag_like, recognise_spelling
from ner_tasks.errors import DataRejected

_DOCUMENT = "-DOCSTART-"
_KEYED_COMMENT = re.compile(r"#+ *(?:[\w.:-]+ *=|(?:sent_id|id|newdoc|newpar|begin|end|doc|document)\b)")
_PARTS_OF_WORDS = re.compile(r"[0-9]+[-.][0-9]+")
_WORD_HEADERS = frozenset(("word", "words", "token", "tokens", "form", "text"))
_TAG_HEADERS = frozenset(("tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "ne", "entity"))
# A column of fewer numbers than this may be words.
_MIN_NUMBERED_ROWS = 5


class _ConllLine(NamedTuple):
    """A line that is neither blank nor the beginning of a document.

    Attributes:
        number: 1-based, in the file.
        text: without a byte order mark.
        fields: its columns; at least one.
        begins: whether a sentence begins with it, as far as blank lines tell.
    """

    number: int
    text: str
    fields: list[str]
    begins: bool


@dataclass
class _Shape:
    """What the columns of a file are.

    Attributes:
        n_columns: columns of most lines.
        word: index of the column with the words.
        is_trailed: whether every line has an empty last column, a tab too many.
        header: number of the line with the columns' names, 0 if there is none.
    """

    n_columns: int = 2
    word: int = 0
    is_trailed: bool = False
    header: int = 0


def conll_rows(lines: Sequence[str], name: str, conversions: Conversions) -> Iterator[LabelledRow]:
    """Rows of a file in columns, with tags in BIO.

    Args:
        lines: of the file, without line ends.
        name: of the file, for messages.
        conversions: gets the scheme, and what was left out and converted.

    Raises:
        DataRejected: two columns of tags with the same labels, so that either may be the one to learn.
    """
    shape = _shape_of(lines, name)
    rows = list(_rows(lines, shape, conversions))
    if shape.word:
        conversions.add("first column with the numbers of the words, passed over", "words", len(rows))
    yield from convert_to_bio(rows, conversions)


def _rows(lines: Sequence[str], shape: _Shape, conversions: Conversions) -> Iterator[LabelledRow]:
    sentence, is_open = -1, False
    for line in _lines(lines):
        is_open = is_open and not line.begins
        if line.number == shape.header:
            conversions.add("line with the names of columns, left out", "lines")
            continue
        if shape.is_trailed:
            del line.fields[-1:]
        if _is_comment(line, shape, is_open=is_open):
            conversions.add("comments, left out", "lines")
            is_open = False
            continue
        if shape.word and _PARTS_OF_WORDS.fullmatch(line.fields[0]):
            conversions.add("numbers such as 3-4 and 5.1, which are no words of the sentence, left out", "lines")
            continue
        if not is_open:
            sentence += 1
            is_open = True
        yield _row(line, sentence, shape)


def _row(line: _ConllLine, sentence: int, shape: _Shape) -> LabelledRow:
    n = len(line.fields)
    if n < 2:
        problem = "found 1 column, expected a word and a tag"
    elif n != shape.n_columns:
        problem = f"found {n} columns, expected {shape.n_columns} as in most lines"
    else:
        return LabelledRow(line.number, sentence, intern(line.fields[shape.word]), "", intern(line.fields[-1]), "")
    return LabelledRow(line.number, sentence, line.text[:80], "", "", problem)


def _lines(lines: Iterable[str]) -> Iterator[_ConllLine]:
    begins = True
    for number, line in enumerate(lines, start=1):
        text = line.removeprefix("\ufeff")  # where files were joined
        if not text.strip() or text.startswith(_DOCUMENT):
            begins = True
            continue
        fields = [one.strip(" ") for one in text.split("\t")] if "\t" in text else [f for f in text.split(" ") if f]
        yield _ConllLine(number, text, fields, begins)
        begins = False


def _is_comment(line: _ConllLine, shape: _Shape, *, is_open: bool) -> bool:
    """Whether a line is a comment: it begins with `#` and has no tag in its last column.

    Within a sentence a line without a tag is a damaged word, unless it is written like `# key = value` or `# id ...`.
    """
    if not line.text.startswith("#"):
        return False
    is_row = len(line.fields) == shape.n_columns and is_tag_like(line.fields[-1])
    if _KEYED_COMMENT.match(line.text):
        return not (is_row and "\t" in line.text) and not (is_row and "=" not in line.text and is_open)
    return not is_row and not is_open


def _shape_of(lines: Sequence[str], name: str) -> _Shape:
    """Columns of a file, by all of its lines."""
    shape = _Shape()
    counts: Counter[int] = Counter()
    header = ""
    is_trailed, n_rows = True, 0
    for line in _lines(lines):
        if line.text.startswith("#"):
            continue
        if not n_rows and not header and _is_header(line):
            shape.header, header = line.number, line.text
            continue
        n_rows += 1
        counts[len(line.fields)] += 1
        is_trailed = is_trailed and len(line.fields) > 2 and not line.fields[-1]
    if not counts:
        return shape
    (n_columns, _), *_ = counts.most_common(1)
    shape.is_trailed = is_trailed
    shape.n_columns = max(n_columns - shape.is_trailed, 2)
    shape.word = int(shape.n_columns > 2 and _is_numbered(lines, shape))
    _require_one_tag_column(lines, shape, name)
    return shape


def _is_header(line: _ConllLine) -> bool:
    first, last = line.fields[0].lower(), line.fields[-1].lower()
    return len(line.fields) > 1 and first in _WORD_HEADERS and last in _TAG_HEADERS


def _words(lines: Sequence[str], shape: _Shape) -> Iterator[_ConllLine]:
    """Lines with as many columns as most."""
    for line in _lines(lines):
        fields = line.fields[:-1] if shape.is_trailed else line.fields
        if line.number != shape.header and len(fields) == shape.n_columns and not line.text.startswith("#"):
            yield line._replace(fields=fields)


def _is_numbered(lines: Sequence[str], shape: _Shape) -> bool:
    """Whether the first column counts the words of each sentence, 1, 2, 3 or on through the file."""
    n_rows, last = 0, -1
    for line in _words(lines, shape):
        first = line.fields[0]
        if _PARTS_OF_WORDS.fullmatch(first):
            continue
        if not (first.isascii() and first.isdigit()):
            return False
        if not line.begins and int(first) != last + 1:
            return False
        last = int(first)
        n_rows += 1
    return n_rows >= _MIN_NUMBERED_ROWS


def _require_one_tag_column(lines: Sequence[str], shape: _Shape, name: str) -> None:
    """Refuse a file with nested or predicted tags beside those in the last column.

    Raises:
        DataRejected: names the columns.
    """
    between = range(shape.word + 1, shape.n_columns - 1)
    if not between:
        return
    counts: dict[int, Counter[str]] = {at: Counter() for at in (*between, shape.n_columns - 1)}
    differs = dict.fromkeys(between, False)
    for line in _words(lines, shape):
        last = line.fields[-1]
        counts[shape.n_columns - 1][last] += 1
        for at in between:
            value = line.fields[at]
            counts[at][value] += 1
            differs[at] = differs[at] or value != last
    labels = _labels_of(counts[shape.n_columns - 1])
    for at in between:
        if differs[at] and _labels_of(counts[at]) & labels:
            found = f"tags of the same labels in columns {at + 1} and {shape.n_columns}"
            raise DataRejected(f"found {found}, expected one column of tags, the last, at {name}")


def _labels_of(counts: Counter[str]) -> set[str]:
    """Labels of a column that has tags with a letter throughout; none of any other column."""
    spelling = recognise_spelling(counts, is_strict=True)
    if len(spelling.tags) < len(counts):
        return set()
    return {tag.label for tag in spelling.tags.values() if tag.label}
