"use strict";
/* The sections that do not move with the slider, each from its part of the comparison. */
leadcast.sections = (() => {
  const { element, format } = leadcast;
  const { plainTable, interval } = leadcast.charts;
  const byId = (id) => document.getElementById(id);
  const FEW = 10;
  const SHADES = 8;
  const ORDERS = ["desc", "asc"];
  const NAMES = { learned: "Learned score", points: "Points", undecided: "undecided" };
  const VERDICTS = {
    learned: ["The learned score reaches more", "good"],
    points: ["The points reach more", "second"],
    undecided: ["Cannot be told apart", "plain"],
  };

  function fill(found) {
    summary(found);
    agreement(found.bands);
    segments(found.segments);
    value(found);
    words("selection-words", found.selection.words);
    words("missing-words", found.missing.words);
    hybrids(found.hybrids);
    method(found);
    for (const place of document.querySelectorAll(".per")) place.textContent = found.about.week;
  }

  function words(id, sentences) {
    byId(id).replaceChildren(...sentences.map((one) => element("p", {}, one)));
  }

  /* What the page is about, at a capacity. */
  function headline(found, at) {
    const { calls } = leadcast;
    const isLess = calls.isLess(at);
    const [told, kind] = VERDICTS[calls.verdict(at.difference)];
    byId("verdict").textContent = isLess && kind === "good" ? `${told} customers, but less revenue` : told;
    byId("verdict").className = `chip ${isLess ? "second" : kind}`;
    byId("headline").textContent = calls.headline(found, at);
    const money = calls.money(found, at);
    byId("headline-money").hidden = money === "";
    byId("headline-money").textContent = money;
    byId("headline-sure").textContent = calls.sure(at);
  }

  function summary({ headline: { more } }) {
    byId("headline-more").querySelector("ul").replaceChildren(...more.map((one) => element("li", {}, one)));
  }

  function agreement(bands) {
    byId("agreement-found").textContent = agree(bands);
    byId("heat").replaceChildren(heat(bands));
    byId("points-bands").replaceChildren(pointsBands(bands.points));
    const shown = bands.out_of_order.filter((pair) => pair.shows);
    byId("out-of-order").replaceChildren(
      ...shown.map((pair) =>
        element("li", {}, `${pair.higher} convert less than ${pair.lower}: more than chance explains, ` +
          "after Holm's adjustment for every pair of neighbours. See which rules lift these leads."),
      ),
    );
  }

  function agree({ cells, points, probability, rank_correlation: correlation }) {
    const middle = [(points.length - 1) / 2, (probability.length - 1) / 2];
    const rate = (part) => {
      const leads = part.reduce((sum, cell) => sum + cell.leads, 0);
      const customers = part.reduce((sum, cell) => sum + cell.customers, 0);
      return [format.count(leads), format.percent(leads ? customers / leads : null)];
    };
    const few = (cell) => cell.points_band < middle[0], low = (cell) => cell.probability_band < middle[1];
    const many = (cell) => cell.points_band > middle[0], high = (cell) => cell.probability_band > middle[1];
    const [overlooked, their] = rate(cells.filter((cell) => few(cell) && high(cell)));
    const [overrated, other] = rate(cells.filter((cell) => many(cell) && low(cell)));
    const rank = correlation === null ? "" : ` Their rank correlation is ${format.decimal(correlation, 2)}.`;
    return `Of ${overlooked} leads with high probability and few points ${their} became customers; ` +
      `of ${overrated} with low probability and many points, ${other}.${rank}`;
  }

  function heat({ cells, points, probability }) {
    const at = new Map(cells.map((cell) => [`${cell.points_band} ${cell.probability_band}`, cell]));
    const large = cells.filter((cell) => cell.leads >= FEW).map((cell) => cell.conversion.value ?? 0);
    const highest = Math.max(...large, 0) || 1;
    const shade = (cell) => Math.round((SHADES * Math.min(cell.conversion.value ?? 0, highest)) / highest);
    const box = (band, column) => {
      const cell = at.get(`${column} ${band}`);
      if (!cell) return element("td", { class: "heat-none" }, leadcast.hidden("no leads"));
      const kind = `heat-${shade(cell)}${cell.leads < FEW ? " heat-few" : ""}`;
      return element("td", { class: kind },
        element("b", {}, format.hundredths(cell.conversion.value), element("span", { class: "unit" }, "\u00a0%")),
        element("span", {}, format.count(cell.leads), leadcast.hidden(" leads")));
    };
    const short = (label) => label.replace(/ points$/, "").replace(" to ", "–");
    const rows = probability.map((band, place) =>
      element("tr", {}, element("th", { scope: "row" }, band.label), points.map((_, column) => box(place, column))));
    const heads = points.map((band) => element("th", { scope: "col" }, short(band.label)));
    return element("table", { class: "heat" },
      element("caption", { class: "hidden-words" }, "Share of customers by band of probability (rows) and of points (columns)"),
      element("thead", {},
        element("tr", {}, element("td", { rowspan: 2, class: "corner" }, "Probability"),
          element("th", { scope: "colgroup", colspan: points.length, class: "over" }, "Points")),
        element("tr", {}, heads)),
      element("tbody", {}, rows.reverse()));
  }

  function pointsBands(bands) {
    const most = Math.max(...bands.map((band) => band.conversion.high ?? 0), 0.01);
    const heads = [["Points", false], ["Share and interval", false], ["Became customers", true], ["95 % interval", true],
      ["Expected", true], ["In the past", true], ["Leads", true], ["Customers", true]];
    const rows = bands.map((band) => [
      band.label,
      interval(band.conversion, [0, most], { kind: "points", expected: band.probability }),
      format.percent(band.conversion.value),
      format.interval(band.conversion.low, band.conversion.high, format.percent),
      format.percent(band.probability),
      format.percent(band.learned_from_past),
      format.count(band.leads),
      format.count(band.customers),
    ]);
    return plainTable({ caption: "What share of the leads in each band of points became customers", heads, rows });
  }

  function segments({ segments: found, words: told, method: how }) {
    words("segments-words", told);
    byId("segments-method").textContent = how;
    byId("segments-table").hidden = found.length === 0;
    if (found.length === 0) return;
    const ends = found.flatMap(({ auc_difference: gap }) => [gap.low, gap.high]).filter((end) => end !== null);
    const domain = [Math.min(0, ...ends), Math.max(0.02, ...ends)];
    const three = (number) => format.decimal(number, 3);
    const signed = (number) => format.signed(number, 3);
    const number = (title, data, show) => ({
      title, data, className: "number", orderSequence: ORDERS, render: (value, type) => (type === "display" ? show(value) : value ?? -Infinity),
    });
    const text = DataTable.render.text();
    const table = new DataTable("#segments-table", {
      data: found,
      paging: false, info: false, searching: false, autoWidth: false, order: [],
      columns: [
        { title: "By", data: (one) => one.dimension.replaceAll("_", " "), render: text },
        { title: "Segment", data: "value", render: text, className: "wrap" },
        { title: "Difference of AUC", data: "auc_difference.value", orderable: true, className: "picture",
          render: (value, type) => (type === "display" ? "" : value ?? -Infinity),
          createdCell: (cell, _, one) => cell.append(
            interval(one.auc_difference, domain, { zero: 0, kind: one.winner }),
            leadcast.hidden(three(one.auc_difference.value))) },
        number("Gap", "auc_difference.value", signed),
        { title: "95 % interval", data: "auc_difference", orderable: false, className: "number",
          render: (gap) => format.interval(gap.low, gap.high, signed) },
        { title: "Ranks better", data: "winner", render: (winner) => NAMES[winner] },
        number("p, adjusted", "adjusted_p_value", (p) => (p !== null && p < 0.001 ? "< 0.001" : three(p))),
        number("Leads", "leads", format.count),
        number("Customers", "customers", format.count),
        number("Learned reaches", "reached_learned", format.count),
        number("Points reach", "reached_points", format.count),
      ],
    });
    leadcast.charts.scrolled(table, "Segments");
  }

  function value({ value: worth, capacities }) {
    words("value-words", worth.words);
    byId("value-figure").hidden = capacities.every((one) => one.profit_learned === null);
  }

  /* What both lists are worth at a capacity. */
  function worth({ about }, at) {
    const { currency, cost_per_call: each } = about;
    const money = (amount) => format.money(amount, currency);
    const cost = each === null ? null : each * at.calls;
    const both = (name, one, other, show, gap = null) => (one === null || one === undefined ? [] :
      [[name, show(one), show(other), gap === null || gap.low === null ? "" : format.interval(gap.low, gap.high, (end) => format.money(end, null, true))]]);
    const earned = at.earned ?? null;
    const customer = (one) => (cost === null || !one.value ? null : cost / one.value);
    const rows = [
      ...both("Calls", at.calls, at.calls, format.count),
      ...both("Customers reached", at.learned.value, at.points.value, format.count),
      ...both("Expected by the learned score", at.expected_learned, at.expected_points, format.count),
      ...both("What the customers bring", earned?.learned.value, earned?.points.value, money, earned?.difference ?? null),
      ...both("Cost of the calls", cost, cost, money),
      ...both("Cost of a customer", customer(at.learned), customer(at.points), money),
      ...both("Value minus cost", at.profit_learned, at.profit_points, money, earned?.difference ?? null),
    ];
    byId("value-table").replaceChildren(plainTable({
      caption: `At ${format.compact(at.calls_per_week)} calls a ${about.week}`,
      heads: [["Figure", false], ["Learned score", true], ["Points", true], ["Difference, 95 % interval", true]],
      rows,
    }));
  }

  function hybrids({ hybrids: found, words: told }) {
    const how = found.map((one) => `How: ${one.words}`);
    const none = found.length > 0 && !found.some((one) => one.helps)
      ? ["No hybrid is known to rank better than both of its parts: it is not worth it."] : [];
    words("hybrid-words", [...told, ...none, ...how]);
  }

  function method({ about, ranking, weeks }) {
    const three = (one) => format.decimal(one, 3), share = format.percent;
    const signed = (show) => (number) => (number > 0 ? "+" : "") + show(number).replace("-", "−");
    const lines = [
      ["AUC, every test snapshot", "auc_snapshots", three], ["AUC, on the call list", "auc", three],
      ["Average precision, within weeks", "average_precision", three],
      ["Customers reached", "reached", format.count], ["Share of all customers", "gain", share],
    ];
    byId("ranking-table").replaceChildren(plainTable({
      caption: `How well both rank ${format.count(ranking.leads)} leads, of whom ${format.count(ranking.customers)} became customers`,
      heads: [["Figure", false], ["Learned score", true], ["Points", true], ["Difference", true], ["95 % interval", true], ["Would show from", true]],
      rows: lines.map(([name, key, show]) => {
        const { learned, points, difference: gap } = ranking[key];
        const ends = format.interval(gap.low, gap.high, signed(show));
        return [name, show(learned.value), show(points.value), signed(show)(gap.value), ends, show(gap.detectable)];
      }),
    }));
    byId("facts").replaceChildren(...facts(about, ranking).map(([name, told]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, told))));
    byId("weeks").querySelector(".table").replaceChildren(plainTable({
      caption: `What both lists reach in each ${about.week}`,
      heads: [[about.week, false], ["Leads", true], ["Customers", true], ["Calls", true], ["Learned score reaches", true], ["Points reach", true]],
      rows: weeks.map((week) => [week.week, format.count(week.leads), format.count(week.customers),
        format.count(week.calls), format.count(week.learned), format.count(week.points)]),
    }));
  }

  function facts(about, ranking) {
    const days = (number) => (number === 1 ? "1 day" : `${format.compact(number)} days`);
    const age = about.call_landmark_days;
    return [
      ["Points from", about.points_from],
      ["Capacity", `${format.compact(about.calls_per_week)} calls a ${about.week} (${about.capacity_from})`],
      ["A lead stands on the list", age === null ? "once" : `once, at the age of ${days(age)}`],
      ["Points known from the age of", days(about.points_after_days)],
      ["Compared", `${format.count(ranking.snapshots)} of ${format.count(about.test_snapshots)} test snapshots, ${format.count(ranking.leads)} leads`],
      ["Time covered", about.first_as_of && `${about.first_as_of.slice(0, 10)} to ${about.last_as_of.slice(0, 10)}`],
      ["Bootstrap", `${format.count(about.replicates)} draws of leads, seed ${about.seed}`],
    ].filter(([, told]) => told);
  }

  return { fill, headline, worth };
})();
