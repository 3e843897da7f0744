"use strict";
/* The accounts with open leads: probability, buying group, engagement, and their leads. */
(() => {
  const { element, format, scrolling, sentence } = leadcast;
  const LEAD = "/leads/";
  const AT_ONCE = 200;
  const byId = (id) => document.getElementById(id);

  function leads(row) {
    const each = row.lead_ids.map((id, place) =>
      element("li", {},
        element("a", { href: LEAD + encodeURIComponent(id) }, id),
        ` ${format.percent(row.lead_probabilities[place])}`));
    return element("ul", { class: "plain" }, each);
  }

  function line(row, roles) {
    const named = (names) => names.map((name) => roles[name]).join(", ") || "none";
    const interval = `${format.percent(row.lower)} to ${format.percent(row.upper)}`;
    const before = row.won_before ? `, ${format.count(row.won_before)} won before` : "";
    return element("tr", {},
      element("th", { scope: "row" }, row.name ?? row.domain ?? row.account_id),
      element("td", { class: "number" }, element("strong", {}, format.percent(row.probability)), ` (${interval})`),
      element("td", { class: "wrap" }, named(row.roles)),
      element("td", { class: "wrap" }, named(row.missing_roles)),
      element("td", { class: "wrap" },
        `${format.count(row.events_30d)} events of ${format.count(row.active_leads_30d)} leads in 30 days${before}`),
      element("td", { class: "wrap" }, row.why_moved ?? "–"),
      element("td", { class: "wrap" }, leads(row)));
  }

  (async () => {
    try {
      const found = await leadcast.ask("/page/accounts");
      const shown = found.accounts.slice(0, AT_ONCE);
      const heads = ["Account", "Probability", "Roles present", "Roles missing", "Engagement", "What moved", "Open leads"];
      byId("accounts-told").textContent =
        `${format.count(found.total)} accounts have open leads; the ${format.count(shown.length)} likeliest are shown. ` +
        "The probability is that at least one of an account's open leads becomes a customer within the horizon.";
      byId("accounts").replaceChildren(
        element("section", { class: "card" },
          scrolling("Accounts", leadcast.framed({}, "", heads, [1], shown.map((row) => line(row, found.roles))))),
        element("section", { class: "card" },
          element("h2", {}, "How good the probabilities are"),
          found.words.map((words) => element("p", {}, words))));
    } catch (error) {
      byId("accounts-told").textContent = sentence(error.message);
    }
  })();
})();
