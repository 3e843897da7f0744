"use strict";
/* Curves with bands, drawn by uPlot; their colours are those of the style sheet, in the light and in
   the dark, and their numbers stand behind them in a table. */
leadcast.charts = (() => {
  const { element, format } = leadcast;
  const HEIGHT = 300;
  const FONT = "13px system-ui, sans-serif";

  /* Draws curves over `x` in `place`.
     `curves`: {label, variable, values, low, high, show}; low and high may be left out.
     `cut()` gives where the line of the capacity stands; `chosen(index)` hears a click. */
  function draw(place, { x, curves, label, across, cut, chosen, show }) {
    let plot = null;
    const series = curves.flatMap((one) => (one.low ? [one.values, one.low, one.high] : [one.values]));
    const data = [x, ...series].map((values) => values.map((value) => value ?? null));
    leadcast.plot(place, (colour) => ({
      data,
      height: HEIGHT,
      padding: [12, 12, 0, 0],
      scales: { x: { time: false }, y: { range: (_, low, high) => range(low, high) } },
      axes: [axis(colour, { label: across, labelSize: 20, labelFont: FONT, size: 30 }), axis(colour, { size: 56 })],
      series: [{}, ...curves.flatMap((one) => drawn(one, colour))],
      bands: bands(curves, colour),
      cursor: { drag: { x: false, y: false }, points: { size: 7 }, y: false },
      hooks: {
        init: [(made) => named((plot = made), label)],
        draw: [(made) => line(made, cut?.(), colour("--ink"))],
        setCursor: [(made) => tell(place, made, curves, x, show)],
      },
    }));
    place.addEventListener("click", () => {
      const at = plot.cursor.idx;
      if (chosen && at !== null && at !== undefined) chosen(at);
    });
    return { redraw: () => plot?.redraw(false) };
  }

  function named(plot, label) {
    plot.root.setAttribute("role", "img");
    plot.root.setAttribute("aria-label", label);
  }

  function drawn(one, colour) {
    const edge = { label: "", stroke: "transparent", width: 0, points: { show: false } };
    const curve = { label: one.label, stroke: colour(one.variable), width: 2.25, points: { show: false } };
    return one.low ? [curve, edge, edge] : [curve];
  }

  function bands(curves, colour) {
    let first = 1;
    return curves.flatMap((one) => {
      const at = first;
      first += one.low ? 3 : 1;
      return one.low ? [{ series: [at + 2, at + 1], fill: `${colour(one.variable)}26` }] : [];
    });
  }

  function axis(colour, more) {
    return leadcast.axis(colour, { values: (_, ticks) => ticks.map(format.short), ...more });
  }

  function range(low, high) {
    const least = Math.min(low ?? 0, 0), most = Math.max(high ?? 1, 0);
    const room = 0.06 * (most - least || 1);
    return [least < 0 ? least - room : least, most + room];
  }

  function line(plot, at, ink) {
    if (at === undefined || at === null) return;
    const { ctx, bbox } = plot;
    const x = Math.round(plot.valToPos(at, "x", true));
    ctx.save();
    ctx.strokeStyle = ink;
    ctx.lineWidth = devicePixelRatio * 1.5;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  /* The words under a chart: what the curves are where the pointer is. */
  function tell(place, plot, curves, x, show = format.count) {
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
    const numbers = leadcast.details("The numbers", plainTable(table));
    numbers.querySelector(".table").setAttribute("aria-label", table.caption);
    place.replaceChildren(key, canvas, element("p", { class: "chart-words note" }), numbers);
    return canvas;
  }

  /* A table of {caption, heads, rows}; a head is [words, whether there are numbers below it]. */
  function plainTable({ caption, heads, rows }) {
    const numbers = heads.flatMap(([, isNumber], place) => (isNumber ? [place] : []));
    return leadcast.table(caption, heads.map(([words]) => words), rows, numbers);
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
