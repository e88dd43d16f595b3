"""Files of every kind and damage, as streams of rows."""

from __future__ import annotations

import datetime
import gzip
import random
import zipfile
from pathlib import Path

import pytest

from zhanggui.facts.files import mapping, readers, text_rows, xlsx, xlsx_rows
from zhanggui.facts.files.tests.make import csv_file, raw_xlsx, sheet_xml, xlsx_file
from zhanggui.kernel.errors import BadInput

ROWS = [
    ["订单号", "商品名称", "实付金额"],
    ["3712345678901234567", "红糖姜茶，礼盒\n12 包", "39.90"],
    ["3712345678901234568", '带"引号"', "1,234.50"],
]


def read(path: Path, **more: str) -> list[list[str]]:
    return [cells for _, cells in readers.open_table(path, **more).rows()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_every_encoding_and_separator_reads_the_same(tmp_path: Path, encoding: str, delimiter: str) -> None:
    assert read(csv_file(tmp_path / "a.csv", ROWS, encoding, delimiter)) == ROWS


def test_compressed_csv_reads_the_same(tmp_path: Path) -> None:
    plain = csv_file(tmp_path / "a.csv", ROWS, "gbk")
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(plain, "订单.csv")
    assert read(packed) == read(archive) == ROWS


def test_a_name_does_not_fool_the_reader(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "order.xlsx", ROWS)
    assert readers.open_table(path).kind == "csv"
    assert read(path) == ROWS


def test_nul_bytes_and_blank_rows_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("订单号,金额\n\n1\x00,2\n,,\n3,4\n".encode())
    assert list(readers.open_table(path).rows()) == [(1, ["订单号", "金额"]), (3, ["1", "2"]), (5, ["3", "4"])]


def test_xlsx_keeps_long_ids_dates_gaps_and_types(tmp_path: Path) -> None:
    path = xlsx_file(
        tmp_path / "a.xlsx",
        [
            ["订单号", "下单时间", "空", "实付", "好"],
            ["3712345678901234567", datetime.datetime(2026, 8, 22, 13, 5, 7), None, 39.9, True],
            [None, None, None, 12],
        ],
    )
    assert read(path) == [
        ["订单号", "下单时间", "空", "实付", "好"],
        ["3712345678901234567", "2026-08-22 13:05:07", "", "39.9", "TRUE"],
        ["", "", "", "12"],
    ]


def test_xlsx_by_hand_inline_rich_errors_entities_and_odd_attributes(tmp_path: Path) -> None:
    shared = (
        "<?xml version='1.0'?><sst><si><t>订单号</t></si><si><r><t>富</t></r><r><t xml:space='preserve'> 文本</t></r><rPh sb='0' eb='1'><t>ふ</t></rPh></si>"
        "<si/><si><t>a &amp; b &lt;c&gt;_x000D_</t></si></sst>"
    )
    rows = [
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>内联</t></is></c><c r="C1" t="s"><v>1</v></c></row>',
        '<row r="2" spans="1:3"/>',
        '<row r="3"><c t="s" r="A3"><v>3</v></c><c r="C3" t="e"><v>#N/A</v></c><c r="E3" t="str"><f>A1&amp;"x"</f><v>公式</v></c><c r="F3" s="0"/></row>',
        '<row><c><v>1</v></c><c t="b"><v>1</v></c><c t="inlineStr"><is><r><t>一</t></r><r><t>二</t></r></is></c><c><f>1+1</f><v>2</v></c></row>',
    ]
    path = raw_xlsx(tmp_path / "a.xlsx", {"一": sheet_xml(rows)}, shared=shared)
    assert list(readers.open_table(path).rows()) == [
        (1, ["订单号", "内联", "富 文本"]), (3, ["a & b <c>\r", "", "#N/A", "", "公式"]), (4, ["1", "TRUE", "一二", "2"]),
    ]  # fmt: skip


def test_xlsx_with_a_namespace_prefix(tmp_path: Path) -> None:
    xml = '<x:worksheet><x:sheetData><x:row r="1"><x:c r="A1" t="inlineStr"><x:is><x:t>甲</x:t></x:is></x:c><x:c r="B1"><x:v>5</x:v></x:c></x:row></x:sheetData></x:worksheet>'
    assert read(raw_xlsx(tmp_path / "a.xlsx", {"一": xml})) == [["甲", "5"]]


def odd_rows(dice: random.Random, count: int) -> list[str]:
    """Rows as many writers make them: gaps, styles, types that change, entities, formulas, cells without a reference."""
    rows = []
    for n in range(1, count + 1):
        cells = ""
        for letter in "ABCDEFGH":
            at, kind = f'r="{letter}{n}"', dice.randrange(14)
            cells += {
                0: "", 1: f'<c {at} s="1"/>', 2: f'<c {at} t="s"><v>{dice.randrange(5)}</v></c>', 3: f'<c {at}><v>{dice.randrange(10**6) / 100}</v></c>',
                4: f'<c {at} s="1"><v>{46000 + dice.random()}</v></c>', 5: f'<c {at} t="inlineStr"><is><t>文字{n}</t></is></c>', 6: f'<c {at} t="b"><v>{dice.randrange(2)}</v></c>',
                7: f'<c {at} t="str"><f>A1</f><v>公式</v></c>', 8: f'<c {at} t="inlineStr"><is><t xml:space="preserve"> a &amp; b_x000D_ </t></is></c>', 9: f'<c s="0" {at}><v>7</v></c>',
                10: f'<c {at} t="e"><v>#N/A</v></c>', 11: f'<c {at}><v>3.7123456789012301E+18</v></c>', 12: f'<c {at} t="inlineStr"><is><r><t>富</t></r><r><t>文</t></r></is></c>', 13: f'<c {at} t="s"><v>x</v></c>',
            }[kind]  # fmt: skip
        rows.append(f'<row r="{n}">{cells}</row>' if n % 9 else f"<row>{cells}</row>")
    return rows


def test_reading_by_pattern_and_cell_by_cell_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(3)
    shared = "<sst>" + "".join(f"<si><t>共享{n}</t></si>" for n in range(5)) + "</sst>"
    usual = [
        f'<row r="{n}"><c r="A{n}" t="s"><v>{n % 5}</v></c><c r="B{n}"><v>{n}.5</v></c><c r="D{n}" s="1"><v>46000</v></c></row>'
        for n in range(300, 700)
    ]
    path = raw_xlsx(tmp_path / "a.xlsx", {"一": sheet_xml([*odd_rows(dice, 299), *usual])}, shared=shared, styles=STYLES)
    learned = list(readers.open_table(path).rows())
    monkeypatch.setattr(xlsx_rows._Shape, "MOST", 0)
    assert learned == list(readers.open_table(path).rows())
    assert learned[-1] == (699, ["共享4", "699.5", "", "2025-12-09 00:00:00"])


STYLES = (
    '<styleSheet><numFmts count="2"><numFmt numFmtId="170" formatCode="yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;"/><numFmt numFmtId="171" formatCode="0.00&quot;days&quot;"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs></styleSheet>'
)


@pytest.mark.parametrize(("since_1904", "day"), [(False, "2026-08-22"), (True, "2030-08-23")])
def test_xlsx_dates_follow_the_style_and_the_epoch(tmp_path: Path, since_1904: bool, day: str) -> None:
    row = '<row r="1"><c r="A1"><v>46256</v></c><c r="B1" s="1"><v>46256.5</v></c><c r="C1" s="2"><v>46256</v></c><c r="D1" s="3"><v>1.5</v></c></row>'
    path = raw_xlsx(tmp_path / "a.xlsx", {"一": sheet_xml([row])}, styles=STYLES, since_1904=since_1904)
    assert read(path) == [["46256", f"{day} 12:00:00", f"{day} 00:00:00", "1.5"]]


def test_xlsx_numbers_beyond_what_a_number_holds_are_reported(tmp_path: Path) -> None:
    rows = [
        '<row r="1"><c r="A1"><v>3712345678901234567</v></c><c r="B1"><v>3.7123456789012301E+18</v></c><c r="C1"><v>5.0999999999999996</v></c></row>'
    ]
    table = readers.open_table(raw_xlsx(tmp_path / "a.xlsx", {"一": sheet_xml(rows)}))
    assert [c for _, c in table.rows()] == [["3712345678901234567", "3.7123456789012301E+18", "5.1"]]
    assert any("超过 15 位" in w for w in table.warnings)


def test_the_sheet_that_looks_like_a_table_is_picked_and_another_can_be_named(tmp_path: Path) -> None:
    cover = sheet_xml(['<row r="1"><c r="A1" t="inlineStr"><is><t>说明</t></is></c></row>'])
    data = sheet_xml([f'<row r="{i}"><c r="A{i}"><v>1</v></c><c r="B{i}"><v>2</v></c></row>' for i in (1, 2)])
    path = raw_xlsx(tmp_path / "a.xlsx", {"封面": cover, "明细": data, "藏": data}, hidden=["藏"])
    table = readers.open_table(path)
    assert (table.sheet, table.sheets) == ("明细", ["封面", "明细"])
    assert read(path, sheet="封面") == [["说明"]]
    with pytest.raises(BadInput, match="没有名为"):
        readers.open_table(path, sheet="没有")


def test_pieces_are_cut_between_rows_whatever_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [["甲", "乙"], *[[f"编号{i}", str(i)] for i in range(300)]]
    path = xlsx_file(tmp_path / "a.xlsx", rows)
    for size in (64, 113, 1000):
        monkeypatch.setattr(xlsx, "PIECE", size)
        assert read(path) == rows


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "空"), ("a.csv", b"\xef\xbb\xbf  \n", "空"), ("a.xls", b"<html><table><tr><td>1</td></tr></table></html>", "网页"),
        ("a.xls", b"<?xml version='1.0'?><Workbook/>", "XML"), ("a.pdf", b"%PDF-1.7 abc", "PDF"), ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "打不开"),
        ("a.xlsx", b"PK\x03\x04" + b"x" * 200, "不完整"), ("a.csv", bytes(range(256)) * 40, "不是文本"), ("a.gz", b"\x1f\x8b\x08\x00" + b"\0" * 20, "损坏"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_with_a_remedy(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput, match=says) as caught:
        list(readers.open_table(path).rows())
    assert caught.value.remedy


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    whole = xlsx_file(tmp_path / "a.xlsx", [["甲", "乙"], *[[f"编号{i}", "x" * 50] for i in range(2000)]]).read_bytes()
    for cut in (50, len(whole) // 2, len(whole) - 30):
        path = tmp_path / "cut.xlsx"
        path.write_bytes(whole[:cut])
        with pytest.raises(BadInput):
            list(readers.open_table(path).rows())
    packed = gzip.compress("订单号,金额\n1,2\n".encode() * 5000)
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(packed[: len(packed) - 20])
    with pytest.raises(BadInput, match="损坏"):
        list(readers.open_table(path).rows())


def test_entities_and_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet><sheetData><row r="1"><c><v>&a;</v></c></row></sheetData></worksheet>'
    with pytest.raises(BadInput, match="外部引用"):
        read(raw_xlsx(tmp_path / "a.xlsx", {"一": evil}))
    monkeypatch.setattr(xlsx, "MAX_UNPACKED", 10_000)
    with pytest.raises(BadInput, match="大得不正常"):
        read(xlsx_file(tmp_path / "b.xlsx", [["甲", "乙"], *[["1", "2"]] * 2000]))


def test_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" * 100_000))
    monkeypatch.setattr(text_rows, "UNPACKED", 50_000)
    monkeypatch.setattr(text_rows, "MAX_TEXT", 50_000)
    with pytest.raises(BadInput, match="大得不正常"):
        list(readers.open_table(path).rows())


def test_zip_with_several_files_and_bad_quotes_and_too_many_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.csv", "a,b")
        file.writestr("b.csv", "a,b")
    with pytest.raises(BadInput, match="2 个文件"):
        readers.open_table(path)
    bad = tmp_path / "q.csv"
    bad.write_text('a,b\n1,"never closed\n' + "x,y\n" * 400_000)
    with pytest.raises(BadInput, match="引号"):
        list(readers.open_table(bad).rows())
    wide = csv_file(tmp_path / "w.csv", [[str(i) for i in range(600)]] * 3)
    with pytest.raises(BadInput, match="600 列"):
        list(readers.open_table(wide).rows())


def test_a_mixed_encoding_still_reads_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("订单号,金额\n".encode() * 50 + b"\xff\xff,1\n")
    table = readers.open_table(path)
    assert len(list(table.rows())) == 51
    assert table.warnings


def test_headers_below_titles_and_doubled_names(tmp_path: Path) -> None:
    rows = [
        ["8 月订单明细", "", "", ""],
        ["导出时间：2026-09-01", "", "", ""],
        ["订单号", "金额", "金额", "下单时间"],
        ["1", "2", "3", "2026-08-01"],
        ["2", "2", "3", "2026-08-02"],
    ]
    sniffed = mapping.sniff(readers.open_table(csv_file(tmp_path / "a.csv", rows)))
    assert (sniffed.header_row, sniffed.header) == (3, ["订单号", "金额", "金额#2", "下单时间"])
    assert [n for n, _ in sniffed.samples] == [4, 5]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([["订单号"], ["1"], ["2"]], "一列"),
        ([["订单号", "金额"]], "没有数据"),
        ([["1", "2026-01-01", "3"], ["2", "2026-01-02", "4"]], "表头"),
    ],
)
def test_tables_without_a_header_or_rows_are_refused(tmp_path: Path, rows: list[list[str]], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        mapping.sniff(readers.open_table(csv_file(tmp_path / "a.csv", rows)))


def test_two_hundred_columns_are_fine(tmp_path: Path) -> None:
    rows = [["订单号", "下单时间", "实付金额", *[f"备用{i}" for i in range(197)]], ["1", "2026-08-01", "5", *["x"] * 197]]
    table = readers.open_table(csv_file(tmp_path / "a.csv", rows))
    assert mapping.propose(table, mapping.sniff(table)).kind == "orders"
