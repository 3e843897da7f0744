"use strict";
/* The accounts with open leads: probability, buying group, engagement, and their leads. */
(() => {
  const { details, element, format, note, scrolling, sentence } = leadcast;
  const ADDRESS = "/page/accounts";
  const LEAD = "/leads/";
  const AT_ONCE = 200;
  const FIRST = 3;
  const PAUSE_MS = 200;
  const byId = (id) => document.getElementById(id);

  function leads(row) {
    const items = row.lead_ids.map((id, place) =>
      element("li", {},
        element("a", { href: LEAD + encodeURIComponent(id) }, id),
        ` ${format.percent(row.lead_probabilities[place])}`));
    const list = (some) => element("ul", { class: "plain" }, some);
    const rest = items.slice(FIRST);
    if (!rest.length) return list(items);
    const more = element("details", {}, element("summary", {}, `${format.count(rest.length)} more`), list(rest));
    return [list(items.slice(0, FIRST)), more];
  }

  function group(row, roles) {
    const named = (names) => names.map((name) => roles[name]).join(", ");
    const missing = row.missing_roles.length ? note(`missing: ${named(row.missing_roles)}`) : null;
    return [named(row.roles) || "no role is known", missing];
  }

  function engagement(row) {
    const before = [["won", row.won_before], ["lost", row.lost_before]]
      .filter(([, count]) => count)
      .map(([how, count]) => `${format.count(count)} ${how} before`);
    const done = row.events_30d
      ? `${format.count(row.events_30d)} events of ${format.count(row.active_leads_30d)} leads in 30 days`
      : "nothing in 30 days";
    return [done, before.length ? note(before.join(", ")) : null];
  }

  function moved(row) {
    if (row.moved_from === null) return row.why_moved ?? "–";
    return `${format.percent(row.moved_from)} before: ${row.why_moved}`;
  }

  function line(row, roles, hasMoved) {
    const interval = `${format.percent(row.lower)} to ${format.percent(row.upper)}`;
    const cell = (content) => element("td", { class: "wrap" }, content);
    return element("tr", {},
      element("th", { scope: "row", title: row.account_id }, row.name ?? row.domain ?? row.account_id),
      element("td", { class: "number" }, element("strong", {}, format.percent(row.probability)), ` (${interval})`),
      cell(leads(row)),
      cell(group(row, roles)),
      cell(engagement(row)),
      hasMoved ? cell(moved(row)) : null);
  }

  function show(list, found) {
    const shown = found.accounts.slice(0, AT_ONCE);
    // The first list has none before it.
    const hasMoved = found.accounts.some((row) => row.why_moved !== null);
    const heads = ["Account", "Probability (95 %)", "Open leads", "Buying group", "Engagement"];
    list.replaceChildren(scrolling("Accounts", leadcast.framed(
      {}, "", hasMoved ? [...heads, "What moved"] : heads, [1],
      shown.map((row) => line(row, found.roles, hasMoved)))));
    const some = found.matching > shown.length ? `; the ${format.count(shown.length)} likeliest are shown` : "";
    byId("accounts-shown").textContent = `${format.count(found.matching)} of ${format.count(found.total)} accounts${some}.`;
  }

  /* All accounts are searched, by the service: a browser has the likeliest alone. */
  function searchField(list, whole) {
    const field = element("input", {
      id: "accounts-search", type: "search", placeholder: "Name, domain or id",
      autocomplete: "off", spellcheck: "false", maxlength: "200",
    });
    let waiting;
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(async () => {
        const sought = field.value.trim();
        try {
          const found = sought ? await leadcast.ask(`${ADDRESS}?search=${encodeURIComponent(sought)}`) : whole;
          if (sought === field.value.trim()) show(list, found);
        } catch (error) {
          byId("accounts-shown").textContent = sentence(error.message);
        }
      }, PAUSE_MS);
    });
    return field;
  }

  (async () => {
    try {
      const found = await leadcast.ask(ADDRESS);
      const list = element("div", { class: "leads-place" });
      const within = found.horizon_days === null ? "the horizon" : `${format.compact(found.horizon_days)} days`;
      const asOf = found.accounts.length ? ` on ${found.accounts[0].as_of.slice(0, 10)}` : "";
      byId("accounts-told").textContent =
        `${format.count(found.total)} accounts have open leads${asOf}. ` +
        `The probability is that at least one of an account's open leads becomes a customer within ${within}.`;
      byId("accounts").replaceChildren(
        element("section", { class: "card" },
          details("How good the probabilities are", found.words.map((words) => element("p", {}, words))),
          note("Beside each lead stands its score at the last age for which the model was learned, as the account's probability takes it; the lead's own page has the newest."),
          note([
            "The list is made anew by ", element("code", {}, `leadcast accounts ${found.source}`),
            "; with --out it is written to a file, all accounts in it.",
          ])),
        element("section", { class: "card" },
          element("div", { class: "row tools" }, element("div", { class: "tool grow" },
            element("label", { for: "accounts-search" }, "Search"), searchField(list, found))),
          list,
          element("p", { id: "accounts-shown", class: "note", role: "status" })));
      show(list, found);
    } catch (error) {
      byId("accounts-told").textContent = sentence(error.message);
    }
  })();
})();
