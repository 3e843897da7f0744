"use strict";
/* What a comparison with an edited table came to: the new headline beside the old one, the curves,
   and what each rule contributes. */
(() => {
  const { element, format, heading, note, swatch } = leadcast;
  const HEIGHT = 280;
  const percent = (share) => format.percent(share);
  const signed = (value) => format.signed(Math.round(value));
  const interval = (one, show) => (one.low === null ? "" : format.interval(one.low, one.high, show));

  leadcast.rulesResult = (before, { after, rules, earlier }, number) => {
    const place = element("div", {
      class: "chart",
      role: "img",
      "aria-label": "Customers reached by calls a week; the numbers are in the table below",
    });
    const parts = [headline(before, after, earlier, number), curves(before, after, place)];
    if (rules) parts.push(contributions(rules));
    return { parts, drawn: () => leadcast.plot(place, (colour) => chart(before, after, colour)) };
  };

  function headline(before, after, earlier, number) {
    const unlike = before.customers !== after.customers;
    const all = `of ${format.count(after.customers)} customers in all`;
    return element(
      "section",
      { class: "card headlines", tabindex: "-1", "aria-labelledby": "result-title" },
      element(
        "h2",
        { id: "result-title" },
        `Customers reached at ${format.compact(after.calls_per_week)} calls a ${after.week}`,
      ),
      element(
        "div",
        { class: "trio" },
        figure("Points today", before.reached.points, before.points_from, "today"),
        figure("Your table", after.reached.points, against(earlier), "edited"),
        figure("Learned score", after.reached.learned, all, "learned"),
      ),
      element("dl", { class: "sentences" }, [
        element("dt", {}, "Before"),
        element("dd", {}, before.headline.words),
        element("dt", {}, "With your table"),
        element("dd", { id: "new-headline" }, after.headline.words),
        ...(earlier
          ? [
              element("dt", {}, "Your table against today’s points"),
              element("dd", { id: "against-today" }, earlier.words),
            ]
          : []),
      ]),
      unlike
        ? note(
            "The two were compared on somewhat different leads: not every lead has both kinds of points.",
          )
        : null,
      note(luck(after, number)),
    );
  }

  function against(earlier) {
    if (!earlier) return "no lead has both kinds of points";
    const { value, low, high, shows } = earlier.difference;
    const gap = Math.round(earlier.new.value) - Math.round(earlier.earlier.value);
    if (low === null) return `${format.signed(gap)} against today’s points`;
    const told = gap ? `${format.signed(gap)} against today’s points` : "as many as today’s points";
    const sure = shows ? "" : "; chance could explain that";
    return `${told} (95 %: ${format.interval(low, high, signed)}${value ? sure : ""})`;
  }

  function luck(after, number) {
    const { detectable } = after.reached.difference;
    const small =
      detectable === null
        ? ""
        : `Between two lists of these leads, a difference under ${format.count(Math.max(1, detectable))} customers would hardly show. `;
    const often =
      number === 1 ? "" : `This is comparison ${number} on the same test leads since the service began: `;
    return `${small}${often}${often ? "the" : "The"} more tables are tried on them, the luckier the best one looks. Mend rules by what the table below says; it looks at earlier leads only.`;
  }

  function figure(name, reached, words, kind) {
    return element(
      "div",
      { class: `count ${kind}` },
      element("p", { class: "name" }, name),
      element("p", { class: "figure" }, format.count(reached.value)),
      note(reached.low === null ? "" : `95 %: ${interval(reached, format.count)}`),
      note(words),
    );
  }

  function curves(before, after, place) {
    const rows = merged(before, after).map((one) => [
      format.compact(one.calls),
      ...["today", "edited", "learned"].map((name) => format.decimal(one[name])),
    ]);
    return element(
      "section",
      { class: "card" },
      heading("At other capacities"),
      element(
        "figure",
        {},
        element(
          "figcaption",
          {},
          swatch("learned", "learned score"),
          swatch("edited", "your table"),
          swatch("today", "points today"),
        ),
        place,
      ),
      leadcast.details(
        "In numbers",
        leadcast.table(
          `Customers reached by calls a ${after.week}`,
          ["Calls", "Points today", "Your table", "Learned score"],
          rows,
          [1, 2, 3],
        ),
      ),
    );
  }

  function merged(before, after) {
    const old = new Map(before.curve.map((one) => [one.calls, one.points]));
    return after.curve.map((one) => ({
      calls: one.calls,
      learned: one.learned,
      edited: one.points,
      today: old.get(one.calls) ?? null,
    }));
  }

  function chart(before, after, colour) {
    const rows = merged(before, after);
    const line = (name, more = {}) => ({
      stroke: colour(name),
      width: 2,
      points: { show: false },
      spanGaps: true,
      ...more,
    });
    return {
      height: HEIGHT,
      data: [
        rows.map((one) => one.calls),
        ...["today", "edited", "learned"].map((name) => rows.map((one) => one[name])),
      ],
      scales: { x: { time: false }, y: { range: (_, low, high) => [0, high * 1.05] } },
      series: [{}, line("--third", { dash: [6, 4] }), line("--second"), line("--accent")],
      axes: [
        leadcast.axis(colour, {
          label: `calls a ${after.week}`,
          labelSize: 22,
          labelFont: "12px system-ui, sans-serif",
        }),
        leadcast.axis(colour, { size: 48 }),
      ],
      cursor: { show: false },
      hooks: { draw: [(plot) => capacity(plot, after.calls_per_week, colour("--ink"))] },
    };
  }

  function capacity(plot, calls, stroke) {
    const { ctx, bbox } = plot;
    const x = Math.round(plot.valToPos(calls, "x", true));
    ctx.save();
    ctx.beginPath();
    ctx.strokeStyle = stroke;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  function contributions(rules) {
    const most = Math.max(
      ...rules.rules.flatMap(({ reached }) => [reached.low, reached.high].map(Math.abs)),
      1,
    );
    const age =
      rules.landmark_days === null
        ? ""
        : `, at the age of ${format.compact(rules.landmark_days)} day${rules.landmark_days === 1 ? "" : "s"}`;
    const words = `On earlier leads, from which the model has learned: ${format.count(rules.snapshots)} leads at moments, and a call list of ${format.count(rules.leads)} of them${age}, on which the whole table reaches ${format.count(rules.reached.value)} of ${format.count(rules.customers)} customers.`;
    return element(
      "section",
      { class: "card" },
      heading("What each rule contributes"),
      note(words),
      element(
        "p",
        { class: "legend note" },
        swatch("good", "more customers with the rule"),
        swatch("harm", "fewer"),
        swatch("unsure", "cannot be told from nothing"),
      ),
      leadcast.scrolling("Contributions", contributionTable(rules, most)),
    );
  }

  function contributionTable(rules, most) {
    const names = [
      "Rule",
      "Customers reached through it (95 %)",
      "Points",
      "Leads",
      "Mean points",
      "Become customers with it",
      "without it",
    ];
    return leadcast.framed(
      { class: "contributions" },
      element("caption", { class: "hidden-words" }, "What each rule contributes"),
      names,
      [2, 3, 4, 5, 6],
      rules.rules.map((rule) => contribution(rule, most)),
    );
  }

  function contribution(rule, most) {
    const { reached } = rule;
    const number = (value) => element("td", { class: "number" }, value);
    const silent =
      rule.fired_leads === 0
        ? "never fires"
        : rule.listed_share === 0
          ? "fires for nobody on the call list"
          : null;
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, rule.rule, element("span", { class: "note group" }, rule.group)),
      silent
        ? element("td", { class: "note" }, silent)
        : element(
            "td",
            {},
            whisker(reached, most),
            element("span", { class: "told" }, `${signed(reached.value)} (${interval(reached, signed)})`),
          ),
      number(format.signed(rule.points, Number.isInteger(rule.points) ? 0 : 1)),
      number(format.count(rule.fired_leads)),
      number(format.signed(rule.mean_points, 1)),
      number(percent(rule.conversion)),
      number(percent(rule.conversion_else)),
    );
  }

  function whisker({ value, low, high, shows }, most) {
    const at = (number) => `${50 + (50 * number) / most}%`;
    const kind = shows ? (value > 0 ? "good" : "harm") : "unsure";
    const made = element(
      "span",
      { class: `whisker ${kind}`, "aria-hidden": "true" },
      element("span", { class: "line" }),
      element("span", { class: "dot" }),
    );
    made.firstChild.style.left = at(low);
    made.firstChild.style.width = `${(50 * (high - low)) / most}%`;
    made.lastChild.style.left = at(value);
    return made;
  }
})();
