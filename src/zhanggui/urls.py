"""Where the doors stand. The desk has its own list; WeChat's callbacks and the collector bring theirs."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path

from zhanggui.doors import errors


def healthz(request: HttpRequest) -> HttpResponse:
    """Says that the web process answers; touches nothing."""
    return HttpResponse("ok", content_type="text/plain")


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("", include("zhanggui.doors.desk.urls")),
]
for _door in ("zhanggui.doors.callbacks.urls", "zhanggui.doors.collect.urls", "zhanggui.doors.demo.urls"):
    if find_spec(_door.rpartition(".")[0]) is not None and find_spec(_door) is not None:
        import_module(_door)
        urlpatterns.append(path("", include(_door)))

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
