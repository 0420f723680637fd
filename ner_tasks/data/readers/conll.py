"""Reader for CoNLL and related formats: one word per line, the word in the first column and its tag in the last.

Only tabs and spaces separate columns, and only line feeds separate lines: a no-break space, a thin space, NEL (U+0085)
and U+2028 are part of a word. A line that starts with `#` is a comment if it has no tag, so that the word `#` can occur.
A first column with word numbers is skipped. Tags are converted to BIO, see `tag_schemes`.
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
from ner_tasks.data.readers.tag_spelling import detect_spelling, is_tag_like
from ner_tasks.errors import DataRejected

_DOCUMENT = "-DOCSTART-"
_KEYED_COMMENT = re.compile(r"#+ *(?:[\w.:-]+ *=|(?:sent_id|id|newdoc|newpar|begin|end|doc|document)\b)")
_PARTS_OF_WORDS = re.compile(r"[0-9]+[-.][0-9]+")
_WORD_HEADERS = frozenset(("word", "words", "token", "tokens", "form", "text"))
_TAG_HEADERS = frozenset(("tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "ne", "entity"))
# A column with fewer numbers than this may contain words.
_MIN_NUMBERED_ROWS = 5


class _ConllLine(NamedTuple):
    """A line that is neither blank nor a document marker.

    Attributes:
        number: line number in the file, from 1.
        text: the line without a byte order mark.
        fields: columns, at least one.
        begins: whether it is the first line after a blank line or a document marker.
    """

    number: int
    text: str
    fields: list[str]
    begins: bool


@dataclass
class _Layout:
    """Column layout of a file.

    Attributes:
        n_columns: number of columns in most lines.
        word: index of the column with the words.
        has_trailing_tab: whether every line ends with an extra tab.
        header: number of the header line, 0 if there is none.
    """

    n_columns: int = 2
    word: int = 0
    has_trailing_tab: bool = False
    header: int = 0


def conll_rows(lines: Sequence[str], name: str, conversions: Conversions) -> Iterator[LabelledRow]:
    """Read the rows of a file in columns, with tags converted to BIO.

    Args:
        lines: lines of the file, without line ends.
        name: name of the file, for error messages.
        conversions: filled with the tag scheme and what was left out or converted.

    Raises:
        DataRejected: two tag columns with the same labels, so that the right one is ambiguous.
    """
    layout = _detect_layout(lines, name)
    rows = list(_read_rows(lines, layout, conversions))
    if layout.word:
        conversions.add("first column with the numbers of the words, passed over", "words", len(rows))
    yield from convert_to_bio(rows, conversions)


def _read_rows(lines: Sequence[str], layout: _Layout, conversions: Conversions) -> Iterator[LabelledRow]:
    sentence, is_open = -1, False
    for line in _lines(lines):
        is_open = is_open and not line.begins
        if line.number == layout.header:
            conversions.add("line with the names of columns, left out", "lines")
            continue
        if layout.has_trailing_tab:
            del line.fields[-1:]
        if _is_comment(line, layout, is_open=is_open):
            conversions.add("comments, left out", "lines")
            is_open = False
            continue
        if layout.word and _PARTS_OF_WORDS.fullmatch(line.fields[0]):
            conversions.add("numbers such as 3-4 and 5.1, which are no words of the sentence, left out", "lines")
            continue
        if not is_open:
            sentence += 1
            is_open = True
        yield _make_row(line, sentence, layout)


def _make_row(line: _ConllLine, sentence: int, layout: _Layout) -> LabelledRow:
    n = len(line.fields)
    if n < 2:
        problem = "found 1 column, expected a word and a tag"
    elif n != layout.n_columns:
        problem = f"found {n} columns, expected {layout.n_columns} as in most lines"
    else:
        return LabelledRow(line.number, sentence, intern(line.fields[layout.word]), "", intern(line.fields[-1]), "")
    return LabelledRow(line.number, sentence, line.text[:80], "", "", problem)


def _lines(lines: Iterable[str]) -> Iterator[_ConllLine]:
    begins = True
    for number, line in enumerate(lines, start=1):
        text = line.removeprefix("\ufeff")  # inside the file where files were concatenated
        if not text.strip() or text.startswith(_DOCUMENT):
            begins = True
            continue
        fields = [one.strip(" ") for one in text.split("\t")] if "\t" in text else [f for f in text.split(" ") if f]
        yield _ConllLine(number, text, fields, begins)
        begins = False


def _is_comment(line: _ConllLine, layout: _Layout, *, is_open: bool) -> bool:
    """Return whether a line is a comment: it starts with `#` and has no tag in its last column.

    Inside a sentence, a line without a tag is a damaged row unless it looks like `# key = value` or `# id ...`.
    """
    if not line.text.startswith("#"):
        return False
    is_row = len(line.fields) == layout.n_columns and is_tag_like(line.fields[-1])
    if _KEYED_COMMENT.match(line.text):
        return not (is_row and "\t" in line.text) and not (is_row and "=" not in line.text and is_open)
    return not is_row and not is_open


def _detect_layout(lines: Sequence[str], name: str) -> _Layout:
    """Detect the column layout from all lines of a file."""
    layout = _Layout()
    counts: Counter[int] = Counter()
    header = ""
    has_trailing_tab, n_rows = True, 0
    for line in _lines(lines):
        if line.text.startswith("#"):
            continue
        if not n_rows and not header and _is_header(line):
            layout.header, header = line.number, line.text
            continue
        n_rows += 1
        counts[len(line.fields)] += 1
        has_trailing_tab = has_trailing_tab and len(line.fields) > 2 and not line.fields[-1]
    if not counts:
        return layout
    (n_columns, _), *_ = counts.most_common(1)
    layout.has_trailing_tab = has_trailing_tab
    layout.n_columns = max(n_columns - layout.has_trailing_tab, 2)
    layout.word = int(layout.n_columns > 2 and _is_numbered(lines, layout))
    _require_one_tag_column(lines, layout, name)
    return layout


def _is_header(line: _ConllLine) -> bool:
    first, last = line.fields[0].lower(), line.fields[-1].lower()
    return len(line.fields) > 1 and first in _WORD_HEADERS and last in _TAG_HEADERS


def _iter_regular_lines(lines: Sequence[str], layout: _Layout) -> Iterator[_ConllLine]:
    """Yield the lines with the usual number of columns."""
    for line in _lines(lines):
        fields = line.fields[:-1] if layout.has_trailing_tab else line.fields
        if line.number != layout.header and len(fields) == layout.n_columns and not line.text.startswith("#"):
            yield line._replace(fields=fields)


def _is_numbered(lines: Sequence[str], layout: _Layout) -> bool:
    """Return whether the first column numbers the words, within each sentence or through the file."""
    n_rows, last = 0, -1
    for line in _iter_regular_lines(lines, layout):
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


def _require_one_tag_column(lines: Sequence[str], layout: _Layout, name: str) -> None:
    """Check that no other column has tags with the same labels as the last, such as nested or predicted tags.

    Raises:
        DataRejected: there is such a column; the message names it.
    """
    between = range(layout.word + 1, layout.n_columns - 1)
    if not between:
        return
    counts: dict[int, Counter[str]] = {at: Counter() for at in (*between, layout.n_columns - 1)}
    differs = dict.fromkeys(between, False)
    for line in _iter_regular_lines(lines, layout):
        last = line.fields[-1]
        counts[layout.n_columns - 1][last] += 1
        for at in between:
            value = line.fields[at]
            counts[at][value] += 1
            differs[at] = differs[at] or value != last
    labels = _find_labels(counts[layout.n_columns - 1])
    for at in between:
        if differs[at] and _find_labels(counts[at]) & labels:
            columns = f"tags of the same labels in columns {at + 1} and {layout.n_columns}"
            raise DataRejected(f"found {columns}, expected one column of tags, the last, at {name}")


def _find_labels(counts: Counter[str]) -> set[str]:
    """Return the labels of a column in which every value is a tag with a prefix or suffix; otherwise none."""
    spelling = detect_spelling(counts, is_strict=True)
    if len(spelling.tags) < len(counts):
        return set()
    return {tag.label for tag in spelling.tags.values() if tag.label}
