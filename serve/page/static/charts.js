"use strict";
/* Curves with bands, drawn by uPlot; their colours are those of the style sheet, in the light and in
   the dark, and their numbers stand behind them in a table. */
leadcast.charts = (() => {
  const { element, format } = leadcast;
  const HEIGHT = 300;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /* Draws curves over `x` in `place`.
     `curves`: {label, variable, values, low, high, show}; low and high may be left out.
     `cut()` gives where the line of the capacity stands; `chosen(index)` hears a click. */
  function draw(place, { x, curves, label, across, cut, chosen, zero = true, show }) {
    let plot = null;
    const series = curves.flatMap((one) => (one.low ? [one.values, one.low, one.high] : [one.values]));
    const data = [x, ...series].map((values) => values.map((value) => value ?? null));
    const make = () => {
      plot?.destroy();
      place.replaceChildren();
      plot = new uPlot(options(), data, place);
      plot.root.setAttribute("role", "img");
      plot.root.setAttribute("aria-label", label);
    };
    const options = () => ({
      width: Math.max(place.clientWidth, 200),
      height: HEIGHT,
      padding: [12, 12, 0, 0],
      legend: { show: false },
      scales: { x: { time: false }, y: { range: (_, low, high) => range(low, high, zero) } },
      axes: [axis(across), axis("", format.short)],
      series: [{}, ...curves.flatMap(drawn)],
      bands: bands(curves),
      cursor: { drag: { x: false, y: false }, points: { size: 7 }, y: false },
      hooks: {
        draw: [(u) => line(u, cut?.())],
        setCursor: [(u) => tell(place, u, curves, x, show)],
      },
    });
    make();
    new ResizeObserver(() => {
      const width = Math.max(place.clientWidth, 200);
      if (Math.abs(width - plot.width) > 1) plot.setSize({ width, height: HEIGHT });
    }).observe(place);
    dark.addEventListener("change", make);
    place.addEventListener("click", () => {
      if (chosen && plot.cursor.idx !== null && plot.cursor.idx !== undefined) chosen(plot.cursor.idx);
    });
    return { redraw: () => plot.redraw(false) };
  }

  function drawn(one) {
    const stroke = () => colour(one.variable);
    const edge = { label: "", stroke: "transparent", width: 0, points: { show: false } };
    const curve = { label: one.label, stroke, width: 2.25, points: { show: false } };
    return one.low ? [curve, edge, edge] : [curve];
  }

  function bands(curves) {
    let first = 1;
    return curves.flatMap((one) => {
      const at = first;
      first += one.low ? 3 : 1;
      return one.low ? [{ series: [at + 2, at + 1], fill: () => `${colour(one.variable)}26` }] : [];
    });
  }

  function axis(words, show) {
    const ink = () => colour("--muted");
    const stroke = () => colour("--grid");
    return {
      label: words || undefined,
      labelSize: 20,
      labelFont: "13px system-ui",
      font: "12px system-ui",
      stroke: ink,
      size: words ? 30 : 56,
      grid: { stroke, width: 1 },
      ticks: { show: false },
      values: (_, ticks) => ticks.map((tick) => (show || format.compact)(tick)),
    };
  }

  function range(low, high, zero) {
    const least = zero ? Math.min(low ?? 0, 0) : low ?? 0;
    const most = zero ? Math.max(high ?? 1, 0) : high ?? 1;
    const room = 0.06 * (most - least || 1);
    return [least < 0 ? least - room : least, most + room];
  }

  function line(plot, at) {
    if (at === undefined || at === null) return;
    const { ctx, bbox } = plot;
    const x = Math.round(plot.valToPos(at, "x", true));
    ctx.save();
    ctx.strokeStyle = colour("--ink");
    ctx.lineWidth = devicePixelRatio * 1.5;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  /* The words under a chart: what the curves are where the pointer is. */
  function tell(place, plot, curves, x, show = format.decimal) {
    const words = place.parentElement.querySelector(".chart-words");
    if (words === null) return;
    const at = plot.cursor.idx;
    words.textContent =
      at === null || at === undefined || plot.cursor.left < 0
        ? ""
        : `${format.compact(x[at])}: ` +
          curves.map((one) => `${one.label} ${show(one.values[at])}`).join(", ");
  }

  /* A chart's key and the place for its curves, above the table with its numbers. */
  function frame(place, curves, table) {
    const key = element(
      "ul",
      { class: "key", "aria-hidden": "true" },
      curves.map((one) => element("li", { class: `key${one.variable}` }, one.label)),
    );
    const canvas = element("div", { class: "canvas" });
    const numbers = element(
      "details",
      {},
      element("summary", {}, "The numbers"),
      element("div", { class: "table", role: "region", tabindex: "0", "aria-label": table.caption }, plainTable(table)),
    );
    place.replaceChildren(key, canvas, element("p", { class: "chart-words note" }), numbers);
    return canvas;
  }

  /* A table of {caption, heads, rows}; a head is [words, 1 for numbers or 2 for long texts]. */
  function plainTable({ caption, heads, rows }) {
    const cell = (content, place) =>
      element("td", { class: ["", "number", "wrap"][heads[place][1]] || null }, content);
    return element(
      "table",
      {},
      element("caption", {}, caption),
      element(
        "thead",
        {},
        element("tr", {}, heads.map(([words, kind]) =>
          element("th", { scope: "col", class: kind === 1 ? "number" : null }, words))),
      ),
      element("tbody", {}, rows.map((row) => element("tr", {}, row.map(cell)))),
    );
  }

  /* An interval with its dot, as a small picture; its numbers stand beside it. */
  function interval({ low, value, high }, [from, to], { zero = null, kind = "", expected = null } = {}) {
    const width = 200;
    const at = (number) => 6 + ((number - from) / (to - from || 1)) * (width - 12);
    const svg = (tag, attributes) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, content] of Object.entries(attributes)) made.setAttribute(name, content);
      return made;
    };
    const picture = svg("svg", {
      viewBox: `0 0 ${width} 20`, class: `interval ${kind}`, "aria-hidden": "true", focusable: "false",
    });
    if (zero !== null) picture.append(svg("line", { x1: at(zero), x2: at(zero), y1: 0, y2: 20, class: "zero" }));
    if (low !== null && high !== null) {
      picture.append(svg("line", { x1: at(low), x2: at(high), y1: 10, y2: 10, class: "whisker" }));
    }
    if (expected !== null) {
      picture.append(svg("line", { x1: at(expected), x2: at(expected), y1: 3, y2: 17, class: "expected" }));
    }
    if (value !== null) picture.append(svg("circle", { cx: at(value), cy: 10, r: 4.5 }));
    return picture;
  }

  /* Lets a DataTable scroll sideways within its page, by keyboard too. */
  function scrolled(table, label) {
    const region = table.table().container().querySelector(".dt-layout-table");
    region.classList.add("table");
    for (const [name, value] of [["role", "region"], ["tabindex", "0"], ["aria-label", label]]) region.setAttribute(name, value);
    return region;
  }

  return { draw, frame, plainTable, interval, scrolled };
})();
