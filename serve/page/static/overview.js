"use strict";
/* The overview: takes the content, from the service or from the page itself, and lets the slider
   move everything that depends on the capacity. */
(async () => {
  const { ask, element, format, charts, lists, sections, swap } = leadcast;
  const LIVE_AFTER_MS = 500;
  const byId = (id) => document.getElementById(id);
  const leadsAddress = byId("live")?.dataset.leads || "";

  function embedded(name) {
    const script = byId(`content-${name}`);
    return script === null ? null : JSON.parse(script.textContent);
  }

  function nothing(words) {
    byId("waiting").hidden = true;
    byId("nothing-why").textContent = words;
    byId("nothing").hidden = false;
  }

  async function start() {
    const found = embedded("comparison") || (await ask("/page/comparison"));
    if (found.nothing_to_compare) return nothing(found.nothing_to_compare);
    byId("waiting").hidden = true;
    byId("overview").hidden = false;
    sections.fill(found);
    const list = lists.read(embedded("leads") || (await ask("/page/leads")), found.weeks, found.about.calls_per_week);
    capacity(found, list);
  }

  function capacity(found, list) {
    const { capacities, about } = found;
    const slider = byId("calls");
    const team = nearest(capacities, about.calls_per_week);
    const now = () => capacities[Number(slider.value)];
    slider.max = capacities.length - 1;
    slider.value = team;
    const go = (place) => {
      slider.value = place;
      update();
    };
    const drawn = curves(found, () => now().calls_per_week, go);
    const refresh = swap.make(list, found, {
      address: leadsAddress,
      fileName: () => `leads-${about.source.replace(/[^\w-]+/g, "_")}-${now().calls_per_week}-calls.csv`,
    });
    let live = 0, frame = 0;
    function update() {
      const at = now();
      const sides = lists.cut(list, at.calls_per_week);
      const words = resultWords(at, found);
      byId("calls-told").textContent = format.compact(at.calls_per_week);
      slider.setAttribute("aria-valuetext", `${format.compact(at.calls_per_week)} calls a ${about.week}`);
      byId("calls-result").textContent = words;
      byId("calls-team").hidden = Number(slider.value) === team;
      byId("capacity-tiles").replaceChildren(...tiles(at, found.ranking.customers, sides));
      swapSides(at, sides, about);
      // Figures follow each move at once; curves and rows follow the last one before a frame.
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        refresh(sides);
        drawn.forEach((chart) => chart.redraw());
      });
      clearTimeout(live);
      live = setTimeout(() => (byId("calls-live").textContent = words), LIVE_AFTER_MS);
    }
    byId("calls-team").textContent = `Back to ${format.compact(about.calls_per_week)}`;
    byId("calls-team").addEventListener("click", () => {
      go(team);
      slider.focus();
    });
    slider.addEventListener("input", update);
    byId("swap-words").replaceChildren(
      ...(found.swap.words.length ? [element("h3", {}, `At ${format.compact(about.calls_per_week)} calls a ${about.week}`)] : []),
      ...found.swap.words.map((one) => element("p", {}, one)),
    );
    update();
  }

  function nearest(capacities, calls) {
    const gaps = capacities.map((one) => Math.abs(one.calls_per_week - calls));
    return gaps.indexOf(Math.min(...gaps));
  }

  function resultWords({ calls_per_week: calls, learned, points, difference: gap }, { ranking, about }) {
    const more = gap.value >= 0 ? "more" : "fewer";
    const sure = gap.low === null ? "" :
      gap.low > 0 || gap.high < 0 ? " That is more than chance explains." :
      " Chance alone could explain that.";
    const ends = gap.low === null ? "" : ` (95 %: ${format.interval(gap.low, gap.high, format.signed)})`;
    return `At ${format.compact(calls)} calls a ${about.week} the learned score reaches ${format.count(learned.value)} ` +
      `of ${format.count(ranking.customers)} customers, the points ${format.count(points.value)}: ` +
      `${format.count(Math.abs(gap.value))} ${more}${ends}.${sure}`;
  }

  function tiles(at, customers, sides) {
    const share = (one) => format.percent(customers ? one.value / customers : null);
    const ends = ({ low, high }, show = format.count) => (low === null ? "" : `95 %: ${format.interval(low, high, show)}`);
    const tile = (kind, name, value, ...more) =>
      element("div", { class: `tile ${kind}` }, element("dt", {}, name), element("dd", { class: value.length > 8 ? "value long" : "value" }, value),
        more.filter(Boolean).map((one) => element("dd", {}, one)));
    const { learned, points, difference: gap } = at;
    const shows = gap.low !== null && (gap.low > 0 || gap.high < 0);
    return [
      tile("learned", "Learned score", format.count(learned.value), `${share(learned)} of all customers`, ends(learned)),
      tile("points", "Points", format.count(points.value), `${share(points)} of all customers`, ends(points)),
      tile(shows ? "good" : "plain", "Difference", format.signed(gap.value), `${share(gap)} of all customers`.replace("-", "−"), ends(gap, format.signed)),
      tile("plain", "Expected", format.decimal(at.expected_learned), `${format.decimal(at.expected_points)} on the points' list`, "before calling"),
      tile("plain", "Calls that change", format.count(sides.learned.leads), `of ${format.count(at.calls)}`,
        `${format.count(sides.learned.customers)} customers instead of ${format.count(sides.points.customers)}`),
      ...(at.profit_learned === null ? [] : [tile("plain", "Value minus cost", format.count(at.profit_learned), `${format.count(at.profit_points)} with the points`)]),
    ];
  }

  function swapSides(at, sides, about) {
    byId("swap-now").textContent =
      `At ${format.compact(at.calls_per_week)} calls a ${about.week}, ${format.count(sides.learned.leads)} of ` +
      `${format.count(at.calls)} calls go to other leads: ${format.count(sides.learned.customers)} of those who would be called ` +
      `became customers, and ${format.count(sides.points.customers)} of those who would no longer be.`;
    const rows = [["Called by both", "both"], ["Only by the learned score", "learned"], ["Only by the points", "points"], ["By neither", "neither"]];
    const mean = (side, name) => (side.leads > 0 ? side[name] / side.leads : null);
    byId("swap-sides").replaceChildren(...rows.map(([name, key]) => {
      const side = sides[key];
      return element("div", { class: `side-card ${key}` }, element("h3", {}, name),
        element("p", { class: "value" }, format.percent(mean(side, "customers"))),
        element("p", {}, `${format.decimal(side.customers)} customers of ${format.decimal(side.leads)} leads`),
        element("p", { class: "note" }, `on average ${format.percent(mean(side, "probability"))} and ${format.decimal(mean(side, "points"), 0)} points`));
    }));
  }

  function curves({ capacities, about, ranking }, cut, chosen) {
    const x = capacities.map((one) => one.calls_per_week);
    const of = (name, end) => capacities.map((one) => one[name][end]);
    const measured = (name, label, variable) =>
      ({ label, variable, values: of(name, "value"), low: of(name, "low"), high: of(name, "high") });
    const across = `Calls a ${about.week}`;
    const both = [measured("learned", "Learned score", "--accent"), measured("points", "Points", "--second")];
    const gap = [measured("difference", "Difference", "--accent")];
    const column = (one, show = format.decimal) => one.values.map((value) => show(value));
    const table = (caption, list, show) => ({
      caption,
      heads: [[across, true], ...list.flatMap((one) => [[one.label, true], ...(one.low ? [["95 % interval", true]] : [])])],
      rows: x.map((calls, place) => [format.compact(calls), ...list.flatMap((one) => [column(one, show)[place],
        ...(one.low ? [format.interval(one.low[place], one.high[place], show || format.decimal)] : [])])]),
    });
    const draw = (id, list, caption, more = {}) => charts.draw(
      charts.frame(byId(id), list, table(caption, list, more.show)),
      { x, curves: list, label: `${caption}; the numbers are in the table below`, across, cut, chosen, ...more });
    const drawn = [
      draw("chart-reached", both, `Customers reached of ${format.count(ranking.customers)}, by calls a ${about.week}`),
      draw("chart-difference", gap, "Customers that the learned score reaches more than the points"),
    ];
    if (capacities.some((one) => one.profit_learned !== null)) {
      const profit = ["learned", "points"].map((name, place) => ({
        label: both[place].label, variable: both[place].variable, values: capacities.map((one) => one[`profit_${name}`]),
      }));
      drawn.push(draw("chart-profit", profit, "Value of the customers reached minus the cost of the calls", { show: format.count }));
    }
    return drawn;
  }

  try {
    await start();
  } catch (error) {
    if (!error.problem) throw error;
    nothing(error.message);
  }
})();
