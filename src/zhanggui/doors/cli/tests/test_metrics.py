"""`zhanggui metrics`: a file in, one JSON out, without any database; a shop's stored numbers the same way; refusals in Chinese."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from zhanggui.doors.cli.main import main
from zhanggui.facts.models import Shop
from zhanggui.facts.tests.world import World, at, random_world
from zhanggui.metrics.catalogue import ALL

HEAD = [
    "订单号",
    "下单时间",
    "支付时间",
    "订单状态",
    "商品ID",
    "商品名称",
    "数量",
    "实付金额(元)",
    "退款金额",
    "买家ID",
    "渠道",
    "设备",
]
ROWS = [
    ["3700000000000000001", "2026-08-01 10:00:00", "2026-08-01 10:01:00", "已完成", "p1", "姜茶", "2", "79.80", "0", "u1", "搜一搜", "iOS"],
    ["3700000000000000002", "2026-08-02 23:59:30", "2026-08-03 00:00:10", "已完成", "p2", "红糖", "1", "39.90", "39.90", "u2", "微信广告", "Android"],
    ["3700000000000000003", "2026-08-05 09:00:00", "", "待付款", "p1", "姜茶", "1", "39.90", "0", "u3", "搜一搜", "iOS"],
    ["3700000000000000004", "2026-08-20 09:00:00", "2026-08-20 09:01:00", "已完成", "p1", "姜茶", "1", "1,039.90", "0", "u1", "社群", "iOS"],
    ["3700000000000000005", "2026-09-15 09:00:00", "2026-09-15 09:01:00", "待发货", "p1", "姜茶", "3", "119.70", "0", "u4", "社群", "iOS"],
]  # fmt: skip


def csv_file(place: Path, rows: list[list[str]], encoding: str = "utf-8") -> Path:
    text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows) + "\n"
    place.write_bytes(text.encode(encoding))
    return place


def xlsx_file(place: Path, rows: list[list[str]]) -> Path:
    with xlsxwriter.Workbook(place) as book:
        sheet = book.add_worksheet("订单")
        for n, row in enumerate(rows):
            sheet.write_row(n, 0, row)
    return place


MAKERS: dict[str, Callable[[Path], Path]] = {
    "csv": lambda folder: csv_file(folder / "订单.csv", [HEAD, *ROWS]),
    "csv with a BOM": lambda folder: csv_file(folder / "订单.csv", [HEAD, *ROWS], "utf-8-sig"),
    "csv in GBK": lambda folder: csv_file(folder / "订单.csv", [HEAD, *ROWS], "gbk"),
    "xlsx": lambda folder: xlsx_file(folder / "订单.xlsx", [HEAD, *ROWS]),
}


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Calls the command with --json; the document, or the refusal with its exit status."""

    def call(*arguments: object) -> dict[str, Any]:
        try:
            status = main(["metrics", *map(str, arguments), "--json"])
        except SystemExit as stop:
            status = int(str(stop.code))
        out = capsys.readouterr()
        assert out.err == ""
        found: dict[str, Any] = json.loads(out.out)
        assert status == (0 if found.get("ok", True) else 1)
        return found

    return call


def numbers(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in found["metrics"]}


WANT = {
    "conversion.orders": 4, "conversion.sales": 127930, "conversion.net_sales": 123940, "conversion.refunds": 3990, "conversion.average_order_value": 31982.5,
    "conversion.units": 7, "conversion.order_pay_rate": 0.8, "conversion.refund_order_rate": 0.25, "traffic.new_customers": 3, "customers.buyers": 3,
    "customers.repeat_rate": 1 / 3, "customers.repurchase_30": 0.5, "customers.repurchase_interval": 19, "customers.silent": 1, "customers.arpu": 127930 / 3,
    "customers.private_uplift": (115960 / 2) / (11970 / 2) - 1,
}  # fmt: skip


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_a_file_of_any_make_gives_the_same_numbers(make: Callable[[Path], Path], tmp_path: Path, ask: Any) -> None:
    found = ask("--orders", make(tmp_path))
    assert {key: numbers(found)[key]["value"] for key in WANT} == pytest.approx(WANT, rel=1e-12)
    assert (found["from"], found["to"], found["observed_from"], found["observed_to"]) == (
        "2026-08-01",
        "2026-09-15",
        "2026-08-01",
        "2026-09-15",
    )


def test_the_document_keeps_its_shape(tmp_path: Path, ask: Any) -> None:
    found = ask("--orders", MAKERS["csv"](tmp_path), "--by", "channel")
    assert list(found) == [
        "schema", "shop", "files", "zone", "from", "to", "observed_from", "observed_to", "metrics", "funnel", "cohorts", "rfm", "refused",
    ]  # fmt: skip
    assert (found["schema"], found["zone"], found["shop"]) == (1, "Asia/Shanghai", {"id": "", "name": "订单.csv", "demo": False})
    assert found["files"] == {"orders": "订单.csv"}
    assert [row["key"] for row in found["metrics"]] == [m.key for m in ALL if m.shape != "spread"]
    for row in found["metrics"]:
        assert list(row) == [
            "key", "name", "layer", "room", "unit", "grain", "side", "formula", "value", "numerator", "denominator", "low", "high", "missing", "policy", "segments",
        ]  # fmt: skip
        assert (row["value"] is None) == bool(row["missing"])
        assert row["unit"] != "分" or row["numerator"] is None or isinstance(row["numerator"], int)
    sales = numbers(found)["conversion.sales"]
    assert sales["segments"] == {"channel": [
        {"segment": "group", "name": "企微社群", "value": 115960, "numerator": 115960, "denominator": None},
        {"segment": "search", "name": "搜一搜", "value": 7980, "numerator": 7980, "denominator": None},
        {"segment": "ads", "name": "微信广告", "value": 3990, "numerator": 3990, "denominator": None},
    ]}  # fmt: skip
    assert numbers(found)["traffic.visitors"]["missing"] == "没有行为日志，无法计算访客数；请在小程序或 H5 页面接入行为采集"
    assert found["funnel"]["stages"] == []
    assert found["funnel"]["missing"]
    assert found["cohorts"]["rows"] == [
        {"month": "2026-08", "size": 2, "counts": [2]},
        {"month": "2026-09", "size": 1, "counts": [1]},
    ]
    assert found["rfm"]["as_of"] == "2026-09-15"
    assert (
        sum(part["customers"] for part in found["rfm"]["segments"])
        == sum(cell["customers"] for cell in found["rfm"]["cells"])
        == 3
    )
    assert sum(part["money_fen"] for part in found["rfm"]["segments"]) == 123940


def test_a_stretch_of_days(tmp_path: Path, ask: Any) -> None:
    place = MAKERS["csv"](tmp_path)
    august = numbers(ask("--orders", place, "--from", "2026-08-01", "--to", "2026/8/31"))
    assert (august["conversion.orders"]["value"], august["conversion.sales"]["value"]) == (3, 115960 - 11970 + 7980 + 3990)
    midnight = numbers(ask("--orders", place, "--from", "2026-08-03", "--to", "2026-08-03"))
    assert midnight["conversion.orders"]["value"] == 1, "paid ten seconds after midnight"
    assert midnight["traffic.new_customers"]["value"] == 1
    early = ask("--orders", place, "--to", "2026-08-10")
    assert early["rfm"]["as_of"] == "2026-08-10"
    assert sum(part["customers"] for part in early["rfm"]["segments"]) == 2
    later = numbers(ask("--orders", place, "--from", "2027-01-01", "--to", "2027-01-31"))
    assert later["conversion.sales"]["missing"] == "数据只到 2026-09-15，还看不到这段时间"
    assert later["conversion.sales"]["value"] is None


def test_tables_beside_the_orders_bring_their_numbers(tmp_path: Path, ask: Any) -> None:
    orders = MAKERS["csv"](tmp_path)
    events = csv_file(tmp_path / "行为.csv", [
        ["事件编号", "时间", "行为", "访客编号", "会话", "页面", "商品ID", "渠道", "设备"],
        ["e1", "2026-08-01 09:50:00", "浏览页面", "u1", "s1", "首页", "", "搜一搜", "iOS"], ["e2", "2026-08-01 09:51:00", "浏览商品", "u1", "s1", "商品", "p1", "搜一搜", "iOS"],
        ["e3", "2026-08-01 09:52:00", "加购", "u1", "s1", "商品", "p1", "搜一搜", "iOS"], ["e3", "2026-08-01 09:52:00", "加购", "u1", "s1", "商品", "p1", "搜一搜", "iOS"],
        ["e4", "2026-08-02 23:50:00", "浏览商品", "u2", "s2", "商品", "p2", "微信广告", "Android"], ["e5", "2026-08-03 08:00:00", "浏览页面", "u9", "s3", "首页", "", "社群", "iOS"],
        ["e6", "2026-08-03 08:01:00", "分享", "u9", "s3", "首页", "", "社群", "iOS"],
    ])  # fmt: skip
    spend = csv_file(
        tmp_path / "花费.csv", [["日期", "渠道", "花费"], ["2026-08-01", "微信广告", "100.00"], ["2026-08-02", "微信广告", "50"]]
    )
    costs = csv_file(tmp_path / "成本.csv", [["商品ID", "成本价"], ["p1", "12.00"], ["p2", "10"]])
    visits = csv_file(
        tmp_path / "访问.csv",
        [["日期", "打开次数", "访问次数", "访问人数"], ["2026-08-04", "10", "30", "8"], ["2026-08-01", "99", "99", "99"]],
    )
    refunds = csv_file(
        tmp_path / "退款.csv",
        [
            ["售后单号", "订单号", "退款时间", "退款金额", "售后状态"],
            ["r1", "3700000000000000004", "2026-08-25 10:00:00", "20.00", "退款成功"],
        ],
    )
    found = ask(
        "--orders",
        orders,
        "--events",
        events,
        "--spend",
        spend,
        "--costs",
        costs,
        "--visits",
        visits,
        "--refunds",
        refunds,
        "--by",
        "product_id",
    )
    assert set(found["files"]) == {"orders", "events", "spend", "costs", "visits", "refunds"}
    got = {key: (row["numerator"], row["denominator"]) for key, row in numbers(found).items()}
    assert got["traffic.visitors"] == (3, None)
    assert got["traffic.sessions"] == (13, None), "three logged, ten of the day without a log"
    assert got["traffic.bounce_rate"] == (2, 3)
    assert got["traffic.cost_per_new_customer"] == (15000, 1)
    assert got["conversion.gross_margin"] == (127930 - 6 * 1200 - 1000, 127930)
    assert got["conversion.refunds"] == (5990, None)
    assert got["customers.share_rate"] == (1, 3)
    assert [s["people"] for s in found["funnel"]["stages"]] == [2, 1, 1, 1]
    assert {p["segment"]: [s["people"] for s in p["stages"]] for p in found["funnel"]["segments"]["product_id"]} == {
        "p1": [1, 1, 1, 1],
        "p2": [1, 0, 0, 0],
    }
    assert numbers(found)["conversion.product_sales"]["segments"]["product_id"][0]["name"] == "姜茶"


def test_rows_that_are_no_sale_are_counted_and_named(tmp_path: Path, ask: Any) -> None:
    rows = [["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]]
    rows += [
        [str(536365 + n), "85123A", "HOLDER", "6", f"2010-12-0{n + 1} 08:26:00", "2.55", "17850", "United Kingdom"]
        for n in range(5)
    ]
    rows += [
        ["C536379", "85123A", "HOLDER", "-1", "2010-12-04 09:41:00", "2.55", "17850", "United Kingdom"],
        ["A563185", "B", "Adjust bad debt", "1", "2010-12-04 14:50:00", "11062.06", "", "United Kingdom"],
        ["536390", "85123A", "lost", "-10", "2010-12-04 15:00:00", "0", "", "United Kingdom"],
    ]  # fmt: skip
    found = ask("--orders", csv_file(tmp_path / "retail.csv", rows))
    assert found["refused"]["rows"] == 2
    assert sorted(r["rows"] for r in found["refused"]["reasons"]) == [1, 1]
    assert numbers(found)["conversion.refunds"]["value"] == 255
    assert numbers(found)["conversion.sales"]["value"] == 5 * 1530


REFUSED = {
    "no such file": (["--orders", "没有.csv"], "没有找到文件"),
    "no table": (["--orders", "文字.csv"], ""),
    "no orders": (["--orders", "花费.csv"], "不能当订单读"),
    "days in reverse": (["--orders", "订单.csv", "--from", "2026-09-01", "--to", "2026-08-01"], "开始日期在结束日期之后"),
    "no day": (["--orders", "订单.csv", "--from", "八月"], "看不懂日期“八月”"),
    "no such day": (["--orders", "订单.csv", "--to", "2026-02-30"], "看不懂日期"),
    "no such dimension": (["--orders", "订单.csv", "--by", "colour"], "没有哪个指标能按 colour 分组"),
    "a mapping to nothing": (["--orders", "订单.csv", "--mapping", "order_id"], "看不懂 --mapping"),
    "a table without orders": (["--events", "订单.csv"], "要和 --orders 一起用"),
    "both": (["--orders", "订单.csv", "--shop", "1"], "只能写一个"),
    "spend that is none": (["--orders", "订单.csv", "--spend", "文字.csv"], ""),
}


@pytest.mark.parametrize(("arguments", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_read_is_refused_in_chinese(
    arguments: list[str], why: str, tmp_path: Path, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    MAKERS["csv"](tmp_path)
    csv_file(tmp_path / "花费.csv", [["日期", "渠道", "花费"], ["2026-08-01", "微信广告", "100.00"]])
    (tmp_path / "文字.csv").write_text("随便写的一段话\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    found = ask(*arguments)
    assert list(found) == ["ok", "error", "remedy"]
    assert why in found["error"]
    assert found["remedy"]
    assert any("\u4e00" <= c <= "\u9fff" for c in found["error"])


def test_columns_can_be_named(tmp_path: Path, ask: Any) -> None:
    rows = [
        ["甲", "乙", "丙", "丁"],
        ["1001", "2026-08-01 10:00:00", "12.50", "u1"],
        ["1002", "2026-08-02 10:00:00", "7.50", "u2"],
    ]
    place = csv_file(tmp_path / "无名.csv", rows)
    assert "还缺" in ask("--orders", place)["error"]
    pairs = ["order_id=甲", "created_at=乙", "paid=丙", "customer_id=丁"]
    found = numbers(ask("--orders", place, *(x for pair in pairs for x in ("--mapping", pair))))
    assert (found["conversion.sales"]["value"], found["customers.buyers"]["value"]) == (2000, 2)


def test_for_people_it_is_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "--orders", str(MAKERS["csv"](tmp_path)), "--by", "channel"]) == 0
    out = capsys.readouterr().out
    assert "【转化】" in out
    assert "客单价                    ¥319.82             1,279.30 元 ÷ 4" in out or "¥319.83" in out
    assert "没有行为日志，无法计算访客数" in out
    assert "企微社群" in out
    assert "【RFM 分层】截至 2026-09-15" in out


def test_no_database_is_made_or_asked(tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ZHANGGUI_", "DJANGO_"))}
    env |= {"ZHANGGUI_HOME": str(home), "ZHANGGUI_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    command = [sys.executable, "-m", "zhanggui.doors.cli.main", "metrics", "--orders", str(MAKERS["csv"](tmp_path)), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert numbers(json.loads(done.stdout))["conversion.orders"]["value"] == 4
    assert not [p for p in home.rglob("*") if p.suffix in (".sqlite3", ".db", ".parquet")]


# -- a shop in the database -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def own_lake(tmp_path: Path, settings: Any, db: None) -> None:
    settings.LAKE = tmp_path / "lake"


@pytest.mark.usefixtures("own_lake")
def test_a_shops_numbers(ask: Any) -> None:
    world = random_world(31, people=10, days=60)
    found = ask("--shop", world.shop.pk, "--from", "2026-01-05", "--to", "2026-02-20", "--by", "channel")
    assert found["shop"] == {"id": str(world.shop.pk), "name": "小店", "demo": False}
    assert found["files"] == {}
    assert numbers(found)["conversion.orders"]["value"] > 0
    assert (
        sum(s["value"] for s in numbers(found)["conversion.orders"]["segments"]["channel"])
        == numbers(found)["conversion.orders"]["value"]
    )
    assert found["funnel"]["stages"][0]["people"] > 0
    assert ask("--shop", world.shop.name)["to"] == found["observed_to"]
    recent = ask()
    assert date.fromisoformat(recent["to"]) - date.fromisoformat(recent["from"]) == timedelta(days=29)


@pytest.mark.usefixtures("own_lake")
def test_what_came_in_is_computed_first_unless_told_otherwise(ask: Any) -> None:
    world = World()
    world.order(world.customer(), at(1), at(1), 100)
    assert ask("--shop", world.shop.pk, "--no-refresh")["error"].endswith("还没有算过的数据")
    assert numbers(ask("--shop", world.shop.pk))["conversion.sales"]["value"] == 100
    world.order(world.customer(), at(1), at(1), 900)
    assert numbers(ask("--shop", world.shop.pk, "--no-refresh"))["conversion.sales"]["value"] == 100
    assert numbers(ask("--shop", world.shop.pk))["conversion.sales"]["value"] == 1000


@pytest.mark.usefixtures("own_lake")
def test_a_shop_that_is_not_there(ask: Any) -> None:
    one, two = Shop.objects.create(name="甲店"), Shop.objects.create(name="乙店")
    found = ask("--shop", "丙店")
    assert found["error"] == "没有找到店铺“丙店”"
    assert f"{one.pk} 甲店、{two.pk} 乙店" in found["remedy"]
    assert "请用 --shop 指定是哪家店" in ask()["error"]
    assert "还没有算过的数据" in ask("--shop", "甲店")["error"]
