"""The platform's manners: tokens, quotas, windows, paging, parameter errors, masking, faults, coverage."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from zhanggui.emulator import hosts
from zhanggui.emulator.protocol import ROUTES
from zhanggui.emulator.testing import Running, running, small
from zhanggui.wechat.endpoints import REGISTRY

ROWS = re.findall(
    r"^\| (GET|POST) \| `([^`]+)` \| (emulated|not yet|never) \| (.*) \|$|^## (\S+)$",
    (Path(__file__).parents[1] / "coverage.md").read_text("utf-8"),
    re.M,
)
ORDERS = "/channels/ec/order"
hosts.load()


@pytest.fixture(scope="module")
def emu():
    with running(small(decode_per_day=3)) as served:
        yield served


@pytest.fixture
def fresh():
    with running(small(orders=300, days=40)) as served:
        yield served


def window(emu: Running, days: float = 7, **more):
    now = int(emu.emulator.world.now)
    return {"update_time_range": {"start_time": int(now - days * 86400), "end_time": now}, "page_size": 100, **more}


def all_orders(emu: Running, days: float = 7, **more):
    ids, key = [], ""
    while True:
        page = emu.call(f"{ORDERS}/list/get", window(emu, days, next_key=key, **more))
        assert page["errcode"] == 0
        ids += page["order_id_list"]
        key = page["next_key"]
        if not page["has_more"]:
            return ids


def table():
    host, rows = "", []
    for method, path, state, remark, title in ROWS:
        if title:
            host = title
        else:
            rows.append((host, method, path, state, remark))
    return rows


def test_coverage_table_is_the_routes():
    rows = table()
    emulated = {f"/{h}{p}": m for h, m, p, s, _ in rows if s == "emulated"}
    assert emulated == {key: r.method for key, r in ROUTES.items()}
    assert len(rows) == len({(h, p) for h, _, p, _, _ in rows})
    assert all(remark for *_, state, remark in rows if state != "emulated")


def test_every_call_the_clients_offer_has_a_row():
    rows = {(host, path) for host, _, path, _, _ in table()}
    without = [
        one.name
        for one in REGISTRY.values()
        if one.offered and not any((one.host, p) in rows for p in (one.path, *one.other_paths))
    ]
    assert without == []


def test_every_row_of_the_coverage_table_answers_as_it_says(emu):
    tokens = {
        "shop": emu.token("shop"),
        "mini": emu.token("mini"),
        "official": emu.token("official"),
        "wecom": emu.token("wecom"),
    }
    k = emu.keys
    tokens["ads"] = emu.get(
        f"{emu.ads}/oauth/token?client_id={k.ads_client_id}&client_secret={k.ads_client_secret}&grant_type=refresh_token&refresh_token={k.ads_refresh_token}"
    )["data"]["access_token"]
    for host, method, path, state, _ in table():
        known = ROUTES.get(f"/{host}{path}")
        token = tokens[known.account.split("|")[0]] if known and known.account else tokens["shop"]
        body = None if method == "GET" else b"picture" if known and known.raw else {"nothing": 1}
        status, raw = emu.request(method, f"{emu.base}/{host}{path}?access_token={token}", body)
        code = json.loads(raw).get("errcode", json.loads(raw).get("code", 0))
        assert status == 200
        assert (code != 40066) == (state == "emulated"), (path, state, raw)
        assert code not in (40001, 48001), (path, raw)
    assert emu.control("status")["crashes"] == []


def test_unknown_path_wrong_method_empty_and_broken_body(emu):
    token = emu.token()
    url = f"{emu.api}{ORDERS}/get?access_token={token}"
    assert emu.post(f"{emu.api}/channels/ec/nothing?access_token={token}", {})["errcode"] == 40066
    assert emu.get(url)["errcode"] == 43002
    assert json.loads(emu.request("POST", url, b"")[1])["errcode"] == 44002
    assert json.loads(emu.request("POST", url, b"{no json")[1])["errcode"] == 47001
    answer = emu.post(url, {})
    assert answer["errcode"] == 40097
    assert re.search(r"rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$", answer["errmsg"])
    rid = answer["errmsg"].split("rid: ")[1]
    assert emu.call("/cgi-bin/openapi/rid/get", {"rid": rid})["request"]["request_url"].endswith("/order/get")


def test_stable_token_is_shared_renewed_near_its_end_and_expires(fresh):
    first = fresh.token()
    assert fresh.token() == first
    k = fresh.keys
    ask = {"grant_type": "client_credential", "appid": k.shop_appid, "secret": k.shop_secret}
    url = f"{fresh.api}/cgi-bin/stable_token"
    assert fresh.post(url, ask)["expires_in"] == 7200
    fresh.advance(seconds=6899)
    assert fresh.post(url, ask) == {"access_token": first, "expires_in": 301}
    fresh.advance(seconds=2)
    second = fresh.post(url, ask)
    assert second["access_token"] != first and second["expires_in"] == 7200
    old = f"{fresh.api}/channels/ec/basics/info/get?access_token={first}"
    assert fresh.get(old)["errcode"] == 0, "old and new live side by side for five minutes"
    fresh.advance(seconds=299)
    assert fresh.get(old)["errcode"] == 42001


def test_forced_refresh_kills_the_old_token_and_is_limited(fresh):
    k = fresh.keys
    ask = {"grant_type": "client_credential", "appid": k.shop_appid, "secret": k.shop_secret, "force_refresh": True}
    url = f"{fresh.api}/cgi-bin/stable_token"
    first = fresh.token()
    second = fresh.post(url, ask)["access_token"]
    assert second != first
    assert fresh.get(f"{fresh.api}/channels/ec/basics/info/get?access_token={first}")["errcode"] == 40001
    assert fresh.post(url, ask)["errcode"] == 45011
    for _ in range(19):
        fresh.advance(seconds=31)
        assert "access_token" in fresh.post(url, ask)
    fresh.advance(seconds=31)
    assert fresh.post(url, ask)["errcode"] == 45009
    assert fresh.post(url, {**ask, "secret": "wrong"})["errcode"] == 40125
    assert fresh.post(url, {**ask, "appid": "wxnobody"})["errcode"] == 40013


def test_legacy_token_is_new_each_time_and_apart_from_the_stable_one(fresh):
    k = fresh.keys
    url = f"{fresh.api}/cgi-bin/token?grant_type=client_credential&appid={k.shop_appid}&secret={k.shop_secret}"
    stable = fresh.token()
    first, second = fresh.get(url)["access_token"], fresh.get(url)["access_token"]
    assert len({stable, first, second}) == 3
    fresh.advance(seconds=301)
    info = f"{fresh.api}/channels/ec/basics/info/get?access_token="
    assert [fresh.get(info + t)["errcode"] for t in (stable, first, second)] == [0, 42001, 0]


def test_wrong_missing_revoked_and_foreign_tokens(fresh):
    info = f"{fresh.api}/channels/ec/basics/info/get?access_token="
    token = fresh.token()
    assert fresh.get(info)["errcode"] == 41001
    assert fresh.get(info + "short")["errcode"] == 40014
    assert fresh.get(info + "x" * 120)["errcode"] == 40001
    assert fresh.get(info + fresh.token("mini"))["errcode"] == 48001
    assert fresh.control("tokens/revoke", {"account": "shop"})["revoked"] >= 1
    assert fresh.get(info + token)["errcode"] == 40001
    assert fresh.get(info + fresh.token())["errcode"] == 0, "normal mode gives a living token after a revocation"


def test_daily_and_minute_limits_and_their_clearing(fresh):
    path = f"{ORDERS}/list/get"
    fresh.control("settings", {"limits": {path: [7, 3]}})
    codes = [fresh.call(path, window(fresh))["errcode"] for _ in range(4)]
    assert codes == [0, 0, 0, 45011]
    fresh.advance(seconds=61)
    assert [fresh.call(path, window(fresh))["errcode"] for _ in range(3)] == [0, 0, 0]
    fresh.advance(seconds=61)
    assert [fresh.call(path, window(fresh))["errcode"] for _ in range(2)] == [0, 45009]
    assert fresh.call("/cgi-bin/openapi/quota/get", {"cgi_path": path})["quota"] == {"daily_limit": 7, "used": 7, "remain": 0}
    assert fresh.call("/cgi-bin/openapi/quota/clear", {"cgi_path": path})["errcode"] == 0
    assert fresh.call(path, window(fresh))["errcode"] == 0


def test_order_list_pages_completely_and_without_doubles(emu):
    ids = all_orders(emu)
    w = emu.emulator.world
    expected = {
        str(w.order_id(i))
        for i in range(len(w.orders))
        if w.orders["t_create"][i] <= w.now and w.orders["upd"][i] >= int(w.now - 7 * 86400)
    }
    assert len(ids) == len(set(ids)) and set(ids) == expected
    assert all(isinstance(i, str) and int(i) > 2**53 for i in ids)
    small_pages, key = [], ""
    while True:
        page = emu.call(f"{ORDERS}/list/get", window(emu, page_size=7, next_key=key))
        small_pages += page["order_id_list"]
        key = page["next_key"]
        if not page["has_more"]:
            break
    assert small_pages == ids


def test_order_list_by_status_openid_and_creation(emu):
    now = int(emu.emulator.world.now)
    listed = all_orders(emu, status=20)
    assert listed
    for number in listed[:5]:
        order = emu.call(f"{ORDERS}/get", {"order_id": number})["order"]
        assert order["status"] in (20, 21)
    openid = order["openid"]
    mine = all_orders(emu, openid=openid)
    assert number in mine
    page = emu.call(f"{ORDERS}/list/get", {"create_time_range": {"start_time": now - 86400, "end_time": now}, "page_size": 100})
    for number in page["order_id_list"][:5]:
        assert now - 86400 <= emu.call(f"{ORDERS}/get", {"order_id": number})["order"]["create_time"] <= now


def test_windows_page_sizes_and_changed_parameters_are_refused(emu):
    path = f"{ORDERS}/list/get"
    assert emu.call(path, window(emu, days=7.1))["errcode"] == 40097
    assert emu.call(path, {"page_size": 10})["errcode"] == 40097
    assert emu.call(path, window(emu, page_size=101))["errcode"] == 40097
    first = emu.call(path, window(emu, page_size=5))
    assert first["has_more"]
    assert emu.call(path, window(emu, page_size=5, next_key=first["next_key"]))["errcode"] == 0
    assert emu.call(path, window(emu, page_size=5, status=20, next_key=first["next_key"]))["errcode"] == 606006
    assert emu.call(f"{ORDERS}/get", {"order_id": "1"})["errcode"] == 100002
    now = int(emu.emulator.world.now)
    short = {"begin_update_time": now - 86400, "end_update_time": now}
    assert emu.call("/channels/ec/aftersale/getaftersalelist", short)["errcode"] == 0
    assert emu.call("/channels/ec/aftersale/getaftersalelist", {**short, "begin_update_time": now - 86401})["errcode"] == 40097
    assert (
        emu.call(f"{ORDERS}/search", {"search_condition": {"title": "a<b"}, "page_size": 10, "next_key": ""})["errcode"]
        == 6060456
    )


def test_too_many_orders_in_one_window():
    with running(small(orders=300, days=40, orders_per_window=5)) as emu:
        assert emu.call(f"{ORDERS}/list/get", window(emu))["errcode"] == 31042
        ok = emu.call(f"{ORDERS}/list/get", window(emu, days=0.02))
        assert ok["errcode"] == 0


def test_money_of_every_order_adds_up(emu):
    for number in all_orders(emu)[:150]:
        order = emu.call(f"{ORDERS}/get", {"order_id": int(number)})["order"]
        detail = order["order_detail"]
        price, lines = detail["price_info"], detail["product_infos"]
        assert price["product_price"] == sum(i["sale_price"] * i["sku_cnt"] for i in lines)
        assert price["discounted_price"] == sum(i["merchant_discounted_price"] for i in lines)
        assert price["order_price"] == sum(i["real_price"] for i in lines) + price["freight"]
        assert (
            price["merchant_receieve_price"]
            == price["original_order_price"] - price["discounted_price"] - price["deduction_price"] - price["change_down_price"]
            == price["order_price"]
        )
        for line in lines:
            assert line["real_price"] == min(line["estimate_price"], line.get("change_price", line["estimate_price"]))
        assert ("pay_time" in detail["pay_info"]) == (order["status"] not in (10, 250))


def test_ids_come_as_numbers_and_as_strings(emu):
    kinds = set()
    for number in all_orders(emu)[:12]:
        order = emu.call(f"{ORDERS}/get", {"order_id": number})["order"]
        kinds.add(type(order["order_detail"]["product_infos"][0]["product_id"]))
        assert type(order["order_id"]) is str
    assert kinds == {int, str}


def test_recipients_are_masked_and_decoding_costs_quota(emu):
    paid = all_orders(emu, status=100)[:5]
    address = emu.call(f"{ORDERS}/get", {"order_id": paid[0]})["order"]["order_detail"]["delivery_info"]["address_info"]
    assert address["user_name"].endswith("**") and address["detail_info"] == "****" and "****" in address["tel_number"]
    assert address["use_tel_number"] == 1 and "-" in address["tel_number_ext_info"]["virtual_tel_number"]
    for number in [*paid[:3], paid[0]]:
        clear = emu.call(f"{ORDERS}/sensitiveinfo/decode", {"order_id": number})
        assert clear["errcode"] == 0 and "*" not in clear["address_info"]["tel_number"]
    assert emu.call(f"{ORDERS}/sensitiveinfo/decode", {"order_id": paid[3]})["errcode"] == 45009
    assert emu.call(f"{ORDERS}/sensitiveinfo/decode", {"order_id": paid[1]})["errcode"] == 0, "the same order again is free"


def test_faults_on_demand_are_seeded_and_counted():
    with running(small(orders=300, days=40)) as emu:
        token = emu.token()
        url = f"{emu.api}/channels/ec/basics/info/get?access_token={token}"

        def codes():
            return [emu.request("GET", url)[0] for _ in range(40)]

        emu.control("faults", {"kind": "http", "path": "api.weixin.qq.com/channels/ec/basics/*", "rate": 0.3, "status": 503})
        first = codes()
        assert 4 < first.count(503) < 24
        assert emu.control("faults", method="DELETE")["removed"] == 1
        assert codes() == [200] * 40
        emu.control("faults", {"kind": "errcode", "errcode": -1, "count": 2})
        assert [emu.get(url)["errcode"] for _ in range(3)] == [-1, -1, 0]
        emu.control("faults", {"kind": "malformed", "count": 1})
        assert emu.request("GET", url)[1].startswith(b"<html>")
        emu.control("faults", {"kind": "truncate", "count": 1})
        cut = emu.request("GET", url)[1]
        with pytest.raises(json.JSONDecodeError):
            json.loads(cut)
        emu.control("faults", {"kind": "revoke", "count": 1})
        assert emu.get(url)["errcode"] == 40001
        with pytest.raises(RuntimeError, match="unknown fault kind"):
            emu.control("faults", {"kind": "nonsense"})
    rule = {"kind": "http", "path": "*", "rate": 0.3, "status": 503}
    seen = []
    for _ in range(2):
        with running(small(orders=300, days=40, faults=(rule,))) as emu:
            seen.append([emu.request("GET", f"{emu.api}/cgi-bin/token")[0] for _ in range(30)])
    assert seen[0] == seen[1] and {200, 503} == set(seen[0])


def test_mini_program_figures_are_not_ready_early_and_only_for_the_past(fresh):
    path = "/datacube/getweanalysisappiddailyvisittrend"

    def ask(day):
        return fresh.call(path, {"begin_date": day, "end_date": day}, "mini")

    assert ask("20260319")["list"][0]["ref_date"] == "20260319"
    assert ask("20260320")["errcode"] == 61501
    assert fresh.call(path, {"begin_date": "20260318", "end_date": "20260319"}, "mini")["errcode"] == 61501
    fresh.control("clock/set", {"now": "2026-03-21T06:00:00+08:00"})
    assert ask("20260320")["errcode"] == 61503
    fresh.advance(hours=1)
    assert ask("20260320")["list"][0]["session_cnt"] > 0


def test_funds_appear_the_next_day_at_four(fresh):
    w = fresh.emulator.world
    settle = w.orders["t_settle"]
    row = int(next(i for i in range(len(settle)) if settle[i] > w.now + 86400 and settle[i] < w.now + 20 * 86400))
    at = float(settle[row])
    asked = {"start_time": int(at) - 1, "end_time": int(at) + 1, "page": 1, "page_size": 10}
    day_end = (int(at + 28800) // 86400 + 1) * 86400 - 28800
    fresh.control("clock/set", {"now": str(day_end + 15.9 * 3600)})
    assert fresh.call("/channels/ec/funds/getfundsflowlist", asked)["flow_ids"] == []
    fresh.advance(hours=0.2)
    flows = fresh.call("/channels/ec/funds/getfundsflowlist", asked)["flow_ids"]
    details = [fresh.call("/channels/ec/funds/getfundsflowdetail", {"flow_id": f})["funds_flow"] for f in flows]
    assert {1, 2} <= {d["funds_type"] for d in details}
    income = next(d for d in details if d["funds_type"] == 1)
    assert income["amount"] == int(w.orders["price"][row]) and income["related_info_list"][0]["order_id"] == str(w.order_id(row))


def test_ads_report_checks_timestamp_and_nonce_and_sums_over_groups(fresh):
    k, now = fresh.keys, int(fresh.emulator.clock.service())
    token = fresh.get(
        f"{fresh.ads}/oauth/token?client_id={k.ads_client_id}&client_secret={k.ads_client_secret}&grant_type=refresh_token&refresh_token={k.ads_refresh_token}"
    )["data"]["access_token"]

    def ask(nonce, stamp, group='["date"]', level="REPORT_LEVEL_ADVERTISER"):
        fields = '["date","cost","valid_click_count","adgroup_id"]'.replace('"', "%22")
        span = '{"start_date":"2026-03-10","end_date":"2026-03-16"}'.replace('"', "%22")
        return fresh.get(
            f"{fresh.ads}/v3.0/daily_reports/get?access_token={token}&timestamp={stamp}&nonce={nonce}&account_id={k.ads_account_id}&level={level}"
            f"&date_range={span}&group_by={group.replace(chr(34), '%22')}&fields={fields}&page_size=100"
        )

    whole = ask("n1", now)
    assert whole["code"] == 0 and whole["data"]["page_info"]["total_number"] == 7
    assert ask("n1", now)["code"] == 11013
    assert ask("n2", now - 301)["code"] == 11012
    parts = ask("n3", now, '["date","adgroup_id"]', "REPORT_LEVEL_ADGROUP")["data"]["list"]
    assert len(parts) == 21
    assert sum(p["cost"] for p in parts) == sum(d["cost"] for d in whole["data"]["list"]) > 0


def test_everything_is_labelled_as_simulated(emu):
    assert "演示" in emu.call("/channels/ec/basics/info/get")["info"]["nickname"]
    status, page = emu.request("GET", "/emulator/")
    assert status == 200 and "演示数据" in page.decode() and 'lang="zh-Hans"' in page.decode()
    assert emu.control("status")["label"] == "演示数据"
