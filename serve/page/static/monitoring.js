"use strict";
/* What last night's look at the champion found: alarms, conversions by week, segments. */
(() => {
  const { element, format, heading, note, scrolling, sentence, table } = leadcast;
  const byId = (id) => document.getElementById(id);
  const card = (...content) => element("section", { class: "card" }, ...content);
  const fixed = (value, digits) => value.toFixed(digits);

  function alarms(found) {
    const told = found.alarms.map((one) => element("li", {}, one.words));
    if (found.look) told.push(element("li", {}, `Worth a look, and too little for an alarm: ${found.look.what}`));
    return told.length ? [element("ul", { class: "notices" }, told)] : [];
  }

  /* Days are told as text; a chart wants seconds. */
  const seconds = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;
  const short = (at) =>
    new Date(at * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const unbroken = (day) => day.replaceAll("-", "\u2011");
  const line = (colour, more = {}) => ({ stroke: colour, width: 2, points: { show: false }, ...more });
  const drawings = [];

  /* A chart over weeks, with its key and its numbers; `series` are [words, variable, values, how]. */
  function overTime(title, words, days, series, numbers, more = {}) {
    const key = series.filter(([label]) => label).map(([label, variable]) =>
      element("li", { class: `key${variable}` }, label));
    const canvas = element("div", { class: "canvas" });
    const make = (colour) => ({
      height: 300,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "UTC"),
      padding: [12, 12, 0, 0],
      cursor: { show: false },
      scales: { y: { range: (_, low, high) => [0, 1.08 * Math.max(high, more.least ?? 0) || 1] } },
      axes: [leadcast.axis(colour, { space: 64, values: (_, ticks) => ticks.map(short) }), leadcast.axis(colour, { size: 44, values: more.values })],
      data: [days.map(seconds), ...series.map(([, , values]) => values)],
      series: [{}, ...series.map(([, variable, , how]) => how(colour(variable)))],
      hooks: {
        init: [(plot) => {
          plot.root.setAttribute("role", "img");
          plot.root.setAttribute("aria-label", `${title}. ${words}`);
        }],
        drawClear: [(plot) => shade(plot, more.since, colour("--second"))],
      },
    });
    drawings.push(() => leadcast.plot(canvas, make));
    return card(heading(title), note(words), element("ul", { class: "key", "aria-hidden": "true" }, key),
      canvas, leadcast.details("The numbers", numbers));
  }

  function shade(plot, since, colour) {
    if (!since) return;
    const { ctx, bbox } = plot;
    const from = Math.max(plot.valToPos(seconds(since), "x", true), bbox.left);
    ctx.save();
    ctx.globalAlpha = 0.14;
    ctx.fillStyle = colour;
    ctx.fillRect(from, bbox.top, bbox.left + bbox.width - from, bbox.height);
    ctx.restore();
  }

  const bars = (colour) => line(colour, { width: 0, fill: colour, paths: uPlot.paths.bars({ size: [0.7], align: 1 }) });
  const steps = (colour) => line(colour, { paths: uPlot.paths.stepped({ align: 1 }) });
  const dots = (colour) => line(colour, { points: { show: true, size: 5 } });
  const dashes = (colour) => line(colour, { dash: [6, 4] });

  function weeks(found) {
    const rows = found.weeks;
    const names = ["Week from", "Came", "Expected", "Evidence of a change"];
    const cells = [...rows].reverse().map((one) =>
      [one.days < 7 ? `${one.week} (${one.days} of 7 days)` : one.week, format.count(one.observed),
        fixed(one.expected, 1), fixed(one.evidence, 3)]);
    const numbers = table("The newest week first; evidence of 1 raises an alarm", names, cells, [1, 2, 3]);
    const whole = rows.filter((one) => one.days === 7);
    if (whole.length < 2) return card(heading("Conversions by week"), scrolling("Conversions by week", numbers));
    const since = found.alarms.find((one) => !one.segment)?.since;
    const words = since ? `Whole weeks. Shaded: since about ${since} an alarm tells a change.` : "Whole weeks.";
    return overTime("Conversions by week", words, whole.map((one) => one.week), [
      ["Came", "--accent", whole.map((one) => one.observed), bars],
      ["Expected by the scores", "--second", whole.map((one) => one.expected), steps],
    ], numbers, { since });
  }

  function callLine({ weeks: rows, probability, calls_per_week: calls }) {
    const share = format.percent(probability);
    const cells = [...rows].reverse().map((one) => [one.week, format.count(one.leads), format.count(one.above)]);
    const numbers = table("The newest week first", ["Week from", "Leads looked at", "Above the line"], cells, [1, 2]);
    return overTime("Leads above the line, and the calls that sales has",
      `A lead is grade A from ${share} on; sales has ${format.count(calls)} calls a week.`,
      rows.map((one) => one.week), [
        ["Above the line", "--accent", rows.map((one) => one.above), bars],
        ["Calls a week", "--second", rows.map(() => calls), dashes],
      ], numbers, { least: calls });
  }

  function grades(rows) {
    const mature = rows.filter((one) => one.mature > 0);
    const days = [...new Set(mature.map((one) => one.week))].sort();
    if (days.length < 2) return null;
    const of = (grade) => days.map((day) => mature.find((one) => one.week === day && one.grade === grade)?.happened ?? null);
    const colours = { A: "--accent", B: "--second", C: "--ink", D: "--third" };
    const cells = [...mature].reverse().map((one) => [`${one.week}, ${one.grade}`, format.count(one.mature),
      format.percent(one.said), format.percent(one.happened)]);
    const numbers = table("The newest week first", ["Week and grade", "Leads", "Said", "Became customers"], cells, [1, 2, 3]);
    return overTime("Conversion by grade by week", "Of each week's new leads, by their first grade; weeks whose horizon has passed.",
      days, Object.entries(colours).map(([grade, variable]) => [grade, variable, of(grade), dots]), numbers,
      { values: (_, ticks) => ticks.map((one) => format.percent(one)) });
  }

  function cohorts(rows) {
    const names = ["Scored from", "Mature", "Said", "Happened", "By luck", "In the best 20 %"];
    const cells = [...rows].reverse().map((one) => (one.leads
      ? [unbroken(one.cohort), format.count(one.leads), format.percent(one.said), format.percent(one.happened),
        `${format.percent(one.low)} to ${format.percent(one.high)}`, one.gain === null ? "–" : format.percent(one.gain)]
        : [unbroken(one.cohort), "none yet", "–", "–", "–", "–"]));
    return card(
      heading("What was said, and what has happened since"),
      note("By the month of the score. Shares outside what luck explains are more than luck."),
      scrolling("Cohorts", table("The newest month first; the last column is the share of its customers among the best fifth", names, cells, [1, 2, 3, 4, 5])));
  }

  function segments(rows) {
    const names = ["Segment", "Leads", "Came", "Expected", "Ratio", "90 % interval"];
    const far = (one) => Math.abs(Math.log(one.ratio));
    const cells = [...rows].sort((one, other) => far(other) - far(one)).slice(0, 20).map((one) => [
      `${one.name} = ${one.value}`, format.count(one.leads), format.count(one.observed),
      fixed(one.expected, 1), fixed(one.ratio, 2), `${fixed(one.low, 2)} to ${fixed(one.high, 2)}`]);
    return card(
      heading("Segments of the last eight weeks"),
      scrolling("Segments", table("Furthest from what was expected first, drawn towards all leads", names, cells, [1, 2, 3, 4, 5])));
  }

  (async () => {
    try {
      const found = await leadcast.ask("/page/monitoring");
      const count = found.alarms.length;
      const head = count ? `${count} alarm${count > 1 ? "s" : ""}.` : "No alarm.";
      byId("monitoring-told").textContent =
        `${head} Watched is ${found.model}, from ${found.watched_from} to ${found.known_until.slice(0, 10)}: ` +
        `${format.count(found.observed)} conversions came and ${fixed(found.expected, 1)} were expected.`;
      const parts = [...alarms(found), note(found.scores_from)];
      if (found.weeks.length) parts.push(weeks(found));
      if (found.cohorts.length) parts.push(cohorts(found.cohorts));
      parts.push(grades(found.grades));
      if (found.line.weeks.length > 1) parts.push(callLine(found.line));
      if (found.segments.length) parts.push(segments(found.segments));
      byId("monitoring").replaceChildren(...parts.filter((one) => one !== null));
      drawings.forEach((drawn) => drawn());
    } catch (error) {
      byId("monitoring-told").textContent = sentence(error.message);
    }
  })();
})();
