"""The demo's shop, connected to the emulator as a real shop is to the platform: credentials, push addresses, files, and the first sync.

    connect    accounts → tested through the real client → push addresses, checked by the emulator → sync asked for → files handed in
    History    the log of past behaviour, recorded as a collector's, newest month first
    progress   how far all of that is, as one bar

Every step looks whether it is done already, so a start that was broken off goes on where it stood.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from django.conf import settings
from django.db import OperationalError

from zhanggui.doors.cli.processes import NotStarted
from zhanggui.facts import commands, files, network, sync
from zhanggui.facts.commands import connections
from zhanggui.facts.models import Connection, Customer, Event, ImportFile, Order, Shop, SyncState
from zhanggui.kernel import clock, jobs, vault
from zhanggui.kernel.models import Job
from zhanggui.metrics import work
from zhanggui.metrics.models import Watermark
from zhanggui.switchboard import chores

log = logging.getLogger("zhanggui.demo")
BY = "演示"
PUSHED = {"store": "shop", "wecom": "wecom", "official": "official", "mini": "mini"}
"""Our kind of account → the emulator's word for it, where the platform pushes."""
FILES = {"costs": ("演示-成本表.csv", "/costs"), "reviews": ("演示-评价表.csv", "/reviews?format=csv")}
"""Kind of table → its name as a merchant's file, and where the emulator gives it."""
CORRECTED: dict[str, dict[str, Any]] = {"reviews": {"at": {"column": "at"}}}
"""What a person would correct in the proposed mapping."""
_PAST = timedelta(days=3 * 365)
_MONTH = timedelta(days=31)
_BATCH = 10_000
_MONTHS, _FIRST = 18, 2
_AT_MOST, _TRIES = 120.0, 5
_WHOLE, _OF_SYNC, _OF_FILES = 1000, 700, 900
"""The bar: to 70 % the sync, to 90 % files and log, the rest the numbers."""


@dataclass(frozen=True)
class Progress:
    """How far the first start is."""

    done: int
    total: int
    note: str
    over: bool
    failed: str
    """Titles of what did not work, in one text."""


def connect(web_url: str, emulator_url: str) -> bool:
    """Brings accounts, push addresses and files in order and asks for a sync; whether a first start is (still) under way."""
    shop = the_shop()
    first = not first_start_is_over(shop)
    for kind, account_id, secrets in accounts_of(control(emulator_url, "/shop")):
        row = Connection.objects.filter(shop=shop, kind=kind, account_id=account_id).exclude(state="off").first()
        row = row or connections.connect(shop, kind, account_id, secrets, by=BY)
        if kind in PUSHED:
            register_push(row, PUSHED[kind], web_url, emulator_url)
        if row.state != "ok":
            examine(row)
    sync.ask(shop.pk)
    now = float(control(emulator_url, "/clock")["market"])
    if first:
        hand_in_files(shop, emulator_url)
        Reached.begin(now)
    collect_from(shop, web_url, emulator_url, since=now)
    return first


def fetch(emulator: str, path: str, body: dict[str, Any] | None = None, *, method: str = "") -> bytes:
    """What the emulator's control surface answers: to a GET, or with a body to a POST. Raises NotStarted if it refuses or is not there."""
    data = None if body is None else json.dumps(body).encode()
    address = f"{emulator}/emulator{path}"
    request = urllib.request.Request(address, data=data, method=method or None, headers={"content-type": "application/json"})  # noqa: S310 - our own emulator
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=120) as reply:
            return bytes(reply.read())
    except OSError as error:
        said = error.read().decode("utf-8", "replace")[:300] if isinstance(error, urllib.error.HTTPError) else ""
        raise NotStarted(f"模拟器没有接受 {path}：{error} {said}", remedy="请看 var/demo/logs/emulator.log") from error


def control(emulator: str, path: str, body: dict[str, Any] | None = None, *, method: str = "") -> dict[str, Any]:
    """As `fetch`, the answer read as JSON."""
    answer = json.loads(fetch(emulator, path, body, method=method))
    return answer if isinstance(answer, dict) else {}


def the_shop() -> Shop:
    """The demo's shop, made by `zhanggui demo` before."""
    return Shop.objects.get(is_demo=True)


def first_start_is_over(shop: Shop) -> bool:
    """Whether an earlier start read the whole history and took in every file."""
    taken = ImportFile.objects.filter(shop=shop, state="done").values_list("name", flat=True)
    return orders_are_read(shop) and {name for name, _ in FILES.values()} <= set(taken) and Reached.load().over


def orders_are_read(shop: Shop) -> bool:
    """Whether the whole history of orders is in the books."""
    return SyncState.objects.filter(shop=shop, stream="orders", cursor__history="done").exists()


def accounts_of(demo: dict[str, Any]) -> Iterator[tuple[str, str, network.Secrets]]:
    """Kind, account and secrets of every account the emulator has for us."""
    for kind, name in (("store", "shop"), ("official", "official"), ("mini", "mini")):
        yield kind, demo[name]["appid"], network.Secrets(secret=demo[name]["secret"])
    wecom, ads = demo["wecom"], demo["ads"]
    yield "wecom", wecom["corp_id"], network.Secrets(secret=wecom["secret"], agent_id=str(wecom["agent_id"]))
    yield (
        "ads",
        str(ads["account_id"]),
        network.Secrets(client_id=str(ads["client_id"]), client_secret=ads["client_secret"], refresh_token=ads["refresh_token"]),
    )
    yield "collector", "小程序", network.Secrets()


def register_push(row: Connection, kind: str, web_url: str, emulator_url: str) -> None:
    """Gives the emulator the account's push address; it checks it as the platform does. Raises NotStarted if the check fails."""
    target = {
        "kind": kind,
        "url": web_url + connections.callback_path(row),
        "token": vault.unseal_text(row.callback_token_sealed, shop_id=row.shop_id),
        "aes_key": vault.unseal_text(row.aes_key_sealed, shop_id=row.shop_id),
        "receiver": row.account_id,
        "verify": True,
    }
    control(emulator_url, "/callbacks/targets", target)


def examine(row: Connection) -> None:
    """Asks the platform through the real client for all the account may be asked for. Raises NotStarted if it does not let us in."""
    connections.check(row)
    if row.state == "failing":
        raise NotStarted(f"{row}：{row.message}", remedy="请看 var/demo/logs/emulator.log")


def collect_from(shop: Shop, web_url: str, emulator_url: str, *, since: float) -> None:
    """Has what visitors do sent to the collector's address, from where our log ends."""
    row = Connection.objects.filter(shop=shop, kind="collector").exclude(state="off").first()
    if row is None:
        return
    last: datetime | None = Event.objects.filter(shop=shop).order_by("-at").values_list("at", flat=True).first()
    control(emulator_url, "/collectors", method="DELETE")
    target = {"url": f"{web_url}/collect", "key": row.callback_key, "since": last.timestamp() if last is not None else since}
    control(emulator_url, "/collectors", target)


# -- files -----------------------------------------------------------------------------------------------------------------------


def hand_in_files(shop: Shop, emulator_url: str) -> None:
    """Cost table and reviews as a merchant's files, by the same way as an upload; what was handed in stays so."""
    for kind, (name, path) in FILES.items():
        if not ImportFile.objects.filter(shop=shop, name=name, state__in=("waiting", "importing", "done")).exists():
            content = fetch(emulator_url, path)
            hand_in(shop, kind, name, dated(content) if kind == "costs" else content)


def dated(costs: bytes) -> bytes:
    """The cost table with the day its costs began to hold: without one they would hold from today, and no past order had a cost."""
    since = (clock.today() - _PAST).isoformat()
    head, *rows = costs.decode("utf-8-sig").splitlines()
    return "\r\n".join([f"{head},生效日期", *(f"{row},{since}" for row in rows), ""]).encode()


def hand_in(shop: Shop, kind: str, name: str, content: bytes) -> ImportFile:
    """One file: kept, understood, put in the queue."""
    path = files.store_upload(shop, name, [content])
    file = files.open_upload(shop, path, name, BY)
    proposal = files.propose(file, kind)
    columns = {**proposal.columns, **CORRECTED.get(kind, {})}
    file.state, file.columns = "waiting", columns
    file.save(update_fields=["state", "columns"])
    args = {"file": file.pk, "kind": proposal.kind, "columns": columns}
    jobs.enqueue(chores.IMPORT, args, shop_id=shop.pk, unique_key=f"import:{file.pk}", max_attempts=3)
    return file


# -- the log of the past -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reached:
    """How far back the log of past behaviour is recorded; kept in the demo's folder."""

    until: float = 0.0
    """Epoch seconds: everything from here on is recorded."""
    months: int = 0
    rows: int = 0
    over: bool = False

    @staticmethod
    def file() -> Path:
        """Where it is kept."""
        return Path(settings.HOME) / "history.json"

    @classmethod
    def load(cls) -> Reached:
        """What was reached before; nothing without a file."""
        try:
            return cls(**json.loads(cls.file().read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()

    @classmethod
    def begin(cls, now: float) -> None:
        """Begins at `now`, unless it was begun before."""
        if not cls.load().until:
            cls(until=now).save()

    def save(self) -> None:
        """Keeps it, whole or not at all."""
        fresh = self.file().with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)), "utf-8")
        fresh.replace(self.file())


class History(threading.Thread):
    """Records the log of past behaviour month by month beside the sync, newest first, until there is no earlier one."""

    def __init__(self, emulator_url: str, stop: threading.Event) -> None:
        super().__init__(name="history", daemon=True)
        self.emulator_url, self.stop = emulator_url, stop

    def run(self) -> None:
        """Works until done or told to stop; what a stop leaves is recorded at the next start, nothing twice."""
        from django.db import connection

        try:
            shop, reached = the_shop(), Reached.load()
            while not (reached.over or self.stop.is_set()):
                reached = self.month(shop, reached)
                reached.save()
                if reached.months == _FIRST:
                    self.let_orders_pass(shop)
        except Interrupted:
            return
        except Exception as error:
            log.exception("the log of the past")
            _broken.append(f"行为日志（{error}）")
        finally:
            connection.close()

    def let_orders_pass(self, shop: Shop) -> None:
        """Waits until the orders are read: the last months of behaviour are enough for a first look, and two cores are shared by four."""
        end = time.monotonic() + _AT_MOST
        while not orders_are_read(shop) and time.monotonic() < end and not self.stop.wait(1.0):
            pass

    def month(self, shop: Shop, reached: Reached) -> Reached:
        """One month recorded; without a row the beginning is reached."""
        since = reached.until - _MONTH.total_seconds()
        query = urlencode({"since": since, "until": reached.until, "days": _MONTH.days + 1})
        body = fetch(self.emulator_url, f"/behaviour?{query}")
        rows = [orjson.loads(line) for line in body.splitlines()]
        for at in range(0, len(rows), _BATCH):
            self.record(shop, rows[at : at + _BATCH])
        return Reached(since, reached.months + 1, reached.rows + len(rows), over=not rows)

    def record(self, shop: Shop, rows: list[dict[str, Any]]) -> None:
        """Some rows, tried again while the worker holds the database's one write lock. Raises Interrupted when told to stop."""
        for attempt in range(_TRIES):
            if self.stop.is_set():
                raise Interrupted
            try:
                commands.record_events(shop, rows)
                return
            except OperationalError:
                if attempt == _TRIES - 1:
                    raise


class Interrupted(Exception):
    """The demo is told to stop."""


# -- the bar ---------------------------------------------------------------------------------------------------------------------

_asked_at: datetime | None = None
"""When this process asked for the numbers of everything that had come in."""
_broken: list[str] = []
"""What of the log could not be recorded."""


def progress() -> Progress:
    """How far sync, files, log and numbers are; asks for the numbers once the rest is through."""
    global _asked_at
    shop, reached = the_shop(), Reached.load()
    overview = sync.overview(shop.pk)
    handed = list(ImportFile.objects.filter(shop=shop, name__in=[name for name, _ in FILES.values()]))
    failed = [*overview.failed, *(file.name for file in handed if file.state == "failed"), *_broken]
    if not overview.over:
        share = overview.done / overview.total if overview.total else 0.0
        return Progress(int(share * _OF_SYNC), _WHOLE, overview.note, False, "、".join(failed))
    waiting = next((file.name for file in handed if file.state in ("waiting", "importing")), "")
    if waiting or not (reached.over or _broken):
        done = _OF_SYNC + (_OF_FILES - _OF_SYNC) * min(reached.months, _MONTHS) // _MONTHS
        note = f"导入{waiting}" if waiting else f"行为日志 {reached.rows:,} 条"
        return Progress(done, _WHOLE, note, False, "、".join(failed))
    if _asked_at is None:
        _asked_at = clock.now()
        work.ask(shop.pk, soon=True)
    asked = Job.objects.filter(name=work.JOB, shop_id=shop.pk)
    if asked.filter(state=Job.State.DEAD).exists():
        failed.append("重算指标")
    elif not Watermark.objects.filter(shop_id=shop.pk, refreshed_at__gte=_asked_at).exists():
        said = asked.filter(state=Job.State.RUNNING).values_list("progress_note", flat=True).first()
        return Progress(_OF_FILES, _WHOLE, said or "计算指标", False, "、".join(failed))
    return Progress(_WHOLE, _WHOLE, in_words(shop), True, "、".join(failed))


def in_words(shop: Shop) -> str:
    """What came in, in a sentence."""
    orders = Order.objects.filter(shop=shop).count()
    people = Customer.objects.filter(shop=shop, merged_into=None).count()
    return f"订单 {orders:,} 笔、客户与访客 {people:,} 位、行为 {Event.objects.filter(shop=shop).count():,} 条，指标已算好"
