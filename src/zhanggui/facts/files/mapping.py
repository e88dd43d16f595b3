"""Which row is the header, which column means what, in which unit and date order: proposed from names and values (pure).

A proposal is only a proposal: it says how sure it is and what to check, and the shopkeeper's own mapping wins.
Column settings are plain JSON: `{field: {"column": header, "unit": "yuan"|"fen", "format": "ymd"|"dmy"|"mdy",
"decimal": "comma", "level": "order"|"line"}}`; a bare header text is understood as well.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from zhanggui.facts.files import cells, fields
from zhanggui.facts.files.cells import CellError
from zhanggui.facts.files.readers import Table
from zhanggui.kernel.clock import SHANGHAI
from zhanggui.kernel.errors import BadInput

SAMPLE_ROWS = 2000
Setting = dict[str, Any]
Columns = dict[str, Setting]


@dataclass
class Sniffed:
    """The top of a table: its header, and the first rows below it."""

    header_row: int
    """Row number of the header as a spreadsheet shows it."""
    header: list[str]
    """Unique header texts: a repeated one gets "#2"; an empty one is "第3列"."""
    samples: list[tuple[int, list[str]]]

    @property
    def hash(self) -> str:
        """What identifies files of this shape: the header texts in order."""
        return hashlib.sha256("\x1f".join(self.header).encode()).hexdigest()

    def values(self, column: str) -> list[str]:
        """The filled sample cells of a column."""
        index = self.header.index(column)
        return [v for _, row in self.samples if index < len(row) and (v := row[index].strip()) not in cells.BLANKS]


@dataclass
class Proposal:
    """How a file would be understood."""

    kind: str
    kind_name: str
    confidence: float
    columns: Columns
    header: list[str]
    header_row: int
    unit: str
    """yuan or fen: what the amounts of the file are taken for."""
    sample_rows: list[list[str]]
    problems: list[str]
    """What to look at before importing, in Chinese."""
    missing: list[str]
    """Names of what the kind needs and the file does not seem to have; an import is refused while any is left."""
    unmapped: list[str]
    remembered: bool = False
    sheet: str = ""
    sheets: list[str] = field(default_factory=list)
    encoding: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    """Per field, how sure the proposal is."""

    @property
    def ready(self) -> bool:
        """Whether the file could be imported as proposed."""
        return not self.missing


def sniff(table: Table) -> Sniffed:
    """The header and first rows of a table; BadInput when there is no header or nothing below it."""
    top = list(islice(table.rows(), SAMPLE_ROWS + 60))
    if not top:
        raise BadInput("表格里没有内容", remedy="重新导出一份有内容的表格")
    typical = _typical_width([row for _, row in top])
    if typical < 2:
        raise BadInput("表格只有一列，认不出是什么", remedy="检查分隔符；至少要有表头和两列数据")
    if typical > 400:
        raise BadInput(f"表格有 {typical} 列，太多了", remedy="只保留用得到的列再导入")
    best, best_score = -1, 0.0
    for index, (_, row) in enumerate(top[:40]):
        score = _header_score(row, typical)
        if score > best_score + 0.01:
            best, best_score = index, score
    if best < 0:
        raise BadInput("找不到表头", remedy="第一行请写列名，例如：订单号、下单时间、数量、实付金额")
    best, raw = _whole_header(top, best)
    number = top[best][0]
    if best + 1 >= len(top):
        raise BadInput("表头下面没有数据", remedy="导出的时间范围里可能没有记录，换一个时间范围再导出")
    header: list[str] = []
    width = _width(raw, [r for _, r in top[best + 1 : best + 201]])
    for position in range(width):
        text = cells.words(raw[position].replace("\ufeff", "")) if position < len(raw) else ""
        text = text[:80] or f"第{position + 1}列"
        name, copy = text, 2
        while name in header:
            name, copy = f"{text}#{copy}", copy + 1
        header.append(name)
    # Trailing columns without a name or content are an artefact of the export.
    while (
        header
        and header[-1].startswith("第")
        and not any(len(r) >= len(header) and r[len(header) - 1].strip() for _, r in top[best + 1 :])
    ):
        header.pop()
    return Sniffed(number, header, [(n, list(r)) for n, r in top[best + 1 : best + 1 + SAMPLE_ROWS]])


def _width(raw: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """How many columns a table has: the header's, and nameless ones beside it that at least half of the rows fill."""
    widths = sorted(len(_stripped(r)) for r in rows)
    return max(len(raw), widths[(len(widths) - 1) // 2])


def _whole_header(top: Sequence[tuple[int, list[str]]], best: int) -> tuple[int, list[str]]:
    """The header's last row and its texts where names stand on two rows (groups above, or cells merged over both)."""
    number, raw = top[best]
    if best + 1 < len(top) and top[best + 1][0] == number + 1:
        below = top[best + 1][1]
        named = [i for i, c in enumerate(below) if c.strip()]
        if (
            named
            and all(fields.is_known(below[i]) for i in named)
            and any(i >= len(raw) or not raw[i].strip() for i in named)
            and len(named) < len([c for c in raw if c.strip()]) + len(named)
            and any(c.strip() and (i >= len(below) or not below[i].strip()) for i, c in enumerate(raw))
        ):
            width = max(len(raw), len(below))
            return best + 1, [_at(below, i) or _at(raw, i) for i in range(width)]
    if best and top[best - 1][0] == number - 1:
        above = top[best - 1][1]
        if sum(1 for c in above if c.strip()) > 1:
            return best, [_at(raw, i) or _at(above, i) for i in range(max(len(raw), len(above)))]
    return best, raw


def _at(row: Sequence[str], place: int) -> str:
    return row[place] if place < len(row) and row[place].strip() else ""


def _stripped(row: Sequence[str]) -> list[str]:
    out = list(row)
    while out and not out[-1].strip():
        out.pop()
    return out


def _typical_width(rows: Sequence[Sequence[str]]) -> int:
    widths = sorted(sum(1 for c in row if c.strip()) for row in rows)
    return max(widths[-1] if len(widths) < 4 else widths[len(widths) * 9 // 10], len(rows[0]) if len(rows) == 1 else 0)


def _header_score(row: Sequence[str], typical: int) -> float:
    """How much a row looks like a header: many different short texts, few numbers, known names."""
    filled = [c.strip() for c in row if c.strip()]
    if not filled or len(filled) * 2 < min(typical, 6) or (len(filled) < 2 and typical >= 2):
        return 0.0
    numeric = sum(1 for c in filled if re.fullmatch(r"[-+¥￥$]?[\d,.:/ \-]+%?", c) and not re.fullmatch(r"\d{4}-\d{2}", c))
    if numeric * 2 > len(filled):
        return 0.0
    known = 0.0
    for text in set(filled):
        known += (
            max((found[0][1] if (found := fields.candidates(k, text)) else 0.0) for k in fields.KINDS.values())
            if len(text) <= 40
            else 0.0
        )
    share = len(filled) / max(typical, 1)
    return known * 2 + min(share, 1.2) + len(set(filled)) / len(filled) - numeric / len(filled) * 2


# ------------------------------------------------------------------------------------------------ proposal


def _fit(field_: fields.Field, values: Sequence[str], zone: ZoneInfo) -> float:
    """The share of sample values that read as the field's type; 1.0 for an empty column."""
    values = values[:200]
    if not values:
        return 1.0
    good = 0
    order, _ = cells.date_order(values) if field_.type in {"moment", "day"} else ("mdy", True)
    comma = cells.decimal_comma(values) if field_.type in {"money", "number"} else False
    moments = cells.Moments(zone, order)
    for value in values:
        try:
            if field_.type in {"moment", "day"}:
                moments.micros_of(value)
            elif field_.type in {"money", "number"}:
                cells.micros(value, comma)
            elif field_.type == "int":
                cells.whole(value)
            elif field_.type == "id" and (len(value) > 64 or cells.fields_blank(value)):
                continue
            good += 1
        except CellError:
            continue
    return good / len(values)


def assign(kind: fields.Kind, sniffed: Sniffed, zone: ZoneInfo = SHANGHAI) -> dict[str, tuple[str, float]]:
    """For each field of a kind, the column that fits it best and how sure that is; one column serves one field."""
    options: list[tuple[float, int, str, str]] = []
    for position, column in enumerate(sniffed.header):
        text = column.rsplit("#", 1)[0] if re.search(r"#\d+$", column) else column
        found = fields.candidates(kind, text)
        values = sniffed.values(column) if found else []
        for key, score in found[:4]:
            item = kind.field(key)
            fit = _fit(item, values, zone)
            if fit < 0.5:
                continue
            sure = score * (0.5 + 0.5 * fit) * (1.0 if values else 0.6)
            options.append((sure, -position, key, column))
    chosen: dict[str, tuple[str, float]] = {}
    used: set[str] = set()
    for sure, _, key, column in sorted(options, key=lambda o: (-o[0], -o[1])):
        if key not in chosen and column not in used and sure >= 0.3:
            chosen[key] = (column, round(sure, 3))
            used.add(column)
    return chosen


def missing(kind: fields.Kind, mapped: Mapping[str, Any]) -> list[str]:
    """Names of what a kind still needs."""
    lacking = [group for group in kind.needs if not any(k in mapped for k in group)]
    if lacking[:1] == [kind.needs[0]] and any(k in mapped for k in kind.instead):
        lacking = lacking[1:]
    return ["或".join(kind.field(k).name for k in group) for group in lacking]


def _rating(kind: fields.Kind, chosen: Mapping[str, tuple[str, float]], width: int) -> float:
    return sum(chosen[k][1] for k in kind.telling if k in chosen) + 2.0 * len(chosen) / max(1, width)


def unit_of(header: str, values: Sequence[str]) -> tuple[str, bool]:
    """("yuan" or "fen", whether the header or the values settle it) for a column of amounts."""
    plain = header.strip().lower()
    if re.search(r"[(（\[/_\-—]\s*(?:单位[:：]?\s*)?分\s*[)）\]]?$|单位[:：]?分|(?:_|\b)(?:fen|cents?)$", plain):
        return "fen", True
    if re.search(r"元|yuan|rmb|cny|usd|gbp|eur|￥|¥|\$", plain):
        return "yuan", True
    numbers = []
    for value in values[:500]:
        if "." in value or any(c in value for c in "¥￥$€£元"):
            return "yuan", True
        try:
            numbers.append(abs(cells.micros(value)) // cells.MICRO)
        except CellError:
            continue
    numbers = sorted(n for n in numbers if n)
    if len(numbers) < 5:
        return "yuan", not numbers
    # Prices in 分 end in 0 almost always (39.90 → 3990) and are rarely whole 元; prices in 元 end in 8 and 9.
    tens, hundreds = sum(n % 10 == 0 for n in numbers) / len(numbers), sum(n % 100 == 0 for n in numbers) / len(numbers)
    if numbers[len(numbers) // 2] >= 500 and tens >= 0.9 and hundreds <= 0.7:
        return "fen", False
    return "yuan", numbers[len(numbers) // 2] < 500


def settle(kind: fields.Kind, sniffed: Sniffed, columns: Mapping[str, Any]) -> tuple[Columns, list[str]]:
    """A mapping with units, date orders and decimal signs filled in where it does not say, and what to check.

    Raises BadInput for a field the kind does not have or a column the file does not have.
    """
    out: Columns = {}
    problems: list[str] = []
    for key, raw in columns.items():
        if key not in kind.keys:
            raise BadInput(
                f"{kind.name}没有“{key}”这个字段", remedy=f"可用字段：{'、'.join(f'{f.key}（{f.name}）' for f in kind.fields)}"
            )
        setting: Setting = {"column": raw} if isinstance(raw, str) else dict(raw)
        column = str(setting.get("column", ""))
        if not column:
            continue
        if column not in sniffed.header:
            raise BadInput(f"文件里没有“{column}”这一列", remedy=f"现有的列：{'、'.join(sniffed.header[:40])}")
        item = kind.field(key)
        values = sniffed.values(column)
        if item.type == "money":
            if setting.get("unit") not in {"yuan", "fen"}:
                setting["unit"], sure = unit_of(column, values)
                if not sure:
                    name = "分" if setting["unit"] == "fen" else "元"
                    problems.append(f"“{column}”没有写单位，暂按{name}计；如不对请改")
            if "decimal" not in setting and cells.decimal_comma(values):
                setting["decimal"] = "comma"
        elif item.type in {"moment", "day"} and setting.get("format") not in {"ymd", "dmy", "mdy"}:
            setting["format"], sure = cells.date_order(values)
            if not sure:
                problems.append(f"“{column}”里日和月谁在前看不出来，暂按“月/日/年”读；如不对请改为日在前")
        if item.type in {"moment", "day", "money", "int"} and values:
            fit = _fit(item, values, SHANGHAI)
            if fit < 0.9:
                problems.append(f"“{column}”里约 {round((1 - fit) * 100)}% 的值读不成{item.name}，这些行会被拒收")
        if item.type == "id" and cells.were_cut(values):
            problems.append(
                f"“{column}”的长编号只剩前 15 位（后面都成了 0），是被 Excel 改过：这些行会被拒收。{cells.EXCEL_REMEDY}"
            )
        out[key] = setting
    if kind is fields.ORDERS:
        problems += _compare_units(sniffed, out, columns)
    units = {s["unit"] for s in out.values() if "unit" in s}
    if len(units) > 1:
        problems.append("有的金额列按元、有的按分，请核对单位")
    return out, problems


def _compare_units(sniffed: Sniffed, settled: Columns, given: Mapping[str, Any]) -> list[str]:
    """Sets the unit of an amount that is a hundred times what price and quantity come to (or a hundredth), unless it was given."""
    if "unit_price" not in settled or "quantity" not in settled:
        return []
    out = []
    for key in ("line_amount", "line_paid", "paid"):
        if key not in settled:
            continue
        ratio = _ratio(sniffed, settled, key)
        if ratio is None or 0.02 < ratio < 50:
            continue
        wrong = key if ratio >= 50 else "unit_price"
        said = given.get(wrong)
        if isinstance(said, Mapping) and said.get("unit"):
            continue
        settled[wrong]["unit"] = "fen"
        out.append(f"“{settled[wrong]['column']}”的数是别的金额列的 100 倍，按分计；如不对请改")
    return out


def _ratio(sniffed: Sniffed, settled: Columns, key: str) -> float | None:
    """The middle of amount / (price × quantity) over the sample rows, as settled; None when few rows give all three."""
    places = [sniffed.header.index(str(settled[k]["column"])) for k in (key, "unit_price", "quantity")]
    scale = (100 if settled["unit_price"].get("unit") == "fen" else 1) / (100 if settled[key].get("unit") == "fen" else 1)
    found = []
    for _, row in sniffed.samples[:300]:
        try:
            amount, price, quantity = (cells.micros(_at(row, p)) for p in places)
        except CellError:
            continue
        if amount > 0 and price > 0 and quantity > 0:
            found.append(amount / price / (quantity / cells.MICRO) * scale)
    return sorted(found)[len(found) // 2] if len(found) >= 3 else None


def propose(
    table: Table, sniffed: Sniffed, kind_key: str | None = None, remembered: tuple[str, Columns] | None = None
) -> Proposal:
    """How a table would be taken in: the kind (guessed unless given), its columns, units and what to check."""
    if kind_key is not None and kind_key not in fields.KINDS:
        raise BadInput(
            f"没有“{kind_key}”这种表", remedy=f"可选：{'、'.join(f'{k.key}（{k.name}）' for k in fields.KINDS.values())}"
        )
    choices = [fields.KINDS[kind_key]] if kind_key else list(fields.KINDS.values())
    known = remembered is not None and (kind_key in (None, remembered[0])) and remembered[0] in fields.KINDS
    scores: dict[str, float] = {}
    if known and remembered is not None:
        kind = fields.KINDS[remembered[0]]
        columns: Columns = {
            k: _fitting(kind.field(k), v, sniffed)
            for k, v in remembered[1].items()
            if k in kind.keys and v.get("column") in sniffed.header
        }
        confidence = 1.0
    else:
        ranked = []
        for choice in choices:
            chosen = assign(choice, sniffed)
            ranked.append((-len(missing(choice, chosen)), _rating(choice, chosen, len(sniffed.header)), choice, chosen))
        ranked.sort(key=lambda r: (r[0], r[1]), reverse=True)
        lacks, rating, kind, chosen = ranked[0]
        columns = {k: {"column": c} for k, (c, _) in chosen.items()}
        scores = {k: s for k, (_, s) in chosen.items()}
        required = [max((chosen[k][1] for k in group if k in chosen), default=0.0) for group in kind.needs]
        confidence = sum(required) / len(required) if not lacks else 0.0
        if len(ranked) > 1 and ranked[1][0] == 0 and rating:
            confidence *= min(1.0, 0.6 + (rating - ranked[1][1]) / rating)
    columns, problems = settle(kind, sniffed, columns)
    lacking = missing(kind, columns)
    if lacking:
        problems = [*_why_not(kind, kind_key, sniffed, columns, lacking), *problems]
    if kind.key == "orders" and columns and not lacking:
        if not any(k in columns for k in ("openid", "unionid", "customer_id", "buyer_phone", "phone")):
            problems.append("没有买家列：订单会导入，但算不出复购和客户数")
        if "status" not in columns:
            problems.append("没有订单状态列：全部按已成交计")
        if "order_id" not in columns:
            problems.append("没有订单号列：同一买家同一时刻的行算一笔订单")
    if kind.key == "stock" and not lacking and "at" not in columns:
        problems.append("没有盘点时间列：按今天的库存计")
    if kind.key == "costs" and not lacking and "since" not in columns:
        problems.append("没有生效日期列：SKU 的第一个成本从头算起，改价从今天算起")
    if kind.key == "reviews" and not lacking and "at" not in columns:
        problems.append("没有评价时间列：按导入当天计，看不出评价随时间的变化")
    if table.others:
        problems.append(
            f"这次只读工作表“{table.sheet}”；{'、'.join(f'“{n}”' for n in table.others[:5])}也有数据，要导入请换工作表再导一次"
        )
    problems += sorted(table.warnings)
    used = {str(s["column"]) for s in columns.values()}
    units = [s["unit"] for s in columns.values() if "unit" in s]
    return Proposal(
        kind.key, kind.name, round(confidence, 3), columns, sniffed.header, sniffed.header_row, units[0] if units else "yuan",
        [row[: len(sniffed.header)] for _, row in sniffed.samples[:8]], problems, lacking, [h for h in sniffed.header if h not in used],
        known, table.sheet, table.sheets, table.encoding, scores,
    )  # fmt: skip


def _fitting(item: fields.Field, setting: Mapping[str, Any], sniffed: Sniffed) -> Setting:
    """A remembered setting, its date order put right where this file's own dates settle it."""
    out = dict(setting)
    if item.type in {"moment", "day"}:
        order, sure = cells.date_order(sniffed.values(str(setting["column"])))
        if sure:
            out["format"] = order
    return out


def _why_not(kind: fields.Kind, asked: str | None, sniffed: Sniffed, columns: Columns, lacking: list[str]) -> list[str]:
    """Why a table cannot be taken in, and what to do, in words."""
    periods = [
        h for h in sniffed.header if re.fullmatch(r"(?:19|20)\d{2}[-/.年]?\d{1,2}月?|[Ww]\d{1,2}|\d{1,2}月|(?:Q|第)\d季?度?", h)
    ]
    if len(periods) >= 4 and len(periods) * 2 > len(sniffed.header):
        return [
            f"这是横排表（{periods[0]}、{periods[1]} … 各占一列），不是一行一条的明细。请导出订单或库存明细，或改成一行一条：商品、日期、数量"
        ]
    seen = "、".join(f"{kind.field(k).name}={s['column']}" for k, s in columns.items())
    known = f"（已认出：{seen}）" if seen else ""
    wants = f"还缺：{'；'.join(lacking)}"
    if asked:
        return [f"按{kind.name}导入{wants}。请在原表加上这些列，或手动指定是哪一列{known}"]
    if len(columns) >= 2 and len(lacking) == 1:
        out = [f"看起来像{kind.name}表，但{wants}。请在原表加上这一列，或手动指定是哪一列{known}"]
    else:
        out = [f"认不出这是什么表；最接近{kind.name}表，{wants}{known}"]
    out.append(f"可导入的表：{'、'.join(k.name for k in fields.KINDS.values())}；不确定列名时可下载模板照着填")
    return out
