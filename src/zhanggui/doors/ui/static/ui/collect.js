// 掌柜行为采集：放进自己的小程序或 H5，把访客看了什么、加购了什么告诉掌柜。说明见 docs/guides/行为采集.md。
// H5：      <script src="…/static/ui/collect.js" data-url="…" data-key="…" defer></script>，然后 zhanggui.track("product_view", { product_id: "…" })
// 小程序：  const zhanggui = require("./collect.js"); zhanggui.start({ url: "…", key: "…", mini_openid: "…" })
(function (root, make) {
  if (typeof module === "object" && module.exports) module.exports = make(root);
  else root.zhanggui = make(root);
})(typeof globalThis === "object" ? globalThis : this, function (root) {
  "use strict";
  var PAUSE = 3000, MOST = 50, KEEP = 500, IDLE = 30 * 60 * 1000;
  var mini = typeof wx === "object" && wx && typeof wx.request === "function" ? wx : null;
  var set = null, who = {}, queue = [], timer = null, sending = false, counter = 0;
  var KINDS = ["page_view", "product_view", "add_to_cart", "share", "invite_open", "order", "pay"];

  function random() {
    var text = "";
    while (text.length < 20) text += Math.random().toString(36).slice(2);
    return text.slice(0, 20);
  }
  function read(name) {
    try { return mini ? mini.getStorageSync(name) || "" : root.localStorage.getItem(name) || ""; } catch (error) { return ""; }
  }
  function write(name, text) {
    try { if (mini) mini.setStorageSync(name, text); else root.localStorage.setItem(name, text); } catch (error) { /* 这次访问有效 */ }
  }
  function visitor() {
    if (!visitor.id) {
      visitor.id = read("zhanggui-visitor") || random();
      write("zhanggui-visitor", visitor.id);
    }
    return visitor.id;
  }
  // 一次访问：隔 30 分钟没有动作，或过了零点，就算新的一次。
  function session(now) {
    var kept = session.id ? session : { last: 0 };
    var day = new Date(now).toDateString();
    if (now - kept.last > IDLE || kept.day !== day) { session.id = random(); session.day = day; }
    session.last = now;
    return session.id;
  }
  function device() {
    var text = mini ? (mini.getDeviceInfo ? mini.getDeviceInfo() : mini.getSystemInfoSync()).platform : (root.navigator || {}).userAgent || "";
    return /ios|iphone|ipad/i.test(text) ? "ios" : /android/i.test(text) ? "android" : "other";
  }
  function page() {
    if (!mini) return root.location ? root.location.pathname : "";
    var open = typeof getCurrentPages === "function" ? getCurrentPages() : [];
    return open.length ? open[open.length - 1].route : "";
  }

  function later(wait) {
    if (!timer) timer = setTimeout(function () { timer = null; flush(); }, wait);
  }
  function done(batch, status, wait) {
    sending = false;
    // 没送到或对方忙：放回去再送，重复的不会多算。别的拒绝再送也没用。
    if (status === 0 || status === 429 || status >= 500) {
      queue = batch.concat(queue).slice(-KEEP);
      later(Math.max(wait || 0, 10000));
    } else if (queue.length) later(PAUSE);
  }
  function flush() {
    if (!set || sending || !queue.length) return;
    var batch = queue.splice(0, MOST);
    sending = true;
    var headers = { "Content-Type": "application/json", "X-Zhanggui-Key": set.key };
    if (mini) {
      mini.request({
        url: set.url, method: "POST", header: headers, data: { events: batch },
        success: function (reply) { done(batch, reply.statusCode); },
        fail: function () { done(batch, 0); },
      });
      return;
    }
    root.fetch(set.url, { method: "POST", mode: "cors", credentials: "omit", headers: headers, body: JSON.stringify({ events: batch }) })
      .then(function (reply) { done(batch, reply.status, 1000 * Number(reply.headers.get("Retry-After") || 0)); }, function () { done(batch, 0); });
  }
  // 页面要关了：用不等回答的方式把剩下的送出去。
  function leave() {
    if (!set || !queue.length) return;
    if (mini || !root.navigator.sendBeacon) { flush(); return; }
    while (queue.length) {
      var batch = queue.splice(0, MOST);
      if (!root.navigator.sendBeacon(set.url, JSON.stringify({ key: set.key, events: batch }))) { queue = batch.concat(queue); return; }
    }
  }

  function track(kind, more) {
    if (KINDS.indexOf(kind) < 0) return false;
    var now = Date.now(), given = more || {};
    var event = { event_id: visitor().slice(0, 10) + "-" + now.toString(36) + "-" + (counter++).toString(36) + random().slice(0, 4),
      ts: now, kind: kind, visitor_id: visitor(), session_id: session(now), page_path: page(), device: device() };
    for (var name in who) if (who[name]) event[name] = who[name];
    for (var key in given) if (given[key] !== undefined && given[key] !== null) event[key] = String(given[key]);
    queue.push(event);
    if (queue.length > KEEP) queue.shift();
    if (queue.length >= MOST) flush(); else later(PAUSE);
    return true;
  }
  function start(options) {
    set = { url: options.url, key: options.key };
    identify(options);
    if (mini) { if (mini.onAppHide) mini.onAppHide(flush); }
    else if (root.document) {
      root.document.addEventListener("visibilitychange", function () { if (root.document.visibilityState === "hidden") leave(); });
      var asked = new URLSearchParams(root.location.search);
      identify({ cq: asked.get("cq"), referrer: asked.get("from_openid") });
    }
    if (options.auto !== false) track("page_view");
    flush();
  }
  // 登录以后知道是谁了：从这里起带上。cq 是渠道码，referrer 是分享人的 openid。
  function identify(options) {
    ["openid", "mini_openid", "unionid", "cq", "scene", "region", "referrer"].forEach(function (name) {
      if (options && options[name]) who[name] = String(options[name]);
    });
  }
  var tag = !mini && root.document && root.document.currentScript;
  if (tag && tag.dataset.url && tag.dataset.key) start({ url: tag.dataset.url, key: tag.dataset.key });
  return { start: start, identify: identify, track: track, flush: flush };
});
