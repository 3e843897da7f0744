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

  function weeks(rows) {
    const names = ["Week from", "Came", "Expected", "Evidence of a change"];
    const cells = [...rows].reverse().map((one) =>
      [one.week, format.count(one.observed), fixed(one.expected, 1), fixed(one.evidence, 3)]);
    return card(
      heading("Conversions week by week"),
      note("Evidence of 1 raises an alarm; it is set to do so less than once in a quiet year."),
      scrolling("Conversions week by week", table("The newest week first", names, cells, [1, 2, 3])));
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
      if (found.weeks.length) parts.push(weeks(found.weeks));
      if (found.segments.length) parts.push(segments(found.segments));
      byId("monitoring").replaceChildren(...parts);
    } catch (error) {
      byId("monitoring-told").textContent = sentence(error.message);
    }
  })();
})();
