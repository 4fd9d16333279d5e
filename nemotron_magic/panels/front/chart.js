// A bar for each day: what it cost.

const SVG = "http://www.w3.org/2000/svg";

function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function usd(amount) {
  if (amount === 0) return "$0";
  return `$${amount >= 0.1 ? amount.toFixed(2) : amount.toPrecision(2)}`;
}

// What the days took together; of what is not known, nothing is claimed.
function sumOf(days, most, total) {
  if (!days.some((day) => day.unsure)) return `at most ${usd(most)}, ${usd(total)} in all`;
  return total ? `at least ${usd(total)} in all` : "unknown";
}

function chartOf(days) {
  const width = 600;
  const height = 90;
  const most = Math.max(...days.map((day) => day.cost_usd));
  const total = days.reduce((sum, day) => sum + day.cost_usd, 0);
  const sum = sumOf(days, most, total);
  const step = width / Math.max(days.length, 10);
  const chart = draw("svg", {
    viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", class: "nm-chart", role: "img",
    "aria-label": `Cost by day, ${days.length} days: ${sum}`,
  });
  days.forEach((day, place) => {
    const tall = Math.max(most ? ((height - 2) * day.cost_usd) / most : 0, 1);
    const bar = draw("rect", {
      x: place * step + step * 0.15, width: step * 0.7, y: height - tall, height: tall,
      class: day.unsure ? "nm-bar-unsure" : "nm-bar-sure",
    });
    bar.append(draw("title", {}));
    bar.firstChild.textContent = day.about;
    chart.append(bar);
  });
  chart.append(draw("line", { x1: 0, x2: width, y1: height, y2: height, class: "nm-axis" }));
  const label = (text) => make("span", { class: "nm-quiet", textContent: text });
  return [
    make("figcaption", {}, "Cost by day ", label(sum)),
    chart,
    make("div", { class: "nm-axis-labels" }, label(days[0].day),
      days.length > 1 ? label(days[days.length - 1].day) : null),
  ];
}
