"""Stored pushes: each thing they name is read once and recorded, whatever their order, number and kind."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from zhanggui.facts import commands, network, sync
from zhanggui.facts.commands import inbound
from zhanggui.facts.models import AfterSale, Connection, Contact, Group, GroupMember, Inbound, Order, Product, Record, Sku
from zhanggui.facts.sync import pushes, routes
from zhanggui.facts.tests.conftest import announced
from zhanggui.kernel import clock, jobs, vault
from zhanggui.kernel.models import Job
from zhanggui.wechat import errors
from zhanggui.wechat.callbacks import understand
from zhanggui.wechat.schemas.events import EVENTS
from zhanggui.wechat.shop import ShopClient

pytestmark = pytest.mark.django_db


def push(event: str, at: float | None = None, *, sender: str = "oSENDER", **content) -> bytes:
    """An event as the platform writes it."""
    body = {"ToUserName": "gh_shop", "FromUserName": sender, "CreateTime": int(at or clock.now().timestamp()), "MsgType": "event"}
    return orjson.dumps({**body, "Event": event, **content})


def arrive(connection: Connection, message: bytes) -> Inbound | None:
    """What the door does with a genuine push."""
    return commands.take_in(connection, understand(orjson.loads(message), message))


def order_push(platform, name: str, order_id: str, **more) -> bytes:
    return push(name, order_info={"order_id": order_id, **more})


def some_order(platform, *, paid: bool = True) -> str:
    """An order of the platform's, paid lately or not paid at all."""
    return max(platform.paid()) if paid else max(set(platform.orders()) - platform.paid())


def rows() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in Inbound.objects.order_by("id"):
        found.setdefault(row.state, []).append(row.kind)
    return found


@pytest.fixture
def store(platform):
    """A connected store whose shop was connected before everything, so that all is news."""
    row = platform.connect()
    Connection.objects.filter(pk=row.pk).update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    row.refresh_from_db()
    return row


def test_several_pushes_about_one_order_are_one_reading(platform, store):
    name = some_order(platform)
    for kind in (
        "channels_ec_order_new",
        "channels_ec_order_pay",
        "channels_ec_order_wait_shipping",
        "channels_ec_order_deliver",
    ):
        assert arrive(store, order_push(platform, kind, name)) is not None
    assert Job.objects.filter(name="facts.inbound").count() == 1

    platform.work()

    assert platform.asked("/channels/ec/order/get") == 1
    assert Order.objects.get().order_id == name and Order.objects.get().paid_fen == platform.orders()[name]
    assert set(rows()) == {"done"} and len(rows()["done"]) == 4
    assert announced("OrderPaid") == {name: 1}
    assert Job.objects.get(name="facts.inbound").state == "done"


def test_a_repeated_push_is_one_row_and_a_late_one_changes_nothing(platform, store):
    name = some_order(platform)
    message = order_push(platform, "channels_ec_order_pay", name)
    arrive(store, message)
    assert arrive(store, message) is None and Inbound.objects.get().repeats == 1
    platform.work()
    before = Order.objects.values().get()
    arrive(store, order_push(platform, "channels_ec_order_new", name))  # overtaken by the payment
    platform.work()
    assert Order.objects.values().get() == before
    assert announced("OrderPaid") == {name: 1} and set(rows()) == {"done"}


def test_history_is_not_announced_however_it_is_heard_of(platform):
    row = platform.connect()
    arrive(row, order_push(platform, "channels_ec_order_settle", min(platform.paid())))
    platform.work()
    assert Order.objects.count() == 1 and announced("OrderPaid") == {}


def test_an_order_moves_its_stock(platform, store):
    platform.sync("products")
    name = some_order(platform)
    order = platform.emu.call("/channels/ec/order/get", {"order_id": name})["order"]
    goods = {str(line["sku_id"]) for line in order["order_detail"]["product_infos"]}
    Sku.objects.update(stock=-7)
    arrive(store, order_push(platform, "channels_ec_order_new", name))
    platform.work()
    assert not Sku.objects.filter(sku_id__in=goods, stock=-7).exists() and Sku.objects.filter(stock=-7).exists()


def test_a_refund_before_its_order_finds_it_later(platform, store):
    key, fen = max(platform.refunds().items())
    case = platform.emu.call("/channels/ec/aftersale/getaftersaleorder", {"after_sale_order_id": key.removeprefix("as:")})
    name = str(case["after_sale_order"]["order_id"])
    arrive(
        store,
        push(
            "channels_ec_aftersale_update",
            finder_shop_aftersale_status_update={
                "after_sale_order_id": key[3:],
                "order_id": name,
                "status": "MERCHANT_REFUND_SUCCESS",
            },
        ),
    )
    platform.work()
    from zhanggui.facts.models import Refund

    assert AfterSale.objects.get().aftersale_id == key[3:] and Refund.objects.get().order is None
    arrive(store, order_push(platform, "channels_ec_order_pay", name))
    platform.work()
    refund = Refund.objects.get()
    assert refund.order.order_id == name and refund.amount_fen == fen and refund.customer == refund.order.customer
    assert announced("OrderRefunded") == {name: 1} and announced("OrderPaid") == {name: 1}


def test_goods_coupons_members_and_the_shop_are_read_again(platform, store):
    product = str(platform.world.product_id(3))
    coupon = platform.world.coupons[0].coupon_id
    member = platform.emu.call("/channels/ec/vip/user/list/get", {"page_num": 1, "page_size": 10})["list"][0]["openid"]
    arrive(store, push("product_spu_update", ProductSpuUpdate={"product_id": product, "status": 5}))
    arrive(
        store, push("channels_ec_coupon_receive", receive_info={"coupon_id": coupon, "user_coupon_id": "1", "receive_time": "5"})
    )
    arrive(store, push("channels_ec_vip_join", sender=member, user_info={"grade": 1}))
    arrive(store, push("set_shop_nickname", shop_info={"new_nickname": "新名"}))
    arrive(store, push("channels_ec_stock_no_enough", channels_ec_stock_no_enough={"product_id": product, "sku_id": "1"}))
    platform.work()
    assert rows() == {
        "done": [
            "product_spu_update", "channels_ec_coupon_receive", "channels_ec_vip_join", "set_shop_nickname",
            "channels_ec_stock_no_enough",
        ]
    }  # fmt: skip
    assert Product.objects.get().product_id == product and Product.objects.get().category.isdigit(), "no name is known yet"
    assert {(r.stream, r.key) for r in Record.objects.all()} == {("coupons", coupon), ("members", member), ("shop", "info")}
    arrive(store, push("channels_ec_vip_close", sender=member, user_info={"close_time": "9"}))
    platform.work()
    assert not Record.objects.filter(stream="members").exists()


def test_a_product_read_again_keeps_the_name_of_its_category(platform, store):
    platform.sync("products")
    one = Product.objects.filter(status="5").first()
    assert one.category and not one.category.isdigit()
    Product.objects.filter(pk=one.pk).update(title="旧名", category="?")
    arrive(store, push("product_spu_update", ProductSpuUpdate={"product_id": one.product_id, "status": 5}))
    platform.work()
    again = Product.objects.get(pk=one.pk)
    assert (again.title, again.category) == (one.title, one.category)


def test_a_product_that_is_no_more_is_marked(platform, store):
    Product.objects.create(shop=platform.shop, product_id="404", title="旧货", status="5")
    arrive(store, push("product_spu_listing", ProductSpuListing={"product_id": "404", "status": 20}))
    platform.work()
    assert Product.objects.get().status == "9" and set(rows()) == {"done"}


# -- WeCom -----------------------------------------------------------------------------------------------------------------------


def wecom_push(event: str, change: str, at: float, **fields) -> bytes:
    return push(event, at, sender="sys", ChangeType=change, **fields)


@pytest.fixture
def wecom(platform):
    """WeCom, connected and read once."""
    row = platform.connect("wecom")
    platform.sync("contacts")
    platform.sync("groups")
    return row


def test_a_contact_that_ended_stays_ended(platform, wecom):
    one = Contact.objects.order_by("-added_at").first()
    now = clock.now().timestamp()
    who = {"UserID": one.staff, "ExternalUserID": one.external_userid}
    arrive(wecom, wecom_push("change_external_contact", "del_follow_user", now, **who))
    arrive(wecom, wecom_push("change_external_contact", "edit_external_contact", now - 60, **who))  # overtaken
    platform.work()
    one.refresh_from_db()
    assert one.deleted_at == datetime.fromtimestamp(int(now), UTC)
    # The customer who deleted the member still stands in the member's list: neither a remark nor the daily reading revives it.
    arrive(wecom, wecom_push("change_external_contact", "edit_external_contact", now + 60, **who))
    platform.sync("contacts")
    one.refresh_from_db()
    assert one.deleted_at is not None and set(rows()) == {"done"}
    # An end that is told after a later beginning is about the earlier relation.
    Contact.objects.filter(pk=one.pk).update(deleted_at=None)
    arrive(wecom, wecom_push("change_external_contact", "del_follow_user", one.added_at.timestamp() - 5, **who))
    platform.work()
    one.refresh_from_db()
    assert one.deleted_at is None


def test_a_new_contact_is_news_once(platform, wecom):
    known = set(Contact.objects.values_list("external_userid", flat=True))
    platform.advance(days=1)
    fresh = None
    for row in range(len(platform.world.people)):
        at = float(platform.world.people["t_contact"][row])
        if at <= platform.world.now and platform.world.external(row) not in known:
            fresh = (row, at)
    from zhanggui.emulator.catalogue import STAFF

    row, at = fresh
    staff = STAFF[int(platform.world.people["staff"][row])][0]
    who = {"UserID": staff, "ExternalUserID": platform.world.external(row), "State": "c=live", "WelcomeCode": "W"}
    for _ in range(2):
        arrive(wecom, wecom_push("change_external_contact", "add_external_contact", at, **who))
        platform.work()
        at += 1
    assert Contact.objects.get(external_userid=platform.world.external(row)).staff == staff
    assert announced("ContactAdded") == {platform.world.external(row): 1}


def test_who_left_a_group_left_when_the_push_said(platform, wecom):
    stay = GroupMember.objects.filter(is_staff=False, left_at=None).select_related("group").first()
    left = clock.now() - timedelta(minutes=3)
    platform.world.members["t_leave"][:] = [
        left.timestamp() if platform.world.external(int(p)) == stay.member else t
        for p, t in zip(platform.world.members["person"], platform.world.members["t_leave"], strict=True)
    ]
    change = {
        "ChatId": stay.group.chat_id,
        "UpdateDetail": "del_member",
        "QuitScene": 0,
        "MemChangeCnt": 1,
        "MemChangeList": [stay.member],
    }
    arrive(wecom, wecom_push("change_external_chat", "update", left.timestamp(), **change))
    platform.work()
    stay.refresh_from_db()
    assert stay.left_at == left
    # Somebody who is there since before the push has not left.
    other = GroupMember.objects.filter(group=stay.group, is_staff=False, left_at=None).first()
    arrive(
        wecom,
        wecom_push("change_external_chat", "update", clock.now().timestamp(), **{**change, "MemChangeList": [other.member]}),
    )
    platform.work()
    other.refresh_from_db()
    assert other.left_at is None and set(rows()) == {"done"}


def test_a_dissolved_group_is_gone(platform, wecom):
    ghost = Group.objects.create(shop=platform.shop, chat_id="wrGONE", name="旧群")
    GroupMember.objects.create(shop=platform.shop, group=ghost, member="wm1", joined_at=clock.now() - timedelta(days=1))
    at = clock.now() - timedelta(minutes=1)
    arrive(wecom, wecom_push("change_external_chat", "dismiss", at.timestamp(), ChatId="wrGONE"))
    platform.work()
    ghost.refresh_from_db()
    assert ghost.dismissed_at == at and ghost.members.get().left_at == at


# -- what leads nowhere ----------------------------------------------------------------------------------------------------------


def test_every_event_of_the_catalogue_leads_somewhere():
    """Read again, or ignored with a reason; none is unknown to the table of routes."""
    assert set(routes.READS) <= set(EVENTS)
    for name, spec in EVENTS.items():
        if spec.source == "message":
            message = orjson.dumps(
                {"ToUserName": "a", "FromUserName": "b", "CreateTime": 5, "MsgType": spec.name, "Content": "x"}
            )
        else:
            inner = {leaf.name: "5" for leaf in spec.payload_fields if not leaf.is_object}
            content = {spec.wrappers[0]: inner} if spec.wrappers else inner
            message = push(spec.name, 5.0, **content)
        lead = routes.route(understand(orjson.loads(message), message))
        if name in routes.READS:
            assert lead == routes.Read(routes.READS[name], "shop" if routes.READS[name] == "shop" else lead.key) and lead.key, (
                name
            )
        else:
            assert isinstance(lead, routes.Ignore) and lead.note and "不认识" not in lead.note, name


def test_what_is_not_ours_is_kept_and_says_why(platform, store):
    arrive(store, push("ewaybill_push_path", waybill_info={"waybill_id": "SF1"}))
    arrive(store, push("brand_new_event_of_next_year", thing={"thing_id": "7"}))
    arrive(store, push("channels_ec_order_new", order_info={}))
    row = arrive(store, order_push(platform, "channels_ec_order_new", "1"))
    Inbound.objects.filter(pk=row.pk).update(body_sealed=vault.seal(b"\x00 no json", shop_id=platform.shop.pk))
    erased = arrive(store, order_push(platform, "channels_ec_order_new", "2"))
    Inbound.objects.filter(pk=erased.pk).update(body_sealed=None)
    platform.work()
    said = list(Inbound.objects.order_by("id").values_list("state", "error"))
    assert [state for state, _ in said] == ["ignored"] * 5
    assert [
        "面单" in said[0][1],
        "不认识" in said[1][1],
        "哪一个" in said[2][1],
        "无法识别" in said[3][1],
        "已按要求删除" in said[4][1],
    ] == [True] * 5
    assert not Order.objects.exists() and platform.asked("/channels/ec/order/get") == 0


def test_an_order_the_platform_does_not_have_is_done_without_a_trace(platform, store):
    arrive(store, order_push(platform, "channels_ec_order_new", "3710000000000000000"))
    platform.work()
    assert set(rows()) == {"done"} and not Order.objects.exists()


def test_a_push_of_another_kind_of_account_needs_that_account(platform):
    mini = platform.connect("mini")
    name = some_order(platform)
    arrive(mini, order_push(platform, "channels_ec_order_new", name))
    platform.work()
    assert Inbound.objects.get().state == "ignored" and "没有连接" in Inbound.objects.get().error
    platform.connect()
    arrive(mini, order_push(platform, "channels_ec_order_pay", name))
    platform.work()
    assert Order.objects.get().order_id == name


# -- when it does not come -------------------------------------------------------------------------------------------------------


def failing_for(monkeypatch, name: str, error: Exception) -> None:
    get = ShopClient.order_raw

    async def order_raw(self, order_id):
        if order_id == name:
            raise error
        return await get(self, order_id)

    monkeypatch.setattr(ShopClient, "order_raw", order_raw)


def test_one_that_does_not_come_waits_and_holds_up_nobody(platform, store, monkeypatch):
    bad, good = sorted(platform.paid())[-2:]
    with monkeypatch.context() as patch:
        failing_for(patch, bad, errors.TransportError("连接中断", sent=True))
        arrive(store, order_push(platform, "channels_ec_order_pay", bad))
        arrive(store, order_push(platform, "channels_ec_order_pay", good))
        platform.work()
        assert Order.objects.get().order_id == good
        assert dict(Inbound.objects.values_list("entity_id", "state")) == {bad: "later", good: "done"}
        again = Job.objects.get(name="facts.inbound", state="ready")
        assert again.args["key"] == bad and again.run_at > clock.now()
        platform.advance(seconds=5)
        platform.work()
        again.refresh_from_db()
        assert again.state == "ready" and again.attempts == 1, "the pauses grow"
    platform.advance(hours=1)
    platform.work()
    assert set(Order.objects.values_list("order_id", flat=True)) == {bad, good} and set(rows()) == {"done"}
    assert announced("OrderPaid") == {bad: 1, good: 1}


def test_one_that_never_comes_is_given_up_and_can_be_tried_again(platform, store, monkeypatch):
    name = some_order(platform)
    with monkeypatch.context() as patch:
        failing_for(patch, name, errors.TransportError("连接中断", sent=True))
        arrive(store, order_push(platform, "channels_ec_order_pay", name))
        platform.work()
        Job.objects.filter(state="ready").update(attempts=pushes.ATTEMPTS - 1, run_at=clock.now())
        platform.work()
    row = Inbound.objects.get()
    assert row.state == "failed" and "连接中断" in row.error and not Order.objects.exists()
    assert sync.try_again(platform.shop.pk) == 1
    platform.work()
    assert Order.objects.get().order_id == name and Inbound.objects.get().state == "done"


def test_a_used_up_quota_waits_for_midnight(platform, store, monkeypatch):
    name = some_order(platform)
    with monkeypatch.context() as patch:
        failing_for(patch, name, errors.QuotaExhausted("当日调用次数用完", until=datetime.now(UTC) + timedelta(hours=3)))
        arrive(store, order_push(platform, "channels_ec_order_pay", name))
        platform.work()
    job = Job.objects.get(state="ready")
    assert timedelta(hours=2, minutes=50) < job.run_at - clock.now() <= timedelta(hours=3)
    assert Inbound.objects.get().state == "later" and not Order.objects.exists()


def test_a_closed_door_fails_the_account(platform, store, monkeypatch):
    failing_for(
        monkeypatch,
        some_order(platform),
        errors.IpNotAllowed("服务器 IP 不在白名单（203.0.113.7）", remedy="加白名单", errcode=61004),
    )
    arrive(store, order_push(platform, "channels_ec_order_pay", some_order(platform)))
    platform.work()
    store.refresh_from_db()
    assert store.state == "failing" and "203.0.113.7" in store.message
    assert Inbound.objects.get().state == "failed" and not Order.objects.exists()


def test_a_mistake_of_ours_costs_one_push_only(platform, store, monkeypatch):
    bad, good = sorted(platform.paid())[-2:]
    record = commands.record_orders

    def broken(shop, orders, **more):
        if any(order["order_id"] == bad for order in orders):
            raise RuntimeError("a mistake")
        return record(shop, orders, **more)

    monkeypatch.setattr("zhanggui.facts.sync.store.record_orders", broken)
    for name in (bad, good):
        arrive(store, order_push(platform, "channels_ec_order_pay", name))
    platform.work()
    assert dict(Inbound.objects.values_list("entity_id", "state")) == {bad: "failed", good: "done"}
    assert Order.objects.get().order_id == good


def test_a_push_that_comes_while_the_job_ends_is_not_left_lying(platform, store, monkeypatch):
    first, second = sorted(platform.paid())[-2:]
    arrive(store, order_push(platform, "channels_ec_order_pay", first))
    transaction, late = jobs.JobContext.transaction, [second]

    def just_before(self, *, finish=False):
        if finish and late:
            arrive(store, order_push(platform, "channels_ec_order_pay", late.pop()))
        return transaction(self, finish=finish)

    monkeypatch.setattr(jobs.JobContext, "transaction", just_before)
    row = jobs.claim("w", ["facts.inbound"])[0]
    assert jobs.execute(row) == "done"
    assert set(Order.objects.values_list("order_id", flat=True)) == {first, second} and set(rows()) == {"done"}


def test_the_clock_looks_after_pushes_that_lie_about(platform, store):
    arrive(store, order_push(platform, "channels_ec_order_pay", some_order(platform)))
    Job.objects.all().delete()
    sync.ask_due()
    assert Job.objects.filter(name=inbound.JOB).count() == 1


def test_a_lost_secret_fails_the_account_and_keeps_the_push(platform, store):
    Connection.objects.filter(pk=store.pk).update(secret_sealed=b"\x01\x00" + hashlib.sha256(b"x").digest())
    network.hang_up()
    arrive(store, order_push(platform, "channels_ec_order_pay", some_order(platform)))
    platform.work()
    store.refresh_from_db()
    assert store.state == "failing" and Inbound.objects.get().state == "failed" and Inbound.objects.get().body_sealed is not None
