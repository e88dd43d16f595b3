"""Platform accounts in a shopkeeper's words: what each brings, what to fill in, where to find it, what to set in its backend.

Menu names are the platforms' own and move now and then; each step therefore also says what to look for. Facts: docs/guides/平台连接.md.
"""

from __future__ import annotations

from dataclasses import dataclass

KEPT = "不改就留空"


@dataclass(frozen=True)
class Box:
    """One thing to fill in: `name` is `account_id` or a field of `network.Secrets`."""

    name: str
    label: str
    help: str = ""
    needed: bool = True
    secret: bool = True
    example: str = ""


@dataclass(frozen=True)
class Guide:
    """A kind of platform account."""

    kind: str
    name: str
    icon: str
    brings: str
    """What the shop sees once it is connected."""
    boxes: tuple[Box, ...]
    find: tuple[str, ...]
    """Where to find what is to be filled in, step by step."""
    push: tuple[str, ...] = ()
    """How to set the push address in the platform's backend; empty where the platform pushes nothing."""
    push_to_know: str = ""

    @property
    def pushes(self) -> bool:
        """Whether the platform sends pushes to a callback address of ours."""
        return bool(self.push)


_IP = "把这台服务器的出口 IP 加进“IP 白名单”。不知道出口 IP 也没关系：先保存再检测，没加白名单时检测结果会写出平台看到的 IP。"

GUIDES: dict[str, Guide] = {
    g.kind: g
    for g in (
        Guide(
            "store", "微信小店", "home", "商品、库存、订单、售后、优惠券、会员、罗盘日数据、资金流水",
            (
                Box("account_id", "AppID", "wx 开头，18 位左右", secret=False, example="wx0123456789abcdef"),
                Box("secret", "AppSecret", "32 位；后台只在生成时显示一次，忘了就重置"),
            ),
            (
                "用店铺管理员的微信登录微信小店后台。",
                "进“服务市场 → 自研”（有的版本叫“开放能力 / 自研服务”），开通自研，拿到 AppID 与 AppSecret。",
                _IP + "最多 200 条，可以填单个地址或 /24 网段。",
                "只用本店自己的 AppID；服务商、带货机构的账号读不到本店订单。",
            ),
            (
                "在同一处找到“消息推送”。一家店只能填一个推送地址，填了这里就不能再推给别的系统。",
                "加密方式只能选“安全模式”，数据格式选 JSON。",
                "把下面的 URL、Token、EncodingAESKey 原样粘贴进去，点提交，平台会马上来验证一次。",
            ),
            "没有推送也能用：订单会按时间定时同步，只是晚几分钟。平台推送失败会在约 3.6 小时内重试 10 次，之后靠同步补齐。",
        ),
        Guide(
            "wecom", "企业微信", "people", "客户联系人、客户群与群成员、群统计、渠道活码带来的客户",
            (
                Box("account_id", "企业 ID（CorpID）", "ww 开头，在“我的企业”最下面", secret=False, example="ww0123456789abcdef"),
                Box("secret", "应用 Secret", "自建应用的 Secret，不是通讯录 Secret"),
                Box("agent_id", "应用 AgentId", "自建应用页上的数字", needed=False, secret=False, example="1000002"),
            ),
            (
                "用管理员登录企业微信管理后台。“我的企业”页最下面是企业 ID。",
                "“应用管理 → 自建”里建一个应用（例如叫“掌柜”），可见范围选上做客户联系的员工，拿到 AgentId 与 Secret。",
                "“客户联系 → 可调用接口的应用”里勾上这个应用：2023 年 12 月以后新建的企业必须这样，不能再用客户联系的系统 Secret。",
                "应用页的“企业可信 IP”填上这台服务器的出口 IP。",
                "想把企微客户和小店、小程序的买家认成同一个人，要在“客户联系”里绑定微信开发者 ID，平台才会给 unionid。",
            ),
            (
                "“客户联系 → 客户 → API → 接收事件服务器”（或自建应用的“接收消息”）点设置。",
                "把下面的 URL、Token、EncodingAESKey 粘贴进去，保存时平台会来验证一次。",
            ),
            "企业微信的推送可能丢、可能乱序，官方也这么说；掌柜收到后会重新读一遍，夜里再对账。群里的聊天内容与每个群的消息数，官方没有接口。",
        ),
        Guide(
            "official", "公众号", "log", "文章的阅读、分享与带来的关注，关注数",
            (
                Box("account_id", "AppID", secret=False, example="wx0123456789abcdef"),
                Box("secret", "AppSecret", "后台只在生成时显示一次"),
            ),
            (
                "登录公众平台，“设置与开发 → 基本配置”（新版在“开发接口管理”），复制 AppID，生成 AppSecret。",
                _IP,
                "文章数据是前一天的，每天上午更新；未认证的账号没有数据统计接口，检测结果会写明。",
            ),
            (
                "“基本配置 → 服务器配置”里填 URL、Token、EncodingAESKey，加密方式选“安全模式”。",
                "启用服务器配置后，公众平台里设置的自动回复和自定义菜单会失效。正在用它们的，就不要启用推送。",
            ),
            "不设推送也能同步文章数据。",
        ),
        Guide(
            "mini", "小程序", "grid", "每日概况、访问趋势、页面、访问深度分布、留存",
            (
                Box("account_id", "AppID", secret=False, example="wx0123456789abcdef"),
                Box("secret", "AppSecret", "后台只在生成时显示一次"),
            ),
            (
                "登录小程序后台，“开发管理 → 开发设置”，复制 AppID，生成 AppSecret。",
                _IP,
                "小程序的数据都是前一天的（T+1），官方没有跳出率，掌柜用“只看一页的访问占比”代替，并在指标里写明。",
            ),
        ),
        Guide(
            "ads", "微信广告", "chart", "每个计划每天的花费、曝光、点击，算获客成本用",
            (
                Box("account_id", "广告账号 ID", "投放账号的数字 ID", secret=False, example="25610001"),
                Box("client_id", "应用 ID（client_id）", secret=False),
                Box("client_secret", "应用密钥（client_secret）"),
                Box("refresh_token", "刷新令牌（refresh_token）", "授权一次后由平台给出"),
                Box("access_token", "访问令牌（access_token）", "有就填，没有可以留空", needed=False),
            ),
            (
                "登录腾讯广告开放平台（developers.e.qq.com），建一个应用，拿到应用 ID 与密钥。",
                "用投放账号给这个应用授权，换到刷新令牌。",
                "没有开放平台应用的，可以每周导出花费报表，在“导入文件”里导入，数一样能算。",
            ),
        ),
        Guide(
            "collector", "行为采集", "eye", "自己的小程序或 H5 里的浏览、加购、分享，转化漏斗靠它",
            (Box("account_id", "给这个来源起个名字", "例如：小程序、活动页；只用字母、数字和中文", secret=False, example="小程序"),),
            (
                "保存后，页面上会给一个地址和一把钥匙。",
                "把它们交给做小程序或 H5 的人：在浏览、加购、分享时发一条记录，请求头带上钥匙。",
                "没有开发能力时，可以先不接：小程序的整体访问由“小程序”账号带来，只是漏斗到不了单个商品。",
            ),
        ),
    )
}  # fmt: skip
"""Kind → guide, in the order shops connect them."""
