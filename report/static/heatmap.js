// The map: features × spans in a canvas, aggregated by maximum, with bands of incidents and a strip of rows.
const ROW = 20, MOST_COLUMNS = 250, LEAST_WIDTH = 3;
const view = { span: "windows", from: 0, to: 0, filter: "", only: false, sort: "strongest", column: 0, at: 0, compare: "one" };
const byId = (id) => document.getElementById(id);
const canvases = { bands: byId("bands"), cells: byId("cells"), strip: byId("strip") };
const span = () => facts.spans[view.span];
let order = [], bins = [], dragged = null, hovered = null;

function colour(name, of = document.body) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  of.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
let palette = {};
function readPalette() {
  const parts = (name) => colour(name).match(/[\d.]+/g).slice(0, 3).map(Number);
  const mix = (a, b, t) => `rgb(${a.map((v, i) => Math.round(v + (b[i] - v) * t)).join(" ")})`;
  const [ql, qh, l, m, h] = ["quiet-low", "quiet-high", "loud-low", "loud-mid", "loud-high"].map(parts);
  palette = Object.fromEntries(["ink", "soft", "line", "accent", "bad", "mark", "train", "gap", "card", "warn"].map((name) => [name, colour(name)]));
  palette.quiet = Array.from({ length: 33 }, (_, i) => mix(ql, qh, i / 32));
  palette.loud = Array.from({ length: 33 }, (_, i) => (i < 16 ? mix(l, m, i / 16) : mix(m, h, (i - 16) / 16)));
}
// 1 is a visible break: below it blue, above it from orange on a logarithmic scale to 10.
const shade = (score) => (score <= 1 ? palette.quiet[Math.round(32 * score)] : palette.loud[Math.min(32, Math.round(32 * Math.log10(score)))]);

function strongest(column, from = view.from, to = view.to) {
  const raw = span().by.score, base = column * span().length;
  let best = -1, where = from;
  for (let at = from; at < to; at++) {
    const value = raw[base + at];
    if (value !== NONE_16 && value > best) { best = value; where = at; }
  }
  return { score: best < 0 ? null : best / 100, at: where };
}

function arrange() {
  const wanted = view.filter.trim().toLowerCase();
  const peak = facts.columns.map((_, column) => strongest(column).score ?? -1);
  order = facts.columns.map((_, column) => column).filter((column) =>
    facts.columns[column].name.toLowerCase().includes(wanted) && (!view.only || peak[column] > 1));
  if (view.sort === "strongest") order.sort((a, b) => peak[b] - peak[a]);
  if (view.sort === "name") order.sort((a, b) => facts.columns[a].name.localeCompare(facts.columns[b].name));
  const rows = order.map((column) => {
    const name = document.createElement("div");
    name.textContent = name.title = facts.columns[column].name;
    name.classList.toggle("drifting", peak[column] > 1);
    name.classList.toggle("chosen", column === view.column);
    name.onclick = () => choose(column, strongest(column).at, true);
    return name;
  });
  byId("names").replaceChildren(...rows);
  for (const row of document.querySelectorAll("#features tr[data-feature]")) row.hidden = !order.includes(Number(row.dataset.feature));
}

function sized(canvas, height) {
  const width = canvas.clientWidth || canvas.parentElement.clientWidth, ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  return [pen, width];
}

function group(width) {
  const spans = view.to - view.from;
  const count = Math.max(1, Math.min(MOST_COLUMNS, spans, Math.floor(width / LEAST_WIDTH)));
  bins = Array.from({ length: count }, (_, i) => [view.from + Math.floor((i * spans) / count), view.from + Math.floor(((i + 1) * spans) / count)]);
}

function draw() {
  if (!span().length) return;
  drawCells();
  drawBands();
  drawStrip();
  const s = span(), count = view.to - view.from;
  const several = Math.ceil(count / bins.length);
  byId("shown").textContent = `${between(s.at.start[view.from], s.at.end[view.to - 1])} · ${count.toLocaleString("en-US")} ${spanWord()}${count === 1 ? "" : "s"}${several > 1 ? `, up to ${several} in a column, the strongest shown` : ""}`;
  byId("all").disabled = byId("out").disabled = count === s.length;
  byId("in").disabled = count < 4;
}

function drawCells() {
  const [pen, width] = sized(canvases.cells, Math.max(ROW, order.length * ROW));
  group(width);
  const wide = width / bins.length, gap = wide > 6 ? 1 : 0;
  order.forEach((column, row) => {
    bins.forEach(([from, to], bin) => {
      const { score } = strongest(column, from, to);
      const left = bin * wide, top = row * ROW + 1;
      if (score === null) {
        pen.strokeStyle = palette.line;
        pen.beginPath();
        pen.moveTo(left + 1, top + ROW - 4); pen.lineTo(left + wide - 1, top + 2);
        pen.stroke();
        return;
      }
      pen.fillStyle = shade(score);
      pen.fillRect(left, top, wide - gap + (gap ? 0 : 0.4), ROW - 2);
      if (score > 1) {  // not by colour alone
        pen.fillStyle = score > 3 ? palette.card : palette.mark;
        if (wide > 4) { pen.beginPath(); pen.arc(left + (wide - gap) / 2, top + ROW / 2 - 1, Math.min(2.2, wide / 4), 0, 7); pen.fill(); }
        else { pen.globalAlpha = 0.7; pen.fillRect(left, top + ROW / 2 - 1.5, wide, 1.5); pen.globalAlpha = 1; }
      }
    });
  });
  if (!order.length) {
    pen.fillStyle = palette.soft;
    pen.font = "13px system-ui, sans-serif";
    pen.fillText("No feature matches.", 8, 14);
  }
  const row = order.indexOf(view.column), bin = binOf(view.at);
  if (row >= 0 && bin >= 0) {
    for (const [ink, line] of [[palette.card, 5], [palette.ink, 2]]) {
      pen.strokeStyle = ink;
      pen.lineWidth = line;
      pen.strokeRect(bin * wide - 0.5, row * ROW + 1, Math.max(wide - gap, 5) + 1, ROW - 2);
    }
  }
}

const binOf = (at) => bins.findIndex(([from, to]) => at >= from && at < to);
// Where a time lies in the plot, as a share of its width.
function place(ms) {
  const { start, end } = span().at;
  for (let i = 0; i < bins.length; i++) {
    const from = start[bins[i][0]], to = end[bins[i][1] - 1];
    if (ms < from) return i / bins.length;
    if (ms < to) return (i + (ms - from) / (to - from)) / bins.length;
  }
  return 1;
}
const incidentTimes = (one) => [Date.parse(one.since || one.opened_at), one.recovered_at ? Date.parse(one.recovered_at) : facts.until];

function drawBands() {
  const [pen, width] = sized(canvases.bands, 14);
  pen.fillStyle = palette.line;
  pen.fillRect(0, 11, width, 1);
  facts.incidents.forEach((one) => {
    const [from, to] = incidentTimes(one).map(place);
    if (to <= 0 || from >= 1) return;
    pen.fillStyle = one.state === "open" ? palette.bad : palette.warn;
    pen.beginPath();
    pen.roundRect(from * width, 3, Math.max(4, (to - from) * width), 8, 3);
    pen.fill();
  });
}

function drawStrip() {
  const [pen, width] = sized(canvases.strip, 76), s = span(), wide = width / bins.length;
  const peaks = bins.map(([from, to]) => Math.max(...Array.from(s.at.score.subarray(from, to), (v) => (Number.isNaN(v) ? 0 : v))));
  const rows = bins.map(([from, to]) => s.at.n.subarray(from, to).reduce((a, b) => a + b, 0) / (to - from));
  const most = Math.max(...rows, 1), high = (score) => 32 - 26 * Math.min(1, Math.log1p(score) / Math.log1p(Math.max(...peaks, 2)));
  pen.strokeStyle = palette.bad;
  pen.setLineDash([4, 3]);
  pen.beginPath(); pen.moveTo(0, high(1)); pen.lineTo(width, high(1)); pen.stroke();
  pen.setLineDash([]);
  pen.strokeStyle = palette.ink;
  pen.lineWidth = 1.5;
  pen.lineJoin = "round";
  pen.beginPath();
  peaks.forEach((score, i) => pen.lineTo((i + 0.5) * wide, high(score)));
  pen.stroke();
  pen.fillStyle = palette.train;
  rows.forEach((n, i) => pen.fillRect(i * wide, 56 - (18 * n) / most, Math.max(1, wide - (wide > 4 ? 1 : 0)), (18 * n) / most));
  pen.fillStyle = palette.soft;
  pen.font = "11px system-ui, sans-serif";
  const ticks = Math.max(2, Math.min(9, Math.floor(width / 120)));
  const days = s.at.end[view.to - 1] - s.at.start[view.from] > 20 * 3600e3;
  for (let i = 0; i < ticks; i++) {
    const share = i / (ticks - 1), bin = Math.min(bins.length - 1, Math.floor(share * bins.length));
    const last = i === ticks - 1, ms = last ? s.at.end[view.to - 1] : s.at.start[bins[bin][0]];
    pen.textAlign = i === 0 ? "left" : last ? "right" : "center";
    pen.fillText(days ? clock(ms).slice(5) : clock(ms, false), share * width, 71);
  }
}

function zoom(from, to) {
  const length = span().length;
  view.from = Math.max(0, Math.min(from, length - 1));
  view.to = Math.max(view.from + 1, Math.min(to, length));
  arrange();
  draw();
  keep();
}
function zoomBy(factor) {
  const middle = view.at >= view.from && view.at < view.to ? view.at : (view.from + view.to) / 2;
  const half = Math.max(1, ((view.to - view.from) * factor) / 2);
  zoom(Math.floor(middle - half), Math.ceil(middle + half));
}

function cellUnder(event) {
  const box = canvases.cells.getBoundingClientRect();
  const bin = Math.floor(((event.clientX - box.left) / box.width) * bins.length);
  const row = Math.floor((event.clientY - box.top) / ROW);
  if (bin < 0 || bin >= bins.length || row < 0 || row >= order.length) return null;
  return { column: order[row], at: strongest(order[row], ...bins[bin]).at, bin };
}

function tip(event, lines) {
  const box = byId("tip");
  if (!lines) { box.hidden = true; return; }
  box.replaceChildren(...lines.map((text, i) => {
    const line = document.createElement(i ? "div" : "strong");
    line.textContent = text;
    return line;
  }));
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(6, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
  box.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18}px`;
}

function toldCell(column, at) {
  const s = span(), score = cell(s, "score", column, at), signal = cell(s, "signal", column, at);
  const state = score === null ? "not judged" : score > 1 ? `drift, score ${number(score)}` : `no drift, score ${number(score)}`;
  return [facts.columns[column].name, `${state}${signal && score !== null ? ` (${signal.replaceAll("_", " ")})` : ""}`, `${between(s.at.start[at], s.at.end[at])}, ${s.at.n[at].toLocaleString("en-US")} rows`];
}

function listenToMap() {
  const { cells, bands, strip } = canvases;
  const share = (event, canvas) => { const box = canvas.getBoundingClientRect(); return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)); };
  for (const canvas of [cells, strip]) {
    canvas.onpointerdown = (event) => { if (event.pointerType === "mouse" && event.button === 0) { dragged = { canvas, from: share(event, canvas), x: event.clientX }; } };
    canvas.onpointermove = (event) => {
      if (dragged && Math.abs(event.clientX - dragged.x) > 6) {
        const to = share(event, canvas), box = cells.getBoundingClientRect();
        draw();
        const pen = cells.getContext("2d");
        pen.globalAlpha = 0.25; pen.fillStyle = palette.accent;
        pen.fillRect(Math.min(dragged.from, to) * box.width, 0, Math.abs(to - dragged.from) * box.width, box.height);
        pen.globalAlpha = 1;
        return tip(event, null);
      }
      if (canvas === strip) {
        const bin = bins[Math.min(bins.length - 1, Math.floor(share(event, strip) * bins.length))], s = span();
        const rows = s.at.n.subarray(...bin).reduce((a, b) => a + b, 0);
        return tip(event, [between(s.at.start[bin[0]], s.at.end[bin[1] - 1]), `${rows.toLocaleString("en-US")} rows`, `drift score ${number(Math.max(...s.at.score.subarray(...bin)))}`]);
      }
      hovered = cellUnder(event);
      tip(event, hovered && toldCell(hovered.column, hovered.at));
    };
    canvas.onpointerleave = () => { tip(null, null); };
    canvas.onclick = (event) => {
      if (!dragged && event.pointerType === "mouse") return;  // the end of a drag
      dragged = null;
      const found = canvas === cells && cellUnder(event);
      if (found) choose(found.column, found.at, true);
    };
  }
  addEventListener("pointerup", (event) => {
    if (!dragged || Math.abs(event.clientX - dragged.x) <= 6) return;
    const [a, b] = [dragged.from, share(event, dragged.canvas)].sort((x, y) => x - y);
    dragged = null;
    zoom(bins[Math.floor(a * bins.length)][0], bins[Math.min(bins.length - 1, Math.floor(b * bins.length))][1]);
  });
  const banded = (event) => facts.incidents.findIndex((one) => { const [from, to] = incidentTimes(one).map(place), x = share(event, bands); return x >= from - 0.004 && x <= to + 0.004; });
  bands.onpointermove = (event) => {
    const one = facts.incidents[banded(event)];
    bands.style.cursor = one ? "pointer" : "";
    tip(event, one && [`Incident: ${one.cause}, ${one.state}`, (one.features || []).slice(0, 4).join(", "), `since ${clock(incidentTimes(one)[0])} UTC`]);
  };
  bands.onpointerleave = () => tip(null, null);
  bands.onclick = (event) => { const found = banded(event); if (found >= 0) byId(`incident-${found}`).scrollIntoView({ block: "center" }); };
  byId("map").onkeydown = (event) => {
    const row = order.indexOf(view.column), bin = binOf(view.at);
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !order.length) return;
    if (move) {
      const to = Math.max(0, Math.min(order.length - 1, row + move[0])), next = Math.max(0, Math.min(bins.length - 1, bin + move[1]));
      choose(order[to], strongest(order[to], ...bins[next]).at, false);
    } else if (event.key === "Enter" || event.key === " ") choose(view.column, view.at, true);
    else if (event.key === "Home") choose(view.column, bins[0][0], false);
    else if (event.key === "End") choose(view.column, bins.at(-1)[0], false);
    else if (event.key === "+" || event.key === "=") zoomBy(0.5);
    else if (event.key === "-") zoomBy(2);
    else if (event.key === "0") zoom(0, span().length);
    else return;
    event.preventDefault();
    const at = order.indexOf(view.column) * ROW, box = byId("map");
    if (at < box.scrollTop) box.scrollTop = at;
    if (at + ROW > box.scrollTop + box.clientHeight) box.scrollTop = at + ROW - box.clientHeight;
    byId("said").textContent = toldCell(view.column, view.at).join(", ");
  };
}
