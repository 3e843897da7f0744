"use strict";
/* The customers of the test that were scored low, week by week, beside the best hits. */
(() => {
  const { element, format, scrolling, sentence } = leadcast;
  const LEAD = "/leads/";
  const byId = (id) => document.getElementById(id);

  function line(row) {
    const why = row.kind === "miss" ? row.reasons_down : row.reasons_up;
    const won = row.days_until_won === null ? "–" : `after ${format.count(row.days_until_won)} d`;
    return element("tr", {},
      element("th", { scope: "row" }, element("a", { href: LEAD + encodeURIComponent(row.lead_id) }, row.lead_id)),
      element("td", {}, element("span", { class: `chip ${row.kind}` }, row.kind)),
      element("td", { class: "number" }, format.percent(row.probability)),
      element("td", {}, element("span", { class: `grade-chip grade-${row.grade}` }, row.grade)),
      element("td", { class: "number" }, `${format.count(row.age_days)} d, ${format.count(row.events)} events`),
      element("td", { class: "number" }, won),
      element("td", { class: "wrap" }, element("ul", { class: "plain" }, why.map((one) => element("li", {}, one)))));
  }

  function week([name, rows]) {
    const heads = ["Lead", "", "Probability", "Grade", "Known then", "Customer", "What raised or lowered it"];
    return element("section", { class: "card" },
      element("h2", {}, name),
      scrolling(`Misses and hits of ${name}`, leadcast.framed({}, "", heads, [2, 4, 5], rows.map(line))));
  }

  (async () => {
    try {
      const found = await leadcast.ask("/page/misses");
      const weeks = new Map();
      for (const row of found.leads) weeks.set(row.week, [...(weeks.get(row.week) ?? []), row]);
      byId("misses-told").textContent =
        `Of ${format.count(found.customers)} customers of the test ${format.count(found.misses)} were never more than a C, ` +
        `and ${format.count(found.hits)} were an A. Each stands as it was when it was scored highest.`;
      byId("misses").replaceChildren(...[...weeks].reverse().map(week));
    } catch (error) {
      byId("misses-told").textContent = sentence(error.message);
    }
  })();
})();
