// Charts as SVG elements. Each has a title that says in words what it shows.

const place = (value, low, high, width) => ((Math.min(Math.max(value, low), high) - low) / (high - low)) * width;

/** An interval `[point, low, high]` on a scale from `from` to `to`, with a line at `zero` where one is given. */
function intervalChart([point, low, high], { from = 0, to = 1, zero = null, words = "" } = {}) {
  const width = 100;
  const at = (value) => place(value, from, to, width - 8) + 4;
  return h(
    "svg",
    { viewBox: `0 0 ${width} 14`, width, height: 14, class: "chart", role: "img", "aria-label": words },
    h("line", { x1: 4, x2: width - 4, y1: 7, y2: 7, class: "axis" }),
    zero === null ? null : h("line", { x1: at(zero), x2: at(zero), y1: 0, y2: 14, class: "zero" }),
    h("line", { x1: at(low), x2: at(high), y1: 7, y2: 7, class: "interval" }),
    h("circle", { cx: at(point), cy: 7, r: 3.2, class: "point" }),
  );
}

/** The ends of a scale around 0 that holds all intervals. */
function aroundZero(intervals) {
  const most = Math.max(0.02, ...intervals.flatMap(([point, low, high]) => [Math.abs(point), Math.abs(low), Math.abs(high)]));
  return { from: -most, to: most, zero: 0 };
}

/** Rate of yes by people over the judge's probability: `bins` are `[n, probability, rate, low, high]`. */
function reliabilityChart(bins, words) {
  const size = 260;
  const x = (value) => 36 + value * (size - 46);
  const y = (value) => size - 30 - value * (size - 40);
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return h(
    "svg",
    { viewBox: `0 0 ${size} ${size}`, width: size, height: size, class: "chart", role: "img", "aria-label": words },
    ticks.map((tick) => [
      h("line", { x1: x(tick), x2: x(tick), y1: y(0), y2: y(1), class: "grid" }),
      h("line", { x1: x(0), x2: x(1), y1: y(tick), y2: y(tick), class: "grid" }),
      h("text", { x: x(tick), y: y(0) + 14, "text-anchor": "middle" }, tick),
      h("text", { x: x(0) - 5, y: y(tick) + 4, "text-anchor": "end" }, tick),
    ]),
    h("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: "zero" }),
    bins.map(([n, probability, rate, low, high]) => [
      h("line", { x1: x(probability), x2: x(probability), y1: y(low), y2: y(high), class: "interval" }),
      h("circle", { cx: x(probability), cy: y(rate), r: 3 + Math.min(5, Math.sqrt(n) / 3), class: "point" }, h("title", {}, `n = ${n}`)),
    ]),
    h("text", { x: (x(0) + x(1)) / 2, y: size - 4, "text-anchor": "middle" }, t("judge_says")),
    h("text", { x: 10, y: (y(0) + y(1)) / 2, "text-anchor": "middle", transform: `rotate(-90 10 ${(y(0) + y(1)) / 2})` }, t("people_say")),
  );
}

/** Points `{ x, y, label, marked }` with axes that begin at the least value. */
function scatterChart(points, xWords, yWords, words) {
  const width = 420;
  const height = 260;
  const spread = (values) => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const room = (most - least || Math.abs(most) || 1) * 0.08;
    return [least - room, most + room];
  };
  const [left, right] = spread(points.map((one) => one.x));
  const [bottom, top] = spread(points.map((one) => one.y));
  const x = (value) => 56 + ((value - left) / (right - left)) * (width - 70);
  const y = (value) => height - 36 - ((value - bottom) / (top - bottom)) * (height - 50);
  const ticks = (low, high) => [0, 1, 2, 3].map((step) => low + ((high - low) * step) / 3);
  return h(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, width, height, class: "chart", role: "img", "aria-label": words },
    ticks(left, right).map((tick) => h("text", { x: x(tick), y: height - 20, "text-anchor": "middle" }, short(tick))),
    ticks(bottom, top).map((tick) => [
      h("line", { x1: x(left), x2: x(right), y1: y(tick), y2: y(tick), class: "grid" }),
      h("text", { x: 52, y: y(tick) + 4, "text-anchor": "end" }, short(tick)),
    ]),
    points.map((one) => h("circle", { cx: x(one.x), cy: y(one.y), r: one.marked ? 6 : 4, class: one.marked ? "point" : "point other" }, h("title", {}, one.label))),
    h("text", { x: width / 2, y: height - 4, "text-anchor": "middle" }, xWords),
    h("text", { x: 12, y: height / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${height / 2})` }, yWords),
  );
}

/** A number in few characters. */
function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 10000) return `${Math.round(value / 1000)}k`;
  return size >= 100 ? value.toFixed(0) : size >= 1 ? value.toFixed(1) : value.toFixed(3);
}

/** A score from 0 to 1 in at most four characters. */
function scoreText(value) {
  return value === 0 || value === 1 ? String(value) : value.toFixed(2);
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
}

function signedInterval([point, low, high]) {
  return `${signed(point)} [${signed(low)}, ${signed(high)}]`;
}

/** Colours an element by how good a score is. */
function colour(element, value, lower) {
  const good = lower ? 1 - value : value;
  element.style.backgroundColor = `hsl(${Math.round(8 + 137 * good)} 58% var(--score-light))`;
  element.style.color = "var(--score-text)";
  return element;
}
