"""Files of every kind a merchant's export can be, read into columns; what cannot be read is refused by name."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from zhanggui.stats.tables import NO_DAY, TableError, day_text, parse_day, parse_number, read_table


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_chinese_encodings_give_the_same_table(tmp_path: Path, encoding: str) -> None:
    table = read_table(write(tmp_path / "a.csv", "客户,金额\n张三,1\n李四,2\n", encoding))
    assert table.names == ("客户", "金额")
    assert list(table.text("客户")) == ["张三", "李四"]
    assert list(table.numbers("金额", "--amount").values) == [1.0, 2.0]


def test_gzip_semicolon_tab_and_quotes(tmp_path: Path) -> None:
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(b'a;b\n1;"x;y"\n2;z\n'))
    assert list(read_table(packed).text("b")) == ["x;y", "z"]
    assert read_table(write(tmp_path / "t.tsv", "a\tb\n1\t2\n")).names == ("a", "b")
    assert list(read_table(write(tmp_path / "q.csv", 'a,b\n1,"两\n行"\n')).text("b")) == ["两\n行"]


def test_repeated_and_empty_header_cells_get_names_of_their_own(tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "a.csv", "a,a,\n1,2,3\n")).names == ("a", "a_2", "第3列")


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("￥1,234.50", 1234.5),
        ("12%", 0.12),
        ("(3)", -3.0),
        ("１２元", 12.0),
        ("1.2万", 12000.0),
        ("1e3", 1000.0),
        ("-5", -5.0),
        ("abc", None),
        ("", None),
    ],
)
def test_numbers_as_exports_write_them(word: str, number: float | None) -> None:
    assert parse_number(word) == (pytest.approx(number) if number is not None else None)


@pytest.mark.parametrize(
    ("word", "day"),
    [
        ("2011-08-31", "2011-08-31"), ("2011/8/31 12:50", "2011-08-31"), ("2011年8月31日", "2011-08-31"), ("20110831", "2011-08-31"), ("8/31/2011 3:00", "2011-08-31"),
        ("2011-08-31T20:00:00Z", "2011-09-01"), ("2011-08-31 23:30:00+08:00", "2011-08-31"), ("1314748800", "2011-08-31"), ("1314748800000", "2011-08-31"), ("40786.5", "2011-08-31"), ("20110831235959", "2011-08-31"),
    ],
)  # fmt: skip
def test_dates_in_many_spellings(word: str, day: str) -> None:
    found = parse_day(word)
    assert found is not None and day_text(found) == day


def test_a_date_that_does_not_exist_is_none() -> None:
    for word in ("2011-02-30", "昨天", "1800-01-01", "9999-12-31", "0001-01-01", "12345", "9999999999", "2025-01", "31-31-31"):
        assert parse_day(word) is None, word


def test_day_first_is_seen_from_a_day_above_twelve(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", "d\n01/02/2020\n31/12/2020\n"))
    days, unreadable = table.days("d", "--date")
    assert [day_text(int(d)) for d in days] == ["2020-02-01", "2020-12-31"] and unreadable == 0


def test_two_digit_years_are_the_place_with_the_fewest_values(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", "d\n24-12-31\n25-1-1\n25-1-15\n"))
    assert [day_text(int(d)) for d in table.days("d", "--date")[0]] == [
        "2024-12-31",
        "2025-01-01",
        "2025-01-15",
    ] and not table.notes
    table = read_table(write(tmp_path / "b.csv", "d\n31.12.24\n1.1.25\n15.1.25\n"))
    assert [day_text(int(d)) for d in table.days("d", "--date")[0]] == ["2024-12-31", "2025-01-01", "2025-01-15"]
    table = read_table(write(tmp_path / "c.csv", "d\n1/2/25\n3/4/25\n"))
    assert [day_text(int(d)) for d in table.days("d", "--date")[0]] == ["2025-01-02", "2025-03-04"]
    assert table.notes[0].code == "date_order_assumed" and "月/日/年" in table.notes[0].message


@pytest.mark.parametrize("form", ["{}", "{} 08:00:00", "{}T08:00:00+08:00"])
def test_the_day_systems_write_for_nothing_is_missing(tmp_path: Path, form: str) -> None:
    cells = [form.format(day) for day in ("2025-01-01", "1970-01-01", "2025-01-03")]
    table = read_table(write(tmp_path / "a.csv", "d\n" + "\n".join(cells) + "\n"))
    days, unreadable = table.days("d", "--date")
    assert [int(d) == NO_DAY for d in days] == [False, True, False] and unreadable == 0
    assert [n.code for n in table.notes] == ["zero_dates"] and "1 格" in table.notes[0].message


def test_one_impossible_year_is_left_out_and_told(tmp_path: Path) -> None:
    cells = ["9999-12-31", *(f"2025-01-{1 + i % 28:02d}" for i in range(200))]
    table = read_table(write(tmp_path / "a.csv", "d\n" + "\n".join(cells) + "\n"))
    days, unreadable = table.days("d", "--date")
    assert days[0] == NO_DAY and unreadable == 1 and table.notes[0].code == "unreadable_dates"


@pytest.mark.parametrize("word", ["1e308", "-1e16", "inf", "-Infinity", "1,000,000,000,000,000,001"])
def test_a_number_that_no_shop_has_is_refused_with_its_row(tmp_path: Path, word: str) -> None:
    table = read_table(write(tmp_path / "a.csv", "n\n1\n" + f'"{word}"\n' + "2\n" * 500))
    with pytest.raises(TableError, match=r"“n”列第 3 行的.*大得不像真的数") as caught:
        table.numbers("n", "--outcome")
    assert caught.value.column == "n" and "--outcome" in caught.value.remedy


def test_missing_cells_are_missing_and_not_zero(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", "n,d\n1,2020-01-01\n,\nNA,\n3,2020-01-03\n"))
    numbers = table.numbers("n", "--n")
    assert numbers.missing == 2 and np.isnan(numbers.values[1:3]).all()
    assert list(table.days("d", "--d")[0][1:3]) == [NO_DAY, NO_DAY]


def test_yes_and_no_words_are_one_and_zero(tmp_path: Path) -> None:
    numbers = read_table(write(tmp_path / "a.csv", "r\n是\n否\n是\n")).numbers("r", "--outcome")
    assert list(numbers.values) == [1, 0, 1] and numbers.binary


def test_float_written_labels_are_the_whole_number(tmp_path: Path) -> None:
    labels, codes = read_table(write(tmp_path / "a.csv", "g\n1.0\n0.0\n1\n\n")).codes("g")
    assert labels == ["1", "0"] and list(codes) == [0, 1, 0]


@pytest.mark.parametrize(
    ("text", "word"),
    [("", "空文件"), ("a,b\n", "没有数据行"), ("\n\n", "空文件")],
)
def test_empty_files_are_refused(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(TableError, match=word):
        read_table(write(tmp_path / "a.csv", text))


def test_refusals_name_the_column_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="找不到文件"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match="Excel"):
        read_table(_bytes(tmp_path / "a.csv", b"PK\x03\x04rest"))
    with pytest.raises(TableError, match="gzip"):
        read_table(_bytes(tmp_path / "b.csv.gz", b"\x1f\x8bbroken"))
    table = read_table(write(tmp_path / "c.csv", "结果,x\n好,1\n坏,2\n一般,3\n"))
    with pytest.raises(TableError, match="“结果”列有 3 格不是数字，例如第 2 行的“好”") as caught:
        table.numbers("结果", "--outcome")
    assert caught.value.column == "结果" and "--outcome" in caught.value.remedy
    with pytest.raises(TableError, match="没有“金额”这一列"):
        table.require("金额", "--amount")


def test_a_few_broken_rows_are_counted_and_many_refused(tmp_path: Path) -> None:
    good = "a,b\n" + "1,2\n" * 100
    table = read_table(write(tmp_path / "a.csv", good + "1,2,3\n"))
    assert (table.rows, table.skipped) == (100, 1) and table.notes[0].code == "broken_rows"
    with pytest.raises(TableError, match="列数和表头对不上"):
        read_table(write(tmp_path / "b.csv", good + "1,2,3\n" * 20))


def _bytes(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
