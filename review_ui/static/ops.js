// Draws each chart from the table beside it, with uPlot. Without this file the tables stand alone and say the same.
"use strict";
(() => {
  const drawn = new Map();
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function read(figure) {
    const names = [...figure.querySelectorAll("thead th[data-series]")].map((cell) => cell.textContent.trim());
    const rows = [...figure.querySelectorAll("tbody tr")].reverse();
    const at = (row) => {
      const time = row.querySelector("time");
      return time ? Date.parse(time.dateTime) / 1000 : Number(row.dataset.x);
    };
    const columns = names.map((_, place) => rows.map((row) => {
      const value = row.querySelectorAll("td[data-v]")[place].dataset.v;
      return value === "" ? null : Number(value);
    }));
    return { names, data: [rows.map(at), ...columns], clock: Boolean(figure.querySelector("tbody time")) };
  }

  const units = {
    count: (value) => value >= 10000 ? `${value / 1000}k` : String(value),
    ms: (value) => value >= 10000 ? `${value / 1000} s` : `${value} ms`,
    s: (value) => value >= 7200 ? `${+(value / 3600).toFixed(1)} h` : value >= 180 ? `${+(value / 60).toFixed(1)} min` : `${value} s`,
    bytes: (value) => value >= 4096 ? `${+(value / 1024).toFixed(1)} GiB` : `${value} MiB`,
    share: (value) => `${Math.round(value * 100)} %`,
    number: (value) => String(value),
  };

  // Stacked columns are drawn back to front, each over the sum of those below it.
  function stacked(data) {
    const sums = data[0].map(() => 0);
    return [data[0], ...data.slice(1).map((column) => column.map((value, place) => (sums[place] += value || 0)))];
  }

  // A line of one or two points draws next to nothing: on the first day their dots are all there is to see.
  function lonely(chart, line) {
    return chart.data[line].filter((value) => value !== null && value !== undefined).length < 3;
  }

  function series(name, place, kind) {
    const colour = css(`--k${place + 1}`) || css("--soft");
    if (kind === "stack") return { label: name, stroke: colour, fill: colour, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.72, 36] }) };
    const shape = kind === "steps" ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.linear();
    return { label: name, stroke: colour, width: 1.6, paths: shape, spanGaps: kind === "lines", points: { show: lonely, size: 6, fill: colour }, fill: kind === "steps" && place === 0 ? colour + "22" : undefined };
  }

  function options(figure, names, clock, size) {
    const kind = figure.dataset.chart, unit = units[figure.dataset.unit] || units.number;
    const axis = { stroke: css("--soft"), font: "11px system-ui", grid: { stroke: css("--grid"), width: 1 }, ticks: { show: false }, gap: 4 };
    const shown = names.map((name, place) => series(name, place, kind));
    return {
      ...size, legend: { show: false }, padding: [8, 18, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      scales: { x: { time: clock, range: (plot, low, high) => around(plot.data[0], low, high, kind) }, y: { range: (_, low, high) => [Math.min(0, low || 0), high > 0 ? high * 1.06 : low < 0 ? 0 : 1] } },
      axes: [{ ...axis, size: 24, space: 56, ...(clock ? { values: clockTimes } : {}) }, { ...axis, size: 58, space: 30, values: (_, ticks) => ticks.map(unit) }],
      series: [{}, ...(kind === "stack" ? shown.reverse() : shown)],
      hooks: { setCursor: [(plot) => mark(figure, plot.cursor.idx)] },
    };
  }

  // Half a column of room on both sides, or the first and the last would be cut.
  function around(xs, low, high, kind) {
    const half = kind === "stack" && xs.length > 1 ? (xs[1] - xs[0]) / 2 : 0;
    return low === high ? [low - 1, high + 1] : [low - half, high + half];
  }

  // The row under the pointer is shown in the table, so the chart needs no legend of its own.
  function mark(figure, index) {
    const rows = [...figure.querySelectorAll("tbody tr")].reverse();
    rows.forEach((row, place) => row.classList.toggle("at", place === index));
    const numbers = figure.querySelector(".numbers"), row = rows[index];
    if (row) numbers.scrollTop = row.offsetTop - numbers.clientHeight / 2;
  }

  // Times are UTC, as in the tables; midnight shows its day.
  const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const clockTimes = (_, ticks) => ticks.map((tick) => {
    const at = new Date(tick * 1000);
    return at.getUTCHours() || at.getUTCMinutes() ? at.toISOString().slice(11, 16) : days.format(at);
  });

  function size(plot) { return { width: Math.max(160, plot.clientWidth), height: plot.clientHeight || 192 }; }

  function draw(figure) {
    const plot = figure.querySelector(".plot");
    if (!plot || !window.uPlot) return;
    const { names, data, clock } = read(figure);
    if (data[0].length < 1) return;
    drawn.get(figure)?.destroy();
    const shown = figure.dataset.chart === "stack" ? stacked(data) : data;
    if (figure.dataset.chart === "stack") shown.splice(1, shown.length - 1, ...shown.slice(1).reverse());
    drawn.set(figure, new uPlot(options(figure, names, clock, size(plot)), shown, plot));
    figure.dataset.drawn = String(data[0].length);
  }

  function drawAll() {
    for (const [figure, plot] of drawn) if (!figure.isConnected) { plot.destroy(); drawn.delete(figure); }
    document.querySelectorAll("figure[data-chart]").forEach(draw);
  }

  // Whoever reads numbers or writes a note is not interrupted by a refresh.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const live = event.detail.elt;
    if (live.id !== "live" || event.detail.requestConfig.verb !== "get") return;
    const busy = live.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, .numbers");
    if (busy || live.querySelector(".numbers:hover, form:hover")) event.preventDefault();
  });

  new ResizeObserver(() => {
    for (const [figure, plot] of drawn) if (figure.isConnected) plot.setSize(size(figure.querySelector(".plot")));
  }).observe(document.body);
  dark.addEventListener("change", drawAll);
  document.addEventListener("htmx:afterSettle", drawAll);
  drawAll();
})();
