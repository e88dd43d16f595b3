"""Every call the fact sheets document is registered, or said not to be one. Skipped, plainly, when the sheets are not beside the checkout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zhanggui.wechat.endpoints import NOT_CALLS, NOT_OFFERED, REGISTRY, by_path, coverage_table
from zhanggui.wechat.schemas.events import EVENTS

SHEETS = Path(__file__).resolve().parents[3] / "shared" / "wechat"
pytestmark = pytest.mark.skipif(
    not SHEETS.is_dir(), reason="no shared/wechat beside the checkout: the registry is not compared with the fact sheets"
)
ROOTS = ("/channels/", "/shop/", "/cgi-bin/", "/wxa/", "/wxaapi/", "/datacube/", "/sns/", "/v3.0/", "/oauth/")
BELOW = {
    "### 8.3": "/channels/ec/aftersale/",
    "### 8.4": "/channels/ec/aftersale/",
    "### 8.5": "/channels/ec/aftersale/",
    "### 8.6": "/channels/ec/aftersale/",
    "### 10.1": "/channels/ec/logistics/ewaybill/biz/",
    "## 12.": "/channels/ec/funds/",
    "## 3. Article analytics": "/datacube/",
    "## 7. Mini-program analytics": "/datacube/",
}
"""Sections whose bare names lie below one path."""


def braces(text: str) -> list[str]:
    """a/{b|c}/d → a/b/d, a/c/d."""
    match = re.search(r"\{([^{}]+)\}", text)
    if not match:
        return [text]
    options = re.split(r"[|,]", match[1])
    return [one for option in options for one in braces(text[: match.start()] + option.strip() + text[match.end() :])]


Paths = tuple[str, ...]
"""What one mention may mean; "…/x" leaves the beginning to the reader."""


def documented(sheet: str) -> set[Paths]:
    """Every call a sheet documents: written out, as siblings after "·", in braces, shortened, and as bare names below a section's path."""
    found: set[Paths] = set()
    base = ""
    above: list[str] = []
    for line in sheet.splitlines():
        if line.startswith("#"):
            base = next((path for head, path in BELOW.items() if line.startswith(head)), "")
            above = above[-1:]
        in_table = line.startswith("|")
        first_cell = line.split(" | ")[0] if in_table else line
        row_last = ""
        for text in re.findall(r"`([^`]+)`", line):
            word = re.sub(r"^(GET|POST|GET\|POST|POST\|GET)\s+", "", text.strip())
            word = re.sub(r"^https?://[a-z.]+", "", word)
            word = re.split(r"[?=\s\[]", word, maxsplit=1)[0]
            in_first = f"`{text}`" in first_cell
            for one in braces(word):
                if not re.fullmatch(r"…?[\w./-]+", one) or "..." in one or one.endswith("/"):
                    continue
                if one.startswith(ROOTS):
                    found.add((one,))
                    above.append(one)
                    row_last = one
                elif one.startswith("…/"):
                    found.add(shortened(one[2:], above))
                elif one.startswith("/") and row_last and in_first:
                    # A sibling: its last part, its last two, or as many as it writes itself take the place of those of the call before.
                    found.add(tuple(row_last.rsplit("/", depth)[0] + one for depth in sorted({1, 2, one.count("/")})))
                elif base and in_table and in_first and not row_last and re.fullmatch(r"[a-z]+(?:/[a-z]+)*", one):
                    found.add((base + one,))
        if base and in_table:
            found.update((base + word,) for word in re.findall(r"(?<![\w`/])(?<!/ )[a-z]{12,}(?![\w`/])", first_cell))
    return found


def shortened(end: str, above: list[str]) -> Paths:
    """What "…/end" may mean: beside or one folder above any call the section has named, or below WeCom's two roots."""
    folders = [path.rsplit("/", depth)[0] for path in reversed(above) for depth in (1, 2)]
    return tuple(dict.fromkeys(f"{folder}/{end}" for folder in (*folders, "/cgi-bin/externalcontact", "/cgi-bin")))


NO_CALLS = {"history", "amount", "details", "status", "type", "reason", "act", "path", "sender", "receiver", "message", "media"}
"""Bare words in those sections that are fields."""


def missing(name: str) -> list[Paths]:
    """Documented calls that are neither registered nor said not to be calls."""
    found = documented((SHEETS / name).read_text())
    return sorted(
        options
        for options in found
        if not any(by_path(path) or path in NOT_CALLS for path in options) and options[0].rsplit("/", 1)[-1] not in NO_CALLS
    )


@pytest.mark.parametrize(
    ("name", "least"), [("shop-api.md", 190), ("wecom-api.md", 50), ("official-account-and-miniprogram-api.md", 60)]
)
def test_every_documented_path_is_registered(name: str, least: int) -> None:
    assert len(documented((SHEETS / name).read_text())) >= least
    assert missing(name) == []


def test_every_bare_name_of_the_shop_sheet_is_registered() -> None:
    """Names that the sheet writes without a path."""
    for path in [
        "aftersale/merchantreship",
        "aftersale/merchantupdatereshipexpress",
        "aftersale/getexchangeableskulist",
        "aftersale/handlefastexchangereceipt",
        "aftersale/syncworkorder",
        "aftersale/merchantacceptguarantee",
        "aftersale/merchantrefuseguarantee",
        "aftersale/merchantmodifyguarantee",
        "aftersale/merchantproofguarantee",
        "aftersale/getpresentaftersaleorder",
        "merchant/addfreighttemplate",
        "merchant/updatefreighttemplate",
        "merchant/address/add",
        "merchant/address/update",
        "merchant/address/delete",
        "funds/getwithdrawlist",
        "funds/getwithdrawdetail",
        "funds/submitwithdraw",
        "funds/getbankacct",
        "funds/setbankacct",
        "funds/listorderflow",
        "brand/add",
        "brand/update",
        "brand/delete",
        "brand/audit/cancel",
        "warehouse/detail/update",
        "warehouse/coverlocations/add",
        "warehouse/coverlocations/del",
        "warehouse/address/prioritysort/set",
        "warehouse/address/prioritysort/get",
        "order/dropship/assign",
        "order/dropship/cancel",
        "order/dropship/list",
        "order/dropship/search",
        "order/dropship/get",
        "cooperation/invitation/qrcode/generate",
        "cooperation/invitation/qrcode/get",
        "cooperation/invitation/qrcode/cancel",
        "sharer/bind",
        "sharer/unbind",
        "sharer/search_sharer",
        "sharer/get_sharer_list",
        "sharer/get_sharer_order_list",
        "sharer/get_sharer_product_h5url",
        "sharer/get_sharer_product_taglink",
        "sharer/get_sharer_product_qrcode",
        "store/window/product/reorder",
        "store/window/product/hide",
        "store/window/product/settop",
        "basics/homepage/background/get",
        "basics/homepage/background/apply/submit",
        "basics/homepage/background/apply/cancel",
        "basics/homepage/background/remove",
        "basics/homepage/banner/get",
        "basics/homepage/banner/apply/submit",
        "basics/homepage/banner/apply/cancel",
        "basics/homepage/banner/remove",
        "league/promotion/plan/list",
        "league/promotion/talent/list",
        "league/talent/getproductdatalist",
        "league/talent/update",
        "product/activity/stop",
        "product/activity/del",
        "product/begintimingsale",
        "product/canceltimingsale",
    ]:
        assert by_path(f"/channels/ec/{path}") is not None, path


def test_every_bare_name_of_the_other_sheets_is_registered() -> None:
    """Names that the sheets shorten beyond what `documented` follows."""
    assert by_path("/datacube/getweanalysisappidmonthlyretaininfo") is not None
    for name in ("hourly_reports/get", "user_action_sets/add", "user_action_sets/get"):
        assert by_path(f"/v3.0/{name}") is not None, name
    for name in ("get_contact_way", "list_contact_way", "update_contact_way", "del_contact_way", "close_temp_chat"):
        assert by_path(f"/cgi-bin/externalcontact/{name}") is not None, name
    for name in (
        "getupstreammsg",
        "getinterfacesummary",
        "getarticlesummary",
        "getarticletotal",
        "getuserread",
        "getuserreadhour",
    ):
        assert by_path(f"/datacube/{name}") is not None, name
    for name in ("getusershare", "getusersharehour"):
        assert by_path(f"/datacube/{name}") is not None, name


def test_every_documented_shop_event_is_known() -> None:
    sheet = (SHEETS / "shop-api.md").read_text()
    catalogue = sheet[sheet.index("### 3.5") : sheet.index("## 4. Orders")]
    names: set[str] = set()
    for line in catalogue.splitlines():
        if line.startswith("| `"):
            first = line.split(" | ")[0]
            words = re.findall(r"`([^`]+)`", first)
            head = words[0]
            names.add(head)
            for word in words[1:]:
                names.add(head.rsplit("_", word.count("_"))[0] + word if word.startswith("_") else word)
    assert len(names) >= 40
    unknown = sorted(
        name for name in names if name.lower() not in EVENTS and not any(known.endswith(name.lower()[-12:]) for known in EVENTS)
    )
    assert unknown == []


def test_every_reason_for_not_offering_is_said_in_chinese() -> None:
    used = {one.not_offered for one in REGISTRY.values()} - {""}
    assert used <= NOT_OFFERED.keys()
    assert all(not reason.isascii() for reason in NOT_OFFERED.values())


def test_the_coverage_table_is_in_the_docs() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "wechat-coverage.md"
    assert page.read_text() == coverage_table()
