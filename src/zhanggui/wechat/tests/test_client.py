"""Tokens, pace, repetitions and errors, with a clock that nobody waits for."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from zhanggui.wechat import errors
from zhanggui.wechat.budget import Budget, next_midnight
from zhanggui.wechat.client import Caller, Client, Raw, ShopAccount
from zhanggui.wechat.endpoints import REGISTRY, endpoint
from zhanggui.wechat.errors import TransportError
from zhanggui.wechat.tests.fakes import SECRET, Clock, Dice, FakeCarrier, ads_account, caller, wecom_account
from zhanggui.wechat.tokens import FORCE_PER_DAY, MemoryTokenStore, Token
from zhanggui.wechat.writes.shop import ShopWrites

ORDER = endpoint("order.get")
PATH = "/channels/ec/order/get"
SHIP_PATH = "/channels/ec/order/delivery/send"
OK = {"errcode": 0, "order": {"order_id": "1"}}


async def test_one_token_for_many_calls() -> None:
    carrier, clock = FakeCarrier({PATH: OK}), Clock()
    one = caller(carrier, clock)
    await asyncio.gather(*(one.call(ORDER, {"order_id": str(n)}) for n in range(50)))
    assert carrier.tokens == 1
    assert {sent.token for sent in carrier.to(PATH)} == {"T1"}
    assert carrier.to("/cgi-bin/stable_token")[0].body == {
        "grant_type": "client_credential",
        "appid": "wx0123",
        "secret": SECRET,
        "force_refresh": False,
    }


async def test_a_token_is_renewed_before_it_dies() -> None:
    carrier, clock = FakeCarrier({PATH: OK}), Clock()
    one = caller(carrier, clock)
    await one.call(ORDER, {"order_id": "1"})
    clock.tick(7200 - 300)
    await one.call(ORDER, {"order_id": "1"})
    assert carrier.tokens == 1
    clock.tick(1)
    await one.call(ORDER, {"order_id": "1"})
    assert [sent.token for sent in carrier.to(PATH)] == ["T1", "T1", "T2"]


async def test_a_token_handed_out_short_is_not_fetched_at_every_call() -> None:
    carrier, clock = FakeCarrier({PATH: OK}, life=200), Clock()
    one = caller(carrier, clock)
    for _ in range(5):
        await one.call(ORDER, {"order_id": "1"})
    assert carrier.tokens == 1
    clock.tick(101)
    await one.call(ORDER, {"order_id": "1"})
    assert carrier.tokens == 2


async def test_processes_share_the_token_through_the_store() -> None:
    store, clock = MemoryTokenStore(), Clock()
    first, second = FakeCarrier({PATH: OK}), FakeCarrier({PATH: OK})
    await caller(first, clock, store=store).call(ORDER, {"order_id": "1"})
    await caller(second, clock, store=store).call(ORDER, {"order_id": "1"})
    assert (first.tokens, second.tokens) == (1, 0)
    assert second.to(PATH)[0].token == "T1"


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_a_refused_token_is_fetched_once_and_the_call_repeated(code: int) -> None:
    carrier = FakeCarrier({PATH: lambda sent: {"errcode": code, "errmsg": "bad"} if sent.token == "T1" else OK})
    one = caller(carrier, Clock())
    assert await one.call(ORDER, {"order_id": "1"}) == OK
    assert (carrier.tokens, len(carrier.to(PATH))) == (2, 2)
    assert [sent.body["force_refresh"] for sent in carrier.to("/cgi-bin/stable_token")] == [False, False]


async def test_many_refused_at_once_fetch_once() -> None:
    carrier = FakeCarrier({PATH: lambda sent: {"errcode": 42001} if sent.token == "T1" else OK})
    one = caller(carrier, Clock())
    await asyncio.gather(*(one.call(ORDER, {"order_id": str(n)}) for n in range(40)))
    assert carrier.tokens == 2


async def test_then_forced_once_then_a_person_is_asked() -> None:
    carrier = FakeCarrier({PATH: {"errcode": 40001, "errmsg": "invalid credential rid: 66-77"}})
    one = caller(carrier, Clock())
    with pytest.raises(errors.ConfigurationError) as caught:
        await one.call(ORDER, {"order_id": "1"})
    assert [sent.body["force_refresh"] for sent in carrier.to("/cgi-bin/stable_token")] == [False, False, True]
    assert len(carrier.to(PATH)) == 3
    assert "检查 AppSecret / IP 白名单" in str(caught.value)
    assert caught.value.rid == "66-77"


async def test_forcing_keeps_thirty_seconds_apart_and_twenty_a_day() -> None:
    carrier, clock = FakeCarrier({PATH: {"errcode": 40001}}), Clock()
    one = caller(carrier, clock)

    async def fail() -> None:
        with pytest.raises(errors.ConfigurationError):
            await one.call(ORDER, {"order_id": "1"})

    def forced() -> int:
        return sum(sent.body["force_refresh"] for sent in carrier.to("/cgi-bin/stable_token"))

    await fail()
    clock.tick(29)
    await fail()
    assert forced() == 1
    for _ in range(40):
        clock.tick(31)
        await fail()
    assert forced() == FORCE_PER_DAY
    clock.tick(86400)
    await fail()
    assert forced() == FORCE_PER_DAY + 1


async def test_the_old_token_lives_on_when_the_platform_cannot_give_a_new_one() -> None:
    carrier, clock = FakeCarrier({PATH: OK}), Clock()
    one = caller(carrier, clock)
    await one.call(ORDER, {"order_id": "1"})
    clock.tick(7000)
    carrier.answers["/cgi-bin/stable_token"] = TransportError("x")
    await one.call(ORDER, {"order_id": "1"})
    assert carrier.to(PATH)[-1].token == "T1"


async def test_a_wrong_secret_is_a_configuration_error() -> None:
    carrier = FakeCarrier({"/cgi-bin/stable_token": {"errcode": 40125, "errmsg": "invalid appsecret rid: 1-2"}})
    with pytest.raises(errors.ConfigurationError) as caught:
        await caller(carrier, Clock()).call(ORDER, {"order_id": "1"})
    assert "AppSecret" in str(caught.value)
    assert len(carrier.sent) == 1


async def test_the_force_count_is_stored() -> None:
    store, clock = MemoryTokenStore(), Clock()
    carrier = FakeCarrier({PATH: {"errcode": 40001}})
    one = caller(carrier, clock, store=store)
    with pytest.raises(errors.ConfigurationError):
        await one.call(ORDER, {"order_id": "1"})
    (key,) = store._tokens
    token = await store.load(key)
    assert token is not None
    assert token.forced_at == (clock.now,)


# -- repetitions ---------------------------------------------------------------------------------------------------------------


async def test_busy_is_repeated_with_growing_jitter_for_reading_calls() -> None:
    carrier, clock = FakeCarrier({PATH: [{"errcode": -1}, {"errcode": -1}, OK]}), Clock()
    assert await caller(carrier, clock).call(ORDER, {"order_id": "1"}) == OK
    assert clock.slept == [1.0, 2.0]


async def test_busy_is_not_repeated_for_writes_that_could_count_twice() -> None:
    path = "/channels/ec/product/stock/update"
    carrier, clock = FakeCarrier({path: {"errcode": -1}}), Clock()
    with pytest.raises(errors.ReplyError):
        await ShopWrites(caller(carrier, clock)).change_stock("1", "2", 5)
    assert len(carrier.to(path)) == 1
    assert carrier.to(path)[0].body == {"product_id": "1", "sku_id": "2", "diff_type": 1, "num": 5}
    assert clock.slept == []


async def test_safe_writes_are_repeated() -> None:
    path = "/channels/ec/order/merchantnotes/update"
    carrier, clock = FakeCarrier({path: [TransportError("lost"), {"errcode": 0}]}), Clock()
    await ShopWrites(caller(carrier, clock)).note_order("1", "礼盒")
    assert len(carrier.to(path)) == 2


@pytest.mark.parametrize(("sent", "times"), [(True, 1), (False, 3)])
async def test_a_write_is_repeated_only_if_it_was_never_sent(sent: bool, times: int) -> None:
    path = "/channels/ec/aftersale/acceptapply"
    lost = TransportError("x", sent=sent)
    carrier, clock = FakeCarrier({path: [lost, lost, {"errcode": 0}]}), Clock()
    one = ShopWrites(caller(carrier, clock))
    if sent:
        with pytest.raises(TransportError) as caught:
            await one.accept_aftersale("9")
        assert caught.value.sent is True
    else:
        await one.accept_aftersale("9")
    assert len(carrier.to(path)) == times


@pytest.mark.parametrize(
    "answer",
    [
        Raw(502, "text/html", b"<html>Bad Gateway</html>"),
        Raw(500, "application/json", b"{}"),
        Raw(200, "application/json", b'{"errcode":0,"order":{"order_'),
        TransportError("超时"),
    ],
)
async def test_lost_answers_of_reading_calls_are_repeated_four_times(answer: Any) -> None:
    carrier, clock = FakeCarrier({PATH: answer}), Clock()
    with pytest.raises(TransportError):
        await caller(carrier, clock).call(ORDER, {"order_id": "1"})
    assert len(carrier.to(PATH)) == 4
    assert clock.slept == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    "answer", [Raw(200, "text/html", b"<html>login</html>"), Raw(200, "application/json", b"[1]"), Raw(404, "text/plain", b"no")]
)
async def test_answers_that_are_no_json_are_not_repeated(answer: Raw) -> None:
    carrier = FakeCarrier({PATH: answer})
    with pytest.raises(errors.UnreadableReply):
        await caller(carrier, Clock()).call(ORDER, {"order_id": "1"})
    assert len(carrier.to(PATH)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Raw(403, "text/html", b""),
        {"errcode": 45035, "errmsg": "access clientip 1.2.3.4 is not registered"},
        {"errcode": 61004, "errmsg": "access clientip is not registered requestIP: 1.2.3.4 rid: 1-2"},
        {"errcode": 40164, "errmsg": "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist rid: 1-2"},
    ],
)
async def test_a_blocked_address_is_said_so(answer: Any) -> None:
    with pytest.raises(errors.IpNotAllowed) as caught:
        await caller(FakeCarrier({PATH: answer}), Clock()).call(ORDER, {"order_id": "1"})
    assert "白名单" in str(caught.value)
    assert caught.value.ip == ("" if isinstance(answer, Raw) else "1.2.3.4")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (48001, errors.CapabilityOff),
        (10023007, errors.CapabilityOff),
        (100002, errors.NoSuchThing),
        (31042, errors.WindowTooLarge),
        (606006, errors.WalkBroken),
        (61503, errors.NotReadyYet),
        (40013, errors.ConfigurationError),
        (10080000, errors.ConfigurationError),
        (10020014, errors.Refused),
        (99999999, errors.ReplyError),
    ],
)
async def test_codes_become_their_errors(code: int, kind: type[errors.ReplyError]) -> None:
    carrier = FakeCarrier({PATH: {"errcode": str(code), "errmsg": "why rid: 6-7"}})
    with pytest.raises(errors.ReplyError) as caught:
        await caller(carrier, Clock()).call(ORDER, {"order_id": "1"})
    assert type(caught.value) is kind
    assert (caught.value.errcode, caught.value.rid, caught.value.endpoint) == (code, "6-7", "order.get")
    assert len(carrier.to(PATH)) == 1


# -- pace ----------------------------------------------------------------------------------------------------------------------


async def test_too_fast_waits_a_minute_and_goes_on_even_for_writes() -> None:
    path = "/channels/ec/product/stock/update"
    carrier, clock = FakeCarrier({path: [{"errcode": 45011}, {"errcode": 0}]}), Clock()
    await ShopWrites(caller(carrier, clock)).change_stock("1", "2", -1)
    assert len(carrier.to(path)) == 2
    assert sum(clock.slept) >= 60
    assert carrier.to(path)[1].body["diff_type"] == 2


async def test_http_429_is_too_fast_and_was_not_carried_out() -> None:
    carrier, clock = FakeCarrier({SHIP_PATH: [Raw(429, "text/html", b"slow down"), OK]}), Clock()
    await caller(carrier, clock).call(endpoint("order.delivery.send"), {"order_id": "1", "delivery_list": [{}]})
    assert len(carrier.to(SHIP_PATH)) == 2, "even a write that must not happen twice"
    assert 60 <= clock.slept[0] <= 75


async def test_jitter_lies_anywhere_between_nothing_and_twice_as_far_each_time() -> None:
    seen: list[tuple[float, float]] = []

    class Chance(Dice):
        def uniform(self, low: float, high: float) -> float:
            seen.append((low, high))
            return low

    carrier, clock = FakeCarrier({PATH: TransportError("断了")}), Clock()
    one = Caller(ShopAccount("wx0123", SECRET), carrier, clock=clock, sleep=clock.sleep, rng=Chance())
    with pytest.raises(TransportError):
        await one.call(ORDER, {"order_id": "1"})
    assert seen == [(0.0, 1.0), (0.0, 2.0), (0.0, 4.0)]
    assert clock.slept == [0.0, 0.0, 0.0]


async def test_too_fast_for_ever_is_throttled() -> None:
    carrier, clock = FakeCarrier({PATH: {"errcode": 45011}}), Clock()
    with pytest.raises(errors.Throttled) as caught:
        await caller(carrier, clock).call(ORDER, {"order_id": "1"})
    assert caught.value.retry_after >= 60
    assert len(carrier.to(PATH)) == 3


async def test_a_used_up_quota_closes_the_endpoint_until_midnight_in_china() -> None:
    carrier, clock = FakeCarrier({PATH: [{"errcode": 45009}, OK]}), Clock(1_767_240_000.0)  # 2026-01-01 12:00 in China
    one = caller(carrier, clock)
    for _ in range(3):
        with pytest.raises(errors.QuotaExhausted) as caught:
            await one.call(ORDER, {"order_id": "1"})
        assert caught.value.until is not None
        assert caught.value.until.isoformat() == "2026-01-01T16:00:00+00:00"
    assert len(carrier.to(PATH)) == 1
    await one.call(endpoint("basics.info.get"))
    clock.tick(12 * 3600)
    assert await one.call(ORDER, {"order_id": "1"}) == OK


def test_midnight_is_china_s() -> None:
    assert next_midnight(1_767_240_000.0) == 1_767_283_200.0
    assert next_midnight(1_767_283_199.0) == 1_767_283_200.0
    assert next_midnight(1_767_283_200.0) == 1_767_369_600.0


async def test_documented_rates_are_kept_in_every_minute() -> None:
    times: list[float] = []
    clock = Clock()
    carrier = FakeCarrier({"/cgi-bin/webhook/send": lambda sent: times.append(clock.now)})
    one = caller(carrier, clock, account=wecom_account())
    bot = endpoint("wecom.webhook.send")
    start = clock.now
    for _ in range(61):
        await one.call(bot, {"key": "K", "msgtype": "text", "text": {"content": "x"}})
    busiest = max(sum(at <= other < at + 60 for other in times) for at in times)
    assert busiest in (19, 20), "twenty a minute, whichever minute one looks at"
    assert times[:5] == [start] * 5, "a few may go out at once"
    assert times[-1] - start < 61 / 20 * 60 * 1.4, "and the pace is not much below what is allowed"
    assert carrier.sent[0].query == {"key": "K"}
    assert carrier.tokens == 0


async def test_calls_that_are_counted_together_share_a_lane_and_a_day() -> None:
    carrier, clock = FakeCarrier(), Clock()
    budget = Budget()
    one = caller(carrier, clock, budget=budget, longest_wait=4000.0)
    add, update = endpoint("product.add"), endpoint("product.update")
    assert add.lane == update.lane
    for number in range(200):
        await one.call((add, update)[number % 2], {"title": "茶", "head_imgs": ["x"], "product_id": "1"})
    assert clock.slept == []
    await one.call(add, {"title": "茶", "head_imgs": ["x"]})
    assert clock.slept == [pytest.approx(3600.0, abs=1.0)], "two hundred an hour"
    budget.lane(add).daily_used = 1000
    with pytest.raises(errors.QuotaExhausted):
        await one.call(update, {"product_id": "1"})
    assert len(carrier.to("/channels/ec/product/update")) == 100


async def test_a_refused_wait_books_nothing() -> None:
    budget, bot = Budget(), endpoint("wecom.webhook.send")
    now = 1_767_240_000.0
    while budget.take(bot, now, 1e9) < 30:
        pass
    before = budget.lane(bot).next_at
    for _ in range(50):
        with pytest.raises(errors.Throttled):
            budget.take(bot, now, 10.0)
    assert budget.lane(bot).next_at == before


async def test_the_read_quota_paces() -> None:
    answers = {
        "/cgi-bin/openapi/quota/get": {
            "quota": {"daily_limit": 3, "used": "1", "remain": 2},
            "rate_limit": {"call_count": 60, "refresh_second": 60},
        },
        PATH: OK,
    }
    carrier, clock = FakeCarrier(answers), Clock()
    client = Client(caller(carrier, clock))
    assert await client.load_quota("order.get") == {"order.get": (3, 1)}
    assert carrier.to("/cgi-bin/openapi/quota/get")[0].body == {"cgi_path": PATH}
    await client.call("order.get", order_id="1")
    await client.call("order.get", order_id="1")
    with pytest.raises(errors.QuotaExhausted):
        await client.call("order.get", order_id="1")
    assert len(carrier.to(PATH)) == 2


async def test_wecom_penalties_grow() -> None:
    budget, one = Budget(), endpoint("wecom.externalcontact.list")
    now = 1_767_240_000.0
    pauses = []
    for _ in range(6):
        pause = budget.slow_down(one, now, 60.0)
        pauses.append(pause)
        now += pause + 1
    assert pauses[:2] == [60.0, 60.0]
    assert pauses[2:4] == [3600.0, 3600.0]
    assert pauses[4] > 3600


async def test_a_long_wait_is_told_instead_of_slept() -> None:
    carrier, clock = FakeCarrier({PATH: {"errcode": 45011}}), Clock()
    one = caller(carrier, clock, longest_wait=5.0)
    for _ in range(2):
        with pytest.raises(errors.Throttled) as caught:
            await one.call(ORDER, {"order_id": "1"})
        assert caught.value.retry_after > 50
    assert len(carrier.to(PATH)) == 1
    assert clock.slept == []


# -- addresses -----------------------------------------------------------------------------------------------------------------


async def test_hosts_and_paths_can_be_moved() -> None:
    carrier, clock = FakeCarrier({"/api.weixin.qq.com/cgi-bin/stable_token": {"access_token": "T9", "expires_in": 7200}}), Clock()
    hosts = {"api.weixin.qq.com": "http://127.0.0.1:9100/api.weixin.qq.com/"}
    one = caller(carrier, clock, hosts=hosts, paths={"order.get": "/shop/ec/order/get"})
    await one.call(ORDER, {"order_id": "1"})
    assert carrier.sent[-1].host == "127.0.0.1:9100"
    assert carrier.sent[-1].path == "/api.weixin.qq.com/shop/ec/order/get"
    assert carrier.sent[-1].token == "T9"


async def test_a_moved_path_is_found() -> None:
    new, old = "/shop/ec/category/all", "/channels/ec/category/all"
    carrier = FakeCarrier({new: {"errcode": 40066, "errmsg": "invalid url"}, old: {"errcode": 0, "cats": []}})
    one = caller(carrier, Clock())
    for _ in range(2):
        assert await one.call(endpoint("category.all")) == {"errcode": 0, "cats": []}
    assert (len(carrier.to(new)), len(carrier.to(old))) == (1, 2)


async def test_wecom_tokens_come_by_get_and_are_not_forced() -> None:
    path = "/cgi-bin/externalcontact/list"
    carrier = FakeCarrier({path: {"errcode": 40014, "errmsg": "invalid access_token"}})
    one = caller(carrier, Clock(), account=wecom_account())
    with pytest.raises(errors.ConfigurationError):
        await one.call(endpoint("wecom.externalcontact.list"), {"userid": "lina"})
    token = carrier.to("/cgi-bin/gettoken")
    assert token[0].query == {"corpid": "ww01", "corpsecret": SECRET}
    assert len(token) == 2
    assert carrier.to(path)[0].query == {"access_token": "T1", "userid": "lina"}


async def test_ads_calls_carry_timestamp_and_nonce_and_json_parameters() -> None:
    path = "/v3.0/daily_reports/get"
    carrier = FakeCarrier(
        {
            "/oauth/token": {
                "code": 0,
                "data": {
                    "access_token": "A1",
                    "refresh_token": "R1",
                    "access_token_expires_in": 86400,
                    "refresh_token_expires_in": 1,
                },
            },
            path: {"code": 0, "data": {"list": [], "page_info": {"total_number": 0}}},
        }
    )
    store = MemoryTokenStore()
    one = caller(carrier, Clock(), account=ads_account(), store=store)
    body = {
        "level": "L",
        "date_range": {"start_date": "2025-12-20", "end_date": "2025-12-20"},
        "group_by": ["date"],
        "fields": ["cost"],
    }
    await one.call(endpoint("ads.daily_reports.get"), body)
    query = carrier.to(path)[0].query
    assert query["access_token"] == "A1"
    assert query["timestamp"] == "1767240000"
    assert len(query["nonce"]) <= 32
    assert query["date_range"] == '{"start_date":"2025-12-20","end_date":"2025-12-20"}'
    (key,) = store._tokens
    assert store._tokens[key].refresh_value == "R1"


async def test_an_ads_code_is_an_error() -> None:
    carrier = FakeCarrier({"/v3.0/daily_reports/get": {"code": 11005, "message": "no", "message_cn": "没有权限"}})
    one = caller(carrier, Clock(), account=ads_account(access_token="A0", refresh_token=""))
    with pytest.raises(errors.CapabilityOff):
        await one.call(endpoint("ads.daily_reports.get"), {"level": "L", "date_range": {}, "group_by": [], "fields": []})


# -- the doors of the clients --------------------------------------------------------------------------------------------------


async def test_reading_clients_refuse_writes_and_foreign_calls_without_sending() -> None:
    carrier = FakeCarrier()
    client = Client(caller(carrier, Clock()))
    for name in ("aftersale.acceptapply", "promoter.get_bind_shop_list", "no.such.call"):
        with pytest.raises(errors.CallError):
            await client.call(name)
    with pytest.raises(errors.CallError):
        await ShopWrites(client.caller).call("order.get", order_id="1")
    with pytest.raises(errors.CallError) as caught:
        await client.call("order.get")
    assert "order_id" in str(caught.value)
    assert carrier.sent == []


async def test_raw_and_parsed_and_wrapped_answers() -> None:
    for answer in (OK, {"errcode": 0, "data": {"order": {"order_id": 1}}}, {"order_id": 1}):
        client = Client(caller(FakeCarrier({PATH: answer}), Clock()))
        assert (await client.call("order.get", order_id="1")).order.order_id == "1"
        assert await client.call("order.get", parse=False, order_id="1") == answer


async def test_binary_answers_are_bytes_and_errors_in_their_place_are_errors() -> None:
    path = "/wxa/getwxacodeunlimit"
    picture = Raw(200, "image/jpeg", b"\xff\xd8\xff")
    assert (
        await Client(caller(FakeCarrier({path: picture}), Clock())).call("wxa.getwxacodeunlimit", scene="c=1") == b"\xff\xd8\xff"
    )
    with pytest.raises(errors.ReplyError):
        await Client(caller(FakeCarrier({path: {"errcode": 41030, "errmsg": "bad page"}}), Clock())).call(
            "wxa.getwxacodeunlimit", scene="c"
        )


async def test_nothing_secret_is_ever_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    carrier = FakeCarrier({PATH: lambda sent: {"errcode": 40001, "errmsg": f"token {sent.token} is bad"}})
    one = caller(carrier, Clock())
    with pytest.raises(errors.ConfigurationError) as caught:
        await one.call(ORDER, {"order_id": "1"})
    shown = "".join([repr(one), repr(one._keeper), repr(caught.value), str(caught.value), str(caught.value.fields), caplog.text])
    shown += repr(Token("T1", 1.0)) + repr(one.account) + repr(ads_account()) + repr(wecom_account())
    assert SECRET not in shown
    for token in ("T1", "T2", "T3", "R0"):
        assert token not in shown


def test_every_endpoint_can_be_asked_about() -> None:
    for one in REGISTRY.values():
        assert one.request.model is not None
        assert one.response_model is not None
        assert one.method in ("GET", "POST")
        assert not (one.safe and one.writes and not one.title and "delete" in one.path)


def test_callers_are_small_to_make() -> None:
    assert isinstance(caller(FakeCarrier(), Clock()), Caller)
