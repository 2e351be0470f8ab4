// Charts by Vega-Lite, which is unpacked when the first of them comes near the screen.
let library = null;
function loadVega() {
  library ??= inflated("vega-data").then((answer) => answer.text()).then((text) => {
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
  });
  return library;
}
const shownCharts = new Map(), wanted = new WeakMap();
const nearScreen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) show(entry.target);
}, { rootMargin: "300px" });

// `make` gives a Vega-Lite specification for the width that there is; it is asked when the chart is near.
function chart(element, make) {
  wanted.set(element, make);
  shownCharts.get(element)?.finalize();
  shownCharts.delete(element);
  nearScreen.unobserve(element);
  nearScreen.observe(element);
}
async function show(element) {
  nearScreen.unobserve(element);
  const make = wanted.get(element);
  await loadVega();
  const specification = make(Math.max(160, element.clientWidth));
  if (wanted.get(element) !== make) return;
  if (!specification) { element.replaceChildren(); return; }
  const inside = document.createElement("div");  // Vega names what it draws into; the chart keeps its own name
  element.replaceChildren(inside);
  const made = await vegaEmbed(inside, { ...specification, background: null, config: look() }, { actions: false, ast: true, renderer: "svg", defaultStyle: false, tooltip: false });
  shownCharts.set(element, made);
  element.dataset.drawn = String(Number(element.dataset.drawn || 0) + 1);
}
function showAll() { for (const element of document.querySelectorAll(".chart")) if (wanted.has(element) && !shownCharts.has(element)) show(element); }

function look() {
  const font = "system-ui, sans-serif";
  return {
    font, view: { stroke: null }, padding: 2, autosize: { type: "fit", contains: "padding" },
    axis: { labelColor: palette.soft, titleColor: palette.soft, gridColor: palette.line, domainColor: palette.line, tickColor: palette.line, labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal", labelFont: font },
    legend: { labelColor: palette.soft, labelFontSize: 11, title: null, orient: "top", symbolSize: 60, padding: 0, offset: 4 },
  };
}
function timeAxis() {
  const s = span(), hours = (s.at.end[view.to - 1] - s.at.start[view.from]) / 3600e3;
  return { type: "temporal", scale: { type: "utc" }, axis: { title: null, grid: false, tickCount: 5, labelOverlap: true, format: hours <= 36 ? "%H:%M" : hours <= 24 * 6 ? "%b %d %H:%M" : "%b %d" } };
}

// One line over time with the threshold; at most 400 points, each the largest of its spans.
function overTime(read, title, width, { threshold = null, height = 130, scale = { type: "symlog", constant: 1 }, mark = true } = {}) {
  const s = span(), step = Math.max(1, Math.ceil((view.to - view.from) / 400)), values = [];
  for (let from = view.from; from < view.to; from += step) {
    let best = null;
    for (let at = from; at < Math.min(from + step, view.to); at++) {
      const value = read(at);
      if (value !== null && Number.isFinite(value) && (best === null || Math.abs(value) > Math.abs(best))) best = value;
    }
    if (best !== null) values.push({ at: s.at.start[from], value: best });
  }
  const layer = [{ data: { values }, mark: { type: "line", color: palette.accent, strokeWidth: 1.8, point: values.length < 30 ? { size: 22, color: palette.accent } : false }, encoding: { x: { field: "at", ...timeAxis() }, y: { field: "value", type: "quantitative", scale, axis: { title, tickCount: 4, format: "~r" } } } }];
  if (threshold !== null) layer.push({ data: { values: [{ y: threshold }] }, mark: { type: "rule", color: palette.bad, strokeDash: [5, 4], strokeWidth: 1.5 }, encoding: { y: { field: "y", type: "quantitative" } } });
  if (mark) layer.push({ data: { values: [{ at: s.at.start[view.at] }] }, mark: { type: "rule", color: palette.soft, strokeWidth: 1 }, encoding: { x: { field: "at", ...timeAxis() } } });
  return { width, height, layer };
}
