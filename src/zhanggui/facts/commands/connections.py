"""Platform accounts: connected with sealed secrets, tested by really asking the platform, disconnected. Nothing here starts a sync."""

from __future__ import annotations

import asyncio
import re
import secrets as random_secrets
import string
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from django.db import transaction

from zhanggui.facts import network
from zhanggui.facts.models import Connection, Shop, StoredToken, SyncState
from zhanggui.facts.permissions import GRANTABLE, Grantable
from zhanggui.kernel import audit, clock, vault
from zhanggui.kernel.errors import BadInput, Conflict, NotFound, Unconfigured, ZhangguiError
from zhanggui.wechat import errors
from zhanggui.wechat.crypto import decode_aes_key

TOKEN, PUSH = "token", "push"
PATIENCE = 20.0
"""Seconds a test may take in all: somebody is waiting for the page."""
ONE_OF_A_KIND = frozenset({"store", "mini", "wecom"})
"""Kinds of which a shop has one account: a second one's figures would mix with the first's."""
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{4,64}")
_HEADS = {"store": ("wx",), "official": ("wx",), "mini": ("wx",), "wecom": ("ww", "wx")}
_LETTERS = string.ascii_letters + string.digits
_PUSH_WHERE = {
    "store": "微信小店后台 → 服务市场 → 自研 → 消息推送，填上这里的 URL、Token 与 EncodingAESKey",
    "wecom": "企业微信管理后台 → 客户联系 → API → 接收事件服务器，填上这里的 URL、Token 与 EncodingAESKey",
    "official": "公众平台 → 基本配置 → 服务器配置，填上这里的 URL、Token 与 EncodingAESKey",
}


@dataclass(frozen=True)
class CheckResult:
    """What one permission of an account came to. `ok` is None where it could not be found out."""

    name: str
    title: str
    ok: bool | None
    message: str
    remedy: str
    purpose: str


# -- connecting ------------------------------------------------------------------------------------------------------------------


@transaction.atomic
def connect(
    shop: Shop, kind: str, account_id: str, secrets: network.Secrets, *, callback_token: str = "", aes_key: str = "", by: str
) -> Connection:
    """The shop's connection to an account, made or changed: secrets sealed, audited, not yet tested.

    An empty `secrets` keeps what is stored. Without `callback_token` and `aes_key` a new connection gets ones of its own making; a changed AES key
    stays accepted as the previous one. Raises BadInput for what no platform gives, Conflict for a second account where a shop has one.
    """
    account = account_id.strip()
    _check_account(kind, account)
    given = _cleaned(secrets)
    row = Connection.objects.select_for_update().filter(shop=shop, kind=kind, account_id=account).first()
    if row is None or row.state == "off":
        _refuse_second(shop, kind, account)
    fresh = row is None
    if row is None:
        row = Connection(shop=shop, kind=kind, account_id=account, callback_key=_new_key())
    if given != network.Secrets():
        row.secret_sealed = vault.seal(given.text(), shop_id=shop.pk)
    if kind != "collector":
        if row.secret_sealed is None:
            raise BadInput("没有填写密钥", remedy="请从平台后台复制密钥")
        network.account_of(kind, account, network.secrets_of(row))
    _set_callback(row, callback_token.strip(), aes_key.strip())
    row.state, row.message, row.capabilities = ("ok" if kind == "collector" else "new"), "", {}
    row.save()
    done = "连接了" if fresh else "修改了"
    audit.record(
        shop.pk, by, "connection.connect" if fresh else "connection.change", f"{by} {done}{row}", subject=f"connection:{row.pk}"
    )
    return row


def _check_account(kind: str, account: str) -> None:
    if kind not in Connection.Kind.values:
        raise BadInput(
            f"没有“{kind}”这种平台账号", remedy="可以连接：" + "、".join(str(label) for label in Connection.Kind.labels)
        )
    if kind == "collector":
        if not account or len(account) > 64 or not account.isprintable():
            raise BadInput("请给行为采集起个名字", field="account_id")
        return
    if not _ACCOUNT.fullmatch(account):
        raise BadInput("账号编号不像是对的", remedy="请从平台后台复制，只有字母、数字、横线和下划线", field="account_id")
    heads = _HEADS.get(kind, ())
    if heads and not account.startswith(heads):
        raise BadInput(f"{_name(kind)}的编号应以 {' 或 '.join(heads)} 开头", remedy="请从平台后台重新复制", field="account_id")
    if kind == "ads" and not account.isdigit():
        raise BadInput("广告账号编号是一串数字", remedy="请从投放平台复制账号 ID", field="account_id")


def _name(kind: str) -> str:
    return str(Connection.Kind(kind).label)


def _cleaned(secrets: network.Secrets) -> network.Secrets:
    """The secrets without blanks around them. Raises BadInput, which names the box and never what was in it."""
    found = replace(secrets, **{f.name: str(getattr(secrets, f.name)).strip() for f in fields(secrets)})
    for f in fields(found):
        text = getattr(found, f.name)
        if len(text) > 512 or not text.isascii() or any(not c.isprintable() or c.isspace() for c in text):
            raise BadInput("密钥里有不该有的字符，或者太长", remedy="请从平台后台重新复制，不要带空格和换行", field=f.name)
    return found


def _refuse_second(shop: Shop, kind: str, account: str) -> None:
    if kind not in ONE_OF_A_KIND:
        return
    other = Connection.objects.filter(shop=shop, kind=kind).exclude(account_id=account).exclude(state="off").first()
    if other is not None:
        raise Conflict(
            f"这家店已经连着{_name(kind)} {other.account_id}，一家店只连一个", remedy="先断开原来的，或另建一家店", kind=kind
        )


def _set_callback(row: Connection, token: str, aes_key: str) -> None:
    if token and not re.fullmatch(r"[A-Za-z0-9]{3,32}", token):
        raise BadInput("推送 Token 只能是 3 到 32 位字母或数字", field="callback_token")
    if aes_key:
        try:
            decode_aes_key(aes_key)
        except errors.ConfigurationError as error:
            raise BadInput(error.message, remedy=error.remedy, field="aes_key") from None
    if row.kind == "collector":
        token = row.callback_key
    elif row.callback_token_sealed is None:
        token, aes_key = token or _word(32), aes_key or new_aes_key()
    if token:
        row.callback_token_sealed = vault.seal(token, shop_id=row.shop_id)
    if aes_key:
        _change_aes_key(row, aes_key)


def _change_aes_key(row: Connection, aes_key: str) -> None:
    """Sets the key; the one before stays accepted, because pushes sealed with it are still on their way."""
    if row.aes_key_sealed is not None and vault.unseal_text(row.aes_key_sealed, shop_id=row.shop_id) != aes_key:
        row.previous_aes_key_sealed = row.aes_key_sealed
    row.aes_key_sealed = vault.seal(aes_key, shop_id=row.shop_id)


def _word(length: int) -> str:
    return "".join(random_secrets.choice(_LETTERS) for _ in range(length))


def new_aes_key() -> str:
    """A fresh EncodingAESKey: 43 letters and digits whose last carries no bits beyond the 32 bytes."""
    return _word(42) + random_secrets.choice("AEIMQUYcgkosw048")


def _new_key() -> str:
    return random_secrets.token_urlsafe(32)


def callback_path(connection: Connection) -> str:
    """The path the platform pushes to, below the house's public address."""
    return f"/callbacks/{connection.callback_key}"


@transaction.atomic
def rotate_callback(connection: Connection, by: str) -> Connection:
    """A new AES key for the account's pushes (a new key altogether for a collector). The old AES key is accepted until the next rotation."""
    row = Connection.objects.select_for_update().get(pk=connection.pk)
    if row.state == "off":
        raise Conflict("这个账号已断开", remedy="重新填写密钥就会连上")
    if row.kind == "collector":
        row.callback_key = _new_key()
        row.callback_token_sealed = vault.seal(row.callback_key, shop_id=row.shop_id)
    else:
        _change_aes_key(row, new_aes_key())
    row.save(update_fields=["callback_key", "callback_token_sealed", "aes_key_sealed", "previous_aes_key_sealed"])
    audit.record(row.shop_id, by, "connection.rotate", f"{by} 换了{row}的推送密钥", subject=f"connection:{row.pk}")
    return row


@transaction.atomic
def disconnect(connection: Connection, by: str) -> Connection:
    """Ends the access: secrets, tokens and the push address are gone at once; what was recorded stays."""
    row = Connection.objects.select_for_update().get(pk=connection.pk)
    for name in ("secret_sealed", "callback_token_sealed", "aes_key_sealed", "previous_aes_key_sealed"):
        setattr(row, name, None)
    row.callback_key, row.state, row.message, row.capabilities = _new_key(), "off", "已断开", {}
    row.save()
    StoredToken.objects.filter(pk__startswith=f"{row.shop_id}:", pk__contains=f":{row.account_id}:").delete()
    audit.record(row.shop_id, by, "connection.disconnect", f"{by} 断开了{row}", subject=f"connection:{row.pk}")
    return row


# -- testing ---------------------------------------------------------------------------------------------------------------------


def check(connection: Connection) -> tuple[CheckResult, ...]:
    """Asks the platform for everything the account may be asked for; keeps and gives what each permission came to.

    The connection's state becomes ok, or failing with what to do. Streams that had been refused and are now granted go on. Raises NotFound if the
    connection is gone, Conflict if it was disconnected.
    """
    row = Connection.objects.filter(pk=connection.pk).first()
    if row is None:
        raise NotFound("没有这个平台账号")
    if row.state == "off":
        raise Conflict("这个账号已断开", remedy="重新填写密钥就会连上")
    if row.kind == "collector":
        return ()
    results = [*_asked(row), *_pushed(row)]
    state, message = _verdict(results)
    with transaction.atomic():
        now = clock.now()
        found = {r.name: {**asdict(r), "at": now.isoformat()} for r in results}
        held = Connection.objects.filter(pk=row.pk).exclude(state="off")
        held.update(state=state, message=message[:300], capabilities=found, checked_at=now)
        granted = [r.name for r in results if r.ok]
        SyncState.objects.filter(connection=row, state="off", stream__in=granted).update(
            state="idle", message="", finished_at=None
        )
        if state == "ok":  # whatever failed because of the account may go on at once
            SyncState.objects.filter(connection=row, state="failed").update(finished_at=None)
    connection.refresh_from_db()
    return tuple(results)


def checks_of(connection: Connection) -> tuple[CheckResult, ...]:
    """What the last test found, without asking again; what a sync was refused meanwhile is in it. Empty if there was none."""
    kept = connection.capabilities if isinstance(connection.capabilities, dict) else {}
    names = [TOKEN, *(one.name for one in GRANTABLE.get(connection.kind, ())), PUSH]
    wanted = [f.name for f in fields(CheckResult)]
    return tuple(CheckResult(**{n: kept[name].get(n) for n in wanted}) for name in names if name in kept)


def _asked(row: Connection) -> list[CheckResult]:
    some = GRANTABLE[row.kind]
    try:
        client = network.client_of(row)
    except (Unconfigured, vault.Unopenable) as error:
        return [_token(False, error.message, error.remedy), *(_result(one, None, "先解决账号与密钥") for one in some)]
    return network.run(_ask_all(client, some))


async def _ask_all(client: Any, some: tuple[Grantable, ...]) -> list[CheckResult]:
    results: dict[str, CheckResult] = {}

    async def one(permission: Grantable) -> None:
        results[permission.name] = await _probe(client, permission)

    async def everything() -> None:
        try:
            await client.caller.token()
        except errors.WechatError as error:
            results[TOKEN] = _token(False if isinstance(error, errors.ConfigurationError) else None, error.message, error.remedy)
            return
        results[TOKEN] = _token(True, "凭证有效", "")
        async with asyncio.TaskGroup() as group:
            for permission in some:
                group.create_task(one(permission))

    silent = "平台一直没有回应"
    try:
        await asyncio.wait_for(everything(), PATIENCE)
    except TimeoutError:
        results.setdefault(TOKEN, _token(None, silent, "请检查服务器的网络，稍后再测"))
    token = results[TOKEN]
    left = silent if token.ok else "先解决账号与密钥"
    return [token, *(results.get(p.name) or _result(p, None, left) for p in some)]


async def _probe(client: Any, permission: Grantable) -> CheckResult:
    """One permission. A refusal for another reason than the permission (no such day, nothing there) shows that it is granted."""
    try:
        await permission.probe(client)
    except errors.ConfigurationError as error:
        return _result(permission, False, error.message, error.remedy)
    except errors.CapabilityOff as error:
        return _result(permission, False, error.message, f"在这里开通：{permission.where}")
    except (errors.NoSuchThing, errors.NotReadyYet, errors.Refused):
        return _result(permission, True, "可以用")
    except ZhangguiError as error:
        return _result(permission, None, error.message, error.remedy)
    return _result(permission, True, "可以用")


def _token(ok: bool | None, message: str, remedy: str) -> CheckResult:
    return CheckResult(TOKEN, "账号与密钥", ok, message, remedy, "有了它才能读取其他一切")


def _result(one: Grantable, ok: bool | None, message: str, remedy: str = "") -> CheckResult:
    return CheckResult(one.name, one.title, ok, message, remedy, one.purpose)


def _pushed(row: Connection) -> list[CheckResult]:
    if row.kind not in _PUSH_WHERE:
        return []
    purpose = "新订单、退款等几秒内就知道；没有它就靠定时同步，慢几分钟"
    if row.last_push_at is not None:
        seen = row.last_push_at.astimezone(row.shop.zone)
        return [CheckResult(PUSH, "消息推送", True, f"最近一次 {seen:%Y-%m-%d %H:%M}", "", purpose)]
    return [CheckResult(PUSH, "消息推送", None, "还没有收到过推送", _PUSH_WHERE[row.kind], purpose)]


def _verdict(results: list[CheckResult]) -> tuple[str, str]:
    """State and sentence of the connection: failing if its token or anything it cannot do without is not there."""
    needed = {TOKEN, *(one.name for some in GRANTABLE.values() for one in some if one.needed)}
    bad = next((r for r in results if r.name in needed and not r.ok), None)
    if bad is None:
        return "ok", ""
    return "failing", f"{bad.title}：{bad.message}" + (f"（{bad.remedy}）" if bad.remedy else "")


@transaction.atomic
def note_refusal(connection: Connection, name: str, message: str, remedy: str = "") -> None:
    """Keeps that the platform refused a permission during a sync."""
    row = Connection.objects.select_for_update().get(pk=connection.pk)
    one = next((p for p in GRANTABLE.get(row.kind, ()) if p.name == name), None)
    if one is None or row.state == "off":
        return
    result = _result(one, False, message, remedy or f"在这里开通：{one.where}")
    row.capabilities = {**(row.capabilities or {}), name: {**asdict(result), "at": clock.now().isoformat()}}
    row.save(update_fields=["capabilities"])


def note_failing(connection: Connection, error: ZhangguiError) -> None:
    """The account does not let us in: failing, with what to do about it."""
    Connection.objects.filter(pk=connection.pk).exclude(state="off").update(state="failing", message=str(error)[:300])


def note_working(connection: Connection) -> None:
    """The account answered: a failure that was noted is over."""
    Connection.objects.filter(pk=connection.pk, state__in=("new", "failing")).update(state="ok", message="")
