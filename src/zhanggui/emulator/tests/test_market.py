"""Is it a market one could believe? Figures over eighteen months, each held between bounds a shop of this kind could have.

What is tested here is the sum of many draws, never one of them: who comes back and how soon, which way in sells, what a season does, what is
earned on a sale, whom sharers bring, who stays in a group. Numbers are printed by `pytest -s`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from zhanggui.emulator.market.words import CH, CHANNELS, DAY, KIND_OF, date_of, day_number
from zhanggui.emulator.shopworld import World
from zhanggui.emulator.testing import ANCHOR


@pytest.fixture(scope="module")
def world():
    w = World(20260101, ANCHOR, orders=12_000, days=548)
    w.run_history()
    return w


@pytest.fixture(scope="module")
def paid(world):
    return world.orders["t_pay"] <= world.now


@pytest.fixture(scope="module")
def purchases(world, paid):
    """The times (s) of each buyer's paid orders, sorted."""
    times = defaultdict(list)
    for person, at in zip(world.orders["person"][paid].tolist(), world.orders["t_pay"][paid].tolist(), strict=True):
        times[person].append(at)
    return {who: sorted(t) for who, t in times.items()}


def share(name, value, low, high):
    print(f"{name}: {value:.3f}")
    assert low <= value <= high, name


def test_people_come_back_at_a_rhythm_of_their_own(world, purchases):
    again = {}
    for days in (30, 90, 365):
        old = [t for t in purchases.values() if t[0] <= world.now - days * DAY]
        again[days] = sum(len(t) > 1 and t[1] - t[0] <= days * DAY for t in old) / len(old)
        print(f"repurchase in {days} d: {again[days]:.3f} of {len(old)}")
    assert 0.2 < again[30] < 0.45
    assert again[30] < again[90] < again[365] < 0.8
    assert again[90] - again[30] > again[365] - again[90] - 0.05, "most who return do so early"
    gaps = {who: np.diff(t) / DAY for who, t in purchases.items() if len(t) >= 4}
    middle = np.array([np.median(g) for g in gaps.values()])
    share("median interval, days", float(np.median(np.concatenate(list(gaps.values())))), 7, 35)
    assert np.quantile(middle, 0.9) > 3 * np.quantile(middle, 0.1), "the quick and the slow differ"
    first, second = np.array([(np.mean(g[: len(g) // 2]), np.mean(g[len(g) // 2 :])) for g in gaps.values()]).T
    share("a person's early and late intervals go together", float(np.corrcoef(np.log(first), np.log(second))[0, 1]), 0.1, 0.9)


def test_ways_in_differ_as_one_knows_them(world, paid):
    o, v = world.orders, world.visits
    conversion = {c: float((paid & (o["channel"] == i)).sum() / (v["channel"] == i).sum()) for c, i in CH.items()}
    print(conversion)
    share("conversion", float(paid.sum() / len(v)), 0.06, 0.2)
    assert conversion["ads"] < conversion["search"] < conversion["group"]
    assert conversion["video"] < conversion["chat"]
    kind = np.array([KIND_OF[c] for c in CHANNELS])[world.people["channel"]]
    spent = world.people["spent"]
    share("ARPU private over public", float(spent[kind == "private"].mean() / spent[kind == "public"].mean()), 1.1, 3.0)
    share("put into the cart", float((v["carts"] > 0).mean()), 0.08, 0.3)
    share("paid of orders", float(paid.mean()), 0.8, 0.95)


def test_baskets_margins_and_refunds_are_those_of_a_food_shop(world, paid):
    o, lines, skus = world.orders, world.lines, world.skus
    mine = paid[lines["order"]]
    cost = float((skus["cost"][lines["sku"]].astype(np.int64) * lines["count"])[mine].sum())
    share("gross margin", 1 - cost / float(lines["paid"][mine].sum()), 0.4, 0.7)
    assert (skus["cost"] > 0).all() and (skus["cost"] < skus["price"]).all()
    share("basket, yuan", float(o["price"][paid].mean()) / 100, 50, 130)
    share("products per order", float(o["lines"][paid].mean()), 1.1, 2.0)
    back = world.aftersales
    done = (back["outcome"] == 0) & (back["t_end"] <= world.now)
    share("orders with a refund", len(np.unique(back["order"][done])) / float(paid.sum()), 0.02, 0.08)
    share("orders with a coupon", float((o["coupon"][paid] > 0).mean()), 0.05, 0.5)
    cheap = np.argsort(world.people["elastic"])
    n = len(cheap) // 4
    buys = world.people["orders"]
    used = np.bincount(o["person"][paid], o["coupon"][paid] > 0, len(cheap))
    calm, keen = cheap[:n], cheap[-n:]
    calm_use, keen_use = used[calm].sum() / buys[calm].sum(), used[keen].sum() / buys[keen].sum()
    assert keen_use > calm_use, "who minds prices uses coupons"


def test_seasons_and_festivals_show(world, paid):
    lines = world.lines
    months = defaultdict(Counter)
    season = np.array([p.season for p in world.products])[world.skus["product"][lines["sku"]]]
    for row in np.flatnonzero(paid[lines["order"]]).tolist():
        at = float(world.orders["t_pay"][lines["order"][row]])
        months[str(season[row])][date_of(day_number(at)).month] += 1
    for name, wanted in (("moon", {9, 10}), ("dragon", {5, 6}), ("spring", {1, 2})):
        total = sum(months[name].values())
        assert total > 30, name
        share(f"{name} in {wanted}", sum(months[name][m] for m in wanted) / total, 0.6, 1.0)
    winter = months["winter"]
    assert winter[12] + winter[1] > 2 * (winter[6] + winter[7])
    weekday = Counter((day_number(t) + 4) % 7 for t in world.orders["t_pay"][paid].tolist())
    hour = Counter(int((t + 8 * 3600) % DAY // 3600) for t in world.orders["t_pay"][paid].tolist())
    assert hour[21] > 5 * hour[4] and len(weekday) == 7


def test_sharers_bring_people_who_buy(world, paid):
    people = world.people
    invited = people["inviter"] >= 0
    buyers = people["orders"] > 0
    share("invited of all people", float(invited.mean()), 0.05, 0.5)
    per_inviter = np.bincount(people["inviter"][invited & buyers])
    share("buyers brought per successful inviter", float(per_inviter[per_inviter > 0].mean()), 1.0, 3.0)
    top = np.sort(per_inviter)[::-1]
    assert top[: max(1, len(np.flatnonzero(top)) // 10)].sum() / top.sum() > 0.15, "a few bring many"
    assert (world.people["t_first"][people["inviter"][invited]] <= people["t_first"][invited]).all(), (
        "nobody is brought by one not yet there"
    )


def test_groups_keep_most_and_lose_some(world):
    m = world.members
    joined = m["t_join"] <= world.now - 30 * DAY
    stay = (m["t_leave"] - m["t_join"])[joined]
    share("still in the group next day", float((stay > DAY).mean()), 0.6, 0.9)
    share("still in the group after a month", float((stay > 30 * DAY).mean()), 0.4, 0.8)
    assert len(np.unique(m["group"])) == len(world.groups) > 3


def test_the_shop_grows_without_leaps_and_lives_on_every_day(world, paid):
    days = Counter(day_number(t) for t in world.orders["t_pay"][paid].tolist())
    last = day_number(world.now)
    assert all(days[d] for d in range(world.first_day, last)), "no day without an order"
    quarter = [sum(days[d] for d in range(last - 90 * (k + 1), last - 90 * k)) for k in range(6)][::-1]
    print(quarter)
    assert all(0.7 < b / a < 1.8 for a, b in pairwise(quarter)), "a young shop grows from quarter to quarter"
