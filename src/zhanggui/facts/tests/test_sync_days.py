"""Figures per day: every day the platform has, when it has them, corrected when it corrects them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from zhanggui.emulator.testing import small
from zhanggui.facts import sync
from zhanggui.facts.models import DailyVisit, LakeDirty, PageDaily, Read, Record, Shop, Spend
from zhanggui.facts.sync import days
from zhanggui.facts.sync.ads import spend_of
from zhanggui.facts.sync.stream import Days
from zhanggui.kernel import clock
from zhanggui.kernel.models import Job
from zhanggui.wechat import errors
from zhanggui.wechat.mini_program import MiniProgramClient
from zhanggui.wechat.schemas.ads import AdsReportRow

pytestmark = pytest.mark.django_db
MINI = ("mini_visits", "mini_depth", "mini_summary", "mini_pages", "mini_retention")


def span(day: date) -> dict[str, str]:
    return {"begin_date": f"{day:%Y%m%d}", "end_date": f"{day:%Y%m%d}"}


def test_a_mini_program_s_days_are_as_the_platform_says(platform):
    platform.connect("mini")
    platform.sync()

    last, first = clock.today() - timedelta(days=1), clock.today() - timedelta(days=40)
    assert {s.name: s.state for s in sync.overview(platform.shop.pk).streams} == dict.fromkeys(MINI, "idle")
    assert set(DailyVisit.objects.filter(sessions__gt=0).values_list("day", flat=True)) == set(clock.days(first, last))
    for day in (first, date(2026, 3, 1), last):
        row = DailyVisit.objects.get(day=day)
        trend = platform.emu.call("/datacube/getweanalysisappiddailyvisittrend", span(day), "mini")["list"][0]
        total = platform.emu.call("/datacube/getweanalysisappiddailysummarytrend", span(day), "mini")["list"][0]
        spread = platform.emu.call("/datacube/getweanalysisappidvisitdistribution", span(day), "mini")["list"]
        stayed = platform.emu.call("/datacube/getweanalysisappiddailyretaininfo", span(day), "mini")
        assert (row.sessions, row.page_views, row.visitors, row.new_visitors) == (
            trend["session_cnt"], trend["visit_pv"], trend["visit_uv"], trend["visit_uv_new"],
        )  # fmt: skip
        assert (row.visit_depth, row.stay_seconds_per_session) == (trend["visit_depth"], trend["stay_time_session"])
        assert (row.total_visitors, row.share_views, row.share_visitors) == (
            total["visit_total"], total["share_pv"], total["share_uv"],
        )  # fmt: skip
        named = {part["index"]: {str(i["key"]): i["value"] for i in part["item_list"]} for part in spread}
        assert row.depth == named["access_depth_info"] and row.sources == named["access_source_session_cnt"]
        assert row.retention["new"] == {str(i["key"]): i["value"] for i in stayed["visit_uv_new"]}
        pages = platform.emu.call("/datacube/getweanalysisappidvisitpage", span(day), "mini")["list"]
        ours = {p.page: (p.views, p.visitors, p.entries, p.exits) for p in PageDaily.objects.filter(day=day)}
        assert ours == {
            p["page_path"]: (p["page_visit_pv"], p["page_visit_uv"], p["entrypage_pv"], p["exitpage_pv"]) for p in pages
        }
    assert LakeDirty.objects.filter(table="daily_visits").exists()
    state = platform.state("mini_visits")
    assert state.watermark == clock.day_start(clock.today()) and state.cursor["history"] == "done"


def test_a_new_day_is_read_once_it_is_ready_and_retention_grows(platform):
    platform.connect("mini")
    platform.sync()
    today = clock.today()
    before = DailyVisit.objects.get(day=today - timedelta(days=3)).retention["new"]
    assert set(before) == {"0", "1", "2"}
    assert sync.due() == []

    platform.advance(hours=18)  # 06:00 of the next day: the figures are never there before seven
    assert sync.due(clock.now()) == []
    platform.advance(hours=1, minutes=5)
    assert {d.stream for d in sync.due()} == set(MINI)
    asked = platform.asked("/datacube/getweanalysisappiddailyvisittrend")
    assert sync.ask_due() == 5 and sync.ask_due() == 0
    platform.work()
    assert DailyVisit.objects.get(day=today).sessions > 0
    assert set(DailyVisit.objects.get(day=today - timedelta(days=3)).retention["new"]) == {"0", "1", "2", "3"}
    # The new day and the one before; once more where the token had run out meanwhile.
    assert platform.asked("/datacube/getweanalysisappiddailyvisittrend") - asked in (2, 3)
    assert sync.due() == []


def test_not_ready_is_asked_for_again_in_an_hour(platform, monkeypatch):
    platform.connect("mini")
    platform.sync("mini_visits")
    newest = clock.today()
    visits = MiniProgramClient.visits

    async def late(self, day):
        if day == newest:
            raise errors.NotReadyYet("当天的统计还没有算好", errcode=61503)
        return await visits(self, day)

    platform.advance(hours=20)
    with monkeypatch.context() as patch:
        patch.setattr(MiniProgramClient, "visits", late)
        platform.sync("mini_visits")
    state = platform.state("mini_visits")
    assert state.state == "idle" and "还没有算好" in state.message
    assert not DailyVisit.objects.filter(day=newest).exists() and platform.job("mini_visits").state == "done"
    assert "mini_visits" not in {d.stream for d in sync.due(clock.now() + timedelta(minutes=59))}
    platform.advance(hours=1)
    assert "mini_visits" in {d.stream for d in sync.due()}
    sync.ask_due()
    platform.work()
    assert DailyVisit.objects.get(day=newest).sessions > 0


def test_a_first_run_takes_the_newest_day_there_is(platform, monkeypatch):
    yesterday = clock.today() - timedelta(days=1)
    visits = MiniProgramClient.visits

    async def late(self, day):
        if day == yesterday:
            raise errors.NotReadyYet("当天的统计还没有算好", errcode=61503)
        return await visits(self, day)

    platform.connect("mini")
    with monkeypatch.context() as patch:
        patch.setattr(MiniProgramClient, "visits", late)
        platform.sync("mini_visits")
    assert DailyVisit.objects.latest("day").day == yesterday - timedelta(days=1)
    platform.advance(hours=1)
    sync.ask_due()
    platform.work()
    assert DailyVisit.objects.latest("day").day == yesterday


def test_an_interrupted_past_goes_on(platform, monkeypatch):
    from zhanggui.kernel import jobs

    platform.connect("mini")
    sync.ask(platform.shop.pk, stream="mini_visits")
    with monkeypatch.context() as patch:
        patch.setattr(jobs.JobContext, "should_yield", lambda self: True)
        assert jobs.execute(jobs.claim("w", ["facts.sync"])[0]) == "later"
    assert DailyVisit.objects.count() == 1 and platform.state("mini_visits").state == "running"
    platform.work()
    last = clock.today() - timedelta(days=1)
    assert set(DailyVisit.objects.filter(sessions__gt=0).values_list("day", flat=True)) == set(
        clock.days(last - timedelta(days=39), last)
    )


def test_articles_grow_for_thirty_days(platform):
    platform.connect("official")
    platform.sync()
    day = max(d for d in clock.days(date(2026, 3, 1), date(2026, 3, 14)) if d.weekday() in (2, 5))
    asked = {"begin_date": day.isoformat(), "end_date": day.isoformat()}
    (article,) = platform.emu.call("/datacube/getarticletotaldetail", asked, "official")["list"]
    rows = {r.day.isoformat(): r for r in Read.objects.filter(article_id=article["msgid"])}
    assert set(rows) == {d["stat_date"] for d in article["detail_list"]}
    for detail in article["detail_list"]:
        row = rows[detail["stat_date"]]
        assert (row.readers, row.sharers, row.followers_gained) == (
            detail["read_user"], detail["share_user"], detail["read_subscribe_user"],
        )  # fmt: skip
        assert row.likes == detail["like_user"] + detail["zaikan_user"]
        assert (row.published_on, row.is_running_sum, row.title) == (day, True, article["title"])
    known = Read.objects.filter(article_id=article["msgid"]).count()
    platform.advance(days=2)
    platform.sync()
    assert Read.objects.filter(article_id=article["msgid"]).count() == known + 2


def test_ads_cost_per_day_and_ad_group(platform):
    platform.connect("ads")
    platform.sync()
    from zhanggui.emulator.hosts.ads import figures
    from zhanggui.emulator.shopworld import number_of

    last = clock.today() - timedelta(days=1)
    for day in (last, last - timedelta(days=33)):
        truth = {str(f["adgroup_id"]): f for f in figures(platform.emu.emulator, number_of(day))}
        ours = {s.campaign: s for s in Spend.objects.filter(day=day)}
        assert set(ours) == set(truth)
        for number, spend in ours.items():
            f = truth[number]
            assert (spend.cost_fen, spend.views, spend.clicks, spend.platform_orders, spend.platform_order_fen) == (
                f["cost"], f["view_count"], f["valid_click_count"], f["order_pv"], f["order_amount"],
            )  # fmt: skip
            assert (spend.channel, spend.source, spend.platform_new_customers) == ("ads", "ads", f["biz_reg_uv"])
    count = Spend.objects.count()
    platform.sync()
    assert Spend.objects.count() == count


def test_a_report_row_without_a_day_or_below_nothing_is_no_spend():
    assert spend_of(AdsReportRow.model_validate({"cost": 5})) is None
    assert spend_of(AdsReportRow.model_validate({"date": "2026-03-01", "cost": -5})) is None
    assert spend_of(AdsReportRow.model_validate({"date": "2026-03-01", "cost": 0})).cost_fen == 0


def test_money_is_read_after_sixteen_hours(platform):
    platform.connect()
    assert clock.now().astimezone(clock.SHANGHAI).hour == 12
    platform.sync("fund_flows")
    assert Record.objects.filter(stream="fund_flows").latest("day").day <= clock.today() - timedelta(days=2)
    platform.advance(hours=4, minutes=1)
    sync.ask_due()
    platform.work()
    truth = platform.emu.call(
        "/channels/ec/funds/getfundsflowlist",
        {
            "start_time": int(clock.day_start(clock.today() - timedelta(days=1)).timestamp()),
            "end_time": int(clock.day_start(clock.today()).timestamp()) - 1,
            "page": 1,
            "page_size": 100,
        },
    )["flow_ids"]
    ours = Record.objects.filter(stream="fund_flows", day=clock.today() - timedelta(days=1))
    assert set(ours.values_list("key", flat=True)) == set(truth) and truth


# -- the walk itself ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "minute", "newest"), [(6, 59, date(2026, 3, 18)), (7, 0, date(2026, 3, 19)), (23, 59, date(2026, 3, 19))]
)
def test_the_newest_day_turns_at_its_hour(hour: int, minute: int, newest: date):
    work = Days(fetch=None, record=None, ready=7, history=10)  # type: ignore[arg-type]
    now = datetime(2026, 3, 20, hour, minute, tzinfo=clock.SHANGHAI)
    assert days.newest_ready(work, now.astimezone(UTC)) == newest


def test_days_become_spans_of_neighbours():
    d = [date(2026, 3, n) for n in (1, 2, 3, 5, 6, 9)]
    assert days._spans(d, 2) == [(d[0], d[1]), (d[2], d[2]), (d[3], d[4]), (d[5], d[5])]
    assert days._spans([], 2) == []


class TestALongSilence:
    @pytest.fixture
    def platform_config(self):
        return small(orders=100, days=12)

    def test_ends_the_walk_into_the_past(self, platform, monkeypatch):
        work: Any = sync.STREAMS["compass"].work
        asked: list[date] = []

        async def nothing(client, first, last, _):
            asked.append(first)
            return

        monkeypatch.setitem(vars(work), "fetch", nothing)
        monkeypatch.setitem(vars(work), "record", lambda shop, first, last, figures: False)
        platform.connect()
        platform.sync("compass")
        assert work.quiet <= len(asked) <= work.quiet + 2 * days.ABREAST
        assert platform.state("compass").state == "idle"
        assert isinstance(platform.shop, Shop) and Job.objects.get().state == "done"
