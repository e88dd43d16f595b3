"""WeChat's pushes: verify, take in, answer at once. Nothing is fetched or decided here, and no body is ever logged.

    GET   the platform checks the address: its echo is answered
    POST  a push: kept, then "success" (WeCom wants an empty body); work on it begins afterwards

Refused and counted: oversized 413; forged, stale, plain, wrong receiver 403; unreadable or undecryptable 400; keys not filled in 503 (the
platform repeats, so that pushes are not lost while somebody fills them in). What is genuine but unknown is kept and acknowledged.
"""

from __future__ import annotations

import hashlib
import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from zhanggui.facts import commands
from zhanggui.facts.models import Connection
from zhanggui.kernel import clock, vault
from zhanggui.wechat.callbacks import (
    MAX_BYTES,
    SUCCESS,
    Callback,
    CallbackAnomalous,
    CallbackKeys,
    CallbackUnsupported,
    ConfigurationError,
    open_envelope,
    parse_body,
)
from zhanggui.wechat.crypto import answer_url_check, open_sealed

log = logging.getLogger("zhanggui.callbacks")
KINDS = (Connection.Kind.STORE, Connection.Kind.WECOM, Connection.Kind.OFFICIAL, Connection.Kind.MINI)
STATUS = {
    "oversized": 413,
    "forged": 403,
    "stale": 403,
    "plain": 403,
    "wrong_receiver": 403,
    "unreadable": 400,
    "undecryptable": 400,
    "unconfigured": 503,
}
"""Why a push was refused → HTTP status."""


@csrf_exempt
def callback(request: HttpRequest, key: str) -> HttpResponse:
    """The answer to one request of the platform at one account's address."""
    connection = Connection.objects.filter(callback_key=key, kind__in=KINDS).exclude(state="off").first()
    if connection is None:
        return _answer("not found", 404)
    if request.method not in ("GET", "POST"):
        response = _answer("method not allowed", 405)
        response["Allow"] = "GET, POST"
        return response
    try:
        if request.method == "GET":
            return _answer(answer_url_check(_query(request), keys_of(connection)))
        push = _read(request, connection)
    except CallbackAnomalous as anomaly:
        return _refused(connection, anomaly.why)
    except (ConfigurationError, vault.Unopenable):
        return _refused(connection, "unconfigured")
    commands.receive(connection, push)
    return _answer("" if connection.kind == Connection.Kind.WECOM else SUCCESS)


def keys_of(connection: Connection) -> CallbackKeys:
    """What the account's pushes are signed and sealed with. Raises ConfigurationError without a token: anybody could sign with none."""
    shop_id = connection.shop_id
    token = vault.unseal_text(connection.callback_token_sealed, shop_id=shop_id)
    if not token:
        raise ConfigurationError("还没有填写推送的 Token", remedy="请在连接页填写")
    return CallbackKeys(
        token=token,
        aes_key=vault.unseal_text(connection.aes_key_sealed, shop_id=shop_id),
        receiver=connection.account_id,
        previous_aes_key=vault.unseal_text(connection.previous_aes_key_sealed, shop_id=shop_id),
    )


def _query(request: HttpRequest) -> dict[str, str]:
    return {name: str(request.GET[name]) for name in request.GET}


def _read(request: HttpRequest, connection: Connection) -> Callback:
    """The push inside the request, verified and decrypted. Raises what `open_envelope` raises, never for a kind we do not know."""
    body = _body(request)
    query, keys = _query(request), keys_of(connection)
    try:
        return open_envelope(body, query, keys, allow_plain=settings.PLAIN_CALLBACKS, now=clock.now())
    except CallbackUnsupported:
        sealed = parse_body(body).get("Encrypt")
        message = open_sealed(str(sealed), keys)[0] if sealed else body
        mark = hashlib.sha1(message, usedforsecurity=False).hexdigest()
        return Callback("unsupported", "unknown", "", mark, None, connection.account_id, "", supported=False, message=message)


def _body(request: HttpRequest) -> bytes:
    """The body, never more than a push can have in memory. Raises CallbackAnomalous."""
    try:
        told = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        told = 0
    if told > MAX_BYTES:
        raise CallbackAnomalous("推送内容过大", why="oversized")
    try:
        body = request.read(MAX_BYTES + 1)
    except (UnreadablePostError, OSError):
        raise CallbackAnomalous("推送没有传完", why="unreadable") from None
    if len(body) > MAX_BYTES:
        raise CallbackAnomalous("推送内容过大", why="oversized")
    return bytes(body)


def _refused(connection: Connection, why: str) -> HttpResponse:
    commands.refuse(connection)
    log.info("push refused: connection %s, %s", connection.pk, why)
    return _answer(why, STATUS.get(why, 403))


def _answer(text: str, status: int = 200) -> HttpResponse:
    response = HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    # Django would log a refusal with its path, and the path is half of the secret.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
