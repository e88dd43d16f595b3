"""The demo shop's shelf: a bakery, tea and gift shop of our own invention, with costs, seasons and variants (演示数据)."""

from __future__ import annotations

from dataclasses import dataclass

SHOP_NAME = "知味小集（演示店）"
CATEGORIES: dict[str, tuple[int, str]] = {
    "pastry": (1431, "中式糕点"), "cookie": (1432, "饼干曲奇"), "cake": (1433, "蛋糕甜品"), "tea": (1441, "茗茶"), "herbal": (1442, "花草养生茶"),
    "nut": (1451, "坚果炒货"), "dried": (1452, "果干蜜饯"), "coffee": (1461, "咖啡冲饮"), "gift": (1471, "节令礼盒"), "daily": (1481, "早餐面包"),
}  # fmt: skip
"""Category key → (third-level category id, Chinese name); the level above is 1400 食品饮料 for all."""
CATEGORY_KEYS = tuple(CATEGORIES)


@dataclass(frozen=True)
class Item:
    """One product: `variants` are (name, price 分, cost 分); `weight` its popularity; `season` a festival key, 'summer', 'winter' or ''."""

    title: str
    category: str
    variants: tuple[tuple[str, int, int], ...]
    weight: float
    season: str = ""
    presale: bool = False
    gift: bool = False


def _i(line: str) -> Item:
    """Reads `title|category|variant 价/成本;…|weight|season|flags` (amounts in whole 元 or 元 with decimals)."""
    title, category, raw, weight, season, flags = (part.strip() for part in line.split("|"))
    variants = []
    for piece in raw.split(";"):
        name, money = piece.strip().rsplit(" ", 1)
        price, cost = money.split("/")
        variants.append((name, round(float(price) * 100), round(float(cost) * 100)))
    return Item(title, category, tuple(variants), float(weight), season, "presale" in flags, "gift" in flags)


ITEMS: tuple[Item, ...] = tuple(_i(line) for line in """
手工绿豆糕 老味道冰糕|pastry|6枚 19.9/8.1;12枚 36.9/15.2;24枚 68/29|9|summer|
桂花米糕 软糯蒸糕|pastry|8枚 22.9/9.6;16枚 42/18|6||
核桃枣泥酥|pastry|8枚 29.9/13;16枚 56/25|7||
鲜花饼 云南玫瑰|pastry|6枚 25.9/11;12枚 48/20.8;20枚 76/34|8||
蛋黄酥 咸香流心|pastry|6枚 32.9/15;12枚 62/29|10||
凤梨酥 金钻果肉|pastry|8枚 34.9/15.2;16枚 66/29|7||
老婆饼 酥皮冬蓉|pastry|8枚 19.9/8;16枚 36/15|5||
豆沙青团 春日限定|pastry|6枚 26.9/11.5;12枚 49.9/22|7|qingming|
咸蛋黄肉松青团|pastry|6枚 32.9/15;12枚 62/29|8|qingming|
山药茯苓八珍糕|pastry|12枚 32.9/13.5;24枚 59.9/26|5||
黄油曲奇 铁罐装|cookie|320g 39.9/16;640g 72/31|10||
抹茶曲奇|cookie|200g 29.9/12.5;400g 55/23.6|6||
海苔肉松小贝|cookie|6枚 28.8/13;12枚 54/25.2|8||
蔓越莓雪花酥|cookie|250g 24.9/10;500g 46/19.6|9|winter|
杏仁薄脆 瓦片酥|cookie|160g 23.9/9.5;320g 43/18.5|6||
无糖燕麦饼干|cookie|300g 22.9/9;600g 42/17.6|7||
手指饼干 宝宝零食|cookie|150g 19.9/8.6;300g 36/16.5|4||
芝麻瓦片 咸甜双拼|cookie|180g 21.9/9;360g 39.9/17.4|4||
巴斯克芝士蛋糕|cake|4寸 49/21;6寸 88/39|6||
半熟芝士 原味双拼|cake|5枚 36.9/17;10枚 69/33|7||
提拉米苏盒子|cake|1盒 28.8/12.6;2盒 54/25|6|valentine|
冰皮雪媚娘|cake|6枚 35.9/16;9枚 52/24|6|summer|
毛巾卷 抹茶红豆|cake|1条 26.8/12;2条 49.8/24|5||
红丝绒爱心蛋糕|cake|4寸 68/28;6寸 108/48|3|valentine|gift
明前龙井 2025新茶|tea|50g 98/42;125g 218/99;250g 398/188|5|qingming|gift
正山小种 红茶|tea|100g 68/27;250g 148/63|6|winter|
铁观音 清香型|tea|125g 59/23;250g 108/45|5||
茉莉花茶 三窨|tea|100g 45/17;250g 98/40|7||
白毫银针 福鼎白茶|tea|50g 128/55;100g 238/108|3||gift
陈皮普洱 小青柑|tea|250g 79/31;500g 148/61|6|winter|
凤凰单丛 鸭屎香|tea|100g 88/36;250g 198/86|4||
冷泡乌龙茶包|tea|15包 29.9/11;30包 54/21.5|8|summer|
菊花枸杞茶 三角包|herbal|20包 25.9/9.6;40包 46.9/18.6|9||
桂圆红枣姜茶|herbal|12条 29.9/11.6;24条 54/22.5|7|winter|
酸梅汤 古方茶包|herbal|10包 24.9/9.2;20包 45/18|8|summer|
玫瑰洛神花茶|herbal|15包 28.9/11;30包 52/21|5|valentine|
黑芝麻核桃粉|herbal|500g 39.9/16;1000g 72/31|9||
五红汤料包|herbal|10包 35.9/14.5;20包 66/28.5|6||
每日坚果 混合装|nut|7包 32.9/15.6;30包 118/60|10||
奶香夏威夷果|nut|250g 36.9/17;500g 68/33|7|spring|
盐焗腰果|nut|250g 38.9/18.6;500g 72/36|6|spring|
琥珀核桃仁|nut|200g 29.9/13;400g 55/25.5|6|spring|
炭烧开心果|nut|250g 45.9/22.6;500g 86/44|5|spring|
五香瓜子 慢煮|nut|500g 18.9/7.6;1000g 34.9/14.6|7|spring|
芒果干 泰风厚切|dried|150g 19.9/8.6;300g 36.9/17|8||
阿胶蜜枣|dried|250g 24.9/9.8;500g 45/19|5||
话梅 九制陈皮|dried|150g 16.9/6.4;300g 29.9/12.4|6||
冻干草莓脆|dried|50g 25.9/11;100g 48/21.6|6||
挂耳咖啡 云南日晒|coffee|10包 45.9/18;20包 84/35|6||
燕麦拿铁 速溶|coffee|12条 36.9/14.6;24条 68/28.6|6||
藕粉羹 桂花坚果|coffee|6罐 42.9/18;12罐 79/35|7|winter|
全麦欧包 早餐组合|daily|6个 29.9/13.6;12个 54.9/26.4|9||
牛乳吐司 生打椰|daily|2条 26.9/12;4条 49.9/23.6|9||
红豆吐司 手撕|daily|1条 16.9/7.2;3条 46/20.8|7||
贝果 低脂原味|daily|5枚 28.9/12.8;10枚 52.9/25|6||
中秋月饼礼盒 花好月圆|gift|8枚 128/54;12枚 198/88|22|moon|gift presale
流心奶黄月饼 小盒|gift|4枚 49.9/21;8枚 92/41|16|moon|gift
端午粽子礼盒 五味|gift|8枚 88/37;12枚 128/56|18|dragon|gift presale
年货大礼包 团圆|gift|6件 168/76;9件 258/120|20|spring|gift presale
新春坚果茶礼|gift|标准 138/60;臻选 238/108|12|spring|gift
七夕巧克力茶点盒|gift|标准 99/42;双人 158/70|9|qixi|gift
伴手礼盒 小城四味|gift|四味 78/34;八味 148/66|7||gift
""".strip().splitlines())  # fmt: skip

REGIONS: tuple[tuple[str, str, str, float], ...] = (
    ("浙江省", "杭州市", "西湖区", 12), ("上海市", "上海市", "徐汇区", 11), ("江苏省", "苏州市", "姑苏区", 9), ("江苏省", "南京市", "鼓楼区", 7),
    ("广东省", "深圳市", "南山区", 8), ("广东省", "广州市", "天河区", 7), ("北京市", "北京市", "朝阳区", 8), ("四川省", "成都市", "武侯区", 6),
    ("湖北省", "武汉市", "洪山区", 5), ("浙江省", "宁波市", "鄞州区", 5), ("浙江省", "温州市", "鹿城区", 4), ("安徽省", "合肥市", "蜀山区", 4),
    ("山东省", "青岛市", "市南区", 4), ("福建省", "厦门市", "思明区", 4), ("福建省", "福州市", "鼓楼区", 3), ("陕西省", "西安市", "雁塔区", 4),
    ("河南省", "郑州市", "金水区", 4), ("湖南省", "长沙市", "岳麓区", 4), ("重庆市", "重庆市", "渝北区", 4), ("天津市", "天津市", "和平区", 3),
    ("辽宁省", "沈阳市", "和平区", 2), ("江西省", "南昌市", "东湖区", 2), ("云南省", "昆明市", "五华区", 2), ("广西壮族自治区", "南宁市", "青秀区", 2),
)  # fmt: skip
DEVICES: tuple[tuple[str, float], ...] = (("iOS", 46), ("Android", 51), ("PC", 3))
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许邓冯韩曹"
GIVEN = "晓雨佳欣子涵思远雅婷文博静怡浩然丽华建国秀英志强美玲海燕小芳俊杰梦瑶"
STREETS = ("文一路", "人民路", "中山北路", "解放街", "学院路", "建设大道", "新华街", "长江路", "和平里", "滨江大道")
STAFF: tuple[tuple[str, str], ...] = (("XiaoTang", "小棠"), ("AMei", "阿梅"), ("LaoZhou", "老周"), ("QiQi", "七七"))
TALENTS: tuple[tuple[str, str], ...] = (
    ("sphDemoTeaLady", "茶娘子（演示）"),
    ("sphDemoSnackBro", "零食小哥（演示）"),
    ("sphDemoMum", "宝妈优选（演示）"),
)
ADGROUPS: tuple[tuple[int, str, float], ...] = (
    (7001, "朋友圈-尝鲜装", 0.45),
    (7002, "公众号文章底部-茶礼", 0.3),
    (7003, "视频号信息流-节令", 0.25),
)
CARRIERS: tuple[tuple[str, str], ...] = (("SF", "顺丰速运"), ("ZTO", "中通快递"), ("YTO", "圆通速递"), ("JD", "京东快递"))
ARTICLE_TITLES = (
    "一块绿豆糕的十二道工序", "春茶怎么喝才不涩", "办公室下午茶清单", "踩雷过的曲奇和留下来的这一款", "给爸妈的早餐，我们这样配", "礼盒怎么送才不失礼",
    "老客复购前十名", "冷泡茶的正确打开方式", "这周新品试吃报告", "枸杞菊花茶的三个误区", "节气里的点心", "一炉蛋黄酥的诞生", "包装为什么换了",
    "群友晒单合集", "入秋该喝什么茶", "坚果怎么挑",
)  # fmt: skip
REFUND_REASONS: tuple[tuple[str, str, float], ...] = (
    ("NO_LONGER_WANT", "不想要了", 26), ("INCORRECT_SELECTION", "拍错/多拍", 16), ("QUALITY_ISSUE", "质量问题", 16), ("NOT_DELIVERED_TOO_LONG", "长时间未收到货", 9),
    ("NOT_MATCH_PRODUCT_DESC", "商品与描述不符", 9), ("SEND_WRONG_GOODS", "发错货", 6), ("NO_REASON_7_DAYS", "七天无理由", 10), ("OTHERS", "其他", 8),
)  # fmt: skip
REVIEWS: dict[int, tuple[str, ...]] = {
    5: (
        "酥皮很香，家里老人也喜欢",
        "回购第三次了，味道一直稳定",
        "包装精致，送人有面子",
        "茶香很正，泡三道还有味",
        "小朋友抢着吃",
        "发货快，日期新鲜",
    ),
    4: ("味道不错，就是有点甜", "好吃，分量可以再多点", "整体满意，快递慢了一天"),
    3: ("一般般，没有想象中好吃", "价格略高"),
    2: ("碎了两块，体验打折扣", "偏甜，不太适合老人"),
    1: ("收到时盒子压坏了", "和图片差别大，失望"),
}
