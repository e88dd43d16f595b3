"""What every answer of the house passes through: rate limit, CSP with nonce, security headers, errors told in Chinese."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from zhanggui.doors import errors
from zhanggui.kernel.errors import ZhangguiError

GENERAL_PER_MINUTE = 900
"""Requests one address may make in a minute, pictures and styles included; a busy desk makes about 60."""
SIGN_IN_TRIES = 8
SIGN_IN_WINDOW = 15 * 60
UNLIMITED = ("/static/", "/callbacks/", "/collect", "/healthz")
"""Paths with their own limits (WeChat's pushes, the shop's own pages) or none worth having."""


class Throttle:
    """Counts per key in a sliding window, in this process, with bounded memory (the least recently seen key is forgotten)."""

    def __init__(self, limit: int, seconds: float, keep: int = 20_000, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit, self.seconds, self.keep, self.clock = limit, seconds, keep, clock
        self._hits: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def _live(self, key: str, at: float) -> list[float]:
        hits = self._hits.get(key, [])
        if hits and hits[0] <= at - self.seconds:
            hits = [h for h in hits if h > at - self.seconds]
        return hits

    def wait(self, key: str) -> int:
        """Seconds until `key` may go on; 0 when it may now. Counts nothing."""
        with self._lock:
            at = self.clock()
            hits = self._live(key, at)
            return 0 if len(hits) < self.limit else max(1, int(hits[-self.limit] + self.seconds - at) + 1)

    def hit(self, key: str) -> int:
        """Counts one and answers like `wait` did before it; a refused one is not counted, so waiting always ends."""
        with self._lock:
            at = self.clock()
            hits = self._live(key, at)
            if len(hits) >= self.limit:
                self._hits[key] = hits
                return max(1, int(hits[-self.limit] + self.seconds - at) + 1)
            hits.append(at)
            self._hits[key] = hits
            self._hits.move_to_end(key)
            while len(self._hits) > self.keep:
                self._hits.popitem(last=False)
            return 0

    def forget(self, key: str) -> None:
        """Starts `key` anew, for example after a sign-in that worked."""
        with self._lock:
            self._hits.pop(key, None)

    def clear(self) -> None:
        """Starts every key anew."""
        with self._lock:
            self._hits.clear()


general = Throttle(GENERAL_PER_MINUTE, 60)
sign_in_pair = Throttle(SIGN_IN_TRIES, SIGN_IN_WINDOW)
"""Failed sign-ins per account and address."""
sign_in_address = Throttle(SIGN_IN_TRIES * 6, SIGN_IN_WINDOW)
"""Failed sign-ins per address over all accounts: guessing names is slowed too."""


def client_ip(request: HttpRequest) -> str:
    """The caller's address: the nearest proxy's word for it where the shop runs behind HTTPS, else the socket's."""
    if settings.BEHIND_HTTPS:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")[-1].strip()
        if forwarded:
            return str(forwarded)[:64]
    return str(request.META.get("REMOTE_ADDR", ""))


def policy(nonce: str) -> str:
    """The Content-Security-Policy: nothing from elsewhere, no inline style, scripts of ours or with this answer's nonce."""
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


class DoorMiddleware:
    """The outermost layer: static files, redirects and refusals of the layers within get its headers too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.csp_nonce = nonce = secrets.token_urlsafe(16)  # type: ignore[attr-defined]
        response = self._stopped(request) or self.get_response(request)
        if "Content-Security-Policy" not in response:
            response["Content-Security-Policy"] = policy(nonce)
        response.setdefault("X-Content-Type-Options", "nosniff")
        response.setdefault("Referrer-Policy", "same-origin")
        response.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
        response.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.setdefault("X-Frame-Options", "DENY")
        if settings.BEHIND_HTTPS:
            response.setdefault("Strict-Transport-Security", "max-age=31536000")
        if response.get("Content-Type", "").startswith("text/html") and "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"  # pages hold a shop's numbers; a shared phone must not keep them
        return response

    @staticmethod
    def _stopped(request: HttpRequest) -> HttpResponse | None:
        """The answer to a request that no view should see: too many from one address, or an address no text can hold."""
        if not request.path.startswith(UNLIMITED):
            ip = client_ip(request)
            # The machine's own address is the shopkeeper, the worker or the tests; a proxy is told apart by BEHIND_HTTPS above.
            wait = 0 if ip in {"127.0.0.1", "::1", ""} else general.hit(ip)
            if wait:
                return errors.too_many(request, wait)
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return errors.bad_request(request)  # PostgreSQL keeps no NUL in a text; nobody types one
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """An error of the house becomes its answer; anything else is Django's to report."""
        if isinstance(exception, ZhangguiError):
            return errors.from_zhanggui(request, exception)
        return None
