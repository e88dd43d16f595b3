// Draws Vega-Lite specifications with the offline bundle, under a CSP without unsafe-eval (AST interpreter), in the page's own colours.
const here = document.querySelector("[data-charts-src]").dataset;
await import(here.vegaSrc);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const config = () => ({
  background: null, font: getComputedStyle(document.body).fontFamily, padding: { left: 2, right: 10, top: 6, bottom: 2 },
  view: { stroke: null },
  axis: { labelColor: css("--ink-3"), titleColor: css("--ink-2"), gridColor: css("--rule"), domainColor: css("--rule-2"), tickColor: css("--rule-2"), labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", tickSize: 4, labelPadding: 5 },
  legend: { labelColor: css("--ink-2"), titleColor: css("--ink-2"), labelFontSize: 12 },
  line: { stroke: css("--cinnabar"), strokeWidth: 2.2, strokeJoin: "round" }, area: { fill: css("--cinnabar"), opacity: .1 }, bar: { fill: css("--cinnabar"), opacity: .85 },
  point: { fill: css("--cinnabar"), stroke: css("--sheet") }, rule: { stroke: css("--indigo") }, text: { fill: css("--ink-2"), fontSize: 12 },
  range: { category: [css("--cinnabar"), css("--indigo"), css("--jade"), css("--ochre"), css("--ink-3")] },
});
// What a mark means ("style" in the drawing) → its colours of this theme; set on the mark itself, because a mark's own default wins over config.style.
const paint = () => ({ previous: { stroke: css("--ink-3") }, policy: { stroke: css("--indigo") }, policyText: { fill: css("--indigo") }, hover: { fill: css("--cinnabar") }, lone: { fill: css("--cinnabar"), stroke: css("--cinnabar") } });
const painted = (spec, colours) => {
  for (const layer of spec.layer || []) if (layer.mark && layer.mark.style) Object.assign(layer.mark, colours[layer.mark.style]);
  return spec;
};
// Numbers come ready in Chinese notation with each row ("text" columns); axes count in 万.
const draw = (box) => {
  const { spec, data } = JSON.parse(document.getElementById(box.dataset.chart).textContent);
  const wide = box.clientWidth >= 620;
  spec.datasets = data;
  painted(spec, paint());
  spec.description = box.dataset.label ||= box.getAttribute("aria-label"); // the library would call every drawing "Vega visualization"
  if (!wide) spec.height = Math.min(spec.height || 240, 220);
  window.vegaEmbed(box, spec, { ast: true, actions: false, renderer: "svg", defaultStyle: false, config: config(), tooltip: { disableDefaultStyle: true },
    timeFormatLocale: { dateTime: "%x %X", date: "%Y/%-m/%-d", time: "%H:%M", periods: ["上午", "下午"], days: ["周日", "周一", "周二", "周三", "周四", "周五", "周六"], shortDays: ["日", "一", "二", "三", "四", "五", "六"], months: ["1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"], shortMonths: ["1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"] } })
    .then(() => { box.dataset.drawn = "1"; })
    .catch(() => { box.textContent = "图画不出来，请看下方的表。"; box.dataset.drawn = "0"; });
};
const all = (fresh) => document.querySelectorAll("[data-chart]").forEach((box) => { if (fresh || !box.dataset.drawn) draw(box); });
all(true);
document.addEventListener("theme", () => all(true));
document.addEventListener("charts", () => all(false));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => all(true));
