"""The funnel: which step leaks, which became worse, which segment drags, and when too few people say nothing."""

from __future__ import annotations

import html
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from zhanggui.doors.desk import funnel, paging
from zhanggui.doors.desk.funnel import Step, drags, leak, steps_of, unripe_days
from zhanggui.doors.desk.tests import numbers
from zhanggui.facts.tests.world import random_world
from zhanggui.kernel import policy_store
from zhanggui.kernel.models import Grant, Role
from zhanggui.metrics import commands, queries
from zhanggui.metrics.queries import FunnelPart, stages_of

RULES = {"smallest": 30, "drop": 0.2, "chance": 0.05}


def words(text: str) -> str:
    """HTML as a person reads it: no tags, single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def steps(now: tuple[int, ...], before: tuple[int, ...] = (0, 0, 0, 0)) -> list[Step]:
    """The ways between the stages of these two funnels."""
    return steps_of(stages_of(now), stages_of(before))


# ── which step ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("now", "before", "kind", "step"),
    [
        ((1000, 200, 150, 140), (1000, 200, 150, 140), "most", "add_to_cart"),  # nothing moved: the largest loss
        ((1000, 200, 100, 90), (1000, 200, 150, 135), "worse", "order"),  # half of the carts order, three quarters did
        ((1000, 200, 125, 115), (1000, 200, 150, 138), "most", "add_to_cart"),  # a sixth worse: under the policy's fifth
        ((100, 20, 10, 9), (100, 20, 15, 14), "most", "add_to_cart"),  # a third worse, of twenty carts: may be chance
        ((1000, 200, 190, 60), (1000, 250, 190, 170), "worse", "pay"),  # two became worse: the one that did most
        ((1000, 200, 150, 140), (0, 0, 0, 0), "most", "add_to_cart"),  # nothing to compare with
        ((29, 20, 10, 5), (1000, 500, 300, 200), "few", None),  # under thirty people nothing is said
        ((30, 3, 1, 0), (0, 0, 0, 0), "most", "add_to_cart"),  # thirty are enough
        ((0, 0, 0, 0), (0, 0, 0, 0), "few", None),
    ],
)  # fmt: skip
def test_the_step_to_look_at_first(now, before, kind, step):
    found = leak(steps(now, before), **RULES)
    assert (found.kind, found.step.key if found.step else None) == (kind, step)


def test_how_much_worse_is_told_in_proportion():
    found = leak(steps((1000, 200, 100, 90), (1000, 200, 150, 135)), **RULES)
    assert found.relative == pytest.approx(1 / 3)
    assert found.step and (found.step.rate, found.step.rate_before, found.step.lost) == (0.5, 0.75, 100)


def test_people_who_still_have_time_are_no_reason_to_call_a_step_worse():
    now, before = (1000, 200, 100, 90), (1000, 200, 150, 135)
    assert leak(steps(now, before), **RULES, ripe=False).kind == "most"


@pytest.mark.parametrize(
    ("days", "back", "window", "unripe"), [(30, 0, 7, 7), (7, 0, 7, 7), (30, 7, 7, 0), (30, 3, 7, 4), (3, 0, 7, 3), (30, 90, 7, 0)]
)  # fmt: skip
def test_the_last_days_are_still_inside_the_window(days, back, window, unripe):
    ends = numbers.yesterday()
    period = paging.Period(numbers.ago(back + days - 1), numbers.ago(back), "own", ends)
    assert unripe_days(period, window) == unripe


# ── which segment ────────────────────────────────────────────────────────


def part(name: str, *levels: int) -> FunnelPart:
    """The funnel of a segment."""
    return FunnelPart(name, name, stages_of(levels))


def test_a_segment_drags_only_beyond_chance_and_with_people_on_both_sides():
    parts = [
        part("搜一搜", 1000, 400, 300, 280),
        part("微信广告", 1000, 100, 75, 70),
        part("直播", 20, 0, 0, 0),
        part("群", 100, 38, 29, 27),
    ]
    found = drags(parts, smallest=30, chance=0.05)
    assert [(d.segment, d.step) for d in found] == [("微信广告", "浏览→加购")]
    assert (found[0].rate, found[0].others) == (0.1, pytest.approx(438 / 1120))


def test_the_segment_that_costs_most_people_comes_first():
    parts = [part("大", 5000, 1000, 800, 700), part("中", 1000, 100, 80, 70), part("小", 200, 10, 8, 7)]
    assert [d.segment for d in drags(parts, smallest=30, chance=0.05)] == ["中", "小"]


def test_one_segment_alone_drags_nobody():
    assert drags([part("搜一搜", 1000, 10, 5, 1)], smallest=30, chance=0.05) == []
    assert drags([], smallest=30, chance=0.05) == []


# ── the page ─────────────────────────────────────────────────────────────

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(mine):
    """Two funnels of thirty days: half of the carts order, before that three quarters did."""
    numbers.observed(mine.shop, "behaviour")
    numbers.funnel(mine.shop, 0, (1000, 200, 100, 90))
    numbers.funnel(mine.shop, 1, (1000, 200, 150, 135))
    return mine.shop


def test_the_page_shows_every_step_with_what_is_lost_and_what_was_before(stored, client, url):
    page = client.get(url("funnel"))
    text = words(page.content.decode())
    assert "浏览商品 1,000 人" in text and "加入购物车 200 人 · 20.0%" in text and "支付 90 人 · 9.0%" in text
    assert "50.0% 走下去 少了 100 人 · 上期 75.0%（降 25.0 个百分点）" in text
    assert re.findall(r'class="barr" width="([\d.]+)%"', page.content.decode()) == ["100.00", "20.00", "10.00", "9.00"]


def test_the_step_that_became_worse_is_marked_in_words_on_top(stored, client, url):
    page = client.get(url("funnel"))
    text = words(page.content.decode())
    assert "加购→下单变差了：只剩 50.0%，比上期低了 33%" in text
    assert "200 人里有 100 人没有走下去；上期是 75.0%，这样的差别不像偶然。" in text
    marked = re.findall(r'<li class="way leak">.*?</li>', page.content.decode(), re.S)
    assert len(marked) == 1 and "先看这一步" in marked[0]
    assert f'href="{url("metric", "conversion.cart_to_order")}"' in page.content.decode()


def test_a_stricter_policy_makes_it_a_plain_loss(stored, client, url):
    policy_store.override(stored.pk, "conversion.stage_drop", 0.5, "laoban", "波动大")
    text = words(client.get(url("funnel")).content.decode())
    assert "变差了" not in text and "最大的流失在浏览→加购：100 人里只有 20 人走下去" in text


def test_too_few_people_are_told_as_too_few(mine, client, url):
    numbers.observed(mine.shop, "behaviour")
    numbers.funnel(mine.shop, 0, (20, 10, 5, 5))
    text = words(client.get(url("funnel")).content.decode())
    assert "人还太少，看不出哪一步有问题" in text and "每一步至少要有 30 个人走到" in text and "人少，仅供参考" in text


def test_a_short_period_says_that_people_still_have_time(stored, client, url):
    for back in (0, 1):
        numbers.point(
            stored,
            "conversion.funnel",
            numbers.ago(7 * back + 6),
            100,
            100,
            grain="last7",
            dimension="stage",
            segment="product_view",
        )
    text = words(client.get(url("funnel"), {"days": "7"}).content.decode())
    assert "最近 7 天来的人还在窗口里" in text and "变差了" not in text


def test_the_window_is_a_policy_and_leads_to_it(stored, client, url):
    page = client.get(url("funnel")).content.decode()
    assert f'<a href="{url("policy", "conversion.funnel_days")}">7 天</a>' in page
    policy_store.override(stored.pk, "conversion.funnel_days", 14, "laoban", "贵货要想很久")
    assert ">14 天</a>" in client.get(url("funnel")).content.decode()


def test_without_behaviour_the_page_says_what_to_connect(mine, client, as_, url):
    assert "还没有任何数据" in words(client.get(url("funnel")).content.decode())
    numbers.observed(mine.shop, "orders")
    page = client.get(url("funnel"))
    assert "没有行为日志，无法计算购买漏斗" in words(page.content.decode()) and 'class="funnel"' not in page.content.decode()
    assert f'<a class="btn primary" href="{url("connections")}">' in page.content.decode()
    assert 'class="btn primary"' not in as_(Role.ANALYST).get(url("funnel")).content.decode()


@pytest.mark.parametrize("query", [{"by": "weather"}, {"days": "0"}, {"from": "x"}])
def test_what_nobody_can_mean_is_refused(query, stored, client, url):
    assert client.get(url("funnel"), query).status_code == 400


@pytest.fixture
def lively(owner):
    """A made-up shop whose numbers were computed."""
    world = random_world(5, people=60, days=60)
    Grant.objects.create(user=owner, shop_id=world.shop.pk, role=Role.OWNER)
    commands.refresh(world.shop.pk)
    return world.shop


@pytest.mark.parametrize("by", ["channel", "product_id", "tier", "device", "is_new"])
def test_it_can_be_split(by, lively, client):
    page = client.get(f"/s/{lively.pk}/funnel", {"by": by, "days": "60"})
    found = queries.funnel(lively.pk, *_days(page), by)
    told = re.search(r'<table class="tight parts">.*?</table>', page.content.decode(), re.S)
    assert told and found.parts
    rows = [
        [words(c) for c in re.findall(r"<td[^>]*>(.*?)</td>", r, re.S)]
        for r in re.findall(r"<tr[^>]*>(.*?)</tr>", told[0].split("<tbody>")[1], re.S)
    ]
    assert [r[1] for r in rows] == [f"{p.stages[0].people:,}" for p in found.parts[: funnel.SHOWN_PARTS]]
    assert rows[0][0].startswith(found.parts[0].name)
    last = found.parts[0].stages[-1].from_first
    assert rows[0][-1] == (f"{last * 100:.1f}%" if last is not None else "—")
    assert re.search(rf'<a class="chip" href="[^"]*by={by}[^"]*" aria-current="true">', page.content.decode())


def _days(page) -> tuple:
    from datetime import date

    found = re.findall(r'<input type="date" name="(?:from|to)" value="([\d-]+)"', page.content.decode())
    return tuple(date.fromisoformat(d) for d in found)


def test_the_page_asks_little(stored, client, url):
    client.get(url("funnel"))
    with CaptureQueriesContext(connection) as seen:
        client.get(url("funnel"))
    assert len(seen) <= 28
