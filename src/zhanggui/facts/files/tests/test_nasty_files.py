"""Files as people really have them, end to end: what stands in the books afterwards, or why nothing does."""

from __future__ import annotations

import datetime
import random
import struct
import zipfile
from pathlib import Path

import pytest

from zhanggui.facts.files import readers, text_rows
from zhanggui.facts.files.tests.make import csv_file, raw_xlsx, sheet_xml, xlsx_file
from zhanggui.facts.models import Customer, ImportFile, LakeDirty, Order, OrderLine
from zhanggui.kernel.errors import BadInput, ZhangguiError

HEAD = ["订单号", "下单时间", "商品名称", "数量", "实付金额"]
TWO = [
    HEAD,
    ["3712345678901234567", "2026-08-01 10:00:00", "红糖姜茶", "1", "39.90"],
    ["3712345678901234568", "2026-08-02 10:00:00", "红糖姜茶", "2", "1,239.90"],
]
BOOKS = [("3712345678901234567", 3990), ("3712345678901234568", 123990)]


def books() -> list[tuple[str, int]]:
    return list(Order.objects.order_by("order_id").values_list("order_id", "paid_fen"))


def nothing_written() -> None:
    assert (
        not Order.objects.exists()
        and not Customer.objects.exists()
        and not LakeDirty.objects.exists()
        and not ImportFile.objects.exists()
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_separators(take, tmp_path, encoding, delimiter):
    take(csv_file(tmp_path / "a.csv", TWO, encoding, delimiter))
    assert books() == BOOKS and set(OrderLine.objects.values_list("title", flat=True)) == {"红糖姜茶"}


def test_european_text_is_not_taken_for_chinese(take, tmp_path):
    rows = [
        HEAD,
        ["1", "2026-08-01", "Café crème £5 déjà", "1", "5"],
        *[[str(i), "2026-08-01", "plain words in English", "1", "5"] for i in range(2, 30)],
    ]
    path = tmp_path / "a.csv"
    path.write_bytes(
        "\n".join(",".join(r) for r in [["InvoiceNo", "InvoiceDate", "Description", "Quantity", "total"], *rows[1:]]).encode(
            "cp1252"
        )
    )
    take(path)
    assert OrderLine.objects.get(order__order_id="1").title == "Café crème £5 déjà"


def test_a_utf8_file_with_one_broken_byte_stays_utf8(take, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(
        "\n".join(",".join(r) for r in [HEAD, *[[str(i), "2026-08-01", "红糖姜茶礼盒", "1", "5"] for i in range(40)]])
        .encode()
        .replace("茶礼".encode(), b"\xe8\x8c", 1)
    )
    summary = take(path)
    assert summary.accepted == 40 and OrderLine.objects.filter(title="红糖姜茶礼盒").count() == 39
    assert any("�" in p for p in summary.problems)


@pytest.mark.parametrize(
    ("cell", "fen"),
    [("39.90", 3990), ("¥1,239.90", 123990), ("￥ 39.9 元", 3990), ("３９．９０", 3990), ("39.90元", 3990), ("1.2万", 1200000), ("CNY 39.90", 3990), ("'39.90", 3990), ("39.900000000000006", 3990)],
)  # fmt: skip
def test_amounts_as_people_write_them(take, cell, fen):
    take([HEAD, ["1", "2026-08-01", "茶", "1", cell]])
    assert books() == [("1", fen)]


@pytest.mark.parametrize(
    "cell",
    ["2026-08-22 13:05:00", "2026/8/22 13:05", "2026年8月22日 13时05分", "20260822130500", "20260822 13:05:00", "2026-08-22T05:05:00Z", "2026/8/22 下午 1:05", "2026/8/22 1:05:00 PM", "46256.545138888889", "1787375100", "2026-08-22 星期六 13:05", "２０２６－０８－２２ １３：０５"],
)  # fmt: skip
def test_moments_as_people_write_them(take, cell):
    take([HEAD, ["1", cell, "茶", "1", "5"]])
    assert Order.objects.get().created_at == datetime.datetime(2026, 8, 22, 5, 5, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    "wrapped",
    [
        "\t3712345678901234567",
        '="3712345678901234567"',
        "'3712345678901234567",
        "3712345678901234567\u200b",
        "３７１２３４５６７８９０１２３４５６７",
        " 3712345678901234567 ",
    ],
)
def test_ids_wrapped_against_excel(take, wrapped):
    take([HEAD, [wrapped, "2026-08-01", "茶", "1", "5"]])
    assert books() == [("3712345678901234567", 500)]


def test_ids_that_excel_has_damaged_are_refused_with_the_remedy(take):
    summary = take([HEAD, ["3.71235E+18", "2026-08-01", "茶", "1", "5"], ["3712345678901234567", "2026-08-01", "茶", "1", "5"]])
    assert (
        books() == [("3712345678901234567", 500)]
        and "重新导出" in summary.first_refusals[0]["remedy"]
        and summary.first_refusals[0]["row"] == 2
    )


def test_ids_cut_to_fifteen_digits_are_refused_and_honest_zeros_are_not(take):
    cut = [[str(3712345678900000000 + i * 10000), "2026-08-01", "茶", "1", "5"] for i in range(1, 20)]
    proposal = take.open([HEAD, *cut])
    assert any("前 15 位" in p for p in proposal.problems)
    summary = take([HEAD, *cut])
    assert (summary.refused, summary.accepted) == (19, 0) and not Order.objects.exists()
    assert "重新导出" in summary.first_refusals[0]["remedy"]
    honest = [[str(3712345678900000000 + i * 1234567), "2026-08-01", "茶", "1", "5"] for i in range(30)]
    assert take([HEAD, *honest]).refused == 0


def test_ids_stored_as_numbers_in_a_spreadsheet(take, tmp_path):
    cells = '<row r="{n}"><c r="A{n}"><v>{id}</v></c><c r="B{n}" t="inlineStr"><is><t>2026-08-01</t></is></c><c r="C{n}"><v>5</v></c></row>'
    head = (
        '<row r="1">'
        + "".join(
            f'<c r="{c}1" t="inlineStr"><is><t>{t}</t></is></c>'
            for c, t in zip("ABC", ["订单号", "下单时间", "实付金额"], strict=True)
        )
        + "</row>"
    )
    path = raw_xlsx(
        tmp_path / "a.xlsx",
        {
            "一": sheet_xml(
                [
                    head,
                    cells.format(n=2, id="3.7123456789012301E+18"),
                    cells.format(n=3, id="3712345678901234567"),
                    cells.format(n=4, id="86"),
                ]
            )
        },
    )
    summary = take(path)
    assert books() == [("3712345678901234567", 500), ("86", 500)] and summary.refused == 1


def test_titles_above_totals_below_and_gaps_between(take):
    rows = [
        ["8 月订单明细"], ["店铺：掌柜的店", "", "导出时间：2026-09-01"], [], ["", *HEAD, ""], ["", *TWO[1], ""], [], [""] * 7, ["", *TWO[2], ""], ["", *HEAD, ""], ["", "合计", "", "", "3", "1,279.80", ""],
    ]  # fmt: skip
    summary = take(rows)
    assert books() == BOOKS
    assert [(r["row"], r["reason"]) for r in summary.first_refusals] == [(9, "重复的表头"), (10, "合计行，不是一条记录")]


@pytest.mark.parametrize("label", ["合计", "总计：", "共 2 单", "Total", "小计(元)", "汇总"])
def test_total_rows_never_count(take, label):
    summary = take([*TWO, [label, "", "", "3", "1279.80"]])
    assert summary.gross_fen == 127980 and summary.refused == 1 and "合计" in next(iter(summary.reasons))


def test_merged_cells_of_a_spreadsheet_mean_what_they_show(take, tmp_path):
    import xlsxwriter

    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.merge_range("A1:E1", "八月订单")
        sheet.merge_range("A2:A3", "订单号")
        sheet.merge_range("B2:B3", "下单时间")
        sheet.merge_range("C2:D2", "商品信息")
        sheet.write_row("C3", ["商品名称", "数量"])
        sheet.merge_range("E2:E3", "实付金额")
        sheet.merge_range("A4:A5", "1")
        sheet.merge_range("B4:B5", "2026-08-01")
        sheet.write_row("C4", ["茶", 1])
        sheet.write_row("C5", ["糖", 2])
        sheet.merge_range("E4:E5", 12.5)
        sheet.write_row("A6", ["2", "2026-08-02", "茶", 1, 5])
    take(path)
    assert books() == [("1", 1250), ("2", 500)] and OrderLine.objects.filter(order__order_id="1").count() == 2


def test_several_sheets_are_told_of_and_can_be_chosen(take, tmp_path):
    import xlsxwriter

    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("说明").write_row(0, 0, ["这是导出说明", "请阅读"])
        for name, order_id in (("一月", "1"), ("二月", "2")):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, HEAD)
            sheet.write_row(1, 0, [order_id, "2026-01-01", "茶", 1, 5])
    proposal = take.open(path)
    assert (
        proposal.sheet == "一月"
        and any("“二月”也有数据" in p for p in proposal.problems)
        and not any("说明" in p for p in proposal.problems)
    )
    from zhanggui.facts import files

    other = files.propose(take.file, sheet="二月")
    assert files.run(take.file, other.columns).created["orders"] == 1 and books() == [("2", 500)]


def test_dates_by_style_in_both_epochs(take, tmp_path):
    import xlsxwriter

    for since_1904, name in ((False, "1"), (True, "2")):
        path = tmp_path / f"{name}.xlsx"
        with xlsxwriter.Workbook(str(path), {"date_1904": since_1904}) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, HEAD)
            sheet.write_row(1, 0, [name, None, "茶", 1, 5])
            sheet.write_datetime(
                1, 1, datetime.datetime(2026, 8, 22, 13, 5), book.add_format({"num_format": 'yyyy"年"m"月"d"日" 上午/下午h:mm'})
            )
        take(path)
    assert set(Order.objects.values_list("created_at", flat=True)) == {datetime.datetime(2026, 8, 22, 5, 5, tzinfo=datetime.UTC)}


def test_formulas_count_by_their_last_value_and_their_errors_are_named(take, tmp_path):
    import xlsxwriter

    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEAD)
        for n, (order_id, value) in enumerate([("1", 12.5), ("2", "#DIV/0!")], 1):
            sheet.write_row(n, 0, [order_id, "2026-08-01", "茶", 1])
            sheet.write_formula(n, 4, "=A1*2", None, value)
    summary = take(path)
    assert books() == [("1", 1250)] and "公式错误" in next(iter(summary.reasons))


def test_macros_are_ignored(take, tmp_path):
    path = xlsx_file(tmp_path / "a.xlsm", TWO)
    with zipfile.ZipFile(path, "a") as book:
        book.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0macro")
    take(path)
    assert books() == BOOKS


def test_quotes_newlines_ragged_rows_and_nul(take, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(
        '订单号,下单时间,商品名称,数量,实付金额\r\n1,2026-08-01,"带""引号"",和\r\n换行",1,5\r\n2,2026-08-01,短\r\n3,2026-08-01,长,1,5,,,\r\n4,2026-08-01,多,1,5,多余\r\n5\x00,2026-08-01,空字\x00节,1,5\r\n\r\n'.encode()
    )  # fmt: skip
    summary = take(path)
    assert books() == [("1", 500), ("3", 500), ("5", 500)]
    assert (
        OrderLine.objects.get(order__order_id="1").title == '带"引号",和 换行'
        and OrderLine.objects.get(order__order_id="5").title == "空字节"
    )
    assert [(r["row"], r["reason"]) for r in summary.first_refusals] == [(5, "这一行有 6 格，比表头的 5 列多"), (3, "缺金额")]


@pytest.mark.parametrize(
    "stray", ['1,2026-08-01,"茶,1,5\n2,2026-08-01,糖,1,5\n3,2026-08-01,"盐",1,5', '1,2026-08-01,"茶,1,5\n2,2026-08-01,"糖",1,5']
)
def test_a_lone_quote_never_swallows_rows_in_silence(take, tmp_path, stray):
    path = tmp_path / "a.csv"
    path.write_text(",".join(HEAD) + "\n" + stray + "\n4,2026-08-01,油,1,5\n", "utf-8")
    with pytest.raises(BadInput, match="引号没有成对") as caught:
        take(path)
    assert caught.value.remedy and not Order.objects.exists()


def test_several_lines_in_a_cell_are_no_stray_quote(take, tmp_path):
    path = csv_file(
        tmp_path / "a.csv",
        [[*HEAD, "地址"], *[[str(i), "2026-08-01", "茶, 大\n盒,装", "1", "5", "一号楼\n二单元, 三楼\n四"] for i in range(5)]],
    )
    assert take(path).accepted == 5


def ole(content: bytes) -> bytes:
    """Something that begins like an OLE file."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504 + content


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("空.csv", b"", "空"), ("空.xlsx", b"", "空"), ("只有表头.csv", "订单号,下单时间,实付金额\n".encode(), "没有数据"), ("一列.csv", "订单号\n1\n2\n".encode(), "一列"),
        ("密码.xlsx", ole("EncryptedPackage".encode("utf-16-le")), "密码"), ("坏.xls", ole(b"\xff" * 4000), "打不开"), ("网页.xls", b"<html><body><table></table></body></html>", "网页"),
        ("图.xlsx", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "图片"), ("包.rar", b"Rar!\x1a\x07\x00abc", "压缩包"), ("数据.json", b'[{"order_id": 1}]', "JSON"), ("文.pdf", b"%PDF-1.7", "PDF"),
        ("无表头.csv", b"1,2026-08-01,5\n2,2026-08-02,6\n3,2026-08-02,6\n", "表头"), ("残.xlsx", b"PK\x03\x04" + b"\x11" * 400, "不完整"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_in_words_and_leaves_nothing(take, tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput, match=says) as caught:
        take(path)
    assert caught.value.remedy
    assert not Order.objects.exists() and not LakeDirty.objects.exists()


@pytest.mark.parametrize(("member", "says"), [("content.xml", "ods"), ("Index/Document.iwa", "Numbers")])
def test_other_spreadsheets_say_how_to_save_them(take, tmp_path, member, says):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(member, "x")
        file.writestr("other", "x")
    with pytest.raises(BadInput, match=says):
        take(path)
    nothing_written()


def test_bombs_are_refused(take, tmp_path, monkeypatch):
    import gzip

    monkeypatch.setattr(text_rows, "UNPACKED", 100_000)
    monkeypatch.setattr(text_rows, "MAX_TEXT", 100_000)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" * 200_000))
    with pytest.raises(BadInput, match="大得不正常"):
        take(path)
    nothing_written()


def biff(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def xls_file(path: Path, rows) -> Path:
    """A small .xls (BIFF8 in an OLE container) of texts and numbers, written by hand."""

    def text(t: str) -> bytes:
        return struct.pack("<HB", len(t), 1) + t.encode("utf-16-le")

    cells = b""
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, str):
                cells += biff(0x0204, struct.pack("<HHH", r, c, 0) + text(value))
            else:
                cells += biff(0x0203, struct.pack("<HHHd", r, c, 0, value))

    def bof(kind: int) -> bytes:
        return biff(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 0, 0, 6))

    sheet = bof(0x10) + biff(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, 5, 0)) + cells + biff(0x0A, b"")
    name = "订单"
    xf = biff(0x00E0, b"\0" * 20)

    def head(at: int) -> bytes:
        bound = biff(0x0085, struct.pack("<IBBBB", at, 0, 0, len(name), 1) + name.encode("utf-16-le"))
        return bof(5) + biff(0x0042, struct.pack("<H", 1200)) + xf + bound + biff(0x0A, b"")

    book = head(len(head(0))) + sheet
    book += b"\0" * (max(4096, -(-len(book) // 512) * 512) - len(book))
    sectors = len(book) // 512
    fat = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, sectors + 2), 0xFFFFFFFE]
    fat += [0xFFFFFFFF] * (128 - len(fat))

    def entry(title: str, kind: int, child: int, start: int, size: int) -> bytes:
        raw = title.encode("utf-16-le") + b"\0\0"
        return (
            raw.ljust(64, b"\0")
            + struct.pack("<HBBIIi", len(raw), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
            + b"\0" * 36
            + struct.pack("<IQ", start, size)
        )

    folder = (
        entry("Root Entry", 5, 1, 0xFFFFFFFE, 0)
        + entry("Workbook", 2, -1, 2, len(book))
        + (b"\0" * 64 + struct.pack("<HBBIIi", 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, -1) + b"\0" * 48) * 2
    )
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + b"\0" * 16
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + b"\0" * 6
        + struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    )
    path.write_bytes(header + struct.pack("<I", 0) + b"\xff" * (108 * 4) + struct.pack("<128I", *fat) + folder + book)
    return path


def test_an_old_xls_is_read_and_its_damaged_ids_are_refused(take, tmp_path):
    path = xls_file(
        tmp_path / "a.xls",
        [
            HEAD,
            ["1", "2026-08-01", "茶", 1.0, 5.5],
            [3712345678901234567.0, "2026-08-01", "茶", 1.0, 5.5],
            [86.0, 46256.0, "茶", 2.0, 7.0],
        ],
    )
    summary = take(path)
    assert books() == [("1", 550), ("86", 700)] and summary.refused == 1 and "科学计数法" in next(iter(summary.reasons))


def test_random_damage_never_escapes_as_anything_but_a_refusal(take, tmp_path):
    dice = random.Random(7)
    whole = [
        xlsx_file(tmp_path / "w.xlsx", TWO * 5).read_bytes(),
        csv_file(tmp_path / "w.csv", TWO, "gbk").read_bytes(),
        xls_file(tmp_path / "w.xls", TWO).read_bytes(),
    ]
    refused = 0
    for n in range(120):
        data = bytearray(whole[n % 3])
        for _ in range(dice.choice([1, 4, 40])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        if dice.random() < 0.2:
            del data[dice.randrange(len(data)) :]
        path = tmp_path / f"{n}.bin"
        path.write_bytes(bytes(data))
        try:
            for _number, cells in readers.open_table(path).rows():
                assert all(isinstance(c, str) for c in cells)
        except ZhangguiError as error:
            assert str(error)
            refused += 1
    assert refused > 20
