"""The channels a customer can come by, and how the platform's own words for them translate (pure)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Channel:
    """One channel: its key in the data, its name on screen, and its kind (public, private, fission, unknown)."""

    key: str
    name: str
    kind: str


CHANNELS: dict[str, Channel] = {
    c.key: c
    for c in (
        Channel("search", "搜一搜", "public"),
        Channel("ads", "微信广告", "public"),
        Channel("article", "公众号文章", "public"),
        Channel("video", "视频号短视频", "public"),
        Channel("live", "视频号直播", "public"),
        Channel("league", "优选联盟带货", "public"),
        Channel("store", "店铺橱窗", "public"),
        Channel("moments", "朋友圈", "private"),
        Channel("group", "企微社群", "private"),
        Channel("chat", "企微一对一", "private"),
        Channel("official", "公众号菜单与消息", "private"),
        Channel("direct", "直接访问", "private"),
        Channel("invite", "老带新", "fission"),
        Channel("share", "好友分享", "fission"),
        Channel("gift", "送礼", "fission"),
        Channel("unknown", "未知来源", "unknown"),
    )
}
KINDS = {"public": "公域", "private": "私域", "fission": "裂变", "unknown": "未知"}


def kind_of(channel: str) -> str:
    """The kind of a channel key; a shop's own keys may carry it as "private:店员小王"."""
    if channel in CHANNELS:
        return CHANNELS[channel].kind
    head = channel.split(":", 1)[0]
    return head if head in KINDS else "unknown"


def name_of(channel: str) -> str:
    """The channel's name on screen; a shop's own key is shown as it is, without its kind."""
    if channel in CHANNELS:
        return CHANNELS[channel].name
    return channel.split(":", 1)[-1] if channel else CHANNELS["unknown"].name
