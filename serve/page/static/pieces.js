"use strict";
/* Pieces that several views are made of.

   leadcast.plot(place, make)  draws `make(colour)` (uPlot's options and `data`, where
                               colour("--accent") reads the style sheet) by uPlot, as wide as the
                               place, and draws it again when its width or the colour scheme
                               changes. Gives a function that draws it anew.
   leadcast.axis(colour)       an axis in the page's colours.
   leadcast.table(…)           a plain table; `numbers` are the columns to be aligned right.
   leadcast.framed(…)          a table around rows that are elements already.
   leadcast.scrolling(…)       a table's place, which scrolls by keyboard too.
   leadcast.details(…)         content that is closed at first, such as a chart's numbers.
   leadcast.heading, note, hidden, swatch, sentence  small pieces of words. */
(() => {
  const { element } = leadcast;

  /* Lets a person keep a text as a file. */
  leadcast.save = (text, name) => {
    const address = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  };

  leadcast.heading = (words) => element("h2", {}, words);
  leadcast.note = (words) => element("p", { class: "note" }, words);
  leadcast.hidden = (words) => element("span", { class: "hidden-words" }, words);
  leadcast.swatch = (kind, words) => element("span", { class: `swatch ${kind}` }, words);
  leadcast.sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1);

  leadcast.plot = (place, make) => {
    let drawn = null;
    let width = 0;
    const colour = (name) => getComputedStyle(place).getPropertyValue(name).trim();

    function draw() {
      if (drawn) drawn.destroy();
      drawn = null;
      width = Math.floor(place.clientWidth);
      if (!width) return;
      const { data, ...options } = make(colour);
      drawn = new uPlot({ width, legend: { show: false }, ...options }, data, place);
    }

    new ResizeObserver(() => {
      if (Math.floor(place.clientWidth) !== width) draw();
    }).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    draw();
    return draw;
  };

  leadcast.axis = (colour, more = {}) => ({
    stroke: colour("--muted"),
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
    ...more,
  });

  leadcast.table = (caption, names, rows, numbers, last = null) => {
    const align = (index) => (numbers.includes(index) ? { class: "number" } : {});
    const cell = (value, index) =>
      index ? element("td", align(index), value) : element("th", { scope: "row" }, value);
    const made = rows.map((row) => element("tr", {}, row.map(cell)));
    return leadcast.framed({}, element("caption", {}, caption), names, numbers, [...made, last]);
  };

  leadcast.framed = (attributes, caption, names, numbers, rows) => {
    const head = (name, index) =>
      element("th", { scope: "col", class: numbers.includes(index) ? "number" : null }, name);
    return element(
      "table",
      attributes,
      caption,
      element("thead", {}, element("tr", {}, names.map(head))),
      element("tbody", {}, rows),
    );
  };

  leadcast.scrolling = (label, content, kind = "table") =>
    element("div", { class: kind, tabindex: "0", role: "region", "aria-label": label }, content);

  leadcast.details = (summary, ...content) =>
    element("details", {}, element("summary", {}, summary), leadcast.scrolling(summary, content));
})();
