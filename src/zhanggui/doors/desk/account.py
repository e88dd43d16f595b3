"""A person's own pages: sign-in and out, password, shops, a new shop; and the shop's members with one-time invitations."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.doors import middleware
from zhanggui.doors.desk.page import back, desk_page, safe_next, show, signed_in
from zhanggui.doors.desk.passwords import check_pair
from zhanggui.doors.errors import too_many, wrong_method
from zhanggui.doors.ui.context import Desk
from zhanggui.facts.models import Shop
from zhanggui.kernel import audit
from zhanggui.kernel.access import MEANING, ROLES, Permission, shops_of
from zhanggui.kernel.errors import BadInput, Conflict, NotFound
from zhanggui.kernel.models import Grant, Role, User

INVITED = "invited-"
"""Names of accounts that wait for their owner begin like this."""


# ── sign-in ──────────────────────────────────────────────────────────────


class SignInForm(forms.Form):
    """Name and password."""

    username = forms.CharField(
        label=_("登录名"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True, "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=_("密码"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


@dataclass(frozen=True)
class SignInPage:
    """The door."""

    template: ClassVar[str] = "desk/sign_in.html"
    form: SignInForm
    next: str
    nobody: bool
    """Whether there is no account at all yet, so that the terminal's link is what is needed."""


def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Signs in; failures are counted per account and address, and per address."""
    wanted = safe_next(request, request.POST.get("next", "") or request.GET.get("next", ""), "")
    if request.user.is_authenticated:
        return HttpResponseRedirect(wanted or reverse("desk:home"))
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name, ip = form.cleaned_data["username"], middleware.client_ip(request)
        pair = f"{name.casefold()}|{ip}"
        wait = max(middleware.sign_in_pair.wait(pair), middleware.sign_in_address.wait(ip))
        if wait:
            return too_many(request, wait, "密码输错次数太多，暂时不能登录。")
        user = authenticate(request, username=name, password=form.cleaned_data["password"])
        if user is not None:
            middleware.sign_in_pair.forget(pair)
            login(request, user)
            audit.record(None, user.get_username(), "account.sign_in", f"{user} 登录了掌柜台")
            return HttpResponseRedirect(wanted or reverse("desk:home"))
        middleware.sign_in_pair.hit(pair)
        middleware.sign_in_address.hit(ip)
        form.add_error(None, str(_("登录名或密码不对。大小写要一致；忘记密码请店主在服务器上运行 zhanggui account 重设。")))
    return show(request, SignInPage(form, wanted, not User.objects.exists()), status=400 if form.is_bound else 200)


def sign_out(request: HttpRequest) -> HttpResponseBase:
    """Signs out; only by POST, so that no link on another page can do it."""
    if request.method != "POST":
        return wrong_method(request, ["POST"])
    logout(request)
    return HttpResponseRedirect(reverse("desk:sign-in"))


@signed_in
def home(request: HttpRequest) -> HttpResponseBase:
    """Sends the caller to the shop they last worked in, or to the list of shops."""
    assert isinstance(request.user, User)
    mine = [pk for pk, _role in shops_of(request.user)]
    last = request.session.get("shop")
    if last in mine:
        return HttpResponseRedirect(reverse("desk:shop-home", args=(last,)))
    if len(mine) == 1:
        return HttpResponseRedirect(reverse("desk:shop-home", args=(mine[0],)))
    return HttpResponseRedirect(reverse("desk:shops"))


# ── shops and the person's own account ───────────────────────────────────


@dataclass(frozen=True)
class ShopRow:
    """A shop in the switcher."""

    id: int
    name: str
    role: str
    is_demo: bool


@dataclass(frozen=True)
class ShopsPage:
    """The shops the caller may work in."""

    template: ClassVar[str] = "desk/shops.html"
    shops: list[ShopRow]
    may_open: bool
    """Owners may open another shop; invited people may not."""


def _may_open(user: User) -> bool:
    return user.is_superuser or Grant.objects.filter(user=user, role=Role.OWNER).exists()


@signed_in
def shops(request: HttpRequest) -> HttpResponseBase:
    """The shop switcher; POST opens a new shop for an owner."""
    user = request.user
    assert isinstance(user, User)
    if request.method == "POST":
        name = request.POST.get("name", "").strip()[:80]
        if not _may_open(user):
            raise BadInput("只有店主可以新开店铺", remedy="请店主开店后邀请你")
        if not name:
            raise BadInput("店铺要有名字", remedy="请填店铺名称")
        with transaction.atomic():
            shop = Shop.objects.create(name=name)
            Grant.objects.create(user=user, shop_id=shop.pk, role=Role.OWNER)
            audit.record(shop.pk, user.get_username(), "shop.open", f"{user} 开设了店铺“{shop.name}”", subject=f"shop:{shop.pk}")
        return back(request, reverse("desk:shop-home", args=(shop.pk,)), f"“{name}”已建好。")
    grants = dict(shops_of(user))
    rows = {s.pk: s for s in Shop.objects.filter(pk__in=grants)}
    listed = [ShopRow(pk, rows[pk].name, str(Role(role).label), rows[pk].is_demo) for pk, role in grants.items() if pk in rows]
    return show(request, ShopsPage(listed, _may_open(user)))


class PasswordForm(forms.Form):
    """The old password and a new one, twice."""

    old = forms.CharField(
        label=_("现在的密码"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    new = forms.CharField(
        label=_("新密码"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("至少 8 位，不要只用数字"),
    )
    again = forms.CharField(
        label=_("再输一遍新密码"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean(self) -> dict[str, Any]:
        """The old one is right, the new ones agree and are strong enough."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("old") and not self.user.check_password(data["old"]):
            self.add_error("old", str(_("现在的密码不对")))
        check_pair(self, data, self.user, "new")
        return data


@dataclass(frozen=True)
class AccountPage:
    """The caller's own account."""

    template: ClassVar[str] = "desk/account.html"
    form: PasswordForm
    person: User
    grants: list[tuple[int, str, str]]
    """(shop id, shop name, role)."""


@signed_in
def account(request: HttpRequest) -> HttpResponseBase:
    """Password and name of the caller."""
    user = request.user
    assert isinstance(user, User)
    if request.method == "POST" and "display_name" in request.POST:
        User.objects.filter(pk=user.pk).update(display_name=request.POST["display_name"].strip()[:40])
        return back(request, reverse("desk:account"), "称呼已更新。")
    form = PasswordForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            user.set_password(form.cleaned_data["new"])
            user.save(update_fields=["password"])
            audit.record(None, user.get_username(), "account.password", f"{user} 修改了自己的密码")
        update_session_auth_hash(request, user)
        return back(request, reverse("desk:account"), "密码已更新，其他设备需要重新登录。")
    grants = shops_of(user)
    names = dict(Shop.objects.filter(pk__in=[pk for pk, _r in grants]).values_list("pk", "name"))
    page = AccountPage(form, user, [(pk, names.get(pk, ""), str(Role(role).label)) for pk, role in grants if pk in names])
    return show(request, page, status=400 if form.is_bound else 200)


# ── members ──────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class MemberRow:
    """A person with a grant in this shop."""

    grant_id: int
    name: str
    username: str
    role: str
    role_name: str
    since: Any
    waiting: bool
    """Whether the invitation has not been taken up yet."""
    is_me: bool
    link: str = ""
    """The one-time link, while it waits."""


@dataclass(frozen=True)
class RoleColumn:
    """What a role may do."""

    key: str
    name: str
    about: str
    may: frozenset[Permission]


@dataclass(frozen=True)
class MembersPage:
    """Who works in this shop, and what each role may do."""

    template: ClassVar[str] = "desk/members.html"
    members: list[MemberRow]
    roles: list[RoleColumn]
    permissions: list[Permission]


def _invitation(request: HttpRequest, user: User) -> str:
    return request.build_absolute_uri(reverse("desk:invitation", args=(user.pk, default_token_generator.make_token(user))))


@desk_page(Permission.MEMBERS, "GET", "POST")
def members(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """Lists members; POST invites one."""
    if request.method == "POST":
        return _invite(request, desk)
    rows = []
    for grant in Grant.objects.filter(shop_id=desk.shop_id).select_related("user").order_by("id"):
        waiting = grant.user.username.startswith(INVITED) and not grant.user.is_active
        rows.append(
            MemberRow(
                grant.pk, str(grant.user), "" if waiting else grant.user.username, grant.role, str(Role(grant.role).label), grant.created_at, waiting,
                grant.user_id == desk.access.user_id, _invitation(request, grant.user) if waiting else "",
            )
        )  # fmt: skip
    roles = [RoleColumn(r.value, str(r.label), MEANING[r], ROLES[r]) for r in Role]
    return show(request, MembersPage(rows, roles, list(Permission)))


def _role(text: str) -> str:
    if text not in Role.values:
        raise BadInput("没有这种角色", remedy="请从列表里选")
    return text


def _invite(request: HttpRequest, desk: Desk) -> HttpResponse:
    role, name, known = (
        _role(request.POST.get("role", "")),
        request.POST.get("name", "").strip()[:40],
        request.POST.get("username", "").strip(),
    )
    if known:
        user = User.objects.filter(username=known, is_active=True).first()
        if user is None:
            raise NotFound("没有这个登录名", remedy="请对方在“我的账号”里查看登录名；还没有账号就只填称呼，生成邀请链接")
    elif not name:
        raise BadInput("要写对方的称呼", remedy="填称呼生成邀请链接，或填对方已有的登录名")
    with transaction.atomic():
        if not known:
            user = User(username=INVITED + secrets.token_hex(8), display_name=name, is_active=False)
            user.set_unusable_password()
            user.save()
        assert user is not None
        if Grant.objects.filter(user=user, shop_id=desk.shop_id).exists():
            raise Conflict("对方已经是这家店的成员", remedy="要换角色请在列表里改")
        Grant.objects.create(user=user, shop_id=desk.shop_id, role=role)
        label = str(Role(role).label)
        audit.record(
            desk.shop_id,
            desk.actor,
            "member.invite",
            f"{desk.actor} 邀请 {user} 担任{label}",
            subject=f"user:{user.pk}",
            detail={"role": role},
        )
    return back(
        request, desk.url("members"), f"已加入 {user}（{label}）。" if known else f"已为 {user} 生成邀请链接，请复制发给对方。"
    )


@desk_page(Permission.MEMBERS, "POST")
def member(request: HttpRequest, desk: Desk, grant_id: int) -> HttpResponseBase:
    """Changes a member's role or removes the member; a shop always keeps an owner."""
    with transaction.atomic():
        # Locked as a whole: two owners who demote each other at the same moment must not leave the shop without one.
        grants = list(
            Grant.objects.select_for_update(of=("self",)).select_related("user").filter(shop_id=desk.shop_id).order_by("id")
        )
        grant = next((g for g in grants if g.pk == grant_id), None)
        if grant is None:
            raise NotFound("没有这位成员", remedy="请刷新成员列表")
        remove = request.POST.get("do") == "remove"
        role = grant.role if remove else _role(request.POST.get("role", ""))
        last_owner = grant.role == Role.OWNER and not any(
            g.role == Role.OWNER and g.user.is_active for g in grants if g.pk != grant.pk
        )
        if last_owner and (remove or role != Role.OWNER):
            raise Conflict("店里至少要有一位店主", remedy="请先把另一位成员设为店主")
        person, label = grant.user, str(Role(role).label)
        if remove:
            grant.delete()
            if person.username.startswith(INVITED) and not person.is_active and not person.grants.exists():
                person.delete()
            audit.record(
                desk.shop_id, desk.actor, "member.remove", f"{desk.actor} 移除了成员 {person}", subject=f"grant:{grant_id}"
            )
            return back(request, desk.url("members"), f"已移除 {person}。")
        if role != grant.role:
            grant.role = role
            grant.save(update_fields=["role"])
            audit.record(
                desk.shop_id,
                desk.actor,
                "member.role",
                f"{desk.actor} 把 {person} 的角色改为{label}",
                subject=f"grant:{grant_id}",
                detail={"role": role},
            )
    return back(request, desk.url("members"), f"{person} 现在是{label}。")


class JoinForm(forms.Form):
    """A name to sign in with and a password."""

    username = forms.CharField(label=_("登录名"), max_length=60, min_length=2, help_text=_("以后登录用，字母、数字或中文都可以"))
    password = forms.CharField(
        label=_("密码"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("至少 8 位，不要只用数字"),
    )
    again = forms.CharField(
        label=_("再输一遍密码"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean(self) -> dict[str, Any]:
        """The name is free, the passwords agree and are strong enough."""
        data: dict[str, Any] = super().clean() or {}
        name = data.get("username", "")
        if name.startswith(INVITED) or User.objects.filter(username__iexact=name).exists():
            self.add_error("username", str(_("这个登录名已有人用，请换一个")))
        check_pair(self, data, User(username=name))
        return data


@dataclass(frozen=True)
class InvitationPage:
    """An invitation being taken up."""

    template: ClassVar[str] = "desk/invitation.html"
    form: JoinForm
    person: str
    shops: list[tuple[str, str]]
    """(shop, role)."""


def invitation(request: HttpRequest, user_id: int, token: str) -> HttpResponseBase:
    """A one-time link: it dies with its first use (the token hashes the unset password) and after three days."""
    user = User.objects.filter(pk=user_id, username__startswith=INVITED, is_active=False).first()
    if user is None or not default_token_generator.check_token(user, token):
        raise NotFound("这个邀请链接无效、已被使用或已过期", remedy="请店主在“成员”页重新复制链接发给你")
    form = JoinForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            fresh = User.objects.select_for_update().filter(pk=user.pk, is_active=False).first()
            if fresh is None or not default_token_generator.check_token(fresh, token):
                raise NotFound("这个邀请链接已被使用", remedy="请直接登录")
            fresh.username, fresh.is_active = form.cleaned_data["username"], True
            fresh.set_password(form.cleaned_data["password"])
            fresh.save(update_fields=["username", "is_active", "password"])
            for shop_id, role in shops_of(fresh):
                audit.record(
                    shop_id,
                    fresh.username,
                    "member.join",
                    f"{fresh} 接受邀请，担任{Role(role).label}",
                    subject=f"user:{fresh.pk}",
                )
        login(request, fresh)
        return back(request, reverse("desk:home"), "欢迎加入。")
    names = dict(Shop.objects.filter(pk__in=[pk for pk, _r in shops_of(user)]).values_list("pk", "name"))
    listed = [(names[pk], str(Role(role).label)) for pk, role in shops_of(user) if pk in names]
    return show(request, InvitationPage(form, str(user), listed), status=400 if form.is_bound else 200)
