"""A house with two shops of one of everything, for tests of the desk: what one shop's people see, another's must not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import connection as database
from django.test import Client

from zhanggui.facts.files import Summary
from zhanggui.facts.models import (
    Connection,
    Contact,
    Customer,
    CustomerMerge,
    Group,
    GroupMember,
    Identity,
    ImportFile,
    Inbound,
    Mapping,
    Order,
    OrderLine,
    Product,
    Refund,
    Review,
    Shop,
    Sku,
    SkuCost,
    SyncState,
)  # fmt: skip
from zhanggui.kernel import audit, clock, vault
from zhanggui.kernel.models import Grant, Job, Role, User

NAME, PHONE, ADDRESS = "欧阳静文", "13812345678", "广东省深圳市南山区科技园南路十八号三栋"
REVIEW = "包装被压坏了，请联系我 13987654321"
SECRET, TOKEN, AES_KEY = "s3cr3t-of-the-store-0123456789", "pushtoken7Hd83kQz", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
PASSWORD = "hongtang-9527"


@dataclass(frozen=True)
class Stocked:
    """A shop with one of everything a page of the desk is about."""

    shop: Shop
    customer: Customer
    absorbed: Customer
    merge: CustomerMerge
    order: Order
    product: Product
    file: ImportFile
    mapping: Mapping
    connection: Connection
    job: Job
    grant: Grant


def stocked(name: str, owner: User, mark: str) -> Stocked:
    """Makes such a shop; `mark` keeps its ids apart from another's."""
    now = clock.now()
    shop = Shop.objects.create(name=name)
    grant = Grant.objects.create(user=owner, shop_id=shop.pk, role=Role.OWNER)

    def sealed(text: str) -> bytes:
        return vault.seal(text, shop_id=shop.pk)

    def person(number: int) -> Customer:
        return Customer.objects.create(
            shop=shop, number=number, name_sealed=sealed(NAME), phone_sealed=sealed(PHONE), address_sealed=sealed(ADDRESS), region="广东",
            channel="search", first_seen_at=now - timedelta(days=90),
        )  # fmt: skip

    customer, absorbed = person(0), person(1)
    absorbed.merged_into = customer
    absorbed.save()
    Shop.objects.filter(pk=shop.pk).update(next_customer_number=2)
    openid = f"o{mark}-openid-of-somebody-real"
    Identity.objects.create(shop=shop, kind="openid", value=openid, customer=customer, first_seen_at=now)
    Identity.objects.create(
        shop=shop, kind="phone", value=vault.fingerprint(PHONE, shop_id=shop.pk), customer=customer, first_seen_at=now
    )
    merge = CustomerMerge.objects.create(
        shop=shop, kept=customer, absorbed=absorbed, evidence="同一人的手机号（散列）", by="系统", at=now,
        moved={"before": {"first_seen_at": now.isoformat(), "region": "广东", "channel": "search", "device": "", "tier": "", "sealed": []}},
    )  # fmt: skip
    product = Product.objects.create(
        shop=shop, product_id=f"p{mark}", title=f"红糖姜茶{mark}", category="茶饮", status="5", price_low_fen=3990
    )
    Sku.objects.create(shop=shop, sku_id=f"s{mark}", product_id=product.product_id, code=f"TEA-{mark}", price_fen=3990, stock=12)
    SkuCost.objects.create(shop=shop, sku_id=f"s{mark}", since=clock.today() - timedelta(days=100), cost_fen=1500)
    order = Order.objects.create(
        shop=shop, order_id=f"37{mark}0001", customer=customer, status="done", created_at=now - timedelta(days=2), paid_at=now - timedelta(days=2),
        goods_fen=7980, paid_fen=7980, channel="search", source="file", recipient_hash=vault.fingerprint(PHONE, shop_id=shop.pk),
        recipient_sealed=sealed(f'{{"name": "{NAME}", "phone": "{PHONE}", "address": "{ADDRESS}"}}'), raw_sealed=sealed(f'{{"who": "{NAME}"}}'),
    )  # fmt: skip
    OrderLine.objects.create(
        shop=shop, order=order, line_no=1, product_id=product.product_id, sku_id=f"s{mark}", title=product.title, quantity=2, unit_fen=3990, paid_fen=7980
    )  # fmt: skip
    Refund.objects.create(shop=shop, refund_key=f"r{mark}", order=order, customer=customer, amount_fen=990, at=now)
    Review.objects.create(
        shop=shop, review_key=f"v{mark}", at=now, product_id=product.product_id, order_id=order.order_id, customer=customer, rating=2, text_sealed=sealed(REVIEW)
    )  # fmt: skip
    connection = Connection.objects.create(
        shop=shop, kind="store", account_id=f"wx{mark}0123456789", callback_key=f"key-of-{mark}-{'k' * 32}"[:43], secret_sealed=sealed(f'{{"secret": "{SECRET}"}}'),
        callback_token_sealed=sealed(TOKEN), aes_key_sealed=sealed(AES_KEY), state="ok", refused_pushes=3, last_push_at=now,
    )  # fmt: skip
    Inbound.objects.create(
        shop=shop, connection=connection, dedup_key=f"d{mark}", kind="channels_ec_order_pay", entity_id=order.order_id, body_sealed=sealed(NAME), received_at=now
    )  # fmt: skip
    SyncState.objects.create(shop=shop, connection=connection, stream="orders", state="idle", done=1, finished_at=now)
    Contact.objects.create(
        shop=shop, staff="wang", external_userid=f"wm{mark}", customer=customer, added_at=now, state=f"st-{mark}"
    )
    group = Group.objects.create(shop=shop, chat_id=f"g{mark}", name=f"老客群{mark}")
    GroupMember.objects.create(shop=shop, group=group, member=f"wm{mark}", customer=customer, joined_at=now)
    file = ImportFile.objects.create(
        shop=shop,
        name=f"订单{mark}.csv",
        path="",
        size=10,
        sha256="0" * 64,
        state="done",
        kind="orders",
        by=owner.username,
        accepted=1,
        summary=asdict(Summary("orders", "订单", 1, 1, 0, 0, created={"orders": 1})),
    )
    mapping = Mapping.objects.create(
        shop=shop, kind="orders", header_hash="h" * 64, header=["订单号"], columns={"order_id": {"column": "订单号"}}
    )
    job = Job.objects.create(name="import_file", shop_id=shop.pk, run_at=now, state=Job.State.DEAD, error=f"坏了 {mark}")
    audit.record(shop.pk, owner.username, "shop.open", f"{owner.username} 开设了店铺“{name}”", subject=f"shop:{shop.pk}")
    return Stocked(shop, customer, absorbed, merge, order, product, file, mapping, connection, job, grant)


def person(name: str, shop: Shop | None = None, role: str = "") -> User:
    """Somebody with an account, and with a role in a shop if one is given."""
    user = User.objects.create_user(name, password=PASSWORD, display_name=f"{name}师傅")
    if shop is not None:
        Grant.objects.create(user=user, shop_id=shop.pk, role=role)
    return user


def signed_in(user: User, **how: Any) -> Client:
    """A browser in which `user` is signed in. What the house does not expect is raised in the test."""
    client = Client(**how)
    client.force_login(user)
    return client


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables of the house but sessions and sign-in times: two equal ones mean that nothing was written."""
    out: dict[str, list[tuple[Any, ...]]] = {}
    for model in apps.get_models():
        if model._meta.app_label not in {"facts", "kernel", "metrics"}:
            continue
        columns = [f.attname for f in model._meta.concrete_fields if f.attname != "last_login"]
        rows = [
            tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
            for row in model._default_manager.values_list(*columns)
        ]
        out[model._meta.db_table] = sorted(rows, key=repr)
    return out


def stored_text(shop_id: int) -> str:
    """Everything the database holds, as one text, with every sealed value of the shop opened: what a thief with the key would read."""
    parts: list[str] = []
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            if table.startswith(("facts_", "kernel_", "metrics_")):
                cursor.execute(f'SELECT * FROM "{table}"')
                for row in cursor.fetchall():
                    parts += [_opened(value, shop_id) for value in row]
    return "\n".join(parts)


def _opened(value: Any, shop_id: int) -> str:
    if isinstance(value, bytes | memoryview):
        try:
            return vault.unseal(value, shop_id=shop_id).decode()
        except vault.Unopenable:
            return ""
    return str(value)
