"""企业微信 calls, and how their payloads look.

The text form is explained in `zhanggui.wechat.endpoints`.
"""

from __future__ import annotations

HOST = "qyapi.weixin.qq.com"
TABLE = """
## 通用
GET /cgi-bin/gettoken  # 取企业微信凭证
  ? corpid! corpsecret!
  = @shop.TokenReply
GET /cgi-bin/getcallbackip
  = ip_list[]
GET /cgi-bin/get_api_domain_ip
  = ip_list[]
GET /cgi-bin/get_jsapi_ticket rph=400
  = ticket expires_in:i
GET /cgi-bin/ticket/get rph=100
  ? type
  = ticket expires_in:i
GET /cgi-bin/externalcontact/get_follow_user_list  # 有客户的员工
  = @wecom.FollowUserListReply
GET /cgi-bin/externalcontact/list  # 员工的客户
  ? userid!
  = @wecom.ExternalIdListReply
GET /cgi-bin/externalcontact/get  # 客户详情
  ? external_userid! cursor
  = @wecom.ExternalContactReply
POST /cgi-bin/externalcontact/batch/get_by_user page=100  # 批量取客户
  ? userid_list[]! cursor limit:i
  = @wecom.ContactBatchReply
POST /cgi-bin/externalcontact/contact_list page=2000  # 已服务的外部联系人
  ? cursor limit:i
  = @wecom.ServedContactReply
POST /cgi-bin/externalcontact/get_corp_tag_list  # 企业标签
  ? tag_id[] group_id[]
  = @wecom.CorpTagListReply
POST /cgi-bin/externalcontact/get_strategy_tag_list
  ? strategy_id tag_id[] group_id[]
  = @wecom.CorpTagListReply
POST /cgi-bin/externalcontact/groupchat/list page=1000  # 客户群列表
  ? status_filter:i owner_filter{userid_list[]} cursor limit:i
  = @wecom.GroupListReply
POST /cgi-bin/externalcontact/groupchat/get  # 客户群详情
  ? chat_id! need_name:b
  = @wecom.GroupReply
POST /cgi-bin/externalcontact/groupchat/statistic page=1000 window=30d  # 客户群统计(按群主)
  ? day_begin_time!:t day_end_time:t owner_filter{userid_list[]} order_by:i order_asc:i offset:i limit:i
  = @wecom.GroupStatisticReply
POST /cgi-bin/externalcontact/groupchat/statistic_group_by_day window=30d  # 客户群统计(按天)
  ? day_begin_time!:t day_end_time:t owner_filter{userid_list[]}
  = @wecom.GroupDayReply
POST /cgi-bin/externalcontact/get_user_behavior_data window=30d  # 员工联系客户统计
  ? userid[] partyid[] start_time:t end_time:t
  = @wecom.BehaviourReply
POST /cgi-bin/externalcontact/get_groupmsg_list_v2 page=100 window=30d  # 群发记录
  ? chat_type start_time:t end_time:t creator filter_type:i limit:i cursor
  = @wecom.BroadcastListReply
POST /cgi-bin/externalcontact/get_groupmsg_task page=1000  # 群发成员任务
  ? msgid limit:i cursor
  = @wecom.BroadcastTaskReply
POST /cgi-bin/externalcontact/get_groupmsg_send_result page=1000  # 群发结果
  ? msgid userid limit:i cursor
  = @wecom.BroadcastResultReply
POST /cgi-bin/externalcontact/customer_acquisition/list_link page=100  # 获客链接列表
  ? limit:i cursor
  = @wecom.AcquisitionLinkListReply
POST /cgi-bin/externalcontact/customer_acquisition/get  # 获客链接详情
  ? link_id
  = @wecom.AcquisitionLinkReply
POST /cgi-bin/externalcontact/customer_acquisition/customer page=1000  # 获客链接带来的客户
  ? link_id limit:i cursor
  = @wecom.AcquisitionCustomerReply
POST /cgi-bin/externalcontact/customer_acquisition/statistic  # 获客链接统计
  ? link_id! start_time:t end_time:t
  = @wecom.AcquisitionStatisticReply
GET /cgi-bin/externalcontact/customer_acquisition_quota  # 获客额度
  = @wecom.AcquisitionQuotaReply
POST /cgi-bin/externalcontact/get_moment_list page=20 window=30d  # 朋友圈列表
  ? start_time:t end_time:t creator filter_type:i cursor limit:i
  = @wecom.MomentListReply
POST /cgi-bin/externalcontact/get_moment_comments  # 朋友圈互动
  ? moment_id userid
  = @wecom.MomentCommentsReply
GET /cgi-bin/externalcontact/get_moment_task_result
  ? jobid!
  = status:i type result{errcode:i errmsg moment_id invalid_sender_list:a invalid_external_contact_list:a}
POST /cgi-bin/externalcontact/cancel_moment_task w safe
  ? moment_id!
POST /cgi-bin/externalcontact/add_moment_task w rpm=10  # 建朋友圈任务
  ? text{content} attachments[]{msgtype image{media_id} video{media_id} link{title url media_id}}
    visible_range{sender_list{user_list[] department_list[]:i} external_contact_list{tag_list[]}}
  = jobid
POST /cgi-bin/externalcontact/add_msg_template w  # 建群发任务
  ? chat_type external_userid[] chat_id_list[] tag_filter{group_list[]{tag_list[]}} sender allow_select:b
    text{content} attachments[]{msgtype image{media_id pic_url} link{title picurl desc url} miniprogram{title
    pic_media_id appid page} video{media_id}}
  = fail_list[] msgid
POST /cgi-bin/externalcontact/groupchat/get_join_way
  ? config_id!
  = join_way{config_id scene:i remark auto_create_room:i room_base_name room_base_id chat_id_list[] qr_code state
    mark_source:b}
POST /cgi-bin/externalcontact/groupchat/update_join_way w safe
  ? config_id! scene:i remark auto_create_room:i room_base_name room_base_id chat_id_list[] state mark_source:b
POST /cgi-bin/externalcontact/convert_to_openid
  ? external_userid
  = openid
POST /cgi-bin/externalcontact/opengid_to_chatid
  ? opengid
  = chat_id
POST /cgi-bin/externalcontact/to_service_external_userid
  ? external_userid
  = external_userid
POST /cgi-bin/externalcontact/unionid_to_external_userid
  ? unionid
  = external_userid
POST /cgi-bin/idconvert/unionid_to_external_userid
  ? unionid openid subject_type:i
  = external_userid pending_id
POST /cgi-bin/idconvert/batch/external_userid_to_pending_id
  ? chat_id external_userid[]
  = result[]{external_userid pending_id}
POST /cgi-bin/externalcontact/transfer_customer w
  ? handover_userid takeover_userid external_userid[] transfer_success_msg
  = customer[]{external_userid errcode:i}
POST /cgi-bin/externalcontact/resigned/transfer_customer w
  ? handover_userid takeover_userid external_userid[]
  = customer[]{external_userid errcode:i}
POST /cgi-bin/externalcontact/transfer not=superseded
POST /cgi-bin/externalcontact/customer_acquisition_app/get_permit
  = user_list[] department_list[]:i tag_list[]:i
POST /cgi-bin/user/convert_to_openid
  ? userid!
  = openid
POST /cgi-bin/user/convert_to_userid
  ? openid!
  = userid
POST /cgi-bin/todo/get
  ? todo_id!
  = content creator status:i create_time:t end_time:t attendees[]{userid status:i} reminders[]{remind_time:t}
POST /cgi-bin/todo/update w safe
  ? todo_id! status:i attendees[]{userid status:i}
POST /cgi-bin/message/recall w safe
  ? msgid
POST /cgi-bin/message/send w  # 应用消息
  ? template_card{card_image{url aspect_ratio:f} vertical_content_list[]{title desc} button_selection{question_key
    title option_list[]{id text} selected_id} button_list[]{text style:i key type:i url} checkbox{question_key
    option_list[]{id text is_checked:b} mode:i} select_list[]{question_key title selected_id option_list[]{id
    text}} submit_button{text key} image_text_area{type:i url title desc image_url} sub_title_text card_type
    source{icon_url desc desc_color:i} action_menu{desc action_list[]{text key}} task_id main_title{title desc}
    quote_area{type:i url title quote_text} emphasis_content{title desc} horizontal_content_list[]{keyname value
    type:i url media_id userid} jump_list[]{type:i title url appid pagepath} card_action{type:i url appid
    pagepath}} touser toparty totag msgtype agentid text{content} image{media_id} voice{media_id} video{media_id
    title description} file{media_id} textcard{title description url btntxt} news{articles[]{title description url
    picurl appid pagepath}} mpnews{articles[]{title thumb_media_id author content_source_url content digest}}
    markdown{content} miniprogram_notice{appid page title description emphasis_first_item:b content_item[]{key
    value}} interactive_taskcard{title description url task_id btn[]{key name color is_bold:b}}
    selected_ticket_list[] template_msg{template_id url miniprogram{appid pagepath} content_item[]{key value}}
    safe:i enable_id_trans:b enable_duplicate_check:b duplicate_check_interval:i
  = invaliduser invalidparty invalidtag unlicenseduser msgid response_code
POST /cgi-bin/webhook/send w rpm=20 auth=key  # 群机器人
  ? msgtype! text{content mentioned_list[] mentioned_mobile_list[]} markdown{content} markdown_v2{content}
    image{base64 md5} news{articles[]{title description url picurl}} file{media_id} voice{media_id}
    template_card:a
POST /cgi-bin/webhook/upload_media w form auth=key
  = type media_id created_at:t
POST /cgi-bin/kf/sync_msg page=1000  # 微信客服消息
  ? cursor token limit:i voice_format:i open_kfid
  = @wecom.KfSyncReply
POST /cgi-bin/kf/add_contact_way w
  ? open_kfid scene
  = url
POST /cgi-bin/kf/get_corp_statistic window=31d
  ? open_kfid start_time:t end_time:t
  = statistic_list[]{stat_time:t statistic{session_cnt:i customer_cnt:i customer_msg_cnt:i
    upgrade_service_customer_cnt:i ai_session_reply_cnt:i ai_transfer_rate:f ai_knowledge_hit_rate:f
    msg_rejected_customer_cnt:i}}
POST /cgi-bin/kf/get_servicer_statistic window=31d
  ? open_kfid servicer_userid start_time:t end_time:t
  = statistic_list[]{stat_time:t statistic{session_cnt:i customer_cnt:i customer_msg_cnt:i reply_rate:i
    first_reply_average_sec:i satisfaction_investgate_cnt:i satisfaction_participation_rate:i satisfied_rate:i
    middling_rate:i dissatisfied_rate:i upgrade_service_customer_cnt:i upgrade_service_member_invite_cnt:i
    upgrade_service_member_customer_cnt:i upgrade_service_groupchat_invite_cnt:i
    upgrade_service_groupchat_customer_cnt:i msg_rejected_customer_cnt:i}}
POST /cgi-bin/media/upload w form
  = type media_id created_at:t
POST /cgi-bin/media/uploadimg w form
  = url
POST /cgi-bin/media/upload_attachment w form
  = type media_id created_at:t
POST /cgi-bin/externalcontact/add_strategy_tag w
  ? strategy_id group_id group_name order:i tag[]{name order:i}
  = tag_group{group_id group_name create_time:t order:i tag[]{id name create_time:t order:i}}
POST /cgi-bin/externalcontact/del_strategy_tag w
  ? tag_id[] group_id[]
POST /cgi-bin/externalcontact/edit_strategy_tag w safe
  ? id name order:i
POST /cgi-bin/externalcontact/edit_corp_tag w safe
  ? id name order:i agentid
POST /cgi-bin/externalcontact/mark_tag w safe
  ? userid external_userid add_tag[] remove_tag[]
POST /cgi-bin/externalcontact/remark w safe
  ? userid external_userid remark description remark_company remark_mobiles[] remark_pic_mediaid
## 其他
POST /cgi-bin/appchat/create w
  ? name owner userlist[] chatid
  = chatid
GET /cgi-bin/appchat/get
  ? chatid!
  = chat_info{chatid name owner userlist[]}
POST /cgi-bin/appchat/send w
  ? chatid msgtype text{content} image{media_id} voice{media_id} video{media_id description title} file{media_id}
    textcard{title description url btntxt} news{articles[]{title description url picurl}} mpnews{articles[]{title
    thumb_media_id author content_source_url content digest}} markdown{content} safe:i
POST /cgi-bin/appchat/update w
  ? chatid name owner add_user_list[] del_user_list[]
POST /cgi-bin/externalcontact/add_contact_way w
  ? type:i scene:i style:i remark skip_verify:b state user[] party[]:i is_temp:b expires_in:i chat_expires_in:i
    unionid is_exclusive:b mark_source:b conclusions{text{content} image{media_id} link{title picurl desc url}
    miniprogram{title pic_media_id appid page}}
  = config_id qr_code
POST /cgi-bin/externalcontact/add_corp_tag w
  ? group_id group_name order:i tag[]{name order:i} agentid
  = tag_group{group_id group_name tag[]{id name order:i create_time:t} order:i create_time:t}
POST /cgi-bin/externalcontact/add_intercept_rule w
  ? rule_name word_list[] semantics_list[]:i intercept_type:i applicable_range{user_list[] department_list[]:i}
  = rule_id
POST /cgi-bin/externalcontact/add_product_album w
  ? description price:m product_sn attachments[]{type image{media_id}}
  = product_id
POST /cgi-bin/externalcontact/batch_to_external_userid w
  ? mobiles[]
  = success_list[]{mobile external_userid foreign_key} fail_list[]{errcode:i errmsg mobile}
POST /cgi-bin/externalcontact/cancel_groupmsg_send w
  ? msgid
POST /cgi-bin/externalcontact/close_temp_chat w
  ? userid external_userid
POST /cgi-bin/externalcontact/customer_acquisition/create_link w
  ? link_name range{user_list[] department_list[]:i} skip_verify:b priority_option{priority_type:i
    priority_userid_list[]} mark_source:b
  = link{link_id link_name url create_time:t}
POST /cgi-bin/externalcontact/customer_acquisition/delete_link w
  ? link_id
POST /cgi-bin/externalcontact/customer_acquisition/get_chat_info
  ? chat_key
  = userid external_userid chat_info{recv_msg_cnt:i link_id state}
POST /cgi-bin/externalcontact/customer_acquisition/update_link w
  ? link_id link_name range{user_list[] department_list[]:i} skip_verify:b priority_option{priority_type:i
    priority_userid_list[]} mark_source:b
POST /cgi-bin/externalcontact/customer_strategy/create w
  ? parent_id strategy_name admin_list[] privilege{view_customer_list:b view_customer_data:b view_room_list:b
    contact_me:b join_room:b share_customer:b oper_resign_customer:b send_customer_msg:b edit_welcome_msg:b
    view_behavior_data:b view_room_data:b send_group_msg:b room_deduplication:b rapid_reply:b
    onjob_customer_transfer:b edit_anti_spam_rule:b export_customer_list:b export_customer_data:b
    export_customer_group_list:b} range[]{type:i userid partyid}
  = strategy_id
POST /cgi-bin/externalcontact/customer_strategy/del w
  ? strategy_id
POST /cgi-bin/externalcontact/customer_strategy/edit w
  ? strategy_id strategy_name admin_list[] privilege{view_customer_list:b view_customer_data:b view_room_list:b
    contact_me:b join_room:b share_customer:b oper_resign_customer:b oper_resign_group:b send_customer_msg:b
    edit_welcome_msg:b view_behavior_data:b view_room_data:b send_group_msg:b room_deduplication:b rapid_reply:b
    onjob_customer_transfer:b edit_anti_spam_rule:b export_customer_list:b export_customer_data:b
    export_customer_group_list:b} range_add[]{type:i userid partyid} range_del[]{type:i userid partyid}
POST /cgi-bin/externalcontact/customer_strategy/get
  ? strategy_id
  = strategy{strategy_id parent_id strategy_name create_time:t admin_list[] privilege{view_customer_list:b
    view_customer_data:b view_room_list:b contact_me:b join_room:b share_customer:b oper_resign_customer:b
    oper_resign_group:b send_customer_msg:b edit_welcome_msg:b view_behavior_data:b view_room_data:b
    send_group_msg:b room_deduplication:b rapid_reply:b onjob_customer_transfer:b edit_anti_spam_rule:b
    export_customer_list:b export_customer_data:b export_customer_group_list:b}}
POST /cgi-bin/externalcontact/customer_strategy/get_range
  ? strategy_id cursor limit:i
  = range[]{type:i userid partyid} next_cursor
POST /cgi-bin/externalcontact/customer_strategy/list
  ? cursor limit:i
  = strategy[]{strategy_id} next_cursor
POST /cgi-bin/externalcontact/del_contact_way w
  ? config_id
POST /cgi-bin/externalcontact/del_corp_tag w
  ? tag_id[] group_id[] agentid
POST /cgi-bin/externalcontact/del_intercept_rule w
  ? rule_id
POST /cgi-bin/externalcontact/delete_product_album w
  ? product_id
POST /cgi-bin/externalcontact/get_contact_way
  ? config_id
  = contact_way{config_id type:i scene:i style:i remark skip_verify:b state qr_code user[] party[]:i is_temp:b
    expires_in:i chat_expires_in:i unionid mark_source:b conclusions{text{content} image{pic_url} link{title
    picurl desc url} miniprogram{title pic_media_id appid page}}}
POST /cgi-bin/externalcontact/get_intercept_rule
  ? rule_id
  = rule{rule_id rule_name word_list[] extra_rule{semantics_list[]:i} intercept_type:i
    applicable_range{user_list[] department_list[]:i}}
GET /cgi-bin/externalcontact/get_intercept_rule_list
  = rule_list[]{rule_id rule_name create_time:t}
POST /cgi-bin/externalcontact/get_moment_customer_list
  ? moment_id userid cursor limit:i
  = next_cursor customer_list[]{userid external_userid}
POST /cgi-bin/externalcontact/get_moment_send_result
  ? moment_id userid cursor limit:i
  = next_cursor customer_list[]{external_userid}
POST /cgi-bin/externalcontact/get_moment_task
  ? moment_id cursor limit:i
  = next_cursor task_list[]{userid publish_status:i}
POST /cgi-bin/externalcontact/get_new_external_userid
  ? external_userid_list[]
  = items[]{external_userid new_external_userid}
POST /cgi-bin/externalcontact/get_product_album
  ? product_id
  = product{product_id description price:m create_time:t product_sn attachments[]{type image{media_id}}}
POST /cgi-bin/externalcontact/get_product_album_list
  ? limit:i cursor
  = next_cursor product_list[]{product_id description price:m product_sn attachments[]{type image{media_id}}}
GET /cgi-bin/externalcontact/get_subscribe_mode
  = subscribe_mode:i
GET /cgi-bin/externalcontact/get_subscribe_qr_code
  = qrcode_big qrcode_middle qrcode_thumb
POST /cgi-bin/externalcontact/get_unassigned_list
  ? page_id cursor page_size:i
  = info[]{handover_userid external_userid dimission_time:t} is_last:b next_cursor
POST /cgi-bin/externalcontact/group_welcome_template/add w
  ? text{content} image{media_id pic_url} link{title picurl desc url} miniprogram{title pic_media_id appid page}
    file{media_id} video{media_id} agentid notify:i
  = template_id
POST /cgi-bin/externalcontact/group_welcome_template/del w
  ? template_id agentid
POST /cgi-bin/externalcontact/group_welcome_template/edit w
  ? template_id text{content} image{media_id pic_url} link{title picurl desc url} miniprogram{title pic_media_id
    appid page} file{media_id} video{media_id} agentid
POST /cgi-bin/externalcontact/group_welcome_template/get
  ? template_id
  = text{content} image{pic_url} link{title picurl desc url} miniprogram{title pic_media_id appid page}
    file{media_id} video{media_id}
POST /cgi-bin/externalcontact/groupchat/add_join_way w
  ? scene:i remark auto_create_room:i room_base_name room_base_id chat_id_list[] state mark_source:b
  = config_id
POST /cgi-bin/externalcontact/groupchat/del_join_way w
  ? config_id
POST /cgi-bin/externalcontact/groupchat/get_new_external_userid
  ? chat_id external_userid_list[]
  = items[]{external_userid new_external_userid}
POST /cgi-bin/externalcontact/groupchat/onjob_transfer w
  ? chat_id_list[] new_owner
  = failed_chat_list[]{chat_id errcode:i errmsg}
POST /cgi-bin/externalcontact/groupchat/transfer w
  ? chat_id_list[] new_owner
  = failed_chat_list[]{chat_id errcode:i errmsg}
POST /cgi-bin/externalcontact/list_contact_way
  ? start_time:t end_time:t cursor limit:i
  = contact_way[]{config_id} next_cursor
POST /cgi-bin/externalcontact/message/send w
  ? to_external_user[] to_parent_userid[] to_student_userid[] to_party[]:i toall:i msgtype agentid text{content}
    image{media_id} voice{media_id} video{media_id title description} file{media_id} news{articles[]{title
    description url picurl}} mpnews{articles[]{title thumb_media_id author content_source_url content digest}}
    miniprogram{appid title thumb_media_id pagepath} enable_id_trans:b enable_duplicate_check:b
    duplicate_check_interval:i
  = invalid_external_user[] invalid_parent_userid[] invalid_student_userid[] invalid_party[]:i
POST /cgi-bin/externalcontact/moment_strategy/create w
  ? parent_id strategy_name admin_list[] privilege{send_moment:b view_moment_list:b} range[]{type:i userid
    partyid}
  = strategy_id
POST /cgi-bin/externalcontact/moment_strategy/del w
  ? strategy_id
POST /cgi-bin/externalcontact/moment_strategy/edit w
  ? strategy_id strategy_name admin_list[] privilege{view_moment_list:b send_moment:b} range_add[]{type:i userid
    partyid} range_del[]{type:i userid partyid}
POST /cgi-bin/externalcontact/moment_strategy/get
  ? strategy_id
  = strategy{strategy_id parent_id strategy_name create_time:t admin_list[] privilege{view_moment_list:b
    send_moment:b}}
POST /cgi-bin/externalcontact/moment_strategy/get_range
  ? strategy_id cursor limit:i
  = range[]{type:i userid partyid} next_cursor
POST /cgi-bin/externalcontact/moment_strategy/list
  ? cursor limit:i
  = strategy[]{strategy_id} next_cursor
POST /cgi-bin/externalcontact/remind_groupmsg_send w
  ? msgid
POST /cgi-bin/externalcontact/resigned/transfer_result
  ? handover_userid takeover_userid cursor
  = customer[]{external_userid status:i takeover_time:t} next_cursor
POST /cgi-bin/externalcontact/send_welcome_msg w
  ? welcome_code text{content} attachments[]{msgtype image{media_id pic_url} link{title picurl desc url}
    miniprogram{title pic_media_id appid page} video{media_id} file{media_id}}
POST /cgi-bin/externalcontact/set_subscribe_mode w
  ? subscribe_mode:i
POST /cgi-bin/externalcontact/transfer_result
  ? handover_userid takeover_userid cursor
  = customer[]{external_userid status:i takeover_time:t} next_cursor
POST /cgi-bin/externalcontact/update_contact_way w
  ? config_id remark skip_verify:b style:i state user[] party[]:i expires_in:i chat_expires_in:i unionid
    mark_source:b conclusions{text{content} image{media_id} link{title picurl desc url} miniprogram{title
    pic_media_id appid page}}
POST /cgi-bin/externalcontact/update_intercept_rule w
  ? rule_id rule_name word_list[] extra_rule{semantics_list[]:i} intercept_type:i add_applicable_range{user_list[]
    department_list[]:i} remove_applicable_range{user_list[] department_list[]:i}
POST /cgi-bin/externalcontact/update_product_album w
  ? product_id description price:m product_sn attachments[]{type image{media_id}}
POST /cgi-bin/kf/account/add w
  ? name media_id
  = open_kfid
POST /cgi-bin/kf/account/del w
  ? open_kfid
POST /cgi-bin/kf/account/list
  ? offset:i limit:i
  = account_list[]{open_kfid name avatar manage_privilege:b}
POST /cgi-bin/kf/account/update w
  ? open_kfid name media_id
POST /cgi-bin/kf/customer/batchget
  ? external_userid_list[] need_enter_session_context:b
  = customer_list[]{external_userid nickname avatar gender:i unionid enter_session_context{scene scene_param
    wechat_channels{nickname}}} invalid_external_userid[]
POST /cgi-bin/kf/customer/cancel_upgrade_service w
  ? open_kfid external_userid
GET /cgi-bin/kf/customer/get_upgrade_service_config
  = member_range{userid_list[] department_id_list[]} groupchat_range{chat_id_list[]}
POST /cgi-bin/kf/customer/upgrade_service w
  ? open_kfid external_userid type:i member{userid wording} groupchat{chat_id wording}
GET /cgi-bin/kf/get_corp_qualification
  = wechat_channels_binding:b
POST /cgi-bin/kf/knowledge/add_group w
  ? name
  = group_id
POST /cgi-bin/kf/knowledge/add_intent w
  ? group_id question{text{content}} similar_questions{items[]{text{content}}} answers[]{text{content}
    attachments[]{msgtype image{media_id} video{media_id} link{title pic_url desc url} miniprogram{title
    thumb_media_id appid pagepath}}}
  = intent_id
POST /cgi-bin/kf/knowledge/del_group w
  ? group_id
POST /cgi-bin/kf/knowledge/del_intent w
  ? intent_id
POST /cgi-bin/kf/knowledge/list_group
  ? cursor limit:i group_id
  = next_cursor has_more:b group_list[]{group_id name is_default:b}
POST /cgi-bin/kf/knowledge/list_intent
  ? cursor limit:i group_id intent_id
  = next_cursor has_more:b intent_list[]{group_id intent_id question{text{content}}
    similar_questions{items[]{text{content}}} answers[]{text{content} attachments[]{msgtype image{name}
    video{name} link{title pic_url desc url} miniprogram{title appid pagepath}}}}
POST /cgi-bin/kf/knowledge/mod_group w
  ? group_id name
POST /cgi-bin/kf/knowledge/mod_intent w
  ? intent_id question{text{content}} similar_questions{items[]{text{content}}} answers[]{text{content}
    attachments[]{msgtype image{media_id} video{media_id} link{title pic_url desc url} miniprogram{title
    thumb_media_id appid pagepath}}}
POST /cgi-bin/kf/send_msg w
  ? touser open_kfid msgid msgtype text{content} image{media_id} voice{media_id} video{media_id} file{media_id}
    link{title desc url thumb_media_id} miniprogram{appid title thumb_media_id pagepath} msgmenu{head_content
    list[]{type click{id content} view{url content} miniprogram{appid pagepath content} text{content
    no_newline:i}} tail_content} location{name address latitude:i longitude:i} business_card{userid}
    ca_link{link_url}
  = msgid
POST /cgi-bin/kf/send_msg_on_event w
  ? code msgid msgtype text{content} msgmenu{head_content list[]{type click{id content} view{url content}
    miniprogram{appid pagepath content} text{content no_newline:i}} tail_content}
  = msgid
POST /cgi-bin/kf/service_state/get
  ? open_kfid external_userid
  = service_state servicer_userid
POST /cgi-bin/kf/service_state/trans w
  ? open_kfid external_userid service_state servicer_userid
  = msg_code
POST /cgi-bin/kf/servicer/add w
  ? open_kfid userid_list[] department_id_list[]
  = result_list[]{userid errcode:i errmsg}
POST /cgi-bin/kf/servicer/del w
  ? open_kfid userid_list[] department_id_list[]
  = result_list[]{userid errcode:i errmsg}
GET /cgi-bin/kf/servicer/list
  ? open_kfid!
  = servicer_list[]{userid status:i department_id}
POST /cgi-bin/media/upload_by_url w
  ? scene:i type filename url md5
  = jobid
POST /cgi-bin/message/get_statistics
  ? time_type:i
  = statistics[]{agentid app_name count:i}
POST /cgi-bin/message/update_taskcard w
  ? userids[] agentid task_id replace_name
  = invaliduser[]
POST /cgi-bin/message/update_template_card w
  ? userids[] partyids[]:i tagids[]:i atall:i agentid response_code button{task_id replace_name} enable_id_trans:b
    template_card{card_type source{icon_url desc} card_image{url aspect_ratio:f} main_title{title desc}
    vertical_content_list[]{title desc} emphasis_content{title desc} sub_title_text
    horizontal_content_list[]{keyname value type:i url media_id} jump_list[]{type:i title url appid pagepath}
    card_action{type:i url appid pagepath} button_list[]{text style:i key} checkbox{question_key option_list[]{id
    disable:b text is_checked:b} disable:b mode:i} select_list[]{question_key title selected_id disable:b
    option_list[]{id text}} submit_button{text key} replace_text}
  = invaliduser[]
POST /cgi-bin/msgaudit/check_room_agree
  ? roomid
  = agreeinfo[]{status_change_time:t exteranalopenid agree_status}
POST /cgi-bin/msgaudit/check_single_agree
  ? info[]{userid exteranalopenid}
  = agreeinfo[]{status_change_time:t userid exteranalopenid agree_status}
POST /cgi-bin/msgaudit/get_permit_user_list
  ? type:i
  = ids[]
GET /cgi-bin/msgaudit/get_robot_info
  = data{robot_id name creator_userid}
POST /cgi-bin/msgaudit/groupchat/get
  ? roomid
  = roomname creator room_create_time:t notice members[]{memberid jointime:t}
"""
