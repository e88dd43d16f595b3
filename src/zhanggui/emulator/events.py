"""What the platform would push when something happens in the market: (time, kind, row) → (account, event)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zhanggui.emulator.catalogue import STAFF
from zhanggui.emulator.market import words

if TYPE_CHECKING:
    from zhanggui.emulator.engine import Emulator


def shop_event(emu: Emulator, at: float, name: str, openid: str, **payload: Any) -> dict[str, Any]:
    """A shop event in its envelope."""
    return {
        "ToUserName": emu.keys.shop_username,
        "FromUserName": openid,
        "CreateTime": int(at),
        "MsgType": "event",
        "Event": name,
        **payload,
    }


def wecom_event(emu: Emulator, at: float, name: str, change: str, **payload: Any) -> dict[str, Any]:
    """A WeCom event of the self-built form."""
    return {"ToUserName": emu.keys.corp_id, "FromUserName": "sys", "CreateTime": int(at), "MsgType": "event", "AgentID": emu.keys.agent_id, "Event": name,
            "ChangeType": change, **payload}  # fmt: skip


def of(emu: Emulator, at: float, kind: int, row: int) -> tuple[str, dict[str, Any]] | None:
    """The push for one happening, or None if the platform sends none."""
    world = emu.world
    if kind <= words.ORDER_EXT:
        return _order(emu, at, kind, row)
    if words.AS_NEW <= kind <= words.AS_END:
        a = world.aftersales
        order = int(a["order"][row])
        openid = world.openid(int(world.orders["person"][order]))
        return "shop", shop_event(emu, at, "channels_ec_aftersale_update", openid, finder_shop_aftersale_status_update={
            "status": world.aftersale_status(row), "after_sale_order_id": str(world.aftersale_id(row)), "order_id": str(world.order_id(order))})  # fmt: skip
    if kind in (words.COUPON_CLAIM, words.COUPON_USE):
        c = world.claims
        coupon = world.coupons[int(c["coupon"][row])]
        openid = world.openid(int(c["person"][row]))
        both = {"coupon_id": coupon.coupon_id, "user_coupon_id": str(user_coupon_id(row))}
        if kind == words.COUPON_CLAIM:
            return "shop", shop_event(
                emu, at, "channels_ec_coupon_receive", openid, receive_info={**both, "receive_time": str(int(at))}
            )
        return "shop", shop_event(emu, at, "channels_ec_user_coupon_use", openid, use_info={**both, "use_time": str(int(at))})
    if kind in (words.CONTACT_ADD, words.CONTACT_DEL):
        staff = STAFF[int(world.people["staff"][row])][0]
        who = {"UserID": staff, "ExternalUserID": world.external(row)}
        if kind == words.CONTACT_ADD:
            return "wecom", wecom_event(
                emu,
                at,
                "change_external_contact",
                "add_external_contact",
                **who,
                State=contact_state(emu, row),
                WelcomeCode=f"WC{row:x}{int(at):x}",
            )
        return "wecom", wecom_event(emu, at, "change_external_contact", "del_follow_user", **who)
    if kind in (words.GROUP_JOIN, words.GROUP_LEAVE):
        m = world.members
        group = world.groups[int(m["group"][row])]
        joined = kind == words.GROUP_JOIN
        detail = {"JoinScene": 3 if m["scene"][row] == 3 else 0} if joined else {"QuitScene": 0}
        return "wecom", wecom_event(emu, at, "change_external_chat", "update", ChatId=group["chat_id"], UpdateDetail="add_member" if joined else "del_member", **detail,
                                    MemChangeCnt=1, MemChangeList=[world.external(int(m["person"][row]))])  # fmt: skip
    return None


def user_coupon_id(row: int) -> int:
    """The platform id of a user coupon row."""
    return 29_700_000_000 + row * 7


def contact_state(emu: Emulator, person: int) -> str:
    """The channel value under which a contact was added."""
    channel = words.CHANNELS[int(emu.world.people["channel"][person])]
    return {"ads": "c=ads", "live": "c=live", "article": "c=article", "search": "c=search"}.get(channel, "c=parcel")


def _order(emu: Emulator, at: float, kind: int, row: int) -> tuple[str, dict[str, Any]] | None:
    world = emu.world
    o = world.orders
    openid = world.openid(int(o["person"][row]))
    number = world.order_id(row)
    info: dict[str, Any] = {"order_id": number if row % 4 == 0 else str(number)}
    if kind == words.ORDER_NEW:
        name = "channels_ec_order_new"
    elif kind == words.ORDER_PAY:
        name, info["pay_time"] = "channels_ec_order_pay", str(int(at))
    elif kind == words.ORDER_CANCEL:
        name, info["cancel_type"] = "channels_ec_order_cancel", int(o["cancel_type"][row])
    elif kind in (words.ORDER_SHIP, words.ORDER_SHIP2):
        name = "channels_ec_order_deliver"
        info["finish_delivery"] = (
            0 if kind == words.ORDER_SHIP and o["flags"][row] & words.F_SPLIT and o["t_ship2"][row] < words.INF else 1
        )
    elif kind == words.ORDER_DONE:
        name, info["confirm_type"] = "channels_ec_order_confirm", int(o["confirm_type"][row])
    elif kind == words.ORDER_SETTLE:
        name, info["settle_time"] = "channels_ec_order_settle", str(int(at))
    elif kind == words.ORDER_ACCEPT:
        name = "channels_ec_order_wait_shipping"
    elif kind == words.ORDER_VOID:
        name, info["cancel_type"] = "channels_ec_order_cancel", 3
    else:
        return None
    return "shop", shop_event(emu, at, name, openid, order_info=info)
