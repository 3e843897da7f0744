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

  /* Box, slider and address tell one capacity, and every word below follows it. */
  function capacity(found, list) {
    const { capacities, about } = found;
    const [slider, box] = [byId("calls"), byId("calls-box")];
    const team = about.calls_per_week;
    const last = capacities.at(-1).calls_per_week;
    for (const one of [slider, box]) Object.assign(one, { min: 0, max: last });
    let calls = within(leadcast.calls.read() ?? team, last);
    const go = (number) => {
      calls = within(number, last);
      leadcast.calls.write(calls === team ? null : calls);
      update();
    };
    const drawn = curves(found, () => calls, (place) => go(capacities[place].calls_per_week));
    const refresh = swap.make(list, found, {
      address: leadsAddress,
      fileName: () => `leads-${about.source.replace(/[^\w-]+/g, "_")}-${calls}-calls.csv`,
    });
    let live = 0, frame = 0;
    function update() {
      const sides = lists.cut(list, calls);
      const at = leadcast.calls.at(found, calls, sides);
      slider.value = calls;
      if (document.activeElement !== box) box.value = calls;
      slider.setAttribute("aria-valuetext", `${format.compact(calls)} calls a ${about.week}`);
      sections.headline(found, at);
      byId("calls-team").hidden = calls === team;
      byId("capacity-tiles").replaceChildren(...tiles(at, found, sides));
      swapSides(at, sides, about);
      sections.worth(found, at);
      // Figures follow each move at once; curves and rows follow the last one before a frame.
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        refresh(sides);
        drawn.forEach((chart) => chart.redraw());
      });
      clearTimeout(live);
      live = setTimeout(() => (byId("calls-live").textContent = byId("headline").textContent), LIVE_AFTER_MS);
    }
    byId("calls-team").textContent = `Back to ${format.compact(team)}`;
    byId("calls-team").addEventListener("click", () => {
      go(team);
      box.focus();
      box.value = team;
    });
    slider.addEventListener("input", () => go(Number(slider.value)));
    box.addEventListener("input", () => box.value !== "" && box.checkValidity() && go(Number(box.value)));
    box.addEventListener("change", () => {
      go(box.value === "" ? team : Number(box.value));
      box.value = calls;
    });
    byId("swap-words").replaceChildren(
      ...(found.swap.words.length ? [element("h3", {}, `At ${format.compact(team)} calls a ${about.week}`)] : []),
      ...found.swap.words.map((one) => element("p", {}, one)),
    );
    update();
  }

  const within = (number, last) => Math.min(Math.max(Number.isFinite(number) ? number : 0, 0), last);

  function tiles(at, { ranking: { customers }, about: { currency } }, sides) {
    const share = (one) => format.percent(customers ? one.value / customers : null);
    const ends = ({ low, high }, show = format.count) => (low === null ? "" : `95 %: ${format.interval(low, high, show)}`);
    const tile = (kind, name, value, ...more) =>
      element("div", { class: `tile ${kind}` }, element("dt", {}, name), element("dd", { class: value.length > 8 ? "value long" : "value" }, value),
        more.filter(Boolean).map((one) => element("dd", {}, one)));
    const { learned, points, difference: gap, earned } = at;
    const verdict = leadcast.calls.verdict(gap);
    const money = (value) => format.money(value, currency);
    return [
      tile("learned", "Learned score", format.count(learned.value), `${share(learned)} of all customers`, ends(learned)),
      tile("points", "Points", format.count(points.value), `${share(points)} of all customers`, ends(points)),
      tile(verdict === "learned" ? "good" : "plain", "Difference", format.signed(gap.value), "customers", ends(gap, format.signed)),
      ...(earned ? [tile("plain", "Difference in revenue", format.money(earned.difference.value, currency, true), `${money(earned.learned.value)} against ${money(earned.points.value)}`,
        ends(earned.difference, (value) => format.money(value, null, true)))] : []),
      tile("plain", "Calls that change", format.count(sides.learned.leads), `of ${format.count(at.calls)}`,
        `${format.count(sides.learned.customers)} customers instead of ${format.count(sides.points.customers)}`),
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
        element("p", {}, `${format.count(side.customers)} customers of ${format.count(side.leads)} leads`),
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
    const column = (one, show = format.count) => one.values.map((value) => show(value));
    const table = (caption, list, show) => ({
      caption,
      heads: [[across, true], ...list.flatMap((one) => [[one.label, true], ...(one.low ? [["95 % interval", true]] : [])])],
      rows: x.map((calls, place) => [format.compact(calls), ...list.flatMap((one) => [column(one, show)[place],
        ...(one.low ? [format.interval(one.low[place], one.high[place], show || format.count)] : [])])]),
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
      drawn.push(draw("chart-profit", profit, `Value of the customers reached minus the cost of the calls${about.currency ? `, ${about.currency}` : ""}`, { show: format.count }));
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
