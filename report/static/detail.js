// The detail of one column in one span: distribution, score, why, shares and distances.
const DISTANCES = [["ks", "Kolmogorov–Smirnov"], ["psi", "PSI"], ["js", "Jensen–Shannon"], ["chi2", "χ²"], ["wasserstein_sigma", "Wasserstein, σ"]];

function choose(column, at, open) {
  view.column = column;
  view.at = Math.max(0, Math.min(at, span().length - 1));
  for (const [row, name] of [...byId("names").children].entries()) name.classList.toggle("chosen", order[row] === column);
  if (view.at < view.from || view.at >= view.to) zoom(Math.min(view.at, view.from), Math.max(view.at + 1, view.to));
  draw();
  detail();
  keep();
  if (open) {
    byId("detail").scrollIntoView({ block: "start" });
    byId("detail").focus({ preventScroll: true });
  }
}

// The spans that the histogram sums: this one, the run of drift around it, or all that the map shows.
function compared() {
  if (view.compare === "shown") return [view.from, view.to];
  let from = view.at, to = view.at + 1;
  const drifts = (at) => (cell(span(), "score", view.column, at) ?? 0) > 1;
  if (view.compare === "run" && drifts(view.at)) {
    while (from > 0 && drifts(from - 1)) from--;
    while (to < span().length && drifts(to)) to++;
  }
  return [from, to];
}

function detail() {
  const s = span(), column = facts.columns[view.column], score = cell(s, "score", view.column, view.at);
  byId("detail-title").textContent = column.name;
  byId("detail-when").textContent = `${between(s.at.start[view.at], s.at.end[view.at])} · ${s.at.n[view.at].toLocaleString("en-US")} rows${s.at.calibrating[view.at] ? " · calibrating" : ""}`;
  byId("detail-score").textContent = number(score);
  const badge = byId("detail-badge");
  badge.className = `small badge ${score > 1 ? "bad" : ""}`;
  badge.textContent = score === null ? "not judged" : score > 1 ? "drift, threshold 1" : "no drift, threshold 1";
  byId("why").className = `why ${score > 1 ? "drift" : ""}`;
  byId("why").replaceChildren(...whyOf(s, view.column, view.at).map((text, i) => {
    const line = document.createElement("p");
    if (i === 0) { const strong = document.createElement("strong"); strong.textContent = score > 1 ? "Why this is drift: " : ""; line.append(strong); }
    line.append(text);
    return line;
  }));
  byId("pick").value = String(view.column);
  byId("before").disabled = view.at === 0;
  byId("after").disabled = view.at === s.length - 1;
  byId("sum").value = view.compare;
  byId("histogram-name").textContent = column.numeric ? "Density" : "Share of rows";
  drawHistogram();
  chart(byId("scores"), (width) => overTime((at) => cell(s, "score", view.column, at), "score", width, { threshold: 1 }));
  chart(byId("shares"), (width) => sharesOverTime(width));
  byId("scores").setAttribute("aria-label", `Score of ${column.name} over time, threshold 1; here ${number(score)}`);
  byId("shares").setAttribute("aria-label", `Shares of missing, unseen and out of range values of ${column.name} over time`);
  distances(s);
}

function sharesOverTime(width) {
  const column = facts.columns[view.column], names = column.numeric ? ["missing_share", "out_of_range_share"] : ["missing_share", "unseen_share"];
  const dash = [[1, 0], [5, 3]];
  const lines = names.map((name, i) => {
    const { layer } = overTime((at) => cell(span(), name, view.column, at), "share of rows", width, { mark: i === 0, scale: { type: "linear", zero: true } });
    layer[0].data.values = layer[0].data.values.map((value) => ({ ...value, name: name.replace("_share", "").replaceAll("_", " ") }));
    layer[0].mark = { type: "line", strokeWidth: 1.8 };
    layer[0].encoding.color = { field: "name", type: "nominal", scale: { range: [palette.accent, palette.warn] }, legend: {} };
    layer[0].encoding.strokeDash = { field: "name", type: "nominal", scale: { range: dash }, legend: {} };
    layer[0].encoding.y.axis = { title: null, format: "~%", tickCount: 4 };
    return layer;
  });
  const values = lines.flatMap((layer) => layer[0].data.values);
  lines[0][0].data.values = values;
  return { width, height: 130, layer: lines[0] };
}

async function drawHistogram() {
  const position = view.column, [from, to] = compared(), s = span(), column = facts.columns[position];
  const found = await histogram(s, position, from, to);
  if (position !== view.column) return;
  const note = byId("histogram-note"), several = to - from > 1 ? `${(to - from).toLocaleString("en-US")} ${spanWord()}s` : spanWord();
  byId("histogram-now").textContent = several;
  note.hidden = true;
  if (!found) {
    note.hidden = false;
    note.textContent = "The counts of this span are not in the page: its verdict was written before verdicts had them. Training alone is drawn.";
  } else if (!found.exact) {
    note.hidden = false;
    note.textContent = found.found
      ? `The counts of ${found.found} of these ${several} are in the page, and drawn.`
      : `This ${several}'s own counts are not in the page, which would be too large with all: drawn is the sum of ${found.to - found.from} ${spanWord()}s, ${between(s.at.start[found.from], s.at.end[found.to - 1])}.`;
  }
  const parts = split(column, found && found.counts);
  byId("histogram").setAttribute("aria-label", `${column.name}: training against ${several}. ${parts.bars.slice(0, 6).map((bar) => `${bar.name} ${percent(bar.was)}${bar.is === null ? "" : `, now ${percent(bar.is)}`}`).join("; ")}`);
  byId("specials").setAttribute("aria-label", parts.specials.map((bar) => `${bar.name} ${percent(bar.was)} in training, now ${percent(bar.is)}`).join("; "));
  chart(byId("histogram"), (width) => (parts.density ? densitySpec(parts.density, column, width) : barSpec(parts.bars, width, 200)));
  chart(byId("specials"), (width) => barSpec(parts.specials, width, Math.max(110, 44 * parts.specials.length)));
}

// Bins as shares. A value with a bin of its own is no density: it stands among the bars, or all do if such
// values hold most rows.
function split(column, counts) {
  const inner = column.reference.length - column.specials.length;
  const total = (all) => all.reduce((a, b) => a + b, 0) || 1;
  const before = total(column.reference), now = counts ? total(counts) : 1;
  const pair = (name, bin) => ({ name, was: column.reference[bin] / before, is: counts ? counts[bin] / now : null });
  const specials = column.specials.map((name, i) => pair(name.replaceAll("_", " "), inner + i));
  if (!column.numeric) return { bars: [...column.categories, "(other)"].map(pair).filter((bar) => bar.was || bar.is), specials };
  const edges = column.edges, range = edges.at(-1) - edges[0] || 1;
  const alone = (bin) => edges[bin + 1] - edges[bin] < 1e-9 * range;
  const all = Array.from({ length: inner }, (_, bin) => ({ ...pair(alone(bin) ? number(edges[bin]) : `${number(edges[bin])} to ${number(edges[bin + 1])}`, bin), from: edges[bin], to: edges[bin + 1], alone: alone(bin) }));
  const heavy = all.filter((bar) => bar.alone).reduce((sum, bar) => sum + bar.was, 0);
  if (heavy >= 0.5) return { bars: all.filter((bar) => bar.was || bar.is), specials };
  return { bars: all, density: all.filter((bar) => !bar.alone), specials: [...all.filter((bar) => bar.alone).map((bar) => ({ ...bar, name: `exactly ${bar.name}` })), ...specials] };
}

function densitySpec(density, column, width) {
  const values = density.map((bar) => ({ from: bar.from, to: bar.to, was: bar.was / (bar.to - bar.from), is: bar.is === null ? null : bar.is / (bar.to - bar.from) }));
  const x = { field: "from", type: "quantitative", scale: { nice: false, zero: false }, axis: { title: column.name, grid: false, format: "~s", tickCount: 6 } };
  const step = (field) => values.flatMap((bar) => [{ x: bar.from, y: bar[field] }, { x: bar.to, y: bar[field] }]);
  const outline = [{ x: values[0].from, y: 0 }, ...step("is"), { x: values.at(-1).to, y: 0 }].map((point, i) => ({ ...point, i }));
  const layer = [{ data: { values }, mark: { type: "rect", color: palette.train, opacity: 0.55 }, encoding: { x, x2: { field: "to" }, y: { datum: 0, type: "quantitative", axis: { title: "density", format: "~s", tickCount: 4 } }, y2: { field: "was" } } }];
  layer[0].encoding.y = { field: "was", type: "quantitative", axis: { title: "share of rows per unit", labels: false, ticks: false, tickCount: 4 } };
  layer[0].encoding.y2 = { datum: 0 };
  if (values.some((bar) => bar.is !== null)) layer.push({ data: { values: outline }, mark: { type: "line", color: palette.accent, strokeWidth: 2.2, strokeJoin: "round" }, encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" }, order: { field: "i" } } });
  return { width, height: 200, layer };
}

function barSpec(bars, width, height) {
  const values = bars.flatMap((bar, i) => [{ ...bar, i, kind: "training", share: bar.was }, ...(bar.is === null ? [] : [{ ...bar, i, kind: "now", share: bar.is }])]);
  return {
    width, height: Math.min(height, Math.max(90, 34 * bars.length)), data: { values },
    mark: { type: "bar", strokeWidth: 2 },
    encoding: {
      y: { field: "name", type: "nominal", sort: { field: "i" }, axis: { title: null, domain: false, ticks: false, labelLimit: 110 } },
      yOffset: { field: "kind", sort: ["training", "now"] },
      x: { field: "share", type: "quantitative", axis: { title: "share of rows", format: "~%", tickCount: 4 }, scale: { domainMin: 0, domainMax: Math.max(0.02, ...values.map((value) => value.share)) } },
      fill: { field: "kind", type: "nominal", legend: null, scale: { domain: ["training", "now"], range: [palette.train, palette.card] } },
      stroke: { field: "kind", type: "nominal", legend: null, scale: { domain: ["training", "now"], range: [palette.train, palette.accent] } },
    },
  };
}

function distances(s) {
  const row = (kind, texts) => { const line = document.createElement("tr"); for (const text of texts) { const one = document.createElement(kind); if (kind === "th") one.scope = "col"; one.textContent = text; line.append(one); } return line; };
  const value = (name) => cell(s, name, view.column, view.at);
  const names = ["Signal", "Mean shift, σ", ...DISTANCES.map(([, text]) => text), "Missing", "Unseen", "Out of range"];
  const numeric = facts.columns[view.column].numeric;
  const texts = [(value("signal") ?? "–").replaceAll("_", " "), number(value("mean_shift_sigma")), ...DISTANCES.map(([name]) => number(value(name))), percent(value("missing_share")), numeric ? "–" : percent(value("unseen_share")), numeric ? percent(value("out_of_range_share")) : "–"];
  byId("distances").tHead.replaceChildren(row("th", names));
  byId("distances").tBodies[0].replaceChildren(row("td", texts));
}
