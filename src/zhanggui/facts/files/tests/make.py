"""Small files for tests, written by hand so that every odd shape is on purpose."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

CONTENT = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
BOOK = '<?xml version="1.0"?><workbook xmlns:r="r">{pr}<sheets>{sheets}</sheets></workbook>'
RELS = '<?xml version="1.0"?><Relationships>{rels}</Relationships>'


def sheet_xml(rows: Sequence[str]) -> str:
    """A worksheet around raw <row> elements."""
    return '<?xml version="1.0"?><worksheet><sheetData>' + "".join(rows) + "</sheetData></worksheet>"


def raw_xlsx(
    path: Path,
    sheets: dict[str, str],
    *,
    shared: str = "",
    styles: str = "",
    since_1904: bool = False,
    hidden: Sequence[str] = (),
) -> Path:
    """An xlsx from raw sheet XML."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", CONTENT)
        heads, rels = "", ""
        for number, (name, xml) in enumerate(sheets.items(), 1):
            state = ' state="hidden"' if name in hidden else ""
            heads += f'<sheet name="{escape(name)}" sheetId="{number}"{state} r:id="rId{number}"/>'
            rels += f'<Relationship Id="rId{number}" Target="worksheets/sheet{number}.xml"/>'
            book.writestr(f"xl/worksheets/sheet{number}.xml", xml)
        book.writestr("xl/workbook.xml", BOOK.format(sheets=heads, pr='<workbookPr date1904="1"/>' if since_1904 else ""))
        book.writestr("xl/_rels/workbook.xml.rels", RELS.format(rels=rels))
        if shared:
            book.writestr("xl/sharedStrings.xml", shared)
        if styles:
            book.writestr("xl/styles.xml", styles)
    return path


def csv_file(path: Path, rows: Sequence[Sequence[Any]], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    """A csv file of rows, quoted where needed."""
    import csv
    import io

    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def xlsx_file(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    """An xlsx with one sheet; str cells as shared strings, numbers as numbers, datetimes as dates."""
    import datetime

    import xlsxwriter

    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("订单")
    stamp = book.add_format({"num_format": "yyyy/m/d h:mm"})
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, datetime.datetime):
                sheet.write_datetime(number, column, value, stamp)
            elif isinstance(value, str):
                sheet.write_string(number, column, value)
            elif value is not None:
                sheet.write(number, column, value)
    book.close()
    return path
