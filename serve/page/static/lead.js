"use strict";
/* A lead's page: finds leads, shows one, and one of its moments. */
(() => {
  const { ask, element, format, sentence } = leadcast;
  const place = document.getElementById("lead");
  const told = document.getElementById("moment-told");
  const found = document.getElementById("found");
  const searchTold = document.getElementById("search-told");
  const ADDRESS = "/leads/";
  const WAIT_MS = 60;
  let shown = null;
  let asked = 0;

  const query = (values) =>
    new URLSearchParams(Object.entries(values).filter(([, value]) => value !== null)).toString();
  const addressOf = (id) => ADDRESS + encodeURIComponent(id);

  function idOfAddress() {
    const rest = location.pathname.slice(ADDRESS.length);
    try {
      return decodeURIComponent(rest);
    } catch {
      return rest;
    }
  }

  async function search(event) {
    event.preventDefault();
    const text = document.getElementById("sought").value.trim();
    searchTold.textContent = "Searching …";
    try {
      const { leads } = await ask(`/page/lead/search?${query({ text })}`);
      tellFound(leads, text);
    } catch (error) {
      found.hidden = true;
      searchTold.textContent = error.message;
    }
  }

  function tellFound(leads, text) {
    found.replaceChildren(...leads.map(oneFound));
    found.hidden = leads.length === 0;
    const many =
      leads.length >= 20 ? "The first 20 leads" : `${leads.length} lead${leads.length === 1 ? "" : "s"}`;
    searchTold.textContent = leads.length
      ? `${many} with “${text}”`
      : `No lead has “${text}” in its id or its texts. Try a part of it.`;
  }

  function oneFound(lead) {
    const created = lead.created_us === null ? [] : [format.day(lead.created_us / 1e6)];
    return element(
      "li",
      {},
      element("a", { href: addressOf(lead.lead_id) }, lead.lead_id),
      element("span", { class: "note" }, [...created, ...lead.words].join(" · ")),
    );
  }

  async function open(id, table = null) {
    place.setAttribute("aria-busy", "true");
    if (!shown) place.replaceChildren(element("p", { class: "waiting" }, "Reading the lead …"));
    try {
      const lead = await ask(`/page/lead?${query({ id, table })}`);
      document.title = `${lead.lead_id} · Leadcast`;
      shown = leadcast.leadParts(lead, { choose, useTable: (key) => open(id, key) });
      place.replaceChildren(...shown.parts);
      shown.drawn();
      await choose(lead.chosen, false);
      if (lead.created_us !== null) leadcast.trialCard(place, lead);
    } catch (error) {
      shown = null;
      place.replaceChildren(element("p", { class: "empty" }, sentence(error.message)));
    }
    place.removeAttribute("aria-busy");
  }

  /* Shows a moment. While a slider is drawn along nothing is asked, and answers that arrive after a
     later choice are left aside. */
  async function choose(number, isByPerson = true) {
    const { lead } = shown;
    const moment = lead.moments[number];
    const mine = ++asked;
    shown.mark(number);
    const at = moment.as_of_us ?? null;
    if (isByPerson) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    if (mine !== asked) return;
    try {
      const why = await ask(`/page/lead/moment?${query({ id: lead.lead_id, at, table: lead.table })}`);
      if (mine !== asked) return;
      shown.tell(number, why);
      if (isByPerson) told.textContent = leadcast.momentWords(lead, number);
    } catch (error) {
      if (mine === asked) shown.fail(sentence(error.message));
    }
  }

  document.getElementById("search").addEventListener("submit", search);
  const id = idOfAddress();
  if (id) {
    open(id);
  } else {
    place.replaceChildren(
      element("p", { class: "empty" }, "Search for a lead, or choose one in the list of today."),
    );
    place.removeAttribute("aria-busy");
  }
})();
