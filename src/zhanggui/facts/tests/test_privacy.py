"""Personal data: sealed at rest, masked on screen, revealed with a trace, exported to the person, erased everywhere, and the books still balance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Sum

from zhanggui.facts import commands, files, identity
from zhanggui.facts.commands import attention
from zhanggui.facts.models import (
    AfterSale,
    Connection,
    Contact,
    Customer,
    CustomerMerge,
    Event,
    Group,
    GroupMember,
    Identity,
    Inbound,
    LakeDirty,
    Order,
    Record,
    Refund,
    Review,
    Shop,
)
from zhanggui.kernel import vault
from zhanggui.kernel.errors import BadInput, NotFound
from zhanggui.kernel.models import AuditEntry
from zhanggui.kernel.outbox import OutboxEvent

pytestmark = pytest.mark.django_db
AT = datetime(2026, 8, 1, 2, tzinfo=UTC)
PHONE, NAME, STREET = "13912345678", "欧阳锋华", "科技园南区十八号"
ROWS = f"""订单号,下单时间,订单状态,买家ID,商品名称,数量,单价,退款金额,收件人,手机号,省,收货地址
1,2026-08-01 10:00:00,已完成,u-anna,红糖姜茶,2,39.90,10,{NAME},{PHONE},广东,{STREET}
2,2026-08-02 10:00:00,已完成,u-anna,红糖姜茶,1,39.90,0,{NAME},{PHONE},广东,{STREET}
3,2026-08-02 11:00:00,已完成,u-bert,红糖姜茶,1,39.90,0,王二,13800138000,浙江,西湖边
"""


@pytest.fixture
def shop(settings, tmp_path):
    settings.FILES = tmp_path / "ours"
    return Shop.objects.create(name="试验店")


def take(shop, tmp_path, text: str = ROWS):
    """Imports a csv."""
    path = tmp_path / "a.csv"
    path.write_text(text, "utf-8")
    file = files.open_upload(shop, path, "a.csv", "老王")
    return files.run(file, files.propose(file).columns)


@pytest.fixture
def anna(shop, tmp_path) -> Customer:
    """A customer with something in every corner of the books."""
    take(shop, tmp_path)
    customer = Customer.objects.get(identities__value="u-anna")
    identity.resolve(shop, {"file": "u-anna", "openid": "o-anna", "external": "wm-anna"}, AT)
    link = Connection.objects.create(shop=shop, kind="store", account_id="wx1", callback_key="k1")
    Inbound.objects.create(
        shop=shop,
        connection=link,
        dedup_key="d1",
        kind="pay",
        entity_id="1",
        body_sealed=vault.seal(f"order 1 {NAME}", shop_id=shop.pk),
        received_at=AT,
    )
    Inbound.objects.create(
        shop=shop,
        connection=link,
        dedup_key="d2",
        kind="contact",
        entity_id="wm-anna",
        body_sealed=vault.seal(NAME, shop_id=shop.pk),
        received_at=AT,
    )
    AfterSale.objects.create(
        shop=shop,
        aftersale_id="as1",
        order_id="1",
        status="done",
        reason="不想要",
        created_at=AT,
        raw_sealed=vault.seal(PHONE, shop_id=shop.pk),
    )
    Review.objects.create(
        shop=shop, review_key="r1", at=AT, customer=customer, rating=5, text_sealed=vault.seal(f"我是{NAME}", shop_id=shop.pk)
    )
    Contact.objects.create(
        shop=shop, staff="zhang", external_userid="wm-anna", customer=customer, added_at=AT, state="qr-7", tags=["爱甜食"]
    )
    group = Group.objects.create(shop=shop, chat_id="g1", name="老客群")
    GroupMember.objects.create(shop=shop, group=group, member="wm-anna", customer=customer, joined_at=AT)
    Event.objects.create(shop=shop, event_key="e1", at=AT, customer=customer, kind="page_view", page="pages/home")
    Record.objects.create(shop=shop, stream=attention.HINTS, key="1", body={"openid": "o-anna"})
    customer.refresh_from_db()
    return customer


def everything_stored() -> bytes:
    """All the database holds, as it lies on disk: the whole file, or every row as text."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        return connection.connection.serialize()
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found).encode()


def test_nothing_personal_lies_in_the_database_in_clear(shop, anna):
    Shop.objects.create(name="红糖姜茶的店")
    stored = everything_stored()
    assert "红糖姜茶的店".encode() in stored, "what is not personal can be found, so the search works"
    for text in (PHONE, NAME, STREET, "王二", "13800138000"):
        assert text.encode() not in stored, text
        assert text.encode().hex().encode() not in stored, text


def test_fields_are_masked_until_somebody_asks_and_every_look_is_kept(shop, anna):
    assert commands.masked(shop, anna) == {
        "name": "欧***",
        "phone": "139****5678",
        "address": vault.mask_address(f"广东{STREET}"),
    }
    assert STREET not in commands.masked(shop, anna)["address"]
    before = AuditEntry.objects.count()
    assert commands.reveal(shop, anna, "phone", "小王") == PHONE
    assert commands.reveal(shop, anna, "name", "小王") == NAME
    found = list(AuditEntry.objects.order_by("id")[before:].values_list("actor", "verb", "subject"))
    assert found == [("小王", "customer.reveal", f"customer:{anna.number}")] * 2
    assert (
        not AuditEntry.objects.filter(sentence__contains=PHONE).exists()
        and not AuditEntry.objects.filter(sentence__contains=NAME).exists()
    )


def test_a_recipient_is_shown_with_a_trace(shop, anna):
    order = Order.objects.get(order_id="1")
    assert commands.reveal_recipient(shop, order, "小王") == {"name": NAME, "phone": PHONE, "address": f"广东{STREET}"}
    assert AuditEntry.objects.get(verb="order.reveal").subject == "order:1"


def test_another_shop_sees_and_erases_nothing(shop, anna):
    other = Shop.objects.create(name="别家")
    before = AuditEntry.objects.count()
    for call in (
        lambda: commands.reveal(other, anna, "phone", "x"),
        lambda: commands.export_customer(other, anna, "x"),
        lambda: commands.erase_customer(other, anna, "x"),
        lambda: commands.reveal_recipient(other, Order.objects.get(order_id="1"), "x"),
    ):
        with pytest.raises(NotFound):
            call()
    with pytest.raises(BadInput):
        commands.reveal(shop, anna, "password", "x")
    anna.refresh_from_db()
    assert AuditEntry.objects.count() == before and anna.erased_at is None and anna.phone_sealed is not None


def test_a_person_gets_everything_we_hold(shop, anna):
    late = identity.resolve(shop, {"visitor": "v9"}, AT)
    Customer.objects.filter(pk=late.pk).update(name_sealed=vault.seal("小名阿花", shop_id=shop.pk))
    identity.merge(shop, anna.pk, late.pk, evidence="同一访客", by="小王")
    found = commands.export_customer(shop, Customer.objects.get(pk=anna.pk), "小王")
    assert (found["name"], found["phone"], found["address"]) == (NAME, PHONE, f"广东{STREET}")
    assert [(o["order_id"], o["paid_fen"], o["recipient"]["phone"]) for o in found["orders"]] == [
        ("1", 7980, PHONE),
        ("2", 3990, PHONE),
    ]
    assert {(i["kind"], i["value"]) for i in found["identities"]} == {
        ("file", "u-anna"),
        ("openid", "o-anna"),
        ("external", "wm-anna"),
        ("visitor", "v9"),
    }
    assert (
        found["reviews"][0]["text"] == f"我是{NAME}"
        and found["contacts"][0]["tags"] == ["爱甜食"]
        and found["groups"][0]["group"] == "老客群"
    )
    assert (
        found["aftersales"][0]["reason"] == "不想要"
        and found["refunds"][0]["amount_fen"] == 1000
        and found["events"][0]["page"] == "pages/home"
    )
    assert [a["name"] for a in found["also"]] == ["小名阿花"]
    assert AuditEntry.objects.filter(verb="customer.export", actor="小王").count() == 1


def sums() -> tuple:
    """What the books must still say after an erasure."""
    return (
        Order.objects.aggregate(n=Sum("paid_fen"), g=Sum("goods_fen"), d=Sum("discount_fen")), Order.objects.count(), Refund.objects.aggregate(n=Sum("amount_fen")), Customer.objects.count(),
        sorted(Order.objects.values_list("order_id", "customer__number", "created_at", "paid_at")), Event.objects.count(), Review.objects.aggregate(n=Sum("rating")),
    )  # fmt: skip


def test_an_erased_person_is_nowhere_and_the_books_still_balance(shop, anna):
    before = sums()
    LakeDirty.objects.all().delete()
    counts = commands.erase_customer(shop, anna, "小王")
    assert counts == {"orders": 2, "reviews": 1, "pushes": 2, "identities": 3}
    anna.refresh_from_db()
    assert anna.erased_at is not None and (anna.name_sealed, anna.phone_sealed, anna.address_sealed) == (None, None, None)
    assert set(Order.objects.filter(customer=anna).values_list("recipient_sealed", "raw_sealed", "recipient_hash")) == {
        (None, None, "")
    }
    assert AfterSale.objects.get().raw_sealed is None and Review.objects.get().text_sealed is None
    assert set(Inbound.objects.values_list("body_sealed", flat=True)) == {None}
    assert all(value.startswith("x:") for value in Identity.objects.filter(customer=anna).values_list("value", flat=True))
    stored = everything_stored()
    for text in (b"wm-anna", b"o-anna", b"u-anna"):
        assert text not in stored, text
    assert not Record.objects.filter(stream=attention.HINTS).exists()
    assert sums() == before
    assert "group_members" in set(LakeDirty.objects.values_list("table", flat=True)), (
        "the only table of the lake that names people"
    )
    event = OutboxEvent.objects.get(name="CustomerErased")
    assert event.body == {"customer": anna.number}
    assert AuditEntry.objects.get(verb="customer.erase").detail == counts
    assert (
        Customer.objects.exclude(pk=anna.pk).filter(erased_at=None).count() == 1
        and commands.reveal(shop, Customer.objects.get(identities__value="u-bert"), "name", "x") == "王二"
    )


def test_everybody_who_was_merged_into_the_person_is_erased_too(shop, anna):
    others = [identity.resolve(shop, {"openid": f"x{n}"}, AT) for n in range(2)]
    for other, phone in zip(others, ("13700000001", "13700000002"), strict=True):
        Customer.objects.filter(pk=other.pk).update(phone_sealed=vault.seal(phone, shop_id=shop.pk))
    identity.merge(shop, others[0].pk, others[1].pk, evidence="手机号 13700000002", by="小王")
    identity.merge(shop, anna.pk, others[0].pk, evidence="x", by="小王")
    commands.erase_customer(shop, Customer.objects.get(pk=others[1].pk), "小王")
    assert (
        Customer.objects.filter(pk__in=[anna.pk, *(o.pk for o in others)], phone_sealed=None, erased_at__isnull=False).count()
        == 3
    )
    assert set(CustomerMerge.objects.values_list("evidence", flat=True)) == {""}


def test_the_same_file_again_does_not_bring_an_erased_person_back(shop, anna, tmp_path):
    commands.erase_customer(shop, anna, "小王")
    before = sums()
    again = take(shop, tmp_path)
    assert again.unchanged == 3 and sums() == before
    assert set(Order.objects.filter(customer=anna).values_list("recipient_sealed", "recipient_hash")) == {(None, "")}
    assert not Identity.objects.filter(value="u-anna").exists()
    newer = take(shop, tmp_path, ROWS + f"4,2026-08-20 10:00:00,已完成,u-anna,红糖姜茶,1,39.90,0,{NAME},{PHONE},广东,{STREET}\n")
    fresh = Order.objects.get(order_id="4").customer
    assert newer.created["orders"] == 1 and fresh.pk != anna.pk and fresh.erased_at is None, (
        "a later purchase makes a new customer"
    )


def test_the_lake_forgets_with_the_next_build(shop, anna, tmp_path, settings):
    from zhanggui.facts import lake

    settings.LAKE = tmp_path / "lake"
    lake.refresh(shop)
    assert any(b"wm-anna" in p.read_bytes() or _holds(p, "wm-anna") for p in settings.LAKE.rglob("*.parquet"))
    commands.erase_customer(shop, anna, "小王")
    lake.refresh(shop)
    for path in settings.LAKE.rglob("*.parquet"):
        for text in ("wm-anna", "o-anna", "u-anna", NAME, PHONE):
            assert not _holds(path, text), (path, text)


def _holds(path, text: str) -> bool:
    import pyarrow.parquet as pq

    return text in str(pq.read_table(path).to_pydict())


def test_after_a_new_key_everything_opens_and_people_are_recognised_by_phone(shop, tmp_path, settings):
    text = f"订单号,下单时间,商品名称,实付金额,收件人,手机号\n1,2026-08-01,茶,5,{NAME},{PHONE}\n"
    take(shop, tmp_path, text)
    customer = Customer.objects.get()
    settings.PREVIOUS_VAULT_KEYS, settings.VAULT_KEY = [settings.VAULT_KEY], "another-key-of-decent-length-for-a-test"
    assert commands.reseal(shop) >= 3
    settings.PREVIOUS_VAULT_KEYS = []
    assert commands.reveal(shop, Customer.objects.get(), "phone", "x") == PHONE and commands.reseal(shop) == 0
    take(shop, tmp_path, text.replace("\n1,2026-08-01", "\n2,2026-08-09"))
    assert set(Order.objects.values_list("customer_id", flat=True)) == {customer.pk}
    assert Order.objects.values_list("recipient_hash", flat=True).distinct().count() == 1


def test_an_undone_merge_does_not_bring_erased_data_back(shop, anna):
    other = identity.resolve(shop, {"openid": "x1"}, AT - timedelta(days=1))
    row = identity.merge(shop, anna.pk, other.pk, evidence="x", by="小王")
    commands.erase_customer(shop, Customer.objects.get(pk=anna.pk), "小王")
    identity.unmerge(row.pk, "小王")
    assert not Customer.objects.filter(pk__in=(anna.pk, other.pk)).exclude(phone_sealed=None).exists()
    assert not Identity.objects.filter(value__in=("o-anna", "x1", "u-anna")).exists()
