"""经营标准: shown with where they come from, changed with a reason within their range, returned to the default."""

from __future__ import annotations

import pytest

from zhanggui.doors.desk.policies import rows_for
from zhanggui.doors.desk.tests import house
from zhanggui.kernel import policy_store
from zhanggui.kernel.models import AuditEntry, PolicyOverride, Role
from zhanggui.metrics.policy import CustomerPolicy, TrafficPolicy

pytestmark = pytest.mark.django_db
BOUNCE, COST, DAYS = "traffic.bounce_high", "traffic.cost_high", "customers.silent_days"


def test_every_declared_value_is_shown_with_its_source(mine, client, url):
    page = client.get(url("policies")).content.decode()
    rows = rows_for(mine.shop.pk)
    assert len(rows) >= 10
    for row in rows.values():
        assert url("policy", row.key) in page and row.now in page, row.key
        one = client.get(url("policy", row.key)).content.decode()
        assert row.source in one and row.default_words in one, row.key


@pytest.mark.parametrize(
    ("key", "typed", "kept"),
    [
        (BOUNCE, "45", 0.45),
        (BOUNCE, "45.5%", 0.455),
        (BOUNCE, " ４５ ％ ", 0.45),
        (BOUNCE, "0", 0.0),
        (BOUNCE, "100", 1.0),
        (COST, "35.50", 3550),
        (COST, "1,200 元", 120000),
        (COST, "0", 0),
        (DAYS, "45", 45),
        (DAYS, "45 天", 45),
        (DAYS, "1", 1),
        (DAYS, "730", 730),
    ],
)
def test_what_is_typed_is_kept_in_the_houses_units(key, typed, kept, mine, client, url):
    answer = client.post(url("policy", key), {"value": typed, "why": "按我店的情况"})
    assert answer.status_code == 302, answer.content.decode()
    row = PolicyOverride.objects.get(shop_id=mine.shop.pk, key=key)
    assert (row.value, row.by, row.why) == (kept, "laoban", "按我店的情况")
    page = client.get(url("policy", key)).content.decode()
    assert "本店自定" in page and "按我店的情况" in page


@pytest.mark.parametrize(
    ("key", "typed", "words"),
    [
        (BOUNCE, "101", "0% 到 100%"),
        (BOUNCE, "-1", "0% 到 100%"),
        (BOUNCE, "很高", "不是数字"),
        (BOUNCE, "", "不是数字"),
        (BOUNCE, "nan", "太大"),
        (BOUNCE, "inf", "太大"),
        (COST, "-0.01", "¥0.00 到 不限"),
        (COST, "1.234", "最多到分"),
        (COST, "1e999999999", "太大"),
        (DAYS, "0", "1 天 到 730 天"),
        (DAYS, "731", "1 天 到 730 天"),
        (DAYS, "30.5", "整数"),
        (DAYS, "<script>alert(1)</script>", "不是数字"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(key, typed, words, mine, client, url):
    before = house.everything()
    answer = client.post(url("policy", key), {"value": typed, "why": "试试"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert words in page
    assert "<script>alert" not in page
    assert house.everything() == before


def test_a_change_needs_a_reason(mine, client, url):
    before = house.everything()
    answer = client.post(url("policy", DAYS), {"value": "45", "why": "  "})
    assert answer.status_code == 400 and "为什么改" in answer.content.decode()
    assert 'value="45"' in answer.content.decode()  # what was typed is still there
    assert house.everything() == before


def test_the_default_comes_back_and_the_history_stays(mine, client, url):
    client.post(url("policy", DAYS), {"value": "45", "why": "低频"})
    client.post(url("policy", DAYS), {"value": "60", "why": "更低频"})
    assert policy_store.current(CustomerPolicy, mine.shop.pk).silent_days == 60
    assert client.post(url("policy", DAYS), {"do": "reset"}).status_code == 302
    assert policy_store.current(CustomerPolicy, mine.shop.pk).silent_days == 30
    page = client.get(url("policy", DAYS)).content.decode()
    history = page.split("改动历史")[1]
    assert history.index("恢复默认") < history.index("60 天") < history.index("45 天")
    assert 'value="reset"' not in page
    assert AuditEntry.objects.filter(verb="policy.override", shop_id=mine.shop.pk).count() == 3


def test_another_shop_keeps_its_own(mine, other, client, url):
    client.post(url("policy", BOUNCE), {"value": "45", "why": "x"})
    assert policy_store.current(TrafficPolicy, mine.shop.pk).bounce_high == 0.45
    assert policy_store.current(TrafficPolicy, other.shop.pk).bounce_high == 0.6


def test_who_may_not_change_sees_no_form_and_is_refused(mine, as_, url):
    browser = as_(Role.ANALYST)
    page = browser.get(url("policy", DAYS)).content.decode()
    assert "你的角色只能查看" in page and 'name="value"' not in page
    before = house.everything()
    for sent in ({"value": "45", "why": "x"}, {"do": "reset"}):
        assert browser.post(url("policy", DAYS), sent).status_code == 403
    assert house.everything() == before


def test_a_standard_that_does_not_exist_is_not_found(client, url):
    assert client.get(url("policy", "customers.nothing")).status_code == 404
    assert client.post(url("policy", "customers.nothing"), {"value": "1", "why": "x"}).status_code == 404


def test_a_threshold_leads_to_the_number_it_judges(client, url):
    page = client.get(url("policy", BOUNCE)).content.decode()
    assert url("metric", "traffic.bounce_rate") in page and "跳出率" in page
