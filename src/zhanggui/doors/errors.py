"""Error code → HTTP status, title on screen and toast colour, in one table; and the pages Django asks for by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zhanggui.kernel.errors import ZhangguiError


@dataclass(frozen=True)
class Answer:
    """How one kind of error is told to a person."""

    status: int
    title: Any
    tone: str = "warn"


ANSWERS: dict[str, Answer] = {
    "error": Answer(500, gettext_lazy("没有办成"), "bad"),
    "not_allowed": Answer(403, gettext_lazy("这一步需要别的权限")),
    "not_found": Answer(404, gettext_lazy("没有找到")),
    "bad_input": Answer(400, gettext_lazy("填写的内容看不懂")),
    "conflict": Answer(409, gettext_lazy("内容已被改动")),
    "unconfigured": Answer(409, gettext_lazy("还缺一项设置")),
    "policy": Answer(400, gettext_lazy("数值超出允许范围")),
    "unopenable": Answer(409, gettext_lazy("加密的资料打不开"), "bad"),
    "wechat": Answer(502, gettext_lazy("平台没有办成")),
}


def answer_to(error: ZhangguiError) -> Answer:
    """The answer for an error's code; every error of the platform is told alike, and codes not in the table as a general failure."""
    code = "wechat" if error.code.startswith("wechat") else error.code
    return ANSWERS.get(code, ANSWERS["error"])


@dataclass(frozen=True)
class ErrorPage:
    """A page that says what went wrong and what to do next."""

    template: ClassVar[str] = "errors/error.html"
    status: int
    title: str
    message: str
    remedy: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


def show_error(request: HttpRequest | None, page: ErrorPage, *, tone: str = "warn") -> HttpResponse:
    """The error as a page, or for an htmx request as a toast: the page the person works on stays as it is."""
    # The header itself, because an error may come before the layer that reads it.
    if request is not None and request.headers.get("HX-Request") and not request.headers.get("HX-Boosted"):
        html = render_to_string("ui/toast.html", {"text": page.message, "more": page.remedy, "tone": tone})
        response = HttpResponse(html, status=page.status)
        response["HX-Retarget"], response["HX-Reswap"], response["HX-Push-Url"] = "#toasts", "beforeend", "false"
        return response
    html = render_to_string(page.template, {"page": page, "csp_nonce": getattr(request, "csp_nonce", "")})
    return HttpResponse(html, status=page.status)


def from_zhanggui(request: HttpRequest, error: ZhangguiError) -> HttpResponse:
    """The answer to an error of the house."""
    answer = answer_to(error)
    return show_error(request, ErrorPage(answer.status, str(answer.title), error.message, error.remedy), tone=answer.tone)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: Django could not make sense of the request."""
    return show_error(
        request,
        ErrorPage(
            400,
            _("请求看不懂"),
            _("浏览器发来的内容不完整或格式不对。"),
            _("请返回上一页重试；若是上传文件，请确认文件没有损坏。"),
        ),
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: refused."""
    return show_error(
        request, ErrorPage(403, _("这一步需要别的权限"), _("你的账号不能打开这个页面。"), _("请店主在“成员”页调整你的角色。"))
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: nothing here, or nothing of this shop."""
    return show_error(
        request,
        ErrorPage(404, _("没有找到"), _("这个页面不存在，或者不属于你的店。"), _("请从首页重新进入，或检查网址有没有少字。")),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault; it is in the log."""
    return show_error(
        request,
        ErrorPage(
            500,
            _("程序出错了"),
            _("这是程序的问题，不是你的操作有误；已经记入服务器日志。"),
            _("请稍后再试；一直出现时，把时间和正在做的事告诉维护者，并运行 zhanggui doctor。"),
        ),
        tone="bad",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 on a form whose protection token is missing or stale."""
    return show_error(
        request,
        ErrorPage(
            403,
            _("页面停留太久了"),
            _("为了安全，这张表单已失效，刚才的操作没有执行。"),
            _("请返回上一页、刷新后再提交一次；若反复出现，请允许浏览器使用 Cookie。"),
        ),
    )


def wrong_method(request: HttpRequest, allowed: Sequence[str]) -> HttpResponse:
    """405: an address that only a button leads to, opened by hand or after a new sign-in."""
    response = show_error(
        request,
        ErrorPage(
            405, _("这个网址不能直接打开"), _("它只能从页面上的按钮进入，没有执行任何操作。"), _("请回到总览，再从页面上操作。")
        ),
    )
    response["Allow"] = ", ".join(allowed)
    return response


def too_many(request: HttpRequest, seconds: int, message: str = "") -> HttpResponse:
    """429: told when to come back; nothing was done."""
    page = ErrorPage(
        429,
        _("操作太快了"),
        message or _("短时间内请求太多，这一次没有执行。"),
        _("请等 {seconds} 秒再试。").format(seconds=seconds),
    )
    response = show_error(request, page)
    response["Retry-After"] = str(seconds)
    return response


def attachment(name: str) -> str:
    """A Content-Disposition that keeps a Chinese file name in every browser."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
