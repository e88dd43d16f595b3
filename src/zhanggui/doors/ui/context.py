"""What every template of the desk can see: `desk` (shop, role, menu), `base` (full page or bare fragment), `csp_nonce`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from zhanggui.facts.models import Shop
from zhanggui.kernel.access import Access, Permission, shops_of
from zhanggui.kernel.models import Role, User


@dataclass(frozen=True)
class Item:
    """One entry of the menu."""

    name: str
    icon: str
    url: str
    here: bool
    about: str = ""


@dataclass(frozen=True)
class _Door:
    name: str
    icon: str
    route: str
    needs: Permission
    about: str
    also: tuple[str, ...] = field(default=())


_WORK = (
    _Door("总览", "home", "shop-home", Permission.VIEW, "店铺是否健康", ("metric", "metric-rows")),
    _Door("转化漏斗", "funnel", "funnel", Permission.VIEW, "从浏览到支付，在哪一步流失"),
    _Door("订单", "order", "orders", Permission.VIEW, "查找、筛选每一笔订单", ("order",)),
    _Door("客户", "people", "customers", Permission.CUSTOMERS, "分层、沉睡与复购", ("customer",)),
    _Door("商品", "goods", "products", Permission.VIEW, "销量、库存与毛利", ("product",)),
)
_HOUSE = (
    _Door("导入文件", "upload", "imports", Permission.IMPORT, "订单、成本、库存、花费等表格", ("import", "import-mapping")),
    _Door("平台连接", "link", "connections", Permission.VIEW, "微信小店、企业微信等账号与同步", ("connection", "connection-new")),
    _Door("经营标准", "ruler", "policies", Permission.VIEW, "多少算健康、多少算偏病", ("policy",)),
    _Door("后台任务", "gear", "jobs", Permission.VIEW, "正在做什么、哪些失败了"),
    _Door("操作记录", "log", "audit", Permission.AUDIT, "谁在什么时候做了什么"),
    _Door("成员", "member", "members", Permission.MEMBERS, "邀请同事、分配角色"),
)


class Desk:
    """The caller at the desk: who, which shop, what they may do, and where they are."""

    def __init__(self, request: HttpRequest, access: Access, shop: Shop) -> None:
        self.request, self.access, self.shop = request, access, shop

    @property
    def shop_id(self) -> int:
        """The granted shop's id: the only shop a view may read."""
        return int(self.shop.pk)

    @property
    def role(self) -> str:
        """The role's name on screen."""
        return str(Role(self.access.role).label) if self.access.role in Role.values else self.access.role

    @property
    def actor(self) -> str:
        """The name the audit trail keeps."""
        return self.access.actor

    @property
    def route(self) -> str:
        """The name of the page now open."""
        match = self.request.resolver_match
        return match.url_name or "" if match else ""

    @cached_property
    def may(self) -> dict[str, bool]:
        """Permission name → whether the caller has it, for templates."""
        return {p.name: self.access.may(p) for p in Permission}

    def url(self, route: str, *args: Any) -> str:
        """The address of a page of this shop."""
        return reverse(f"desk:{route}", args=(self.shop_id, *args))

    def _items(self, doors: tuple[_Door, ...]) -> list[Item]:
        return [
            Item(d.name, d.icon, self.url(d.route), self.route == d.route or self.route in d.also, d.about)
            for d in doors
            if self.access.may(d.needs)
        ]

    @cached_property
    def work(self) -> list[Item]:
        """The daily pages this role may open."""
        return self._items(_WORK)

    @cached_property
    def house(self) -> list[Item]:
        """The pages for keeping the shop in order."""
        return self._items(_HOUSE)

    @cached_property
    def tabs(self) -> list[Item]:
        """The phone's bottom bar: four daily pages and the rest behind "更多"."""
        head = self.work[:4]
        here = not any(i.here for i in head)
        return [*head, Item("更多", "more", self.url("menu"), here)]

    @cached_property
    def shops(self) -> list[tuple[int, str, str]]:
        """(id, name, role) of every shop the caller may work in."""
        user = self.request.user
        if not isinstance(user, User):
            return []
        grants = dict(shops_of(user))
        names = dict(Shop.objects.filter(pk__in=grants).values_list("pk", "name"))
        return [(pk, names[pk], str(Role(role).label)) for pk, role in grants.items() if pk in names]

    @property
    def is_demo(self) -> bool:
        """Whether what is shown is simulated."""
        return self.shop.is_demo


def desk(request: HttpRequest) -> dict[str, Any]:
    """The context processor named in the settings."""
    htmx = getattr(request, "htmx", None)
    bare = htmx is not None and bool(htmx) and not htmx.boosted and not htmx.history_restore_request
    return {
        "desk": getattr(request, "desk", None),
        "base": "ui/bare.html" if bare else "ui/desk.html",
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "demo_house": settings.DEMO,
    }
