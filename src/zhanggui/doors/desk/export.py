"""Rows as csv or xlsx for people: streamed, openable in Excel, and nothing in them runs when opened."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import xlsxwriter
from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse

from zhanggui.doors.errors import attachment
from zhanggui.kernel.errors import BadInput

XLSX_ROWS = 100_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: text beginning with = + - @ (or their wide forms) gets an apostrophe."""
    if not isinstance(value, str):
        return value
    if value.startswith(_STARTS):
        return "'" + value
    return value


class _Echo:
    def write(self, text: str) -> str:
        return text


def _csv_lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff" + str(writer.writerow([harmless(h) for h in header]))
    for row in rows:
        # Long digits as ="…" would be a formula; a tab keeps Excel from rounding order numbers past 15 digits.
        yield str(
            writer.writerow(
                [
                    f"{v}\t" if isinstance(v, str) and len(v) > 11 and v.isdigit() else "" if v is None else harmless(v)
                    for v in row
                ]
            )
        )


def csv_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponseBase:
    """A streamed csv in UTF-8 with a BOM; memory does not grow with the rows."""
    response = StreamingHttpResponse(_csv_lines(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = attachment(f"{name}.csv")
    response["Cache-Control"] = "no-store"
    return response


def xlsx_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponseBase:
    """An xlsx written row by row to a temporary file. Over 100,000 rows it says so in a last row; csv has no such limit."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - FileResponse closes it
    book = xlsxwriter.Workbook(
        file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    bold = book.add_format({"bold": True, "bg_color": "#F1EADC", "bottom": 1})
    sheet = book.add_worksheet("数据")
    sheet.freeze_panes(1, 0)
    for column, title in enumerate(header):
        sheet.set_column(column, column, max(12, min(40, len(title) * 2 + 6)))
        sheet.write_string(0, column, title, bold)
    for number, row in enumerate(rows, 1):
        if number > XLSX_ROWS:
            sheet.write_string(number, 0, f"只写到第 {XLSX_ROWS:,} 行；完整数据请导出 csv")
            break
        for column, value in enumerate(row):
            if isinstance(value, int | float) and not isinstance(value, bool):
                sheet.write_number(number, column, value)
            elif value not in (None, ""):
                sheet.write_string(number, column, str(harmless(str(value)))[:32_000])
    book.close()
    file.seek(0)
    response = FileResponse(file, content_type=XLSX)
    response["Content-Disposition"] = attachment(f"{name}.xlsx")
    response["Cache-Control"] = "no-store"
    return response


def answer(form: str, name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponseBase:
    """The rows in the wanted form. Raises BadInput for any other than csv and xlsx."""
    if form == "csv":
        return csv_answer(name, header, rows)
    if form == "xlsx":
        return xlsx_answer(name, header, rows)
    raise BadInput("只有 csv 和 xlsx 两种格式", remedy="请从页面上的导出按钮进入")
