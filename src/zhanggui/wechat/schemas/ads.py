"""Tencent Marketing API v3 payloads that facts need: the report rows and the OAuth answer. Amounts in 分."""

from __future__ import annotations

from zhanggui.wechat.schemas.base import (
    Int,
    ListOf,
    MaybeId,
    MaybeInt,
    MaybeMoney,
    MaybeText,
    Money,
    Number,
    Obj,
    Payload,
    Text,
)


class AdsReportRow(Payload):
    """One report row; which columns are there depends on `fields` and `group_by` of the request."""

    date: MaybeText = None
    hour: MaybeInt = None
    account_id: MaybeId = None
    campaign_id: MaybeId = None
    adgroup_id: MaybeId = None
    dynamic_creative_id: MaybeId = None
    product_id: MaybeId = None
    cost: Money = 0
    view_count: Int = 0
    view_user_count: MaybeInt = None
    valid_click_count: Int = 0
    click_user_count: MaybeInt = None
    ctr: Number = None
    cpc: MaybeMoney = None
    thousand_display_price: MaybeMoney = None
    conversions_count: MaybeInt = None
    conversions_rate: Number = None
    conversions_cost: MaybeMoney = None
    deep_conversions_count: MaybeInt = None
    deep_conversions_cost: MaybeMoney = None
    acquisition_cost: MaybeMoney = None
    from_follow_uv: MaybeInt = None
    from_follow_cost: MaybeMoney = None
    biz_follow_uv: MaybeInt = None
    biz_follow_cost: MaybeMoney = None
    scan_follow_count: MaybeInt = None
    scan_follow_user_count: MaybeInt = None
    scan_follow_user_cost: MaybeMoney = None
    wecom_add_personal_dedup_pv: MaybeInt = None
    wecom_add_personal_dedup_pv_cost: MaybeMoney = None
    after_add_wecom_consult_dedup_pv: MaybeInt = None
    after_add_wecom_consult_dedup_pv_cost: MaybeMoney = None
    after_add_wecom_negative_pv: MaybeInt = None
    scan_code_add_fans_count: MaybeInt = None
    scan_code_add_fans_count_cost: MaybeMoney = None
    scan_code_add_fans_uv: MaybeInt = None
    scan_code_add_fans_uv_cost: MaybeMoney = None
    order_pv: MaybeInt = None
    order_uv: MaybeInt = None
    order_amount: MaybeMoney = None
    order_cost: MaybeMoney = None
    order_roi: Number = None
    order_24h_pv: MaybeInt = None
    order_24h_amount: MaybeMoney = None
    order_24h_roi: Number = None
    order_clk_7d_pv: MaybeInt = None
    order_clk_7d_amount: MaybeMoney = None
    order_clk_7d_roi: Number = None
    order_clk_15d_pv: MaybeInt = None
    order_clk_15d_amount: MaybeMoney = None
    order_clk_15d_roi: Number = None
    order_clk_30d_pv: MaybeInt = None
    order_clk_30d_amount: MaybeMoney = None
    order_clk_30d_roi: Number = None
    order_net_pv: MaybeInt = None
    order_net_amount: MaybeMoney = None
    order_net_roi: Number = None
    biz_order_uv: MaybeInt = None
    biz_reg_uv: MaybeInt = None
    biz_reading_count: MaybeInt = None
    clk_wechat_shop_pv: MaybeInt = None
    read_count: MaybeInt = None
    praise_count: MaybeInt = None
    comment_count: MaybeInt = None
    forward_count: MaybeInt = None


class AdsPageInfo(Payload):
    """Where a page lies."""

    page: Int = 1
    page_size: Int = 0
    total_number: Int = 0
    total_page: Int = 0


class AdsReportPage(Payload):
    """A page of report rows."""

    list: ListOf[AdsReportRow]
    page_info: Obj[AdsPageInfo] = None


class AdsReportReply(Payload):
    """Answer of daily_reports/get and hourly_reports/get."""

    code: Int = 0
    message: Text = ""
    message_cn: MaybeText = None
    data: Obj[AdsReportPage] = None


class AdsAuthorizer(Payload):
    """Whose account was authorised."""

    account_uin: MaybeId = None
    account_id: MaybeId = None
    scope_list: ListOf[Text]
    wechat_account_id: MaybeId = None


class AdsToken(Payload):
    """Tokens of one authorisation; never printed."""

    access_token: Text = ""
    refresh_token: Text = ""
    access_token_expires_in: Int = 0
    refresh_token_expires_in: Int = 0
    authorizer_info: Obj[AdsAuthorizer] = None

    def __repr__(self) -> str:
        return f"AdsToken(expires_in={self.access_token_expires_in})"

    __str__ = __repr__


class AdsTokenReply(Payload):
    """Answer of oauth/token."""

    code: Int = 0
    message: Text = ""
    data: Obj[AdsToken] = None


class OldAdsRow(Payload):
    """One row of the retired WeChat ads daily report; cost in 分."""

    date: MaybeText = None
    campaign_id: MaybeId = None
    adgroup_id: MaybeId = None
    impression: MaybeInt = None
    click: MaybeInt = None
    cost: MaybeMoney = None
    follow: MaybeInt = None
    share: MaybeInt = None
    like_or_comment: MaybeInt = None
    lbs_wechat_pv: MaybeInt = None
    lbs_wechat_uv: MaybeInt = None


class OldAdsPage(Payload):
    """A page of the retired report."""

    list: ListOf[OldAdsRow]
    page_info: Obj[AdsPageInfo] = None


class OldAdsReply(Payload):
    """Answer of the retired WeChat ads report."""

    data: Obj[OldAdsPage] = None
