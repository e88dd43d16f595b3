"""公众号 and 小程序 calls, and how their payloads look.

The text form is explained in `zhanggui.wechat.endpoints`.
"""

from __future__ import annotations

HOST = "api.weixin.qq.com"
TABLE = """
## 公众号
GET /cgi-bin/ticket/getticket
  ? type
  = ticket expires_in:i
POST /cgi-bin/draft/add w
  ? articles[]{article_type pic_crop_235_1 pic_crop_1_1 image_info:a cover_info:a product_info:a title author
    digest content content_source_url thumb_media_id show_cover_pic:i need_open_comment:b only_fans_can_comment:i}
  = media_id
POST /cgi-bin/freepublish/get
  ? publish_id!
  = @open_platform.PublishReply
POST /datacube/getarticleread  # 文章阅读
  ? begin_date! end_date!
  = @open_platform.ArticleReply
POST /datacube/getarticleshare  # 文章分享
  ? begin_date! end_date!
  = @open_platform.ArticleReply
POST /datacube/getbizsummary  # 账号日报
  ? begin_date! end_date!
  = @open_platform.ArticleReply
POST /datacube/getarticletotaldetail  # 文章累计
  ? begin_date! end_date!
  = @open_platform.ArticleTotalReply
POST /datacube/getarticlesummary
  ? begin_date end_date
  = @open_platform.OldArticleReply
POST /datacube/getarticletotal
  ? begin_date end_date
  = @open_platform.OldArticleTotalReply
POST /datacube/getuserread
  ? begin_date end_date
  = @open_platform.OldArticleReply
POST /datacube/getuserreadhour
  ? begin_date end_date
  = @open_platform.OldArticleReply
POST /datacube/getusershare
  ? begin_date end_date
  = @open_platform.OldArticleReply
POST /datacube/getusersharehour
  ? begin_date! end_date!
  = @open_platform.OldArticleReply
POST /datacube/getusersummary window=7d  # 粉丝增减
  ? begin_date end_date
  = @open_platform.UserSummaryReply
POST /datacube/getusercumulate window=7d  # 粉丝总数
  ? begin_date end_date
  = @open_platform.UserCumulateReply
POST /datacube/getupstreammsg
  ? begin_date end_date
  = list[]{ref_date msg_type:i msg_user:i msg_count:i}
POST /datacube/getupstreammsgmonth
  ? begin_date end_date
  = list[]{ref_date msg_type:i msg_user:i msg_count:i}
POST /datacube/getupstreammsgdistweek
  ? begin_date end_date
  = list[]{ref_date count_interval:i msg_user:i}
POST /datacube/getinterfacesummary
  ? begin_date end_date
  = list[]{ref_date callback_count:i fail_count:i total_time_cost:i max_time_cost:i}
POST /datacube/getinterfacesummaryhour
  ? begin_date end_date
  = list[]{ref_date ref_hour:i callback_count:i fail_count:i total_time_cost:i max_time_count:i}
GET /cgi-bin/user/get page=10000  # 粉丝列表
  ? next_openid
  = @open_platform.FollowerListReply
GET /cgi-bin/user/info  # 粉丝详情
  ? openid! lang
  = @open_platform.Follower
POST /cgi-bin/user/info/batchget page=100  # 批量粉丝详情
  ? user_list[]{openid lang}
  = @open_platform.FollowerBatchReply
POST /cgi-bin/tags/members/batchblacklist w
  ? openid_list[]
POST /cgi-bin/tags/members/batchunblacklist w
  ? openid_list[]
POST /cgi-bin/message/mass/sendall w  # 群发
  ? send_ignore_reprint:i clientmsgid filter{is_to_all:b tag_id} msgtype text{content} images{media_ids[]
    recommend need_open_comment:b only_fans_can_comment:i} mpnews{media_id} voice{media_id} mpvideo{media_id title
    description} wxcard{card_id card_ext:j}
  = msg_id msg_data_id
POST /cgi-bin/message/mass/send w
  ? send_ignore_reprint:i clientmsgid touser[] msgtype text{content} images{media_ids[] recommend
    need_open_comment:b only_fans_can_comment:i} mpnews{media_id} voice{media_id} mpvideo{media_id title
    description} wxcard{card_id card_ext:j}
  = msg_id msg_data_id
POST /cgi-bin/message/custom/send w  # 客服消息
  ? touser msgtype text{content} image{media_id} voice{media_id} video{media_id thumb_media_id title description}
    music{title description musicurl hqmusicurl thumb_media_id} news{articles[]{title description url picurl}}
    msgmenu{head_content list[]{id content} tail_content} wxcard{card_id} miniprogrampage{title appid pagepath
    thumb_media_id} customservice{kf_account}
POST /cgi-bin/message/template/send w  # 模板消息
  ? touser template_id url miniprogram{appid pagepath} client_msg_id data:a
  = msgid
POST /cgi-bin/message/template/subscribe w
  ? touser template_id url miniprogram{appid pagepath} scene title data:a
POST /cgi-bin/message/subscribe/bizsend w
  ? touser template_id page miniprogram{appid pagepath} data:a
POST /cgi-bin/message/wxopen/template/uniform_send w
  ? touser weapp_template_msg:a mp_template_msg{appid template_id url miniprogram{appid pagepath} data:a}
POST /cgi-bin/message/wxopen/chattoolmsg/send w
  ? activity_id target_state:i template_info:a
GET /sns/oauth2/access_token auth=secret
  ? appid! secret! code! grant_type
  = access_token expires_in:i refresh_token openid scope is_snapshotuser:b unionid
GET /sns/oauth2/refresh_token auth=user
  ? appid! refresh_token! grant_type
  = access_token expires_in:i refresh_token openid scope
GET /sns/userinfo auth=user
  ? openid! lang
  = openid nickname sex:i province city country headimgurl privilege[] unionid
GET /sns/auth auth=user
  ? openid!
POST /cgi-bin/media/uploadimg w form
  = url
POST /cgi-bin/media/upload w form
  = type media_id created_at:t
POST /cgi-bin/material/add_material w form
  ? title introduction
  = media_id url
POST /cgi-bin/media/voice/queryrecoresultfortext
  = result
POST /cgi-bin/media/voice/translatecontent
  = from_content to_content
POST /cgi-bin/material/get_material
  ? media_id
  = title description down_url news_item[]{title thumb_media_id show_cover_pic:i author digest content url
    content_source_url}
## 小程序
GET /sns/jscode2session auth=secret  # 小程序登录
  ? appid! secret! js_code! grant_type
  = @open_platform.SessionReply
POST /wxa/business/performance/boot
  ? time{end_timestamp:t begin_timestamp:t} module params[]{field value}
  = data{body{tables[]{id lines[]{fields[]{refdate value}} zh} count:i}}
POST /wxa/business/getuserphonenumber
  ? code
  = phone_info{phoneNumber purePhoneNumber countryCode watermark{timestamp:t appid}}
POST /datacube/getweanalysisappiddailysummarytrend window=1d  # 小程序日汇总
  ? begin_date! end_date!
  = @open_platform.SummaryReply
POST /datacube/getweanalysisappiddailyvisittrend window=1d  # 小程序日访问
  ? begin_date! end_date!
  = @open_platform.VisitReply
POST /datacube/getweanalysisappidweeklyvisittrend
  ? begin_date end_date
  = @open_platform.VisitReply
POST /datacube/getweanalysisappidmonthlyvisittrend
  ? begin_date end_date
  = @open_platform.VisitReply
POST /datacube/getweanalysisappiddailyretaininfo window=1d  # 小程序日留存
  ? begin_date! end_date!
  = @open_platform.RetainReply
POST /datacube/getweanalysisappidweeklyretaininfo
  ? begin_date end_date
  = @open_platform.RetainReply
POST /datacube/getweanalysisappidmonthlyretaininfo
  ? begin_date! end_date!
  = @open_platform.RetainReply
POST /datacube/getweanalysisappidvisitpage window=1d  # 页面访问
  ? begin_date! end_date!
  = @open_platform.PageReply
POST /datacube/getweanalysisappidvisitdistribution window=1d  # 访问分布
  ? begin_date! end_date!
  = @open_platform.DistributionReply
POST /datacube/getweanalysisappiduserportrait  # 用户画像
  ? begin_date! end_date!
  = @open_platform.PortraitReply
POST /wxa/generate_urllink
  ? path query is_expire:b expire_type:i expire_time:t expire_interval:i env_version cloud_base{env domain path
    query resource_appid}
  = url_link
POST /wxa/generatescheme
  ? jump_wxa{path query env_version} is_expire:b expire_type:i expire_time:t expire_interval:i
  = openlink
POST /wxa/generatenfcscheme
  ? jump_wxa{path query} sn model_id
  = openlink
POST /wxa/genwxashortlink
  ? page_url page_title is_permanent:b
  = link
POST /wxa/getwxacode binary
  ? path width:i auto_color:b line_color{r:i g:i b:i} is_hyaline:b
POST /wxa/getwxacodeunlimit binary rpm=5000
  ? check_path:b env_version scene page width:i auto_color:b line_color{r:i g:i b:i} is_hyaline:b
POST /cgi-bin/wxaapp/createwxaqrcode binary
  ? path! width:i
POST /wxa/msg_sec_check rpm=4000
  ? title nickname signature openid scene:i version content
  = result{suggest label:i} detail[]{strategy errcode:i suggest label:i prob:i level:i keyword} trace_id
POST /wxa/media_check_async rpm=2000
  ? openid scene:i version media_url media_type:i
  = trace_id
POST /cgi-bin/message/subscribe/send w  # 订阅消息
  ? touser template_id page miniprogram_state lang data:a
GET /wxaapi/newtmpl/getpubtemplatetitles
  ? ids start:i limit:i
  = count:i data[]{tid title type:i categoryId}
GET /wxaapi/newtmpl/getpubtemplatekeywords
  ? tid
  = data[]{kid name example rule}
POST /cgi-bin/message/wxopen/activityid/create w
  ? openid unionid
  = activity_id expiration_time:t
## 其他
POST /cgi-bin/draft/batchget
  ? offset:i count:i no_content:i
  = total_count:i item_count:i item[]{media_id content{news_item[]{title author digest content content_source_url
    thumb_media_id show_cover_pic:i need_open_comment:b only_fans_can_comment:i url}} update_time:t}
GET /cgi-bin/draft/count
  = total_count:i
POST /cgi-bin/draft/delete w
  ? media_id
POST /cgi-bin/draft/get
  ? media_id
  = news_item[]{title author digest content content_source_url thumb_media_id show_cover_pic:i need_open_comment:b
    only_fans_can_comment:i url}
POST /cgi-bin/draft/update w
  ? media_id index:i articles{title author digest content content_source_url thumb_media_id show_cover_pic:i
    need_open_comment:b only_fans_can_comment:i}
POST /cgi-bin/freepublish/batchget
  ? offset:i count:i no_content:i
  = total_count:i item_count:i item[]{article_id content{news_item[]{title author digest content
    content_source_url thumb_media_id show_cover_pic:i need_open_comment:b only_fans_can_comment:i url
    is_deleted:b}} update_time:t}
POST /cgi-bin/freepublish/delete w
  ? article_id index:i
POST /cgi-bin/freepublish/getarticle
  ? article_id
  = news_item[]{title author digest content content_source_url thumb_media_id show_cover_pic:i need_open_comment:b
    only_fans_can_comment:i url is_deleted:b}
POST /cgi-bin/freepublish/submit w
  ? media_id!
  = publish_id msg_data_id
POST /cgi-bin/material/batchget_material
  ? type offset:i count:i
  = total_count:i item_count:i item[]{media_id content{news_item[]{title thumb_media_id show_cover_pic:i author
    digest content url content_source_url} update_time:t create_time:t} update_time:t name url}
GET /cgi-bin/material/get_materialcount
  = voice_count:i video_count:i image_count:i news_count:i
POST /cgi-bin/media/uploadnews w
  ? articles[]{thumb_media_id author title content_source_url content digest show_cover_pic:i need_open_comment:b
    only_fans_can_comment:i}
  = type media_id created_at:t
POST /cgi-bin/media/uploadvideo w
  ? media_id title description
  = type media_id created_at:t
POST /cgi-bin/message/custom/business/send w
  ? touser businessid msgtype text{content}
POST /cgi-bin/message/custom/business/typing w
  ? businessid touser command
POST /cgi-bin/message/custom/typing w
  ? touser command
POST /cgi-bin/message/mass/delete w
  ? msg_id article_idx:i
POST /cgi-bin/message/mass/get
  ? msg_id
  = msg_id msg_status
POST /cgi-bin/message/mass/preview w
  ? touser towxname msgtype text{content} image{media_id} mpnews{media_id} voice{media_id} mpvideo{media_id}
    wxcard{card_id card_ext:j}
POST /cgi-bin/message/mass/speed/get
  = speed:i realspeed:i
POST /cgi-bin/message/mass/speed/set w
  ? speed:i
POST /cgi-bin/message/wxopen/employeerelationmsg/send w
  ? template_id page touser data:j
POST /cgi-bin/message/wxopen/updatablemsg/send w
  ? activity_id target_state template_info{parameter_list[]{name value}}
POST /cgi-bin/qrcode/create w
  ? expire_seconds:i action_name action_info{scene{scene_id scene_str}}
  = ticket expire_seconds:i url
POST /cgi-bin/tags/create w
  ? tag{name}
  = tag{id name}
POST /cgi-bin/tags/delete w
  ? tag{id}
GET /cgi-bin/tags/get
  = tags[]{id name count:i}
POST /cgi-bin/tags/getidlist
  ? openid
  = tagid_list[]:i
POST /cgi-bin/tags/members/batchtagging w
  ? openid_list[] tagid
POST /cgi-bin/tags/members/batchuntagging w
  ? openid_list[] tagid
POST /cgi-bin/tags/members/getblacklist
  ? begin_openid
  = total:i count:i data{openid[]} next_openid
POST /cgi-bin/tags/update w
  ? tag{id name}
POST /cgi-bin/template/api_add_template w
  ? template_id_short
  = template_id
POST /cgi-bin/template/api_set_industry w
  ? industry_id1 industry_id2
POST /cgi-bin/template/del_private_template w
  ? template_id
GET /cgi-bin/template/get_all_private_template
  = template_list[]{template_id title primary_industry deputy_industry content example}
GET /cgi-bin/template/get_industry
  = primary_industry{first_class second_class} secondary_industry{first_class second_class}
POST /cgi-bin/user/info/updateremark w
  ? openid remark
POST /cgi-bin/user/tag/get
  ? tagid next_openid
  = count:i data{openid[]} next_openid
POST /datacube/getupstreammsgdist
  ? begin_date end_date
  = list[]{ref_date count_interval:i msg_user:i}
POST /datacube/getupstreammsgdistmonth
  ? begin_date end_date
  = list[]{ref_date count_interval:i msg_user:i}
POST /datacube/getupstreammsghour
  ? begin_date end_date
  = list[]{ref_date ref_hour:i msg_type:i msg_user:i msg_count:i}
POST /datacube/getupstreammsgweek
  ? begin_date end_date
  = list[]{ref_date msg_type:i msg_user:i msg_count:i}
POST /wxa/query_urllink
  ? url_link query_type:i
  = url_link_info{appid path query create_time:t expire_time:t env_version cloud_base{env domain path query
    resource_appid}} quota_info{remain_visit_quota:i}
POST /wxa/queryscheme
  ? scheme query_type:i
  = scheme_info{appid path query create_time:t expire_time:t env_version} quota_info{remain_visit_quota:i}
POST /wxaapi/newtmpl/addtemplate w
  ? tid kidList[]:i sceneDesc
  = priTmplId
POST /wxaapi/newtmpl/deltemplate w
  ? priTmplId
GET /wxaapi/newtmpl/getcategory
  = data[]{id name}
GET /wxaapi/newtmpl/gettemplate
  = data[]{priTmplId title content example type:i keywordEnumValueList[]{enumValueList[] keywordCode}}
"""
