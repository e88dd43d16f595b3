"""What the doctor says of a house, look by look; a look that fails is a finding too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from zhanggui.doors.cli import doctor
from zhanggui.doors.cli.doctor import Finding
from zhanggui.doors.cli.worker import ALIVE, with_sign_of_life
from zhanggui.facts.models import Connection, Shop, SyncState
from zhanggui.kernel import vault
from zhanggui.kernel.models import Grant, Job, Role, Tick, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Path:
    settings.HOME, settings.LAKE, settings.FILES = tmp_path, tmp_path / "lake", tmp_path / "files"
    return tmp_path


def states(found: Iterator[Finding]) -> list[str]:
    return [f.state for f in found]


def one(found: Iterator[Finding]) -> Finding:
    (finding,) = found
    return finding


def test_a_worker_that_lives_is_seen_and_one_that_died_is_missed() -> None:
    assert one(doctor.background()).state == "warn"
    with_sign_of_life(None)()
    assert one(doctor.background()).state == "ok"
    Tick.objects.filter(name=ALIVE).update(last_at=datetime.now(UTC) - timedelta(minutes=3))
    assert one(doctor.background()).state == "warn"
    Job.objects.create(name="x", run_at=datetime.now(UTC) - timedelta(minutes=11))
    finding = one(doctor.background())
    assert finding.state == "bad"
    assert "zhanggui" in finding.remedy


def test_a_sign_of_life_is_given_every_ten_seconds_and_the_beat_always(monkeypatch: pytest.MonkeyPatch) -> None:
    from zhanggui.doors.cli import worker

    now, beats = [100.0], []
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])
    both = with_sign_of_life(lambda: beats.append(now[0]))
    marks = []
    for _ in range(25):
        both()
        marks.append(Tick.objects.get(name=ALIVE).last_at)
        now[0] += 1
    assert len(set(marks)) == 3
    assert len(beats) == 25


def test_failed_work_is_named() -> None:
    with_sign_of_life(None)()
    Job.objects.create(name="x", run_at=datetime.now(UTC), state="dead", error="没有填写密钥", finished_at=datetime.now(UTC))
    assert "没有填写密钥" in list(doctor.background())[-1].message


def test_pushes_that_wait_beside_the_database_are_named(home: Path) -> None:
    assert list(doctor.pushes_beside()) == []
    (home / "inbox").mkdir()
    for name in ("1-a.push", "1-b.push", "1-c.unreadable"):
        (home / "inbox" / name).write_bytes(b"x")
    os.utime(home / "inbox" / "1-a.push", (1, 1))
    waiting, spoilt = doctor.pushes_beside()
    assert "1 条" in waiting.message
    assert (spoilt.state, "1 条" in spoilt.message) == ("bad", True)


def test_a_house_without_an_owner_is_ill() -> None:
    assert one(doctor.people()).state == "warn"
    user = User.objects.create_user("wang", password="x")
    assert one(doctor.people()).state == "bad"
    Grant.objects.create(user=user, shop_id=1, role=Role.OWNER)
    assert one(doctor.people()).state == "ok"
    User.objects.update(is_active=False)
    assert one(doctor.people()).state == "bad"


def test_accounts_say_what_ails_them_and_nothing_secret() -> None:
    assert states(doctor.connections()) == ["warn"]
    shop = Shop.objects.create(name="小店")
    assert states(doctor.connections()) == ["warn"]
    row = Connection.objects.create(
        shop=shop, kind="store", account_id="wx1", callback_key="k", state="failing", message="IP 不在白名单", refused_pushes=3,
        secret_sealed=vault.seal("the secret", shop_id=shop.pk),
    )  # fmt: skip
    SyncState.objects.create(shop=shop, connection=row, stream="orders", state="failed", message="平台忙")
    account, stream = doctor.connections()
    assert (account.state, stream.state) == ("bad", "bad")
    assert "IP 不在白名单" in account.message
    assert "拒收推送 3 次" in account.message
    assert "the secret" not in account.message + account.remedy


def test_content_that_the_key_does_not_open_is_noticed(settings: Any) -> None:
    shop = Shop.objects.create(name="小店")
    Connection.objects.create(
        shop=shop, kind="store", account_id="wx1", callback_key="k", secret_sealed=vault.seal("s", shop_id=shop.pk)
    )
    assert states(doctor.database()) == ["ok"]
    settings.VAULT_KEY = "another"
    assert states(doctor.database()) == ["ok", "bad"]


def test_keys_that_others_may_read_are_noticed(home: Path) -> None:
    (home / "keys").mkdir()
    key = home / "keys" / "vault"
    key.write_text("k")
    key.chmod(0o644)
    assert states(doctor.keys()) == ["bad", "ok"]
    key.chmod(0o600)
    assert states(doctor.keys()) == ["ok"]


@pytest.mark.parametrize(
    ("url", "demo", "state"),
    [("", False, "warn"), ("http://a.cn", False, "warn"), ("https://a.cn", False, "ok"), ("http://127.0.0.1:8000", True, "ok")],
)
def test_the_push_address(settings: Any, url: str, demo: bool, state: str) -> None:
    settings.PUBLIC_URL, settings.DEMO = url, demo
    assert one(doctor.public_address()).state == state


def test_a_spoilt_lake_is_named_with_what_to_do(home: Path) -> None:
    assert one(doctor.lake()).state == "ok"
    (home / "lake").mkdir()
    (home / "lake" / "a.parquet").write_bytes(b"torn")
    finding = one(doctor.lake())
    assert finding.state == "bad"
    assert "a.parquet" in finding.message


def test_a_look_that_fails_itself_is_a_finding() -> None:
    def broken() -> Iterator[Finding]:
        raise ZeroDivisionError("oh")
        yield

    finding = one(doctor.guarded("数据湖", broken))
    assert (finding.about, finding.state) == ("数据湖", "bad")
    assert "ZeroDivisionError" in finding.message
