"""Every 微信小店 call the fact sheet documents, and how its payloads look.

The text form is explained in `zhanggui.wechat.endpoints`.
"""

from __future__ import annotations

HOST = "api.weixin.qq.com"
TABLE = """
## 凭证与通用
POST /cgi-bin/stable_token rpm=10000  # 取稳定版接口凭证
  ? grant_type! appid! secret! force_refresh:b
  = @shop.TokenReply
GET /cgi-bin/token not=superseded  # 旧版凭证, 会顶掉别处取的凭证
  ? grant_type appid secret
  = @shop.TokenReply
POST /cgi-bin/openapi/quota/get  # 查当日额度
  ? cgi_path!
  = @shop.QuotaReply
POST /cgi-bin/openapi/quota/clear w  # 重置单个接口额度
  ? cgi_path!
POST /cgi-bin/clear_quota w  # 重置全部额度
  ? appid!
POST /cgi-bin/clear_quota/v2 w  # 凭密钥重置全部额度
  ? appid! appsecret!
POST /cgi-bin/openapi/rid/get  # 按 rid 查一次调用
  ? rid!
  = request{invoke_time:t cost_in_ms:i request_url request_body response_body:j client_ip}
POST /cgi-bin/callback/check  # 检测推送地址
  ? action! check_operator
  = dns[]{ip real_operator} ping[]{ip from_operator package_loss time}
GET /cgi-bin/getcallbackip  # 推送服务器地址
  = ip_list[]
GET /cgi-bin/get_api_domain_ip  # 接口服务器地址
  = ip_list[]
## 上传
POST /shop/ec/basics/img/upload w safe form old=/channels/ec/basics/img/upload  # 上传图片
  ? img_url resp_type:i upload_type:i height:i width:i
  = pic_file{media_id pay_media_id img_url}
POST /shop/ec/basics/qualification/upload w safe form old=/channels/ec/basics/qualification/upload  # 上传资质
  = data{file_id}
GET /channels/ec/basics/media/get binary  # 取售后举证图片
  ? media_id!
## 订单
POST /channels/ec/order/list/get page=100 window=7d  # 订单列表
  ? create_time_range{start_time:t end_time:t} update_time_range{start_time:t end_time:t} status:i openid
    page_size:i next_key
  = @orders.OrderListReply
POST /channels/ec/order/search page=100  # 订单搜索
  ? search_condition!{title sku_code user_name tel_number_last4 tel_number order_id merchant_notes customer_notes
    address_under_review:b present_order_id} on_aftersale_order_exist:i status:i page_size:i next_key
  = @orders.OrderListReply
POST /channels/ec/order/get  # 订单详情
  ? order_id! encode_sensitive_info:b
  = @orders.OrderReply
POST /channels/ec/order/price/update w  # 改价
  ? order_id! change_order_infos[]{product_id sku_id change_price:m} change_express:b express_fee:m
POST /channels/ec/order/merchantnotes/update w safe  # 商家备注
  ? order_id! merchant_notes merchant_notes_tag_color:i
POST /channels/ec/order/address/update w  # 改收货地址
  ? order_id! user_address!{user_name postal_code province_name city_name county_name detail_info house_number
    tel_number lng:f lat:f}
POST /channels/ec/order/addressmodify/accept w  # 同意改地址
  ? order_id!
POST /channels/ec/order/addressmodify/reject w  # 拒绝改地址
  ? order_id!
POST /channels/ec/order/delivery/send w  # 发货
  ? order_id! delivery_list[]!{delivery_id waybill_id deliver_type:i product_infos[]{product_id sku_id
    product_cnt:i} course_info{start_time:t end_time:t course_path{type:i wxa_appid wxa_path}} sn_info{sn_code
    imei1 imei2}}
POST /channels/ec/order/deliveryinfo/update w  # 改快递单号
  ? order_id! delivery_list[]{delivery_id waybill_id deliver_type:i product_infos[]{product_id sku_id
    product_cnt:i}} change_infos[]{old{delivery_id waybill_id product_infos[]{product_id sku_id product_cnt:i}}
    new{delivery_id waybill_id product_infos[]{product_id sku_id product_cnt:i}}}
POST /channels/ec/order/delivery/compensation w  # 补发货
  ? order_id! reason:i delivery_list[]{delivery_id waybill_id deliver_type:i product_infos[]{product_id sku_id
    product_cnt:i}}
POST /channels/ec/order/deliverynegotiation/submit w  # 协商发货时间
  ? order_id! predict_delivery_time:t reason remark
POST /channels/ec/order/deliverynegotiation/result/get  # 协商结果
  ? order_id_list[]!
  = @ground.NegotiationReply
POST /channels/ec/order/preshipmentchangesku/get  # 待处理的换规格
  ? page:i page_size:i
  = @ground.OrderIdsReply
POST /channels/ec/order/preshipmentchangesku/approve w  # 同意换规格
  ? order_id!
POST /channels/ec/order/preshipmentchangesku/reject w  # 拒绝换规格
  ? order_id!
POST /channels/ec/order/userbooking/list page=100 window=7d  # 预约发货
  ? time_range_order_create{start_time:t end_time:t} time_range_booking_predict{start_time:t end_time:t}
    booking_type:i page_info{offset:i limit:i}
  = @ground.BookingReply
POST /channels/ec/order/freshinspect/submit w  # 生鲜质检
  ? order_id! audit_items[]!{item_name item_value}
POST /channels/ec/order/sensitiveinfo/decode quota=30_orders_a_day  # 解密收件人
  ? order_id!
  = @orders.DecodedAddressReply
POST /channels/ec/order/virtualnumber/applyagain w  # 重新申请虚拟号
  ? order_id!
  = virtual_number extension apply_quota:i
POST /channels/ec/order/virtualnumber/delay w  # 虚拟号延期
  ? order_id! has_delay_times:i
  = expiration:t available_extend_num:i
POST /channels/ec/order/virtualtelnumber/get  # 兑换虚拟号(旧)
  ? order_id!
  = @ground.VirtualTelReply
POST /channels/ec/order/realnumber/apply w  # 申请真实号码
  ? order_id! apply_type:i apply_reason pic_media_ids[]
  = task_id
POST /channels/ec/order/realnumberviewaudit/get  # 真实号码审核
  ? order_id!
  = @ground.RealNumberReply
POST /channels/ec/logistics/virtualnumber/get  # 运单虚拟号
  ? waybill_id
  = masked_real_phone virtual_phone main_phone
POST /channels/ec/order/deliverycompanylist/new/get  # 快递公司
  ? ewaybill_only:b
  = @ground.DeliveryCompanyReply
POST /channels/ec/order/presentnote/add w  # 礼物单备注
  ? present_order_id notes
POST /channels/ec/order/presentsuborder/get  # 礼物子订单
  ? present_order_id
  = @ground.OrderIdsReply
POST /channels/ec/order/dropship/assign w  # 分配代发
  ? order_id! supplier_appid dropship_product_list[]{spu_id sku_id product_cnt:i}
  = ds_order_id
POST /channels/ec/order/dropship/cancel w  # 取消代发
  ? order_id ds_order_id dropship_product_list[]{spu_id sku_id product_cnt:i}
POST /channels/ec/order/dropship/list  # 代发单列表
  ? page_info{offset:i limit:i} status:i create_time_range{start_time:t end_time:t} update_time_range{start_time:t
    end_time:t}
  = @ground.DropshipListReply
POST /channels/ec/order/dropship/search  # 代发单搜索
  ? search_condition{order_id ds_order_id supplier_appid title} page_info{offset:i limit:i} status:i
  = @ground.DropshipListReply
POST /channels/ec/order/dropship/get  # 代发单详情
  ? ds_order_id
  = @ground.DropshipReply
POST /channels/ec/order/dropship/supplier/get not=supplier
  ? ds_order_id
  = ds_order{ds_order_id order_id status:i create_time:t update_time:t product_infos[]{product_id sku_id
    product_cnt:i title thumb_img sku_code} delivery_info{address_info{user_name province_name city_name
    county_name detail_info tel_number} delivery_product_info[]{delivery_id waybill_id delivery_name
    delivery_time:t product_infos[]{product_id sku_id product_cnt:i}}}}
POST /channels/ec/order/presentorder/create not=miniprogram w
  ? activity_id openid shop_appid wishmessage product_id sku_id
  = present_order_id order_id
## 商品
POST /channels/ec/product/list/get page=30  # 商品列表
  ? status:i page_size:i next_key
  = @products.ProductListReply
POST /channels/ec/product/get  # 商品详情
  ? product_id! data_type:i
  = @products.ProductReply
POST /channels/ec/product/add w rph=200 rpd=1000 lane=product.write  # 新建商品
  ? out_product_id title! short_title sub_title head_imgs[]! desc_info{imgs[] desc} cats[]{cat_id}
    cats_v2[]{cat_id} attrs[]{attr_key attr_value} spu_code brand_id qualifications[] product_qua_infos[]{qua_id
    qua_url[]} deliver_method:i deliver_acct_type[]:i express_info{template_id weight:i} aftersale_desc
    skus[]{sku_id out_sku_id thumb_img sale_price:m market_price:m stock_num:i sku_code bar_code
    sku_attrs[]{attr_key attr_value} sku_deliver_info{stock_type:i presale_begin_time:t presale_end_time:t
    full_payment_presale_delivery_type:i full_payment_presale_delivery_time:i spot_after_presale_end:b}}
    limited_info{period_type:i limited_buy_num:i} extra_service{seven_day_return:i pay_after_use:i
    freight_insurance:i fake_one_pay_three:i damage_guarantee:i exchange_support:i} listing:i
    after_sale_info{after_sale_address_id} size_chart{enable:b specification_list[]{name unit is_range:b
    value_list[]{key value left right}}} timing_onsale_info{status:i onsale_time:t is_hide_price:b}
    spu_deliver_info{is_spu_range:b sku_deliver_info{stock_type:i presale_begin_time:t presale_end_time:t
    full_payment_presale_delivery_type:i full_payment_presale_delivery_time:i spot_after_presale_end:b}}
    release_mode:i
  = data{product_id create_time:t} product_id
POST /channels/ec/product/update w rph=200 rpd=1000 lane=product.write  # 改商品草稿
  ? product_id! out_product_id title short_title sub_title head_imgs[] desc_info{imgs[] desc} cats[]{cat_id}
    cats_v2[]{cat_id} attrs[]{attr_key attr_value} spu_code brand_id qualifications[] product_qua_infos[]{qua_id
    qua_url[]} deliver_method:i deliver_acct_type[]:i express_info{template_id weight:i} aftersale_desc
    skus[]{sku_id out_sku_id thumb_img sale_price:m market_price:m stock_num:i sku_code bar_code
    sku_attrs[]{attr_key attr_value} sku_deliver_info{stock_type:i presale_begin_time:t presale_end_time:t
    full_payment_presale_delivery_type:i full_payment_presale_delivery_time:i spot_after_presale_end:b}}
    limited_info{period_type:i limited_buy_num:i} extra_service{seven_day_return:i pay_after_use:i
    freight_insurance:i fake_one_pay_three:i damage_guarantee:i exchange_support:i} listing:i
    after_sale_info{after_sale_address_id} size_chart{enable:b specification_list[]{name unit is_range:b
    value_list[]{key value left right}}} timing_onsale_info{status:i onsale_time:t is_hide_price:b}
    spu_deliver_info{is_spu_range:b sku_deliver_info{stock_type:i presale_begin_time:t presale_end_time:t
    full_payment_presale_delivery_type:i full_payment_presale_delivery_time:i spot_after_presale_end:b}}
    release_mode:i
  = data{product_id update_time:t} product_id
POST /channels/ec/product/listing w safe  # 上架
  ? product_id!
POST /channels/ec/product/delisting w safe  # 下架
  ? product_id!
POST /channels/ec/product/audit/cancel w safe  # 撤回审核
  ? product_id!
POST /channels/ec/product/delete w  # 删除商品
  ? product_id!
POST /channels/ec/product/auditfree w safe  # 免审更新
  ? product_id! skus[]{sku_id sku_code sale_price:m stock_info{diff_type:i num:i} sku_deliver_info{stock_type:i
    presale_begin_time:t presale_end_time:t full_payment_presale_delivery_type:i
    full_payment_presale_delivery_time:i spot_after_presale_end:b} is_delete:b} spu_code deliver_method:i
    express_info{template_id weight:i} limited_info{period_type:i limited_buy_num:i}
    extra_service{seven_day_return:i pay_after_use:i freight_insurance:i fake_one_pay_three:i damage_guarantee:i
    exchange_support:i} timing_onsale_info{status:i onsale_time:t is_hide_price:b}
    spu_deliver_info{is_spu_range:b sku_deliver_info{stock_type:i presale_begin_time:t presale_end_time:t
    full_payment_presale_delivery_type:i full_payment_presale_delivery_time:i spot_after_presale_end:b}}
POST /channels/ec/product/stock/update w  # 改库存
  ? product_id! sku_id! diff_type!:i num!:i
POST /channels/ec/product/stock/get  # 查库存
  ? product_id! sku_id!
  = @products.SkuStockReply
POST /channels/ec/product/stock/batchget page=50  # 批量查库存
  ? product_id[]!
  = @products.StockBatchReply
POST /channels/ec/product/stock/getflow window=180d  # 库存流水
  ? product_id! sku_id! stock_type:i finder_id begin_time:t end_time:t op_type_list[]:i page_size:i next_key
  = @products.StockFlowReply
POST /channels/ec/product/getauditquota rpm=500  # 审核额度
  = @ground.AuditQuotaReply
POST /channels/ec/product/auditstrategy/get  # 上架策略
  = audit_strategy{hide_err_field_flag:i hit_duplicated_flag:i hit_low_risk_rule_flag:i}
POST /channels/ec/product/auditstrategy/set w safe  # 设上架策略
  ? audit_strategy{hide_err_field_flag:i hit_duplicated_flag:i hit_low_risk_rule_flag:i}
POST /channels/ec/product/begintimingsale w  # 开始定时上架
  ? product_id! onsale_time:t task_id
POST /channels/ec/product/canceltimingsale w  # 取消定时上架
  ? product_id! task_id
POST /channels/ec/product/h5url/get  # 商品短链
  ? product_id! wecom_corp_id wecom_user_id
  = product_h5url
POST /channels/ec/product/taglink/get  # 商品口令
  ? product_id! wecom_corp_id wecom_user_id
  = product_taglink
POST /channels/ec/product/qrcode/get  # 商品二维码
  ? product_id! wecom_corp_id wecom_user_id qrcode_type:i
  = product_qrcode
POST /channels/ec/product/scheme/get  # 商品外部链接
  ? product_id! from_appid expire:i ext_info
  = openlink
POST /channels/ec/product/category/classify  # 类目推荐
  ? req_type:i title head_imgs[] cat_id
  = categories[]{cats[]{cat_info{cat_id} has_permission:b}} wrong_cat:b
POST /channels/ec/product/categoryprecheck  # 类目预检
  ? cat_id
  = all_pass:b fail_reasons[]
POST /channels/ec/product/externalproductmapping  # 外部属性映射
  ? cat_id external_attribute_name external_attribute_value external_category_name
  = external_attribute_name external_attribute_value internal_attribute_name internal_attribute_value[]
GET /shop/ec/category/all old=/channels/ec/category/all  # 全部类目
  = cats[]{cat_and_qua[]{cat{cat_id name f_cat_id level:i leaf:b} qua{qua_id name tips need_to_apply:b
    mandatory:b} product_qua{qua_id name tips need_to_apply:b mandatory:b} brand_qua{qua_id name tips
    need_to_apply:b mandatory:b} product_qua_list[]{qua_id name tips need_to_apply:b mandatory:b}}}
    cats_v2[]{cat_and_qua[]{cat{cat_id name f_cat_id level:i leaf:b} qua{qua_id name tips need_to_apply:b
    mandatory:b} brand_qua{qua_id name tips need_to_apply:b mandatory:b} product_qua{qua_id name tips
    need_to_apply:b mandatory:b} product_qua_list[]{qua_id name tips need_to_apply:b mandatory:b}}}
GET /channels/ec/category/league/all  # 联盟类目
  = cats[]{cat_id name f_cat_id level:i}
POST /channels/ec/category/availablesoncategories/get  # 可用子类目
  ? f_cat_id
  = @ground.SonCategoryReply
POST /channels/ec/category/detail  # 类目详情
  ? cat_id!
  = info{cat_id name} attr{shop_no_shipment:b access_permit_required:b pre_sale:b seven_day_return:b
    brand_list[]{brand_id} deposit product_attr_list[]{name type type_v2 value is_required:b hint
    append_allowed:b} sale_attr_list[]{name type type_v2 value is_required:b hint append_allowed:b}
    coupon_rule{discount_ratio_limit:i discount_limit:m} floor_price:m transactionfee_info{basis_point:i
    original_basis_point:i incentive_type:i} is_limit_brand:b product_requirement:a size_chart:a}
    product_qua_list[]{qua_id need_to_apply:b tips mandatory:b name}
GET /channels/ec/category/list/get  # 已开通类目
  = @ground.GrantedCategoryReply
POST /channels/ec/category/add w  # 申请类目
  ? category_info{cats_v2[]{cat_id} is_new_apply_cat:b certificate[] license_group_list[]{license_group_id
    license{license_id file_id_list[] license_field_list[]{key value}}} brand_list[]{brand_id}}
  = audit_id
POST /channels/ec/category/audit/get  # 类目审核结果
  ? audit_id!
  = data{audit_id status:i reject_reason}
POST /channels/ec/category/audit/cancel w safe  # 撤回类目申请
  ? audit_id
POST /channels/ec/product/gift/add w  # 新建赠品
  ? listing:i short_title express_info{template_id weight:i} title head_imgs[] desc_info{imgs[] desc}
    cats_v2[]{cat_id} attrs[]{attr_key attr_value} skus[]{sale_price:m stock_num:i} spu_code brand_id
  = data{product_id create_time:t}
POST /channels/ec/product/gift/update w  # 改赠品
  ? product_id title head_imgs[] desc_info{imgs[] desc} cats_v2[]{cat_id} attrs[]{attr_key attr_value}
    skus[]{sku_id sale_price:m stock_diff{diff_type:i num:i}} spu_code brand_id
  = data{product_id update_time:t}
POST /channels/ec/product/gift/onsale/set w  # 在售商品设为赠品
  ? product_id skus[]{sku_id stock_num:i}
  = data{src_product_id gift_product_id sku_mappings[]{src_sku_id gift_sku_id}}
POST /channels/ec/product/gift/get  # 赠品详情
  ? product_id data_type:i
  = @products.ProductReply
POST /channels/ec/product/gift/list/get page=30  # 赠品列表
  ? status:i page_size:i next_key
  = @products.ProductListReply
POST /channels/ec/product/gift/stock/update w  # 改赠品库存
  ? product_id! sku_id! diff_type!:i num!:i
POST /channels/ec/product/activity/add w  # 新建买赠
  ? title start_time:t end_time:t detail{show_scene:i activity_type:i threshold_type:i threshold_money:m
    threshold_product_num:i receive_limit{is_limited:b limit_num:i} main_products[]{product_id}
    gift_set{gift_set_num:i gift_items[]{gift_id give_num:i}}} gift_activity{activity_id title start_time:t
    end_time:t detail{show_scene:i activity_type:i threshold_type:i threshold_money:m threshold_product_num:i
    receive_limit{is_limited:b limit_num:i} main_products[]{product_id} gift_set{gift_set_num:i
    gift_items[]{gift_id give_num:i}}}}
  = activity_id
POST /channels/ec/product/activity/stop w safe old=/channels/ec/activity/stop  # 停止买赠
  ? activity_id!
POST /channels/ec/product/activity/del w old=/channels/ec/activity/del  # 删除买赠
  ? activity_id!
## 品牌
POST /channels/ec/brand/all  # 品牌库
  ? page_size:i next_key
  = brands[]{brand_id ch_name en_name} next_key continue_flag:b
POST /channels/ec/brand/valid/list/get  # 有效品牌
  ? page_size:i next_key
  = @ground.BrandListReply
POST /channels/ec/brand/list/get  # 品牌申请列表
  ? page_size:i status:i next_key
  = @ground.BrandListReply
POST /channels/ec/brand/get  # 品牌申请详情
  ? brand_id
  = brand{brand_id ch_name en_name classification_no trade_mark_symbol:i register_details{registrant register_no
    start_time:t end_time:t is_permanent:b register_certifications[] renew_certifications[]}
    application_details{acceptance_certification[]} grant_type:i grant_details{grant_certifications[]
    grant_level:i start_time:t end_time:t is_permanent:b brand_owner_id_photos[]} status:i create_time:t
    update_time:t audit_result{audit_id reject_reason}}
POST /channels/ec/brand/add w
  ? brand{brand_id ch_name en_name classification_no trade_mark_symbol:i register_details{registrant register_no
    start_time:t end_time:t is_permanent:b register_certifications[] renew_certifications[]} application_details{}
    grant_type:i grant_details{grant_certifications[] grant_level:i start_time:t end_time:t is_permanent:b
    brand_owner_id_photos[]}}
  = audit_id
POST /channels/ec/brand/update w
  ? brand{brand_id ch_name en_name classification_no trade_mark_symbol:i register_details{registrant register_no
    start_time:t end_time:t is_permanent:b register_certifications[] renew_certifications[]} application_details{}
    grant_type:i grant_details{grant_certifications[] grant_level:i start_time:t end_time:t is_permanent:b
    brand_owner_id_photos[]}}
  = audit_id
POST /channels/ec/brand/delete w
  ? brand_id
POST /channels/ec/brand/audit/cancel w safe
  ? brand_id audit_id
## 限时抢购
POST /channels/ec/product/limiteddiscounttask/add w  # 新建限时抢购
  ? product_id! start_time!:t end_time!:t title is_limit_purchase:b limit_purchase_num:i
    limited_discount_skus[]!{product_id sku_id sale_price:m sale_stock:i}
  = task_id title
POST /channels/ec/product/limiteddiscounttask/update w  # 改限时抢购
  ? task_id! status:i start_time:t end_time:t title limited_discount_skus[]{product_id sku_id sale_price:m
    sale_stock:i}
  = task_id title
POST /channels/ec/product/limiteddiscounttask/list/get page=50  # 限时抢购列表
  ? status:i page_size:i next_key
  = @products.FlashTaskListReply
POST /channels/ec/product/limiteddiscounttask/stop w safe  # 停止限时抢购
  ? task_id!
POST /channels/ec/product/limiteddiscounttask/delete w  # 删除限时抢购
  ? task_id!
## 优惠券
POST /channels/ec/coupon/create w  # 新建优惠券
  ? auto_valid_info:a type:i name discount_info{discount_condition{product_cnt:i product_ids[] product_price:m}
    discount_fee:i discount_num:i} ext_info{jump_product_id notes valid_time:t invalid_time:t}
    promote_info{promote_type:i} receive_info{end_time:t limit_num_one_person:i start_time:t total_num:i}
    valid_info{valid_day_num:i valid_type:i}
  = data{coupon_id}
POST /channels/ec/coupon/update w  # 改优惠券
  ? coupon_id! auto_valid_info:a type:i name discount_info{discount_condition{product_cnt:i product_ids[]
    product_price:m} discount_fee:i discount_num:i} ext_info{jump_product_id notes valid_time:t invalid_time:t}
    promote_info{promote_type:i} receive_info{end_time:t limit_num_one_person:i start_time:t total_num:i}
    valid_info{end_time:t start_time:t valid_type:i}
POST /channels/ec/coupon/update_status w safe  # 生效、作废、删除优惠券
  ? coupon_id! status!:i
POST /channels/ec/coupon/get  # 优惠券详情
  ? coupon_id!
  = @shop.CouponReply
POST /channels/ec/coupon/get_list page=200  # 优惠券列表
  ? status!:i page!:i page_size!:i page_ctx
  = @shop.CouponListReply
POST /channels/ec/coupon/get_user_coupon_list page=200  # 用户领券列表
  ? openid! status:i page!:i page_size!:i page_ctx
  = @shop.UserCouponListReply
POST /channels/ec/coupon/get_user_coupon  # 用户领券详情
  ? openid! user_coupon_id!
  = @shop.UserCouponReply
## 售后
POST /channels/ec/aftersale/getaftersalelist window=24h  # 售后列表
  ? begin_create_time:t end_create_time:t begin_update_time:t end_update_time:t next_key
  = @aftersales.AftersaleListReply
POST /channels/ec/aftersale/getaftersaleorder  # 售后详情
  ? after_sale_order_id!
  = @aftersales.AftersaleReply
POST /channels/ec/aftersale/reason/get  # 售后原因
  = @ground.ReasonReply
POST /channels/ec/aftersale/rejectreason/get  # 拒绝原因
  = @ground.RejectReasonReply
POST /channels/ec/aftersale/acceptapply w  # 同意售后(会退款)
  ? after_sale_order_id! address_id accept_type:i
POST /channels/ec/aftersale/rejectapply w  # 拒绝售后
  ? after_sale_order_id! reject_reason_type!:i reject_reason
POST /channels/ec/aftersale/acceptexchangereship w  # 换货发货
  ? after_sale_order_id! waybill_id! delivery_id!
POST /channels/ec/aftersale/rejectexchangereship w  # 拒绝换货
  ? after_sale_order_id! reject_reason_type!:i reject_reason reject_certificates[]
POST /channels/ec/aftersale/merchantreship w  # 补寄
  ? after_sale_order_id! waybill_id! delivery_id!
POST /channels/ec/aftersale/merchantupdatereshipexpress w  # 改补寄单号
  ? after_sale_order_id! waybill_id! delivery_id!
POST /channels/ec/aftersale/merchantupdateaftersale w  # 协商售后
  ? after_sale_order_id! type:i amount:m merchant_update_desc update_reason_type merchant_update_type:i
    media_ids[] new_sku_id product_cnt:i
POST /channels/ec/aftersale/genaftersaleorder w safe  # 商家发起售后
  ? request_id! order_id! product_id! sku_id! count:i amount:m reason type address_id desc
    exchange_sku_info{new_sku_id}
  = after_sale_order_id aftersale_id
POST /channels/ec/aftersale/refundpricediff w  # 退差价
  ? request_id order_id! product_id! sku_id! amount:m reason desc
  = after_sale_order_id
POST /channels/ec/aftersale/uploadrefundcertificate w  # 上传退款凭证
  ? after_sale_order_id refund_certificates[] desc
POST /channels/ec/aftersale/applyvirtualtelnum w  # 申请售后虚拟号
  ? after_sale_order_id
  = virtual_tel_number virtual_tel_expire_time:t
POST /channels/ec/aftersale/getexchangeableskulist  # 可换规格
  ? after_sale_order_id!
  = @ground.ExchangeableSkuReply
POST /channels/ec/aftersale/handlefastexchangereceipt w  # 极速换货收货
  ? after_sale_order_id! act!:i
POST /channels/ec/aftersale/getcomplaintorder  # 纠纷详情
  ? complaint_id!
  = @aftersales.ComplaintReply
POST /channels/ec/aftersale/addcomplaintmaterial w  # 纠纷留言
  ? complaint_id! content! media_id_list[]
POST /channels/ec/aftersale/addcomplaintproof w  # 纠纷举证
  ? complaint_id! content! media_id_list[]
POST /channels/ec/aftersale/syncworkorder w  # 纠纷工单
  ? complaint_id! work_order_info{version:i items[]:a}
POST /channels/ec/aftersale/searchguaranteeorder  # 保障单列表
  ? guarantee_order_id_list[] order_id_list[] type:i begin_time:t end_time:t status_list[] offset:i limit:i
  = @aftersales.GuaranteeListReply
POST /channels/ec/aftersale/getguaranteeorder  # 保障单详情
  ? guarantee_order_id!
  = @aftersales.GuaranteeReply
POST /channels/ec/aftersale/merchantacceptguarantee w  # 接受保障单
  ? guarantee_order_id
POST /channels/ec/aftersale/merchantrefuseguarantee w  # 拒绝保障单
  ? guarantee_order_id reason pic_list[]
POST /channels/ec/aftersale/merchantmodifyguarantee w  # 协商保障单
  ? guarantee_order_id bad_level:i merchant_remark
POST /channels/ec/aftersale/merchantproofguarantee w  # 保障单举证
  ? guarantee_order_id content pic_list[]
POST /channels/ec/aftersale/getpresentaftersalelist window=24h  # 礼物单售后列表
  ? begin_create_time:t end_create_time:t begin_update_time:t end_update_time:t next_key
  = @aftersales.AftersaleListReply
POST /channels/ec/aftersale/getpresentaftersaleorder  # 礼物单售后详情
  ? after_sale_order_id
  = @aftersales.PresentAftersaleReply
## 会员
POST /channels/ec/vip/user/list/get page=200  # 会员列表
  ? page_num:i page_size:i
  = @shop.MemberListReply
POST /channels/ec/vip/user/info/get  # 会员详情
  ? openid!
  = @shop.MemberReply
POST /channels/ec/vip/user/score/get  # 会员积分
  ? openid!
  = @shop.MemberScoreReply
POST /channels/ec/vip/user/score/flowrecord/get page=200  # 积分流水
  ? openid! page_num:i page_size:i
  = @shop.ScoreFlowReply
POST /channels/ec/vip/v3/wxa/info/get  # 会员小程序
  = @ground.MemberMiniProgramReply
## 物流
POST /channels/ec/merchant/address/list page=100  # 地址列表
  ? offset:i limit:i
  = @ground.AddressIdsReply
POST /channels/ec/merchant/address/get  # 地址详情
  ? address_id
  = @ground.MerchantAddressReply
POST /channels/ec/merchant/address/add w
  ? address_detail{address_info{user_name postal_code province_name city_name county_name detail_info tel_number
    lat:f lng:f house_number} landline remark send_addr:b default_send:b recv_addr:b default_recv:b
    address_type{same_city:i pickup:i}}
  = address_id
POST /channels/ec/merchant/address/update w safe
  ? address_detail{address_id address_info{user_name postal_code province_name city_name county_name detail_info
    tel_number lat:f lng:f house_number} landline remark send_addr:b default_send:b recv_addr:b default_recv:b
    address_type{same_city:i pickup:i}}
POST /channels/ec/merchant/address/delete w
  ? address_id
POST /channels/ec/merchant/getfreighttemplatelist page=100  # 运费模板列表
  ? offset:i limit:i
  = @ground.TemplateIdsReply
POST /channels/ec/merchant/getfreighttemplatedetail  # 运费模板详情
  ? template_id!
  = @ground.FreightTemplateReply
POST /channels/ec/merchant/addfreighttemplate w
  ? freight_template{template_id name valuation_type send_time address_info{user_name postal_code province_name
    city_name county_name detail_info tel_number} delivery_type delivery_id[] shipping_method is_default:b
    not_send_area:a all_condition_free_detail:a all_freight_calc_method:a}
  = template_id
POST /channels/ec/merchant/updatefreighttemplate w safe
  ? freight_template{template_id name valuation_type send_time address_info{user_name postal_code province_name
    city_name county_name detail_info tel_number} delivery_type delivery_id[] shipping_method is_default:b
    not_send_area:a all_condition_free_detail:a all_freight_calc_method:a}
POST /channels/ec/basics/addresscode/get  # 地区编码
  ? addr_code
  = @ground.AddressCodeReply
POST /channels/ec/logistics/ewaybill/biz/delivery/get  # 面单快递公司
  ? status:i
  = @ground.EwaybillCompanyReply
POST /channels/ec/logistics/ewaybill/biz/account/get  # 面单账号
  ? delivery_id acct_id status:i need_balance:b offset:i limit:i
  = @ground.EwaybillAccountReply
POST /channels/ec/logistics/ewaybill/biz/order/precreate w  # 预取号
  ? delivery_id site_code ewaybill_acct_id sender{name mobile province city county street address} receiver{name
    mobile province city county street address} ec_order_list[]{ec_order_id goods_list[]{good_name good_count:i
    product_id sku_id}} remark shop_id
  = ewaybill_order_id
POST /channels/ec/logistics/ewaybill/biz/order/create w  # 取号
  ? order_type:i order_vas_list[]:a ext_info:a delivery_info:a ewaybill_order_id delivery_id site_code
    ewaybill_acct_id template_id sender{name mobile province city county street address} receiver{name mobile
    province city county street address} ec_order_list[]{ec_order_id goods_list[]{good_name good_count:i
    product_id sku_id}} remark shop_id return_address{name mobile province city county street address}
  = print_info order_risk_info:a ewaybill_order_id waybill_id delivery_error_msg waybill_id_list[]{waybill_id
    waybill_type:i create_time:t}
POST /channels/ec/logistics/ewaybill/biz/order/get  # 面单轨迹
  ? ewaybill_order_id
  = @ground.EwaybillOrderReply
POST /channels/ec/logistics/ewaybill/biz/order/cancel w
  ? ewaybill_order_id delivery_id waybill_id
  = delivery_error_msg
POST /channels/ec/logistics/ewaybill/biz/order/addsuborder w
  ? ewaybill_order_id delivery_id waybill_id add_package_quantity:i shop_id ewaybill_acct_id
  = delivery_error_msg waybill_id waybill_id_list[]{create_time:t waybill_id waybill_type:i} print_info
POST /channels/ec/logistics/ewaybill/biz/order/print w
  ? ewaybill_order_id delivery_id waybill_id re_print:i
POST /channels/ec/logistics/ewaybill/biz/order/batchprint w
  ? req_list[]{ewaybill_order_id delivery_id waybill_id re_print:i}
  = succ_ewaybill_order_id[] fail_ewaybill_order_id[]
POST /channels/ec/logistics/ewaybill/biz/print/get  # 打印报文
  ? ewaybill_order_id template_id
  = print_info
POST /channels/ec/logistics/ewaybill/biz/order/getprintinfo  # 打印报文(新)
  ? ewaybill_order_id template_id
  = print_info
POST /channels/ec/logistics/ewaybill/biz/template/config  # 面单模板配置
  = config{YTO{single{type desc width:i height:i url custom_config{width:i height:i top:i left:i}}}
    ZTO{single{type desc width:i height:i url custom_config{width:i height:i left:i top:i}}} YUNDA{single{type
    desc width:i height:i url custom_config{width:i height:i left:i top:i}}} JTSD{single{type desc width:i
    height:i url custom_config{width:i height:i top:i left:i}}} STO{single{type desc width:i height:i url
    custom_config{width:i height:i left:i top:i}}}}
POST /channels/ec/logistics/ewaybill/biz/template/create w
  ? delivery_id info{template_name template_desc template_type options[]{option_id font_size:i is_bold:b
    is_open:b} is_default:b}
  = delivery_id template_id
POST /channels/ec/logistics/ewaybill/biz/template/update w
  ? delivery_id info{template_id template_name template_desc template_type options[]{option_id font_size:i
    is_bold:b is_open:b} is_default:b}
POST /channels/ec/logistics/ewaybill/biz/template/delete w
  ? delivery_id template_id
POST /channels/ec/logistics/ewaybill/biz/template/get
  ? delivery_id
  = total_template[]{default_template_id delivery_id template_list[]{is_default:b template_desc template_id
    template_name template_type update_time:t create_time:t options[]{option_id font_size:i is_bold:b is_open:b}}}
POST /channels/ec/logistics/ewaybill/biz/template/getbyid
  ? delivery_id template_id
  = template_info{template_id template_name template_desc template_type create_time:t update_time:t is_default:b
    options[]{option_id font_size:i is_bold:b is_open:b}}
## 区域仓
POST /channels/ec/warehouse/create w
  ? out_warehouse_id name intro cover_locations[]{address_id1 address_id2 address_id3 address_id4}
POST /channels/ec/warehouse/list/get  # 区域仓列表
  ? page_size:i next_key
  = @ground.WarehouseListReply
POST /channels/ec/warehouse/get  # 区域仓详情
  ? out_warehouse_id
  = @ground.WarehouseReply
POST /channels/ec/warehouse/detail/update w safe
  ? out_warehouse_id name intro
POST /channels/ec/warehouse/coverlocations/add w
  ? out_warehouse_id cover_locations[]{address_id1 address_id2 address_id3 address_id4}
POST /channels/ec/warehouse/coverlocations/del w
  ? out_warehouse_id cover_locations[]{address_id1 address_id2 address_id3 address_id4}
POST /channels/ec/warehouse/address/prioritysort/set w safe
  ? address_id1 address_id2 address_id3 address_id4 priority_sort[]
POST /channels/ec/warehouse/address/prioritysort/get
  ? address_id1 address_id2 address_id3 address_id4
  = data{priority_sort[]}
POST /channels/ec/warehouse/stock/update w  # 改区域仓库存
  ? product_id sku_id out_warehouse_id diff_type:i num:i
POST /channels/ec/warehouse/stock/get  # 查区域仓库存
  ? product_id sku_id out_warehouse_id
  = data{num:i}
## 资金
POST /channels/ec/funds/getbalance  # 余额
  = @shop.BalanceReply
POST /channels/ec/funds/getfundsflowlist page=100  # 资金流水列表
  ? page:i page_size:i start_time:t end_time:t next_key transaction_id
  = @shop.FundsFlowListReply
POST /channels/ec/funds/getfundsflowdetail  # 资金流水详情
  ? flow_id!
  = @shop.FundsFlowReply
POST /channels/ec/funds/listorderflow  # 按订单查流水
  ? order_id page:i page_size:i next_key
  = @ground.OrderFlowReply
POST /channels/ec/funds/getwithdrawlist  # 提现列表
  ? page_num:i page_size:i start_time:t end_time:t
  = withdraw_ids[] total_num:i
POST /channels/ec/funds/getwithdrawdetail  # 提现详情
  ? withdraw_id
  = amount:m create_time:t update_time:t reason remark bank_memo bank_name bank_num status
POST /channels/ec/funds/submitwithdraw w not=money  # 提现须管理员扫码, 掌柜不做
  ? amount:m remark bank_memo
  = qrcode_ticket
POST /channels/ec/funds/getbankacct  # 结算账户
  = account_info{bank_account_type account_bank bank_address_code account_number}
POST /channels/ec/funds/setbankacct w not=money
  ? account_info{bank_account_type account_bank bank_address_code account_number}
## 罗盘
POST /channels/ec/compass/shop/overall/get  # 店铺日报
  ? ds!
  = @shop.ShopDayReply
POST /channels/ec/compass/shop/product/list/get page=100  # 商品日报
  ? ds! offset:i limit:i
  = @shop.CompassProductListReply
POST /channels/ec/compass/shop/product/data/get  # 单品日报
  ? ds! product_id!
  = @shop.CompassProductReply
POST /channels/ec/compass/shop/finder/authorization/list/get  # 授权视频号
  = @ground.AuthorizedFindersReply
POST /channels/ec/compass/shop/finder/overall/get  # 带货总览
  ? ds!
  = @ground.FinderOverallReply
POST /channels/ec/compass/shop/finder/list/get  # 带货达人
  ? ds! version:i
  = @shop.CompassFinderListReply
POST /channels/ec/compass/shop/finder/product/list/get  # 达人带货商品
  ? ds! finder_id talent_id mp_id
  = @shop.CompassProductListReply
POST /channels/ec/compass/shop/finder/product/overall/get  # 达人带货汇总
  ? ds! finder_id talent_id mp_id
  = @ground.FinderProductOverallReply
POST /channels/ec/compass/shop/live/list/get  # 带货直播
  ? ds! finder_id!
  = @shop.CompassLiveListReply
POST /channels/ec/compass/shop/sale/profile/data/get  # 人群画像
  ? ds! type!:i
  = @shop.SaleProfileReply
POST /channels/ec/favorites/count/get  # 收藏人数
  = @shop.FavoritesReply
POST /channels/ec/compass/finder/overall/get not=finder
  ? ds
  = data{pay_gmv:m live_pay_gmv:m feed_pay_gmv:m window_pay_gmv:m product_pay_gmv:m other_pay_gmv:m}
POST /channels/ec/compass/finder/product/list/get not=finder
  ? ds
  = @shop.CompassProductListReply
POST /channels/ec/compass/finder/product/data/get not=finder
  ? ds product_id
  = @shop.CompassProductReply
POST /channels/ec/compass/finder/product/overall/get not=finder
  ? ds
  = data{pay_gmv:m pay_product_id_cnt:i pay_uv:i refund_gmv:m pay_refund_gmv:m}
POST /channels/ec/compass/finder/sale/profile/data/get not=finder
  ? ds type:i
  = @shop.SaleProfileReply
## 直播
POST /channels/livedashboard/getlivelist not=finder
  ? ds
  = trace_id live_items[]{export_id create_time:t} has_more:b
POST /channels/livedashboard/getlivedata not=finder
  ? export_id
  = @shop.LiveDashboardReply
POST /channels/finderlive/get_finder_live_data_list not=finder
  ? start_time:t end_time:t last_buffer
  = @shop.FinderLiveListReply
POST /channels/ec/finderlive/getfinderliverecordlist  # 直播中的视频号
  = @ground.LiveRecordReply
POST /channels/ec/finderlive/getfinderlivenoticerecordlist  # 直播预告
  = @ground.LiveNoticeReply
## 优选联盟
POST /channels/ec/league/item/batchadd w
  ? type:i list[]{product_id ratio:i} finder_ids[] promoter_ids[] begin_time:t end_time:t is_forerver:b
  = result_info_list[]{errcode:i errmsg product_id info_id}
POST /channels/ec/league/item/upd w
  ? product_id exclusive_info{begin_time:t end_time:t is_forerver:b add_finder_ids[] del_finder_ids[]} type:i
    info_id operate_type:i ratio:i
  = info_id
POST /channels/ec/league/item/get  # 联盟计划详情
  ? product_id type:i info_id need_relation:b page_size:i page_index:i need_total_num:b
  = @shop.LeagueItemReply
POST /channels/ec/league/item/list/get page=100  # 联盟计划列表
  ? product_id info_id last_buffer need_total_num:b type:i page_size:i page_index:i
  = @shop.LeagueItemListReply
POST /channels/ec/league/item/headsupplier/batchadd w
  ? headsupplier_appid is_forerver:b list[]{product_id ratio:i service_ratio:i} begin_time:t end_time:t
  = result_info_list[]{errcode:i errmsg product_id}
POST /channels/ec/league/item/delete w
  ? type:i info_id
POST /channels/ec/league/promoter/get  # 合作达人
  ? finder_id
  = @ground.PromoterReply
POST /channels/ec/league/promoter/list/get page=100  # 合作达人列表
  ? status:i page_index:i page_size:i
  = @ground.PromoterListReply
POST /channels/ec/league/promoter/add w
  ? finder_id
POST /channels/ec/league/promoter/upd w
  ? finder_id type
POST /channels/ec/league/promoter/delete w
  ? finder_id
POST /channels/ec/league/promotion/plan/list  # 推广计划
  ? page_size:i page_index:i
  = plan_list:a
POST /channels/ec/league/promotion/talent/list  # 推广达人
  ? page_size:i page_index:i
  = talent_list:a
POST /channels/ec/league/talent/getproductdatalist  # 达人商品数据
  ? page_size:i page_index:i
  = product_list:a
POST /channels/ec/league/talent/update w
  ? talent_id status:i
## 合作账号与分享员
POST /channels/ec/cooperation/list  # 合作账号
  ? sharer_type:i
  = @ground.CooperationReply
POST /channels/ec/cooperation/invitation/qrcode/generate w
  ? sharer_id sharer_type:i
  = qrcode_img qrcode_img_base64
POST /channels/ec/cooperation/invitation/qrcode/get
  ? sharer_id sharer_type:i
  = qrcode_img qrcode_img_base64 status:i
POST /channels/ec/cooperation/invitation/qrcode/cancel w
  ? sharer_id sharer_type:i
POST /channels/ec/cooperation/invitation/qrcode/unbind w old=/channels/ec/cooperation/unbind
  ? sharer_id sharer_type:i
POST /channels/ec/cooperation/shop/list not=miniprogram
POST /channels/ec/cooperation/product/list not=miniprogram
POST /channels/ec/cooperation/product/get not=miniprogram
POST /channels/ec/cooperation/order/get not=miniprogram
POST /channels/ec/sharer/bind w  # 邀请分享员(将下线)
  ? username
  = qrcode_img qrcode_img_base64
POST /channels/ec/sharer/unbind w
  ? openid_list[]
  = success_openid[] fail_openid[] refuse_openid[]
POST /channels/ec/sharer/search_sharer
  ? openid username
  = openid unionid nickname bind_time:t sharer_type:i
POST /channels/ec/sharer/get_sharer_list page=100
  ? page:i page_size:i sharer_type:i
  = @shop.SharerListReply
POST /channels/ec/sharer/get_sharer_order_list page=100
  ? openid share_scene:i page:i page_size:i start_time:t end_time:t
  = @shop.SharerOrderListReply
POST /channels/ec/sharer/get_sharer_product_h5url
  ? openid product_id
  = product_h5url
POST /channels/ec/sharer/get_sharer_product_taglink
  ? openid product_id
  = product_taglink
POST /channels/ec/sharer/get_sharer_product_qrcode
  ? openid product_id
  = product_qrcode
## 客服与企业微信
POST /channels/ec/commkf/sendmsg w safe  # 客服回复(默认不开)
  ? request_id open_id! msg_type! video{cos_url} text{content} image{cos_url} file{cos_url} order_share{order_id}
    product_share{product_id}
  = msg_id
POST /channels/ec/commkf/cosupload w form
  = cos_url
POST /channels/ec/wecom/get_wecom_id  # 企微成员换小店标识
  ? corp_id user_id
  = @ground.WecomIdReply
## 店铺
GET /channels/ec/basics/info/get  # 店铺信息
  = @shop.ShopInfoReply
POST /channels/ec/basics/shop/h5url/get  # 店铺短链
  ? wecom_corp_id wecom_user_id
  = shop_h5url
POST /channels/ec/basics/shop/taglink/get  # 店铺口令
  ? wecom_corp_id wecom_user_id
  = shop_taglink
POST /channels/ec/basics/shop/qrcode/get  # 店铺二维码
  ? qrcode_type:i wecom_corp_id wecom_user_id
  = shop_qrcode
POST /channels/ec/store/classification/tree/get  # 店铺分类
  = @ground.ClassificationReply
POST /channels/ec/store/classification/tree/set w
  ? req{version classification_id_deleted[] tree{level_1[]{id name level_2[]{id name is_displayed:b}
    is_displayed:b}}}
  = resp{version audit_results[]{level_id result_code}}
POST /channels/ec/store/classification/tree/product/add w
  ? req{level_1_id level_2_id product_ids[]}
POST /channels/ec/store/classification/tree/product/del w
  ? req{level_1_id level_2_id product_ids[]}
POST /channels/ec/store/classification/tree/product/get
  ? req{level_1_id level_2_id page_size:i page_context}
  = resp{product_ids[] total_count:i page_context}
POST /channels/ec/store/window/product/list/get page=100  # 橱窗商品
  ? page_size:i next_key
  = @ground.WindowProductReply
POST /channels/ec/store/window/product/reorder w
  ? product_id index_num:i
POST /channels/ec/store/window/product/hide w safe
  ? product_id is_set_hide:b
POST /channels/ec/store/window/product/settop w safe
  ? product_id is_set_top:b
POST /channels/ec/basics/homepage/background/get
  = img_url apply{apply_id state audit_desc img_url}
POST /channels/ec/basics/homepage/background/apply/submit w
  ? img_url
  = apply_id
POST /channels/ec/basics/homepage/background/apply/cancel w
  ? apply_id
POST /channels/ec/basics/homepage/background/remove w
POST /channels/ec/basics/homepage/banner/get
  = banner{scale:i banner[]{type:i product{product_id} banner{img_url title description} finder{finder_user_name
    feed_id} official_account{url}}} apply{apply_id state scale:i banner[]{audit_state audit_desc banner{type:i
    product{product_id} banner{img_url title description} official_account{url} finder{finder_user_name
    feed_id}}}}
POST /channels/ec/basics/homepage/banner/apply/submit w
  ? banner{scale:i banner[]{type:i product{product_id} banner{description img_url title} finder{feed_id
    finder_user_name} official_account{url}}}
  = apply_id
POST /channels/ec/basics/homepage/banner/apply/cancel w
  ? apply_id
POST /channels/ec/basics/homepage/banner/remove w
POST /channels/ec/merchant/privatenumber/sendverifycode w
  ? mobile
POST /channels/ec/merchant/privatenumber/addphone w
  ? mobile verify_code wxusername
  = qrcode_url status:i
POST /channels/ec/merchant/privatenumber/getphone
  ? mobile
  = status:i fail_reason
## 不属于商家凭证的接口
POST /channels/ec/b2c/activity/info/promoter/get not=miniprogram
  ? shop_appid activity_id
  = activity{activity_id info{basic_info{activity_start_time:t activity_end_time:t shop_info{nickname appid}}
    prize_info{product_info_list[]{product_id sku_id product_img_url product_name sku_name price:m stock_num:i
    can_use_stock_num:i}}} status:i}
POST /channels/ec/b2c/activity/list/promoter/get not=miniprogram
  ? offset:i limit:i
  = list[]{shop_appid shop_nickname activity_id} total_num:i
POST /channels/finderlive/get_finder_attr_by_appid not=finder
  = finder_attr{uniq_id nickname fans_count:i}
POST /channels/finderlive/get_finder_live_leads_data not=finder
  ? start_time:t end_time:t source_type:i
  = item[]{component_type:i traffic_type:i leads_count:i}
POST /channels/leads/get_leads_component_id not=finder
  ? last_buffer
  = item[]{leads_component_id leads_description status:i} last_buffer continue_flag:b
POST /channels/leads/get_leads_component_promote_record not=finder
  ? leads_component_id start_time:t end_time:t last_buffer
  = record_data[]{anchor_nickname live_description live_start_time:t exposure_uv:i click_uv:i
    exposure_click_rate:f leads_num:i} last_buffer continue_flag:b
POST /channels/leads/get_leads_info_by_component_id not=finder
  ? leads_component_id start_time:t end_time:t last_buffer
  = user_data[]{phone} last_buffer continue_flag:b
POST /channels/leads/get_leads_info_by_request_id not=finder
  ? request_id last_buffer
  = user_data[]{phone} last_buffer continue_flag:b
POST /channels/leads/get_leads_request_id not=finder
  ? leads_component_id last_buffer
  = item[]{request_id live_start_time:t live_description} last_buffer continue_flag:b
POST /channels/ec/league/funds/getfundsflowdetail not=agency
  ? flow_id
  = funds_flow{amount:m balance:m bookkeeping_time:t flow_id flow_type:i funds_type:i
    related_info_list[]{aftersale_id related_type:i transaction_id order_id} remark}
POST /channels/ec/league/funds/getfundsflowlist not=agency
  ? page:i page_size:i start_time:t end_time:t flow_type:i transaction_id next_key
  = flow_ids[] has_more:b next_key
POST /channels/ec/league/headsupplier/clue/get not=agency
  ? order_id sku_id
  = commssion_clue{order_id sku_id create_time:t update_time:t status:i clue_detail{shop_info{appid}
    product_info{product_id thumb_img title actual_payment:i} order_info{status:i} sharer_info{sharer_appid
    nickname opensharerid} buyer_info{open_id union_id}}}
POST /channels/ec/league/headsupplier/clue/list/get not=agency
  ? page_size:i create_time_range{start_time:t end_time:t}
  = list[]{order_id sku_id} has_more:b
POST /channels/ec/league/headsupplier/cooperativeitem/add w not=agency
  ? head_supplier_item_link hidden_flag:i
  = cooperative_item_id
POST /channels/ec/league/headsupplier/cooperativeitem/list/get not=agency
  ? commission_type:i page_size:i next_key
  = list[]{product_id cooperative_item_id head_supplier_item_link} next_key
POST /channels/ec/league/headsupplier/funds/balance/get not=agency
  = available_amount:m pending_amount:i
POST /channels/ec/league/headsupplier/funds/flowdetail/get not=agency
  ? flow_id
  = funds_flow{flow_id funds_type:i amount:m balance:m bookkeeping_time:t remark order_id}
POST /channels/ec/league/headsupplier/funds/flowlist/get not=agency
  ? page_size:i
  = flow_ids[] has_more:b next_key
POST /channels/ec/league/headsupplier/item/get not=agency
  ? product_id appid
  = item{appid product_id product_info{title sub_title head_imgs[] desc_info{imgs[] desc} cats[]{cat_id}
    cats_v2[]{cat_id}}}
POST /channels/ec/league/headsupplier/item/list/get not=agency
  ? page_size:i
  = list[]{appid product_id} has_more:b
POST /channels/ec/league/headsupplier/item/upd w not=agency
  ? product_id appid type:i
POST /channels/ec/league/headsupplier/liveprotection/getqrcode not=agency
  = qrcode_url
POST /channels/ec/league/headsupplier/order/get not=agency
  ? order_id sku_id
  = commssion_order{order_id sku_id create_time:t update_time:t status:i order_detail{shop_info{appid}
    product_info{product_id thumb_img title actual_payment:i} order_info{order_status:i}
    commission_info{finder_info{nickname ratio:i amount:m} service_ratio:i service_amount:m}}}
POST /channels/ec/league/headsupplier/order/list/get not=agency
  ? page_size:i create_time_range{start_time:t end_time:t}
  = list[]{order_id sku_id} has_more:b
POST /channels/ec/league/headsupplier/productdetail/get not=agency
  ? shop_appid product_id plan_type:i
  = product{shop_appid product_id product_info{title sub_title head_imgs[] desc_info{imgs[] desc}
    cats_v2[]{cat_id} skus[]{sku_id thumb_img sale_price:m stock_num:i sku_attrs[]{attr_key attr_value}}}
    shop{name score:i icon}}
POST /channels/ec/league/headsupplier/secondheadsupplieritem/add w not=agency
  ? cooperative_item_id head_supplier_item_link plan_type:i service_ratio:i to_head_supplier_appid start_time:t
    end_time:t
POST /channels/ec/league/headsupplier/secondheadsupplieritem/update w not=agency
  ? plan_type:i update_type:i cooperative_item_id head_supplier_item_link service_ratio:i to_head_supplier_appid
POST /channels/ec/league/headsupplier/selectionproducts/list/get not=agency
  ? next_key page_size:i plan_type:i category{category_id category_ids_1[]:i category_name} keyword
    spu_item_condition{commission_rate_range{max:i min:i}}
  = product_list[]{product_id shop_appid head_supplier_item_link} next_key
POST /channels/ec/league/headsupplier/shop/get not=agency
  ? appid
  = shop_detail{base_info{appid headimg_url nickname} data_info{gmv:m product_number settle_amount:m
    unsettle_amount:m product_number_today:i product_number_sold_today:i} status:i approved_time:t}
POST /channels/ec/league/headsupplier/shop/list/get not=agency
  ? page_size:i
  = shop_list[]{base_info{appid headimg_url nickname} status:i}
POST /channels/ec/league/headsupplier/subitem/add w not=agency
  ? cooperative_item_id ratio:i
POST /channels/ec/league/headsupplier/subitem/list/get not=agency
  ? cooperative_item_id page_size:i next_key
  = list[]{sub_item_id head_supplier_item_link} next_key
POST /channels/ec/league/headsupplier/subscription/getsubscribe not=agency
  ? filter{product_id product_name appid} page_size:i next_key need_total_num:b
  = subscribe_info_list[]{product_id shop_appid} total_num:i next_key has_more:b
POST /channels/ec/league/headsupplier/subscription/subscribe w not=agency
  ? product_id
POST /channels/ec/league/headsupplier/subscription/unsubscribe w not=agency
  ? product_id
POST /channels/ec/league/headsupplier/window/add w not=agency
  ? finder_id openfinderid product_id
POST /channels/ec/league/headsupplier/window/getall not=agency
  ? appid finder_id offset:i page_size:i need_total_num:b
  = list[]{appid product_id head_supplier_id} next_offset:i have_more:b total_num:i
POST /channels/ec/league/headsupplier/window/getdetail not=agency
  ? appid finder_id product_id
  = product_detail{appid product_id product_info{title sub_title head_imgs[] desc_info{imgs[] desc} cats[]{cat_id}
    cats_v2[]{cat_id}}}
POST /channels/ec/league/headsupplier/window/remove w not=agency
  ? appid finder_id product_id
POST /channels/ec/league/headsupplier/windowauth/get not=agency
  ? finder_id
  = auth_info{auth_url auth_wxa_username auth_wxa_appid auth_wxa_path}
POST /channels/ec/league/headsupplier/windowauth/status/get not=agency
  ? finder_id
  = window_auth_status:i openfinderid opentalentid
POST /channels/ec/open/get_download_url not=undocumented
  ? openid order_id
  = url expire_time:t
POST /channels/ec/open/upload w not=undocumented
  ? openid file_url
  = media_id
POST /channels/ec/order/dropship/supplier/delivery/update w not=supplier
  ? ds_order_id change_infos[]{old{delivery_id waybill_id product_infos[]{product_cnt:i product_id sku_id}}
    new{delivery_id waybill_id product_infos[]{product_cnt:i product_id sku_id}}}
POST /channels/ec/order/present/get not=miniprogram
  ? present_order_id
  = present{present_order_id create_time:t present_detail{price_info{order_price:m} pay_info{pay_time:t}
    wishmessage} sub_order_list[]{order_id openid status:i} is_b2c_free_present:b activity_id}
POST /channels/ec/order/presentlist/get not=miniprogram
  ? shop_appid create_time_range{start_time:t end_time:t} page_size:i next_key
  = present_order_list[]{present_order_id} next_key
POST /channels/ec/order/presentorder/get not=miniprogram
  ? present_order_id open_id
  = present_order_info{ecsgift{gifts{gift[]{order_id wishmessage giftstatus:i}} user_type:i}}
POST /channels/ec/order/presentorder/receiver/set w not=miniprogram
  ? present_order_id sub_order_list[]{order_id openid}
POST /channels/ec/order/presentorderlist/get not=miniprogram
  ? shop_appid open_id create_time_range{start_time:t end_time:t} page_size:i next_key
  = present_order_list[]{present_order_id order_id[]}
POST /channels/ec/order/receiverorderlist/get not=miniprogram
  ? shop_appid page_size:i openid create_time_range{start_time:t end_time:t}
  = order_list[]{present_order_id order_id} next_key
POST /channels/ec/product/locallife/add w not=locallife
  ? out_product_id product_type:i product_name category_id brand_id head_imgs[] verify_page{appid path}
    code_source_type:i attr_kv_map{use_date_rule use_time:j detail_imgs:j set_meals:j exclusive_date:j
    voucher_amount:m bring_out_type appointment:j need_phone_num additional_rule available_store_desc settle_type
    refund_policy} skus[]{sale_price:m}
  = data{product_id sku_ids[]}
POST /channels/ec/product/locallife/auditfree w not=locallife
  ? product_id skus[]{sku_id sale_price:m}
POST /channels/ec/product/locallife/get not=locallife
  ? product_id data_type:i
  = draft_data{product_id out_product_id product_type:i product_name category_id brand_id head_imgs[]
    verify_page{appid path} code_source_type:i attr_kv_map{voucher_amount:m use_date_rule:j exclusive_date:j
    settle_type need_phone_num bring_out_type refund_policy use_time:j} skus[]{sku_id sale_price:m stock_num:i}
    draft_status:i audit_result{audit_status:i}}
POST /channels/ec/product/locallife/update w not=locallife
  ? product_id out_product_id product_type:i product_name category_id brand_id head_imgs[] verify_page{appid path}
    code_source_type:i attr_kv_map{voucher_amount:m use_date_rule:j exclusive_date:j settle_type need_phone_num
    bring_out_type refund_policy use_time:j} skus[]{sku_id sale_price:m}
POST /channels/ec/promoter/get_bind_sharer_list not=agency
  ? next_key page_size:i sharer_appid sharer_openid
  = sharer_info_list[]{sharer_appid bind_time:t commission_ratio:i commission_type:i nickname head_img_url}
    next_key
POST /channels/ec/promoter/get_bind_shop_list not=agency
  ? next_key page_size:i
  = has_more:b next_key shop_list[]{shop_appid bind_time:t shop_nickname shop_head_img}
POST /channels/ec/promoter/get_bind_shop_promoter_list not=agency
  ? shop_appid next_key page_size:i
  = has_more:b next_key promoter_list[]{promoter_id avatar_image_url promoter_type:i promoter_name}
POST /channels/ec/promoter/get_bind_talent_list not=agency
  ? next_key page_size:i talent_appid
  = has_more:b next_key talent_list[]{talent_appid bind_time:t talent_nickname talent_head_img
    related_finder_exportname_list[] related_mp_biz_appid_list[]}
POST /channels/ec/promoter/get_cooperative_coupon_list not=agency
  ? shop_appid next_key page_size:i
  = next_key coupons[]{coupon_id} has_more:b
POST /channels/ec/promoter/get_coupon_detail not=agency
  ? coupon_id
  = coupon{coupon_id type:i status:i create_time:t update_time:t coupon_info{name discount_info{discount_num:i}
    receive_info{end_time:t limit_num_one_person:i start_time:t total_num:i} valid_info{valid_type:i
    valid_day_num:i start_time:t end_time:t}} stock_info{issued_num:i receive_num:i used_num:i}}
POST /channels/ec/promoter/get_coupon_promoter_share_link not=agency
  ? coupon_id sharer_appid
  = promoter_share_link
POST /channels/ec/promoter/get_coupon_qr_code not=agency
  ? coupon_id sharer_openid sharer_appid
  = qrcode_url
POST /channels/ec/promoter/get_coupon_short_link not=agency
  ? coupon_id sharer_appid
  = short_link
POST /channels/ec/promoter/get_coupon_to_headsupplier not=agency
  ? to_head_supplier_appid limit:i page_context
  = list[]{coupon_id to_head_supplier_appid give_time:t} page_context total_count:i
POST /channels/ec/promoter/get_feed_list not=agency
  ? next_key page_size:i talent_appid finder_exportusername
  = has_more:b next_key feed_list[]{export_id predict_commission_amount:m talent_appid product_info{product_id
    product_name product_img_url product_mini_price:m}}
POST /channels/ec/promoter/get_feed_promotion_info not=agency
  ? feed_list[]{export_id} mini_program_appid talent_appid
  = feed_list[]{export_id feed_token promoter_share_link}
POST /channels/ec/promoter/get_live_commission_product_list not=agency
  ? next_key page_size:i talent_appid
  = has_more:b next_key product_list[]{product_id product_name product_img_url product_price:m
    predict_commission_amount:m}
POST /channels/ec/promoter/get_live_notice_promoter_share_link not=agency
  ? notice_id mini_program_appid talent_appid sharer_appid
  = promoter_share_link
POST /channels/ec/promoter/get_live_notice_record_list not=agency
  ? talent_appid
  = live_notice_record_list[]{notice_id description start_time:t}
POST /channels/ec/promoter/get_live_notice_record_qr_code not=agency
  ? talent_appid sharer_appid notice_id
  = qrcode_url
POST /channels/ec/promoter/get_live_notice_reservation_info not=agency
  ? live_notice_id sharer_appid
  = count:i
POST /channels/ec/promoter/get_live_record_list not=agency
  ? talent_appid mini_program_appid
  = live_record_list[]{export_id description promoter_share_link}
POST /channels/ec/promoter/get_live_record_qr_code not=agency
  ? talent_appid sharer_appid export_id
  = qrcode_url
POST /channels/ec/promoter/get_product_promotion_link_info not=agency
  ? sharer_appid product_id shop_appid
  = short_link
POST /channels/ec/promoter/get_product_promotion_qrcode_info not=agency
  ? sharer_appid product_id shop_appid
  = qrcode_url
POST /channels/ec/promoter/get_promote_product_detail not=agency
  ? shop_appid product_id plan_type:i get_available_coupon:b
  = product{shop_appid product_id product_promotion_link product_info{title sub_title head_imgs[] desc_info{imgs[]
    desc} cats_v2[]{cat_id} skus[]{sku_id thumb_img sale_price:m stock_num:i sku_attrs[]{attr_key attr_value}}}
    commission_info{status:i service_ratio:i start_time:t end_time:t}}
POST /channels/ec/promoter/get_promote_product_list not=agency
  ? next_key page_size:i plan_type:i category{category_id category_ids_1[] category_name} keyword
    spu_item_condition{commission_rate_range{max min}}
  = product_list[]{product_id shop_appid} next_key
POST /channels/ec/promoter/get_promoter_register_and_bind_status not=agency
  ? sharer_openid is_simple_register:b
  = bind_status:i register_status:i register_business_type register_query_string bind_business_type
    bind_query_string
POST /channels/ec/promoter/get_promoter_single_product_promotion_info not=agency
  ? sharer_appid product_id shop_appid
  = product_promotion_link
POST /channels/ec/promoter/get_public_coupon_list not=agency
  ? shop_appid next_key page_size:i
  = next_key coupons[]{coupon_id} has_more:b
POST /channels/ec/promoter/get_sharer_product_commission_info not=agency
  ? sharer_appid product_id
  = is_set:b commission_ratio:i
POST /channels/ec/promoter/get_shop_feed_list not=agency
  ? next_key page_size:i shop_appid promoter_id promoter_type:i
  = has_more:b next_key feed_list[]{export_id predict_commission_amount:m product_info{product_id product_name
    product_img_url product_mini_price:m}}
POST /channels/ec/promoter/get_shop_feed_promotion_info not=agency
  ? feed_list[]{export_id} mini_program_appid shop_appid promoter_id promoter_type:i
  = feed_list[]{export_id feed_token promoter_share_link}
POST /channels/ec/promoter/get_shop_live_commission_product_list not=agency
  ? next_key page_size:i shop_appid promoter_id promoter_type:i
  = has_more:b next_key product_list[]{product_id product_name product_img_url product_price:m
    predict_commission_amount:m commission_rate:i}
POST /channels/ec/promoter/get_shop_live_notice_promoter_share_link not=agency
  ? shop_appid promoter_id promoter_type:i notice_id sharer_appid
  = promoter_share_link
POST /channels/ec/promoter/get_shop_live_notice_record_qr_code not=agency
  ? shop_appid promoter_id promoter_type:i notice_id sharer_appid
  = qrcode_url
POST /channels/ec/promoter/get_shop_live_record_list not=agency
  ? shop_appid promoter_id promoter_type:i mini_program_appid
  = live_record_list[]{export_id description promoter_share_link}
POST /channels/ec/promoter/get_shop_live_record_qr_code not=agency
  ? shop_appid promoter_id promoter_type:i export_id sharer_appid
  = qrcode_url
POST /channels/ec/promoter/get_shop_mp_article_list not=agency
  ? next_key page_size:i sharer_appid shop_appid promoter_id promoter_type:i
  = next_key has_more:b article_list[]{product_list[]{product_id product_name product_img_url
    predict_commission_amount:m commission_rate:i} article_info{article_title cover_image article_url
    promoter_share_link} create_time:t update_time:t}
POST /channels/ec/promoter/get_talent_biz_article_list not=agency
  ? next_key talent_appid biz_appid page_size:i
  = next_key has_more:b article_list[]{product_info_list[]{product_id product_name product_img_url
    predict_commission_amount:m product_mini_price:m} article_info{article_title cover_image article_url
    promoter_share_link} create_time:t update_time:t}
POST /channels/ec/promoter/headsupplier_unbind_promoter w not=agency
  ? sharer_appid
POST /channels/ec/promoter/set_coupon_to_headsupplier w not=agency
  ? to_head_supplier_appid coupon_id
POST /channels/ec/promoter/set_sharer_commission_info w not=agency
  ? sharer_appid commission_type:i commission_ratio:i
POST /channels/ec/promoter/set_sharer_product_commission_info w not=agency
  ? sharer_appid product_id commission_ratio:i
POST /channels/ec/qic/inspect/code/print w not=inspection
  ? order_id
  = data{backupDeliveryId backupDeliveryName boxDTOList[]{boxId boxName boxNum:i} channelAppId deliveryId
    deliveryName embedGoodsMaterial expressMerge:b goodsDesc goodsMainMaterial goodsName goodsNum:i
    goodsPartsMaterial inspectBaseId inspectBaseName inspectCode inspectOrgId inspectOrgName inspectOrgShortName
    merchantName orderId urgentOrder:b printInfo}
GET /channels/ec/qic/inspect/config/get not=inspection
  = inspect_config{warehouse_id delivery_address{contact_name contact_phone province city county detail}
    return_address{contact_name contact_phone province city county detail} warehouse_name warehouse_addr}
POST /channels/ec/qic/inspect/register_logistics w not=inspection
  ? order_id_list[] logistics_info{waybill_id delivery_id delivery_name delivery_type:i}
POST /channels/ec/qic/inspect/submit w not=inspection
  ? order_id inspect_info{delivery_id backup_delivery_id delivery_product_id backup_delivery_product_id
    express_insure:b express_insure_amount:m delivery_insure_id backup_express_insure:b express_merge:b
    refund_intercept:i inspect_org_id inspect_org_name warehouse_name warehouse_addr remark}
GET /channels/ec/qic/inspect/submitconfig/get not=inspection
  = submit_config{delivery_list[]{id name delivery_products[]{id name enable_insure:i insure_type_list[]{id name
    upper_limit_type:i upper_limit_amount:m}}} inspect_org_list[]{id name} charge_url}
POST /channels/ec/supplier/base/get_supplier_base_info not=supplier
  = name
POST /channels/ec/supplier/relation/get_distribute not=supplier
  = distribute_type:i all_supplier_appid all_distribute_supplier_name
POST /channels/ec/supplier/relation/get_ec_list not=supplier
  ? offset:i limit:i
  = list[]{appid name status:i bind_audit_status:i update_time:t head_img} total_count:i
POST /channels/ec/supplier/relation/get_product_default_distribute not=supplier
  ? product_id
  = exist_default_supplier:b supplier_appid
POST /channels/ec/supplier/relation/get_product_list not=supplier
  ? is_filter_distribute_status:b distribute_status:i is_filter_product_status:b product_status:i
    is_filter_supplier_appid:b supplier_appid limit:i page_context
  = page_context total_count:i list[]{product_id distribute_status:i supplier_appid supplier_name}
POST /channels/ec/supplier/relation/get_supplier_list not=supplier
  ? offset:i limit:i
  = list[]{name appid status:i bind_audit_status:i update_time:t} total_count:i
POST /channels/ec/supplier/relation/invite_supplier w not=supplier
  ? supplier_appid service_id remark
POST /channels/ec/supplier/relation/set_all_distribution w not=supplier
  ? supplier_appid
POST /channels/ec/supplier/relation/set_product_distribute w not=supplier
  ? list[]{supplier_appid product_id is_distribute:b}
POST /channels/ec/talent/get_order_detail not=talent
  ? order_id sku_id
  = base_info{order_id spu_id sku_id order_status:i actual_payment order_create_time:t order_update_time:t
    special_id buyer_info{open_id union_id}} commission_info{state ratio:i expect_settle_time:t expect_settlement
    actual_settle_time:t actual_settlement} channel_info{channel_type:i channel_id channel_name}
POST /channels/ec/talent/get_order_list not=talent
  ? page_size:i
  = order_list[]{order_id sku_id special_id} has_more:b
POST /channels/ec/talent/window/product/get not=talent
  ? product_id
  = product{product_id appid out_product_id title img_url leaf_category_id status:i selling_price:m stock:i
    sales:i is_hide:b product_promotion_link}
POST /channels/ec/talent/window/product/list/get not=talent
  ? page_size:i page_index:i last_buffer
  = products[]{product_id appid product_source:i out_product_id} last_buffer
POST /channels/ec/voucher/codes/upload w not=locallife
  ? product_id sku_id codes[]
  = product_id total_count:i success_count:i success_codes[] fail_count:i fail_codes[]{code errcode:i errmsg}
POST /channels/ec/voucher/consume w not=locallife
  ? consume_request_no encrypted_codes[] codes[] sku_id consume_store_name consume_channel:i
  = voucher_list[]{code status:i send_time:t update_time:t start_time:t end_time:t consume_time:t refund_time:t
    product_id consume_store_name voucher_type:i voucher_buy_amount:m voucher_actual_amount:m telphone_no openid
    code_type:i order_id sku_id} fail_voucher_list[]{encrypted_code code sku_id ret_code ret_msg}
POST /channels/ec/voucher/get not=locallife
  ? encrypted_code code sku_id
  = voucher{code status:i send_time:t update_time:t start_time:t end_time:t consume_time:t refund_time:t
    product_id consume_store_name voucher_type:i voucher_buy_amount:m voucher_actual_amount:m telphone_no openid
    code_type:i order_id sku_id union_id}
POST /channels/ec/voucher/get_bill_list not=locallife
  ? product_id bill_date page_size:i page_ctx
  = bill_list[]{voucher_name product_id code order_id openid voucher_buy_time:t voucher_buy_amount:m
    voucher_pay_amount:m mch_favor_amount:m platform_favor_amount:m consume_time:t consume_store_name
    mch_settle_amount:m finder_settle_amount:m} page_ctx
POST /channels/ec/voucher/get_list not=locallife
  ? openid status:i page_size:i page_ctx
  = openid voucher_list[]{code status:i send_time:t update_time:t start_time:t end_time:t consume_time:t
    refund_time:t product_id consume_store_name voucher_type:i voucher_buy_amount:m voucher_actual_amount:m
    telphone_no openid code_type:i order_id sku_id} page_ctx
POST /channels/ec/voucher/revoke w not=locallife
  ? revoke_request_no reovke_vouchers[]{encrypted_code code sku_id}
  = voucher_list[]{code status:i send_time:t update_time:t start_time:t end_time:t consume_time:t refund_time:t
    product_id consume_store_name voucher_type:i voucher_buy_amount:m voucher_actual_amount:m telphone_no openid
    code_type:i order_id sku_id} fail_voucher_list[]{encrypted_code code sku_id ret_code ret_msg}
POST /channels/ec/window/product/add w not=talent
  ? product_id appid is_hide_for_window:b
POST /channels/ec/window/product/get not=talent
  ? product_id appid
  = product{product_id out_product_id title img_url third_category_id leaf_category_id status:i market_price:m
    selling_price:m stock:i sales:i appid page_path{appid half_page_path full_page_path} platform_id platform_name
    is_hide_for_window:b banned:b limit_discount_info{is_effect:b discount_price:i end_time_ms:t stock:i}}
POST /channels/ec/window/product/list/get not=talent
  ? appid page_size:i page_index:i need_total_num:b
  = products[]{product_id appid} last_buffer total_num:i
POST /channels/ec/window/product/off w not=talent
  ? product_id appid
## 其他
POST /channels/ec/logistics/phonenumber/get
  ? waybill_id private_phone
  = phone
POST /channels/ec/logistics/phonenumberpool/get
  ? page_size:i next_key
  = has_more:b next_key total_num:i phonenumbers[]
POST /channels/ec/order/deliverycompanylist/get
  = @ground.DeliveryCompanyReply
"""
