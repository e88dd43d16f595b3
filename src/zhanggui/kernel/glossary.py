"""The only list of the trade's words: Chinese term ↔ identifier in the code ↔ what it means here (pure). `docs/glossary.md` is made from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """One word: as the shopkeeper says it, as the code names it, and exactly what it counts."""

    chinese: str
    identifier: str
    meaning: str
    group: str


def _group(name: str, *rows: tuple[str, str, str]) -> tuple[Term, ...]:
    return tuple(Term(chinese, identifier, meaning, name) for chinese, identifier, meaning in rows)


TERMS: tuple[Term, ...] = (
    *_group(
        "店与人",
        ("店铺", "shop", "一家店；所有事实、指标、权限都带店铺编号，互不相通"),
        ("店主", "owner", "对一家店有全部权限的账号"),
        ("代运营", "agency", "替多家店做经营的人；每家店各自授权，看不到客户隐私原文"),
        ("客户", "customer", "同一个人在一家店里的一份档案，由 openid、unionid、external_userid、手机号认出并合并"),
        ("身份合并", "customer_merge", "发现两份档案是同一个人时的合并，留有记录，可以撤销"),
        ("渠道", "channel", "客户从哪里来：搜索、分享、直播、公众号、广告、社群等"),
        ("私域", "private", "能主动再次联系到客户的渠道：社群、企微、公众号、分享"),
        ("公域", "public", "平台分配流量的渠道：搜索、推荐、直播间、广告"),
    ),
    *_group(
        "账本",
        ("事实", "facts", "平台、文件和采集告诉我们的事，照原样记一次；各房间自己决定的事另记"),
        ("推送", "callback", "平台主动发来的消息；先存后答，重复与乱序都不影响结果"),
        ("同步", "sync", "按更新时间分段拉取平台数据；可断点续传，断在哪里都不丢"),
        ("水位", "watermark", "某一路数据已经完整收到的时刻"),
        ("对账", "reconciliation", "每晚核对平台与本地的订单数和金额"),
        ("连接", "connection", "店铺在一个平台账号上的授权；密钥加密保存，不再显示"),
        ("售后单", "aftersale", "退款、退货、换货的申请与结果"),
        ("行为采集", "collector", "小程序或 H5 页面把浏览、加购、分享记下来发给掌柜"),
        ("数据湖", "lake", "事实按店铺和月份存成的 Parquet 文件，指标只读它；可随时由数据库重建"),
        ("待重建", "dirty", "数据湖里与账本已不一致的部分"),
    ),
    *_group(
        "引流层",
        ("访客", "visitor", "在一段时间里至少有一次访问的客户"),
        ("会话", "session", "一次连续的访问；按店铺日切分"),
        ("访问深度", "visit_depth", "一次会话看过的页数"),
        ("跳失率", "bounce_rate", "只看一页就离开的会话占比；平台只给深度分布时，用深度为 1 的会话代替，并注明"),
        ("新客", "new_customer", "第一次付款的客户"),
        ("获客成本", "acquisition_cost", "渠道花费 ÷ 该渠道的新客数"),
        ("裂变系数", "fission_coefficient", "每位带来分享的老客平均带来的新客数"),
        ("K 值", "viral_k", "每位客户发出的邀请数 × 邀请的转化率；大于 1 时自己会增长"),
    ),
    *_group(
        "转化层",
        ("加购", "add_to_cart", "把商品放进购物车"),
        ("加购率", "add_to_cart_rate", "看过商品后加购的访客占比"),
        ("加购支付率", "cart_to_pay", "加购后在转化窗口内付款的访客占比"),
        ("支付转化率", "pay_rate", "访客里付款的占比"),
        ("客单价", "average_order_value", "付款金额 ÷ 付款订单数"),
        ("退款率", "refund_rate", "退款金额 ÷ 付款金额"),
        ("漏斗", "funnel", "看商品 → 加购 → 下单 → 付款，按同一位客户的先后顺序，在窗口内完成"),
        ("转化窗口", "conversion_window", "从第一步到最后一步允许的最长时间"),
    ),
    *_group(
        "留存层",
        ("复购率", "repurchase_rate", "首购后若干天内再次付款的客户占比；观察期未满的客户不计入"),
        ("删失", "right_censored", "观察期还没满，暂时不知道结果；不当作没有复购"),
        ("沉睡客户", "lapsed", "超过 30 天没有再购的客户"),
        ("同期群", "cohort", "同一个月首购的客户，逐月看留下多少"),
        ("分享率", "share_rate", "有过分享的客户占比"),
        ("RFM", "rfm", "最近一次购买、次数、金额三项各分五档"),
        ("客均收入", "arpu", "每位客户带来的付款金额，私域公域分开看"),
    ),
    *_group(
        "判断与改动",
        ("经营标准", "policy", "判断健康与否的数；有默认值、单位、来源，店铺可以改，改动留痕"),
        ("警戒线", "threshold", "守着一个指标的标准，越过就提醒"),
        ("限度", "limit", "动手之前要看的标准"),
        ("行业参考", "benchmark", "行业里常说的数，只摆在旁边，不据此报警"),
        ("经办记录", "audit", "谁在什么时候做了什么，用一句人能读的话"),
        ("脱敏", "masked", "只显示一部分的姓名、电话、地址"),
        ("分", "fen", "金额的单位，整数；元只出现在界面上"),
        ("店铺日", "shop_day", "按 Asia/Shanghai 切分的一天"),
    ),
)  # fmt: skip


def term(identifier: str) -> Term:
    """The term the code names `identifier`. Raises KeyError."""
    for found in TERMS:
        if found.identifier == identifier:
            return found
    raise KeyError(identifier)
