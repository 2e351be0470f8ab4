// The page's numbers: names from JSON, arrays from two compressed blobs, the second only when asked for.
const NONE_16 = 65535, NO_SHIFT = -32768, NO_SINCE = -2147483648;
const ARRAYS = { Uint8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array, Float64Array };
const facts = JSON.parse(document.getElementById("names-data").textContent);

async function inflated(id) {
  const text = atob(document.getElementById(id).textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
}

const arrayIn = (buffer, place) => new ARRAYS[place.type](buffer, place.at, place.length);
const all = (buffer, places) => Object.fromEntries(Object.entries(places).map(([name, place]) => [name, arrayIn(buffer, place)]));

async function readNumbers() {
  const buffer = await (await inflated("numbers-data")).arrayBuffer();
  for (const span of Object.values(facts.spans)) {
    span.at = all(buffer, span.span);
    span.by = all(buffer, span.cell);
  }
}

let histogramBuffer = null;
async function readHistograms() {
  histogramBuffer ??= inflated("histograms-data").then((answer) => answer.arrayBuffer());
  return histogramBuffer;
}

// One number of a column in a span; null for none.
function cell(span, name, column, at) {
  const raw = span.by[name][column * span.length + at];
  if (name === "score") return raw === NONE_16 ? null : raw / 100;
  if (name.endsWith("_share")) return raw === NONE_16 ? null : raw / 60000;
  if (name === "mean_shift_sigma") return raw === NO_SHIFT ? null : raw / 100;
  if (name === "unit_factor") return Number.isNaN(raw) ? null : raw;
  if (name === "signal") return raw === NONE_16 ? null : span.signals[raw];
  if (name === "since") return raw === NO_SINCE ? null : span.first + raw * 1000;
  if (raw === NONE_16) return null;
  return raw === 0 ? 0 : facts.distances.least * 10 ** ((facts.distances.decades * (raw - 1)) / facts.distances.steps);
}

// Rows by bin of a column in spans from..to (exclusive). `exact`: whether it is of these spans and no others.
async function histogram(span, column, from, to) {
  const buffer = await readHistograms();
  const kept = span.histograms.columns[column];
  const own = arrayIn(buffer, kept.spans), counts = arrayIn(buffer, kept.counts);
  const size = facts.columns[column].reference.length;
  const total = new Float64Array(size);
  const add = (source, row) => { for (let bin = 0; bin < size; bin++) total[bin] += source[row * size + bin]; };
  let found = 0;
  for (let row = 0; row < own.length; row++) if (own[row] >= from && own[row] < to) { add(counts, row); found++; }
  if (found === to - from) return { counts: total, exact: true, from, to };
  if (!kept.sums) return found ? { counts: total, exact: false, from, to, found } : null;
  total.fill(0);
  const sums = arrayIn(buffer, kept.sums), bounds = span.histograms.bounds;
  let first = null, last = null;
  for (let group = 0; group + 1 < bounds.length; group++) {
    if (bounds[group + 1] <= from || bounds[group] >= to) continue;
    add(sums, group);
    first ??= bounds[group];
    last = bounds[group + 1];
  }
  return total.some((rows) => rows) ? { counts: total, exact: first === from && last === to, from: first, to: last } : null;
}
