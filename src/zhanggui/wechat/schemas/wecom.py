"""WeCom (企业微信) payloads that facts need: contacts, tags, groups, statistics, broadcasts, acquisition links, customer service.

Field meanings: WeCom fact sheet. Times `Epoch`; statistics are China-time days.
"""

from __future__ import annotations

from zhanggui.wechat.schemas.base import (
    Flag,
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


class FollowUserListReply(Payload):
    """Answer of `externalcontact/get_follow_user_list`: staff who may have customers."""

    follow_user: ListOf[Id]


class ExternalIdListReply(Payload):
    """Answer of `externalcontact/list`: the customers of one member of staff."""

    external_userid: ListOf[Id]


class ExternalContact(Payload):
    """A customer. `external_userid` wm… is a WeChat user, wo… a WeCom user; `unionid` only when a developer id is bound."""

    external_userid: Id
    name: Text = ""
    type: MaybeInt = None
    gender: MaybeInt = None
    avatar: MaybeText = None
    unionid: MaybeId = None
    position: MaybeText = None
    corp_name: MaybeText = None
    corp_full_name: MaybeText = None
    external_profile: Json = None
    foreign_key: MaybeId = None
    is_subscribe: MaybeFlag = None
    subscriber_info: Json = None


class FollowTag(Payload):
    """A tag on the relation of one member of staff and one customer: type 1 corp, 2 own, 3 rule group."""

    group_name: MaybeText = None
    tag_name: MaybeText = None
    tag_id: MaybeId = None
    type: MaybeInt = None


class ContactChannel(Payload):
    """The 视频号 a customer came by (add_way 10)."""

    nickname: MaybeText = None
    source: MaybeInt = None


class FollowUser(Payload):
    """One member of staff who follows a customer. `state` is the channel key; `add_way` 16 is an acquisition link."""

    userid: MaybeId = None
    remark: MaybeText = None
    description: MaybeText = None
    createtime: When = None
    tags: ListOf[FollowTag]
    tag_id: ListOf[Id]
    remark_corp_name: MaybeText = None
    remark_company: MaybeText = None
    remark_mobiles: ListOf[Text]
    oper_userid: MaybeId = None
    add_way: MaybeInt = None
    state: MaybeText = None
    wechat_channels: Obj[ContactChannel] = None


class ExternalContactReply(Payload):
    """Answer of `externalcontact/get`."""

    external_contact: ExternalContact
    follow_user: ListOf[FollowUser]
    next_cursor: Text = ""


class ContactFollow(Payload):
    """A customer and one follow relation."""

    external_contact: ExternalContact
    follow_info: Obj[FollowUser] = None


class ContactBatchReply(Payload):
    """Answer of `externalcontact/batch/get_by_user`."""

    external_contact_list: ListOf[ContactFollow]
    next_cursor: Text = ""


class ServedContact(Payload):
    """Somebody served, customer or not; `tmp_openid` lives four hours and serves de-duplication."""

    is_customer: Flag = False
    tmp_openid: MaybeId = None
    external_userid: MaybeId = None
    name: MaybeText = None
    follow_userid: MaybeId = None
    chat_id: MaybeId = None
    chat_name: MaybeText = None
    add_time: When = None


class ServedContactReply(Payload):
    """Answer of `externalcontact/contact_list`."""

    info_list: ListOf[ServedContact]
    next_cursor: Text = ""


class CorpTag(Payload):
    """One corp tag."""

    id: Id
    name: Text = ""
    create_time: When = None
    order: MaybeInt = None
    deleted: MaybeFlag = None


class CorpTagGroup(Payload):
    """A group of corp tags."""

    group_id: Id
    group_name: Text = ""
    create_time: When = None
    order: MaybeInt = None
    deleted: MaybeFlag = None
    strategy_id: MaybeId = None
    tag: ListOf[CorpTag]


class CorpTagListReply(Payload):
    """Answer of `externalcontact/get_corp_tag_list`."""

    tag_group: ListOf[CorpTagGroup]


class GroupRef(Payload):
    """A customer group by id: status 0 normal, 1 owner left, 2 inheriting, 3 inherited."""

    chat_id: Id
    status: Int = 0


class GroupListReply(Payload):
    """Answer of `externalcontact/groupchat/list`."""

    group_chat_list: ListOf[GroupRef]
    next_cursor: Text = ""


class GroupInvitor(Payload):
    """Who invited a member."""

    userid: MaybeId = None


class GroupMember(Payload):
    """One member now in a group: type 1 staff, 2 external; join_scene 1 invited, 2 link, 3 QR."""

    userid: Id
    type: MaybeInt = None
    unionid: MaybeId = None
    join_time: When = None
    join_scene: MaybeInt = None
    invitor: Obj[GroupInvitor] = None
    state: MaybeText = None
    group_nickname: MaybeText = None
    name: MaybeText = None


class GroupAdmin(Payload):
    """An administrator of a group."""

    userid: Id


class GroupChat(Payload):
    """A customer group with its present members; who left is not told."""

    chat_id: Id
    name: Text = ""
    owner: MaybeId = None
    create_time: When = None
    notice: MaybeText = None
    member_list: ListOf[GroupMember]
    admin_list: ListOf[GroupAdmin]
    member_version: MaybeText = None


class GroupReply(Payload):
    """Answer of `externalcontact/groupchat/get`."""

    group_chat: GroupChat


class GroupData(Payload):
    """Statistics of groups. Whether `*_has_msg` and `msg_total` run on or are per day is not certain: keep them raw."""

    new_chat_cnt: MaybeInt = None
    chat_total: MaybeInt = None
    chat_has_msg: MaybeInt = None
    new_member_cnt: MaybeInt = None
    member_total: MaybeInt = None
    member_has_msg: MaybeInt = None
    msg_total: MaybeInt = None
    migrate_trainee_chat_cnt: MaybeInt = None


class GroupOwnerRow(Payload):
    """Statistics of one owner's groups."""

    owner: Id
    data: Obj[GroupData] = None


class GroupStatisticReply(Payload):
    """Answer of `externalcontact/groupchat/statistic`."""

    total: MaybeInt = None
    next_offset: MaybeInt = None
    items: ListOf[GroupOwnerRow]


class GroupDayRow(Payload):
    """Statistics of one day."""

    stat_time: When = None
    data: Obj[GroupData] = None


class GroupDayReply(Payload):
    """Answer of `externalcontact/groupchat/statistic_group_by_day`."""

    items: ListOf[GroupDayRow]


class Behaviour(Payload):
    """One day of staff behaviour in 1:1 chats; `avg_reply_time` minutes, `reply_percentage` percent."""

    stat_time: When = None
    new_apply_cnt: MaybeInt = None
    new_contact_cnt: MaybeInt = None
    chat_cnt: MaybeInt = None
    message_cnt: MaybeInt = None
    reply_percentage: Number = None
    avg_reply_time: Number = None
    negative_feedback_cnt: MaybeInt = None


class BehaviourReply(Payload):
    """Answer of `externalcontact/get_user_behavior_data`."""

    behavior_data: ListOf[Behaviour]


class MessageText(Payload):
    """Text of a message."""

    content: Text = ""


class Broadcast(Payload):
    """A broadcast task: create_type 0 corp, 1 personal."""

    msgid: Id
    creator: MaybeId = None
    create_time: When = None
    create_type: MaybeInt = None
    text: Obj[MessageText] = None
    attachments: Json = None


class BroadcastListReply(Payload):
    """Answer of `externalcontact/get_groupmsg_list_v2`."""

    group_msg_list: ListOf[Broadcast]
    next_cursor: Text = ""


class BroadcastTask(Payload):
    """One member of staff's part: status 0 not sent, 2 sent."""

    userid: Id
    status: Int = 0
    send_time: When = None


class BroadcastTaskReply(Payload):
    """Answer of `externalcontact/get_groupmsg_task`."""

    task_list: ListOf[BroadcastTask]
    next_cursor: Text = ""


class BroadcastResult(Payload):
    """One recipient: status 0 not sent, 1 sent, 2 not a friend, 3 at the limit."""

    external_userid: MaybeId = None
    chat_id: MaybeId = None
    userid: MaybeId = None
    status: Int = 0
    send_time: When = None


class BroadcastResultReply(Payload):
    """Answer of `externalcontact/get_groupmsg_send_result`."""

    send_list: ListOf[BroadcastResult]
    next_cursor: Text = ""


class AcquisitionLink(Payload):
    """An acquisition link (获客链接)."""

    link_id: MaybeId = None
    link_name: Text = ""
    url: Text = ""
    create_time: When = None
    skip_verify: MaybeFlag = None
    mark_source: MaybeFlag = None


class AcquisitionRange(Payload):
    """Who receives the customers of a link."""

    user_list: ListOf[Id]
    department_list: ListOf[Id]


class AcquisitionPriority(Payload):
    """How a link spreads its customers."""

    priority_type: MaybeInt = None
    priority_userid_list: ListOf[Id]


class AcquisitionLinkReply(Payload):
    """Answer of `externalcontact/customer_acquisition/get`."""

    link: AcquisitionLink
    range: Obj[AcquisitionRange] = None
    skip_verify: MaybeFlag = None
    priority_option: Obj[AcquisitionPriority] = None


class AcquisitionLinkListReply(Payload):
    """Answer of `externalcontact/customer_acquisition/list_link`."""

    link_id_list: ListOf[Id]
    next_cursor: Text = ""


class AcquisitionCustomer(Payload):
    """A customer a link brought: chat_status 0 silent, 1 spoke, 2 unknown; `state` the customer_channel."""

    external_userid: Id
    userid: MaybeId = None
    chat_status: MaybeInt = None
    state: MaybeText = None


class AcquisitionCustomerReply(Payload):
    """Answer of `externalcontact/customer_acquisition/customer`."""

    customer_list: ListOf[AcquisitionCustomer]
    next_cursor: Text = ""


class AcquisitionStatisticReply(Payload):
    """Answer of `externalcontact/customer_acquisition/statistic`."""

    click_link_customer_cnt: Int = 0
    new_customer_cnt: Int = 0


class AcquisitionQuotaItem(Payload):
    """A part of the paid quota and when it lapses."""

    expire_date: When = None
    balance: Int = 0


class AcquisitionQuotaReply(Payload):
    """Answer of `externalcontact/customer_acquisition_quota`: customers added so far and left."""

    total: MaybeInt = None
    balance: MaybeInt = None
    quota_list: ListOf[AcquisitionQuotaItem]


class MomentListItem(Payload):
    """A post in 客户朋友圈: create_type 0 corp, 1 personal; visible_type 0 partial, 1 public."""

    moment_id: Id
    creator: MaybeId = None
    create_time: When = None
    create_type: MaybeInt = None
    visible_type: MaybeInt = None
    text: Obj[MessageText] = None
    image: Json = None
    video: Json = None
    link: Json = None
    location: Json = None


class MomentListReply(Payload):
    """Answer of `externalcontact/get_moment_list`."""

    moment_list: ListOf[MomentListItem]
    next_cursor: Text = ""


class MomentReaction(Payload):
    """Who liked or commented; no text is given."""

    external_userid: MaybeId = None
    userid: MaybeId = None
    create_time: When = None


class MomentCommentsReply(Payload):
    """Answer of `externalcontact/get_moment_comments`."""

    comment_list: ListOf[MomentReaction]
    like_list: ListOf[MomentReaction]


class KfShopProduct(Payload):
    """A shop product a customer shared in a chat."""

    product_id: MaybeId = None
    head_img: MaybeText = None
    title: Text = ""
    sales_price: MaybeMoney = None
    shop_nickname: MaybeText = None
    shop_head_img: MaybeText = None


class KfShopOrder(Payload):
    """A shop order a customer shared in a chat: it ties the chat to the order."""

    order_id: MaybeId = None
    product_titles: MaybeText = None
    price_wording: MaybeText = None
    state: MaybeText = None
    image_url: MaybeText = None
    shop_nickname: MaybeText = None


class KfMessage(Payload):
    """One 微信客服 message: origin 3 customer, 4 system event, 5 servicer."""

    msgid: MaybeId = None
    open_kfid: MaybeId = None
    external_userid: MaybeId = None
    send_time: When = None
    origin: MaybeInt = None
    servicer_userid: MaybeId = None
    msgtype: Text = ""
    text: Json = None
    image: Json = None
    voice: Json = None
    video: Json = None
    file: Json = None
    location: Json = None
    link: Json = None
    business_card: Json = None
    miniprogram: Json = None
    msgmenu: Json = None
    event: Json = None
    channels: Json = None
    merged_msg: Json = None
    channels_shop_product: Obj[KfShopProduct] = None
    channels_shop_order: Obj[KfShopOrder] = None


class KfSyncReply(Payload):
    """Answer of `kf/sync_msg`: go on while has_more, and keep next_cursor."""

    next_cursor: Text = ""
    has_more: MaybeFlag = None
    msg_list: ListOf[KfMessage]
