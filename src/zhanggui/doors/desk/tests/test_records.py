"""Background work: what runs, what failed, and trying it again."""

from __future__ import annotations

import re

import pytest

from zhanggui.doors.desk.records import JOBS, job_name
from zhanggui.doors.desk.tests import house
from zhanggui.kernel import clock, jobs
from zhanggui.kernel.models import AuditEntry, Job, Role

pytestmark = pytest.mark.django_db


def test_every_job_has_a_name_on_screen():
    tests_own = {name for name in jobs.handlers() if name.startswith(("test", "drill"))}
    assert set(jobs.handlers()) - tests_own == set(JOBS)


def test_a_sync_says_of_what():
    assert job_name(Job(name="facts.sync", args={"stream": "orders"})) == "同步平台数据：订单"
    assert job_name(Job(name="facts.sync", args={"stream": "gone"})) == "同步平台数据"
    assert job_name(Job(name="unheard.of", args={})) == "unheard.of"


def test_the_list_tells_states_progress_and_reasons(mine, other, client, url):
    now = clock.now()
    Job.objects.create(
        name="metrics.refresh",
        shop_id=mine.shop.pk,
        run_at=now,
        state="running",
        progress_done=3,
        progress_total=9,
        progress_note="算到七月",
    )
    Job.objects.create(name="facts.sync", args={"stream": "orders"}, shop_id=mine.shop.pk, run_at=now, state="ready")
    page = client.get(url("jobs")).content.decode()
    assert "坏了 A" in page and "坏了 B" not in page
    assert 'max="9" value="3"' in page and "算到七月" in page and "同步平台数据：订单" in page
    assert 'hx-trigger="every 3s"' in page
    failed = client.get(url("jobs") + "?state=dead").content.decode()
    assert "坏了 A" in failed and "算到七月" not in failed


def test_when_nothing_is_under_way_the_page_is_still(mine, client, url):
    assert "hx-trigger" not in client.get(url("jobs")).content.decode().split("<main")[1]


def test_a_failed_job_is_tried_again_once_and_written_down(mine, as_, url):
    target = url("job-retry", mine.job.pk)
    assert as_(Role.ANALYST).post(target).status_code == 403
    mine.job.refresh_from_db()
    assert mine.job.state == "dead"
    operator = as_(Role.OPERATOR)
    assert operator.post(target)["Location"] == url("jobs")
    mine.job.refresh_from_db()
    assert (mine.job.state, mine.job.attempts, mine.job.error) == ("ready", 0, "")
    assert AuditEntry.objects.get(verb="job.retry").actor == "operator-er"
    before = house.everything()
    assert operator.post(target).status_code == 409
    assert house.everything() == before


def test_a_job_whose_twin_is_alive_is_not_tried_again(mine, client, url):
    Job.objects.filter(pk=mine.job.pk).update(unique_key="import:1")
    Job.objects.create(name="import_file", shop_id=mine.shop.pk, run_at=clock.now(), unique_key="import:1")
    before = house.everything()
    assert client.post(url("job-retry", mine.job.pk)).status_code == 409
    assert house.everything() == before


def test_an_error_shows_its_last_line_only_and_escaped(mine, client, url):
    Job.objects.filter(pk=mine.job.pk).update(error="Traceback\n  File secret\nValueError: <b>oops</b>")
    page = client.get(url("jobs")).content.decode()
    assert "ValueError: &lt;b&gt;oops" in page and "File secret" not in page


def test_who_may_not_retry_sees_no_button(mine, as_, url):
    assert url("job-retry", mine.job.pk) not in as_(Role.ANALYST).get(url("jobs")).content.decode()
    assert url("job-retry", mine.job.pk) in as_(Role.OPERATOR).get(url("jobs")).content.decode()
    assert re.search("重试", as_(Role.OPERATOR).get(url("jobs")).content.decode())
