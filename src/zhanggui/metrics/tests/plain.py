"""The whole catalogue once more, in plain pandas over plain tables, for nothing but comparison.

It knows no lake, no statement and no fold, and derives everything itself: days from times, which purchase an order was, who was new. Only
the classification of what a file lists (goods or postage) and the words of channels are taken from the house.

    book = Plain(orders=…, lines=…, refunds=…, events=…, …, horizon=day)       all times naive, in the shop's own zone
    book.numbers(first, last) → {key: (numerator, denominator)}                None, None where there is nothing at all
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

Pair = tuple[float | None, float | None]
OPENINGS = ("page_view", "product_view", "invite_open")
RANK = {kind: n for n, kind in enumerate(("page_view", "product_view", "add_to_cart", "order", "pay", "share", "invite_open"))}
WINDOW = timedelta(days=7)
SILENT = 30


def frame(rows: list[dict[str, Any]], *columns: str) -> pd.DataFrame:
    """A frame that has its columns even without rows."""
    return pd.DataFrame(rows, columns=list(columns))


def keep(table: pd.DataFrame, mask: Iterable[bool]) -> pd.DataFrame:
    """The rows for which it is so, of a table with rows or without."""
    return table[np.fromiter(mask, bool, len(table))]


@dataclass
class Plain:
    """A shop's facts as frames."""

    orders: pd.DataFrame
    """order_id, created, paid (NaT), customer (None), paid_fen, goods_fen, discount_fen, channel, kind."""
    lines: pd.DataFrame
    """order_id, line_no, product_id, goods (bool), quantity, paid_fen, cost_fen (NaN)."""
    refunds: pd.DataFrame
    """at, order_id (None), customer (None), amount_fen."""
    horizon: date
    events: pd.DataFrame = field(default_factory=lambda: frame([], "at", "customer", "kind", "session", "product_id", "channel"))
    spend: pd.DataFrame = field(default_factory=lambda: frame([], "day", "channel", "cost_fen"))
    visits: pd.DataFrame = field(default_factory=lambda: frame([], "day", "sessions", "page_views", "one_page", "depth_sessions"))
    members: pd.DataFrame = field(default_factory=lambda: frame([], "joined", "left", "is_staff"))
    group_days: pd.DataFrame = field(
        default_factory=lambda: frame([], "day", "owner", "chat_id", "members", "messages", "members_who_spoke")
    )
    reads: pd.DataFrame = field(
        default_factory=lambda: frame([], "day", "article_id", "readers", "sharers", "followers_gained", "is_running_sum")
    )
    inviters: dict[Any, Any] = field(default_factory=dict)
    """Who brought whom, found plainly by the caller."""

    # -- what purchases say ----------------------------------------------------------------------------------------------------------

    @cached_property
    def sold(self) -> pd.DataFrame:
        """Orders paid with money, with the day."""
        found = self.orders[self.orders["paid"].notna() & (self.orders["paid_fen"] > 0)].copy()
        found["day"] = found["paid"].dt.date
        return found

    @cached_property
    def bought(self) -> pd.DataFrame:
        """Those of known buyers: which purchase it was (nth), the day of the one before, the first day of all."""
        found = self.sold[self.sold["customer"].notna()].sort_values(["paid", "order_id"], kind="stable").copy()
        by = found.groupby("customer", sort=False)
        found["nth"] = by.cumcount() + 1
        found["before"] = by["day"].shift(1)
        found["first_day"] = by["day"].transform("first")
        found["next_day"] = by["day"].shift(-1)
        return found

    def paid(self, first: date, last: date) -> pd.DataFrame:
        return self.sold[(self.sold["day"] >= first) & (self.sold["day"] <= last)]

    def purchases(self, first: date, last: date) -> pd.DataFrame:
        return self.bought[(self.bought["day"] >= first) & (self.bought["day"] <= last)]

    def given_back(self, first: date, last: date) -> pd.DataFrame:
        days = self.refunds["at"].dt.date if len(self.refunds) else pd.Series([], dtype=object)
        return self.refunds[(days >= first) & (days <= last)]

    def sold_lines(self, first: date, last: date) -> pd.DataFrame:
        """Goods lines of orders paid (free orders' lines too) in these days."""
        paid = self.orders[self.orders["paid"].notna()]
        days = paid["paid"].dt.date
        ids = set(paid[(days >= first) & (days <= last)]["order_id"])
        return self.lines[self.lines["goods"] & self.lines["order_id"].isin(ids)]

    # -- visits ------------------------------------------------------------------------------------------------------------------------

    @cached_property
    def came(self) -> pd.DataFrame:
        found = self.events.copy()
        found["day"] = found["at"].dt.date if len(found) else pd.Series([], dtype=object)
        return found

    def during(self, first: date, last: date) -> pd.DataFrame:
        return self.came[(self.came["day"] >= first) & (self.came["day"] <= last)]

    def sessions(self, first: date, last: date) -> pd.DataFrame:
        """One row per visit with its pages; official days where nothing was logged."""
        mine = self.during(first, last)
        rows = mine.assign(page=mine["kind"].isin(OPENINGS)).groupby(["day", "customer", "session"], dropna=False)["page"].sum()
        own = pd.DataFrame({"sessions": 1, "pages": rows.to_numpy(), "bounced": (rows.to_numpy() <= 1) * 1, "judged": 1})
        logged = set(self.came["day"])
        theirs = keep(self.visits, (first <= d <= last and d not in logged for d in self.visits["day"]))
        official = theirs.rename(columns={"page_views": "pages", "one_page": "bounced", "depth_sessions": "judged"})
        return pd.concat([own, official[["sessions", "pages", "bounced", "judged"]]]) if len(official) else own

    # -- ordered steps -------------------------------------------------------------------------------------------------------------------

    @cached_property
    def journeys(self) -> dict[Any, list[tuple[pd.Timestamp, str]]]:
        """Everybody's events in order, with orders and payments from the order book; at one moment in the order of a purchase."""
        placed = self.orders[(self.orders["paid_fen"] > 0) & self.orders["customer"].notna()]
        rows = [(at, RANK[kind], who, kind) for at, who, kind in self.came[["at", "customer", "kind"]].itertuples(index=False)]
        rows += [(at, RANK["order"], who, "order") for at, who in placed[["created", "customer"]].itertuples(index=False)]
        rows += [
            (at, RANK["pay"], who, "pay")
            for at, who in placed[placed["paid"].notna()][["paid", "customer"]].itertuples(index=False)
        ]
        found: dict[Any, list[tuple[pd.Timestamp, str]]] = defaultdict(list)
        for at, _, who, kind in sorted(rows, key=lambda r: (r[0], r[1])):
            found[who].append((at, kind))
        return found

    def walked(self, steps: tuple[tuple[str, ...], ...], first: date, last: date) -> list[int]:
        """How many came at least as far as each step: from every first step in these days the earliest next ones within the window."""
        people = [0] * len(steps)
        for events in self.journeys.values():
            best = 0
            for i, (since, kind) in enumerate(events):
                if kind not in steps[0] or not first <= since.date() <= last:
                    continue
                level = 1
                for at, later in events[i + 1 :]:
                    if at - since > WINDOW:
                        break
                    if level < len(steps) and later in steps[level]:
                        level += 1
                best = max(best, level)
            for level in range(best):
                people[level] += 1
        return people

    # -- the catalogue -------------------------------------------------------------------------------------------------------------------

    def numbers(self, first: date, last: date) -> dict[str, Pair]:
        """Every number of the catalogue that is one number."""
        return {
            **self._traffic(first, last),
            **self._conversion(first, last),
            **self._customers(first, last),
            **self._others(first, last),
        }

    def _traffic(self, first: date, last: date) -> dict[str, Pair]:
        mine, visits, new = self.during(first, last), self.sessions(first, last), self.purchases(first, last).query("nth == 1")
        started = self.came.groupby("customer")["day"].min() if len(self.came) else pd.Series([], dtype=object)
        invited = new[new["customer"].isin(self.inviters)]
        by = invited["customer"].map(self.inviters)
        cost = keep(self.spend, (first <= d <= last for d in self.spend["day"]))["cost_fen"].sum()
        paying = set(self.spend["channel"])
        deep = visits.dropna(subset=["pages", "sessions"])
        judged = visits.dropna(subset=["bounced", "judged"])
        return {
            "traffic.visitors": (mine["customer"].nunique(), None),
            "traffic.new_visitors": (int(((started >= first) & (started <= last)).sum()), None),
            "traffic.new_customers": (len(new), None),
            "traffic.sessions": (visits["sessions"].sum(), None),
            "traffic.depth": (deep["pages"].sum(), deep["sessions"].sum()),
            "traffic.bounce_rate": (judged["bounced"].sum(), judged["judged"].sum()),
            "traffic.spend": (cost, None),
            "traffic.cost_per_new_customer": (cost, int(new["channel"].isin(paying).sum())),
            "traffic.invited_customers": (len(invited), None),
            "traffic.fission_coefficient": (len(invited), by.nunique()),
            "traffic.k_factor": (len(invited), mine["customer"].nunique()),
        }  # fmt: skip

    def _conversion(self, first: date, last: date) -> dict[str, Pair]:
        paid, back, lines = self.paid(first, last), self.given_back(first, last), self.sold_lines(first, last)
        placed = self.orders[
            (self.orders["paid_fen"] > 0) & (self.orders["created"].dt.date >= first) & (self.orders["created"].dt.date <= last)
        ]
        costed = lines[lines["cost_fen"].notna()]
        mine = self.during(first, last)
        walk = self.walked((("product_view",), ("add_to_cart",), ("order",), ("pay",)), first, last)
        cart = self.walked((("add_to_cart",), ("pay",)), first, last)
        visit = self.walked((tuple(k for k in RANK if k not in ("order", "pay")), ("pay",)), first, last)
        refunded = set(self.refunds[self.refunds["amount_fen"] > 0]["order_id"].dropna())
        money, returned = paid["paid_fen"].sum(), back["amount_fen"].sum()
        return {
            "conversion.view_to_cart": (walk[1], walk[0]), "conversion.cart_to_order": (walk[2], walk[1]), "conversion.order_to_pay": (walk[3], walk[2]),
            "conversion.cart_to_pay": (cart[1], cart[0]), "conversion.pay_rate": (visit[1], visit[0]),
            "conversion.add_to_cart_rate": (mine[mine["kind"] == "add_to_cart"]["customer"].nunique(), mine["customer"].nunique()),
            "conversion.orders": (len(paid), None), "conversion.sales": (money, None), "conversion.net_sales": (money - returned, None),
            "conversion.product_sales": (lines["paid_fen"].sum(), None),
            "conversion.units": (lines[lines["paid_fen"] > 0]["quantity"].sum(), None),
            "conversion.average_order_value": (money, len(paid)),
            "conversion.order_pay_rate": (int(placed["paid"].notna().sum()), len(placed)),
            "conversion.refunds": (returned, None), "conversion.refund_rate": (returned, money),
            "conversion.refund_order_rate": (int(paid["order_id"].isin(refunded).sum()), len(paid)),
            "conversion.gross_margin": ((costed["paid_fen"] - costed["cost_fen"]).sum(), costed["paid_fen"].sum()),
            "conversion.discount_rate": (paid["discount_fen"].sum(), paid["goods_fen"].sum()),
        }  # fmt: skip

    def _customers(self, first: date, last: date) -> dict[str, Pair]:
        mine, ever = self.purchases(first, last), self.bought
        named = mine["customer"].nunique()
        starts = mine[mine["nth"] == 1]
        found: dict[str, Pair] = {
            "customers.buyers": (named, None),
            "customers.returning_share": (mine[mine["day"] > mine["first_day"]]["customer"].nunique(), named),
            "customers.repeat_rate": (int((mine.groupby("customer").size() > 1).sum()), named),
            "customers.arpu": (mine["paid_fen"].sum(), named),
            "customers.private_uplift": self._uplift(mine),
        }
        for days in (30, 60, 90, 365):
            ripe = keep(starts, (d <= self.horizon - timedelta(days=days) for d in starts["day"]))
            again = [
                later is not None and later == later and (later - day).days <= days
                for day, later in zip(ripe["day"], ripe["next_day"], strict=True)
            ]
            found[f"customers.repurchase_{days}"] = (sum(again), len(ripe))
            found[f"customers.repurchase_km_{days}"] = self._estimate(starts, days)
        gaps = [(d - b).days for d, b, n in zip(mine["day"], mine["before"], mine["nth"], strict=True) if n > 1]
        found["customers.repurchase_interval"] = (sum(gaps), len(gaps))
        found["customers.repurchase_interval_median"] = (float(np.median(gaps)) if gaps else None, len(gaps))
        came = self.during(first, last)
        found["customers.share_rate"] = (came[came["kind"] == "share"]["customer"].nunique(), came["customer"].nunique())
        end = min(last, self.horizon)
        known = ever[ever["day"] <= end].groupby("customer")["day"].max()
        silent = sum((end - d).days > SILENT for d in known)
        found["customers.silent"] = (silent, None)
        found["customers.silent_rate"] = (silent, len(known))
        days_of = ever.groupby("customer")["day"].agg(set)
        base = [d for d in days_of if any(365 <= (end - b).days <= 729 for b in d)]
        found["customers.annual_retention"] = (sum(any(0 <= (end - b).days <= 364 for b in d) for d in base), len(base))
        visited = self.came.groupby("customer")["day"].agg(set) if len(self.came) else pd.Series([], dtype=object)
        for after in (1, 7, 30):
            new = [d for d in visited if first <= min(d) <= min(last, self.horizon - timedelta(days=after))]
            found[f"customers.visit_retention_{after}"] = (sum(min(d) + timedelta(days=after) in d for d in new), len(new))
        return found

    @staticmethod
    def _uplift(mine: pd.DataFrame) -> Pair:
        private, public = (mine[mine["kind"] == kind] for kind in ("private", "public"))
        people = mine[mine["kind"].isin(["private", "public"])]["customer"].nunique()
        if not len(private) or not len(public):
            return None, people
        return private["paid_fen"].sum() / private["customer"].nunique() / (
            public["paid_fen"].sum() / public["customer"].nunique()
        ) - 1, people

    def _estimate(self, starts: pd.DataFrame, days: int) -> Pair:
        """Kaplan and Meier by hand: at each day, of those still watched, the share to whom it happened."""
        watched = []
        for day, later in zip(starts["day"], starts["next_day"], strict=True):
            if day > self.horizon:
                continue
            happened = later is not None and later == later and later <= self.horizon
            watched.append(((later - day).days if happened else (self.horizon - day).days, happened))
        if not watched or max(waited for waited, _ in watched) < days:
            return None, None
        left = 1.0
        for at in sorted({waited for waited, happened in watched if happened and waited <= days}):
            risk = sum(waited >= at for waited, _ in watched)
            left *= 1 - sum(happened and waited == at for waited, happened in watched) / risk
        return 1 - left, len(watched)

    def _others(self, first: date, last: date) -> dict[str, Pair]:
        paid, lines = self.paid(first, last), self.sold_lines(first, last)
        joined = self.members[~self.members["is_staff"].astype(bool)] if len(self.members) else self.members
        joined = keep(joined, (first <= at.date() <= last for at in joined["joined"]))
        ripe = keep(joined, (at.date() <= self.horizon - timedelta(days=1) for at in joined["joined"]))
        stayed = [
            left is None or left != left or left - at >= timedelta(days=1)
            for at, left in zip(ripe["joined"], ripe["left"], strict=True)
        ]
        whole = set(zip(*(self.group_days[self.group_days["chat_id"] == ""][c] for c in ("day", "owner")), strict=True))
        talk = keep(
            self.group_days,
            (
                first <= d <= last and (chat == "" or (d, owner) not in whole)
                for d, owner, chat in zip(*(self.group_days[c] for c in ("day", "owner", "chat_id")), strict=True)
            ),
        )
        latest = talk[talk["day"] == max(talk["day"])] if len(talk) else talk
        spoke = talk.dropna(subset=["members", "members_who_spoke"])
        said = talk.dropna(subset=["members", "messages"])
        reads = self._reads(first, last)
        return {
            "community.new_members": (len(joined), None), "community.first_day_retention": (sum(stayed), len(ripe)),
            "community.members": (latest["members"].sum() if len(latest) else None, None),
            "community.interactions_per_100": (said["messages"].sum(), said["members"].sum()),
            "community.active_share": (spoke["members_who_spoke"].sum(), spoke["members"].sum()),
            "content.readers": (reads["readers"], None), "content.share_rate": (reads["sharers"], reads["readers"]), "content.followers": (reads["followers_gained"], None),
            "data.channel_known": (int((paid["channel"] != "unknown").sum()), len(paid)),
            "data.customer_known": (int(paid["customer"].notna().sum()), len(paid)),
            "data.cost_known": (lines[lines["cost_fen"].notna()]["paid_fen"].sum(), lines["paid_fen"].sum()),
            "data.rows": (self._rows(first, last), None),
        }  # fmt: skip

    def _reads(self, first: date, last: date) -> dict[str, float]:
        sums = dict.fromkeys(("readers", "sharers", "followers_gained"), 0)
        for _, article in self.reads.sort_values("day").groupby("article_id"):
            before = dict.fromkeys(sums, 0)
            for row in article.to_dict("records"):
                for name in sums:
                    gained = max(row[name] - before[name], 0) if row["is_running_sum"] else row[name]
                    before[name] = row[name]
                    sums[name] += gained if first <= row["day"] <= last else 0
        return sums

    def _rows(self, first: date, last: date) -> int:
        def inside(days: Any) -> int:
            return sum(d == d and d is not None and first <= d <= last for d in days)

        moments = self.orders["paid"].where(self.orders["paid"].notna(), self.orders["created"])
        paid_day = dict(zip(self.orders["order_id"], self.orders["paid"].dt.date, strict=True))
        costed = self.lines[self.lines["cost_fen"].notna()]
        return (
            inside(self.came["day"]) + inside(moments.dt.date) + inside(paid_day[o] for o in costed["order_id"]) + len(self.given_back(first, last)) + inside(self.spend["day"])
            + inside(self.visits["day"]) + inside(self.reads["day"]) + inside(at.date() for at in self.members["joined"]) + inside(self.group_days["day"])
        )  # fmt: skip

    def funnel(self, first: date, last: date) -> list[int]:
        """People per step of the purchase funnel."""
        return self.walked((("product_view",), ("add_to_cart",), ("order",), ("pay",)), first, last)

    def cohorts(self) -> dict[str, list[int]]:
        """Month of first payment → how many of its buyers paid 0, 1, 2 … whole months later."""
        if not len(self.bought):
            return {}
        month = self.bought["day"].map(lambda d: d.year * 12 + d.month - 1)
        first = self.bought["first_day"].map(lambda d: d.year * 12 + d.month - 1)
        counts = self.bought.assign(first=first, age=month - first).groupby(["first", "age"])["customer"].nunique()
        found = {}
        for start in sorted(set(first)):
            age, row = 0, []
            while age == 0 or date((start + age + 1) // 12, (start + age + 1) % 12 + 1, 1) - timedelta(days=1) <= self.horizon:
                row.append(int(counts.get((start, age), 0)))
                age += 1
            found[f"{start // 12:04d}-{start % 12 + 1:02d}"] = row
        return found

    def rfm(self, day: date) -> dict[tuple[int, int, int], tuple[int, int, int]]:
        """(r, f, m) → customers, orders, net 分, as of a day."""
        ever = self.bought[self.bought["day"] <= day]
        people = ever.groupby("customer").agg(orders=("order_id", "size"), paid=("paid_fen", "sum"), latest=("day", "max"))
        back = self.given_back(date(1900, 1, 1), day).dropna(subset=["customer"]).groupby("customer")["amount_fen"].sum()
        people["money"] = people["paid"] - back.reindex(people.index).fillna(0).astype(np.int64)
        size = len(people)

        def score(column: pd.Series) -> pd.Series:
            below = column.rank(method="min").astype(np.int64) - 1
            return 1 + below * 5 // size

        people["r"], people["f"], people["m"] = (
            score(people["latest"].map(date.toordinal)),
            score(people["orders"]),
            score(people["money"]),
        )
        cells = people.groupby(["r", "f", "m"]).agg(people=("orders", "size"), orders=("orders", "sum"), money=("money", "sum"))
        return {
            tuple(int(x) for x in cell): tuple(int(x) for x in row)
            for cell, row in zip(cells.index, cells.to_numpy(), strict=True)
        }  # type: ignore[misc]

    def split(self, key: str, column: str, first: date, last: date) -> dict[Any, Pair]:
        """A number of orders for each value of a column of the orders (and their refunds, by their order's)."""
        of_order = dict(zip(self.orders["order_id"], self.orders[column], strict=True))
        found = {}
        for value in sorted(set(self.orders[column]) | ({"unknown"} if column == "channel" else {""})):
            other = "unknown" if column == "channel" else ""
            refunds = keep(self.refunds, (of_order.get(o, other) == value for o in self.refunds["order_id"]))
            part = Plain(
                self.orders[self.orders[column] == value],
                keep(self.lines, (of_order.get(o) == value for o in self.lines["order_id"])),
                refunds,
                self.horizon,
            )
            found[value] = part._conversion(first, last)[key]
        return found


Check = Callable[[str, Pair, Pair], None]


def same(key: str, mine: Pair, theirs: Pair) -> None:
    """Counts and money to the last one, quotients to 1e-12; nothing and zero are the same of a sum of nothing."""
    for a, b in zip(mine, theirs, strict=True):
        x, y = (0.0 if v is None or v != v else float(v) for v in (a, b))
        if x.is_integer() and y.is_integer():
            assert x == y, f"{key}: {mine} is not {theirs}"
        else:
            assert abs(x - y) <= 1e-12 * max(1.0, abs(y)), f"{key}: {mine} is not {theirs}"
