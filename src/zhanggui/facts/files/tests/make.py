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


class Importer:
    """Takes rows in as a file would be: opened, proposed, run; `take(rows)` gives the summary, `take.file` the file's row."""

    def __init__(self, shop: Any, folder: Path) -> None:
        self.shop, self.folder, self.count = shop, folder, 0
        self.file: Any = None
        self.proposal: Any = None

    def open(self, rows: Sequence[Sequence[Any]] | Path, kind: str | None = None, *, xlsx: bool = False) -> Any:
        """The proposal for the rows."""
        from zhanggui.facts import files

        if isinstance(rows, Path):
            path = rows
        else:
            self.count += 1
            path = self.folder / f"{self.count}.{'xlsx' if xlsx else 'csv'}"
            (xlsx_file if xlsx else csv_file)(path, rows)
        self.file = files.open_upload(self.shop, path, path.name, "老王")
        self.proposal = files.propose(self.file, kind)
        return self.proposal

    def __call__(
        self,
        rows: Sequence[Sequence[Any]] | Path,
        kind: str | None = None,
        *,
        xlsx: bool = False,
        changes: dict[str, Any] | None = None,
        **more: Any,
    ) -> Any:
        """Imports the rows, `changes` over the proposed mapping (None takes a field out)."""
        from zhanggui.facts import files

        proposal = self.open(rows, kind, xlsx=xlsx)
        columns = {k: v for k, v in (dict(proposal.columns) | (changes or {})).items() if v is not None}
        return files.run(self.file, columns, kind=proposal.kind, **more)
