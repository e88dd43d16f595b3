"""First start: a one-time link lets whoever can read the server's terminal make the owner's account and the first shop."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.doors.desk.page import back, show
from zhanggui.doors.desk.passwords import check_pair
from zhanggui.facts.models import Shop
from zhanggui.kernel import audit
from zhanggui.kernel.errors import NotAllowed
from zhanggui.kernel.models import Grant, Role, User


def _file() -> Path:
    return Path(settings.HOME) / "keys" / "welcome"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue_token() -> str | None:
    """A fresh one-time token for `/welcome?token=…`, replacing any earlier one; None once an account exists.

    Only its hash is kept, in the data folder, readable by its owner alone. For the command line to print.
    """
    if User.objects.exists():
        return None
    token = secrets.token_urlsafe(24)
    path = _file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(_hash(token))
    os.replace(fresh, path)
    return token


def welcome_path(token: str) -> str:
    """The path to print behind the server's address."""
    return f"{reverse('desk:welcome')}?token={token}"


def accepts(token: str) -> bool:
    """Whether `token` is the one that was issued and there is still no account."""
    try:
        kept = _file().read_text()
    except FileNotFoundError:
        return False
    return bool(token) and hmac.compare_digest(kept, _hash(token)) and not User.objects.exists()


class WelcomeForm(forms.Form):
    """The owner's account and the first shop."""

    shop_name = forms.CharField(label=_("店铺名称"), max_length=80)
    display_name = forms.CharField(label=_("你的称呼"), max_length=40)
    username = forms.CharField(label=_("登录名"), max_length=60, min_length=2, help_text=_("登录时用，字母、数字或中文都可以"))
    password = forms.CharField(
        label=_("密码"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("至少 8 位，不要只用数字"),
    )
    again = forms.CharField(label=_("再输一遍密码"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))

    def clean(self) -> dict[str, Any]:
        """Both passwords agree and are strong enough."""
        data: dict[str, Any] = super().clean() or {}
        check_pair(self, data, User(username=data.get("username", "")))
        return data


@dataclass(frozen=True)
class WelcomePage:
    """The first page of a new house."""

    template: ClassVar[str] = "desk/welcome.html"
    form: WelcomeForm
    token: str


def welcome(request: HttpRequest) -> HttpResponseBase:
    """GET shows the form to the holder of the token; POST makes account, shop and grant, once."""
    token = request.POST.get("token", "") or request.GET.get("token", "")
    if User.objects.exists():
        return HttpResponseRedirect(reverse("desk:sign-in"))
    if not accepts(token):
        raise NotAllowed("这个开店链接无效或已被新的链接代替", remedy="请看启动 zhanggui serve 的终端里最新打印的链接")
    form = WelcomeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        with transaction.atomic():
            if User.objects.exists():
                return HttpResponseRedirect(reverse("desk:sign-in"))
            user = User.objects.create_user(data["username"], password=data["password"], display_name=data["display_name"])
            shop = Shop.objects.create(name=data["shop_name"])
            Grant.objects.create(user=user, shop_id=shop.pk, role=Role.OWNER)
            audit.record(shop.pk, user.username, "shop.open", f"{user} 开设了店铺“{shop.name}”", subject=f"shop:{shop.pk}")
        _file().unlink(missing_ok=True)
        login(request, user)
        return back(request, reverse("desk:shop-home", args=(shop.pk,)), "店已开张，先连接平台或导入订单。")
    return show(request, WelcomePage(form, token), status=400 if form.is_bound else 200)
