"use strict";
/* The comparison at any capacity: its figures, and the words for them.

   leadcast.calls.read(), write(calls)  the capacity in the address, so that it can be passed on.
   leadcast.calls.at(found, calls, sides)  as a capacity of the comparison. Whom both lists call is
                    counted on the leads themselves; intervals lie at some capacities only, and are
                    taken in proportion between two of them.
   leadcast.calls.headline, money, sure  the sentences of models/comparison/headline.py. */
leadcast.calls = (() => {
  const { format } = leadcast;
  const NOT_APART = "This much data cannot tell them apart.";

  function read() {
    const hash = new URLSearchParams(location.hash.slice(1));
    const told = new URLSearchParams(location.search).get("calls") ?? hash.get("calls");
    return told === null || told.trim() === "" || !Number.isFinite(Number(told)) ? null : Number(told);
  }

  function write(calls) {
    const asked = new URLSearchParams(location.search);
    if (calls === null) asked.delete("calls");
    else asked.set("calls", calls);
    const query = asked.toString();
    // A file has no address of its own to change, but for what stands behind the #.
    if (location.protocol === "file:") location.replace(calls === null ? "#" : `#calls=${calls}`);
    else history.replaceState(null, "", `${location.pathname}${query ? `?${query}` : ""}${location.hash}`);
  }

  function at({ capacities }, calls, sides) {
    const above = Math.max(capacities.findIndex((one) => one.calls_per_week >= calls), 0);
    const high = capacities[above];
    if (high.calls_per_week === calls) return high;
    const low = above > 0 ? capacities[above - 1] : nothing(high);
    const part = (calls - low.calls_per_week) / (high.calls_per_week - low.calls_per_week);
    const between = (one, other) => (one === null || other === null ? null : one + part * (other - one));
    const around = (value, one, other) => {
      const ends = ["low", "high"].map((end) => between(gap(one, end), gap(other, end)));
      return { value, low: ends[0] === null ? null : value + ends[0], high: ends[1] === null ? null : value + ends[1] };
    };
    const sum = (list, name) => sides.both[name] + sides[list][name];
    const [learned, points] = ["learned", "points"].map((list) => sum(list, "customers"));
    const made = {
      calls_per_week: calls, calls: sum("learned", "leads"),
      learned: around(learned, low.learned, high.learned),
      points: around(points, low.points, high.points),
      difference: around(learned - points, low.difference, high.difference),
      expected_learned: sum("learned", "probability"), expected_points: sum("points", "probability"),
      earned: null,
    };
    for (const name of ["revenue", "profit"]) for (const list of ["learned", "points"]) {
      const key = `${name}_${list}`;
      made[key] = between(low[key], high[key]);
    }
    if (high.earned) made.earned = Object.fromEntries(Object.keys(high.earned).map((name) => {
      const [one, other] = [low.earned[name], high.earned[name]];
      return [name, around(between(one.value, other.value), one, other)];
    }));
    return made;
  }

  const gap = (one, end) => (one[end] === null ? null : one[end] - one.value);

  /* Nobody is called. */
  function nothing(like) {
    const none = { value: 0, low: 0, high: 0 };
    const zero = (value) => (value === null ? null : 0);
    return {
      calls_per_week: 0, learned: none, points: none, difference: none,
      revenue_learned: zero(like.revenue_learned), revenue_points: zero(like.revenue_points),
      profit_learned: zero(like.profit_learned), profit_points: zero(like.profit_points),
      earned: like.earned ? { learned: none, points: none, difference: none } : null,
    };
  }

  const verdict = ({ low, high }) =>
    low === null || (low <= 0 && high >= 0) ? "undecided" : low > 0 ? "learned" : "points";

  const several = (number, per) =>
    `${format.count(number)} ${number === 1 ? per : per.replace(/^[a-z]+/, (one) => `${one}s`)}`;

  function headline({ about, ranking, weeks }, { calls_per_week: calls, learned, points, difference }) {
    const apart = verdict(difference) === "undecided" ? ` ${NOT_APART}` : "";
    return `In ${several(about.weeks ?? weeks.length, about.week)}, at ${format.compact(calls)} calls a ${about.week}, ` +
      `the learned score reaches ${format.count(learned.value)} of ${format.count(ranking.customers)} customers; ` +
      `the points: ${format.count(points.value)}.${apart}`;
  }

  /* Customers that the learned score reaches more, as the rounded numbers have it. */
  const more = ({ learned, points }) => Math.round(learned.value) - Math.round(points.value);

  const isLess = (at) => at.earned !== null && at.earned !== undefined && more(at) * at.earned.difference.value < 0;

  function money({ about: { currency } }, at) {
    if (!at.earned) return "";
    const { learned, points, difference: { value, low, high } } = at.earned;
    const show = (amount) => format.money(Math.abs(amount), currency);
    const way = (end) => (end >= 0 ? "more" : "less");
    const few = !isLess(at) ? "" : more(at) > 0 ? "More customers, but less revenue: " : "Fewer customers, more revenue: ";
    const ends = low === null ? "" : ` (95 %: ${show(low)} ${way(low)} to ${show(high)} ${way(high)})`;
    return `${few}${few ? "its" : "Its"} customers bring ${show(learned.value)}, the points' ${show(points.value)}; ` +
      `${show(value)} ${way(value)}${ends}.`;
  }

  function sure(at) {
    const { low, high } = at.difference;
    if (low === null) return "There is too little to tell whether that is a difference.";
    const seen = more(at) ? format.signed(more(at)) : "none";
    return `The difference in customers is ${seen} (95 %: ${format.interval(low, high, format.signed)}): ` +
      `${verdict(at.difference) === "undecided" ? "chance alone could explain it" : "more than chance explains"}.`;
  }

  return { read, write, at, verdict, headline, isLess, money, sure };
})();
