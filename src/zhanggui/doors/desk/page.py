"""How a view of the desk is entered and left: the grant is checked, the shop comes from it, one page value is rendered."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, Protocol

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from zhanggui.doors.errors import wrong_method
from zhanggui.doors.ui.context import Desk
from zhanggui.facts.models import Shop
from zhanggui.kernel.access import Permission, access_for
from zhanggui.kernel.errors import BadInput, NotFound
from zhanggui.kernel.models import User

View = Callable[..., HttpResponseBase]


class Page(Protocol):
    """A page is a frozen dataclass that names its template; the template sees it as `page` and nothing else of the view."""

    template: ClassVar[str]


def show(request: HttpRequest, page: Page, *, status: int = 200) -> HttpResponse:
    """The page rendered: whole, or for htmx the same template on a bare base."""
    return render(request, page.template, {"page": page}, status=status)


def signed_in(view: View) -> View:
    """For pages of a person rather than of a shop."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        readable(request)
        return view(request, *args, **kwargs)

    inner.signed_in = True  # type: ignore[attr-defined]
    return inner


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    if getattr(request, "htmx", False):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = reverse("desk:sign-in")
        return response
    if request.method not in ("GET", "HEAD"):
        return HttpResponseRedirect(reverse("desk:sign-in"))  # coming back to a button's address would only be refused
    return redirect_to_login(request.get_full_path(), reverse("desk:sign-in"))


def readable(request: HttpRequest) -> None:
    """Raises BadInput for a form with a NUL in a text, which PostgreSQL does not keep and nobody types."""
    if request.method == "POST" and any("\0" in text for _key, texts in request.POST.lists() for text in texts):
        raise BadInput("填写的内容里有看不见的字符", remedy="请重新输入，不要从别的程序粘贴")


def desk_page(permission: Permission, *methods: str) -> Callable[[View], View]:
    """For pages of a shop: `view(request, desk, …)` with the shop of the caller's grant.

    A shop without a grant is not found; a grant without the permission is refused. `methods` default to GET; HEAD goes with GET.
    """
    allowed = methods or ("GET",)
    if "GET" in allowed:
        allowed = (*allowed, "HEAD")

    def wrap(view: View) -> View:
        @wraps(view)
        def inner(request: HttpRequest, shop: int, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not isinstance(request.user, User):
                return _to_sign_in(request)
            access = access_for(request.user, shop)
            access.require(permission)
            if request.method not in allowed:
                return wrong_method(request, allowed)
            readable(request)
            row = Shop.objects.filter(pk=access.shop_id).first()
            if row is None:
                raise NotFound("没有这家店", remedy="这家店的数据已经不在了，请联系店主")
            if request.session.get("shop") != access.shop_id:
                request.session["shop"] = access.shop_id
            desk = Desk(request, access, row)
            request.desk = desk  # type: ignore[attr-defined]
            return view(request, desk, *args, **kwargs)

        inner.permission, inner.methods = permission, allowed  # type: ignore[attr-defined]
        return inner

    return wrap


def back(request: HttpRequest, url: str, text: str = "", tone: str = "good") -> HttpResponseRedirect:
    """Post, redirect, get: `text` is shown as a toast on the next page."""
    if text:
        level = {"good": messages.SUCCESS, "warn": messages.WARNING, "bad": messages.ERROR}[tone]
        messages.add_message(request, level, text)
    return HttpResponseRedirect(url)


def safe_next(request: HttpRequest, url: str, fallback: str) -> str:
    """`url` if it stays on this host, else `fallback`."""
    good = url and url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return url if good else fallback


def whole(text: str, *, least: int = 0, most: int = 10**12) -> int:
    """A whole number from a query string. Raises BadInput."""
    try:
        number = int(text)
    except (TypeError, ValueError):
        raise BadInput("网址里的编号不对", remedy="请从列表重新进入") from None
    if not least <= number <= most:
        raise BadInput("网址里的编号不对", remedy="请从列表重新进入")
    return number
