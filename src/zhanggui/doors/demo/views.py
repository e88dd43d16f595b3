"""Signing in to the demo by the link that the terminal printed."""

from __future__ import annotations

from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import login
from django.core import signing
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from zhanggui.kernel.errors import NotAllowed, NotFound
from zhanggui.kernel.models import User

_SIGNER = signing.Signer(salt="zhanggui.demo.enter")


def link(username: str) -> str:
    """The path that signs `username` in. It holds as long as the demo's data folder, whose key signed it."""
    return f"{reverse('demo-enter')}?as={quote(_SIGNER.sign(username))}"


def enter(request: HttpRequest) -> HttpResponseBase:
    """Signs in the account the link was made for. Raises NotFound outside the demo, NotAllowed for a link of another demo."""
    if not settings.DEMO:
        raise NotFound("没有这个页面")
    try:
        username = _SIGNER.unsign(request.GET.get("as", ""))
    except signing.BadSignature:
        raise NotAllowed("这个演示链接已失效", remedy="请用终端里最新打印的链接；演示重置后旧链接不再有效") from None
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise NotAllowed("演示账号已不存在", remedy="请运行 make demo-reset 后重新 make demo")
    if request.user != user:
        login(request, user)
    return HttpResponseRedirect(reverse("desk:home"))
