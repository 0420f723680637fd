"""Read the cells of a SpreadsheetML workbook row by row, so that memory does not grow with the range of the sheet.

Source: ECMA-376, part 1, 18.3 (sheets), 18.4 (strings), 18.8 (formats); 22.9.2.19 (`_x000D_`).
"""

import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lxml import etree

from ner_tasks.documents.readers.office import xml_tree
from ner_tasks.documents.readers.office.sheets import Cell, Sheet, SheetBudget, format_value, strip_margin_codes
from ner_tasks.documents.readers.office.xml_tree import attribute, join_text
from ner_tasks.documents.readers.xml_names import local_name
from ner_tasks.surrogates import join_surrogates

_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_DATE_LETTERS = re.compile(r"[dmyhs]", re.IGNORECASE)
_BUILT_IN_DATES = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])
_BUILT_IN_TIMES = frozenset([18, 19, 20, 21, 45, 47])
_BUILT_IN_DURATION = 46
_MAX_SERIAL = 2_958_465  # 9999-12-31
_INTEGER = re.compile(r"-?[0-9]+")
_MARGINS = ("oddHeader", "evenHeader", "firstHeader", "oddFooter", "evenFooter", "firstFooter")

DATE, TIME, DURATION = "date", "time", "duration"


@dataclass
class Book:
    """Data that the cells of all sheets refer to.

    Attributes:
        strings: shared strings.
        kinds: how each cell style shows numbers: `date`, `time`, `duration` or "" (as a number).
        is_1904: whether days are counted from 1904.
        used: indices of the shared strings that cells show.
        n_missing: number of cells that refer to a missing string.
    """

    strings: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    is_1904: bool = False
    used: set[int] = field(default_factory=set)
    n_missing: int = 0


def unescape(text: str) -> str:
    """Undo the escapes that Excel writes for characters that XML does not allow."""
    if "_x" in text:
        text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        text = join_surrogates(text).replace("\0", "")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_rich_text(element: Any) -> str:
    """Return the text of a string and its runs, without phonetic guides (furigana)."""
    pieces = []
    for one in element:
        name = local_name(one)
        if name == "t":
            pieces.append(join_text(one))
        elif name == "r":
            pieces.extend(join_text(piece) for piece in one if local_name(piece) == "t")
    return unescape("".join(pieces))


def find_damage(data: bytes) -> str:
    """Describe the damage of an XML file, "" if it is well-formed; builds no tree."""
    if xml_tree.declares_entities(data):
        return xml_tree.ENTITIES
    parser = etree.XMLParser(target=_Nothing(), recover=False, resolve_entities=False, no_network=True, huge_tree=True)
    try:
        etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        return f"damaged XML at line {line}; the readable part is in the text"
    return ""


class _Nothing:
    """A parser target that keeps nothing."""

    def close(self) -> None:
        pass


def iter_elements(data: bytes, *names: str) -> Iterator[Any]:
    """Yield the elements with these names as they end, and clear each one after use.

    Stops at damage; the caller reports damage separately.
    """
    tags = [f"{{*}}{name}" for name in names]
    huge = not xml_tree.declares_entities(data)
    walk = etree.iterparse(
        io.BytesIO(data), ("end",), tag=tags, recover=True, huge_tree=huge, resolve_entities=False, no_network=True
    )
    with contextlib.suppress(etree.XMLSyntaxError):
        for _, element in walk:
            yield element
            element.clear()
            # Other elements stay: a row may still need a cell that precedes a margin.
            while (before := element.getprevious()) is not None and local_name(before) in names:
                element.getparent().remove(before)


def read_styles(data: bytes) -> list[str]:
    """Return how each cell style shows numbers."""
    codes, kinds = {}, []
    for element in iter_elements(data, "numFmt", "cellXfs"):
        if local_name(element) == "numFmt":
            codes[attribute(element, "numFmtId")] = attribute(element, "formatCode")
        else:
            numbers = [attribute(xf, "numFmtId") for xf in element]
            by_number = {number: _classify_format(number, codes) for number in set(numbers)}
            kinds = [by_number[number] for number in numbers]
    return kinds


def _classify_format(number: str, codes: dict[str, str]) -> str:
    if number not in codes:
        built_in = int(number) if number.isdecimal() else 0
        if built_in == _BUILT_IN_DURATION:
            return DURATION
        return TIME if built_in in _BUILT_IN_TIMES else DATE if built_in in _BUILT_IN_DATES else ""
    code = _QUOTED.sub("", codes[number]).partition(";")[0].lower()
    if not _DATE_LETTERS.search(code) or "general" in code:
        return ""
    if "[" in code:
        return DURATION
    return DATE if "d" in code or "y" in code or not re.search("[hs]", code) else TIME


def read_sheet(name: str, data: bytes, book: Book, budget: SheetBudget) -> tuple[Sheet, int]:
    """Read the cells and margins of a sheet, and count the formulas without a stored value."""
    sheet = Sheet(name)
    row = n_without = 0
    places: dict[str, int] = {}
    for element in iter_elements(data, "row", *_MARGINS):
        if (kind := local_name(element)) in _MARGINS:
            sheet.margins.append((kind, strip_margin_codes(join_text(element))))
            continue
        number = element.get("r", "")
        row = int(number) if number.isdecimal() and len(number) <= 7 else row + 1
        cells: list[Cell] = []
        column = 0
        for cell in element.iterchildren("{*}c"):
            letters = cell.get("r", "").rstrip("0123456789$").lstrip("$")
            if letters not in places:
                places[letters] = _parse_column(letters)
            column = places[letters] or column + 1
            text = _read_text(cell, book)
            if text is None:
                n_without += 1
            elif text and not text.isspace():
                budget.count(text)
                cells.append((column, text))
        sheet.add(row, sorted(cells, key=_sort_by_column))
    sheet.rows.sort(key=lambda numbered: numbered[0])
    return sheet, n_without


def _sort_by_column(cell: Cell) -> int:
    return cell[0]


def _parse_column(letters: str) -> int:
    """Return the number of a column, 0 if its name is invalid."""
    number = 0
    for letter in letters.upper() if len(letters) <= 3 and letters.isascii() and letters.isalpha() else "":
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


def _read_text(cell: Any, book: Book) -> str | None:
    """Return the text that a cell shows; None for a formula without a stored value."""
    value = inline = None
    has_formula = False
    for one in cell:
        tag = one.tag
        if tag.endswith("}v"):
            value = join_text(one)
        elif tag.endswith("}is"):
            inline = one
        elif tag.endswith("}f"):
            has_formula = True
    if inline is not None:
        return read_rich_text(inline)
    if value is None:
        return None if has_formula else ""
    kind = cell.get("t", "n")
    if kind == "s":
        return _look_up_shared(value.strip(), book)
    if kind == "b":
        return {"1": "TRUE", "0": "FALSE"}.get(value.strip(), value.upper())
    if kind == "d":
        return format_date(value.strip())
    if kind == "n":
        return format_number(value.strip(), _get_kind(cell, book), is_1904=book.is_1904)
    return unescape(value)


def _look_up_shared(number: str, book: Book) -> str:
    if number.isdecimal() and int(number) < len(book.strings):
        book.used.add(int(number))
        return book.strings[int(number)]
    book.n_missing += 1
    return ""


def _get_kind(cell: Any, book: Book) -> str:
    style = cell.get("s", "")
    return book.kinds[int(style)] if style.isdecimal() and int(style) < len(book.kinds) else ""


def format_date(value: str) -> str:
    """Format an ISO 8601 date for people; any other value is returned unchanged."""
    try:
        return format_value(datetime.fromisoformat(value))
    except ValueError:
        return value


def format_number(value: str, kind: str = "", *, is_1904: bool = False) -> str:
    """Format a number as the cell shows it.

    Args:
        value: the stored value.
        kind: `date`, `time`, `duration`, or "" for a number.
        is_1904: whether days are counted from 1904.
    """
    if not kind and _INTEGER.fullmatch(value):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    if not kind or not 0 <= number <= _MAX_SERIAL:
        return value if _INTEGER.fullmatch(value) else format_value(number)
    if kind == DURATION:
        return format_value(timedelta(days=number))
    seconds = timedelta(seconds=round(number * 86_400, 3))
    if number < 1 and kind == TIME:
        return format_value((datetime(1900, 1, 1) + seconds).time())  # noqa: DTZ001 - sheets store no time zone
    # Excel counts 29 February 1900, which does not exist, as day 60.
    start = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30 if number >= 60 else 31)  # noqa: DTZ001
    try:
        return format_value(start + seconds)
    except OverflowError:
        return value
