"""Read workbooks since 2007 (xlsx, xlsm) as one document, or as a table with one document per row.

Every part of the package is accounted for: cells, comments, text boxes, headers and charts are read, embedded files
become separate documents, and the rest is listed as unread or ignored by a named rule.
"""

import re
from collections.abc import Sequence
from typing import Any

from ner_tasks.documents.readers import pictures, properties
from ner_tasks.documents.readers.office import (
    ooxml,
    ooxml_parts,
    ooxml_properties,
    sheets,
    xlsx_cells,
    xml_tree,
)
from ner_tasks.documents.readers.office.ooxml import Package
from ner_tasks.documents.readers.office.sheets import Sheet, SheetBudget
from ner_tasks.documents.readers.office.xlsx_cells import Book
from ner_tasks.documents.tables import tables
from ner_tasks.documents.types import Extract, ExtractBuilder, Limits

_SHEETS = ("worksheet", "chartsheet", "dialogsheet", "macrosheet")
_DRAWN = ("chart", "chartEx", "diagramData")
_MAX_SHEETS = 10_000
# Excel writes this into a plain comment for programs that do not support threaded comments.
_THREAD_NOTICE = re.compile(r"^\[Threaded comment\].*?Comment:\s*", re.DOTALL)


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract | list[tables.Record]:
    """Read all sheets, each as its name, its cells and its remarks.

    Cells are separated by tabs, rows by line breaks, sheets by blank lines.

    Returns:
        One text, or, if the first row of the first sheet names the text column, one document per row; each further
        sheet that is not empty is then a document named after the sheet.

    Raises:
        CannotRead: `encrypted`, `too-large`, `too-long`, `broken`.
    """
    package = ooxml.open_package(data, limits)
    main = package.find_main("workbook")
    builder = ExtractBuilder()
    named, taken = _list_sheets(package, main, builder)
    book = _read_book(package, main, builder)
    budget = SheetBudget(limits)
    workbook = [_read_sheet(package, part, name, book, budget, builder) for name, part in named]
    n_missing = book.n_missing
    builder.inventory.unread("cell", f"{n_missing} cell(s)", "shared strings missing", n_missing)
    builder.inventory.ignored("text", "unused-string", len(book.strings) - len(book.used))
    as_table = sheets.is_table(workbook, limits)
    shown: list[str] = []
    for sheet, (name, part) in zip(workbook, named, strict=True):
        if not as_table:
            if name != part:
                sheets.add_name(builder, name)
            sheets.add_sheet(builder, sheet)
            shown += [text for _, cells in sheet.rows for _, text in cells]
        for margin, text in sheet.margins:
            builder.block(text, f"{sheets.make_label(name)}!{margin}")
        _add_remarks(package, part, sheets.make_label(name), builder, shown, taken)
    ooxml_parts.add_rest(package, taken, builder, limits, shown)
    known = sheets.join_cells(workbook) if as_table else pictures.require_text(builder.extract()).text
    properties.add(builder, ooxml_properties.read_properties(package, builder), known)
    rest = builder.extract()
    return sheets.make_documents(workbook, rest, limits) if as_table else rest


def _list_sheets(package: Package, main: str, builder: ExtractBuilder) -> tuple[list[tuple[str, str]], set[str]]:
    """Return the name and part of each sheet in workbook order, and the parts accounted for."""
    root = package.parse(main, builder)
    relations = package.relations(main)
    names: dict[str, str] = {}
    for element in root.iter("{*}sheet") if root is not None else ():
        name, relation = xml_tree.attribute(element, "name"), relations.get(xml_tree.attribute(element, "id"))
        part = relation.target if relation else ""
        if part in package.parts and part not in names:
            names[part] = name
        else:
            if part not in names:
                builder.inventory.unread("sheet", f"sheet {len(names) + 1}", "its part is missing or damaged")
            sheets.add_name(builder, name)
    lost = [part for part in package.parts if package.root(part) in _SHEETS and part not in names]
    names |= {part: part for part in lost}
    if len(names) > _MAX_SHEETS:
        n_left = len(names) - _MAX_SHEETS
        builder.inventory.unread("sheet", f"{n_left} sheets", f"more than the {_MAX_SHEETS} that are read", n_left)
    strings = [name for name in package.parts if package.root(name) == "sst"]
    builder.inventory.read("part", 1 + len(strings))
    return [(name, part) for part, name in [*names.items()][:_MAX_SHEETS]], {main, *names, *strings}


def _read_book(package: Package, main: str, builder: ExtractBuilder) -> Book:
    book = Book()
    related = package.find_related(main, "sharedStrings") or [
        name for name in package.parts if package.root(name) == "sst"
    ]
    for name in related[:1]:
        if name in package.parts:
            _report_damage(package, name, builder)
            book.strings = [
                xlsx_cells.read_rich_text(one) for one in xlsx_cells.iter_elements(package.parts[name], "si")
            ]
    for name in package.find_related(main, "styles")[:1]:
        if name in package.parts:
            book.kinds = xlsx_cells.read_styles(package.parts[name])
    for settings in xlsx_cells.iter_elements(package.parts[main], "workbookPr"):
        book.is_1904 = xml_tree.attribute(settings, "date1904").lower() in ("1", "true", "on")
    return book


def _report_damage(package: Package, name: str, builder: ExtractBuilder) -> None:
    if wrong := xlsx_cells.find_damage(package.parts[name]):
        builder.inventory.unread("damage", name, wrong)


def _read_sheet(
    package: Package, part: str, name: str, book: Book, budget: SheetBudget, builder: ExtractBuilder
) -> Sheet:
    _report_damage(package, part, builder)
    sheet, n_without = xlsx_cells.read_sheet(name, package.parts[part], book, budget)
    builder.inventory.read("sheet")
    builder.inventory.unread("formula", f"{n_without} formula(s) in {part}", "no value is stored", n_without)
    return sheet


def _add_remarks(
    package: Package, part: str, label: str, builder: ExtractBuilder, shown: list[str], taken: set[str]
) -> None:
    """Read the comments and drawings of a sheet and add their parts to `taken`."""
    threads = [one for one in package.find_related(part, "threadedComment") if package.root(one) == "ThreadedComments"]
    seen: set[str] = set()
    taken.update(threads)
    for one in threads:
        seen |= _add_comments(package, one, label, builder, "threadedComment", seen)
    for one in package.find_related(part, "comments"):
        if package.root(one) == "comments":
            _add_comments(package, one, label, builder, "comment", seen)
            taken.add(one)
    for one in package.find_related(part, "drawing", "vmlDrawing", "legacyDrawing"):
        if one in package.parts and one not in taken and package.root(one) in ("wsDr", "xml"):
            taken.add(one)
            shown += ooxml_parts.add_text(package, one, builder, label)
            shown += ooxml_parts.add_related(package, one, _DRAWN, builder, label, taken)


def _add_comments(
    package: Package, part: str, label: str, builder: ExtractBuilder, kind: str, seen: Sequence[str] | set[str]
) -> set[str]:
    """Read the comments of a part and return a key for each, by which its legacy copy is recognized."""
    root = package.parse(part, builder)
    keys = set()
    for comment in root.iter(f"{{*}}{kind}") if root is not None else ():
        cell = xml_tree.attribute(comment, "ref")
        text = _read_comment(comment)
        if f"{cell} {ooxml_parts.remove_spaces(_THREAD_NOTICE.sub('', text))}" in seen:
            builder.inventory.ignored("text", "other-form")
            continue
        keys.add(f"{cell} {ooxml_parts.remove_spaces(text)}")
        builder.block(text, f"{label}!{cell}" if cell else label)
    builder.inventory.read("part")
    return keys


def _read_comment(comment: Any) -> str:
    element = xml_tree.child(comment, "text")
    if element is None:
        return ""
    return xlsx_cells.read_rich_text(element) if len(element) else xlsx_cells.unescape(xml_tree.join_text(element))
