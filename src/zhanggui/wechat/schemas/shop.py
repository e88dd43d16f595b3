"""微信小店 coupons, members, compass, funds, live, league and shop data. Source: shop fact sheet 7, 9, 12, 13, 14; amounts in 分."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from zhanggui.wechat.schemas.base import (
    Id,
    Int,
    Json,
    ListOf,
    MaybeFlag,
    MaybeId,
    MaybeInt,
    MaybeMoney,
    MaybeText,
    Money,
    Number,
    Obj,
    Payload,
    Text,
    When,
)


class DiscountCondition(Payload):
    """What a coupon applies to and from which threshold on."""

    product_ids: ListOf[Id]
    product_cnt: MaybeInt = None
    product_price: MaybeMoney = None


class CouponDiscount(Payload):
    """What a coupon gives: `discount_num` is the discount × 1000 (8500 = 8.5 折), `discount_fee` 分 off."""

    discount_condition: Obj[DiscountCondition] = None
    discount_num: MaybeInt = None
    discount_fee: MaybeMoney = None


class CouponReceive(Payload):
    """When and how often a coupon can be claimed."""

    start_time: When = None
    end_time: When = None
    limit_num_one_person: MaybeInt = None
    total_num: MaybeInt = None


class CouponValidity(Payload):
    """How long a claimed coupon lives: 1 a range, 2 days after the claim."""

    valid_type: MaybeInt = None
    valid_day_num: MaybeInt = None
    start_time: When = None
    end_time: When = None


class CouponPromotion(Payload):
    """Where a coupon is offered: 1 in shop, 9 member coupon, 10 card-opening gift."""

    promote_type: MaybeInt = None


class CouponExt(Payload):
    """Notes of a coupon."""

    jump_product_id: MaybeId = None
    notes: MaybeText = None
    valid_time: When = None
    invalid_time: When = None
    use_time: When = None


class CouponInfo(Payload):
    """The terms of a coupon."""

    name: Text = ""
    discount_info: Obj[CouponDiscount] = None
    ext_info: Obj[CouponExt] = None
    promote_info: Obj[CouponPromotion] = None
    receive_info: Obj[CouponReceive] = None
    valid_info: Obj[CouponValidity] = None


class CouponStock(Payload):
    """Counts of a coupon: `issued_num` is what remains."""

    issued_num: Int = 0
    receive_num: Int = 0
    used_num: Int = 0


class Coupon(Payload):
    """One coupon. Status 1 editing, 2 active, 3 expired, 4 void, 5 deleted."""

    coupon_id: Id
    type: Int = 0
    status: Int = 0
    create_time: When = None
    update_time: When = None
    coupon_info: Obj[CouponInfo] = None
    stock_info: Obj[CouponStock] = None


class CouponReply(Payload):
    """Answer of `coupon/get`."""

    coupon: Coupon


class CouponRef(Payload):
    """A coupon by its id."""

    coupon_id: Id


class CouponListReply(Payload):
    """Answer of `coupon/get_list`; some versions list bare ids."""

    coupons: ListOf[CouponRef]
    total_num: MaybeInt = None
    page_ctx: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _bare_ids(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("coupons"), list):
            rows = [row if isinstance(row, dict) else {"coupon_id": row} for row in data["coupons"]]
            return {**data, "coupons": rows}
        return data


class UserCoupon(Payload):
    """A coupon somebody has claimed. Status 100 valid, 101 expired, 102 used."""

    user_coupon_id: Id
    coupon_id: MaybeId = None
    status: MaybeInt = None
    create_time: When = None
    update_time: When = None
    start_time: When = None
    end_time: When = None
    ext_info: Obj[CouponExt] = None
    order_id: MaybeId = None
    discount_fee: MaybeMoney = None


class UserCouponListReply(Payload):
    """Answer of `coupon/get_user_coupon_list`."""

    user_coupon_list: ListOf[UserCoupon]
    total_num: MaybeInt = None
    page_ctx: Text = ""


class UserCouponReply(Payload):
    """Answer of `coupon/get_user_coupon`; a list under another name in one text of the docs."""

    openid: MaybeId = None
    unionid: MaybeId = None
    user_coupon: Obj[UserCoupon] = None
    user_coupon_list: ListOf[UserCoupon]

    @property
    def coupon(self) -> UserCoupon | None:
        """The coupon, whichever name it came under."""
        return self.user_coupon or (self.user_coupon_list[0] if self.user_coupon_list else None)


class MemberGrade(Payload):
    """A member's level and experience."""

    grade: MaybeInt = None
    experience_value: MaybeInt = None


class Member(Payload):
    """One member of the shop; no phone, no name."""

    openid: Id
    unionid: MaybeId = None
    user_grade_info: Obj[MemberGrade] = None


class MemberListReply(Payload):
    """Answer of `vip/user/list/get`."""

    list: ListOf[Member]
    total_num: MaybeInt = None


class MemberReply(Payload):
    """Answer of `vip/user/info/get`."""

    info: Member


class MemberScore(Payload):
    """A member's points."""

    score: Int = 0


class MemberScoreReply(Payload):
    """Answer of `vip/user/score/get`."""

    info: MemberScore


class ScoreFlow(Payload):
    """One movement of a member's points."""

    score: Int = 0
    source: MaybeInt = None
    remark: MaybeText = None


class ScoreFlowReply(Payload):
    """Answer of `vip/user/score/flowrecord/get`."""

    list: ListOf[ScoreFlow]
    total_num: MaybeInt = None


class ShopDay(Payload):
    """One shop day in the compass."""

    pay_gmv: Money = 0
    pay_uv: Int = 0
    pay_order_cnt: Int = 0
    pay_refund_gmv: Money = 0
    live_pay_gmv: MaybeMoney = None
    feed_pay_gmv: MaybeMoney = None
    product_click_uv: MaybeInt = None


class ShopDayReply(Payload):
    """Answer of `compass/shop/overall/get`."""

    data: ShopDay


class ProductDay(Payload):
    """One product day in the compass (13.2). Ratios are percent as the platform gives them."""

    create_gmv: MaybeMoney = None
    create_cnt: MaybeInt = None
    create_uv: MaybeInt = None
    create_product_cnt: MaybeInt = None
    pay_gmv: Money = 0
    pay_cnt: MaybeInt = None
    pay_uv: MaybeInt = None
    pay_product_cnt: MaybeInt = None
    pure_pay_gmv: MaybeMoney = None
    pay_gmv_per_uv: Number = None
    pay_refund_gmv: MaybeMoney = None
    pay_refund_uv: MaybeInt = None
    pay_refund_cnt: MaybeInt = None
    pay_refund_product_cnt: MaybeInt = None
    pay_refund_ratio: Number = None
    pay_refund_before_send_ratio: Number = None
    pay_refund_after_send_ratio: Number = None
    refund_gmv: MaybeMoney = None
    refund_uv: MaybeInt = None
    refund_cnt: MaybeInt = None
    refund_product_cnt: MaybeInt = None
    cart_pay_ratio: Number = None
    cart_pay_uv: MaybeInt = None
    cart_pay_gmv: MaybeMoney = None
    product_click_uv: MaybeInt = None
    product_click_cnt: MaybeInt = None
    click_to_pay_cnt_ratio: Number = None
    pay_finder_cnt: MaybeInt = None
    commission_ratio: Number = None
    seller_actual_settle_amount: MaybeMoney = None
    platform_actual_commission: MaybeMoney = None
    finderuin_actual_commission: MaybeMoney = None
    captain_actual_commission: MaybeMoney = None
    seller_predict_settle_amount: MaybeMoney = None
    platform_predict_commission: MaybeMoney = None
    finderuin_predict_commission: MaybeMoney = None
    captain_predict_commission: MaybeMoney = None


class CompassProduct(Payload):
    """One product with its day."""

    product_id: Id
    title: Text = ""
    head_img_url: Text = ""
    price: MaybeMoney = None
    first_category_id: MaybeId = None
    second_category_id: MaybeId = None
    third_category_id: MaybeId = None
    data: Obj[ProductDay] = None


class CompassProductListReply(Payload):
    """Answer of `compass/shop/product/list/get` and `compass/shop/finder/product/list/get`."""

    product_list: ListOf[CompassProduct]


class CompassProductReply(Payload):
    """Answer of `compass/shop/product/data/get`."""

    product_info: CompassProduct


class FinderDay(Payload):
    """One talent's day for this shop."""

    pay_gmv: Money = 0
    pay_uv: MaybeInt = None
    pay_refund_gmv: MaybeMoney = None
    pay_product_id_cnt: MaybeInt = None
    refund_gmv: MaybeMoney = None


class CompassFinder(Payload):
    """A talent who sold for this shop, by whichever id the platform names."""

    finder_id: MaybeId = None
    finder_nickname: MaybeText = None
    talent_id: MaybeId = None
    talent_nickname: MaybeText = None
    mp_id: MaybeId = None
    mp_nickname: MaybeText = None
    data: Obj[FinderDay] = None


class CompassFinderListReply(Payload):
    """Answer of `compass/shop/finder/list/get`."""

    finder_list: ListOf[CompassFinder]


class CompassLive(Payload):
    """One live session that sold for this shop; duration in seconds."""

    live_id: Id
    live_title: Text = ""
    live_time: When = None
    live_duration: MaybeInt = None
    live_cover_img_url: MaybeText = None


class CompassLiveListReply(Payload):
    """Answer of `compass/shop/live/list/get`."""

    live_list: ListOf[CompassLive]


class ProfileValue(Payload):
    """One value of an audience dimension."""

    dim_key: Text = ""
    dim_value: Text = ""


class ProfileField(Payload):
    """One audience dimension, e.g. 性别."""

    field_name: Text = ""
    data_list: ListOf[ProfileValue]


class SaleProfile(Payload):
    """An audience by its dimensions."""

    field_list: ListOf[ProfileField]


class SaleProfileReply(Payload):
    """Answer of `compass/shop/sale/profile/data/get`."""

    data: SaleProfile


class BalanceReply(Payload):
    """Answer of `funds/getbalance`, in 分."""

    available_amount: Money = 0
    pending_amount: Money = 0
    sub_mchid: MaybeId = None


class FundsFlowListReply(Payload):
    """Answer of `funds/getfundsflowlist`."""

    flow_ids: ListOf[Id]
    has_more: MaybeFlag = None
    next_key: Text = ""


class FundsRelated(Payload):
    """What a flow of money belongs to: 1 order, 2 after-sales, 3 withdrawal, …"""

    related_type: MaybeInt = None
    order_id: MaybeId = None
    aftersale_id: MaybeId = None
    transaction_id: MaybeId = None
    guarantee_id: MaybeId = None
    present_id: MaybeId = None
    group_present_sub_order_id_list: ListOf[Id]
    intra_city_shop_id: MaybeId = None


class FundsFlow(Payload):
    """One flow of money; `flow_type` 1 in, 2 out; amounts in 分."""

    flow_id: Id
    funds_type: Int = 0
    flow_type: Int = 0
    amount: Money = 0
    balance: MaybeMoney = None
    remark: MaybeText = None
    bookkeeping_time: When = None
    related_info_list: ListOf[FundsRelated]


class FundsFlowReply(Payload):
    """Answer of `funds/getfundsflowdetail`."""

    funds_flow: FundsFlow


class FinderLive(Payload):
    """One live session of the shop's 视频号 with its audience."""

    export_id: Id
    live_start_time: When = None
    live_duration_in_seconds: MaybeInt = None
    total_audience_count: MaybeInt = None
    total_cheer_count: MaybeInt = None
    forward_count: MaybeInt = None
    total_comment_count: MaybeInt = None
    audiences_avg_seconds: MaybeInt = None
    max_online_count: MaybeInt = None
    new_follow_count: MaybeInt = None
    new_follow_count_biz: MaybeInt = None


class FinderLiveListReply(Payload):
    """Answer of `finderlive/get_finder_live_data_list` (视频号 token)."""

    item: ListOf[FinderLive]
    last_buffer: Text = ""
    continue_flag: MaybeFlag = None


class LiveDashboardReply(Payload):
    """Answer of `livedashboard/getlivedata` (视频号 token): JSON inside text, unpacked."""

    live_dashboard_data: Json = None
    live_comparison_index: Json = None
    live_ec_data_summary: Json = None
    live_ec_conversion_metric: Json = None
    live_ec_profile: Json = None
    live_distribution_channel: Json = None
    single_live_ec_spu_data_page_v2: Json = None


class LeagueFinder(Payload):
    """A talent in an exclusive plan."""

    finder_id: MaybeId = None
    begin_time: When = None
    end_time: When = None


class LeagueExclusive(Payload):
    """The exclusive part of a commission plan; `is_forerver` is the platform's spelling."""

    info_id: MaybeId = None
    finder_ids: ListOf[Id]
    finder_num: MaybeInt = None
    finder_info_list: ListOf[LeagueFinder]
    begin_time: When = None
    end_time: When = None
    is_forerver: MaybeFlag = None


class LeagueItemExt(Payload):
    """Whether a plan's product may be sold."""

    is_sale_forbidden: MaybeFlag = None
    is_banned: MaybeFlag = None


class LeagueItem(Payload):
    """One commission plan: `ratio` percent of the price. Status 1 promoting, 2 stopped, 4 deleted, 5 below standard, 10 waiting."""

    product_id: MaybeId = None
    type: MaybeInt = None
    ratio: Number = None
    status: MaybeInt = None
    exclusive_info: Obj[LeagueExclusive] = None
    ext_info: Obj[LeagueItemExt] = None


class LeagueItemReply(Payload):
    """Answer of `league/item/get`."""

    item: LeagueItem


class LeagueItemRef(Payload):
    """A plan by product (ordinary) or by info_id (exclusive)."""

    product_id: MaybeId = None
    info_id: MaybeId = None


class LeagueItemListReply(Payload):
    """Answer of `league/item/list/get`."""

    items: ListOf[LeagueItemRef]
    has_more: MaybeFlag = None
    last_buffer: Text = ""
    total_num: MaybeInt = None


class Sharer(Payload):
    """A 分享员 (being retired)."""

    openid: MaybeId = None
    unionid: MaybeId = None
    nickname: MaybeText = None
    bind_time: When = None
    sharer_type: MaybeInt = None


class SharerListReply(Payload):
    """Answer of `sharer/get_sharer_list`."""

    sharer_info_list: ListOf[Sharer]


class SharerOrder(Payload):
    """An order a sharer brought."""

    order_id: Id
    share_scene: MaybeInt = None
    sharer_openid: MaybeId = None
    sharer_type: MaybeInt = None
    sku_id: MaybeId = None
    product_id: MaybeId = None
    from_wecom: MaybeFlag = None
    finder_scene_info: Json = None


class SharerOrderListReply(Payload):
    """Answer of `sharer/get_sharer_order_list`."""

    order_list: ListOf[SharerOrder]


class ShopInfo(Payload):
    """The shop's name and state; `username` is its original id gh_…"""

    nickname: Text = ""
    headimg_url: Text = ""
    subject_type: MaybeText = None
    status: MaybeText = None
    username: MaybeId = None
    is_local_life: MaybeFlag = None
    open_timestamp: When = None


class ShopInfoReply(Payload):
    """Answer of `basics/info/get`."""

    info: ShopInfo


class FavoritesReply(Payload):
    """Answer of `favorites/count/get`: people who saved the shop, cumulative, by place."""

    favor_uv_acc_all: Int = 0
    favor_uv_acc_shop_homepage: MaybeInt = None
    favor_uv_acc_order_detail: MaybeInt = None
    favor_uv_acc_product_detail: MaybeInt = None
    favor_uv_acc_other_scene: MaybeInt = None


class Quota(Payload):
    """Calls allowed, used and left today."""

    daily_limit: MaybeInt = None
    used: MaybeInt = None
    remain: MaybeInt = None


class RateLimit(Payload):
    """Calls allowed per so many seconds."""

    call_count: MaybeInt = None
    refresh_second: MaybeInt = None


class QuotaReply(Payload):
    """Answer of `openapi/quota/get`."""

    quota: Obj[Quota] = None
    rate_limit: Obj[RateLimit] = None


class TokenReply(Payload):
    """Answer of the token calls; `expires_in` seconds."""

    access_token: Text
    expires_in: Int = 7200

    def __repr__(self) -> str:
        return f"TokenReply(expires_in={self.expires_in})"

    __str__ = __repr__
