"use strict";
/* The parts of a lead's page: who it is, how it ended, its ledger of points. */
(() => {
  const { element, format, heading, note, sentence, table } = leadcast;
  const minute = (us) => format.minute(us === null || us === undefined ? null : us / 1e6);
  const day = (us) => minute(us).slice(0, 10);
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
    ({ won: "just before it was won", lost: "just before it was lost" })[lead.outcome.state] ||
    "at the end of the data";

  leadcast.momentWords = (lead, number) => {
    const moment = lead.moments[number];
    const given = moment.points === null ? "" : `, ${points(moment.points)} points`;
    return `${leadcast.momentName(lead, number)}: ${format.percent(moment.probability)}, grade ${moment.grade}${given}`;
  };

  function head(lead) {
    const { outcome } = lead;
    const on = outcome.at_us === null ? "" : ` on ${day(outcome.at_us)}`;
    const currency = outcome.currency ? `${outcome.currency}\u00a0` : "";
    const amount = outcome.amount === null ? "" : `, ${currency}${format.count(outcome.amount)}`;
    const state = {
      won: `Became a customer${on}${amount}`,
      lost: `Lost${on}`,
      open: outcome.until_us === null ? "Open" : `Open when the data end (${day(outcome.until_us)})`,
    }[outcome.state];
    const created =
      lead.created_us === null ? null : element("span", {}, `Created ${day(lead.created_us)}`);
    return element(
      "header",
      { class: "lead-head" },
      element("h1", {}, lead.lead_id),
      element(
        "p",
        { class: "lead-facts" },
        element("span", { class: `state ${outcome.state}` }, state),
        created,
        listed(lead),
      ),
      lead.learned_from
        ? element("p", { class: "notice training" }, element("b", {}, "A training lead. "),
            "The model that scores it here has learned from how it ended: its score says less of how good the model is than that of a lead which it had not seen.")
        : null,
      lead.model === "other"
        ? note(
            "The run’s folder holds another model by now than the one that answers here; restart the service to see its scores.",
          )
        : null,
    );
  }

  function listed({ listed, judged }) {
    if (!listed) return null;
    const ranks = [listed.rank_learned, listed.rank_points].map((rank) =>
      rank === null ? "–" : format.compact(rank),
    );
    return element(
      "span",
      {},
      `Week of ${listed.week}: place ${ranks[0]} by the learned score, ${ranks[1]} by points`,
      judged ? "; scored here by the judged model, which had not seen how it ended" : "",
    );
  }

  function plain(value) {
    if (typeof value === "boolean") return value ? "yes" : "no";
    return typeof value === "number" ? format.compact(value) : String(value);
  }

  function attributes(lead) {
    const rows = lead.attributes.map(({ name, value }) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, plain(value))),
    );
    return element("section", { class: "card who" }, heading("Who it is"), element("dl", {}, rows));
  }

  function ledgerCard(lead, why, useTable) {
    const column =
      lead.score_column === null
        ? []
        : [
            element("p", { class: "figure points" }, points(lead.score_column)),
            note("Your own points, as the export has them; what they are made of, it does not tell."),
          ];
    if (!lead.tables.length) {
      const words =
        "No points table fits this source’s columns. Put one into data/rules, then its ledger stands here.";
      return [heading("Points"), ...column, element("p", { class: "empty" }, words)];
    }
    const select = element(
      "select",
      { id: "points-table", onchange: (event) => useTable(event.target.value) },
      lead.tables.map((one) =>
        element("option", { value: one.key, selected: one.key === lead.table }, one.title),
      ),
    );
    const rows = why.ledger.map((one) => [
      one.rule ?? sentence(one.kind),
      one.event_type === null || one.event_type === undefined
        ? one.words
        : `${one.event_type.replaceAll("_", " ")}, ${minute(one.occurred_us)}: ${one.words}`,
      signed(one.points),
    ]);
    const total = element(
      "tr",
      { class: "total" },
      element("th", { scope: "row" }, "Together"),
      element("td", {}),
      element("td", { class: "number" }, points(why.points)),
    );
    const ledger = rows.length
      ? leadcast.scrolling(
          "Ledger",
          table("Which rule gave which points", ["Rule", "For what", "Points"], rows, [2], total),
        )
      : element("p", { class: "empty" }, `No rule fires at this moment: ${points(why.points)} points.`);
    const choice = element("div", { class: "row" }, element("label", { for: "points-table" }, "By the table"), select);
    const own = element("p", { class: column.length ? "result" : "figure points" }, column.length ? `${points(why.points)} points` : points(why.points));
    return [
      heading("Points"),
      ...(column.length ? [...column, element("h3", {}, "What another table would give"), choice, own] : [own, choice]),
      ledger,
    ];
  }

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
        score.replaceChildren(...leadcast.scoreCard(lead, told.score, number));
        why.replaceChildren(...leadcast.reasonsCard(told.score));
        ledger.replaceChildren(...ledgerCard(lead, told, useTable));
      },
      fail(words) {
        score.replaceChildren(element("p", { class: "error" }, words));
      },
    };
  };
})();
