"""The behaviour log of the shop's own mini program, unfolded from the visits on demand, and the daily figures the platform makes of it (演示数据).

One visit is one session. What happens in it, in order: landing page, product views, add-to-cart, other pages, order, payment, share. Pages opened are the
events of kinds page_view, product_view and invite_open; their number is the visit's depth, one page is a bounce. All events of a session lie
in the shop day in which it began, so that daily figures and log agree exactly.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from zhanggui.emulator.catalogue import DEVICES, REGIONS
from zhanggui.emulator.market.words import CH, CHANNELS, SCENES, day_begin, day_number
from zhanggui.emulator.shopworld import World

KINDS = ("page_view", "product_view", "add_to_cart", "order", "pay", "share", "invite_open")
OPENINGS = (0, 1, 6)
PAGES = ("pages/index/index", "pages/product/detail", "pages/invite/index", "pages/coupon/index", "pages/cart/index", "pages/checkout/index",
         "pages/category/index", "pages/search/index", "pages/member/index", "pages/order/list")  # fmt: skip
COLUMNS = (
    "event_id",
    "ts",
    "openid",
    "session_id",
    "kind",
    "page_path",
    "product_id",
    "sku_id",
    "cq",
    "scene",
    "device",
    "region",
    "order_id",
    "referrer",
)
_LAND_PAGE = np.array([0, 1, 2, 3])
_ROAM = np.array([6, 7, 8, 3, 9, 0])
SOURCE_KEY = {"search": 2, "ads": 6, "article": 18, "video": 28, "live": 28, "league": 28, "store": 29, "moments": 14, "group": 3, "chat": 3, "official": 5,
              "direct": 1, "invite": 14, "share": 3, "gift": 3}  # fmt: skip


class Batch:
    """Events of some visits as columns, in order of time."""

    __slots__ = ("kind", "order", "page", "product", "sku", "step", "ts", "visit")

    def __init__(self, visit: NDArray[Any], step: NDArray[Any], ts: NDArray[Any], kind: NDArray[Any], page: NDArray[Any], product: NDArray[Any],
                 sku: NDArray[Any], order: NDArray[Any]) -> None:  # fmt: skip
        self.visit, self.step, self.ts, self.kind, self.page, self.product, self.sku, self.order = (
            visit,
            step,
            ts,
            kind,
            page,
            product,
            sku,
            order,
        )

    def __len__(self) -> int:
        return len(self.ts)

    def where(self, keep: NDArray[Any]) -> Batch:
        """The rows picked by a mask or an index."""
        return Batch(*(getattr(self, name)[keep] for name in ("visit", "step", "ts", "kind", "page", "product", "sku", "order")))


def visit_rows(world: World, day: int) -> tuple[int, int]:
    """The rows [first, last) of the visits that began on a shop day."""
    a, b = np.searchsorted(world.slice_starts, (day_begin(day), day_begin(day + 1)), "left")
    rows = [*world.slice_rows, len(world.visits)]
    return rows[int(a)], rows[int(b)]


def unfold(world: World, first: int, last: int) -> Batch:
    """All events of the visits in rows [first, last), sorted by time."""
    v = world.visits
    row = np.arange(first, last)
    land, views, carts, other = (v[name][first:last].astype(np.int64) for name in ("land", "views", "carts", "other"))
    t, dur, order, share = (
        v["t"][first:last],
        v["dur"][first:last].astype(float),
        v["order"][first:last],
        v["share"][first:last].astype(np.int64),
    )
    ordered = order >= 0
    at = np.maximum(order, 0)
    has_orders = len(world.orders) > 0
    t_create = world.orders["t_create"][at] if has_orders else np.zeros(len(at))
    t_pay = world.orders["t_pay"][at] if has_orders else np.full(len(at), np.inf)
    paid = ordered & np.isfinite(t_pay)
    a0 = (land != 1).astype(np.int64)
    a1 = a0 + views
    a2 = a1 + carts
    a3 = a2 + other
    a4 = a3 + ordered
    a5 = a4 + paid
    total = a5 + share
    index = np.repeat(np.arange(len(row)), total)
    step = np.arange(int(total.sum())) - np.repeat(np.cumsum(total) - total, total)
    A0, A1, A2, A3, A4, A5 = (a[index] for a in (a0, a1, a2, a3, a4, a5))
    is_view, is_cart, is_other = (step >= A0) & (step < A1), (step >= A1) & (step < A2), (step >= A2) & (step < A3)
    is_order, is_pay, is_share = (step >= A3) & (step < A4), (step >= A4) & (step < A5), step >= A5
    kind = np.zeros(len(step), dtype=np.int8)
    kind[is_view], kind[is_cart], kind[is_order], kind[is_pay], kind[is_share] = 1, 2, 3, 4, 5
    kind[(step < A0) & (land[index] == 2)] = 6
    mixed = ((index + first) * 2654435761 + step * 40503) & 0xFFFF
    page = np.where(step < A0, _LAND_PAGE[land[index]], _ROAM[mixed % len(_ROAM)])
    page = np.where(is_view | is_cart, 1, page)
    nth_other = step - A2
    page = np.where(is_other & (nth_other == 0) & ((carts > 0) | ordered)[index], 4, page)
    page = np.where(is_other & (nth_other == 1) & ordered[index], 5, page)
    page = np.where(is_order | is_pay, 5, page)
    page = np.where(is_share, np.where((views > 0)[index], 1, 0), page)
    offset = v["view_off"][first:last][index]
    nth = np.where(is_view, step - A0, np.where(is_cart, step - A1, 0))
    flat = np.minimum(offset + np.minimum(nth, np.maximum(views[index] - 1, 0)), max(world.viewed.n - 1, 0))
    seen = world.viewed["product"][flat].astype(np.int64) if world.viewed.n else np.zeros(len(flat), dtype=np.int64)
    product = np.where((is_view | is_cart | is_share) & (views > 0)[index], seen, -1)
    sku = np.full(len(step), -1)
    first_sku = np.array([rows[0] for rows in world.product_skus])
    if is_cart.any():
        o = order[index]
        from_order = is_cart & (o >= 0)
        if from_order.any():
            line = world.orders["line_off"][o[from_order]] + np.minimum(
                nth[from_order], world.orders["lines"][o[from_order]].astype(np.int64) - 1
            )
            sku[from_order] = world.lines["sku"][line]
            product[from_order] = world.skus["product"][sku[from_order]]
        loose = is_cart & ~from_order
        sku[loose] = first_sku[product[loose]]
    span = np.where(ordered, np.maximum(t_create - t, 0.0) * 0.96, dur)[index]
    ts = t[index] + span * step / np.maximum(A3, 1)
    created, done = t_create[index], np.where(paid, t_pay, t_create)[index]
    ts = np.where(is_order, created, ts)
    ts = np.where(is_pay, np.where(np.isfinite(done), done, 0.0), ts)
    ts = np.where(is_share, np.where(ordered[index], done + 1.0, (t + dur)[index]), ts)
    ms = np.floor(ts * 1000 + 0.5).astype(np.int64)
    ms = np.where(
        is_order | is_pay,
        ms,
        np.minimum(ms, ((np.floor((t + 28800) / 86400) + 1) * 86400000 - 28800000).astype(np.int64)[index] - 1),
    )
    batch = Batch(index + first, step, ms, kind, page, product, sku, np.where(is_order | is_pay, order[index], -1))
    return batch.where(np.lexsort((step, index, ms)))


def between(world: World, since: float, until: float) -> Batch:
    """The events with since ≤ time < until (epoch seconds), never beyond the market's present."""
    until = min(until, world.now)
    first = max(day_number(since), world.first_day)
    lo, _ = visit_rows(world, first)
    _, hi = visit_rows(world, day_number(until))
    if since >= until or hi <= lo:
        return unfold(world, 0, 0)
    t = world.visits["t"][lo:hi]
    if hi - lo < 50_000:
        near = np.flatnonzero((t > since - 3600.0) & (t <= until))
        if len(near):
            lo, hi = lo + int(near[0]), lo + int(near[-1]) + 1
    batch = unfold(world, lo, hi)
    return batch.where((batch.ts >= since * 1000) & (batch.ts < until * 1000))


def session_id(row: int) -> str:
    """The session id of a visit row."""
    return f"s{row:x}-{(row * 2654435761 + 97) & 0xFFFFFF:06x}"


def as_rows(world: World, batch: Batch) -> Iterator[dict[str, Any]]:
    """Each event as the merchant's own collector would log it."""
    v, people = world.visits, world.people
    visits = batch.visit
    person = v["person"][visits]
    columns = (visits.tolist(), batch.step.tolist(), batch.ts.tolist(), batch.kind.tolist(), batch.page.tolist(), batch.product.tolist(), batch.sku.tolist(),
               batch.order.tolist(), person.tolist(), v["channel"][visits].tolist(), v["ref"][visits].tolist(), people["device"][person].tolist(),
               people["region"][person].tolist())  # fmt: skip
    for visit, step, ts, kind, page, product, sku, order, who, channel, ref, device, region in zip(*columns, strict=True):
        yield {
            "event_id": f"e{visit:x}-{step}", "ts": ts, "openid": world.openid(who), "session_id": session_id(visit), "kind": KINDS[kind], "page_path": PAGES[page],
            "product_id": str(world.product_id(product)) if product >= 0 else "", "sku_id": str(world.sku_id(sku)) if sku >= 0 else "",
            "cq": CHANNELS[channel], "scene": SCENES[channel], "device": DEVICES[device][0], "region": REGIONS[region][0],
            "order_id": str(world.order_id(order)) if order >= 0 else "", "referrer": world.openid(ref) if ref >= 0 and step == 0 else "",
        }  # fmt: skip


def export(world: World, batch: Batch, shape: str = "ndjson", *, packed: bool = False) -> bytes:
    """The events as NDJSON or CSV (with header), gzipped on request."""
    if shape == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(as_rows(world, batch))
        raw = text.getvalue().encode()
    else:
        raw = b"".join(orjson.dumps(row) + b"\n" for row in as_rows(world, batch))
    return gzip.compress(raw, 5, mtime=0) if packed else raw


class Daily:
    """The platform's figures of one past day, counted from the same events as the log."""

    def __init__(self, world: World, day: int) -> None:
        first, last = visit_rows(world, day)
        batch = unfold(world, first, last)
        v = world.visits
        person = v["person"][first:last]
        opening = np.isin(batch.kind, OPENINGS)
        local = batch.visit - first
        self.sessions = last - first
        depth = np.bincount(local[opening], minlength=self.sessions)
        self.page_views = int(opening.sum())
        self.people = np.unique(person)
        self.new_people = np.unique(person[v["first"][first:last] > 0])
        self.visitors, self.new_visitors = len(self.people), len(self.new_people)
        self.total_visitors = int(v["first"][:last].sum())
        stay = v["dur"][first:last].astype(float)
        self.stay_session = float(stay.mean()) if self.sessions else 0.0
        self.stay_visitor = float(stay.sum() / max(self.visitors, 1))
        shares = batch.kind == 5
        self.share_views = int(shares.sum())
        self.share_visitors = len(np.unique(person[local[shares]]))
        edges = np.array([1, 2, 3, 4, 5, 6, 11, 10**6])
        self.depth = {i + 1: int(((depth >= edges[i]) & (depth < edges[i + 1])).sum()) for i in range(7)}
        cuts = np.array([0, 3, 6, 11, 21, 31, 51, 101, 1e9])
        whole = np.floor(stay)
        self.stay = {i + 1: int(((whole >= cuts[i]) & (whole < cuts[i + 1])).sum()) for i in range(8)}
        keys = np.array([SOURCE_KEY[c] for c in CHANNELS])[v["channel"][first:last]] if self.sessions else np.zeros(0, dtype=int)
        self.sources = {int(k): int((keys == k).sum()) for k in np.unique(keys)}
        self.source_visitors = {int(k): len(np.unique(person[keys == k])) for k in np.unique(keys)}
        opens = batch.where(opening)
        order = np.lexsort((opens.step, opens.visit))
        o_visit, o_page = opens.visit[order] - first, opens.page[order]
        entry = np.ones(len(o_visit), dtype=bool)
        entry[1:] = o_visit[1:] != o_visit[:-1]
        leave = np.ones(len(o_visit), dtype=bool)
        leave[:-1] = entry[1:]
        per_open = (stay / np.maximum(depth, 1))[o_visit] if len(o_visit) else stay[:0]
        share_page = batch.page[shares]
        share_who = person[local[shares]]
        self.pages = []
        for page in np.unique(o_page).tolist():
            m = o_page == page
            self.pages.append({
                "page_path": PAGES[page], "page_visit_pv": int(m.sum()), "page_visit_uv": len(np.unique(person[o_visit[m]])),
                "page_staytime_pv": round(float(per_open[m].mean()), 3), "entrypage_pv": int((m & entry).sum()), "exitpage_pv": int((m & leave).sum()),
                "page_share_pv": int((share_page == page).sum()), "page_share_uv": len(np.unique(share_who[share_page == page])),
            })  # fmt: skip
        self.pages.sort(key=lambda p: -int(str(p["page_visit_pv"])))
        looks = batch.kind == 1
        self.product_views = np.bincount(batch.product[looks], minlength=len(world.products))
        pairs = np.unique(batch.product[looks] * (len(world.people) + 1) + person[local[looks]])
        self.product_visitors = np.bincount(pairs // (len(world.people) + 1), minlength=len(world.products))
        self.product_click_visitors = len(np.unique(person[local[looks]]))
        channel = v["channel"][first:last]
        self.ad_visits = int((channel == CH["ads"]).sum())
        self.ad_new = int(((channel == CH["ads"]) & (v["first"][first:last] > 0)).sum())


class Analytics:
    """Daily figures by day, counted once and kept."""

    def __init__(self, world: World) -> None:
        self.world, self._days = world, dict[int, Daily]()

    def day(self, number: int) -> Daily:
        """The figures of a past shop day."""
        if number not in self._days:
            if len(self._days) > 900:
                self._days.clear()
            self._days[number] = Daily(self.world, number)
        return self._days[number]
