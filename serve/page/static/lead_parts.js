"use strict";
/* The parts of a lead's page: who it is, its score, the reasons, the ledger. */
(() => {
  const { details, element, format, table } = leadcast;
  const heading = (words) => element("h2", {}, words);
  const minute = (us) => format.minute(us === null || us === undefined ? null : us / 1e6);
  const points = (value) => format.compact(value);
  const signed = (value) => (value > 0 ? "+" : "") + format.decimal(value, Number.isInteger(value) ? 0 : 1);

  leadcast.momentName = (lead, number) => {
    const moment = lead.moments[number];
    const at = moment.as_of_us ?? null;
    if (at === null) return "as exported";
    const event = lead.events.findLast((one) => one.moment === number);
    if (event) return `after “${event.kind}”, ${minute(at)}`;
    if (at === lead.created_us) return `at its creation, ${minute(at)}`;
    if (lead.listed && at === lead.listed.as_of_us) return `on the call list, ${minute(at)}`;
    if (number === lead.moments.length - 1) return `${lastWords(lead)}, ${minute(at)}`;
    return minute(at);
  };
  const lastWords = (lead) =>
    ({ won: "just before it was won", lost: "just before it was lost" })[lead.outcome.state] || "at the end of the data";

  leadcast.momentWords = (lead, number) => {
    const moment = lead.moments[number];
    const given = moment.points === null ? "" : `, ${points(moment.points)} points`;
    return `${leadcast.momentName(lead, number)}: ${format.percent(moment.probability)}, grade ${moment.grade}${given}`;
  };

  function head(lead) {
    const { outcome } = lead;
    const amount = outcome.amount === null ? "" : `, ${format.count(outcome.amount)}`;
    const state = {
      won: `Became a customer${outcome.at_us === null ? "" : ` on ${minute(outcome.at_us).slice(0, 10)}`}${amount}`,
      lost: `Lost${outcome.at_us === null ? "" : ` on ${minute(outcome.at_us).slice(0, 10)}`}`,
      open: outcome.until_us === null ? "Open" : `Open when the data end (${minute(outcome.until_us).slice(0, 10)})`,
    }[outcome.state];
    const created = lead.created_us === null ? [] : [element("span", {}, `Created ${minute(lead.created_us).slice(0, 10)}`)];
    return element(
      "header",
      { class: "lead-head" },
      element("h1", {}, lead.lead_id),
      element("p", { class: "facts" }, element("span", { class: `state ${outcome.state}` }, state), ...created, ...listed(lead)),
      lead.model === "other"
        ? element("p", { class: "note" }, "The run’s folder holds another model by now than the one that answers here; restart the service to see its scores.")
        : null,
    );
  }

  function listed({ listed }) {
    if (!listed) return [];
    const ranks = [listed.rank_learned, listed.rank_points].map((rank) => (rank === null ? "–" : format.compact(rank)));
    return [element("span", {}, `Week of ${listed.week}: place ${ranks[0]} by the learned score, ${ranks[1]} by points`)];
  }

  function attributes(lead) {
    const rows = lead.attributes.map(({ name, value }) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, typeof value === "number" ? format.compact(value) : String(value))),
    );
    return element("section", { class: "card who" }, heading("Who it is"), element("dl", {}, rows));
  }

  function scoreCard(lead, score, number) {
    const scale = Math.max(...lead.moments.map((one) => one.upper ?? one.probability)) || 1;
    const range = element("div", { class: "range", "aria-hidden": "true" }, element("span", { class: "band" }), element("span", { class: "dot" }));
    const at = (value) => `${(100 * value) / scale}%`;
    if (score.lower !== null) {
      range.firstChild.style.left = at(score.lower);
      range.firstChild.style.width = at(score.upper - score.lower);
    }
    range.lastChild.style.left = at(score.probability);
    const interval = score.lower === null ? "no interval: too little data" : `${format.percent(lead.interval_level)} interval ${format.interval(score.lower, score.upper, format.percent)}`;
    const within = lead.horizon_days === null ? "" : ` within ${format.compact(lead.horizon_days)} days`;
    return [
      heading("Probability"),
      element("p", { class: "note when" }, leadcast.momentName(lead, number)),
      element(
        "div",
        { class: "figures" },
        element("p", { class: "figure" }, format.percent(score.probability)),
        element("p", { class: `grade grade-${score.grade}` }, element("span", { class: "hidden-words" }, "Grade "), score.grade),
      ),
      range,
      element("p", {}, interval),
      element("p", { class: "note" }, `To become a customer${within}. Better than ${format.compact(score.percentile)} % of the leads that the model was tested on.`),
      groups(score.reasons.groups),
    ];
  }

  function groups(parts) {
    const names = { fit: "Who it is", engagement: "What it did", source: "Where it came from", timing: "When" };
    const largest = Math.max(...Object.values(parts).map(Math.abs), 1e-9);
    const row = ([key, name]) => {
      const value = parts[key];
      const drawn = element("span", { class: `bar ${value < 0 ? "down" : "up"}` });
      drawn.style.width = `${(50 * Math.abs(value)) / largest}%`;
      drawn.style.left = value < 0 ? `${50 - (50 * Math.abs(value)) / largest}%` : "50%";
      return element("li", {}, element("span", {}, name), element("span", { class: "axis", "aria-hidden": "true" }, drawn), element("span", { class: "factor" }, element("span", { class: "hidden-words" }, "odds "), `× ${format.decimal(Math.exp(value), 2)}`));
    };
    return element("ul", { class: "groups", "aria-label": "What each group of features does to the odds" }, Object.entries(names).map(row));
  }

  function reasonsCard({ reasons }) {
    const all = [...reasons.up, ...reasons.down];
    const largest = Math.max(...all.map((one) => Math.abs(one.contribution)), 1e-9);
    const list = (title, some, kind) =>
      some.length ? [element("h3", {}, title), element("ul", { class: "reasons" }, some.map((one) => bar(one, largest, kind)))] : [];
    return [
      heading("Why"),
      ...list("What raises it", reasons.up, "up"),
      ...list("What lowers it", reasons.down, "down"),
      details("In numbers", reasonsTable(reasons)),
    ];
  }

  function bar(reason, largest, kind) {
    const drawn = element("span", { class: `bar ${kind}`, "aria-hidden": "true" });
    drawn.style.width = `${Math.max(1.5, (100 * Math.abs(reason.contribution)) / largest)}%`;
    const factor = Math.exp(reason.contribution);
    return element(
      "li",
      {},
      element("span", { class: "words" }, reason.words),
      element("span", { class: "track" }, drawn),
      element("span", { class: "factor" }, element("span", { class: "hidden-words" }, "odds "), `× ${format.decimal(factor, 2)}`),
    );
  }

  function reasonsTable(reasons) {
    const rows = [
      ["What all leads have in common", reasons.base],
      ...[...reasons.up, ...reasons.down].map((one) => [one.words, one.contribution]),
      ["All other features together", reasons.others],
      ["Calibration", reasons.calibrator],
      ["Log-odds of the probability", reasons.log_odds],
    ];
    return table("The parts add up on the log-odds scale", ["Part", "Log-odds"], rows.map(([name, value]) => [name, format.signed(value, 3)]), [1]);
  }

  function ledgerCard(lead, why, useTable) {
    const column = lead.score_column === null ? [] : [element("p", { class: "note" }, `The export’s own score column says ${points(lead.score_column)}; what that is made of, it does not tell.`)];
    if (!lead.tables.length) {
      const words = "No points table fits this source’s columns. Put one into data/rules, then its ledger stands here.";
      return [heading("Points"), ...column, element("p", { class: "empty" }, words)];
    }
    const select = element("select", { id: "points-table", onchange: (event) => useTable(event.target.value) }, lead.tables.map((one) => element("option", { value: one.key, selected: one.key === lead.table }, one.title)));
    const rows = why.ledger.map((one) => [
      one.rule ?? words(one.kind),
      one.event_type === null || one.event_type === undefined ? one.words : `${one.event_type.replaceAll("_", " ")}, ${minute(one.occurred_us)}: ${one.words}`,
      signed(one.points),
    ]);
    const total = element("tr", { class: "total" }, element("th", { scope: "row" }, "Together"), element("td", {}), element("td", { class: "number" }, points(why.points)));
    const ledger = rows.length
      ? element("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Ledger" }, table("Which rule gave which points", ["Rule", "For what", "Points"], rows, [2], total))
      : element("p", { class: "empty" }, `No rule fires at this moment: ${points(why.points)} points.`);
    return [
      heading("Points"),
      element("p", { class: "figure points" }, points(why.points)),
      element("div", { class: "row" }, element("label", { for: "points-table" }, "By the table"), select),
      ...column,
      ledger,
    ];
  }
  const words = (kind) => kind.charAt(0).toUpperCase() + kind.slice(1);

  leadcast.leadParts = (lead, { choose, useTable }) => {
    const score = element("section", { class: "card score" });
    const why = element("section", { class: "card" });
    const ledger = element("section", { class: "card ledger" });
    const course = leadcast.leadCourse(lead, choose);
    return {
      lead,
      parts: [
        head(lead),
        element("div", { class: "pair" }, score, attributes(lead)),
        course.chart,
        element("div", { class: "pair" }, why, ledger),
        course.events,
      ].filter(Boolean),
      drawn: course.drawn,
      mark: course.mark,
      tell(number, told) {
        score.replaceChildren(...scoreCard(lead, told.score, number));
        why.replaceChildren(...reasonsCard(told.score));
        ledger.replaceChildren(...ledgerCard(lead, told, useTable));
      },
      fail(words) {
        score.replaceChildren(element("p", { class: "error" }, words));
      },
    };
  };
})();
