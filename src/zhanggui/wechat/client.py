"""The road to WeChat: one connection pool, the right token, the right pace, and the right reaction to every answer.

    async with Transport() as transport:
        caller = Caller(ShopAccount(appid, secret), transport, hosts={"api.weixin.qq.com": "http://127.0.0.1:9100/api.weixin.qq.com"})
        data = await caller.call(endpoint("order.get"), {"order_id": "1"})

Retries: only where repeating is harmless. Connections that were never made, refused tokens and "too fast" are repeated for every call, because
the platform did not act; lost answers, HTTP 5xx and "busy" only for calls that are safe to repeat. Time, sleep and chance are arguments.
No token or secret reaches a log line, a repr or an exception.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from zhanggui.wechat import errors
from zhanggui.wechat.budget import Budget
from zhanggui.wechat.codes import Reaction, error_of, meaning_of
from zhanggui.wechat.endpoints import ADS_HOST, REGISTRY, SHOP_HOST, WECOM_HOST, Endpoint, endpoint
from zhanggui.wechat.errors import CallError, ConfigurationError, IpNotAllowed, ReplyError, TransportError, UnreadableReply
from zhanggui.wechat.schemas.base import Payload, dumps, exact_int, loads
from zhanggui.wechat.schemas.reading import read
from zhanggui.wechat.tokens import MemoryTokenStore, Token, TokenKeeper, TokenStore, key_of

logger = logging.getLogger(__name__)
_JSON = {"Content-Type": "application/json"}
_NO_HEADERS: dict[str, str] = {}
MAX_REPLY = 64 << 20


@dataclass(frozen=True)
class ShopAccount:
    """A 微信小店, 公众号 or 小程序: its app id and secret."""

    appid: str
    secret: str = field(repr=False)
    host: str = SHOP_HOST


@dataclass(frozen=True)
class WecomAccount:
    """A self-built WeCom app: corp id and the app's secret."""

    corpid: str
    secret: str = field(repr=False)
    agent_id: str = ""
    host: str = WECOM_HOST


@dataclass(frozen=True)
class AdsAccount:
    """A Tencent Ads authorisation: the developer app and the refresh token (or a first access token)."""

    account_id: str
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    host: str = ADS_HOST


Account = ShopAccount | WecomAccount | AdsAccount


@dataclass(frozen=True)
class Raw:
    """An answer as it came: HTTP status, content type, body."""

    status: int
    content_type: str
    body: bytes = field(repr=False)


class Carrier(Protocol):
    """What carries one request. Raises TransportError, whose `sent` says whether the platform may have acted."""

    async def send(self, method: str, url: str, body: Any, headers: Mapping[str, str], timeout: float) -> Raw:
        """Sends and gives the whole answer."""


class Transport:
    """aiohttp with one pool for all hosts. Use as an async context manager, or call `close`."""

    def __init__(self, *, connections: int = 100, per_host: int = 64, connect_timeout: float = 5.0) -> None:
        self._connections, self._per_host, self._connect_timeout = connections, per_host, connect_timeout
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Transport:
        self._open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(
                limit=self._connections, limit_per_host=self._per_host, keepalive_timeout=30.0, ttl_dns_cache=300
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "zhanggui", "Accept": "application/json"},
                skip_auto_headers=("Accept-Encoding",),
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        """Closes the pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, method: str, url: str, body: Any, headers: Mapping[str, str], timeout: float) -> Raw:
        """Sends and gives the whole answer. The errors raised never hold the URL."""
        session = self._open()
        sent, why = True, ""
        try:
            async with session.request(
                method,
                URL(url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout, connect=None, sock_connect=self._connect_timeout),
            ) as reply:
                data = await reply.content.read(MAX_REPLY)
                if not reply.content.at_eof():
                    data += await reply.content.read(1)
                    while not reply.content.at_eof() and len(data) <= MAX_REPLY:
                        data += await reply.content.read(MAX_REPLY)
                return Raw(reply.status, reply.content_type or "", data)
        except aiohttp.ClientConnectorError:
            sent, why = False, "连不上微信服务器"
        except aiohttp.ConnectionTimeoutError:
            sent, why = False, "连接微信服务器超时"
        except TimeoutError:
            why = "微信服务器超时没有回复"
        except aiohttp.ClientPayloadError:
            why = "微信的回复没有收完整"
        except (aiohttp.ClientError, OSError):
            why = "与微信服务器的连接中断"
        except ValueError:
            sent, why = False, "接口地址不正确"
        # Raised outside the except blocks: aiohttp's errors can hold the URL, and with it the token.
        raise TransportError(why, sent=sent)


Sleep = Callable[[float], Awaitable[None]]


class Caller:
    """Calls endpoints for one account."""

    def __init__(
        self,
        account: Account,
        transport: Carrier,
        *,
        hosts: Mapping[str, str] | None = None,
        store: TokenStore | None = None,
        budget: Budget | None = None,
        paths: Mapping[str, str] | None = None,
        timeout: float = 20.0,
        attempts: int = 4,
        longest_wait: float = 90.0,
        clock: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        """`hosts` maps a host to another base URL, `paths` an endpoint's name to another path. `longest_wait` seconds are waited for pace."""
        self.account = account
        self._transport, self._timeout, self._attempts, self._longest_wait = transport, timeout, attempts, longest_wait
        self._hosts = {host: base.rstrip("/") for host, base in (hosts or {}).items()}
        self._paths = dict(paths or {})
        self._clock, self._sleep = clock, sleep
        self._random = rng or random.Random()  # noqa: S311 - jitter, not secrecy
        self.budget = budget or Budget()
        self._bases: dict[str, str] = {}
        self._moved: dict[str, str] = {}
        self._keeper = self._make_keeper(store or MemoryTokenStore())

    def __repr__(self) -> str:
        return f"Caller({self.account!r})"

    def now(self) -> float:
        """Epoch seconds by the caller's clock."""
        return self._clock()

    # -- tokens ----------------------------------------------------------------------------------------------------------------

    def _make_keeper(self, store: TokenStore) -> TokenKeeper:
        account = self.account
        if isinstance(account, ShopAccount):
            return TokenKeeper(key_of("app", account.appid, account.secret), self._fetch_stable, store, self._clock)
        if isinstance(account, WecomAccount):
            key = key_of("wecom", account.corpid, account.secret)
            return TokenKeeper(key, self._fetch_wecom, store, self._clock, can_force=False)
        key = key_of("ads", account.account_id, account.client_secret)
        return TokenKeeper(key, self._fetch_ads, store, self._clock, can_force=False)

    async def token(self) -> str:
        """An access token with life left."""
        return await self._keeper.get()

    async def _fetch_stable(self, force: bool, before: Token | None) -> Token:
        account = self.account
        assert isinstance(account, ShopAccount)
        body = {"grant_type": "client_credential", "appid": account.appid, "secret": account.secret, "force_refresh": force}
        return self._token_from(await self._secret_call(endpoint("stable_token"), body))

    async def _fetch_wecom(self, force: bool, before: Token | None) -> Token:
        account = self.account
        assert isinstance(account, WecomAccount)
        return self._token_from(
            await self._secret_call(endpoint("wecom.gettoken"), {"corpid": account.corpid, "corpsecret": account.secret})
        )

    async def _fetch_ads(self, force: bool, before: Token | None) -> Token:
        account = self.account
        assert isinstance(account, AdsAccount)
        refresh = (before.refresh_value if before else "") or account.refresh_token
        if not refresh:
            if account.access_token and (before is None or before.value != account.access_token):
                return Token(account.access_token, self._clock() + 86400.0)
            raise ConfigurationError("广告账号没有授权", remedy="请在连接页重新授权广告账号")
        fields = {
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "grant_type": "refresh_token",
            "refresh_token": refresh,
        }
        data = (await self._secret_call(endpoint("ads.oauth.token"), fields)).get("data")
        if not isinstance(data, dict) or not data.get("access_token"):
            raise UnreadableReply("广告凭证的回复无法识别", endpoint="ads.oauth.token")
        life = exact_int(data.get("access_token_expires_in")) or 86400
        return Token(str(data["access_token"]), self._clock() + life, refresh_value=str(data.get("refresh_token") or refresh))

    def _token_from(self, data: dict[str, Any]) -> Token:
        value, life = data.get("access_token"), exact_int(data.get("expires_in"))
        if not isinstance(value, str) or not value:
            raise UnreadableReply("凭证的回复无法识别", endpoint="stable_token")
        return Token(value, self._clock() + (life if life is not None else 7200))

    async def _secret_call(self, one: Endpoint, fields: dict[str, Any]) -> dict[str, Any]:
        """A token call: no token of its own, and whatever the code, nothing of the secret in the error."""
        try:
            data = await self._attempt_all(one, fields, None)
        except ReplyError as error:
            if error.errcode in (40001, 40013, 40125, 40243, 41002, 41004) or one.host == ADS_HOST:
                raise ConfigurationError(
                    "取不到接口凭证：账号或密钥不对",
                    errcode=error.errcode,
                    endpoint=one.name,
                    rid=error.rid,
                    remedy="请检查 AppID、AppSecret / IP 白名单" if one.host == SHOP_HOST else "请检查账号、密钥与可信 IP",
                ) from None
            raise
        if not isinstance(data, dict):
            raise UnreadableReply("凭证的回复无法识别", endpoint=one.name)
        return data

    # -- calls -----------------------------------------------------------------------------------------------------------------

    async def call(
        self,
        one: Endpoint,
        fields: Mapping[str, Any] | None = None,
        *,
        form: Any = None,
        token: str | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """The answer of a call as plain JSON data (bytes for binary endpoints).

        Raises CallError for a call that lacks required fields, TransportError, UnreadableReply, or the ReplyError of the platform's code.
        `token` replaces the account's own (OAuth calls of a user).
        """
        given = fields or {}
        missing = [name for name in one.required if given.get(name) is None] if one.auth != "secret" else []
        if missing:
            raise CallError(f"{one.name} 缺少参数：{'、'.join(missing)}", endpoint=one.name)
        if one.auth not in ("token", "user") or token is not None:
            return await self._attempt_all(one, given, token, form=form, query=query)
        value = self._keeper.cached() or await self._keeper.get()
        for round_ in range(3):
            try:
                return await self._attempt_all(one, given, value, form=form, query=query)
            except ReplyError as error:
                if meaning_of(error.errcode, one.host).reaction is not Reaction.TOKEN:
                    raise
                failure = error
            if round_ == 0:
                logger.info("token of %s refused on %s (%s); fetching again", self._keeper.key, one.name, failure.errcode)
                value = await self._keeper.renew(value)
            elif round_ == 1:
                try:
                    value = await self._keeper.renew(value, force=True)
                except ConfigurationError as refused:
                    raise self._hopeless(one, failure) from refused
        raise self._hopeless(one, failure)

    def _hopeless(self, one: Endpoint, failure: ReplyError) -> ConfigurationError:
        remedy = "请检查 AppSecret / IP 白名单" if one.host == SHOP_HOST else meaning_of(failure.errcode, one.host).remedy
        return ConfigurationError(
            "刷新凭证后仍被拒绝",
            errcode=failure.errcode,
            errmsg=failure.errmsg,
            endpoint=one.name,
            rid=failure.rid,
            remedy=remedy,
        )

    async def _attempt_all(
        self,
        one: Endpoint,
        fields: Mapping[str, Any],
        token: str | None,
        *,
        form: Any = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """One call with its repetitions; a refused token is the caller's matter."""
        tried = slowed = 0
        while True:
            wait = self.budget.take(one, self._clock(), self._longest_wait)
            if wait > 0:
                await self._sleep(wait)
            try:
                return await self._once(one, fields, token, form, query)
            except TransportError as error:
                tried += 1
                if tried >= self._attempts or (error.sent and not one.safe):
                    raise
            except ReplyError as error:
                reaction = meaning_of(error.errcode, one.host).reaction
                if reaction is Reaction.SLOW:
                    slowed += 1
                    pause = self.budget.slow_down(one, self._clock(), max(meaning_of(error.errcode, one.host).pause, 1.0))
                    pause += self._random.uniform(0.0, min(5.0, pause / 4))
                    if isinstance(error, errors.Throttled):
                        error.retry_after = pause
                    if slowed > 2 or pause > self._longest_wait or form is not None:
                        raise
                    logger.info("%s is too fast (%s); waiting %.0f s", one.name, error.errcode, pause)
                    await self._sleep(pause)
                    continue
                if reaction is Reaction.QUOTA:
                    until = self.budget.close(one, self._clock())
                    if isinstance(error, errors.QuotaExhausted):
                        error.until = until
                    raise
                tried += 1
                if reaction is not Reaction.RETRY or not one.safe or tried >= self._attempts:
                    if error.errcode == 40066 and self._move(one):
                        tried -= 1
                        continue
                    raise
            if form is not None:
                raise TransportError("上传中断", sent=True)
            # Full jitter: anywhere between nothing and twice as far each time.
            await self._sleep(self._random.uniform(0.0, min(20.0, 0.5 * 2**tried)))

    def _move(self, one: Endpoint) -> bool:
        """Tries the endpoint's next known path after "invalid URL"; False when there is none left."""
        tried = self._moved.get(one.name)
        paths = (one.path, *one.other_paths)
        position = paths.index(tried) + 1 if tried in paths else 1
        if position >= len(paths):
            return False
        self._moved[one.name] = paths[position]
        self._bases.pop(one.name, None)
        logger.warning("%s has moved to %s", one.name, paths[position])
        return True

    def base_of(self, one: Endpoint) -> str:
        """The URL of an endpoint without its query."""
        found = self._bases.get(one.name)
        if found is None:
            path = self._moved.get(one.name) or self._paths.get(one.name) or one.path
            found = self._bases[one.name] = f"{self._hosts.get(one.host, 'https://' + one.host)}{path}"
        return found

    async def _once(
        self, one: Endpoint, fields: Mapping[str, Any], token: str | None, form: Any, extra: Mapping[str, Any] | None
    ) -> Any:
        pairs: list[tuple[str, str]] = []
        if one.host == ADS_HOST and one.auth == "token":
            pairs += [("timestamp", str(int(self._clock()))), ("nonce", f"{self._random.getrandbits(120):030x}")]
        body: Any = None
        headers: Mapping[str, str] = _NO_HEADERS
        if one.auth == "key":
            pairs.append(("key", str(fields.get("key", ""))))
            fields = {name: value for name, value in fields.items() if name != "key"}
        if form is not None:
            body = form() if callable(form) else form
        elif one.method == "POST":
            body, headers = dumps(fields), _JSON
        else:
            pairs += [(name, _in_query(value)) for name, value in fields.items() if value is not None]
        if extra:
            pairs += [(name, _in_query(value)) for name, value in extra.items()]
        url = self.base_of(one)
        if token is not None:
            url = f"{url}?access_token={quote(token, safe='')}"
        if pairs:
            url = f"{url}{'&' if token is not None else '?'}{urlencode(pairs)}"
        raw = await self._transport.send(one.method, url, body, headers, self._timeout)
        return self._open(one, raw, token)

    def _open(self, one: Endpoint, raw: Raw, token: str | None) -> Any:
        """The data of an answer, or the error it stands for."""
        body = raw.body
        if one.binary and raw.status == 200 and "json" not in raw.content_type and body[:1] != b"{":
            return body
        try:
            data = loads(body)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            if raw.status == 403:
                raise IpNotAllowed(
                    "微信拒绝了本服务器（HTTP 403）", endpoint=one.name, remedy="请把本服务器的出口 IP 加到平台后台的 IP 白名单"
                )
            if raw.status == 429:
                # Turned away before anything was done: as good as the platform's own "too fast".
                raise error_of(11017 if one.host == ADS_HOST else 45011, "HTTP 429", host=one.host, endpoint=one.name)
            if raw.status >= 500:
                raise TransportError(f"微信服务器出错（HTTP {raw.status}）", sent=True, status=raw.status)
            if raw.status != 200:
                raise UnreadableReply(f"微信返回 HTTP {raw.status}", endpoint=one.name)
            if data is None and body.lstrip()[:1] in (b"{", b"["):
                raise TransportError("微信的回复没有收完整", sent=True, status=raw.status)
            raise UnreadableReply("微信的回复不是 JSON 对象", endpoint=one.name)
        code = data.get("errcode", 0)
        if one.host == ADS_HOST:
            code = data.get("code", code)
        if code != 0:
            number = exact_int(code)
            if number != 0:
                message = str(data.get("errmsg") or data.get("message_cn") or data.get("message") or "")
                if token:
                    message = message.replace(token, "***")
                if number is None:
                    raise UnreadableReply("微信的错误码无法识别", endpoint=one.name)
                raise error_of(number, message, host=one.host, endpoint=one.name)
        if raw.status >= 500:
            raise TransportError(f"微信服务器出错（HTTP {raw.status}）", sent=True, status=raw.status)
        return data


def _in_query(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else dumps(value).decode() if isinstance(value, dict | list | tuple) else str(value)


class Client:
    """What all clients share: reading calls by name, the quota, and the models of answers. Writing calls are not here (`wechat.writes`)."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.caller.account!r})"

    async def call(self, name: str | Endpoint, /, *, parse: bool = True, **fields: Any) -> Any:
        """The answer of a reading call: its model, or plain data with parse=False.

        Fields given as None are left out. Raises CallError for writing calls and for calls a merchant's credentials are not offered.
        """
        one = name if isinstance(name, Endpoint) else endpoint(name)
        if one.writes:
            raise CallError(f"{one.name} 是写操作，只能经出口执行", endpoint=one.name)
        if not one.offered:
            raise CallError(f"{one.name} 不能用本账号调用", endpoint=one.name)
        data = await self.caller.call(one, {key: value for key, value in fields.items() if value is not None})
        if not parse or isinstance(data, bytes):
            return data
        return read_answer(one, data)

    async def load_quota(self, *names: str) -> dict[str, tuple[int | None, int | None]]:
        """Reads today's limit and use of the endpoints and paces by them; name → (limit, used). Costs one call each."""
        found: dict[str, tuple[int | None, int | None]] = {}
        for name in names:
            one = endpoint(name)
            reply = await self.call("openapi.quota.get", cgi_path=one.path)
            quota, rate = reply.quota, reply.rate_limit
            per_minute = None
            if rate is not None and rate.call_count and rate.refresh_second:
                per_minute = 60.0 * rate.call_count / rate.refresh_second
            limit, used = (quota.daily_limit, quota.used) if quota is not None else (None, None)
            self.caller.budget.learn(one, self.caller.now(), daily_limit=limit, used=used, per_minute=per_minute)
            found[name] = (limit, used)
        return found


def read_answer(one: Endpoint, data: Any) -> Payload:
    """An answer as its model; an answer wrapped once more in `data` (or not wrapped where it should be) is read all the same."""
    model = one.response_model
    needed = [leaf.name for leaf in one.response_fields if leaf.required]
    if isinstance(data, dict) and needed and not any(name in data for name in needed):
        inner = data.get("data")
        if isinstance(inner, dict) and any(name in inner for name in needed):
            data = inner
        elif len(needed) == 1:
            data = {needed[0]: {key: value for key, value in data.items() if key not in ("errcode", "errmsg")}}
    notes: list[str] = []
    value = read(model, data, notes)
    if notes:
        logger.warning("%s answered fields that cannot be read: %s", one.name, "; ".join(notes)[:300])
    return value


def readable(name: str) -> bool:
    """Whether a name is an offered reading call."""
    one = REGISTRY.get(name)
    return one is not None and one.offered and not one.writes
