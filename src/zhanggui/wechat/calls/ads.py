"""Tencent Marketing API v3 calls, and how their payloads look.

The text form is explained in `zhanggui.wechat.endpoints`.
"""

from __future__ import annotations

HOST = "api.e.qq.com"
TABLE = """
## 微信广告
GET /oauth/token auth=secret  # 取广告凭证
  ? client_id! client_secret! grant_type! authorization_code refresh_token redirect_uri
  = @ads.AdsTokenReply
GET /v3.0/daily_reports/get page=2000  # 广告日报
  ? account_id level! date_range!{start_date end_date} group_by[]! fields[]! filtering[]{field operator values[]}
    order_by[]{sort_field sort_type} time_line page:i page_size:i organization_id
  = @ads.AdsReportReply
GET /v3.0/hourly_reports/get page=2000  # 广告时报
  ? account_id level! date_range!{start_date end_date} group_by[]! fields[]! filtering[]{field operator values[]}
    order_by[]{sort_field sort_type} time_line page:i page_size:i organization_id
  = @ads.AdsReportReply
POST /v3.0/user_actions/add w  # 回传转化
  ? account_id! user_action_set_id! actions[]!{action_time:t user_id{wechat_openid wechat_unionid wechat_app_id hash_phone}
    action_type outer_action_id action_param:a custom_action trace{click_id} url channel product_inform:a}
  = code:i message data:a
GET /v3.0/user_action_sets/get  # 转化数据源
  ? account_id! user_action_set_id[] type[]
  = code:i message data{list[]{user_action_set_id type mobile_app_id name description activate_status:b created_time:t}}
POST /v3.0/user_action_sets/add w
  ? account_id! type! name description
  = code:i message data{user_action_set_id}
GET /marketing/daily_reports/get not=superseded  # 旧版微信广告日报
  ? level date_range{start_date end_date} page:i page_size:i
  = @ads.OldAdsReply
GET /marketing/realtime_cost/get not=superseded  # 旧版微信广告实时花费
  ? level date filtering:a page:i page_size:i
  = @ads.OldAdsReply
"""
