"""The job that works through the stored pushes of a shop: grouped by what they name, each thing read once, recorded, and the pushes closed with it.

    new      stored by the door, not looked at yet
    later    could not be read now; a job of its own asks again with growing pauses
    done     what it named has been read again and recorded
    ignored  nothing to read, or nothing there any more; `error` says why
    failed   given up; the regular sync covers it

Several pushes about one order are one reading. A push that keeps failing does not hold up those behind it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import OperationalError
from django.db import connection as database

from zhanggui.facts import network
from zhanggui.facts.bulk import lock_shop
from zhanggui.facts.commands import connections, inbound, record_stock
from zhanggui.facts.models import Connection, Inbound, Shop, SyncState
from zhanggui.facts.sync import refreshers
from zhanggui.facts.sync.refreshers import REFRESHERS, Heard, Refresher
from zhanggui.facts.sync.routes import Ignore, Read, route
from zhanggui.kernel import clock, jobs, vault
from zhanggui.kernel.errors import Unconfigured
from zhanggui.kernel.jobs import JobContext, Later, LeaseLost
from zhanggui.wechat import errors
from zhanggui.wechat.callbacks import Callback, parse_body, understand
from zhanggui.wechat.errors import CallbackAnomalous, CallbackUnsupported

log = logging.getLogger("zhanggui.pushes")
BATCH = 300
ATTEMPTS = 14
"""Tries for a thing that does not come: the pauses grow to an hour, so that a platform down for the morning is waited for."""


@dataclass(slots=True)
class _Push:
    row: Inbound
    push: Callback


class _More(Exception):
    """A push came in while the job was ending."""


@jobs.handler(inbound.JOB, lane="push")
def drain(job: JobContext) -> None:
    """Works until no push of the shop is new; with arguments, asks once more for one thing that had not come."""
    if "key" in job.args:
        _ask_again(job)
        return
    shop_id = job.shop_id or 0
    while True:
        rows = list(Inbound.objects.filter(shop_id=shop_id, state="new").order_by("id")[:BATCH])
        if rows:
            _Round(job, rows).work()
            if job.stopping:
                raise Later(0.0, "停下前放回队列")
            continue
        try:
            with job.transaction(finish=True):
                _hold_the_door(shop_id)
                if Inbound.objects.filter(shop_id=shop_id, state="new").exists():
                    raise _More
            return
        except _More:
            continue


def _hold_the_door(shop_id: int) -> None:
    """Waits for pushes that are just being stored, and keeps further ones out until this job is done: storing takes a share of the shop's row.

    Without it a push stored between our last look and our end would see a live job, ask for none, and wait for the next push.
    """
    if database.features.has_select_for_update:
        Shop.objects.select_for_update().filter(pk=shop_id).first()


def _ask_again(job: JobContext) -> None:
    """One thing of one account that had not come, with every push that still waits for it."""
    waiting = Inbound.objects.filter(connection_id=job.args["connection"], state="later").order_by("id")
    wanted = Read(job.args["sort"], job.args["key"])
    rows = [row for row in waiting[: BATCH * 10] if (one := opened(row)) is not None and route(one) == wanted]
    if rows:
        _Round(job, rows, again=True).work()


def opened(row: Inbound) -> Callback | None:
    """The push inside a stored row; None if it cannot be read (any more)."""
    if row.body_sealed is None:
        return None
    try:
        message = vault.unseal(row.body_sealed, shop_id=row.shop_id)
        return understand(parse_body(message), message)
    except (CallbackAnomalous, CallbackUnsupported, vault.Unopenable):
        return None


class _Round:
    """Some pushes of one shop, worked through together."""

    def __init__(self, job: JobContext, rows: Sequence[Inbound], *, again: bool = False) -> None:
        self.job, self.rows, self.again = job, rows, again
        self.shop = Shop.objects.get(pk=job.shop_id or 0)
        self.accounts = {c.pk: c for c in Connection.objects.select_related("shop").filter(shop=self.shop).exclude(state="off")}

    def work(self) -> None:
        """Closes what leads nowhere, then reads and records sort by sort."""
        wanted: dict[tuple[int, str], dict[str, list[_Push]]] = {}
        notes: dict[str, list[int]] = {}
        for row in self.rows:
            push = opened(row)
            lead = (
                route(push)
                if push is not None
                else Ignore("内容已按要求删除" if row.body_sealed is None else "内容无法识别，已原样留存")
            )
            account = self.account(row, lead) if isinstance(lead, Read) else None
            if isinstance(lead, Read) and account is not None and push is not None:
                wanted.setdefault((account.pk, lead.sort), {}).setdefault(lead.key, []).append(_Push(row, push))
            else:
                notes.setdefault(lead.note if isinstance(lead, Ignore) else "没有连接能读取它的账号", []).append(row.pk)
        if notes:
            with self.job.transaction():
                for note, ids in notes.items():
                    _close(ids, "ignored", note)
        for (account_id, sort), things in wanted.items():
            self.read(self.accounts[account_id], sort, things)

    def account(self, row: Inbound, lead: Read) -> Connection | None:
        """The account through which a push's thing is read: the one it came by, or the shop's only one of that kind."""
        kind = REFRESHERS[lead.sort].kind
        own = self.accounts.get(row.connection_id)
        return own if own is not None and own.kind == kind else next((c for c in self.accounts.values() if c.kind == kind), None)

    def read(self, account: Connection, sort: str, things: dict[str, list[_Push]]) -> None:
        """Reads every thing once and records what came, in one transaction."""
        refresher = REFRESHERS[sort]
        try:
            client = network.client_of(account)
            found = dict(zip(things, network.run(_fetch_all(refresher, client, things)), strict=True))
        except (Unconfigured, vault.Unopenable) as error:
            connections.note_failing(account, error)
            found = dict.fromkeys(things, errors.ConfigurationError(error.message, remedy=error.remedy))
        failed = {key: value for key, value in found.items() if isinstance(value, Exception)}
        heard = [Heard(key, value, tuple(p.push for p in things[key])) for key, value in found.items() if key not in failed]
        if heard:
            goods = {p for one in heard if one.value is not None and refresher.goods for p in refresher.goods(one.value)}
            stock = network.run(refreshers.stock_of(client, sorted(goods)[:500])) if goods else []
            self.record(account, refresher, heard, things, stock)
        for key, reason in failed.items():
            self.not_come(account, sort, key, things[key], reason)

    def record(
        self, account: Connection, refresher: Refresher, heard: list[Heard], things: dict[str, list[_Push]], stock: list[Any]
    ) -> None:
        """Records and closes; what spoils the whole is found by recording one at a time."""
        try:
            with self.job.transaction():
                lock_shop(self.shop)
                refresher.record(self.shop, heard, _since(account))
                if stock:
                    record_stock(self.shop, stock)
                _close([p.row.pk for one in heard for p in things[one.key]], "done", "")
        except (LeaseLost, OperationalError):
            raise  # the database is busy or gone: the whole job runs again
        except Exception as error:
            if len(heard) > 1:
                for one in heard:
                    self.record(account, refresher, [one], things, [])
                return
            log.exception("a push could not be recorded")
            with self.job.transaction():
                _close([p.row.pk for p in things[heard[0].key]], "failed", f"程序出错：{type(error).__name__}")

    def not_come(self, account: Connection, sort: str, key: str, pushes: list[_Push], error: Exception) -> None:
        """Puts a thing off that did not come, or gives it up where asking again is of no use."""
        ids, words = [p.row.pk for p in pushes], str(error)
        if isinstance(error, errors.ConfigurationError):
            connections.note_failing(account, error)
            self.close(ids, "failed", f"{words}；接通后由定时同步补上")
        elif isinstance(error, errors.CapabilityOff | errors.Refused):
            self.close(ids, "ignored", words)
        elif not self.again:
            with self.job.transaction():
                _close(ids, "later", words)
                jobs.enqueue(
                    inbound.JOB, {"connection": account.pk, "sort": sort, "key": key}, shop_id=self.shop.pk,
                    run_at=clock.now() + _pause(error), unique_key=f"{inbound.JOB}:{account.pk}:{sort}:{key}"[:200], priority=4,
                    max_attempts=ATTEMPTS,
                )  # fmt: skip
        elif isinstance(error, errors.QuotaExhausted):
            raise Later(_pause(error).total_seconds(), words) from error
        elif self.job.last_attempt:
            self.close(ids, "failed", f"{words}；由定时同步补上")
        else:
            raise error

    def close(self, ids: list[int], state: str, note: str) -> None:
        """Closes pushes in a transaction of their own."""
        with self.job.transaction():
            _close(ids, state, note)


def _close(ids: Iterable[int], state: str, note: str) -> None:
    Inbound.objects.filter(pk__in=list(ids)).update(state=state, error=note[:300])


async def _fetch_all(refresher: Refresher, client: Any, keys: Iterable[str]) -> list[Any]:
    return await network.each_plain(keys, lambda key: refreshers.fetch_one(refresher, client, key))


def _since(account: Connection) -> datetime:
    """From when on an account's news are news: its first sync, or when it was connected."""
    state = SyncState.objects.filter(connection=account, stream="orders").only("cursor").first()
    began = state.cursor.get("since") if state is not None else None
    return datetime.fromtimestamp(began, UTC) if began else account.created_at


def _pause(error: Exception) -> timedelta:
    """How long to wait before asking again."""
    if isinstance(error, errors.Throttled):
        return timedelta(seconds=error.retry_after)
    if isinstance(error, errors.QuotaExhausted):
        until = error.until or datetime.now(UTC) + timedelta(hours=1)
        return max(timedelta(minutes=1), until - datetime.now(UTC))
    return timedelta(seconds=2)


def try_again(shop_id: int) -> int:
    """Makes failed pushes new once more, e.g. after an account was put right; how many."""
    count = Inbound.objects.filter(shop_id=shop_id, state="failed").exclude(body_sealed=None).update(state="new", error="")
    if count:
        inbound.ask(shop_id)
    return count
