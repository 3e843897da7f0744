"use strict";
/* What every view has in common: asking the service, making elements, telling numbers.

   leadcast.ask(address, options)  a promise of the answer's JSON. Where the service demands a key,
                                   a person is asked for it; the promise waits. Rejects with an
                                   Error whose `problem` is the service's problem (RFC 9457).
   leadcast.element(tag, attributes, ...children)  an element; texts stay texts, never markup.
   leadcast.format                 numbers as people read them.
*/
window.leadcast = (() => {
  const KEY = "leadcast-key";
  const NBSP = "\u00a0";
  const MISSING = "–";
  let asking = null;

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value === true ? "" : String(value));
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return made;
  }

  async function ask(address, options = {}) {
    for (;;) {
      const answer = await fetch(address, { ...options, headers: headers(options) });
      if (answer.status === 401) {
        await keyFromPerson(sessionStorage.getItem(KEY) !== null);
        continue;
      }
      if (answer.ok) return answer.json();
      throw await failure(answer);
    }
  }

  function headers(options) {
    const key = sessionStorage.getItem(KEY);
    return { ...(options.headers || {}), ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  }

  async function failure(answer) {
    let problem = { status: answer.status, detail: `the service answers ${answer.status}` };
    try {
      problem = await answer.json();
    } catch {
      // Something between here and the service has answered; its status is all there is.
    }
    return Object.assign(new Error(problem.detail), { problem });
  }

  function keyFromPerson(wasRefused) {
    sessionStorage.removeItem(KEY);
    if (asking !== null) return asking;
    const form = document.getElementById("key-form");
    const input = document.getElementById("key");
    const told = document.getElementById("key-error");
    told.textContent = wasRefused ? "This key is not known here, or no longer." : "";
    form.hidden = false;
    document.body.classList.add("locked");
    input.focus();
    asking = new Promise((resolve) => {
      form.addEventListener(
        "submit",
        (event) => {
          event.preventDefault();
          sessionStorage.setItem(KEY, input.value.trim());
          input.value = "";
          form.hidden = true;
          document.body.classList.remove("locked");
          asking = null;
          resolve();
        },
        { once: true },
      );
    });
    return asking;
  }

  const known = (show) => (value, ...rest) =>
    value === null || value === undefined || Number.isNaN(value) ? MISSING : show(value, ...rest);
  const writers = [0, 1, 2, 3].map(
    (digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }),
  );
  const rounded = (value, digits) =>
    writers[digits].format(value).replace(/^-/, "−").replace(/^−(0(\.0*)?)$/, "$1");
  const hundredths = (share) => rounded(100 * share, share > 0 && share < 0.0995 ? 1 : 0);

  const format = {
    count: known((value) => rounded(value, 0)),
    decimal: known((value, digits = 1) => rounded(value, digits)),
    compact: known((value) => rounded(Math.round(value * 10) / 10, value % 1 ? 1 : 0)),
    short: known((value) => {
      const [scale, unit] = Math.abs(value) >= 1e6 ? [1e6, "M"] : Math.abs(value) >= 1e4 ? [1e3, "k"] : [1, ""];
      return rounded(value / scale, (value / scale) % 1 ? 1 : 0) + unit;
    }),
    /* An amount to three digits, as models/comparison/headline.py tells it. */
    money: known((value, currency = null, isSigned = false) => {
      const size = Math.abs(value);
      const step = 10 ** Math.max(size.toFixed(0).length - 3, 0);
      const told = rounded(Math.floor(size / step + 0.5) * step, 0);
      const sign = !isSigned || told === "0" ? "" : value > 0 ? "+" : "−";
      return sign + (currency ? currency + NBSP : "") + told;
    }),
    signed: known((value, digits = 0) => (value > 0 ? "+" : "") + rounded(value, digits)),
    hundredths: known(hundredths),
    percent: known((value) => hundredths(value) + NBSP + "%"),
    interval: (low, high, show) =>
      low === null || high === null || low === undefined || high === undefined
        ? ""
        : `${show(low)} to ${show(high)}`,
    day: known((seconds) => new Date(seconds * 1000).toISOString().slice(0, 10)),
    minute: known((seconds) =>
      new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " "),
    ),
  };

  /* On a narrow screen the views stand in a row that scrolls. */
  const current = document.querySelector(".frame [aria-current]");
  const row = current?.closest("ul");
  if (row) row.scrollLeft = current.offsetLeft - row.offsetLeft - 12;

  return { ask, element, format };
})();

/* What the scores may be used for, before all else on every view, where there is a warning. */
(async () => {
  const place = document.getElementById("beware");
  const own = document.getElementById("content-verdict");
  try {
    const found = own === null ? await leadcast.ask("/page/verdict") : JSON.parse(own.textContent);
    ready(found.readiness);
    if (place === null || !found.verdict?.beware) return;
    place.textContent = found.verdict.words;
    place.hidden = false;
  } catch {
    // Whatever keeps it from being asked keeps the view's own questions as well, and they tell it.
  }

  /* Ready to use, use with care, not yet: with its reasons and what would change it. */
  function ready(told) {
    const card = document.getElementById("readiness");
    if (!told || card === null) return;
    const { element } = leadcast;
    const reason = ({ good, words }) => element("li", { class: good ? "for" : "against" },
      element("span", { class: "sign", "aria-hidden": "true" }, good ? "✓" : "!"),
      element("span", {}, element("span", { class: "hidden-words" }, good ? "For it: " : "Against it: "), words));
    const against = told.reasons.filter((one) => !one.good);
    const others = told.reasons.filter((one) => one.good);
    card.replaceChildren(
      element("h2", {}, element("span", { class: `chip ${told.level === "ready" ? "good" : "second"}` }, told.title)),
      ...(against.length ? [element("ul", { class: "because" }, against.map(reason))] : []),
      element("details", { open: document.getElementById("report") !== null },
        element("summary", {}, "Why, and what would change it"),
        element("ul", { class: "because" }, others.map(reason)),
        element("p", {}, element("b", {}, "What would change it. "), told.changes.join(" "))));
    card.hidden = false;
  }
})();
