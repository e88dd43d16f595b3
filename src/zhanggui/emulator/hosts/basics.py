"""Tokens, quotas and other calls that every account on api.weixin.qq.com has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zhanggui.emulator.market.words import date_of, day_number
from zhanggui.emulator.protocol import API, ApiError, Call, Token, route, text

if TYPE_CHECKING:
    from zhanggui.emulator.engine import Emulator


def account_of(emu: Emulator, appid: str, secret: str) -> str:
    """Which account an appid and secret belong to. Raises 40013 or 40125."""
    k = emu.keys
    known = {
        k.shop_appid: ("shop", k.shop_secret),
        k.mini_appid: ("mini", k.mini_secret),
        k.official_appid: ("official", k.official_secret),
    }
    if not appid:
        raise ApiError(41002)
    if appid not in known:
        raise ApiError(40013)
    if not secret:
        raise ApiError(41004)
    if known[appid][1] != secret:
        raise ApiError(40125)
    return known[appid][0]


def _answer(emu: Emulator, token: Token) -> dict[str, Any]:
    return {"access_token": token.value, "expires_in": int(token.expires - emu.clock.service()), "_bare": True}


@route(API, "/cgi-bin/stable_token", account="")
def stable_token(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The current token; a new one near its end or when forced."""
    if body.get("grant_type") != "client_credential":
        raise ApiError(40002, "invalid grant_type")
    account = account_of(emu, str(body.get("appid") or ""), str(body.get("secret") or ""))
    now = emu.clock.service()
    return _answer(emu, emu.tokens.stable(account, now, force=bool(body.get("force_refresh")), day=day_number(now)))


@route(API, "/cgi-bin/token", method="GET", account="")
def token(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The older call: every answer is a new token."""
    if call.query.get("grant_type") != "client_credential":
        raise ApiError(40002, "invalid grant_type")
    account = account_of(emu, call.query.get("appid", ""), call.query.get("secret", ""))
    return _answer(emu, emu.tokens.legacy(account, emu.clock.service()))


EVERY = "shop|mini|official"


@route(API, "/cgi-bin/openapi/quota/get", account=EVERY)
def quota_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Daily limit, used and remaining calls of one path."""
    path = text(body, "cgi_path")
    daily, minute = emu.quotas.limit(path)
    used = emu.quotas.used.get(path, 0) if emu.quotas.day == day_number(emu.world.now) else 0
    return {
        "quota": {"daily_limit": daily, "used": used, "remain": max(0, daily - used)},
        "rate_limit": {"call_count": minute, "refresh_second": 60},
    }


@route(API, "/cgi-bin/openapi/quota/clear", account=EVERY)
def quota_clear(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Resets the day's count of one path."""
    path = text(body, "cgi_path")
    _spend_clear(emu, path)
    emu.quotas.used.pop(path, None)
    return {}


@route(API, "/cgi-bin/clear_quota", account=EVERY)
def clear_quota(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Resets all counts; ten times a month."""
    if text(body, "appid") not in (emu.keys.shop_appid, emu.keys.mini_appid, emu.keys.official_appid):
        raise ApiError(40013)
    _spend_clear(emu, "*")
    emu.quotas.used.clear()
    return {}


@route(API, "/cgi-bin/clear_quota/v2", account="")
def clear_quota_v2(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Resets all counts with appid and secret."""
    account_of(
        emu,
        str(body.get("appid") or call.query.get("appid", "")),
        str(body.get("appsecret") or body.get("secret") or call.query.get("appsecret", "")),
    )
    _spend_clear(emu, "*")
    emu.quotas.used.clear()
    return {}


def _spend_clear(emu: Emulator, path: str) -> None:
    month = f"{date_of(day_number(emu.world.now)):%Y-%m}:{path}"
    if emu.quotas.cleared.get(month, 0) >= 10:
        raise ApiError(48006, "forbid to clear quota because of reaching the limit")
    emu.quotas.cleared[month] = emu.quotas.cleared.get(month, 0) + 1


@route(API, "/cgi-bin/openapi/rid/get", account=EVERY)
def rid_get(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """What was asked and answered under a request id."""
    found = emu.rids.get(text(body, "rid"))
    if found is None:
        raise ApiError(76001, "rid not found")
    return {"request": found}


@route(API, "/cgi-bin/callback/check", account=EVERY)
def callback_check(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Network check of the push address."""
    return {
        "dns": [{"ip": "127.0.0.1", "real_operator": "DEFAULT"}],
        "ping": [{"ip": "127.0.0.1", "from_operator": "DEFAULT", "package_loss": "0%", "time": "0.1ms"}],
    }


@route(API, "/cgi-bin/getcallbackip", method="GET", account=EVERY)
def callback_ip(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Addresses that pushes come from."""
    return {"ip_list": ["127.0.0.1"]}


@route(API, "/cgi-bin/get_api_domain_ip", method="GET", account=EVERY)
def domain_ip(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Addresses of the API host."""
    return {"ip_list": ["127.0.0.1"]}


@route(API, "/cgi-bin/ticket/getticket", method="GET", account="official|mini")
def ticket(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """The JS-SDK ticket of the day."""
    return {"ticket": f"demo-ticket-{day_number(emu.world.now)}", "expires_in": 7200}
