"""腾讯广告: OAuth token and daily reports; spend follows the visitors that the ads channel really brought."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from zhanggui.emulator.catalogue import ADGROUPS
from zhanggui.emulator.market.words import CH, date_of, day_begin, day_number, number_of
from zhanggui.emulator.protocol import ADS, ApiError, Call, route

if TYPE_CHECKING:
    from zhanggui.emulator.engine import Emulator

LEVELS = ("REPORT_LEVEL_ADVERTISER", "REPORT_LEVEL_ADGROUP", "REPORT_LEVEL_WECHAT_SHOP_PRODUCT")


def check_request(emu: Emulator, call: Call) -> None:
    """Every call carries a timestamp within 300 s and a nonce of at most 32 characters that was not used before. Raises 11000-family codes."""
    stamp, nonce = call.query.get("timestamp", ""), call.query.get("nonce", "")
    if not stamp.isdigit() or min(abs(int(stamp) - time.time()), abs(int(stamp) - emu.clock.service())) > 300:
        raise ApiError(11012, "timestamp is invalid")
    seen: dict[str, float] = emu.store.setdefault("nonces", {})
    if not nonce or len(nonce) > 32 or nonce in seen:
        raise ApiError(11013, "nonce is invalid or was used")
    if len(seen) > 20_000:
        seen.clear()
    seen[nonce] = time.time()


@route(ADS, "/oauth/token", method="GET", account="")
def oauth_token(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """A token for an authorization code or a refresh token."""
    q, k = call.query, emu.keys
    if q.get("client_id") != k.ads_client_id or q.get("client_secret") != k.ads_client_secret:
        raise ApiError(11001, "client_id or client_secret is invalid")
    kind = q.get("grant_type")
    if kind == "refresh_token" and q.get("refresh_token") != k.ads_refresh_token:
        raise ApiError(11004, "refresh_token is invalid")
    if kind not in ("refresh_token", "authorization_code"):
        raise ApiError(11003, "grant_type is invalid")
    now = emu.clock.service()
    token = emu.tokens.same("ads", now)
    return {"authorizer_info": {"account_uin": 123456, "account_id": int(k.ads_account_id), "scope_list": ["ads_insights"]}, "access_token": token.value,
            "refresh_token": k.ads_refresh_token, "access_token_expires_in": int(token.expires - now), "refresh_token_expires_in": 2_592_000}  # fmt: skip


def figures(emu: Emulator, day: int) -> list[dict[str, int]]:
    """One day's figures per ad group, money in 分; clicks are the visits that came by ads."""
    world = emu.world
    d = emu.analytics.day(day)
    a, b = day_begin(day), day_begin(day + 1)
    paid = np.flatnonzero((world.orders["t_pay"] >= a) & (world.orders["t_pay"] < b) & (world.orders["channel"] == CH["ads"]))
    amount, people = int(world.orders["price"][paid].sum()), len(np.unique(world.orders["person"][paid]))
    contacts = int(
        ((world.people["t_contact"] >= a) & (world.people["t_contact"] < b) & (world.people["channel"] == CH["ads"])).sum()
    )
    rng = np.random.default_rng([world.seed, 95, day])
    price = rng.uniform(135, 215)
    rows = []
    left = {"clicks": d.ad_visits, "new": d.ad_new, "orders": len(paid), "users": people, "amount": amount, "contacts": contacts}
    for i, (number, _, share) in enumerate(ADGROUPS):
        part = {k: (v if i == len(ADGROUPS) - 1 else min(v, round({"clicks": d.ad_visits, "new": d.ad_new, "orders": len(paid), "users": people, "amount": amount,
                                                                   "contacts": contacts}[k] * share))) for k, v in left.items()}  # fmt: skip
        for k, v in part.items():
            left[k] -= v
        clicks = part["clicks"] + int(part["clicks"] * 0.14)
        cost = int(clicks * price * (0.9 + 0.1 * i))
        views = int(clicks * rng.uniform(55, 90))
        rows.append({
            "adgroup_id": number, "cost": cost, "view_count": views, "view_user_count": int(views * 0.8), "valid_click_count": clicks, "click_user_count": int(clicks * 0.95),
            "cpc": cost // clicks if clicks else 0, "thousand_display_price": cost * 1000 // views if views else 0, "conversions_count": part["orders"],
            "conversions_cost": cost // part["orders"] if part["orders"] else 0, "wecom_add_personal_dedup_pv": part["contacts"], "biz_reg_uv": part["new"], "from_follow_uv": 0,
            "order_pv": part["orders"], "order_uv": part["users"], "order_amount": part["amount"], "order_cost": cost // part["orders"] if part["orders"] else 0,
            "acquisition_cost": cost // part["new"] if part["new"] else 0, "scan_follow_count": 0,
        })  # fmt: skip
    return rows


def _json(call: Call, name: str, kind: type) -> Any:
    try:
        value = orjson.loads(call.query.get(name, ""))
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, kind):
        raise ApiError(18001, f"parameter {name} is invalid")
    return value


@route(ADS, "/v3.0/daily_reports/get", method="GET", account="ads")
def daily_reports(emu: Emulator, body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Spend and results by day, per advertiser or ad group; yesterday is complete at 08:00."""
    check_request(emu, call)
    if call.query.get("account_id", emu.keys.ads_account_id) != emu.keys.ads_account_id:
        raise ApiError(18002, "account_id is not authorised")
    level = call.query.get("level")
    if level not in LEVELS:
        raise ApiError(18001, "parameter level is invalid")
    span, group_by, fields = _json(call, "date_range", dict), _json(call, "group_by", list), _json(call, "fields", list)
    try:
        first, last = (number_of(date.fromisoformat(str(span.get(n)))) for n in ("start_date", "end_date"))
    except ValueError:
        raise ApiError(18001, "parameter date_range is invalid") from None
    today = day_number(emu.world.now)
    if first > last or last > today or first < today - 365:
        raise ApiError(18001, "parameter date_range is invalid")
    rows: list[dict[str, Any]] = []
    for day in range(max(first, emu.world.first_day), min(last, today - 1) + 1):
        parts = figures(emu, day)
        if "adgroup_id" in group_by or level == "REPORT_LEVEL_ADGROUP":
            found: list[dict[str, Any]] = [dict(p) for p in parts]
        else:
            found = [{k: sum(p[k] for p in parts) for k in parts[0] if k != "adgroup_id"}]
        for row in found:
            row |= {"date": f"{date_of(day):%Y-%m-%d}", "account_id": int(emu.keys.ads_account_id)}
            row["ctr"] = round(row["valid_click_count"] / row["view_count"], 6) if row["view_count"] else 0.0
            row["order_roi"] = round(row["order_amount"] / row["cost"], 4) if row["cost"] else 0.0
            if "adgroup_id" in row:
                row["adgroup_name"] = next(n for i, n, _ in ADGROUPS if i == row["adgroup_id"])
            rows.append({k: v for k, v in row.items() if k in fields or k in group_by})
    page, size = (
        int(call.query.get(n, d)) if call.query.get(n, d).isdigit() else 0 for n, d in (("page", "1"), ("page_size", "10"))
    )
    if page < 1 or not 1 <= size <= 2000:
        raise ApiError(18001, "parameter page or page_size is invalid")
    return {
        "list": rows[(page - 1) * size : page * size],
        "page_info": {"page": page, "page_size": size, "total_number": len(rows), "total_page": max(1, -(-len(rows) // size))},
    }
