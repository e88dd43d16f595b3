"""Where the doors stand. The desk has its own list; WeChat's callbacks, the collector and the demo's link bring theirs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path

from zhanggui.doors import errors


def healthz(request: HttpRequest) -> HttpResponse:
    """Says that the web process answers; touches nothing."""
    return HttpResponse("ok", content_type="text/plain")


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("", include("zhanggui.doors.callbacks.urls")),
    path("", include("zhanggui.doors.collect.urls")),
    path("", include("zhanggui.doors.demo.urls")),
    path("", include("zhanggui.doors.desk.urls")),
]
handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
