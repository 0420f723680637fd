"""Read workbooks in formats other than xlsx: xls, xlsb and ods.

The result is the same as for xlsx: one text of all cells, or a table of documents.
"""

import io
from dataclasses import replace

from ner_tasks.documents.detection import packages, sniffing
from ner_tasks.documents.readers import pictures, plain, properties
from ner_tasks.documents.readers.mail import cfb
from ner_tasks.documents.readers.office import (
    biff,
    odf,
    ods_cells,
    ole_objects,
    ooxml,
    ooxml_parts,
    ooxml_properties,
    sheets,
    xml_tree,
)
from ner_tasks.documents.readers.office.sheets import Sheet, SheetBudget
from ner_tasks.documents.readers.properties import Property
from ner_tasks.documents.tables import tables
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits
from ner_tasks.errors import redact_error

_BOOKS = ("workbook", "book")
# python-calamine allocates the whole rectangle between the outermost cells, about 30 bytes per cell.
_MAX_SPAN = 20_000_000  # a full sheet of xls has 17 million
# Parts of an xlsb file without remarks; python-calamine reads their cells.
_BINARY_CELLS = ("/sharedstrings.bin", "/styles.bin", "/workbook.bin", "/calcchain.bin")


def read(data: bytes, limits: Limits, declared: str = "") -> Extract | list[tables.Record]:
    """Read all sheets, then comments, text boxes and headers.

    Cells are separated by tabs, rows by line breaks, sheets by blank lines.

    Returns:
        One text, or one document per row, as `xlsx.read` returns them.

    Raises:
        CannotRead: `encrypted`, `too-large`, `too-long`, `broken`.
    """
    if sniffing.looks_like_text(data[: sniffing.HEAD_BYTES]) and not _is_odf(data):
        # Many programs write a plain-text table under the name of a workbook.
        return replace(plain.read(data, limits, declared), notes=("read as text, by its content",))
    builder = ExtractBuilder()
    typed: list[Property] = []
    if data.startswith(sniffing.OLE_HEAD):
        workbook = _read_xls(data, builder, limits)
    elif _is_odf(data):
        workbook, typed = _read_ods(data, builder, limits)
    elif data.startswith(b"PK"):
        workbook, typed = _read_xlsb(data, builder, limits)
    else:
        workbook = _read_calamine(data, builder, limits)
    if sheets.is_table(workbook, limits):
        properties.add(builder, typed, sheets.join_cells(workbook))
        return sheets.make_documents(workbook, builder.extract(), limits)
    # Remarks were collected first, because a table of documents keeps them apart from the cells.
    whole = ExtractBuilder()
    whole.inventory, whole.parts = builder.inventory, builder.parts
    whole.note(*builder.notes)
    for sheet in workbook:
        sheets.add_name(whole, sheet.name)
        sheets.add_sheet(whole, sheet)
    remarks = builder.extract()
    at = whole.block(remarks.text, "")
    for start, place in zip(remarks.sources.run_starts, remarks.sources.places, strict=True):
        whole.sources.add_run(at + start, place)
    properties.add(whole, typed, pictures.require_text(whole.extract()).text)
    return whole.extract()


def _is_odf(data: bytes) -> bool:
    if data.startswith(b"PK"):
        return packages.detect_kind(io.BytesIO(data)).startswith("od")
    return xml_tree.begins_xml(data)


def _read_ods(data: bytes, builder: ExtractBuilder, limits: Limits) -> tuple[list[Sheet], list[Property]]:
    package = odf.open_odf(data, limits)
    root = odf.parse_content(package, builder)
    budget = SheetBudget(limits)
    workbook: list[Sheet] = []
    remarks: list[tuple[str, str]] = []
    for number, table in enumerate(ods_cells.iter_tables(root), start=1):
        name = xml_tree.attribute(table, "name") or f"Sheet{number}"
        sheet, hanging = ods_cells.read_sheet(table, name, budget)
        builder.inventory.read("sheet")
        workbook.append(sheet)
        remarks += hanging
    for place, block in [*remarks, *((odf.STYLES, block) for _, block in odf.iter_margins(package, root, builder))]:
        builder.block(block, place)
    odf.add_rest(package, root, builder, limits)
    return workbook, odf.read_properties(package, root, builder)


def _read_xls(data: bytes, builder: ExtractBuilder, limits: Limits) -> list[Sheet]:
    from ner_tasks.documents.detection.ole_files import OleFile

    with OleFile(data) as ole:
        entries = ole.listdir(storages=True, streams=True)
        names = [entry for entry in entries if len(entry) == 1 and entry[0].lower() in _BOOKS]
        stream = ole.openstream(names[0]).read() if names else b""
        is_locked = any(entry[0].lower() == "encryptedpackage" for entry in entries)
        ole_objects.add_storages(builder, ole, 1, lambda path: path[0].upper().startswith("MBD"))
        n_macros = any(entry[0] == "_VBA_PROJECT_CUR" for entry in entries)
    if is_locked or biff.is_encrypted(stream):
        raise CannotRead("encrypted", "found a workbook with a password, expected one that opens")
    if not names:
        raise CannotRead("broken", f"found no workbook among {len(entries)} streams, expected a whole Excel file")
    if (span := biff.measure_span(stream)) > _MAX_SPAN:
        raise CannotRead("too-large", f"found a sheet that spans {span} cells, expected at most {_MAX_SPAN}")
    remarks, n_left = biff.extract_remarks(stream)
    for text in remarks:
        builder.block(text, "remarks")
    builder.inventory.read("remark", len(remarks))
    builder.inventory.unread("remark", f"{n_left} comment(s) or box(es)", "text not located", n_left)
    if biff.has_pictures(stream):
        builder.inventory.unread("picture", "pictures of the workbook", "pictures in an xls file are not read")
    builder.inventory.ignored("part", "macro", int(n_macros))
    # python-calamine loops forever on damaged sector chains, so it gets a newly written file.
    sound = cfb.write(cfb.Storage({names[0][0]: biff.repair_dimensions(stream)}))
    return _read_calamine(sound, builder, limits)


def _read_xlsb(data: bytes, builder: ExtractBuilder, limits: Limits) -> tuple[list[Sheet], list[Property]]:
    package = ooxml.open_package(data, limits)
    taken = set()
    for name, content in package.parts.items():
        lowered = name.lower()
        if (
            not lowered.endswith(".bin")
            or not lowered.startswith("xl/")
            or "vba" in lowered
            or "/embeddings/" in lowered
        ):
            continue
        if "/printersettings/" in lowered:
            continue
        taken.add(name)
        builder.inventory.read("part")
        if "/worksheets/" in lowered and (span := biff.measure_binary_span(content)) > _MAX_SPAN:
            raise CannotRead("too-large", f"found a sheet that spans {span} cells, expected at most {_MAX_SPAN}")
        if not lowered.endswith(_BINARY_CELLS):
            for text in biff.extract_binary_remarks(content):
                builder.block(text, name)
    ooxml_parts.add_rest(package, taken, builder, limits, ())
    return _read_calamine(data, builder, limits), ooxml_properties.read_properties(package, builder)


def _read_calamine(data: bytes, builder: ExtractBuilder, limits: Limits) -> list[Sheet]:
    from python_calamine import CalamineWorkbook, SheetTypeEnum

    budget = SheetBudget(limits)
    read_sheets: list[Sheet] = []
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for meta in workbook.sheets_metadata:
            if meta.typ not in (SheetTypeEnum.WorkSheet, SheetTypeEnum.MacroSheet, SheetTypeEnum.DialogSheet):
                builder.inventory.ignored("sheet", "chart-sheet")
                sheets.add_name(builder, meta.name)
                continue
            sheet = workbook.get_sheet_by_name(meta.name)
            if sheet.total_height * sheet.total_width > _MAX_SPAN:
                span = f"{sheet.total_height} rows and {sheet.total_width} columns"
                raise CannotRead("too-large", f"found cells over {span}, expected at most {_MAX_SPAN} cells")
            row, column = sheet.start or (0, 0)
            read_sheets.append(sheets.make_sheet(meta.name, sheet.iter_rows(), (row + 1, column + 1), budget))
            builder.inventory.read("sheet")
    except CannotRead:
        raise
    except BaseException as error:
        # A panic in python-calamine's Rust code raises an exception that is not a subclass of Exception.
        if type(error).__name__ == "PasswordError":
            raise CannotRead("encrypted", "found a workbook with a password, expected one that opens") from error
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise CannotRead("broken", f"found {redact_error(error)}, expected a whole workbook") from error
    return read_sheets
