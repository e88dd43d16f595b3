"""Who is who: one customer per person over all the ids they are known by.

    resolve       the customer of a set of ids, made or merged as needed
    resolve_many  the same for many people at once
    merge         two customers are one person: the lower number stays, everything moves, and what moved is written down
    unmerge       takes a merge back, and keeps the two apart from then on

Ids that come from devices (visitor, mini) can be forged or shared: they join a nameless visitor to a person, never two people who each
have an id of their own. Two people of one batch who share any other id are one. New ids are written only under the shop's row lock, which also hands out the
dense numbers; so two processes that see a person for the first time agree on one customer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, models, transaction
from django.db.models import F

from zhanggui.facts import bulk
from zhanggui.facts.dirty import mark_many, mark_people
from zhanggui.facts.models import (
    Contact,
    Customer,
    CustomerMerge,
    Event,
    GroupMember,
    Identity,
    Order,
    Refund,
    Review,
    Shop,
)
from zhanggui.kernel import audit, clock, vault
from zhanggui.kernel.errors import Conflict, NotFound

KINDS = tuple(Identity.Kind.values)
WEAK = frozenset({"visitor", "mini"})
"""Kinds that devices report themselves."""
SYSTEM = "系统"
_FOLLOWERS: tuple[tuple[str, type[models.Model], str], ...] = (
    ("identities", Identity, "customer_id"),
    ("orders", Order, "customer_id"),
    ("refunds", Refund, "customer_id"),
    ("events", Event, "customer_id"),
    ("referred", Event, "referrer_id"),
    ("contacts", Contact, "customer_id"),
    ("group_members", GroupMember, "customer_id"),
    ("reviews", Review, "customer_id"),
)
"""Everything that points at a customer and moves with a merge."""
_ATTRIBUTES = ("region", "channel", "device", "tier", "name_sealed", "phone_sealed", "address_sealed")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as seen once: ids by kind, when, and what was seen of them."""

    ids: Mapping[str, str]
    at: datetime
    region: str = ""
    channel: str = ""
    device: str = ""
    tier: str = ""


class _Known(NamedTuple):
    id: int
    number: int
    first_seen_at: datetime
    region: str
    channel: str
    device: str
    tier: str


@dataclass(slots=True)
class _Party:
    """People of a batch who turned out to be one: their ids, the existing customers among them, what was seen."""

    ids: dict[tuple[str, str], datetime] = field(default_factory=dict)
    customers: dict[int, _Known] = field(default_factory=dict)
    first: datetime | None = None
    region: str = ""
    channel: str = ""
    device: str = ""
    tier: str = ""


def phone_key(shop: Shop | int, phone: str) -> str:
    """The identity value of a phone number in clear: a keyed hash; empty for a masked or hopeless number."""
    digits = vault.normalise_phone(phone)
    return vault.fingerprint(digits, shop_id=shop if isinstance(shop, int) else shop.pk) if digits else ""


def resolve(
    shop: Shop | int,
    ids: Mapping[str, str],
    at: datetime,
    *,
    region: str = "",
    channel: str = "",
    device: str = "",
    tier: str = "",
) -> Customer:
    """The customer known by any of `ids` (kind → value; empty values do not count), first made or merged if need be.

    `at` is when they were seen; what is given of region, channel and device fills what was unknown.
    Raises ValueError without ids.
    """
    found = resolve_many(shop, [Person(ids, at, region, channel, device, tier)])[0]
    if found is None:
        raise ValueError("nobody can be known without an id")
    return Customer.objects.get(pk=found)


def resolve_many(shop: Shop | int, people: Iterable[Person | tuple[Any, ...]]) -> list[int | None]:
    """Customer row ids in the order of `people`; None for somebody without any id. A few statements per ten thousand people.

    A person may also be a tuple (ids, at) or (ids, at, {"region": …, "channel": …}).
    """
    row = Shop.objects.get(pk=shop) if isinstance(shop, int) else shop
    answers: list[int | None] = []
    everybody = (p if isinstance(p, Person) else Person(p[0], p[1], **(p[2] if len(p) > 2 else {})) for p in people)
    batches = 0
    for batch in bulk.chunks(everybody, 10_000):
        answers += _resolve_batch(row, batch)
        batches += 1
    if batches > 1:  # a later batch may have shown that people of an earlier one are one person
        merged = dict(Customer.objects.filter(shop=row, merged_into__isnull=False).values_list("pk", "merged_into_id"))
        for at, found in enumerate(answers):
            while found in merged:
                found = merged[found]
            answers[at] = found
    return answers


def _resolve_batch(shop: Shop, people: list[Person]) -> list[int | None]:
    keys = [[(kind, value[:128]) for kind, value in person.ids.items() if value] for person in people]
    for one in keys:
        for kind, _ in one:
            if kind not in KINDS:
                raise ValueError(f"no kind of identity called {kind!r}")
    known = _lookup(shop.pk, {key for one in keys for key in one})
    if not _needs_writing(people, keys, known):
        return [known[one[0]].id if one else None for one in keys]
    with transaction.atomic():
        # The shop's row is the lock: whoever adds identities holds it, so what is read now stays true until it is written.
        Shop.objects.filter(pk=shop.pk).update(next_customer_number=F("next_customer_number"))
        known = _lookup(shop.pk, {key for one in keys for key in one})
        return _write(shop, people, keys, known)


def _lookup(shop_id: int, keys: set[tuple[str, str]]) -> dict[tuple[str, str], _Known]:
    by_kind: dict[str, list[str]] = {}
    for kind, value in keys:
        by_kind.setdefault(kind, []).append(value)
    found: dict[tuple[str, str], _Known] = {}
    with connection.cursor() as cursor:
        for kind, values in by_kind.items():
            condition, args = bulk.in_list("i.value", values)
            cursor.execute(
                "SELECT i.value, c.id, c.number, c.first_seen_at, c.region, c.channel, c.device, c.tier "
                "FROM facts_identity i JOIN facts_customer c ON c.id = i.customer_id "
                f"WHERE i.shop_id = %s AND i.kind = %s AND {condition}",
                [shop_id, kind, *args],
            )
            for value, *rest in cursor.fetchall():
                rest[2] = bulk.moment(rest[2])
                found[(kind, value)] = _Known(*rest)
    return found


def _needs_writing(people: list[Person], keys: list[list[tuple[str, str]]], known: Mapping[tuple[str, str], _Known]) -> bool:
    for person, one in zip(people, keys, strict=True):
        first: int | None = None
        for key in one:
            row = known.get(key)
            if row is None:
                return True
            if first is None:
                first = row.id
                if (
                    person.at < row.first_seen_at
                    or (person.region and not row.region)
                    or (person.channel and not row.channel)
                    or (person.device and not row.device)
                    or (person.tier and person.tier != row.tier)
                ):
                    return True
            elif row.id != first:
                return True
    return False


def _write(
    shop: Shop, people: list[Person], keys: list[list[tuple[str, str]]], known: dict[tuple[str, str], _Known]
) -> list[int | None]:
    parties = _gather(people, keys, known)
    answers: dict[int, int] = {}
    fresh: list[_Party] = []
    changed: list[tuple[Any, ...]] = []
    links: list[tuple[Any, ...]] = []
    touched: list[datetime] = []
    for party in {id(p): p for p in parties if p is not None}.values():
        if not party.customers:
            fresh.append(party)
            continue
        kept = _one_of(shop, party)
        answers[id(party)] = kept.id
        for key, at in party.ids.items():
            if key not in known:
                links.append((shop.pk, key[0], key[1], kept.id, at))
        assert party.first is not None
        earlier = party.first < kept.first_seen_at
        after = (
            min(party.first, kept.first_seen_at),
            kept.region or party.region,
            (party.channel or kept.channel) if earlier else (kept.channel or party.channel),
            kept.device or party.device,
            party.tier or kept.tier,
        )
        if after != kept[2:]:
            changed.append((*(bulk.cut(v, 40) if isinstance(v, str) else v for v in after), clock.now(), kept.id))
            touched += [after[0], kept.first_seen_at]
    if fresh:
        for party, customer_id in zip(fresh, _new_customers(shop, fresh), strict=True):
            answers[id(party)] = customer_id
            links += [(shop.pk, kind, value, customer_id, at) for (kind, value), at in party.ids.items()]
            assert party.first is not None
            touched.append(party.first)
    bulk.insert(Identity, ("shop_id", "kind", "value", "customer_id", "first_seen_at"), links)
    bulk.update(Customer, "id", ("first_seen_at", "region", "channel", "device", "tier", "recorded_at"), changed)
    if touched:
        mark_many(shop, [("customers", clock.day_of(min(touched), shop.zone), clock.day_of(max(touched), shop.zone))])
    return [answers[id(party)] if party is not None else None for party in parties]


class _Sets:
    """Ids and customers that belong together (union-find), and which of the sets hold somebody known by more than a device."""

    def __init__(self) -> None:
        self.leader: dict[Any, Any] = {}
        self.own: set[Any] = set()

    def find(self, item: Any) -> Any:
        leader = self.leader
        root = item
        while leader.setdefault(root, root) != root:
            root = leader[root]
        while leader[item] != root:
            leader[item], item = root, leader[item]
        return root

    def join(self, one: Any, other: Any) -> None:
        a, b = self.find(one), self.find(other)
        if a != b:
            self.leader[a] = b
            if a in self.own:
                self.own.add(b)

    def are_two(self, one: Any, other: Any) -> bool:
        """Whether they stand in different sets which both hold somebody."""
        a, b = self.find(one), self.find(other)
        return a != b and a in self.own and b in self.own


def _gather(
    people: list[Person], keys: list[list[tuple[str, str]]], known: Mapping[tuple[str, str], _Known]
) -> list[_Party | None]:
    """The party of each person: people who share an id, or whose ids lead to the same customer, are in one."""
    sets = _Sets()
    weak = {key for one in keys for key in one if key[0] in WEAK}
    for pk in _strongly_known({known[key].id for key in weak if key in known}):
        sets.own.add(sets.find(pk))
    for one in keys:
        strong = [key for key in one if key not in weak]
        for key in strong:
            row = known.get(key)
            sets.own.add(sets.find(key))
            if row is not None:
                sets.own.add(sets.find(row.id))
                sets.join(key, row.id)
            sets.join(key, strong[0])
    for key in weak & known.keys():
        sets.join(key, known[key].id)
    parties: dict[Any, _Party] = {}
    kept: list[list[tuple[str, str]]] = []
    for one in keys:
        first = next((key for key in one if key not in weak), one[0] if one else None)
        kept.append([key for key in one if key == first or not sets.are_two(key, first)])
        for key in kept[-1]:
            sets.join(key, first)
    answer: list[_Party | None] = []
    for person, one in zip(people, kept, strict=True):
        if not one:
            answer.append(None)
            continue
        party = parties.setdefault(sets.find(one[0]), _Party())
        for key in one:
            seen = party.ids.get(key)
            party.ids[key] = person.at if seen is None or person.at < seen else seen
            row = known.get(key)
            if row is not None:
                party.customers[row.id] = row
        earlier = party.first is None or person.at < party.first
        party.first = person.at if earlier else party.first
        party.region = party.region or person.region
        party.channel = (person.channel or party.channel) if earlier else (party.channel or person.channel)
        party.device = party.device or person.device
        party.tier = person.tier or party.tier
        answer.append(party)
    return answer


def _strongly_known(customer_ids: set[int]) -> set[int]:
    """Those among the customers who are known by an id that no device made up."""
    found: set[int] = set()
    for batch in bulk.chunks(sorted(customer_ids), 5000):
        condition, args = bulk.in_list("customer_id", batch)
        marks = ", ".join(["%s"] * len(WEAK))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT DISTINCT customer_id FROM facts_identity WHERE {condition} AND kind NOT IN ({marks})",
                [*args, *sorted(WEAK)],
            )
            found.update(row[0] for row in cursor.fetchall())
    return found


def _one_of(shop: Shop, party: _Party) -> _Known:
    """The one customer of a party, after merging all of them into the lowest number (except pairs that somebody has parted)."""
    rows = sorted(party.customers.values(), key=lambda row: row.number)
    kept = rows[0]
    for other in rows[1:]:
        if _parted(kept.id, other.id):
            continue
        evidence = "、".join(sorted({Identity.Kind(kind).label for kind, _ in party.ids}))
        merge(shop, kept.id, other.id, evidence=f"同一人的{evidence}", by=SYSTEM)
    if len(rows) > 1:
        row = Customer.objects.get(pk=kept.id)
        kept = _Known(row.pk, row.number, row.first_seen_at, row.region, row.channel, row.device, row.tier)
    return kept


def _new_customers(shop: Shop, parties: list[_Party]) -> list[int]:
    """New rows with the next dense numbers; the shop's row is already locked."""
    Shop.objects.filter(pk=shop.pk).update(next_customer_number=F("next_customer_number") + len(parties))
    last = Shop.objects.values_list("next_customer_number", flat=True).get(pk=shop.pk)
    first = last - len(parties)
    shop.next_customer_number = last
    bulk.insert(
        Customer,
        ("shop_id", "number", "first_seen_at", "region", "channel", "device", "tier"),
        (
            (
                shop.pk,
                first + at,
                p.first,
                bulk.cut(p.region, 40),
                bulk.cut(p.channel, 40),
                bulk.cut(p.device, 20),
                bulk.cut(p.tier, 40),
            )
            for at, p in enumerate(parties)
        ),
    )
    ids = Customer.objects.filter(shop=shop, number__gte=first, number__lt=last).order_by("number").values_list("pk", flat=True)
    return list(ids)


def merge(shop: Shop, one_id: int, other_id: int, *, evidence: str, by: str) -> CustomerMerge:
    """Two customers of the shop are one person: the lower number stays, all that pointed at the other moves to it.

    Raises Conflict if they are the same or one is already merged, NotFound if one is not of this shop.
    """
    with transaction.atomic():
        rows = {c.pk: c for c in Customer.objects.select_for_update().filter(shop=shop, pk__in=(one_id, other_id)).order_by("pk")}
        if one_id == other_id:
            raise Conflict("同一个客户不能与自己合并")
        if len(rows) != 2:
            raise NotFound("没有这个客户")
        kept, absorbed = sorted(rows.values(), key=lambda c: c.number)
        if kept.merged_into_id or absorbed.merged_into_id:
            raise Conflict("客户已被合并", remedy="请刷新后重试")
        mark_people(shop, [kept.pk, absorbed.pk])
        moved: dict[str, Any] = {}
        for name, model, column in _FOLLOWERS:
            ids = list(model._default_manager.filter(**{column: absorbed.pk}).values_list("pk", flat=True))
            if ids:
                moved[name] = ids
                model._default_manager.filter(**{column: absorbed.pk}).update(**{column: kept.pk})
        moved["before"] = {
            "first_seen_at": kept.first_seen_at.isoformat(),
            **{name: getattr(kept, name) for name in ("region", "channel", "device", "tier")},
            "sealed": [name for name in _ATTRIBUTES if name.endswith("_sealed") and getattr(kept, name) is not None],
        }
        earlier = absorbed.first_seen_at < kept.first_seen_at
        if earlier and absorbed.channel:
            kept.channel = absorbed.channel
        kept.first_seen_at = min(kept.first_seen_at, absorbed.first_seen_at)
        for name in _ATTRIBUTES:
            if not getattr(kept, name) and getattr(absorbed, name):
                setattr(kept, name, getattr(absorbed, name))
        kept.save()
        absorbed.merged_into = kept
        absorbed.save(update_fields=["merged_into", "recorded_at"])
        return CustomerMerge.objects.create(
            shop=shop, kept=kept, absorbed=absorbed, evidence=evidence[:200], moved=moved, by=by, at=clock.now()
        )


def _parted(one_id: int, other_id: int) -> bool:
    """Whether somebody has taken back a merge of these two: the system does not merge them again."""
    pair = (one_id, other_id)
    return CustomerMerge.objects.filter(kept__in=pair, absorbed__in=pair, reversed_at__isnull=False).exists()


def unmerge(merge_id: int, by: str) -> CustomerMerge:
    """Takes a merge back: what it moved returns, as far as it still is where the merge put it. What came after stays.

    Raises NotFound, or Conflict if it is already taken back or a later merge stands on it.
    """
    with transaction.atomic():
        row = CustomerMerge.objects.select_for_update().select_related("shop").filter(pk=merge_id).first()
        if row is None:
            raise NotFound("没有这次合并")
        if row.reversed_at is not None:
            raise Conflict("这次合并已经撤销")
        kept = Customer.objects.select_for_update().get(pk=row.kept_id)
        absorbed = Customer.objects.select_for_update().get(pk=row.absorbed_id)
        later = CustomerMerge.objects.filter(reversed_at__isnull=True, pk__gt=row.pk)
        if kept.merged_into_id or later.filter(models.Q(kept=absorbed) | models.Q(absorbed=kept)).exists():
            raise Conflict("之后又发生了合并", remedy="请先撤销后来的合并")
        mark_people(row.shop, [kept.pk, absorbed.pk])
        for name, model, column in _FOLLOWERS:
            for batch in bulk.chunks(row.moved.get(name, []), 500):
                model._default_manager.filter(pk__in=batch, **{column: kept.pk}).update(**{column: absorbed.pk})
        _give_back(kept, absorbed, row.moved["before"])
        kept.save()
        absorbed.merged_into = None
        absorbed.save(update_fields=["merged_into", "recorded_at"])
        row.reversed_at = clock.now()
        row.save(update_fields=["reversed_at"])
        mark_people(row.shop, [kept.pk, absorbed.pk])
        audit.record(
            row.shop_id,
            by,
            "customer.unmerge",
            f"{by} 撤销了客户 {kept.number} 与 {absorbed.number} 的合并",
            subject=f"customer:{kept.number}",
        )
        return row


def file_ids(shop: Shop | int, customer_ids: Iterable[int | None]) -> dict[int, dict[str, str]]:
    """Customer row id → the number a file knows them by, of those among the customers whom no platform has named yet. Writes nothing."""
    shop_id = shop if isinstance(shop, int) else shop.pk
    found: dict[int, dict[str, str]] = {}
    for batch in bulk.chunks({pk for pk in customer_ids if pk is not None}, 900):
        rows = Identity.objects.filter(shop_id=shop_id, customer_id__in=batch)
        named = set(rows.filter(kind="openid").values_list("customer_id", flat=True))
        for pk, value in rows.filter(kind="file").values_list("customer_id", "value"):
            if pk not in named:
                found.setdefault(pk, {"file": value})
    return found


def _give_back(kept: Customer, absorbed: Customer, before: Mapping[str, Any]) -> None:
    """What the merge put into `kept` out of `absorbed` leaves it again; what was learned since stays."""
    first = datetime.fromisoformat(before["first_seen_at"])
    if kept.first_seen_at >= min(first, absorbed.first_seen_at):
        kept.first_seen_at = first
    earlier = absorbed.first_seen_at < first
    for name in ("region", "channel", "device", "tier"):
        came = (absorbed.channel or before[name]) if name == "channel" and earlier else before[name] or getattr(absorbed, name)
        if getattr(kept, name) == came:
            setattr(kept, name, before[name])
    for name in _ATTRIBUTES:
        if name.endswith("_sealed") and name not in before["sealed"] and _same_content(kept, absorbed, name):
            setattr(kept, name, None)


def _same_content(one: Customer, other: Customer, name: str) -> bool:
    """Whether two customers' sealed fields hold the same, sealed anew or not."""
    texts = [vault.unseal_text(getattr(c, name), shop_id=one.shop_id) for c in (one, other)]
    return texts[0] == texts[1]


def known_as(shop: Shop | int, kind: str, values: Iterable[str]) -> dict[str, int]:
    """value → customer row id for the ids of one kind that are known. Writes nothing."""
    shop_id = shop if isinstance(shop, int) else shop.pk
    return {value: row.id for (_, value), row in _lookup(shop_id, {(kind, v) for v in values if v}).items()}
