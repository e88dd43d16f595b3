"""What the platform's error codes mean and what to do about each. Sources: shop fact sheet 1.2, WeCom 17, 公众号 1, 7, 9."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from zhanggui.wechat import errors
from zhanggui.wechat.endpoints import ADS_HOST, WECOM_HOST

_RID = re.compile(r"rid:\s*([0-9A-Za-z-]+)")
_IP = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")


class Reaction(Enum):
    """What the client does on a code."""

    FAIL = "fail"
    """Tell the caller; do not repeat."""
    RETRY = "retry"
    """Repeat after a pause when the call is safe to repeat."""
    TOKEN = "token"  # noqa: S105
    """Fetch a new token and repeat once."""
    SLOW = "slow"
    """Too fast: wait, then repeat; the call was not executed."""
    QUOTA = "quota"
    """Close the endpoint until the quota comes back."""


@dataclass(frozen=True)
class Meaning:
    """A code in Chinese, what to do, how the client reacts and which error it raises."""

    text: str
    remedy: str = ""
    reaction: Reaction = Reaction.FAIL
    error: type[errors.ReplyError] = errors.Refused
    pause: float = 0.0


_R, _E = Reaction, errors
_CHECK_KEYS = "请检查 AppSecret 是否正确、服务器 IP 是否在白名单"
_BUG = "这是程序的问题，请把这条记录发给技术支持"
_IP_REMEDY = "请把本服务器的出口 IP 加到平台后台的 IP 白名单（企业可信 IP）"
_OFF = "这项能力没有开通，开通后在连接页重新检测"

COMMON: dict[int, Meaning] = {
    -1: Meaning("微信系统繁忙", "稍后自动重试", _R.RETRY, _E.ReplyError),
    40001: Meaning("凭证无效或不是最新的", _CHECK_KEYS, _R.TOKEN, _E.ConfigurationError),
    40014: Meaning("凭证无效", _CHECK_KEYS, _R.TOKEN, _E.ConfigurationError),
    42001: Meaning("凭证已过期", _CHECK_KEYS, _R.TOKEN, _E.ConfigurationError),
    40003: Meaning("用户标识 openid 不对"),
    40013: Meaning("AppID 不对", "请检查 AppID", error=_E.ConfigurationError),
    40029: Meaning("登录 code 无效或已过期"),
    40037: Meaning("模板不存在", "请检查模板 ID"),
    40066: Meaning("接口地址不对或已搬家", _BUG),
    40097: Meaning("参数不对"),
    40125: Meaning("AppSecret 不对", "请从后台重新复制 AppSecret", error=_E.ConfigurationError),
    40129: Meaning("场景值不对"),
    40163: Meaning("登录 code 已用过"),
    40164: Meaning("服务器 IP 不在白名单", _IP_REMEDY, error=_E.IpNotAllowed),
    40226: Meaning("高风险用户，登录被拦截"),
    40243: Meaning("AppSecret 已被冻结", "请在后台解冻 AppSecret", error=_E.ConfigurationError),
    41001: Meaning("缺少凭证", _BUG),
    41002: Meaning("缺少 AppID", _BUG, error=_E.ConfigurationError),
    41004: Meaning("缺少 AppSecret", _BUG, error=_E.ConfigurationError),
    41018: Meaning("缺少 component_appid", _BUG),
    41030: Meaning("页面路径不对"),
    43001: Meaning("接口要用 GET", _BUG),
    43002: Meaning("接口要用 POST", _BUG),
    43003: Meaning("接口要用 HTTPS", _BUG),
    43101: Meaning("用户没有授权或授权次数已用完"),
    43104: Meaning("AppID 与 openid 不匹配"),
    43107: Meaning("订阅消息能力被封禁", _OFF, error=_E.CapabilityOff),
    44002: Meaning("请求内容为空", _BUG),
    45002: Meaning("内容过长", "请拆成几次"),
    45009: Meaning("当日调用次数用完", "北京时间零点恢复", _R.QUOTA, _E.QuotaExhausted),
    45011: Meaning("调用太频繁", "一分钟后自动继续", _R.SLOW, _E.Throttled, 60.0),
    45015: Meaning("超过可回复的时间"),
    45035: Meaning("服务器 IP 不在白名单", _IP_REMEDY, error=_E.IpNotAllowed),
    45047: Meaning("客服消息条数超限"),
    47001: Meaning("请求不是合法的 JSON", _BUG),
    47003: Meaning("参数不对"),
    48001: Meaning("本店没有这个接口的权限", _OFF, error=_E.CapabilityOff),
    48004: Meaning("接口被封禁", "请登录后台查看封禁原因", error=_E.CapabilityOff),
    50001: Meaning("用户没有授权", "请在后台检查账号状态", error=_E.ConfigurationError),
    50002: Meaning("账号受限", "请在后台检查账号状态", error=_E.ConfigurationError),
    61003: Meaning("没有授权给第三方", error=_E.ConfigurationError),
    61004: Meaning("服务器 IP 不在白名单", _IP_REMEDY, error=_E.IpNotAllowed),
    61007: Meaning("接口没有授权", _OFF, error=_E.CapabilityOff),
    61010: Meaning("用户两小时内没有访问小程序"),
    61500: Meaning("日期格式不对", _BUG),
    61501: Meaning("日期范围不对", _BUG),
    61503: Meaning("当天的统计还没有算好", "一小时后自动再取", error=_E.NotReadyYet),
    89503: Meaning("此 IP 正在等待管理员确认", _IP_REMEDY, error=_E.IpNotAllowed),
    100002: Meaning("订单不存在", error=_E.NoSuchThing),
    31042: Meaning("时间段内订单太多", "自动缩短时间段", error=_E.WindowTooLarge),
    606006: Meaning("翻页标记失效", "自动从头翻页", error=_E.WalkBroken),
    6060456: Meaning("搜索文字含不允许的字符"),
    10080000: Meaning("店铺正在注销", "已停止同步", error=_E.ConfigurationError),
    10080001: Meaning("店铺已注销", "已停止同步", error=_E.ConfigurationError),
    10020049: Meaning("商品正在审核"),
    10020050: Meaning("没有商品接口权限", _OFF, error=_E.CapabilityOff),
    10020051: Meaning("商品参数不对"),
    10020052: Meaning("商品不存在", error=_E.NoSuchThing),
    10020014: Meaning("商品在限时抢购中，规格不能改"),
    10020065: Meaning("商品没有上架"),
    10020067: Meaning("商品正在异步提交"),
    10020076: Meaning("限时抢购任务不存在", error=_E.NoSuchThing),
    10020103: Meaning("商品数量超限"),
    10021001: Meaning("优惠券参数不对"),
    10021003: Meaning("优惠券操作失败"),
    10021034: Meaning("优惠券操作失败"),
    10021036: Meaning("优惠券操作失败"),
    10021037: Meaning("优惠券操作失败"),
    10021069: Meaning("罗盘日期不对"),
    10023007: Meaning("本店没有开通优选联盟", _OFF, error=_E.CapabilityOff),
    10070004: Meaning("分享员不存在", error=_E.NoSuchThing),
    10070006: Meaning("分享员状态不对"),
    10071003: Meaning("会员功能不可用", _OFF, error=_E.CapabilityOff),
    10100001: Meaning("会员功能不可用", _OFF, error=_E.CapabilityOff),
    10100002: Meaning("会员功能不可用", _OFF, error=_E.CapabilityOff),
    10100003: Meaning("会员功能不可用", _OFF, error=_E.CapabilityOff),
    788191005: Meaning("合作账号状态不对"),
    803131000: Meaning("合作账号不对"),
    914910001: Meaning("企业微信不是本店的关联账号"),
    914911001: Meaning("企业微信关联信息不对"),
    914911002: Meaning("企业微信关联信息不对"),
    914911003: Meaning("企业微信关联信息不对"),
}
"""微信小店, 公众号, 小程序."""

WECOM: dict[int, Meaning] = {
    -1: Meaning("企业微信系统繁忙", "稍后自动重试", _R.RETRY, _E.ReplyError),
    40001: Meaning("企业微信 Secret 不对", "请检查自建应用的 Secret", _R.TOKEN, _E.ConfigurationError),
    40013: Meaning("企业 ID 不对", "请检查 CorpID", error=_E.ConfigurationError),
    40014: Meaning("凭证无效", "请检查自建应用的 Secret 和可信 IP", _R.TOKEN, _E.ConfigurationError),
    42001: Meaning("凭证已过期", "请检查自建应用的 Secret 和可信 IP", _R.TOKEN, _E.ConfigurationError),
    40096: Meaning("客户标识不对", error=_E.NoSuchThing),
    41051: Meaning("客户已开始聊天，欢迎语不能再发"),
    45009: Meaning("企业微信接口调用太频繁", "稍后自动继续", _R.SLOW, _E.Throttled, 60.0),
    45033: Meaning("企业微信接口并发过多", "稍后自动继续", _R.SLOW, _E.Throttled, 5.0),
    48002: Meaning("应用没有这个接口的权限", "请在客户联系的可调用接口应用里加上本应用", error=_E.CapabilityOff),
    60011: Meaning("应用没有管理此成员的权限", "请检查应用可见范围", error=_E.CapabilityOff),
    60020: Meaning("服务器 IP 不在可信名单", _IP_REMEDY, error=_E.IpNotAllowed),
    60111: Meaning("成员不存在", error=_E.NoSuchThing),
    81013: Meaning("接收人全部无效"),
    81017: Meaning("可见范围太大，须按群主分批查询", _BUG),
    84061: Meaning("不是该成员的客户", error=_E.NoSuchThing),
    86001: Meaning("群标识不对", error=_E.NoSuchThing),
    86003: Meaning("群不存在", error=_E.NoSuchThing),
    90500: Meaning("群主没有离职"),
    90501: Meaning("不是客户群"),
    95014: Meaning("接待人员没有激活"),
    600018: Meaning("统计时间不对（不含今天）"),
}
"""企业微信."""

ADS: dict[int, Meaning] = {
    11000: Meaning("广告凭证无效", "请重新授权广告账号", _R.TOKEN, _E.ConfigurationError),
    11001: Meaning("广告凭证已过期", "请重新授权广告账号", _R.TOKEN, _E.ConfigurationError),
    11002: Meaning("广告凭证无效", "请重新授权广告账号", _R.TOKEN, _E.ConfigurationError),
    11005: Meaning("没有这个广告账号的权限", _OFF, error=_E.CapabilityOff),
    11017: Meaning("广告接口调用太频繁", "一分钟后自动继续", _R.SLOW, _E.Throttled, 60.0),
}
"""微信广告; the fact sheet documents only that 0 is good, so these are field reports and everything else is a refusal."""

_UNKNOWN = Meaning("微信返回了错误", "如一直出现，请把这条记录发给技术支持", error=_E.ReplyError)
_BUSY_ADS = Meaning("广告系统繁忙", "稍后自动重试", _R.RETRY, _E.ReplyError)


def meaning_of(code: int, host: str = "") -> Meaning:
    """What a code means on a host; without a host the shop's meaning, then WeCom's."""
    if host == ADS_HOST:
        return ADS.get(code) or (_BUSY_ADS if code in (1000, 1001) else _UNKNOWN)
    if host == WECOM_HOST:
        return WECOM.get(code) or COMMON.get(code) or _UNKNOWN
    return COMMON.get(code) or (WECOM.get(code) if not host else None) or _UNKNOWN


def error_of(code: int, errmsg: str, *, host: str, endpoint: str) -> errors.ReplyError:
    """The error of an answer with a code, with the platform's rid kept for support."""
    meaning = meaning_of(code, host)
    rid = _RID.search(errmsg)
    fields: dict[str, Any] = {
        "errcode": code,
        "errmsg": errmsg,
        "endpoint": endpoint,
        "rid": rid[1] if rid else "",
        "remedy": meaning.remedy,
    }
    text = meaning.text if meaning is not _UNKNOWN else f"{meaning.text} {code}" + (f"：{errmsg[:80]}" if errmsg else "")
    if meaning.error is errors.Throttled:
        return errors.Throttled(text, retry_after=meaning.pause or 60.0, **fields)
    if meaning.error is errors.IpNotAllowed:
        found = _IP.search(errmsg)
        return errors.IpNotAllowed(f"{text}（{found[1]}）" if found else text, ip=found[1] if found else "", **fields)
    return meaning.error(text, **fields)
