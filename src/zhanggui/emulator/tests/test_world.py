"""The market: reproducible, its sums right, its log and the platform's day figures in agreement, its customers answering to the shop."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter, defaultdict
from datetime import date

import numpy as np
import pytest

from zhanggui.emulator import behaviour, festivals, response
from zhanggui.emulator.config import EmulatorConfig
from zhanggui.emulator.control import unpack
from zhanggui.emulator.market.words import DAY, day_begin, day_number
from zhanggui.emulator.shopworld import World
from zhanggui.emulator.testing import ANCHOR, running, small


@pytest.fixture(scope="module")
def world():
    w = World(7, ANCHOR, orders=3000, days=120)
    w.run_history()
    return w


def test_same_seed_and_anchor_give_the_same_shop(world):
    again = World(7, ANCHOR, orders=3000, days=120)
    again.run_history()
    for name in ("t_create", "price", "person", "t_settle"):
        assert np.array_equal(again.orders[name], world.orders[name])
    assert np.array_equal(again.visits["t"], world.visits["t"])
    other = World(8, ANCHOR, orders=3000, days=120)
    other.run_history()
    assert len(other.orders) != len(world.orders) or not np.array_equal(other.orders["price"], world.orders["price"])


def test_order_sums_and_states_hold_for_every_order(world):
    o, lines = world.orders, world.lines
    per_order = np.bincount(lines["order"], lines["paid"], len(o))
    assert np.array_equal(per_order + o["freight"], o["price"])
    assert np.array_equal(
        lines["unit"].astype(int) * lines["count"] - lines["limited"] - lines["coupon"] - lines["cut"], lines["paid"]
    )
    assert np.array_equal(np.bincount(lines["order"], lines["coupon"] + lines["limited"], len(o)), o["discount"])
    assert (lines["paid"] >= 0).all() and (o["price"] > 0).all()
    paid = np.isfinite(o["t_pay"])
    assert np.array_equal(paid, ~np.isfinite(o["t_cancel"]))
    assert (o["t_pay"][paid] >= o["t_create"][paid]).all()
    shipped = paid & np.isfinite(o["t_ship"])
    assert (o["t_ship"][shipped] > o["t_pay"][shipped]).all() and (o["t_done"][shipped] > o["t_ship"][shipped])[
        np.isfinite(o["t_done"][shipped])
    ].all()
    rows = np.arange(len(o))
    assert world.order_statuses(rows).tolist() == [world.order_status(r) for r in rows.tolist()]
    assert {20, 30, 100, 200, 250} <= set(world.order_statuses(rows).tolist())
    a = world.aftersales
    back = np.bincount(a["line"][a["outcome"] == 0], a["amount"][a["outcome"] == 0], len(lines))
    assert (back <= lines["paid"]).all(), "never more money back than was paid for a line"
    void = np.isfinite(o["t_void"])
    refunded = np.bincount(lines["order"], back, len(o))
    assert np.array_equal(refunded[void], (o["price"] - o["freight"])[void])


def test_the_market_is_of_a_credible_trade(world):
    o, v = world.orders, world.visits
    paid = np.isfinite(o["t_pay"])
    assert 2000 < len(o) < 4200
    assert 0.08 < paid.sum() / len(v) < 0.16
    assert 40_00 < o["price"][paid].mean() < 160_00
    assert {1, 2, 4, 8} <= {bit for bit in (1, 2, 4, 8) if (o["flags"] & bit).any()}, "gifts, presale, price cuts, split parcels"
    assert len(np.unique(v["channel"])) == 15
    buyers = world.people["orders"]
    assert 0.3 < (buyers[buyers > 0] > 1).mean() < 0.75


def test_festivals_pull_demand_and_fall_away():
    assert festivals.demand(date(2025, 10, 3)) > 2 * festivals.demand(date(2025, 10, 12))
    assert festivals.demand(date(2026, 2, 17)) < festivals.demand(date(2026, 2, 10))
    assert festivals.pull("moon", date(2025, 10, 4)) == 1.0 and festivals.pull("moon", date(2025, 10, 8)) == 0.0
    assert {f.day.year for f in festivals.FESTIVALS} == {2023 + i for i in range(1, 6)}
    assert festivals.near(date(2024, 6, 1)).key == "dragon"


def test_log_and_platform_figures_agree():
    with running(small()) as emu:
        status, raw = emu.request("GET", "/emulator/behaviour?since=2026-03-10&until=2026-03-13&gz=1")
        assert status == 200
        rows = unpack(raw)
        assert len({r["event_id"] for r in rows}) == len(rows)
        assert [r["ts"] for r in rows] == sorted(r["ts"] for r in rows)
        w = emu.emulator.world
        known = defaultdict(int)
        for row in range(len(w.visits)):
            known[int(w.visits["person"][row])] = min(
                known.get(int(w.visits["person"][row]), 10**9), day_number(float(w.visits["t"][row]))
            )
        for day in (date(2026, 3, 10), date(2026, 3, 11), date(2026, 3, 12)):
            number = (day - date(1970, 1, 1)).days
            mine = [r for r in rows if day_number(r["ts"] / 1000) == number]
            opens = [r for r in mine if r["kind"] in ("page_view", "product_view", "invite_open")]
            depth = Counter(Counter(r["session_id"] for r in opens).values())
            asked = {"begin_date": f"{day:%Y%m%d}", "end_date": f"{day:%Y%m%d}"}
            trend = emu.call("/datacube/getweanalysisappiddailyvisittrend", asked, "mini")["list"][0]
            assert trend["session_cnt"] == len({r["session_id"] for r in opens}) == len({r["session_id"] for r in mine})
            assert trend["visit_pv"] == len(opens)
            assert trend["visit_uv"] == len({r["openid"] for r in opens})
            assert trend["visit_depth"] == pytest.approx(len(opens) / trend["session_cnt"], abs=1e-4)
            new = {r["openid"] for r in opens if known[w.person_of(r["openid"])] == number}
            assert trend["visit_uv_new"] == len(new)
            found = emu.call("/datacube/getweanalysisappidvisitdistribution", asked, "mini")["list"]
            table = {i["key"]: i["value"] for i in next(f for f in found if f["index"] == "access_depth_info")["item_list"]}
            assert table == {
                1: depth[1],
                2: depth[2],
                3: depth[3],
                4: depth[4],
                5: depth[5],
                6: sum(depth[d] for d in range(6, 11)),
                7: sum(v for d, v in depth.items() if d > 10),
            }
            assert 0.3 < table[1] / sum(table.values()) < 0.65, "a bounce rate one meets in shops"
            pages = emu.call("/datacube/getweanalysisappidvisitpage", asked, "mini")["list"]
            assert sum(p["page_visit_pv"] for p in pages) == len(opens)
            assert sum(p["entrypage_pv"] for p in pages) == sum(p["exitpage_pv"] for p in pages) == trend["session_cnt"]
            summary = emu.call("/datacube/getweanalysisappiddailysummarytrend", asked, "mini")["list"][0]
            assert summary["share_pv"] == sum(r["kind"] == "share" for r in mine)
            assert summary["visit_total"] == sum(d <= number for d in known.values())
            compass = emu.call("/channels/ec/compass/shop/overall/get", {"ds": f"{day:%Y%m%d}"})["data"]
            pays = [r for r in mine if r["kind"] == "pay"]
            assert int(compass["pay_order_cnt"]) == len(pays) == len({r["order_id"] for r in pays})
            amounts = 0
            for r in pays:
                order = emu.call("/channels/ec/order/get", {"order_id": r["order_id"]})["order"]
                assert order["openid"] == r["openid"] and order["order_detail"]["pay_info"]["pay_time"] * 1000 == r["ts"]
                amounts += order["order_detail"]["price_info"]["order_price"]
            assert int(compass["pay_gmv"]) == amounts
        carts = [r for r in rows if r["kind"] == "add_to_cart"]
        assert carts and all(r["product_id"] and r["sku_id"] for r in carts)
        assert any(r["referrer"] for r in rows if r["cq"] in ("share", "invite"))


def test_behaviour_export_pages_cover_everything_once():
    with running(small(orders=300, days=40)) as emu:
        import urllib.request

        since, rows = "2026-02-01", []
        while since:
            with urllib.request.urlopen(f"{emu.base}/emulator/behaviour?since={since}&days=9") as reply:
                rows += unpack(reply.read())
                since = reply.headers.get("x-next-since")
        w = emu.emulator.world
        batch = behaviour.unfold(w, 0, len(w.visits))
        assert len(rows) == len({r["event_id"] for r in rows}) == int((batch.ts < w.now * 1000).sum())
        status, raw = emu.request("GET", "/emulator/behaviour?since=2026-02-10&days=9&format=csv")
        assert status == 200 and raw.decode().splitlines()[0].startswith("event_id,ts,openid,session_id,kind,page_path")


def test_no_session_leaves_its_day_and_no_event_precedes_its_session(world):
    batch = behaviour.unfold(world, 0, len(world.visits))
    t = world.visits["t"][batch.visit]
    assert np.array_equal((batch.ts / 1000 + 28800) // 86400, (t + 28800) // 86400)
    assert (batch.ts >= np.floor(t * 1000) - 1).all()


def test_time_makes_orders_appear_ship_and_settle():
    with running(small(orders=600, days=40)) as emu:
        before = emu.control("status")
        placed = emu.control("market/orders", {"count": 6})
        assert len(placed["order_ids"]) == 6
        assert emu.call("/channels/ec/order/get", {"order_id": placed["order_ids"][0]})["errcode"] == 100002, "not ordered yet"
        emu.advance(minutes=40)
        states = [emu.call("/channels/ec/order/get", {"order_id": i})["order"]["status"] for i in placed["order_ids"]]
        assert set(states) <= {10, 12, 20, 250}
        emu.advance(days=25)
        states = [emu.call("/channels/ec/order/get", {"order_id": i})["order"]["status"] for i in placed["order_ids"]]
        assert set(states) <= {100, 200, 250}
        after = emu.control("status")
        assert after["orders"] > before["orders"] + 6 and after["now"].startswith("2026-04-14T12:40")


def test_pulse_keeps_a_demo_alive_and_within_its_budget():
    quiet, lively = small(orders=200, days=40), small(orders=200, days=40, pulse_seconds=30.0, pulse_budget=60)
    counts = []
    for config in (quiet, lively):
        with running(config) as emu:
            for _ in range(6):
                emu.advance(minutes=10)
            counts.append(emu.control("status")["orders"])
            used = sum(emu.emulator.pulse_used.values())
    assert 30 < counts[1] - counts[0] < 100 and used == 60


def test_a_second_start_goes_on_with_the_same_shop(tmp_path):
    config = small(orders=400, days=40, data_dir=str(tmp_path))
    with running(config) as emu:
        w = emu.emulator.world
        product = str(w.product_id(3))
        sku = str(w.sku_id(w.product_skus[3][0]))
        assert (
            emu.call("/channels/ec/product/auditfree", {"product_id": product, "skus": [{"sku_id": sku, "sale_price": 1234}]})[
                "errcode"
            ]
            == 0
        )
        emu.control("market/orders", {"count": 3})
        emu.advance(hours=30)
        order = emu.call(
            "/channels/ec/order/list/get",
            {"update_time_range": {"start_time": int(w.now) - 6 * 86400, "end_time": int(w.now)}, "status": 20, "page_size": 10},
        )["order_id_list"][0]
        emu.call("/channels/ec/order/merchantnotes/update", {"order_id": order, "merchant_notes": "记得放冰袋"})
        emu.control("callbacks/targets", {"kind": "shop", "url": "http://127.0.0.1:9/x", "token": "t", "aes_key": "a" * 43})
        before = emu.control("status")
        shown = emu.call("/channels/ec/order/get", {"order_id": order})["order"]
        numbers = (w.orders["price"].copy(), w.visits["t"].copy())
    with running(config) as emu:
        after = emu.control("status")
        for name in ("now", "orders", "paid_fen", "people", "sessions", "aftersales"):
            assert after[name] == before[name]
        w = emu.emulator.world
        assert np.array_equal(w.orders["price"], numbers[0]) and np.array_equal(w.visits["t"], numbers[1])
        assert emu.call("/channels/ec/order/get", {"order_id": order})["order"] == shown
        assert emu.call("/channels/ec/product/get", {"product_id": product})["product"]["skus"][0]["sale_price"] == 1234
        assert emu.control("callbacks/targets")["targets"][0]["url"] == "http://127.0.0.1:9/x"
        assert emu.control("reset", {})["now"].startswith("2026-03-20T12:00:00")
        assert emu.call("/channels/ec/product/get", {"product_id": product})["product"]["skus"][0]["sale_price"] != 1234


def _visits_after(world: World, who: np.ndarray, start: float) -> float:
    v = world.visits
    return float(np.isin(v["person"][v["t"] >= start], who).sum() / len(who))


def test_reached_people_come_more_and_others_exactly_as_without():
    def run(reach: bool) -> World:
        w = World(7, ANCHOR, orders=6000, days=120)
        w.run_history()
        treated = np.flatnonzero((w.people["t_contact"] <= w.now) & (np.arange(len(w.people)) % 2 == 0))
        if reach:
            w.reach(treated, w.now, "chat")
        for h in range(72):
            w.make_slice(w.end_history + h * 3600, w.end_history + (h + 1) * 3600)
        return w

    w = run(True)
    contacts = w.people["t_contact"] <= w.end_history
    even = np.arange(len(w.people)) % 2 == 0
    treated, control = np.flatnonzero(contacts & even), np.flatnonzero(contacts & ~even)
    gain = _visits_after(w, treated, w.end_history) - _visits_after(w, control, w.end_history)
    assert 0.15 < gain < 0.6
    assert not (w.people["reach_s"][control] > 0).any() or (w.people["reach_t"][control] < w.end_history).all()
    again = run(False)
    assert len(again.visits) < len(w.visits)


def test_response_model_has_the_signs_it_documents():
    assert response.price_logit(1.8, 80, 100) > 0 > response.price_logit(1.8, 120, 100)
    assert response.price_logit(3.0, 120, 100) < response.price_logit(1.0, 120, 100)
    assert response.reach_strength(np.array([0.01, 1.0, 3.0]), 0.0, "chat").tolist() == [0.0, 0.42, pytest.approx(1.26)]
    assert response.reach_strength(np.array([1.0]), 2.0, "chat")[0] == pytest.approx(0.42 * 0.36)
    total = response.reach_visits(0.4, 0.0, 0.0, 1e9)
    assert total == pytest.approx(0.4)
    halves = response.reach_visits(0.4, 0.0, 0.0, 5e4) + response.reach_visits(0.4, 0.0, 5e4, 1e9)
    assert halves == pytest.approx(total)
    assert response.reach_visits(0.4, 100.0, 0.0, 100.0) == 0.0


def test_a_dearer_product_sells_less_and_a_flash_sale_more():
    def sold(factor: float, flash: bool = False) -> int:
        w = World(5, ANCHOR, orders=20_000, days=60)
        w.run_history()
        rows = [r for p in w.products if p.category == "nut" for r in w.product_skus[p.index]]
        for r in rows:
            w.set_price(r, max(1, int(w.skus["price"][r] * factor)), w.now)
        if flash:
            for p in w.products:
                if p.category == "nut":
                    prices = {r: int(w.skus["price"][r] * 0.7) for r in w.product_skus[p.index]}
                    w.add_flash(
                        p.index, int(w.now), int(w.now) + 3 * 86400, prices, dict.fromkeys(prices, 9999), "试", int(w.now)
                    )
        first = len(w.lines)
        for h in range(72):
            w.make_slice(w.end_history + h * 3600, w.end_history + (h + 1) * 3600)
        return int(np.isin(w.lines["sku"][first:], rows).sum())

    plain = sold(1.0)
    assert sold(1.8) < 0.6 * plain
    assert sold(1.0, flash=True) > 1.4 * plain


def test_configuration_travels_as_text():
    config = EmulatorConfig(now=ANCHOR, limits={"/x": (1, 2)}, faults=({"kind": "delay"},), closed_paths=("/y",))
    assert EmulatorConfig.from_json(config.to_json()) == config
    assert json.loads(config.to_json())["now"] == "2026-03-20T04:00:00+00:00"
    assert dataclasses.asdict(config)["speed"] == 1.0


def test_stock_flow_ends_at_the_present_stock(world):
    for sku in (0, 5, 40):
        mine = world.lines["sku"] == sku
        paid = np.isfinite(world.orders["t_pay"][world.lines["order"][mine]])
        moved = int(world.lines["count"][mine][paid].sum())
        restocked = sum(n for t, s, n, k in world.stock_moves if s == sku)
        assert int(world.opening_stock[sku]) - moved + restocked <= int(world.skus["stock"][sku])


def test_demo_world_speed_is_printed(capsys):
    begun = time.perf_counter()
    w = World(20260101, ANCHOR, orders=20_000, days=548)
    w.run_history()
    took = time.perf_counter() - begun
    assert 18_000 < len(w.orders) < 23_000
    assert w.nbytes < 100_000_000
    with capsys.disabled():
        print(f"\n演示市场：{len(w.orders):,} 单 {len(w.visits):,} 次访问，生成 {took:.2f} 秒")
    assert day_begin(day_number(w.now)) <= w.now < day_begin(day_number(w.now)) + DAY
