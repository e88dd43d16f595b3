"""`zhanggui import FILE`, as an operator types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from zhanggui.doors.cli import house, import_
from zhanggui.facts.models import Customer, ImportFile, LakeDirty, Mapping, Order, Shop

ROWS = "订单号,下单时间,买家ID,商品名称,数量,单价\n3712345678901234567,2026-08-01 10:00:00,u1,红糖姜茶,2,39.90\n3712345678901234568,昨天,u1,红糖姜茶,1,39.90\n"


@pytest.fixture
def shop(db, tmp_path, settings, monkeypatch):
    settings.FILES = tmp_path / "ours"
    monkeypatch.setattr(house, "migrate", lambda **_: 0)
    return Shop.objects.create(name="甲店")


@pytest.fixture
def path(tmp_path) -> Path:
    found = tmp_path / "订单.csv"
    found.write_text(ROWS, "utf-8")
    return found


def run(*arguments: object, answer: str = ""):
    return CliRunner().invoke(import_.import_command, [str(a) for a in arguments], input=answer)


def test_it_shows_what_it_understood_imports_and_reports(shop, path):
    result = run(path)
    assert result.exit_code == 0, result.output
    for words in (
        "订单表（把握",
        "单号（order_id） ← 订单号",
        "商品单价（unit_price） ← 单价，单位元",
        "没有订单状态列",
        "拒收第 3 行",
        "新增订单 1",
        "拒收 1 行",
        "已付款 79.80 元",
        "拒收的行在",
    ):
        assert words in result.output, words
    assert Order.objects.get().paid_fen == 7980
    again = run(path)
    assert "没有新内容" in again.output and "其中 1 行以前导入过，没有变化" in again.output and "沿用上次的列对应" in again.output
    assert Order.objects.count() == 1


def test_json_is_one_object_for_a_script(shop, path):
    answer = json.loads(run(path, "--json").stdout)
    assert answer["ok"] and (answer["kind"], answer["rows"], answer["accepted"], answer["refused"], answer["gross_fen"]) == (
        "orders",
        2,
        1,
        1,
        7980,
    )
    assert answer["columns"]["unit_price"] == {"column": "单价", "unit": "yuan"} and answer["first_refusals"][0]["row"] == 3
    wrong = run(path.with_name("none.csv"), "--json")
    assert wrong.exit_code == 1 and not json.loads(wrong.stdout)["ok"]


def test_a_file_that_is_none_is_refused_with_what_to_do_and_nothing_is_kept(shop, tmp_path):
    bad = tmp_path / "a.csv"
    bad.write_text("颜色,大小\n红,大\n", "utf-8")
    result = run(bad)
    assert result.exit_code == 1 and "认不出这是什么表" in result.output and "怎么办：可导入的表" in result.output
    assert "Traceback" not in result.output
    assert not Order.objects.exists() and not Mapping.objects.exists() and not LakeDirty.objects.exists()
    assert set(ImportFile.objects.values_list("state", flat=True)) == {"discarded"} and bad.exists()


@pytest.mark.parametrize("name", ["空.csv", "文件夹", "没有.xlsx"])
def test_what_cannot_be_opened_says_so(shop, tmp_path, name):
    (tmp_path / "空.csv").write_bytes(b"")
    (tmp_path / "文件夹").mkdir()
    result = run(tmp_path / name)
    assert result.exit_code == 1 and "怎么办" in result.output and "Traceback" not in result.output
    assert not ImportFile.objects.exists()


def test_mapping_unit_and_kind_can_be_said(shop, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("甲,乙,丙,丁\n1,2026-08-01,3990,x\n2,2026-08-01,1590,x\n", "utf-8")
    assert run(path).exit_code == 1
    result = run(
        path,
        "--kind",
        "orders",
        "--mapping",
        "order_id=甲",
        "--mapping",
        "created_at=乙",
        "--mapping",
        "paid=丙",
        "--unit",
        "fen",
    )
    assert result.exit_code == 0, result.output
    assert sorted(Order.objects.values_list("paid_fen", flat=True)) == [1590, 3990]
    wrong = run(path, "--mapping", "order_id")
    assert wrong.exit_code == 1 and "写法不对" in wrong.output
    assert "没有“戊”这一列" in run(path, "--kind", "orders", "--mapping", "paid=戊").output
    dropped = run(path, "--mapping", "paid=")
    assert dropped.exit_code == 1 and "还缺" in dropped.output


def test_a_dry_run_writes_nothing(shop, path):
    result = run(path, "--dry-run")
    assert result.exit_code == 0 and "演练，没有写入" in result.output and "新增订单 1" in result.output
    assert not Order.objects.exists() and not Customer.objects.exists() and not Mapping.objects.exists()
    assert ImportFile.objects.get().state == "discarded"


def test_a_person_is_asked_and_may_decline(shop, path, monkeypatch):
    monkeypatch.setattr(import_, "_a_person_is_there", lambda: True)
    assert run(path, answer="n\n").exit_code == 0
    assert not Order.objects.exists() and ImportFile.objects.get().state == "discarded"
    aborted = run(path, answer="")
    assert aborted.exit_code == 1 and not Order.objects.exists()
    assert run(path, answer="y\n").exit_code == 0 and Order.objects.count() == 1


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_refused_rows_go_where_asked(shop, path, tmp_path, suffix):
    target = tmp_path / f"拒收.{suffix}"
    assert run(path, "--refused", target).exit_code == 0
    from zhanggui.facts.files import readers

    rows = [cells for _, cells in readers.open_table(target).rows()]
    assert rows[0][:2] == ["行号", "列"] and rows[1][:3] == ["3", "下单时间", "昨天"]
    assert list(tmp_path.glob("拒收.*")) == [target]


def test_which_shop_is_meant(shop, path):
    other = Shop.objects.create(name="乙店")
    asked = run(path)
    assert asked.exit_code == 1 and "甲店" in asked.output and "乙店" in asked.output
    assert run(path, "--shop", "乙店").exit_code == 0 and Order.objects.get().shop_id == other.pk
    assert run(path, "--shop", str(shop.pk)).exit_code == 0 and Order.objects.filter(shop=shop).count() == 1
    assert "没有找到店铺" in run(path, "--shop", "丙店").output
    Shop.objects.all().update(closed_at="2026-01-01T00:00:00Z")
    assert "还没有店铺" in run(path).output


def test_a_busy_database_is_said_in_words(shop, path, monkeypatch):
    from django.db import OperationalError

    from zhanggui.facts import files

    def busy(*_: object, **__: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(files, "run", busy, raising=False)
    result = run(path)
    assert result.exit_code == 1 and "数据库正忙" in result.output and "没有写入任何内容" in result.output


def test_a_poor_guess_is_not_taken_in_without_a_word(shop, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("题目,详细文字内容\n一,长长的文字\n二,长长的文字\n", "utf-8")
    result = run(path)
    assert result.exit_code == 1 and "拿不准" in result.output and "--kind" in result.output
    assert not ImportFile.objects.exclude(state="discarded").exists()
    assert run(path, "--kind", "reviews").exit_code == 0
