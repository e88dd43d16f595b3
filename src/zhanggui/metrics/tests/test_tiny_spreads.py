"""Numbers that are tables: cohorts and RFM, from tables small enough to count by hand."""

from __future__ import annotations

from zhanggui.metrics.tests.test_tiny_customers import BOOK, ORDERS
from zhanggui.metrics.tests.tiny import Case, check, found

CASES = [
    Case("five buyers, best and worst apart", "customers.rfm", {"orders": """
        order_id  paid              who  fen   nth  placed
        o1        2026-01-01 10:00  a    100   1    2026-01-01 10:00
        o2        2026-01-02 10:00  b    200   1    2026-01-02 10:00
        o3        2026-01-03 10:00  c    300   1    2026-01-03 10:00
        o4        2026-01-04 10:00  d    400   1    2026-01-04 10:00
        o5        2026-01-05 10:00  d    500   2    2026-01-05 10:00
        o6        2026-01-06 10:00  e    600   1    2026-01-06 10:00
        o7        2026-01-06 11:00  e    50    2    2026-01-06 11:00
        o8        2026-01-06 12:00  e    50    3    2026-01-06 12:00
    """, "refunds": """
        refund_key  at                who  amount_fen
        r1          2026-01-05 12:00  d    650
    """}, "2026-01-01", "2026-01-06", {
        # three bought once: 1 each; d came back twice: above three of five, 4; e 5. d kept 250, less than c
        "一般挽留": (2, 300), "重要挽留": (1, 300), "一般价值": (1, 250), "重要价值": (1, 700),
    }, by="rfm"),
    Case("equals score alike however many they are", "customers.rfm", {"orders": """
        order_id  paid              who  fen  nth  placed
        o1        2026-01-01 10:00  a    100  1    2026-01-01 10:00
        o2        2026-01-01 11:00  b    100  1    2026-01-01 11:00
        o3        2026-01-01 12:00  c    100  1    2026-01-01 12:00
        o4        2026-01-01 13:00  -    100  -    2026-01-01 13:00
    """}, "2026-01-01", "2026-01-01", {"111": (3, 300)}, by="rfm_cell"),
    Case("as of the asked day, later orders and refunds are not known", "customers.rfm", BOOK, "2026-01-01", "2026-01-02", {"一般挽留": (2, 3500)}, by="rfm"),
]  # fmt: skip


def test_rfm() -> None:
    for case in CASES:
        check(case)


def matrix(tables: dict[str, str]) -> dict[tuple[str, str], tuple[float | None, float | None]]:
    case = Case("", "customers.cohort_retention", tables, "2026-01-01", "2026-02-28", None, grain="month")
    return {(str(p.start)[:7], p.segment): (p.numerator, p.denominator) for p in found(case)}


def test_cohort_retention_lists_whole_months_only() -> None:
    assert matrix(BOOK) == {("2026-01", "0"): (3, 3), ("2026-02", "0"): (1, 1)}
    later = {"orders": ORDERS + "oz  2026-03-01 10:00  -  h  5  -  -  ads  yes\n"}
    assert matrix(later) == {("2026-01", "0"): (3, 3), ("2026-01", "1"): (1, 3), ("2026-02", "0"): (1, 1)}


def test_cohort_retention_of_a_month_in_which_nobody_came_is_zero() -> None:
    quiet = {"orders": ORDERS + "oz  2026-04-30 10:00  -  h  5  -  -  ads  yes\n"}
    assert matrix(quiet)[("2026-01", "3")] == (0, 3)
    assert ("2026-02", "3") not in matrix(quiet)
