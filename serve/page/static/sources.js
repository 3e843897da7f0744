"use strict";
/* The score by vendor, source, campaign and segment: a table for each, with its months. */
(async () => {
  const { ask, element, format, note, sentence, table } = leadcast;
  const place = document.getElementById("sources");
  const told = document.getElementById("sources-told");

  function months(row, names, most) {
    if (names.length < 2) return "";
    const one = (mean, at) => {
      const bar = element("span", { title: `${names[at]}: ${format.percent(mean)}` });
      bar.style.height = `${mean === null ? 0 : Math.max(2, (100 * mean) / most)}%`;
      return bar;
    };
    const known = row.months.filter((mean) => mean !== null);
    const words = known.length ? `${format.percent(known[0])} in ${names[row.months.indexOf(known[0])]}, ${format.percent(known.at(-1))} at the end` : "unknown";
    return element("span", { class: "months", role: "img", "aria-label": `Mean score by month: ${words}` }, row.months.map(one));
  }

  function card({ name, months: names, rows }) {
    const most = Math.max(...rows.flatMap((row) => row.months.map((mean) => mean ?? 0)), 0.001);
    const lines = rows.map((row) => [
      row.value, format.count(row.leads), format.count(row.customers), format.percent(row.probability),
      format.percent(row.conversion), format.interval(row.low, row.high, format.percent), months(row, names, most),
    ]);
    const title = `By ${name}`;
    return element("section", { class: "card", "aria-label": title },
      element("h2", {}, title),
      note(`The highest mean score first${names.length > 1 ? `; the bars are its months, ${names[0]} to ${names.at(-1)}` : ""}.`),
      leadcast.scrolling(`${title}, as a table`, table("Scores and conversions",
        [sentence(name), "Leads", "Customers", "Mean score", "Converted", "95 % interval", "Score by month"], lines, [1, 2, 3, 4, 5])));
  }

  function sellers({ name, rows }) {
    const title = `Scorecard by ${name}`;
    const lines = rows.map((row) => [
      row.seller, format.count(row.leads), format.compact(row.cost), format.percent(row.junk), format.decimal(row.ratio, 2),
      format.interval(row.low, row.high, (end) => format.decimal(end, 2)), row.verdict ?? "",
    ]);
    return element("section", { class: "card", "aria-label": title },
      element("h2", {}, title),
      note("Ratio: customers for each that such leads bring, whoever sells them; drawn towards the mean."),
      leadcast.scrolling(`${title}, as a table`, table("Scorecard",
        [sentence(name), "Leads", "Cost", "Junk", "Ratio", "95 % interval", "Verdict"], lines, [1, 2, 3, 4, 5])));
  }

  try {
    const found = await ask("/page/sources");
    told.textContent = `Of ${format.count(found.leads)} leads of the test, each as it was first seen, ${format.count(found.customers)} became customers; the mean score was ${format.percent(found.probability)}.`;
    place.replaceChildren(
      ...found.sellers.map(sellers),
      ...(found.sellers.length ? [] : [note(`What vendors deliver, junk and resales among it: leadcast sellers ${found.source}`)]),
      ...found.dimensions.map(card));
    if (!found.dimensions.length) place.append(element("p", { class: "empty" }, "The leads have no attribute with a few values each, such as a source."));
  } catch (error) {
    if (!error.problem) throw error;
    told.textContent = sentence(error.message);
  }
})();
