"""What can go wrong with WeChat, drawn.

    WechatError                       every error of this room; Chinese message and what to do
    ├── CallError                     we called it wrongly: unknown endpoint, missing field, a write by the reading client
    ├── TransportError                no answer: connection, timeout, HTTP 5xx; `sent` says whether the platform may have acted
    ├── UnreadableReply               an answer that is no JSON, cut off, or not what the endpoint promises
    ├── ReplyError                    the platform answered with an errcode
    │   ├── Throttled                 too fast; `retry_after` seconds
    │   ├── QuotaExhausted            the day's quota of this endpoint is used up; `until`
    │   ├── ConfigurationError        credentials, app id, account state
    │   │   └── IpNotAllowed          our egress address is not on the allow-list
    │   ├── CapabilityOff             this shop or account does not have the ability
    │   ├── NoSuchThing               the order, product … does not exist
    │   ├── WindowTooLarge            too many rows in the window: halve it
    │   ├── WalkBroken                the page cursor does not fit the parameters: start this walk again
    │   ├── NotReadyYet               statistics of that day are not computed yet
    │   └── Refused                   refused for a business reason
    ├── CallbackUnsupported           a push we do not know: acknowledge, keep, note
    └── CallbackAnomalous             a push to refuse; `why` is forged, oversized, stale, unreadable, undecryptable, plain or wrong_receiver

No message, repr or traceback line of these holds a token, a secret or a URL with one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from zhanggui.kernel.errors import ZhangguiError


class WechatError(ZhangguiError):
    """Every error of the WeChat room."""

    code = "wechat"


class CallError(WechatError):
    """The call itself was wrong; nothing was sent."""

    code = "wechat_call"


class TransportError(WechatError):
    """No answer came. `sent` is True when the platform may have acted on the call all the same."""

    code = "wechat_transport"

    def __init__(
        self,
        message: str,
        *,
        sent: bool = True,
        status: int | None = None,
        remedy: str = "稍后会自动重试；若一直如此，请检查网络",
        **fields: Any,
    ) -> None:
        super().__init__(message, remedy=remedy, **fields)
        self.sent, self.status = sent, status


class UnreadableReply(WechatError):
    """The answer cannot be read."""

    code = "wechat_unreadable"

    def __init__(self, message: str, *, remedy: str = "请把这条记录发给技术支持", **fields: Any) -> None:
        super().__init__(message, remedy=remedy, **fields)


class ReplyError(WechatError):
    """The platform answered with an error code."""

    code = "wechat_reply"

    def __init__(
        self,
        message: str,
        *,
        errcode: int = 0,
        errmsg: str = "",
        endpoint: str = "",
        rid: str = "",
        remedy: str = "",
        **fields: Any,
    ) -> None:
        super().__init__(message, remedy=remedy, errcode=errcode, endpoint=endpoint, **fields)
        self.errcode, self.errmsg, self.endpoint, self.rid = errcode, errmsg, endpoint, rid


class Throttled(ReplyError):
    """Too many calls; the call was not executed. Try again after `retry_after` seconds."""

    code = "wechat_throttled"

    def __init__(self, message: str, *, retry_after: float = 60.0, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.retry_after = retry_after


class QuotaExhausted(ReplyError):
    """The day's quota of this endpoint is used up until `until` (UTC)."""

    code = "wechat_quota"

    def __init__(self, message: str, *, until: datetime | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.until = until


class ConfigurationError(ReplyError):
    """Credentials or account settings must be put right by a person."""

    code = "wechat_configuration"


class IpNotAllowed(ConfigurationError):
    """Our egress address is not on the platform's allow-list; `ip` if the platform named it."""

    code = "wechat_ip"

    def __init__(self, message: str, *, ip: str = "", **fields: Any) -> None:
        super().__init__(message, **fields)
        self.ip = ip


class CapabilityOff(ReplyError):
    """The shop or account does not have this ability: stop asking for it."""

    code = "wechat_capability"


class NoSuchThing(ReplyError):
    """What was asked for does not exist."""

    code = "wechat_not_found"


class WindowTooLarge(ReplyError):
    """More rows in the window than the platform lists; ask for a smaller one."""

    code = "wechat_window"


class WalkBroken(ReplyError):
    """The cursor was refused; start this walk from its first page."""

    code = "wechat_walk"


class NotReadyYet(ReplyError):
    """That day's statistics are not computed yet; ask again in an hour."""

    code = "wechat_not_ready"


class Refused(ReplyError):
    """Refused for a business reason; the same call will be refused again."""

    code = "wechat_refused"


class CallbackUnsupported(WechatError):
    """A push of a kind we do not know. Acknowledge it, keep it raw, note it."""

    code = "callback_unsupported"


class CallbackAnomalous(WechatError):
    """A push that must be refused. `why` is one word for counters."""

    code = "callback_anomalous"

    def __init__(self, message: str, *, why: str, remedy: str = "", **fields: Any) -> None:
        super().__init__(message, remedy=remedy, why=why, **fields)
        self.why = why
