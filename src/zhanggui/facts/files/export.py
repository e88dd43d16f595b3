"""Files we hand out: templates to fill in, and refused rows as a spreadsheet. Nothing in them runs when opened."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from zhanggui.facts.files import cells, fields
from zhanggui.facts.files.rows import REFUSED_HEADER
from zhanggui.kernel.errors import BadInput, NotFound


def workbook(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]], Sequence[int]]]) -> bytes:
    """An xlsx of (name, header, rows, column widths); every cell is text or a number, never a formula."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    bold = book.add_format({"bold": True, "bg_color": "#F2EDE4", "border": 1, "text_wrap": True, "valign": "top"})
    text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
    for name, header, rows, widths in sheets:
        sheet = book.add_worksheet(name[:31])
        sheet.freeze_panes(1, 0)
        for column, title in enumerate(header):
            sheet.set_column(column, column, widths[column] if column < len(widths) else 16, text)
            sheet.write_string(0, column, title, bold)
        for number, row in enumerate(rows, 1):
            for column, value in enumerate(row):
                if isinstance(value, int | float) and not isinstance(value, bool):
                    sheet.write_number(number, column, value)
                elif value not in (None, ""):
                    sheet.write_string(number, column, str(cells.safe(str(value)))[:32_000], text)
    book.close()
    return buffer.getvalue()


def export_template(kind: str) -> bytes:
    """An xlsx template of a kind of table: Chinese headers, one example row, and a sheet that explains every column."""
    if kind not in fields.KINDS:
        raise BadInput(f"没有“{kind}”这种表", remedy=f"可选：{'、'.join(fields.KINDS)}")
    chosen = fields.KINDS[kind]
    needed = {k for group in chosen.needs for k in group}
    shown = [f for f in chosen.fields if f.example or f.key in needed]
    heads = [f.name + ("(元)" if f.type == "money" else "") for f in shown]
    types = {
        "id": "编号，按文本填写",
        "text": "文字",
        "money": "金额，单位元",
        "int": "整数",
        "number": "数字",
        "moment": "日期时间",
        "day": "日期",
        "status": "文字",
        "bool": "是或否",
        "stars": "1 到 5 星，或好评、中评、差评",
        "span": "秒数，或 时:分:秒",
    }
    notes = [
        (h, "至少填一个：" + "、".join(chosen.field(k).name for g in chosen.needs if f.key in g for k in g) if any(f.key in g and len(g) > 1 for g in chosen.needs) else "必填" if f.key in needed else "可不填",
         types[f.type], f.example, "、".join(n for n in f.names[:6]))
        for h, f in zip(heads, shown, strict=True)
    ]  # fmt: skip
    return workbook([
        (chosen.name, heads, [[f.example for f in shown]], [max(14, len(h) * 2 + 4) for h in heads]),
        ("说明", ("列", "是否必填", "怎么填", "例子", "也认这些列名"), notes, (18, 26, 18, 22, 60)),
        ("导入规则", ("规则",), [(f"同一条记录按“{chosen.business_key}”识别，重复导入不会重复计数，内容有变会更新",), ("列的次序随意，用不到的列可以删掉；第一行必须是列名",), ("从第二行的例子开始改成自己的数据",)], (80,)),
    ])  # fmt: skip


def refused_file(path: Path | str, form: str = "csv") -> tuple[bytes, str]:
    """The refused rows of an import as (content, media type): the csv as it was written, or the same as xlsx.

    NotFound when the import refused nothing. At most 1,000,000 rows fit the xlsx.
    """
    path = Path(path)
    if not str(path) or not path.is_file():
        raise NotFound("这次导入没有拒收的行")
    if form == "csv":
        return path.read_bytes(), "text/csv; charset=utf-8"
    if form != "xlsx":
        raise BadInput("只有 csv 和 xlsx 两种格式")

    def rows() -> Iterable[Sequence[str]]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file)):
                if 0 < number <= 1_000_000:
                    yield row

    content = workbook([("拒收的行", REFUSED_HEADER, rows(), (8, 18, 30, 44, 52))])
    return content, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
