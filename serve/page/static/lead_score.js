"use strict";
/* A lead's score at a moment, and what made it so. */
(() => {
  const { details, element, format, heading, hidden, note, table } = leadcast;
  const factor = (log_odds) =>
    element("span", { class: "factor" }, `odds × ${format.decimal(Math.exp(log_odds), 2)}`);

  function scoreCard(lead, score, number) {
    const scale = Math.max(...lead.moments.map((one) => one.upper ?? one.probability)) || 1;
    const range = element(
      "div",
      { class: "range", "aria-hidden": "true" },
      element("span", { class: "band" }),
      element("span", { class: "dot" }),
    );
    const at = (value) => `${(100 * value) / scale}%`;
    if (score.lower !== null) {
      range.firstChild.style.left = at(score.lower);
      range.firstChild.style.width = at(score.upper - score.lower);
    }
    range.lastChild.style.left = at(score.probability);
    const interval =
      score.lower === null
        ? "no interval: too little data"
        : `${format.percent(lead.interval_level)} interval ${format.interval(score.lower, score.upper, format.percent)}`;
    const within = lead.horizon_days === null ? "" : ` within ${format.compact(lead.horizon_days)} days`;
    return [
      heading("Probability"),
      element("p", { class: "note when" }, leadcast.momentName(lead, number)),
      element(
        "div",
        { class: "figures" },
        element("p", { class: "figure" }, format.percent(score.probability)),
        element("p", { class: `grade grade-${score.grade}` }, hidden("Grade "), score.grade),
      ),
      range,
      element("p", {}, interval),
      note(
        `To become a customer${within}. Better than ${format.compact(score.percentile)} % of the leads that the model was tested on.`,
      ),
      ...when(score.extra),
      groups(score.reasons.groups),
    ];
  }

  /* The lead's own curve: how likely it is a customer by when. */
  function when(extra) {
    if (!extra) return [];
    const days = (key) => /^probability_(\d+)d$/.exec(key)?.[1];
    const rows = Object.entries(extra)
      .filter(([key, value]) => days(key) && value !== null)
      .map(([key, value]) => [`${days(key)} days`, format.percent(value)]);
    const whole = (value) => format.count(Math.max(1, Math.round(value)));
    const words = [
      extra.median_days === null ? "" : `Half of the leads like it that convert do so within ${whole(extra.median_days)} days.`,
      extra.cools_after_days === null
        ? ""
        : `After day ${whole(extra.cools_after_days)} its chance a day is less than half of its highest.`,
    ].filter((one) => one).join(" ");
    return [details("By when", table("A customer within so many days", ["Within", "Probability"], rows, [1])), note(words)];
  }

  function groups(parts) {
    const names = {
      fit: "Who it is",
      engagement: "What it did",
      source: "Where it came from",
      timing: "When",
    };
    const largest = Math.max(...Object.values(parts).map(Math.abs), 1e-9);
    const row = ([key, name]) => {
      const value = parts[key];
      const drawn = element("span", { class: `bar ${value < 0 ? "down" : "up"}` });
      drawn.style.width = `${(50 * Math.abs(value)) / largest}%`;
      drawn.style.left = value < 0 ? `${50 - (50 * Math.abs(value)) / largest}%` : "50%";
      return element(
        "li",
        {},
        element("span", {}, name),
        element("span", { class: "axis", "aria-hidden": "true" }, drawn),
        factor(value),
      );
    };
    return element(
      "ul",
      { class: "groups", "aria-label": "What each group of features does to the odds" },
      Object.entries(names).map(row),
    );
  }

  function reasonsCard({ reasons }) {
    const all = [...reasons.up, ...reasons.down];
    const largest = Math.max(...all.map((one) => Math.abs(one.contribution)), 1e-9);
    const list = (title, some, kind) =>
      some.length
        ? [
            element("h3", {}, title),
            element("ul", { class: "reasons" }, some.map((one) => bar(one, largest, kind))),
          ]
        : [];
    return [
      heading("Why"),
      note("Each reason multiplies the odds, which are the chance to convert against the chance not to: 20 % are odds of 1 to 4."),
      ...list("What raises it", reasons.up, "up"),
      ...list("What lowers it", reasons.down, "down"),
      details("In numbers", reasonsTable(reasons)),
    ];
  }

  function bar(reason, largest, kind) {
    const drawn = element("span", { class: `bar ${kind}`, "aria-hidden": "true" });
    drawn.style.width = `${Math.max(1.5, (100 * Math.abs(reason.contribution)) / largest)}%`;
    return element(
      "li",
      {},
      element("span", { class: "words" }, reason.words),
      element("span", { class: "track" }, drawn),
      factor(reason.contribution),
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
    return table(
      "The parts add up on the log-odds scale",
      ["Part", "Log-odds"],
      rows.map(([name, value]) => [name, format.signed(value, 3)]),
      [1],
    );
  }

  Object.assign(leadcast, { reasonsCard, scoreCard });
})();
