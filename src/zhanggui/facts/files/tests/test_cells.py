"""Numbers, moments and ids out of text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhanggui.facts.files import cells
from zhanggui.facts.files.cells import CellError, Moments
from zhanggui.kernel.money import yuan

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("12", 1200), ("12.3", 1230), ("1,234.50", 123450), ("¥1,234.50", 123450), ("￥ 88", 8800), ("39.90元", 3990), ("(3.00)", -300), ("（3.00）", -300), ("3.00-", -300),
        ("-3", -300), ("+3", 300), ("１２．５", 1250), ("1.2万", 1200000), ("0.125", 13), ("-0.125", -13), (".5", 50), ("5.", 500), ("1e3", 100000), ("6.7500000000000002", 675),
        ("$12.00", 1200), ("CNY 7", 700), ("1 234.5", 123450), ("1，234", 123400), ("12%", 12), ("0", 0),
    ],
)  # fmt: skip
def test_amounts_are_read_in_the_shapes_exports_write(text: str, fen: int) -> None:
    assert cells.fen(text) == fen


@pytest.mark.parametrize("text", ["abc", "12abc", "1,23", "1.2.3", "--5", "", "1e99", "99999999999999999999", "2026-01-01", "."])
def test_what_is_no_amount_says_so(text: str) -> None:
    with pytest.raises(CellError) as caught:
        cells.fen(text)
    assert caught.value.reason and caught.value.remedy


def test_amounts_in_fen_and_with_a_decimal_comma() -> None:
    assert cells.fen("3990", "fen") == 3990
    assert cells.fen("1.234,56", decimal_comma=True) == 123456
    assert cells.fen("12,5", decimal_comma=True) == 1250
    assert cells.decimal_comma(["12,50", "3,99"]) and not cells.decimal_comma(["1,234.50", "12.00"])


@given(st.integers(-(10**11), 10**11))
def test_every_amount_survives_being_written_as_yuan(fen: int) -> None:
    assert cells.fen(yuan(fen)) == fen
    assert cells.fen(yuan(fen).replace(",", "")) == fen


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4, allow_nan=False))
def test_decimals_round_half_away_from_zero(value: Decimal) -> None:
    exact = abs(value) * 100
    rounded = int(exact + Decimal("0.5"))
    assert cells.fen(str(value)) == (rounded if value >= 0 else -rounded)


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_an_explained_refusal(text: str) -> None:
    for parse in (cells.micros, cells.whole, Moments(SHANGHAI).micros_of):
        try:
            assert isinstance(parse(text), int)
        except CellError as error:
            assert error.reason and error.remedy


def test_whole_numbers() -> None:
    assert [cells.whole(t) for t in ("3", "3.0", "1,200", "-2", "４")] == [3, 3, 1200, -2, 4]
    with pytest.raises(CellError, match="不是整数"):
        cells.whole("1.5")


@pytest.mark.parametrize(
    "text",
    [
        "2026-08-22 13:05:00", "2026/8/22 13:05", "2026.08.22 13:05:00", "2026年8月22日 13:05", "2026年8月22日13时5分", "2026-08-22T13:05:00", "2026-08-22T05:05:00Z",
        "2026-08-22T13:05:00+08:00", "2026-08-22 13:05:00.000", "20260822130500", "202608221305", "1787375100", "1787375100000", "1787375100000000", "2026/8/22 下午 1:05",
        "8/22/2026 13:05", "8/22/26 1:05 PM", "22-Aug-2026 13:05", "Aug 22, 2026 13:05", "2026-08-22  13:05:00 ", "２０２６－０８－２２ 13:05", "46256.545138888891",
    ],
)  # fmt: skip
def test_one_moment_in_many_shapes(text: str) -> None:
    expected = int(datetime(2026, 8, 22, 5, 5, tzinfo=UTC).timestamp()) * 1_000_000
    assert Moments(SHANGHAI).micros_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2026-13-01",
        "2026-01-01 25:00",
        "昨天",
        "0000-00-00",
        "1850-01-01",
        "12",
        "123456",
        "2026-08",
        "99999999",
        "8/22",
    ],
)
def test_what_is_no_moment_says_so(text: str) -> None:
    with pytest.raises(CellError) as caught:
        Moments(SHANGHAI).micros_of(text)
    assert caught.value.remedy


@given(st.datetimes(min_value=datetime(1992, 1, 1), max_value=datetime(2099, 12, 31)))
def test_every_second_survives_being_written_down(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    expected = int(moment.replace(tzinfo=SHANGHAI).timestamp()) * 1_000_000
    reader = Moments(SHANGHAI)
    assert reader.micros_of(f"{moment:%Y-%m-%d %H:%M:%S}") == expected
    assert reader.micros_of(f"{moment:%Y-%m-%d %H:%M:%S}") == expected  # the second time from memory
    assert reader.micros_of(f"{moment:%Y/%m/%d %H:%M:%S}") == expected
    days = (moment - datetime(1899, 12, 30)).total_seconds() / 86400
    if moment.year < 2090 and days > 36526:
        assert reader.micros_of(repr(days)) == expected


def test_the_shop_day_is_local() -> None:
    assert Moments(SHANGHAI).day_of("2026-08-22T23:30:00Z") == Moments(SHANGHAI).day_of("2026-08-23")


def test_day_and_month_order_is_settled_by_the_values() -> None:
    assert cells.date_order(["12/1/2010 8:26", "13/1/2010 9:00"]) == ("dmy", True)
    assert cells.date_order(["12/1/2010 8:26", "1/13/2010 9:00"]) == ("mdy", True)
    assert cells.date_order(["1/2/2010"]) == ("mdy", False)
    assert cells.date_order(["2010-01-02"]) == ("ymd", True)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ('="3712345678901234567"', "3712345678901234567"),
        ("'123", "123"),
        ("123\t", "123"),
        ("13085.0", "13085"),
        (" A-1 ", "A-1"),
        ("\ufeff12", "12"),
        ('"7"', "7"),
    ],
)
def test_ids_are_freed_of_what_exports_wrap_around_them(text: str, plain: str) -> None:
    assert cells.identifier(text) == plain


def test_an_id_that_excel_destroyed_is_refused() -> None:
    with pytest.raises(CellError, match="科学计数法"):
        cells.identifier("3.71235E+18")


def test_text_that_could_run_as_a_formula_is_defused_and_numbers_are_not() -> None:
    assert (
        cells.safe("=1+1") == "'=1+1"
        and cells.safe("@SUM(A1)") == "'@SUM(A1)"
        and cells.safe("+cmd|' /C calc'!A0").startswith("'")
    )
    assert cells.safe("-12.50") == "-12.50" and cells.safe("普通") == "普通" and cells.safe(5) == 5


def test_phones_and_regions() -> None:
    assert (
        cells.phone("+86 138-0013-8000") == "13800138000" and cells.phone("138****8000") == "" and cells.phone("021-1234") == ""
    )
    assert cells.region("广东省深圳市南山区") == "广东" and cells.region("United Kingdom") == "United Kingdom"
