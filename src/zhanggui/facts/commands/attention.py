"""The behaviour log, daily figures, articles and spend: all idempotent by their natural keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction

from zhanggui.facts import bulk, dirty, identity, rules
from zhanggui.facts.identity import Person
from zhanggui.facts.models import Customer, DailyVisit, Event, Identity, Order, PageDaily, Read, Record, Shop, Spend
from zhanggui.kernel import clock
from zhanggui.wechat.schemas.base import CHINA

HINTS = "order_hint"
"""Stream of records: what the behaviour log said about an order we have not seen yet."""
_AHEAD = timedelta(days=1)
_EVENT_FIELDS = (
    "shop_id", "event_key", "at", "customer_id", "kind", "session", "page", "product_id", "sku_id", "channel", "scene", "device", "region",
    "referrer_id",
)  # fmt: skip
_PERSON_FIELDS = {
    "openid": "openid", "mini_openid": "mini", "mini": "mini", "unionid": "unionid", "visitor": "visitor", "visitor_id": "visitor",
    "external_userid": "external",
}  # fmt: skip


@dataclass(slots=True)
class Logged:
    """What a batch of behaviour rows came to."""

    accepted: int = 0
    repeated: int = 0
    hints: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    """(position in the batch, reason)."""


@dataclass(slots=True)
class _Row:
    key: str
    at: datetime
    kind: str
    ids: dict[str, str]
    referrer: str
    raw: Mapping[str, Any]


def _text(row: Mapping[str, Any], *names: str, length: int) -> str:
    for name in names:
        value = row.get(name)
        if value is not None and value != "" and not isinstance(value, dict | list):
            return bulk.cut(str(value), length)
    return ""


def moment_of(value: Any) -> datetime | None:
    """An aware moment from epoch seconds, milliseconds or ISO text (without zone: China time); None if it is none."""
    try:
        if isinstance(value, bool) or value is None or value == "":
            return None
        if isinstance(value, str) and not value.strip().replace(".", "", 1).isdigit():
            found = datetime.fromisoformat(value.strip())
            return found if found.tzinfo is not None else found.replace(tzinfo=CHINA)
        number = float(value)
        number = number / 1000 if number > 100_000_000_000 else number
        return datetime.fromtimestamp(number, UTC) if number > 0 else None
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _read_row(row: Any, latest: datetime) -> _Row | str:
    """A row cleaned, or the reason for refusing it."""
    if not isinstance(row, Mapping):
        return "不是对象"
    key = _text(row, "event_id", "event_key", "id", length=64)
    if not key:
        return "缺少 event_id"
    at = moment_of(row.get("ts", row.get("at", row.get("time"))))
    if at is None:
        return "缺少时间 ts"
    if at > latest:
        return "时间在未来"
    kind = rules.clean_kind(row.get("kind", row.get("event")))
    if not kind:
        return "不认识的行为类型"
    ids = {name: _text(row, source, length=128) for source, name in _PERSON_FIELDS.items() if _text(row, source, length=128)}
    if not ids and kind in rules.EVENT_KINDS:
        return "缺少访客标识"
    return _Row(key, at, kind, ids, _text(row, "referrer", "sharer", length=128), row)


@transaction.atomic
def record_events(shop: Shop, rows: Iterable[Mapping[str, Any]]) -> Logged:
    """Behaviour rows as a collector sends them: each `event_id` counts once, however often it comes.

    Columns: event_id, ts (seconds, ms or ISO), kind, one of openid / mini_openid / unionid / visitor_id, session_id, page_path, product_id,
    sku_id, cq (channel), scene, device, region, referrer, order_id. Rows of kind order, checkout and pay are no events: they only tell how
    the buyer of their order came, where the order itself does not.
    """
    done = Logged()
    latest = clock.now() + _AHEAD
    events: dict[str, _Row] = {}
    hints: list[_Row] = []
    for at, row in enumerate(rows):
        read = _read_row(row, latest)
        if isinstance(read, str):
            done.refused.append((at, read))
        elif read.kind in rules.ORDER_HINTS:
            hints.append(read)
        elif read.key in events:
            done.repeated += 1
        else:
            events[read.key] = read
    for batch in bulk.chunks(events.values(), 10_000):
        _write_events(shop, batch, done)
    if hints:
        done.hints = _take_hints(shop, hints)
    return done


def _write_events(shop: Shop, rows: list[_Row], done: Logged) -> None:
    known = set(Event.objects.filter(shop=shop, event_key__in=[r.key for r in rows[:900]]).values_list("event_key", flat=True))
    if len(rows) > 900:
        for batch in bulk.chunks(rows[900:], 900):
            known.update(
                Event.objects.filter(shop=shop, event_key__in=[r.key for r in batch]).values_list("event_key", flat=True)
            )
    done.repeated += len(known)
    fresh = [row for row in rows if row.key not in known]
    if not fresh:
        return
    people = [
        Person(
            row.ids,
            row.at,
            region=rules.region_of(_text(row.raw, "region", length=40)),
            channel=_text(row.raw, "cq", "channel", length=40),
            device=_text(row.raw, "device", length=20),
        )
        for row in fresh
    ]
    sharers = {row.referrer: Person({"openid": row.referrer}, row.at) for row in fresh if row.referrer}
    ids = identity.resolve_many(shop, [*people, *sharers.values()])
    by_sharer = dict(zip(sharers, ids[len(people) :], strict=True))
    written = bulk.insert(
        Event,
        _EVENT_FIELDS,
        (
            (
                shop.pk, row.key, row.at, customer, row.kind, _text(row.raw, "session_id", "session", length=64),
                _text(row.raw, "page_path", "page", length=200), _text(row.raw, "product_id", length=64), _text(row.raw, "sku_id", length=64),
                person.channel, _text(row.raw, "scene", length=20), person.device, person.region,
                by_sharer.get(row.referrer) if row.referrer else None,
            )
            for row, person, customer in zip(fresh, people, ids, strict=False)
        ),
        ignore=True,
    )  # fmt: skip
    done.accepted += written
    done.repeated += len(fresh) - written
    days = {clock.day_of(row.at, shop.zone) for row in fresh}
    dirty.mark_many(shop, [("events", day, day) for day in days])


def _take_hints(shop: Shop, rows: list[_Row]) -> int:
    """Channel and device for the orders named; kept for later where the order has not come yet."""
    by_order: dict[str, rules.Hint] = {}
    for row in sorted(rows, key=lambda r: r.at):
        order_id = _text(row.raw, "order_id", length=64)
        if not order_id:
            continue
        held = by_order.get(order_id)
        by_order[order_id] = rules.Hint(
            order_id,
            {**(held.ids if held else {}), **row.ids},
            (held.channel if held else "") or _text(row.raw, "cq", "channel", length=40),
            (held.device if held else "") or _text(row.raw, "device", length=20),
            (held.region if held else "") or rules.region_of(_text(row.raw, "region", length=40)),
            (held.session if held else "") or _text(row.raw, "session_id", "session", length=64),
            held.at if held else row.at,
        )
    waiting = apply_hints(shop, by_order)
    bulk.insert(
        Record,
        ("shop_id", "stream", "key", "day", "body"),
        (
            (
                shop.pk, HINTS, hint.order_id, clock.day_of(hint.at, shop.zone),
                {"ids": hint.ids, "channel": hint.channel, "device": hint.device, "region": hint.region, "session": hint.session,
                 "at": hint.at.isoformat()},
            )
            for hint in waiting
        ),
        ignore=True,
    )  # fmt: skip
    return len(by_order)


def apply_hints(shop: Shop, hints: Mapping[str, rules.Hint]) -> list[rules.Hint]:
    """Fills what orders do not say from what the log says; the hints whose order is not here yet."""
    orders = {}
    for batch in bulk.chunks(hints, 900):
        for order in (
            Order.objects.filter(shop=shop, order_id__in=batch)
            .select_related("customer")
            .only("order_id", "channel", "device", "region", "created_at", "paid_at", "customer")
        ):
            orders[order.order_id] = order
    changed: list[tuple[Any, ...]] = []
    marks: list[tuple[str, Any, Any]] = []
    for order_id, order in orders.items():
        hint = hints[order_id]
        after = (order.channel or hint.channel, order.device or hint.device, order.region or hint.region)
        if after != (order.channel, order.device, order.region):
            changed.append((*after, clock.now(), order.pk))
            for moment in (order.created_at, order.paid_at):
                if moment is not None:
                    day = clock.day_of(moment, shop.zone)
                    marks += [(table, day, day) for table in ("orders", "order_lines", "events", "refunds")]
        if order.customer is not None and order.customer.erased_at is None:
            _know_buyer(shop, order.customer, hint)
    bulk.update(Order, "id", ("channel", "device", "region", "recorded_at"), changed)
    dirty.mark_many(shop, marks)
    return [hint for order_id, hint in hints.items() if order_id not in orders]


def _know_buyer(shop: Shop, buyer: Customer, hint: rules.Hint) -> None:
    """The visitor who paid is the buyer. Only ids of visits are joined this way, and only to somebody who has bought nothing else:
    the log comes from phones, and a forged row must not melt two customers into one."""
    if (hint.channel and not buyer.channel) or (hint.device and not buyer.device) or (hint.region and not buyer.region):
        buyer.channel, buyer.device = buyer.channel or hint.channel, buyer.device or hint.device
        buyer.region = buyer.region or hint.region
        buyer.save(update_fields=["channel", "device", "region", "recorded_at"])
        dirty.mark_dirty(shop, "customers")
    weak = {kind: value for kind, value in hint.ids.items() if kind in ("visitor", "mini")}
    for kind, value in weak.items():
        known = identity.known_as(shop, kind, [value]).get(value)
        if known is None:
            anchor = Identity.objects.filter(customer=buyer).exclude(kind__in=("visitor", "mini")).first()
            if anchor is not None:
                identity.resolve(shop, {anchor.kind: anchor.value, kind: value}, hint.at)
        elif known != buyer.pk and not Order.objects.filter(customer_id=known).exists():
            strong = Identity.objects.filter(customer_id=known).exclude(kind__in=("visitor", "mini")).exists()
            if not strong:
                identity.merge(shop, buyer.pk, known, evidence="同一次访问中下单付款", by=identity.SYSTEM)


def stored_hints(shop: Shop, order_ids: Iterable[str]) -> dict[str, rules.Hint]:
    """Hints that came before their orders, removed from the waiting room."""
    found: dict[str, rules.Hint] = {}
    for batch in bulk.chunks(order_ids, 900):
        rows = list(Record.objects.filter(shop=shop, stream=HINTS, key__in=batch))
        for row in rows:
            body = row.body
            at = datetime.fromisoformat(body["at"])
            found[row.key] = rules.Hint(
                row.key, body["ids"], body["channel"], body["device"], body["region"], body["session"], at
            )
        if rows:
            Record.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return found


# -- figures per day -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpendRow:
    """What a channel's campaign cost on a day; money in 分."""

    day: date
    channel: str
    cost_fen: int
    campaign: str = ""
    views: int | None = None
    clicks: int | None = None
    new_customers: int | None = None
    orders: int | None = None
    order_fen: int | None = None


_SPEND_FIELDS = (
    "shop_id", "day", "channel", "campaign", "source", "cost_fen", "views", "clicks", "platform_new_customers", "platform_orders",
    "platform_order_fen",
)  # fmt: skip


@transaction.atomic
def record_spend(shop: Shop, rows: Iterable[SpendRow], *, source: str) -> int:
    """Spend per day, channel and campaign, overwritten within the same source; how many rows. Raises ValueError for a negative cost."""
    kept = {(row.day, row.channel, row.campaign): row for row in rows}
    if any(row.cost_fen < 0 for row in kept.values()):
        raise ValueError("spend cannot be negative")
    bulk.insert(
        Spend, _SPEND_FIELDS,
        (
            (shop.pk, r.day, bulk.cut(r.channel, 40), bulk.cut(r.campaign, 80), source[:20], r.cost_fen, r.views, r.clicks, r.new_customers,
             r.orders, r.order_fen)
            for r in kept.values()
        ),
        conflict=("shop_id", "day", "channel", "campaign", "source"), update=_SPEND_FIELDS[5:],
    )  # fmt: skip
    if kept:
        dirty.mark_dirty(shop, "spend", min(r.day for r in kept.values()), max(r.day for r in kept.values()))
    return len(kept)


@transaction.atomic
def record_daily_visit(shop: Shop, day: date, **values: Any) -> bool:
    """The mini program's figures of a day; given values overwrite, None and absent ones leave what is stored. False if nothing changed."""
    given = {name: value for name, value in values.items() if value is not None}
    row, made = DailyVisit.objects.select_for_update().get_or_create(shop=shop, day=day, defaults=given)
    changed = [name for name, value in given.items() if getattr(row, name) != value]
    if changed and not made:
        for name in changed:
            setattr(row, name, given[name])
        row.save(update_fields=changed)
    if made or changed:
        dirty.mark_dirty(shop, "daily_visits", day)
    return bool(made or changed)


@transaction.atomic
def record_pages(shop: Shop, day: date, rows: Iterable[Mapping[str, Any]]) -> int:
    """Daily figures per page (page, views, visitors, entries, exits, shares, stay_seconds), replacing that page's day."""
    names = ("views", "visitors", "entries", "exits", "shares", "stay_seconds")
    kept = {bulk.cut(str(row["page"]), 200): row for row in rows if row.get("page")}
    bulk.insert(
        PageDaily, ("shop_id", "day", "page", *names), ((shop.pk, day, page, *(row.get(n) or 0 for n in names)) for page, row in kept.items()),
        conflict=("shop_id", "day", "page"), update=names,
    )  # fmt: skip
    return len(kept)


@dataclass(frozen=True, slots=True)
class ReadRow:
    """Readers of one article as of a day; running sums since publication unless said otherwise."""

    article_id: str
    day: date
    title: str = ""
    published_on: date | None = None
    readers: int = 0
    sharers: int = 0
    likes: int = 0
    followers_gained: int = 0
    is_running_sum: bool = True
    extra: dict[str, Any] = field(default_factory=dict)


_READ_FIELDS = (
    "shop_id", "article_id", "day", "title", "published_on", "readers", "sharers", "likes", "followers_gained", "is_running_sum", "extra",
)  # fmt: skip


@transaction.atomic
def record_reads(shop: Shop, rows: Iterable[ReadRow]) -> int:
    """Article figures per article and day, overwritten; how many rows."""
    kept = {(row.article_id, row.day): row for row in rows if row.article_id}
    bulk.insert(
        Read, _READ_FIELDS,
        (
            (shop.pk, r.article_id[:64], r.day, bulk.cut(r.title, 200), r.published_on, r.readers, r.sharers, r.likes, r.followers_gained,
             r.is_running_sum, r.extra)
            for r in kept.values()
        ),
        conflict=("shop_id", "article_id", "day"), update=_READ_FIELDS[3:],
    )  # fmt: skip
    if kept:
        dirty.mark_dirty(shop, "reads", min(day for _, day in kept), max(day for _, day in kept))
    return len(kept)


@transaction.atomic
def record_facts(shop: Shop, stream: str, rows: Iterable[tuple[str, date | None, dict[str, Any]]]) -> int:
    """Whole platform objects under their key (coupons, members, compass days, fund flows), overwritten; how many."""
    kept = {bulk.cut(key, 128): (day, body) for key, day, body in rows if key}
    return bulk.insert(
        Record, ("shop_id", "stream", "key", "day", "body"), ((shop.pk, stream[:40], key, day, body) for key, (day, body) in kept.items()),
        conflict=("shop_id", "stream", "key"), update=("day", "body"),
    )  # fmt: skip
