// Small behaviours of the desk. Everything works without them except theme, copy, drag & drop and dialogs.
const root = document.documentElement;
const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

document.addEventListener("click", (event) => {
  const hit = event.target.closest("[data-act]");
  if (!hit) return;
  const act = hit.dataset.act;
  if (act === "theme") {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("zhanggui-theme", root.dataset.theme); } catch { /* this page only */ }
    document.dispatchEvent(new Event("theme"));
  } else if (act === "copy") {
    const input = document.getElementById(hit.dataset.from);
    const done = () => { const was = hit.textContent; hit.textContent = "已复制"; setTimeout(() => { hit.textContent = was; }, 1600); };
    if (navigator.clipboard && window.isSecureContext) navigator.clipboard.writeText(input.value).then(done);
    else { input.select(); document.execCommand("copy"); done(); }
  } else if (act === "dialog") {
    const dialog = document.getElementById(hit.dataset.open);
    if (dialog) { event.preventDefault(); dialog.showModal(); }
  } else if (act === "close") {
    event.preventDefault();
    (hit.closest("dialog") || { close() {} }).close();
  } else if (act === "dismiss") {
    hit.closest(".toast").remove();
  }
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// Confirmations: a form that cannot be taken back asks once, in words.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) { event.preventDefault(); return; }
  // What takes a while says so at once, and is not asked for twice.
  const button = form.dataset.busy && (event.submitter || form.querySelector("button"));
  if (button) { button.textContent = form.dataset.busy; setTimeout(() => { button.disabled = true; }); }
}, true);

// Upload: drag & drop, the chosen file's name, and real progress.
for (const drop of document.querySelectorAll("[data-drop]")) {
  const input = drop.querySelector("input[type=file]"), label = drop.querySelector("[data-name]"), form = drop.closest("form");
  const bar = form.querySelector("progress"), line = form.querySelector("[data-sent]");
  const shown = () => {
    const file = input.files[0];
    if (file) { label.textContent = `${file.name}（${(file.size / 1048576).toFixed(1)} MB）`; form.requestSubmit(); }
  };
  input.addEventListener("change", shown);
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (e) => { e.preventDefault(); drop.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, (e) => { e.preventDefault(); drop.classList.remove("over"); });
  drop.addEventListener("drop", (e) => { if (e.dataTransfer.files.length) { input.files = e.dataTransfer.files; shown(); } });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const send = new XMLHttpRequest();
    send.open("POST", form.action);
    send.setRequestHeader("X-Requested-With", "upload");
    bar.hidden = false; line.hidden = false;
    send.upload.onprogress = (e) => { bar.max = e.total; bar.value = e.loaded; line.textContent = e.loaded < e.total ? `已上传 ${Math.floor(e.loaded / e.total * 100)}%` : "上传完成，正在识别表头…"; };
    send.onload = () => {
      if (send.status >= 200 && send.status < 300 && send.getResponseHeader("X-Next")) location.assign(send.getResponseHeader("X-Next"));
      else { bar.hidden = true; let text = ""; try { text = JSON.parse(send.responseText).message; } catch { text = "上传没有成功，请检查网络后重试。"; } line.textContent = text; line.className = "note bad"; input.value = ""; }
    };
    send.onerror = () => { bar.hidden = true; line.textContent = "上传中断，请检查网络后重试。"; line.className = "note bad"; input.value = ""; };
    send.send(new FormData(form));
  });
}

// htmx: errors become toasts; the server already says what to do.
document.addEventListener("htmx:beforeSwap", (event) => {
  const xhr = event.detail.xhr;
  if (xhr.getResponseHeader("HX-Retarget")) { event.detail.shouldSwap = true; event.detail.isError = false; }
});
const toast = (text, tone) => {
  const box = document.createElement("div");
  box.className = `toast ${tone}`; box.setAttribute("role", "status");
  const words = document.createElement("span"); words.className = "grow"; words.textContent = text;
  const close = document.createElement("button"); close.className = "iconbtn"; close.dataset.act = "dismiss"; close.ariaLabel = "关闭"; close.textContent = "×";
  box.append(words, close); document.getElementById("toasts").append(box);
};
document.addEventListener("htmx:sendError", () => toast("网络断开了，页面会在恢复后继续更新。", "warn"));
document.addEventListener("htmx:responseError", (event) => { if (!event.detail.xhr.getResponseHeader("HX-Retarget")) toast(event.detail.xhr.status === 403 ? "登录或页面已过期，请刷新页面。" : "没有办成，请刷新页面后再试。", "bad"); });
document.addEventListener("htmx:afterSettle", () => document.dispatchEvent(new Event("charts")));

// Charts load only where there are any.
if (document.querySelector("[data-chart]")) import(document.querySelector("[data-charts-src]").dataset.chartsSrc);
