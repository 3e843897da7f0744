"use strict";
/* How a lead's score went: a chart, a slider over its moments, and its events as a table. */
(() => {
  const { element, format, heading, hidden, note, swatch } = leadcast;
  const seconds = (us) => us / 1e6;
  const HEIGHT = 230;
  const SMALL = 120;

  leadcast.leadCourse = (lead, choose) => {
    if (!lead.moments.length || (lead.moments[0].as_of_us ?? null) === null) return undated();
    const state = { chosen: lead.chosen };
    const redraws = [];
    const charts = [
      chartPlace("probability", lead),
      ...(lead.table === null ? [] : [chartPlace("points", lead)]),
    ];
    const slider = element("input", {
      id: "moment",
      type: "range",
      min: 0,
      max: lead.moments.length - 1,
      step: 1,
      value: lead.chosen,
      oninput: (event) => choose(Number(event.target.value)),
    });
    const name = element("output", { for: "moment", class: "moment-name" });
    const step = (by, words) =>
      element("button", { type: "button", onclick: () => choose(clamp(state.chosen + by)) }, words);
    const clamp = (number) => Math.min(Math.max(number, 0), lead.moments.length - 1);
    const events = eventsTable(lead, choose);
    const course = element(
      "section",
      { class: "card course", "aria-label": "Course of the score" },
      heading("How the score went"),
      note(courseWords(lead)),
      charts,
      element(
        "div",
        { class: "mover" },
        step(-1, "Earlier"),
        element("label", { for: "moment", class: "hidden-words" }, "Moment"),
        slider,
        step(1, "Later"),
      ),
      name,
      leadcast.details("In numbers", numbers(lead)),
    );
    return {
      chart: course,
      events: element("section", { class: "card events" }, events.parts),
      drawn() {
        redraws.push(
          leadcast.plot(charts[0].lastChild, (colour) => probability(lead, state, colour, choose)),
        );
        if (charts[1])
          redraws.push(leadcast.plot(charts[1].lastChild, (colour) => given(lead, state, colour, choose)));
      },
      mark(number) {
        state.chosen = number;
        slider.value = number;
        slider.setAttribute("aria-valuetext", leadcast.momentWords(lead, number));
        name.textContent = leadcast.momentName(lead, number);
        events.mark(number);
        redraws.forEach((redraw) => redraw());
      },
    };
  };

  const undated = () => ({
    chart: element(
      "section",
      { class: "card course" },
      heading("How the score went"),
      element(
        "p",
        { class: "empty" },
        "This source has no dates, so there is one score: that of the lead as it was exported.",
      ),
    ),
    events: null,
    drawn() {},
    mark() {},
  });

  const courseWords = (lead) =>
    `Scored at its creation and just after each event${lead.n_events > lead.moments.length ? `, at ${lead.moments.length} moments in all` : ""}; each time only with what was known by then.`;

  function chartPlace(what, lead) {
    const all = lead.moments.map((one) => one[what]);
    const show = what === "points" ? format.compact : format.percent;
    const words = `${what === "points" ? "Points" : "Probability with its interval"}, ${lead.moments.length} moments, from ${show(Math.min(...all))} to ${show(Math.max(...all))}; the numbers are in the table below`;
    const legend =
      what === "points"
        ? [swatch("second", "points")]
        : [swatch("accent", "probability"), swatch("soft", "interval"), swatch("tick", "events")];
    return element(
      "figure",
      {},
      element("figcaption", {}, legend),
      element("div", { class: "chart", role: "img", "aria-label": words }),
    );
  }

  function probability(lead, state, colour, choose) {
    const at = lead.moments.map((one) => seconds(one.as_of_us));
    const [low, high, middle] = ["lower", "upper", "probability"].map((name) =>
      lead.moments.map((one) => one[name]),
    );
    const stroke = colour("--accent");
    const edge = { stroke: "transparent", points: { show: false } };
    const points = { show: at.length < 80, size: 5, fill: stroke };
    return {
      height: HEIGHT,
      data: [at, high, low, middle],
      series: [{}, edge, { ...edge }, { stroke, width: 2, points }],
      bands: [{ series: [1, 2], fill: colour("--accent-band") }],
      ...frame(lead, state, colour, choose, (_, ticks) => ticks.map((value) => format.percent(value))),
    };
  }

  function given(lead, state, colour, choose) {
    const at = lead.moments.map((one) => seconds(one.as_of_us));
    const stroke = colour("--second");
    const steps = uPlot.paths.stepped({ align: 1 });
    return {
      height: SMALL,
      data: [at, lead.moments.map((one) => one.points)],
      series: [{}, { stroke, width: 2, paths: steps, points: { show: false } }],
      ...frame(lead, state, colour, choose, (_, ticks) => ticks.map((value) => format.compact(value))),
    };
  }

  function frame(lead, state, colour, choose, values) {
    return {
      scales: {
        x: { time: true },
        y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.08 : 1] },
      },
      axes: [
        leadcast.axis(colour, {
          space: 80,
          values: (_, ticks, _axis, _space, step) => ticks.map((at, place) => tick(at, step, ticks[place - 1])),
          size: 46,
        }),
        leadcast.axis(colour, { values, size: 54 }),
      ],
      tzDate: (time) => uPlot.tzDate(new Date(time * 1e3), "Etc/UTC"),
      cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { show: false } },
      hooks: {
        draw: [(plot) => marks(plot, lead, state, colour)],
        ready: [
          (plot) =>
            plot.over.addEventListener("click", () => plot.cursor.idx !== null && choose(plot.cursor.idx)),
        ],
      },
    };
  }

  const told = (at, parts) => new Date(at * 1e3).toLocaleString("en-GB", { timeZone: "UTC", ...parts });

  /* The time of day, below it the date where it changes; the day, below it the year likewise. */
  function tick(at, step, before) {
    const isOfDay = step < 86400;
    const [fine, coarse] = isOfDay
      ? [{ hour: "2-digit", minute: "2-digit" }, { day: "numeric", month: "short", year: "numeric" }]
      : step < 86400 * 300 ? [{ day: "numeric", month: "short" }, { year: "numeric" }] : [{ year: "numeric" }, null];
    if (coarse === null) return told(at, fine);
    const changed = before === undefined || told(before, coarse) !== told(at, coarse);
    return changed ? `${told(at, fine)}\n${told(at, coarse)}` : told(at, fine);
  }

  function marks(plot, lead, state, colour) {
    const { ctx, bbox } = plot;
    const line = (at, top, stroke, width) => {
      const x = Math.round(plot.valToPos(at, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) return;
      ctx.beginPath();
      ctx.strokeStyle = stroke;
      ctx.lineWidth = width * devicePixelRatio;
      ctx.moveTo(x, top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    };
    ctx.save();
    const foot = bbox.top + bbox.height - 7 * devicePixelRatio;
    for (const event of lead.events) line(seconds(event.at_us), foot, colour("--third"), 1);
    line(seconds(lead.moments[state.chosen].as_of_us), bbox.top, colour("--ink"), 1.5);
    ctx.restore();
  }

  function numbers(lead) {
    const rows = lead.moments.map((one) => [
      format.minute(seconds(one.as_of_us)),
      format.percent(one.probability),
      format.interval(one.lower, one.upper, format.percent),
      one.grade,
      format.compact(one.points),
    ]);
    return leadcast.table(
      "The score and the points at each moment (UTC)",
      ["Moment", "Probability", "Interval", "Grade", "Points"],
      rows,
      [1, 2, 4],
    );
  }

  function eventsTable(lead, choose) {
    if (!lead.events.length) {
      const words = "This lead has no events: all that is known of it stands above.";
      return {
        parts: [heading("What it did"), element("p", { class: "empty" }, words)],
        mark() {},
      };
    }
    const rows = lead.events.toReversed().map((event) => [event, eventRow(event, lead, choose)]);
    const more =
      lead.n_events > lead.events.length
        ? `The latest ${lead.events.length} of ${format.count(lead.n_events)} events.`
        : `${format.count(lead.n_events)} event${lead.n_events === 1 ? "" : "s"}, the latest first.`;
    const later = lead.events.some((event) => event.moment === null)
      ? " Those without a score came after its end, or lie close to another one."
      : "";
    const names = ["When (UTC)", "What", "Probability", "Points", "Value"];
    const made = leadcast.framed(
      {},
      element("caption", { class: "hidden-words" }, "Events"),
      names,
      [2, 3, 4],
      rows.map(([, row]) => row),
    );
    return {
      parts: [
        heading("What it did"),
        note(`${more} Choose one to see the score just after it.${later}`),
        leadcast.scrolling("Events", made, "table tall"),
      ],
      mark(number) {
        for (const [event, row] of rows) row.classList.toggle("chosen", event.moment === number);
      },
    };
  }

  function eventRow(event, lead, choose) {
    const moment = event.moment === null ? null : lead.moments[event.moment];
    const when = format.minute(seconds(event.at_us));
    const first = moment
      ? element("button", { type: "button", class: "plain", onclick: () => choose(event.moment) }, when)
      : when;
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, first),
      element("td", {}, event.kind),
      element("td", { class: "number" }, moment ? format.percent(moment.probability) : ""),
      element(
        "td",
        { class: "number" },
        moment && moment.points !== null ? format.compact(moment.points) : "",
      ),
      element("td", { class: "number" }, event.value === null ? "" : format.compact(event.value)),
    );
  }
})();
