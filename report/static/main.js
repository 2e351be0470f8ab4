// Begin: read the numbers, restore what was looked at, listen.
const MEMORY = `driftline:${facts.model}`;

// What is looked at outlives a reload; the hash can be sent to a colleague.
function keep() {
  if (!span().length) return;
  const at = span().at.start[view.at];
  const { span: name, filter, only, sort, compare } = view;
  const range = view.from === 0 && view.to === span().length ? null : [span().at.start[view.from], span().at.end[view.to - 1]];
  try { sessionStorage.setItem(MEMORY, JSON.stringify({ name, filter, only, sort, compare, range })); } catch { /* a file may have no storage */ }
  history.replaceState(null, "", `#feature=${encodeURIComponent(facts.columns[view.column].name)}&at=${at}&by=${name}`);
}
function restore() {
  let kept = {};
  try { kept = JSON.parse(sessionStorage.getItem(MEMORY)) ?? {}; } catch { /* as above */ }
  const hash = new URLSearchParams(location.hash.slice(1));
  const named = hash.get("by") ?? kept.name;
  if (facts.spans[named]?.length) view.span = named;
  Object.assign(view, { filter: kept.filter ?? "", only: kept.only ?? false, sort: kept.sort ?? "strongest", compare: kept.compare ?? "one" });
  const s = span();
  view.from = 0;
  view.to = s.length;
  if (kept.range) {
    const inside = [...s.at.start].map((start, at) => (start >= kept.range[0] && s.at.end[at] <= kept.range[1] ? at : -1)).filter((at) => at >= 0);
    if (inside.length) [view.from, view.to] = [inside[0], inside.at(-1) + 1];
  }
  const column = facts.columns.findIndex((one) => one.name === hash.get("feature"));
  const at = s.at.start.indexOf(Number(hash.get("at")));
  if (column >= 0) { view.column = column; view.at = at >= 0 ? at : strongest(column).at; } else strongestOfAll();
  byId("filter").value = view.filter;
  byId("only").checked = view.only;
  byId("sort").value = view.sort;
}
function strongestOfAll() {
  let best = -1;
  facts.columns.forEach((_, column) => {
    const found = strongest(column);
    if (found.score !== null && found.score > best) { best = found.score; view.column = column; view.at = found.at; }
  });
}

function showSpans() {
  const words = { windows: "Windows", hours: "Hours", days: "Days" };
  byId("spans").replaceChildren(...Object.keys(words).filter((name) => facts.spans[name].length).map((name) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words[name];
    button.setAttribute("aria-pressed", String(name === view.span));
    button.onclick = () => {
      const ms = span().at.start[view.at];
      view.span = name;
      view.from = 0;
      view.to = span().length;
      view.at = Math.max(0, span().at.end.findIndex((end) => end > ms));
      showSpans();
      refreshAll();
    };
    return button;
  }));
}
function otherCharts() {
  for (const element of document.querySelectorAll("[data-shift]")) {
    const column = Number(element.dataset.shift);
    chart(element, (width) => overTime((at) => cell(span(), "mean_shift_sigma", column, at), "σ", width, { scale: { type: "linear", zero: true }, mark: false }));
  }
  const relations = byId("relations-chart");
  if (relations) {
    byId("relations-span").textContent = spanWord();
    chart(relations, (width) => overTime((at) => span().at.relations[at], "score", width, { threshold: 1, mark: false }));
  }
}
function refreshAll() {
  arrange();
  draw();
  detail();
  otherCharts();
  keep();
}

function theme() {
  const button = byId("theme"), dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const say = () => { button.textContent = dark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Show in ${dark() ? "light" : "dark"} colours`); };
  const repaint = () => { say(); readPalette(); if (span().length) { draw(); detail(); otherCharts(); } };
  try { const kept = localStorage.getItem("driftline:theme"); if (kept) document.documentElement.dataset.theme = kept; } catch { /* as above */ }
  button.onclick = () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("driftline:theme", document.documentElement.dataset.theme); } catch { /* as above */ }
    repaint();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  say();
}

function listen() {
  listenToMap();
  byId("filter").oninput = (event) => { view.filter = event.target.value; arrange(); draw(); keep(); };
  byId("only").onchange = (event) => { view.only = event.target.checked; arrange(); draw(); keep(); };
  byId("sort").onchange = (event) => { view.sort = event.target.value; arrange(); draw(); keep(); };
  byId("in").onclick = () => zoomBy(0.5);
  byId("out").onclick = () => zoomBy(2);
  byId("all").onclick = () => zoom(0, span().length);
  byId("before").onclick = () => choose(view.column, view.at - 1, false);
  byId("after").onclick = () => choose(view.column, view.at + 1, false);
  byId("sum").onchange = (event) => { view.compare = event.target.value; drawHistogram(); keep(); };
  byId("pick").replaceChildren(...facts.columns.map((column, i) => new Option(column.name, String(i))));
  byId("pick").onchange = (event) => choose(Number(event.target.value), view.at, false);
  for (const button of document.querySelectorAll("[data-column]")) button.onclick = () => choose(Number(button.dataset.column), strongest(Number(button.dataset.column)).at, true);
  for (const button of document.querySelectorAll("[data-incident]")) button.onclick = () => {
    const one = facts.incidents[Number(button.dataset.incident)], [from, to] = incidentTimes(one), { start, end } = span().at;
    const first = end.findIndex((time) => time > from), after = start.findIndex((time) => time >= to);
    const last = after < 0 ? span().length : after;
    if (first < 0) return;
    const around = Math.max(2, Math.round((last - first) / 2));
    zoom(first - around, last + around);
    const column = facts.columns.findIndex((one_) => one_.name === (one.features || [])[0]);
    if (column >= 0) choose(column, strongest(column, first, Math.max(first + 1, last)).at, false);
    byId("timeline").scrollIntoView({ block: "start" });
  };
  let pause = 0;
  new ResizeObserver(() => { clearTimeout(pause); pause = setTimeout(() => { draw(); detail(); otherCharts(); }, 120); }).observe(byId("timeline"));
  addEventListener("beforeprint", showAll);
}

// A served report asks whether there is a newer one; where the page was scrolled to is kept.
function refresh(seconds) {
  const place = `${MEMORY}:scroll`;
  const kept = sessionStorage.getItem(place);
  if (kept !== null) { sessionStorage.removeItem(place); requestAnimationFrame(() => scrollTo({ top: Number(kept), behavior: "instant" })); }
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(`/changed?since=${facts.madeAt}`, { cache: "no-store" }).catch(() => null);  // the server ended: the page stays as it is
    if (answer?.status !== 200) return;
    sessionStorage.setItem(place, String(scrollY));
    location.reload();
  }, seconds * 1000);
}

async function begin() {
  document.documentElement.classList.add("scripted");
  theme();
  readPalette();
  if (byId("map")) {
    await readNumbers();
    restore();
    showSpans();
    listen();
    refreshAll();
  }
  if (document.body.dataset.refresh) refresh(Number(document.body.dataset.refresh));
  performance.mark("interactive");
  document.documentElement.dataset.ready = "true";
}
begin();
