// Numbers and times as a person reads them, and why a column drifted.
const two = (value) => String(value).padStart(2, "0");
function clock(ms, day = true) {
  const at = new Date(ms);
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  return day ? `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())} ${time}` : time;
}
function between(from, to) {
  return `${clock(from)} to ${clock(to, clock(from).slice(0, 10) !== clock(to).slice(0, 10))} UTC`;
}
function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text = size >= 1000 ? Math.round(value).toLocaleString("en-US") : size && size < 1e-4 ? value.toExponential(1) : String(+value.toPrecision(3));
  return text.replace("-", "−");
}
const percent = (share) => (share === null ? "–" : share === 0 ? "0 %" : share < 0.0001 ? "< 0.01 %" : share < 0.1 ? `${+(100 * share).toPrecision(2)} %` : `${Math.round(100 * share)} %`);
const spanWord = () => ({ windows: "window", hours: "hour", days: "day" })[view.span];

function trainingShare(column, names) {
  const inner = column.reference.length - column.specials.length;
  const total = column.reference.reduce((a, b) => a + b, 0);
  return names.reduce((sum, name) => sum + (column.specials.includes(name) ? column.reference[inner + column.specials.indexOf(name)] : 0), 0) / total;
}

// Sentences: what was found, how large it is, and on what evidence.
function whyOf(span, position, at) {
  const column = facts.columns[position], score = cell(span, "score", position, at);
  if (score === null) return ["This column was not judged here: it had no values, or none that could be compared."];
  const signal = cell(span, "signal", position, at), shift = cell(span, "mean_shift_sigma", position, at);
  const share = (name) => cell(span, name, position, at);
  const mean = shift === null ? null : column.center + shift * column.scale;
  const moved = shift === null ? "" : `The mean is ${number(mean)}; in training it was ${number(column.center)}, so it lies ${number(Math.abs(shift))} σ ${shift < 0 ? "lower" : "higher"}.`;
  const told = {
    location: () => `The values ${shift === null ? "moved" : shift < 0 ? "are smaller" : "are larger"} than in training. ${moved}`,
    scale: () => `The values are spread differently around their middle than in training. ${moved}`,
    skew: () => `The values lean to one side more than in training. ${moved}`,
    tails: () => `Very small and very large values are more or less frequent than in training. ${moved}`,
    shape: () => `The values are distributed differently than in training. ${moved}`,
    missing: () => `${percent(share("missing_share"))} of the rows have no value; in training ${percent(trainingShare(column, ["missing"]))}.`,
    unseen: () => `${percent(share("unseen_share"))} of the rows hold categories that training never saw.`,
    out_of_range: () => `${percent(share("out_of_range_share"))} of the rows lie outside of training's range; in training ${percent(trainingShare(column, ["below", "above"]))}.`,
    non_finite: () => "Infinite values came, which training did not have.",
    other: () => "Rare categories came more or less often than in training.",
  };
  const category = signal && signal.startsWith("category:") ? `“${signal.slice(9)}” came more or less often than in training.` : null;
  const sentences = [category ?? (told[signal] ?? (() => moved || "The values are distributed differently than in training."))()];
  if (score <= 1) sentences[0] = `No drift: the strongest evidence${signal ? ` (${signal.replaceAll("_", " ")})` : ""} reaches ${percent(score)} of its threshold. ${moved}`;
  else if (shift !== null && Math.abs(shift) >= 0.2 && !sentences[0].includes(moved)) sentences.push(moved);
  const factor = cell(span, "unit_factor", position, at);
  if (factor !== null) sentences.push(`The values are probably multiplied by ${number(factor)}, as after a change of unit.`);
  if (score > 1) {
    const since = cell(span, "since", position, at);
    sentences.push(since === null
      ? `This ${spanWord()} alone is the evidence: ${number(score)} times what chance makes within the budget of false alarms.`
      : `The evidence adds up since ${clock(since)} UTC to ${number(score)} times what chance makes within the budget of false alarms.`);
  }
  return sentences.map((text) => text.trim());
}
