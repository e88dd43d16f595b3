"""What leads to what: no migration is forgotten, every name in the switchboard is somebody's, every job has a word on screen."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command

from zhanggui.kernel import jobs, outbox
from zhanggui.kernel.models import Job
from zhanggui.switchboard import schedule

CJK = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.django_db
def test_no_migration_is_forgotten() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_everything_scheduled_has_a_handler_and_a_word() -> None:
    known = jobs.handlers()
    for entry in schedule.SCHEDULE:
        assert entry.name in known, entry.name
        assert CJK.search(entry.about), entry.name


def test_every_reaction_is_to_an_event_that_somebody_announces() -> None:
    from zhanggui.doors.cli.docs import ROOT

    text = "".join(
        p.read_text("utf-8")
        for p in (ROOT / "src/zhanggui").rglob("*.py")
        if "switchboard" not in p.parts and "tests" not in p.parts
    )
    for event in outbox.reactions():
        assert re.search(rf"""["']{re.escape(event)}["']|class {re.escape(event)}\b""", text), event


def test_every_job_has_a_word_on_screen() -> None:
    from zhanggui.doors.desk.records import job_name

    for name in jobs.handlers():
        assert CJK.search(job_name(Job(name=name, args={}))), name
