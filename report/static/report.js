// The page's script: it unpacks the data, keeps what is chosen, and lets Vega draw it.
(() => {
  "use strict";
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const root = document.documentElement;
  const kept = "driftline " + location.pathname;
  const reduced = matchMedia("(max-width: 40rem)");

  // ---- unpacking: see report/packed.py ----

  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const shorts = (text) => { const b = bytes(text); return new Uint16Array(b.buffer, 0, b.length >> 1); };
  const columns = data.columns, K = columns.length, N = data.start.length;
  const cells = bytes(data.cells);
  const lines = Object.fromEntries(Object.entries(data.lines).map(([name, text]) => [name, bytes(text)]));
  const unpack = (byte, largest) => byte === 0 ? null : ((byte - 1) / 254) ** 2 * largest;
  const exact = new Map();
  data.found.window.forEach((w, i) => exact.set(w * K + data.found.column[i], i));
  const score = (w, c) => exact.has(w * K + c) ? data.found.score[exact.get(w * K + c)] : unpack(cells[w * K + c], data.largest);
  const sizes = columns.map((c) => c.reference.length), offsets = [0];
  sizes.forEach((size) => offsets.push(offsets[offsets.length - 1] + size));
  const BINS = offsets[K], own = new Map(data.own.map((w, i) => [w, i]));
  const ownCounts = shorts(data.own_counts), groupCounts = shorts(data.group_counts);
  const strongest = columns.map((_, c) => { let best = 0, at = -1; for (let w = 0; w < N; w++) { const s = score(w, c); if (s !== null && (at < 0 || s > best)) { best = s; at = w; } } return { best, at }; });

  // ---- what is chosen ----

  const whole = N ? [data.start[0], data.end[N - 1]] : [0, 1];
  const state = { from: whole[0], to: whole[1], filter: "", only: false, order: "score", column: null, window: null };
  try { Object.assign(state, JSON.parse(sessionStorage.getItem(kept) || "{}")); } catch { sessionStorage.removeItem(kept); }
  if (state.column !== null && (state.column >= K || state.window >= N)) state.column = state.window = null;
  if (state.whole && state.whole[1] === state.to) state.to = whole[1];
  const keep = () => sessionStorage.setItem(kept, JSON.stringify({ ...state, whole, y: scrollY }));

  const time = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
  const plain = (x, digits = 3) => x === null ? "–" : x === 0 ? "0" : Number(x.toPrecision(digits)).toLocaleString("en", { maximumFractionDigits: 12 });
  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const element = (tag, properties = {}, ...children) => { const e = Object.assign(document.createElement(tag), properties); e.append(...children); return e; };

  // ---- drawing ----

  const LIMITS = [0.25, 0.5, 1, 2, 4];
  const views = new Map();
  function config() {
    const ink = colour("ink"), soft = colour("soft"), line = colour("line");
    const text = { labelColor: soft, titleColor: soft, labelFont: "system-ui, sans-serif", titleFont: "system-ui, sans-serif", labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" };
    return { background: "transparent", view: { stroke: null }, axis: { ...text, gridColor: line, domainColor: line, tickColor: line }, legend: { ...text }, text: { color: ink }, font: "system-ui, sans-serif" };
  }
  async function draw(place, spec, renderer = "svg") {
    const target = typeof place === "string" ? $(place) : place;
    views.get(target)?.finalize();
    const single = spec.vconcat ? {} : { autosize: { type: "fit-x", contains: "padding" }, width: "container" };
    const result = await vegaEmbed(target, { ...single, config: config(), ...spec }, { actions: false, renderer, tooltip: { theme: "custom" } });
    views.set(target, result.view);
    return result.view;
  }
  // Times are numbers to Vega, and labels are made here: its own scale of times refuses a domain beside a second end.
  const STEPS = [60, 300, 600, 1800, 3600, 10800, 21600, 43200, 86400, 172800, 604800, 2592000, 31536000];
  function axisOf(from, to) {
    const most = reduced.matches ? 4 : 8, step = STEPS.find((one) => (to - from) / one <= most) ?? STEPS.at(-1);
    const values = []; for (let t = Math.ceil(from / step) * step; t <= to; t += step) values.push(t * 1000);
    return { title: null, values, labelExpr: `utcFormat(datum.value, '${step >= 86400 ? "%b %d" : "%H:%M"}')`, labelOverlap: "greedy", grid: false };
  }
  const spanOf = (field, from, to, extra = {}) => ({ field, type: "quantitative", scale: { domain: [from * 1000, to * 1000], zero: false, nice: false }, axis: axisOf(from, to), ...extra });
  const x = (field, extra = {}) => spanOf(field, state.from, state.to, extra);

  function shown() {
    const text = state.filter.trim().toLowerCase();
    const found = columns.map((_, c) => c).filter((c) => columns[c].name.toLowerCase().includes(text) && (!state.only || strongest[c].best > 1));
    if (state.order === "score") found.sort((a, b) => strongest[b].best - strongest[a].best || a - b);
    if (state.order === "name") found.sort((a, b) => columns[a].name.localeCompare(columns[b].name));
    return found;
  }
  // Stretches of time: a window each while they fit, else so many windows that 250 stretches are left.
  function stretches() {
    const inside = []; for (let w = 0; w < N; w++) if (data.end[w] > state.from && data.start[w] < state.to) inside.push(w);
    const step = Math.max(1, Math.ceil(inside.length / (reduced.matches ? 90 : 250)));
    const found = []; for (let i = 0; i < inside.length; i += step) found.push([inside[i], inside[Math.min(i + step, inside.length) - 1]]);
    return found;
  }
  function best(c, [first, last]) { let s = null, at = first; for (let w = first; w <= last; w++) { const v = score(w, c); if (v !== null && (s === null || v > s)) { s = v; at = w; } } return [s, at]; }
  const shorten = (name) => { const most = reduced.matches ? 12 : 26; return name.length > most ? name.slice(0, most - 1) + "…" : name; };

  let grid = { rows: [], parts: [] };
  async function drawMap() {
    if (!N) return;
    const rows = shown(), parts = stretches();
    grid = { rows, parts };
    const values = [];
    for (const c of rows) for (const part of parts) {
      const [s, at] = best(c, part);
      if (s !== null) values.push({ c, w: at, feature: columns[c].name, row: columns[c].name, t0: data.start[part[0]] * 1000, t1: data.end[part[1]] * 1000, s, score: plain(s), time: time(data.start[at]) + " UTC", drift: s > 1 ? 1 : 0 });
    }
    const overall = parts.map(([first, last]) => { let s = 0, n = 0; for (let w = first; w <= last; w++) { s = Math.max(s, data.score[w]); n += data.n[w]; } return { t0: data.start[first] * 1000, t1: data.end[last] * 1000, s, n, at: time(data.start[first]) + " UTC", score: plain(s) }; });
    const bands = data.incidents.map((one) => ({ t0: Math.max(Date.parse(one.opened_at), state.from * 1000), t1: Math.min(one.recovered_at ? Date.parse(one.recovered_at) : state.to * 1000, state.to * 1000), id: one.incident_id, incident: one.cause, state: one.state, opened: one.opened_at.slice(0, 16).replace("T", " ") + " UTC" })).filter((b) => b.t1 > b.t0);
    const height = Math.max(1, rows.length) * (rows.length > 40 ? 12 : 20);
    const gutter = reduced.matches ? 92 : 190;
    const label = { minExtent: gutter, maxExtent: gutter };
    const selected = values.filter((v) => v.c === state.column && v.w === state.window);
    const layers = [
      { name: "cells", data: { name: "cells", values }, mark: { type: "rect", cursor: "pointer", tooltip: true }, encoding: { x: x("t0", { axis: null }), x2: { field: "t1" }, color: { field: "s", type: "quantitative", scale: { type: "threshold", domain: LIMITS, range: [0, 1, 2, 3, 4, 5].map((i) => colour("c" + i)) }, legend: null }, tooltip: [{ field: "feature", title: "feature" }, { field: "score", title: "evidence / threshold" }, { field: "time", title: "window" }] } },
      { data: { values: values.filter((v) => v.drift) }, mark: { type: "point", filled: true, size: rows.length > 40 ? 5 : 12, color: colour("dot"), opacity: 1, tooltip: null, interactive: false }, encoding: { x: x("mid", { axis: null }) }, transform: [{ calculate: "(datum.t0 + datum.t1) / 2", as: "mid" }] },
      { data: { values: selected }, mark: { type: "rect", filled: false, stroke: colour("ink"), strokeWidth: 2, interactive: false }, encoding: { x: x("t0", { axis: null }), x2: { field: "t1" } } },
    ].map((layer) => ({ ...layer, encoding: { ...layer.encoding, y: { field: "row", type: "nominal", sort: rows.map((c) => columns[c].name), axis: { ...label, title: null, ticks: false, domain: false, labelLimit: gutter - 10, labelOverlap: false, labelFontSize: rows.length > 40 ? 10 : 12 } } } }));
    const spec = {
      spacing: 4, resolve: { scale: { x: "independent", color: "independent" } },
      vconcat: [
        ...(bands.length ? [{ width: "container", height: 14, data: { values: bands }, name: "bands", mark: { type: "rect", color: colour("drift"), cornerRadius: 3, cursor: "pointer", tooltip: true }, encoding: { x: x("t0", { axis: null }), x2: { field: "t1" }, y: { datum: "incidents", type: "nominal", axis: { ...label, title: null, ticks: false, domain: false } }, tooltip: [{ field: "incident" }, { field: "state" }, { field: "opened" }] } }] : []),
        { width: "container", height, layer: layers },
        { width: "container", height: 64, data: { values: overall }, layer: [
          { params: [{ name: "drag", select: { type: "interval", encodings: ["x"], mark: { fill: colour("soft"), fillOpacity: 0.25 } } }], mark: { type: "rect", color: colour("c1"), tooltip: true }, encoding: { x: x("t0"), x2: { field: "t1" }, y: { field: "n", type: "quantitative", axis: { ...label, title: "rows", tickCount: 2, grid: false, format: "~s" } }, y2: { datum: 0 }, tooltip: [{ field: "at", title: "from" }, { field: "n", title: "rows" }, { field: "score", title: "drift score" }] } } ] },
      ],
    };
    const width = $("map").clientWidth - gutter - 14;
    spec.vconcat.forEach((part) => { part.width = Math.max(width, 120); });
    const view = await draw("map", spec, "canvas");
    view.addEventListener("click", (_, item) => {
      const datum = item?.datum;
      if (datum?.c !== undefined) choose(datum.c, datum.w, true);
      else if (datum?.id) find(datum.id);
    });
    view.addSignalListener("drag", (_, chosen) => {
      const ends = chosen?.t0;
      if (ends && ends[1] - ends[0] > 2000 * (data.end[0] - data.start[0])) { clearTimeout(waiting); waiting = setTimeout(() => { Object.assign(state, { from: ends[0] / 1000, to: ends[1] / 1000 }); keep(); redraw(); }, 350); }
    });
    $("only").checked = state.only; $("filter").value = state.filter; $("order").value = state.order;
    for (const row of document.querySelectorAll("tr[data-feature]")) row.hidden = !row.dataset.feature.toLowerCase().includes(state.filter.trim().toLowerCase()) || (state.only && !row.classList.contains("drifted"));
    if (!rows.length) say("No feature is shown; change the filter.");
    window.driftline = { state, grid, names: columns.map((c) => c.name), cells: values.length, ready: performance.now() };
  }
  const say = (text) => { $("said").textContent = text; };
  function find(id) {
    const card = $("incident-" + id);
    if (!card) return;
    document.querySelectorAll(".card.found").forEach((one) => one.classList.remove("found"));
    card.classList.add("found"); card.scrollIntoView({ block: "center" }); card.querySelector("button").focus({ preventScroll: true });
  }

  // ---- the detail of a feature in a window ----

  const labels = { missing_share: "missing", unseen_share: "unseen", out_of_range_share: "out of range" };
  function histogram(c, w) {
    const column = columns[c], at = own.get(w);
    let counts = ownCounts, row = at, of = "this window";
    if (at === undefined) {
      row = data.groups.findIndex((first, g) => w >= first && w < (data.groups[g + 1] ?? Infinity));
      counts = groupCounts; of = `the ${data.groups[row + 1] - data.groups[row]} windows around it`;
    }
    const total = column.reference.reduce((a, b) => a + b, 0);
    const now = Array.from({ length: sizes[c] }, (_, i) => counts[row * BINS + offsets[c] + i] / 65535);
    return { now, then: column.reference.map((n) => n / total), of };
  }
  async function choose(c, w, moves = false, redraws = true) {
    state.column = c; state.window = w;
    const column = columns[c], s = score(w, c), i = exact.get(w * K + c);
    $("detail-title").textContent = column.name;
    const body = $("detail-body"), told = data.why[`${w}.${c}`];
    const found = i === undefined ? null : { signal: data.signals[data.found.signal[i]], since: data.found.since[i], shift: data.found.shift[i] };
    const { now, then, of } = histogram(c, w);
    const known = now.some((share) => share > 0);
    const sentence = told || (found ? `Signal ${found.signal}: evidence ${plain(s)} times its threshold.${found.shift ? ` The mean lies ${plain(found.shift)} σ from training's.` : ""}${found.since ? ` Charts have seen it grow since ${time(found.since)} UTC.` : ""}` : `As in training: its evidence is ${s === null ? "not known" : plain(s) + " of its threshold"}.`);
    body.replaceChildren(
      element("p", { className: "note", textContent: `Window from ${time(data.start[w])} to ${time(data.end[w]).slice(11)} UTC, ${data.n[w].toLocaleString("en")} rows` }),
      element("p", { className: "why", textContent: sentence }),
      element("div", { className: "charts" },
        element("figure", {}, element("figcaption", { textContent: known ? `Training and ${of}` : "Training (this verdict has no counts)" }), element("div", { id: "histogram" })),
        element("figure", {}, element("figcaption", { textContent: "Evidence over time, as a multiple of its threshold" }), element("div", { id: "line" })),
        ...(Object.keys(lines).length ? [element("figure", {}, element("figcaption", { textContent: "Missing, unseen and out-of-range rows, in percent" }), element("div", { id: "shares" }))] : []),
      ),
    );
    say(`${column.name}, ${time(data.start[w])} UTC: ${s === null ? "not judged" : plain(s) + " times the threshold"}${s > 1 ? ", drifted" : ""}.`);
    keep();
    const both = (share) => [["training", then], ...(known ? [["now", now]] : [])].flatMap(([which, values]) => share(values, which));
    const hue = { field: "which", type: "nominal", scale: { domain: ["training", "now"], range: [colour("train"), colour("now")] }, legend: { title: null, orient: "top" } };
    const special = column.specials.map((name, k) => [name, column.numeric ? column.edges.length - 1 + k : column.categories.length + k]).filter(([, at]) => then[at] + now[at] > 0);
    const bars = (values, which) => special.map(([name, at]) => ({ name: name.replace("_", " "), which, percent: 100 * values[at] }));
    let main;
    if (column.numeric) {
      const steps = both((values, which) => column.edges.slice(0, -1).map((edge, k) => ({ which, x0: edge, x1: column.edges[k + 1], density: values[k] / (column.edges[k + 1] - edge || 1), percent: plain(100 * values[k]) })));
      main = { data: { values: steps }, height: 190, mark: { type: "rect", opacity: 0.5, tooltip: true }, encoding: { x: { field: "x0", type: "quantitative", scale: { zero: false, nice: false }, axis: { title: column.name, tickCount: 6 } }, x2: { field: "x1" }, y: { field: "density", type: "quantitative", stack: null, axis: { title: "density", labels: false, ticks: false, grid: false } }, y2: { datum: 0 }, color: hue, tooltip: [{ field: "which" }, { field: "x0", title: "from", format: ",.4~g" }, { field: "x1", title: "to", format: ",.4~g" }, { field: "percent", title: "percent of rows" }] } };
    } else {
      const rows = both((values, which) => column.categories.map((name, k) => ({ name, which, percent: 100 * values[k] })).filter((row, k) => then[k] + now[k] > 0));
      main = { data: { values: rows }, height: { step: 12 }, mark: { type: "bar", tooltip: true }, encoding: { y: { field: "name", type: "nominal", sort: column.categories, axis: { title: null } }, yOffset: { field: "which", sort: ["training", "now"] }, x: { field: "percent", type: "quantitative", axis: { title: "percent of rows", tickCount: 5 } }, color: hue } };
    }
    const parts = [main, ...(special.length ? [{ data: { values: both(bars) }, height: { step: 12 }, mark: { type: "bar", tooltip: true }, encoding: { y: { field: "name", type: "nominal", axis: { title: null } }, yOffset: { field: "which", sort: ["training", "now"] }, x: { field: "percent", type: "quantitative", axis: { title: "percent of rows", tickCount: 4 } }, color: hue } }] : [])];
    const room = Math.max($("histogram").clientWidth - 110, 140);
    await draw("histogram", { vconcat: parts.map((part) => ({ ...part, width: room })), spacing: 14 });
    const series = []; for (let k = 0; k < N; k++) { const v = score(k, c); if (v !== null) series.push({ t: data.start[k] * 1000, v }); }
    const here = { data: { values: [{ t: data.start[w] * 1000 }] }, mark: { type: "rule", color: colour("ink"), strokeDash: [3, 3] }, encoding: { x: x("t") } };
    await draw("line", { height: 190, layer: [
      { data: { values: series }, mark: { type: "line", interpolate: "step-after", color: colour("now"), strokeWidth: 1.5 }, encoding: { x: x("t"), y: { field: "v", type: "quantitative", axis: { title: null, tickCount: 5 } } } },
      { data: { values: [{ v: 1 }] }, mark: { type: "rule", color: colour("soft") }, encoding: { y: { field: "v", type: "quantitative" } } },
      { data: { values: [{ v: 1 }] }, mark: { type: "text", text: "threshold", align: "right", dy: -7, color: colour("soft"), fontSize: 11 }, encoding: { x: { value: "width" }, y: { field: "v", type: "quantitative" } } }, here] });
    if ($("shares")) {
      const values = Object.entries(lines).flatMap(([name, packed]) => Array.from({ length: N }, (_, k) => ({ t: data.start[k] * 1000, which: labels[name], percent: 100 * (unpack(packed[k * K + c], 1) ?? 0) })));
      await draw("shares", { height: 150, layer: [{ data: { values }, mark: { type: "line", interpolate: "step-after", strokeWidth: 1.5 }, encoding: { x: x("t"), y: { field: "percent", type: "quantitative", axis: { title: null, tickCount: 4 } }, color: { field: "which", type: "nominal", scale: { domain: ["missing", "unseen", "out of range"], range: [colour("now"), colour("link"), colour("train")] }, legend: { title: null, orient: "top" } } } }, here] });
    }
    if (redraws) await drawMap();
    if (moves) { $("detail").scrollIntoView({ block: "start" }); $("detail").focus({ preventScroll: true }); }
  }

  // ---- labels and attributions ----

  async function drawQuality() {
    if ($("errors")) {
      const told = data.quality, t = (row) => Date.parse(row.start);
      const span = [Math.min(...told.map(t)), Math.max(...told.map((row) => Date.parse(row.end)))];
      const over = spanOf("t", span[0] / 1000, span[1] / 1000);
      const chart = (place, names, extra = []) => {
        const values = told.flatMap((row) => Object.entries(names).filter(([name]) => row[name] !== null && row[name] !== undefined).map(([name, title]) => ({ t: t(row), which: title, v: row[name] * (place === "coverage" ? 100 : 1) })));
        const titles = Object.values(names);
        return draw(place, { height: 190, layer: [{ data: { values }, mark: { type: "line", point: { filled: true, size: 36 }, strokeWidth: 2, tooltip: true }, encoding: { x: over, y: { field: "v", type: "quantitative", axis: { title: place === "coverage" ? "percent" : null, tickCount: 5, format: "~s" } }, color: { field: "which", type: "nominal", scale: { domain: titles, range: ["now", "link", "train"].map(colour) }, legend: { title: null, orient: "top" } } } }, ...extra] });
      };
      await chart("errors", { mae: "real", estimated_mae: "estimated", training_mae: "in training" });
      await chart("coverage", { interval_coverage: "in their interval", label_share: "with a label" });
    }
    if ($("attribution")) {
      const values = data.attribution.flatMap((one) => [["training", one.training_importance], ["now", one.importance]].map(([which, v]) => ({ feature: one.feature, which, v })));
      await draw("attribution", { height: 30 * data.attribution.length + 20, data: { values }, mark: { type: "bar", tooltip: true }, encoding: { y: { field: "feature", type: "nominal", sort: data.attribution.map((one) => one.feature), axis: { title: null, labelLimit: reduced.matches ? 110 : 220 } }, yOffset: { field: "which", sort: ["training", "now"] }, x: { field: "v", type: "quantitative", axis: { title: "mean effect", tickCount: 5, format: "~s" } }, color: { field: "which", type: "nominal", scale: { domain: ["training", "now"], range: [colour("train"), colour("now")] }, legend: { title: null, orient: "top" } } } });
    }
  }

  // ---- controls ----

  function legend() {
    const names = ["below ¼", "¼ – ½", "½ – 1", "1 – 2: drifted", "2 – 4", "above 4"];
    $("legend").replaceChildren(...names.map((name, i) => { const swatch = element("i", { className: i > 2 ? "dot" : "" }); swatch.style.background = colour("c" + i); return element("li", {}, swatch, name); }));
  }
  function zoom(factor, move = 0) {
    const span = state.to - state.from, length = Math.min(Math.max(span * factor, 4 * (data.end[0] - data.start[0])), whole[1] - whole[0]);
    const middle = state.window !== null && factor < 1 ? Math.min(Math.max(data.start[state.window], state.from), state.to) : (state.from + state.to) / 2;
    let from = middle - length / 2 + move * span;
    from = Math.min(Math.max(from, whole[0]), whole[1] - length);
    Object.assign(state, { from, to: from + length }); keep(); redraw();
  }
  let waiting;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(drawMap, 120); };
  const redraw = async () => { await drawMap(); if (state.column !== null) await choose(state.column, state.window, false, false); };
  function step(dx, dy) {
    const { rows, parts } = grid;
    if (!rows.length || !parts.length) return;
    let r = rows.indexOf(state.column), p = parts.findIndex(([first, last]) => state.window !== null && state.window >= first && state.window <= last);
    if (r < 0 || p < 0) { r = 0; p = parts.length - 1; } else { r = Math.min(Math.max(r + dy, 0), rows.length - 1); p = Math.min(Math.max(p + dx, 0), parts.length - 1); }
    choose(rows[r], best(rows[r], parts[p])[1]);
  }
  function theme(name) { root.dataset.theme = name; $("theme").textContent = name === "dark" ? "Light" : "Dark"; $("theme").setAttribute("aria-pressed", String(name === "dark")); }

  const dark = matchMedia("(prefers-color-scheme: dark)");
  theme(state.theme ?? (dark.matches ? "dark" : "light"));
  $("theme").addEventListener("click", async () => { state.theme = root.dataset.theme === "dark" ? "light" : "dark"; theme(state.theme); keep(); if (N) { legend(); await redraw(); } await drawQuality(); });
  if (N) {
    legend();
    $("filter").addEventListener("input", () => { state.filter = $("filter").value; keep(); soon(); });
    $("only").addEventListener("change", () => { state.only = $("only").checked; keep(); drawMap(); });
    $("order").addEventListener("change", () => { state.order = $("order").value; keep(); drawMap(); });
    $("in").addEventListener("click", () => zoom(0.4)); $("out").addEventListener("click", () => zoom(2.5));
    $("earlier").addEventListener("click", () => zoom(1, -0.5)); $("later").addEventListener("click", () => zoom(1, 0.5));
    $("all").addEventListener("click", () => { [state.from, state.to] = whole; keep(); redraw(); });
    $("map").addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (move) { event.preventDefault(); step(...move); }
      if (event.key === "Enter" && state.column !== null) choose(state.column, state.window, true);
      if (event.key === "+") zoom(0.4); if (event.key === "-") zoom(2.5);
    });
    for (const button of document.querySelectorAll("button[data-column]")) button.addEventListener("click", () => choose(+button.dataset.column, +button.dataset.window, true));
    for (const button of document.querySelectorAll("button[data-from]")) button.addEventListener("click", () => {
      const margin = 0.15 * (button.dataset.to - button.dataset.from) + 600;
      Object.assign(state, { from: Math.max(+button.dataset.from - margin, whole[0]), to: Math.min(+button.dataset.to + margin, whole[1]) }); keep(); redraw(); $("timeline").scrollIntoView();
    });
    let size = innerWidth;
    addEventListener("resize", () => { if (innerWidth !== size) { size = innerWidth; clearTimeout(waiting); waiting = setTimeout(() => { redraw(); drawQuality(); }, 200); } });
  }
  (async () => {
    if (N) {
      if (state.column === null) { const c = shown()[0] ?? 0; state.column = c; state.window = Math.max(strongest[c].at, 0); }
      await drawMap();
      await choose(state.column, state.window, false, false);
    }
    await drawQuality();
    if (state.y) scrollTo({ top: state.y, behavior: "instant" });
    root.dataset.drawn = "yes";
  })();

  // ---- a page that is served asks whether there is a newer one ----

  if (root.dataset.refresh) setInterval(async () => {
    try {
      const answer = await fetch("changed?since=" + root.dataset.madeAt);
      if (answer.status === 200) { keep(); location.reload(); }
    } catch { say("The page is no longer served; what is shown stays."); }
  }, 1000 * root.dataset.refresh);
  addEventListener("pagehide", () => { if (N) keep(); });
})();
