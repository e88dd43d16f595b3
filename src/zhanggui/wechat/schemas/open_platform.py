"""公众号 and 小程序 payloads that facts need: article and follower statistics, mini-program analytics, followers.

Field meanings: official-account and mini-program fact sheet. Dates are text as the platform writes them; `day_of` reads both forms.
"""

from __future__ import annotations

from datetime import date

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
    Number,
    Obj,
    Payload,
    Text,
    When,
)


def day_of(text: str) -> date:
    """The day of "2025-12-20", "20251220", or the first day of "20251220-20251226" and "202512". Raises ValueError."""
    head = text.split("-", 1)[0] if text.count("-") == 1 else text
    digits = head.replace("-", "")
    if len(digits) == 6:
        digits += "01"
    return date.fromisoformat(f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}")


class ReadSource(Payload):
    """Readers by where they came from; the scenes are an open list."""

    user_count: Int = 0
    scene_desc: Text = ""


class ArticleDay(Payload):
    """Reading figures of an article or of the whole account on a day."""

    read_user: MaybeInt = None
    read_user_source: ListOf[ReadSource]
    share_user: MaybeInt = None
    zaikan_user: MaybeInt = None
    like_user: MaybeInt = None
    comment_count: MaybeInt = None
    collection_user: MaybeInt = None


class ArticleRow(Payload):
    """One row of `getarticleread`, `getarticleshare`, `getbizsummary`."""

    ref_date: Text = ""
    msgid: MaybeId = None
    detail: Obj[ArticleDay] = None


class ArticleReply(Payload):
    """Answer of the new article statistics; `is_delay` False means final."""

    list: ListOf[ArticleRow]
    is_delay: MaybeFlag = None


class JumpPosition(Payload):
    """Where readers left."""

    position: Number = None
    rate: Number = None


class ArticleTotal(Payload):
    """Sums from the publishing day to `stat_date`; rates 0..1."""

    stat_date: Text = ""
    read_user: MaybeInt = None
    read_user_source: ListOf[ReadSource]
    share_user: MaybeInt = None
    zaikan_user: MaybeInt = None
    like_user: MaybeInt = None
    comment_count: MaybeInt = None
    collection_user: MaybeInt = None
    praise_money: MaybeMoney = None
    read_subscribe_user: MaybeInt = None
    read_delivery_rate: Number = None
    read_finish_rate: Number = None
    read_avg_activetime: Number = None
    read_jump_position: ListOf[JumpPosition]


class ArticleTotalRow(Payload):
    """One published article: publish_type 0 notified, 1 not."""

    ref_date: Text = ""
    msgid: MaybeId = None
    publish_type: MaybeInt = None
    title: Text = ""
    content_url: MaybeText = None
    detail_list: ListOf[ArticleTotal]


class ArticleTotalReply(Payload):
    """Answer of `getarticletotaldetail`."""

    list: ListOf[ArticleTotalRow]
    is_delay: MaybeFlag = None


class OldArticleDay(Payload):
    """Retired article figures (back-fill only)."""

    stat_date: MaybeText = None
    ref_date: MaybeText = None
    ref_hour: MaybeInt = None
    msgid: MaybeId = None
    title: MaybeText = None
    user_source: MaybeInt = None
    target_user: MaybeInt = None
    int_page_read_user: MaybeInt = None
    int_page_read_count: MaybeInt = None
    ori_page_read_user: MaybeInt = None
    ori_page_read_count: MaybeInt = None
    share_scene: MaybeInt = None
    share_user: MaybeInt = None
    share_count: MaybeInt = None
    add_to_fav_user: MaybeInt = None
    add_to_fav_count: MaybeInt = None
    int_page_from_session_read_user: MaybeInt = None
    int_page_from_session_read_count: MaybeInt = None
    int_page_from_hist_msg_read_user: MaybeInt = None
    int_page_from_hist_msg_read_count: MaybeInt = None
    int_page_from_feed_read_user: MaybeInt = None
    int_page_from_feed_read_count: MaybeInt = None
    int_page_from_friends_read_user: MaybeInt = None
    int_page_from_friends_read_count: MaybeInt = None
    int_page_from_other_read_user: MaybeInt = None
    int_page_from_other_read_count: MaybeInt = None
    feed_share_from_session_user: MaybeInt = None
    feed_share_from_session_cnt: MaybeInt = None
    feed_share_from_feed_user: MaybeInt = None
    feed_share_from_feed_cnt: MaybeInt = None
    feed_share_from_other_user: MaybeInt = None
    feed_share_from_other_cnt: MaybeInt = None


class OldArticleReply(Payload):
    """Answer of getarticlesummary, getuserread(hour), getusershare(hour)."""

    list: ListOf[OldArticleDay]


class OldArticleTotalRow(Payload):
    """One article in getarticletotal."""

    ref_date: Text = ""
    msgid: MaybeId = None
    title: MaybeText = None
    url: MaybeText = None
    details: ListOf[OldArticleDay]


class OldArticleTotalReply(Payload):
    """Answer of getarticletotal."""

    list: ListOf[OldArticleTotalRow]


class UserSummaryRow(Payload):
    """Followers won and lost on a day by one source; several rows per day."""

    ref_date: Text = ""
    user_source: MaybeInt = None
    new_user: Int = 0
    cancel_user: Int = 0


class UserSummaryReply(Payload):
    """Answer of `getusersummary`."""

    list: ListOf[UserSummaryRow]


class UserCumulateRow(Payload):
    """Followers in all at the end of a day."""

    ref_date: Text = ""
    user_source: MaybeInt = None
    cumulate_user: Int = 0


class UserCumulateReply(Payload):
    """Answer of `getusercumulate`."""

    list: ListOf[UserCumulateRow]


class OpenIds(Payload):
    """A page of openids."""

    openid: ListOf[Id]


class FollowerListReply(Payload):
    """Answer of `user/get`: 10 000 a page, next_openid empty at the end."""

    total: MaybeInt = None
    count: MaybeInt = None
    data: Obj[OpenIds] = None
    next_openid: Text = ""


class Follower(Payload):
    """A follower; nickname and avatar are no longer filled."""

    openid: Id
    subscribe: MaybeFlag = None
    unionid: MaybeId = None
    subscribe_time: When = None
    subscribe_scene: MaybeText = None
    qr_scene: MaybeId = None
    qr_scene_str: MaybeText = None
    tagid_list: ListOf[Id]
    remark: MaybeText = None
    groupid: MaybeId = None
    language: MaybeText = None
    nickname: MaybeText = None
    sex: MaybeInt = None
    city: MaybeText = None
    province: MaybeText = None
    country: MaybeText = None
    headimgurl: MaybeText = None


class FollowerBatchReply(Payload):
    """Answer of `user/info/batchget`."""

    user_info_list: ListOf[Follower]


class SummaryRow(Payload):
    """One mini-program day: accumulated users, shares."""

    ref_date: Text = ""
    visit_total: MaybeInt = None
    share_pv: MaybeInt = None
    share_uv: MaybeInt = None


class SummaryReply(Payload):
    """Answer of getweanalysisappiddailysummarytrend."""

    list: ListOf[SummaryRow]


class VisitRow(Payload):
    """One mini-program day, week or month of visits; stay times in seconds."""

    ref_date: Text = ""
    session_cnt: MaybeInt = None
    visit_pv: MaybeInt = None
    visit_uv: MaybeInt = None
    visit_uv_new: MaybeInt = None
    stay_time_uv: Number = None
    stay_time_session: Number = None
    visit_depth: Number = None


class VisitReply(Payload):
    """Answer of getweanalysisappid(daily|weekly|monthly)visittrend."""

    list: ListOf[VisitRow]


class KeyValue(Payload):
    """A count under a numeric key."""

    key: MaybeInt = None
    value: Int = 0


class RetainReply(Payload):
    """Answer of the retention calls: users of `ref_date` still visiting `key` days (weeks, months) later."""

    ref_date: Text = ""
    visit_uv_new: ListOf[KeyValue]
    visit_uv: ListOf[KeyValue]


class PageRow(Payload):
    """One page on one day; stay time in seconds per view."""

    page_path: Text = ""
    page_visit_pv: Int = 0
    page_visit_uv: Int = 0
    page_staytime_pv: Number = None
    entrypage_pv: Int = 0
    exitpage_pv: Int = 0
    page_share_pv: Int = 0
    page_share_uv: Int = 0


class PageReply(Payload):
    """Answer of getweanalysisappidvisitpage."""

    ref_date: Text = ""
    list: ListOf[PageRow]


class DistributionRow(Payload):
    """One distribution, e.g. access_depth_info."""

    index: Text = ""
    item_list: ListOf[KeyValue]


class DistributionReply(Payload):
    """Answer of getweanalysisappidvisitdistribution."""

    ref_date: Text = ""
    list: ListOf[DistributionRow]


class PortraitItem(Payload):
    """One share of a portrait."""

    id: MaybeId = None
    name: Text = ""
    value: Int = 0
    access_source_visit_uv: MaybeInt = None


class Portrait(Payload):
    """Visitors by place, gender, age, device."""

    index: MaybeInt = None
    province: ListOf[PortraitItem]
    city: ListOf[PortraitItem]
    genders: ListOf[PortraitItem]
    platforms: ListOf[PortraitItem]
    devices: ListOf[PortraitItem]
    ages: ListOf[PortraitItem]


class PortraitReply(Payload):
    """Answer of getweanalysisappiduserportrait."""

    ref_date: Text = ""
    visit_uv_new: Obj[Portrait] = None
    visit_uv: Obj[Portrait] = None


class UpstreamRow(Payload):
    """Messages users sent on a day."""

    ref_date: Text = ""
    ref_hour: MaybeInt = None
    msg_type: MaybeInt = None
    count_interval: MaybeInt = None
    msg_user: MaybeInt = None
    msg_count: MaybeInt = None


class UpstreamReply(Payload):
    """Answer of getupstreammsg*."""

    list: ListOf[UpstreamRow]


class PublishItem(Payload):
    """One published article of a job."""

    idx: MaybeInt = None
    article_url: MaybeText = None


class PublishDetail(Payload):
    """The articles of a publish job."""

    count: MaybeInt = None
    item: ListOf[PublishItem]


class PublishReply(Payload):
    """Answer of `freepublish/get`: publish_status 0 done, 1 going on, others failed."""

    publish_id: MaybeId = None
    publish_status: MaybeInt = None
    article_id: MaybeId = None
    article_detail: Obj[PublishDetail] = None
    fail_idx: ListOf[Int]


class SessionReply(Payload):
    """Answer of `sns/jscode2session`. The session key is a secret."""

    openid: Id
    unionid: MaybeId = None
    session_key: MaybeText = None
    expires_in: MaybeInt = None
    rid: Json = None

    def __repr__(self) -> str:
        return f"SessionReply(openid={self.openid!r})"

    __str__ = __repr__
