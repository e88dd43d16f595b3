"""The numbers half of the desk as a shopkeeper sees it, on a phone and on a desk: nothing sticks out, nothing complains, charts are drawn."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser

PHONE, WIDE = WIDTHS = (390, 1280)

PAGES = {
    "home": "", "metric": "metrics/conversion.average_order_value", "share": "metrics/conversion.pay_rate?by=channel&days=30", "bounce": "metrics/traffic.bounce_rate?days=90&grain=week",
    "missing": "metrics/content.readers", "cohorts": "metrics/customers.cohort_retention", "rfm": "metrics/customers.rfm", "rows": "metrics/conversion.orders/rows?days=30",
    "funnel": "funnel?by=channel", "menu": "menu", "orders": "orders", "customers": "customers", "products": "products", "imports": "imports",
    "connections": "connections", "policies": "policies", "policy": "policies/traffic.bounce_high", "jobs": "jobs", "audit": "audit", "members": "members",
}  # fmt: skip
CHARTS = {"metric": 1, "share": 1, "bounce": 1, "cohorts": 1}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_draws_and_does_not_complain(width, theme, desk, house):
    sheet = desk(width, theme)
    for name, path in PAGES.items():
        sheet.open(house.at(path))
        assert sheet.page.locator("h1").inner_text(), name
        assert sheet.charts() == ["1"] * CHARTS.get(name, 0), name
        sheet.shot(name)


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_without_a_shop_fit_too(width, desk, house):
    sheet = desk(width)
    for name, address in (("gallery", "/gallery"), ("about", "/about"), ("shops", "/shops"), ("account", "/account")):
        sheet.open(house.url + address)
        sheet.shot(name)
    sheet.open(f"{house.url}/gallery")
    assert sheet.charts() == ["1", "1"]
    sheet.open(house.at(shop=house.empty))
    assert "先让数据进来" in sheet.text()
    sheet.shot("empty")


def background(sheet) -> str:
    """The colour of the page's ground."""
    return str(sheet.page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize("width", WIDTHS)
def test_signing_in_leads_to_the_page_that_was_asked_for(width, desk, house):
    sheet = desk(width, who="")
    sheet.open(house.at("funnel"))
    assert "/sign-in?next=" in sheet.page.url
    sheet.shot("sign-in")
    sheet.expected.add(400)
    sheet.page.fill("#id_username", house.owner)
    sheet.page.fill("#id_password", "wrong-one")
    sheet.page.click("button.primary")
    sheet.page.get_by_text("登录名或密码不对").wait_for()
    sheet.expected.clear()
    sheet.page.fill("#id_username", house.owner)
    sheet.page.fill("#id_password", house.password)
    sheet.page.click("button.primary")
    sheet.page.wait_for_url("**/funnel")
    assert "转化漏斗" in sheet.text()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_theme_can_be_changed_and_is_remembered(width, desk, house):
    sheet = desk(width, "light")
    sheet.open(house.at("metrics/conversion.average_order_value"))
    light, axis = background(sheet), sheet.page.locator(".chart svg text").first.get_attribute("fill")
    sheet.page.locator("header button[data-act=theme]").click()
    sheet.page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert background(sheet) != light
    sheet.page.wait_for_function(
        f"document.querySelector('.chart svg text').getAttribute('fill') !== '{axis}'"
    )  # the charts are drawn anew
    sheet.open(house.at())
    assert background(sheet) != light
    sheet.page.locator("header button[data-act=theme]").click()
    assert background(sheet) == light


@pytest.mark.parametrize("width", WIDTHS)
def test_from_the_home_page_to_the_rows_behind_a_number(width, desk, house):
    sheet = desk(width)
    page = sheet.open(house.at())
    assert re.search("店铺整体健康|有异常，要先处理|有需要留意的变化", sheet.text(".verdict"))
    card = page.locator(".card", has_text="支付订单数")
    figure = card.locator(".value").inner_text().split()[0]
    card.click()
    page.wait_for_url("**/metrics/conversion.orders")
    sheet.settle()
    assert sheet.text(".number .figure").split()[0] == figure
    page.get_by_role("heading", name="数字背后的明细").scroll_into_view_if_needed()  # fetched when it comes into sight
    page.locator("#rows table").wait_for()
    assert page.locator("#rows tbody tr").count() == 10
    page.locator("#rows").get_by_text("看全部").click()
    page.wait_for_url("**/rows?**")
    assert f"共 {figure} 行" in sheet.text("#rows")
    first = page.locator("#rows tbody tr").first.locator("a").first
    number = first.inner_text()
    first.click()
    page.wait_for_url(f"**/orders/{number}")
    assert number in sheet.text()


def test_period_grain_and_split_are_chosen_by_tapping(desk, house):
    sheet = desk(PHONE)
    page = sheet.open(house.at("metrics/conversion.sales"))
    page.get_by_role("link", name="近 90 天").click()
    page.wait_for_url("**days=90**")
    page.get_by_role("link", name="按周").click()
    page.wait_for_url("**grain=week**")
    sheet.settle()
    assert sheet.charts() == ["1"] and "days=90" in page.url
    page.get_by_role("link", name="新老客").click()
    page.wait_for_url("**by=is_new**")
    sheet.settle()
    assert {"新客", "老客"} <= set(page.locator("#segments tbody td:first-child").all_inner_texts())
    page.get_by_text("自选日期").click()
    page.fill("input[name=from]", "2020-01-01")
    sheet.expected.add(400)
    page.get_by_role("button", name="看这段").click()
    page.get_by_text("一次最多看三年").wait_for()


def test_a_chart_tells_its_values_when_pointed_at(desk, house):
    sheet = desk(WIDE)
    page = sheet.open(house.at("metrics/conversion.sales"))
    box = page.locator(".chart svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    page.mouse.move(box["x"] + box["width"] * 0.61, box["y"] + box["height"] * 0.5)
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert re.search(r"日期.*\d+月\d+日.*数值.*¥[\d,.]+", " ".join(tip.inner_text().split()))
    assert page.locator(".chart").get_attribute("aria-label") == "销售额的走势，下方有同样内容的表"
    page.get_by_text("用表格看").first.click()
    assert page.locator("details[open] table tbody tr").count() == 7


def test_files_are_handed_out(desk, house):
    sheet = desk(WIDE)
    page = sheet.open(house.at("metrics/conversion.orders/rows?days=30"))
    with page.expect_download() as waiting:
        page.locator("#rows").get_by_role("link", name="CSV").click()
    file = waiting.value
    assert file.suggested_filename.startswith("支付订单数-明细-") and file.suggested_filename.endswith(".csv")
    rows = file.path().read_text("utf-8-sig").splitlines()
    assert rows[0].startswith("订单号,") and f"共 {len(rows) - 1:,} 行" in sheet.text("#rows")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_funnel_marks_one_step_and_splits(width, desk, house):
    sheet = desk(width)
    page = sheet.open(house.at("funnel"))
    assert page.locator(".funnel .stage").count() == 4 and page.locator(".funnel .way.leak").count() == 1
    assert re.search("最大的流失在|变差了", sheet.text(".verdict h2"))
    widths = [b["width"] for b in (page.locator(".funnel .barr").nth(n).bounding_box() for n in range(4))]
    assert widths == sorted(widths, reverse=True) and widths[0] > 4 * widths[-1] / 2
    page.get_by_role("link", name="设备").click()
    page.wait_for_url("**by=device**")
    assert {"iOS", "Android"} <= {t.split("\n")[0] for t in page.locator("#parts tbody td:first-child").all_inner_texts()}
    assert sheet.sticks_out() == 0


def test_on_a_phone_everything_is_within_reach_of_the_thumb(desk, house):
    sheet = desk(PHONE)
    page = sheet.open(house.at())
    tabs = page.locator(".tabs a")
    assert tabs.count() == 5 and page.locator(".side").is_hidden()
    for n in range(5):
        box = tabs.nth(n).bounding_box()
        assert box["height"] >= 44 and box["y"] + box["height"] <= 844
    tabs.nth(4).click()
    page.wait_for_url("**/menu")
    assert page.locator(".menu a").count() >= 12
    small = page.evaluate(
        "[...document.querySelectorAll('main .btn, main .seg a, .tabs a, header button')].filter((x) => x.offsetHeight && x.offsetHeight < 40).map((x) => x.textContent.trim())"
    )
    assert small == []


def test_an_analyst_sees_no_door_that_does_not_open(desk, house):
    sheet = desk(WIDE, who=house.analyst)
    page = sheet.open(house.at())
    names = [t.strip() for t in page.locator(".side nav a").all_inner_texts()]
    assert "总览" in names and not {"客户", "导入文件", "成员", "操作记录"} & set(names)
    for link in page.locator(".side nav a").all():
        assert page.request.get(house.url + link.get_attribute("href")).status == 200
    assert page.locator("main a[href$='/imports']").count() == 0


def test_everything_works_by_keyboard(desk, house):
    sheet = desk(WIDE)
    page = sheet.open(house.at())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "跳到正文"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
