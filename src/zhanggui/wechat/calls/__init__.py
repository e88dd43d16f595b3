"""Tables of the platform's calls, one file per host family; `zhanggui.wechat.endpoints` reads them."""
