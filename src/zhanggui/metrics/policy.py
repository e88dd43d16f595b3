"""The lines that numbers are judged by, declared here until the rooms that own them are built (a room then takes its class over)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zhanggui.kernel.policy import benchmark, limit, threshold

FIELD, HOUSE = "行业经验", "本店选择"


@dataclass(frozen=True)
class TrafficPolicy:
    """Where customers come from, at what cost."""

    room: ClassVar[str] = "traffic"
    bounce_high: float = threshold(
        0.60, meaning="跳出率超过多少算偏高：要检查落地页和页面路径", unit="比例", source=FIELD, guards="traffic.bounce_rate", side="above", low=0, high=1
    )  # fmt: skip
    cost_high: int = threshold(
        3000, meaning="每个新客的获客成本超过多少算太贵：要停掉或优化该渠道", unit="分", source=FIELD, guards="traffic.cost_per_new_customer", side="above", low=0
    )  # fmt: skip
    cost_low: int = limit(1500, meaning="每个新客的获客成本低于多少时可以考虑加大投放", unit="分", source=FIELD, low=0)
    fission_wanted: float = benchmark(
        5.3, meaning="裂变系数的行业参考：一位邀请人带来几位新客", unit="人", source=FIELD, guards="traffic.fission_coefficient"
    )
    private_uplift: float = benchmark(
        0.40, meaning="私域客户的 ARPU 比公域高多少（行业参考）", unit="比例", source=FIELD, guards="customers.private_uplift"
    )


@dataclass(frozen=True)
class ConversionPolicy:
    """From looking to paying."""

    room: ClassVar[str] = "conversion"
    cart_to_pay_low: float = threshold(
        0.50, meaning="加购到支付的转化率低于多少算偏低：客服要跟进加购未付的客户", unit="比例", source=FIELD, guards="conversion.cart_to_pay", side="below", low=0, high=1
    )  # fmt: skip
    gross_margin_low: float = threshold(
        0.50, meaning="毛利率低于多少要谨慎：不建议付费投放", unit="比例", source=FIELD, guards="conversion.gross_margin", side="below", low=-1, high=1
    )  # fmt: skip
    funnel_days: int = limit(7, meaning="转化窗口：从第一步起几天之内完成才算转化", unit="天", source=HOUSE, low=1, high=90)
    stage_drop: float = limit(0.20, meaning="漏斗某一步比上期下降多少算突然下降", unit="比例", source=FIELD, low=0.01, high=1)
    promotion_lift_low: float = benchmark(3.0, meaning="活动期间转化是平时的几倍（行业参考下限）", unit="倍", source=FIELD)
    promotion_lift_high: float = benchmark(5.0, meaning="活动期间转化是平时的几倍（行业参考上限）", unit="倍", source=FIELD)


@dataclass(frozen=True)
class CustomerPolicy:
    """Whether customers come back."""

    room: ClassVar[str] = "customers"
    silent_days: int = limit(30, meaning="多少天没有再次购买算沉默客户", unit="天", source=FIELD, low=1, high=730)
    repurchase_wanted: float = benchmark(
        0.47, meaning="会员复购率的目标线（首购后 365 天）", unit="比例", source=FIELD, guards="customers.repurchase_365"
    )
    staple_repurchase: float = benchmark(
        0.60,
        meaning="高频消耗品的复购率参考：达不到就不算高频复购款",
        unit="比例",
        source=FIELD,
        guards="customers.repurchase_90",
    )
    annual_retention_wanted: float = benchmark(
        0.72, meaning="年度客户留存率的目标线", unit="比例", source=FIELD, guards="customers.annual_retention"
    )


@dataclass(frozen=True)
class CommunityPolicy:
    """Whether the groups live."""

    room: ClassVar[str] = "community"
    first_day_low: float = threshold(
        0.65, meaning="新入群成员次日仍在群的比例不高于多少算偏低", unit="比例", source=FIELD, guards="community.first_day_retention", side="below", low=0, high=1
    )  # fmt: skip
    interactions_low: float = threshold(
        15.0, meaning="每百名成员每天的互动少于多少算冷清", unit="次", source=FIELD, guards="community.interactions_per_100", side="below", low=0
    )  # fmt: skip


@dataclass(frozen=True)
class DataPolicy:
    """Whether the numbers themselves can be trusted, and how sure a change must be before it is called one."""

    room: ClassVar[str] = "data"
    channel_known_low: float = threshold(
        0.80, meaning="知道来源渠道的支付订单少于多少时，渠道分析不可靠", unit="比例", source=HOUSE, guards="data.channel_known", side="below", low=0, high=1
    )  # fmt: skip
    cost_known_low: float = threshold(
        0.80, meaning="知道成本的销售额少于多少时，毛利率不可靠", unit="比例", source=HOUSE, guards="data.cost_known", side="below", low=0, high=1
    )  # fmt: skip
    smallest_sample: int = limit(30, meaning="少于多少个样本时不下结论", unit="个", source=HOUSE, low=1, high=100000)
    chance: float = limit(
        0.05, meaning="变化有多大可能只是偶然时，仍不算变化（显著性水平）", unit="比例", source=HOUSE, low=0.0001, high=0.5
    )


ALL: tuple[type, ...] = (TrafficPolicy, ConversionPolicy, CustomerPolicy, CommunityPolicy, DataPolicy)
"""Every policy of this room, for the policy page, the docs and the watches."""
