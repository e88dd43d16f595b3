"""Who may do what in which shop: roles → permissions, and the caller's grant as the only source of a shop.

    person ──Grant(shop, role)──► Access(shop_id, role) ──ROLES[role]──► permissions

Without a grant a shop does not exist for the caller (NotFound, so that ids tell nothing); with a grant but without the
permission the answer is NotAllowed and says who could do it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from zhanggui.kernel.errors import NotAllowed, NotFound
from zhanggui.kernel.models import Grant, Role, User


class Permission(Enum):
    """One thing a role may do; the value is what a shopkeeper reads."""

    VIEW = "看数字、商品与订单"
    CUSTOMERS = "看客户名单（脱敏）"
    REVEAL = "查看客户的姓名、电话与地址原文"
    CARE = "撤销客户合并"
    ERASE = "删除客户的个人信息"
    EXPORT = "导出数据"
    IMPORT = "导入文件"
    CONNECT = "连接平台账号、填写密钥"
    SYNC = "立即同步、重试后台任务"
    POLICIES = "修改经营标准"
    AUDIT = "看操作记录"
    MEMBERS = "管理成员与角色"


_P = Permission
ROLES: dict[str, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.OPERATOR: frozenset({_P.VIEW, _P.CUSTOMERS, _P.CARE, _P.EXPORT, _P.IMPORT, _P.SYNC, _P.POLICIES}),
    Role.SERVICE: frozenset({_P.VIEW, _P.CUSTOMERS, _P.REVEAL, _P.CARE}),
    Role.ANALYST: frozenset({_P.VIEW, _P.EXPORT}),
    Role.AGENCY: frozenset({_P.VIEW, _P.CUSTOMERS, _P.CARE, _P.EXPORT, _P.IMPORT, _P.CONNECT, _P.SYNC, _P.POLICIES, _P.AUDIT}),
}
"""What each role may do. Only the owner erases people and manages members; an agency never sees personal data in the clear."""

MEANING: dict[str, str] = {
    Role.OWNER: "全部权限，含成员管理与删除个人信息",
    Role.OPERATOR: "日常经营：导入、同步、改标准、导出；不看客户隐私原文",
    Role.SERVICE: "接待客户：可查看联系方式原文（每次留痕），不改数据",
    Role.ANALYST: "只看数字与订单，可导出；看不到客户名单",
    Role.AGENCY: "代运营：可连接账号、导入、改标准；看不到客户隐私原文与成员",
}


@dataclass(frozen=True)
class Access:
    """What one person may do in one shop. Made only from a Grant row."""

    user_id: int
    actor: str
    """Name for the audit trail."""
    shop_id: int
    role: str

    @property
    def permissions(self) -> frozenset[Permission]:
        """All permissions of the role; none for a role this version does not know."""
        return ROLES.get(self.role, frozenset())

    def may(self, permission: Permission) -> bool:
        """Whether the role permits it."""
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raises NotAllowed, naming the roles that could do it, unless the role permits it."""
        if not self.may(permission):
            able = "、".join(str(Role(r).label) for r, granted in ROLES.items() if permission in granted)
            raise NotAllowed(
                f"你的角色不能{permission.value}", remedy=f"请{able}来做，或请店主调整你的角色", permission=permission.name
            )


def access_for(user: User, shop_id: int) -> Access:
    """The caller's access to a shop. Raises NotFound without a grant: another's shop is no shop of theirs."""
    if not user.is_active:
        raise NotFound("没有这家店", remedy="账号已停用，请联系店主")
    role = Grant.objects.filter(user_id=user.pk, shop_id=shop_id).values_list("role", flat=True).first()
    if role is None:
        raise NotFound("没有这家店", remedy="请确认网址，或请店主把你加为成员")
    return Access(int(user.pk), user.get_username(), shop_id, role)


def shops_of(user: User) -> list[tuple[int, str]]:
    """(shop id, role) of every shop the person may work in, oldest grant first."""
    return list(Grant.objects.filter(user_id=user.pk).order_by("id").values_list("shop_id", "role"))
