"""Platform accounts: connect, test what is permitted, set the push address, follow the sync, disconnect. Secrets go in and never come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from zhanggui.doors.desk.page import back, desk_page, show
from zhanggui.doors.desk.platforms import GUIDES, Guide
from zhanggui.doors.errors import answer_to
from zhanggui.doors.ui.context import Desk
from zhanggui.doors.ui.values import Progress
from zhanggui.facts import network, sync
from zhanggui.facts.commands import connections as accounts
from zhanggui.facts.models import Connection
from zhanggui.kernel import audit, vault
from zhanggui.kernel.access import Permission
from zhanggui.kernel.errors import BadInput, NotFound, ZhangguiError

STATES = {"new": ("未检测", "warn"), "ok": ("已连通", "good"), "failing": ("有问题", "bad"), "off": ("已断开", "none")}
"""Connection state → (word, tone)."""
STREAM_STATES = {
    "idle": ("最新", "good"), "running": ("同步中", "busy"), "waiting": ("等额度", "warn"), "failed": ("失败", "bad"), "off": ("不可用", "none"), "new": ("还没同步", "none"),
}  # fmt: skip
"""Stream state → (word, tone)."""


@dataclass(frozen=True)
class StreamRow:
    """One stream of one account: how far it is."""

    title: str
    purpose: str
    state: tuple[str, str]
    progress: Progress | None
    message: str
    done: int
    total: int | None
    watermark: datetime | None
    finished_at: datetime | None
    compared: tuple[str, str] | None
    """(tone, words) of the last comparison with the platform."""


@dataclass(frozen=True)
class AccountRow:
    """A connected account in the list."""

    connection: Connection
    guide: Guide
    state: tuple[str, str]
    streams: list[StreamRow]
    off: int
    """How many permissions the platform refuses."""


@dataclass(frozen=True)
class ConnectionsPage:
    """Every account of the shop, what is still to be connected, and the sync as a whole."""

    template: ClassVar[str] = "desk/connections.html"
    rows: list[AccountRow]
    open: list[Guide]
    """Kinds that are not connected yet."""
    more: list[Guide]
    """Connected kinds of which a shop may have another account."""
    live: bool
    progress: Progress | None


def _streams(desk: Desk) -> tuple[sync.SyncOverview, dict[int, list[StreamRow]]]:
    """The sync of the shop, and its streams by account."""
    overview = sync.overview(desk.shop_id)
    rows: dict[int, list[StreamRow]] = {}
    for s in overview.streams:
        rows.setdefault(s.connection_id, []).append(_stream(s))
    return overview, rows


def _stream(s: sync.StreamState) -> StreamRow:
    state = ("排队中", "busy") if s.state == "new" and s.message else STREAM_STATES.get(s.state, (s.state, "none"))
    running = s.state == "running"
    return StreamRow(
        s.title, sync.STREAMS[s.name].purpose, state, Progress(s.title, s.done, s.total, s.message) if running else None,
        "" if running or s.state == "new" else s.message, s.done, s.total, s.watermark, s.finished_at, _compared(s.checks),
    )  # fmt: skip


def _compared(checks: dict[str, Any]) -> tuple[str, str] | None:
    if not checks:
        return None
    words = checks.get("words") or f"平台 {checks.get('platform')}，账本 {checks.get('ours')}"
    return "good" if checks.get("ok") else "warn", f"对账：{words}"


def _refused(connection: Connection) -> int:
    return sum(1 for c in accounts.checks_of(connection) if c.ok is False)


@desk_page(Permission.VIEW)
def connections(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The list of accounts, with what each of them is doing."""
    overview, streams = _streams(desk)
    found = [c for c in Connection.objects.filter(shop_id=desk.shop_id).order_by("id") if c.kind in GUIDES]
    rows = [
        AccountRow(c, GUIDES[c.kind], STATES.get(c.state, (c.state, "none")), streams.get(c.pk, []), _refused(c)) for c in found
    ]
    rows.sort(key=lambda a: list(GUIDES).index(a.connection.kind))
    taken = {c.kind for c in found if c.state != "off"}
    whole = Progress("正在同步", overview.done, overview.total, overview.note) if taken and not overview.over else None
    return show(
        request,
        ConnectionsPage(
            rows,
            [g for g in GUIDES.values() if g.kind not in taken],
            [g for g in GUIDES.values() if g.kind in taken - accounts.ONE_OF_A_KIND],
            whole is not None,
            whole,
        ),
    )


@dataclass(frozen=True)
class ConnectionFormPage:
    """Where credentials are pasted, for a new account."""

    template: ClassVar[str] = "desk/connection_new.html"
    guide: Guide
    typed: dict[str, str]
    """What was typed last time, secrets left out."""
    error: str = ""


def _guide(kind: str) -> Guide:
    if kind not in GUIDES:
        raise NotFound("没有这种平台账号", remedy="请从平台连接页进入")
    return GUIDES[kind]


def _typed(request: HttpRequest, guide: Guide) -> dict[str, str]:
    """What was typed, blanks around it removed: people paste with line breaks."""
    return {box.name: request.POST.get(box.name, "").strip() for box in guide.boxes}


def _lacking(guide: Guide, typed: dict[str, str]) -> None:
    for box in guide.boxes:
        if box.needed and not typed[box.name]:
            raise BadInput(f"没有填{box.label}", remedy=box.help or "请从平台后台复制")


def _secrets(typed: dict[str, str], kept: network.Secrets | None = None) -> network.Secrets:
    """What was typed as secrets; what was left blank stays as it was."""
    names = [f.name for f in fields(network.Secrets)]
    return network.Secrets(**{n: typed.get(n) or (getattr(kept, n) if kept is not None else "") for n in names})


@desk_page(Permission.CONNECT, "GET", "POST")
def connection_new(request: HttpRequest, desk: Desk, kind: str) -> HttpResponseBase:
    """GET: the form with where to find what. POST: connects the account and tests it at once."""
    guide = _guide(kind)
    if request.method != "POST":
        return show(request, ConnectionFormPage(guide, {}))
    typed = _typed(request, guide)
    try:
        _lacking(guide, typed)
        known = Connection.objects.filter(shop_id=desk.shop_id, kind=kind, account_id=typed["account_id"]).exclude(state="off")
        if known.exists():
            raise BadInput("这个账号已经连接过了", remedy="要换密钥请到它的页面里改")
        row = accounts.connect(desk.shop, kind, typed["account_id"], _secrets(typed), by=desk.actor)
    except ZhangguiError as error:
        shown = {b.name: typed[b.name] for b in guide.boxes if not b.secret}
        return show(request, ConnectionFormPage(guide, shown, str(error)), status=answer_to(error).status)
    return _tested(request, desk, row, first=True)


def _tested(request: HttpRequest, desk: Desk, row: Connection, *, first: bool = False) -> HttpResponseBase:
    """Asks the platform what the account may do, starts the first sync where it answers, and says how it went."""
    if row.kind == "collector":
        return back(request, desk.url("connection", row.pk), "已保存，把地址和钥匙交给开发的人就可以了。")
    checks = accounts.check(row)
    row.refresh_from_db()
    if row.state != "ok":
        return back(request, desk.url("connection", row.pk), row.message or "已保存，但平台没有通过，请看检测结果。", "bad")
    if first:
        sync.ask(desk.shop_id, connection_id=row.pk, by=desk.actor)
    missing = sum(1 for c in checks if c.ok is False)
    words = "连通了，开始第一次同步。" if first else "连通了。"
    return back(request, desk.url("connection", row.pk), words + (f"有 {missing} 项权限没有开通，见下面。" if missing else ""))


@dataclass(frozen=True)
class CheckRow:
    """One permission: what it is for, whether we have it, what to do."""

    title: str
    purpose: str
    state: tuple[str, str]
    message: str
    remedy: str


@dataclass(frozen=True)
class ConnectionPage:
    """One account whole."""

    template: ClassVar[str] = "desk/connection.html"
    connection: Connection
    guide: Guide
    state: tuple[str, str]
    checks: list[CheckRow]
    streams: list[StreamRow]
    live: bool
    callback_url: str
    public: bool
    """Whether the house knows an address the platform can reach."""
    has_keys: bool
    previous_key: bool
    """Whether the key before the last rotation is still accepted."""


def _own(desk: Desk, connection_id: int) -> Connection:
    row = Connection.objects.filter(shop_id=desk.shop_id, pk=connection_id).first()
    if row is None or row.kind not in GUIDES:
        raise NotFound("没有这个平台账号", remedy="请从平台连接页进入")
    return row


def _check_rows(checks: Sequence[Any]) -> list[CheckRow]:
    words = {True: ("可以用", "good"), False: ("不能用", "bad"), None: ("没测到", "none")}
    return [CheckRow(c.title, c.purpose, words[c.ok], c.message, c.remedy) for c in checks]


def _callback_url(request: HttpRequest, row: Connection) -> str:
    path = reverse("collect") if row.kind == "collector" else accounts.callback_path(row)
    return settings.PUBLIC_URL + path if settings.PUBLIC_URL else request.build_absolute_uri(path)


@desk_page(Permission.VIEW)
def connection(request: HttpRequest, desk: Desk, connection_id: int) -> HttpResponseBase:
    """One account: state, permissions, push address, streams."""
    row = _own(desk, connection_id)
    overview, streams = _streams(desk)
    mine = streams.get(row.pk, [])
    page = ConnectionPage(
        row, GUIDES[row.kind], STATES.get(row.state, (row.state, "none")), _check_rows(accounts.checks_of(row)), mine, not overview.over and bool(mine),
        _callback_url(request, row), bool(settings.PUBLIC_URL), row.callback_token_sealed is not None, row.previous_aes_key_sealed is not None,
    )  # fmt: skip
    return show(request, page)


@desk_page(Permission.CONNECT, "POST")
def connection_check(request: HttpRequest, desk: Desk, connection_id: int) -> HttpResponseBase:
    """Tests the account now."""
    row = _own(desk, connection_id)
    if row.state == "off":
        raise BadInput("这个账号已断开", remedy="重新填写密钥就会连上")
    return _tested(request, desk, row)


@desk_page(Permission.CONNECT, "POST")
def connection_secrets(request: HttpRequest, desk: Desk, connection_id: int) -> HttpResponseBase:
    """Changes the credentials; boxes left blank keep what they had."""
    row = _own(desk, connection_id)
    guide = GUIDES[row.kind]
    typed = _typed(request, guide) | {"account_id": row.account_id}
    try:
        kept = network.secrets_of(row) if row.secret_sealed is not None else None
    except vault.Unopenable:
        kept = None  # sealed under a lost key: everything must be typed again
    secrets = _secrets(typed, kept)
    _lacking(guide, {b.name: typed[b.name] or str(getattr(secrets, b.name, "")) for b in guide.boxes})
    again = accounts.connect(desk.shop, row.kind, row.account_id, secrets, by=desk.actor)
    return _tested(request, desk, again, first=row.state == "off")


@dataclass(frozen=True)
class KeysPage:
    """Token and key of the push address in the clear, to be pasted; asked for by a button and written down."""

    template: ClassVar[str] = "desk/connection_keys.html"
    connection: Connection
    guide: Guide
    token: str
    """For a collector: the key its pages send."""
    aes_key: str


@desk_page(Permission.CONNECT, "POST")
def connection_keys(request: HttpRequest, desk: Desk, connection_id: int) -> HttpResponseBase:
    """Shows what is to be pasted into the platform's backend."""
    row = _own(desk, connection_id)
    token = vault.unseal_text(row.callback_token_sealed, shop_id=desk.shop_id)
    aes_key = vault.unseal_text(row.aes_key_sealed, shop_id=desk.shop_id)
    audit.record(
        desk.shop_id, desk.actor, "connection.keys", f"{desk.actor} 查看了{row} 的推送密钥", subject=f"connection:{row.pk}"
    )
    return show(request, KeysPage(row, GUIDES[row.kind], token, aes_key))


@desk_page(Permission.CONNECT, "POST")
def connection_rotate(request: HttpRequest, desk: Desk, connection_id: int) -> HttpResponseBase:
    """Makes new push keys; the old one is still accepted until the next rotation."""
    row = _own(desk, connection_id)
    accounts.rotate_callback(row, desk.actor)
    return back(
        request, desk.url("connection", row.pk), "已换新的推送密钥，请尽快粘贴到平台后台；在那之前旧密钥仍然有效。", "warn"
    )


@desk_page(Permission.CONNECT, "POST")
def connection_disconnect(request: HttpRequest, desk: Desk, connection_id: int) -> HttpResponseBase:
    """Ends the account's access; its secrets are removed, its facts stay."""
    row = _own(desk, connection_id)
    accounts.disconnect(row, desk.actor)
    return back(request, desk.url("connections"), f"已断开{row}；密钥已删除，数据保留。")


@desk_page(Permission.SYNC, "POST")
def connection_sync(request: HttpRequest, desk: Desk, connection_id: int) -> HttpResponseBase:
    """Asks for one round of one account."""
    row = _own(desk, connection_id)
    if row.state == "off":
        raise BadInput("这个账号已断开", remedy="重新填写密钥就会连上")
    asked = sync.ask(desk.shop_id, connection_id=row.pk, by=desk.actor)
    return back(request, desk.url("connection", row.pk), "开始同步。" if asked else "已经在同步了。")


@desk_page(Permission.SYNC, "POST")
def sync_now(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """Asks for one round of everything."""
    asked = sync.ask(desk.shop_id, by=desk.actor)
    return back(request, desk.url("connections"), f"开始同步 {asked} 项。" if asked else "已经在同步，或还没有可同步的账号。")
