"use strict";
/* The list of today: the leads that are open now, as /page/today packs them. DataTables asks, this
   file answers, so that only a page of rows is ever in the document. */
(() => {
  const { element, format, note, table, sentence } = leadcast;
  const byId = (id) => document.getElementById(id);
  const LEAD = "/leads/";
  const HAND_OFF = { call: "call", nurture: "nurture", none: "leave alone" };
  const SEARCHED = ["lead_id", "who", "owner", "why_moved", "hand_off_why"];
  const TRENDS = { improving: "↑ rising", declining: "↓ falling", steady: "→ steady", new: "new" };
  const MOVED_LEAST = 0.005;

  /* `at(row)` to show, null where nothing is known; `key(row)` to sort by. */
  function column(name, packed) {
    if (Array.isArray(packed)) return { at: (row) => packed[row] ?? null };
    const { levels, codes } = packed;
    return { levels, at: (row) => levels[codes[row]] ?? null };
  }

  function read(packed) {
    const names = Object.keys(packed.columns);
    return {
      ...packed,
      columns: Object.fromEntries(names.map((name) => [name, column(name, packed.columns[name])])),
    };
  }

  const at = (list, name, row) => list.columns[name]?.at(row) ?? null;
  const moved = (list, row) =>
    list.parts[row] === null || list.parts[row] === undefined
      ? null
      : list.parts[row].reduce((sum, [, , change]) => sum + change, 0);

  function texts(list) {
    const rows = Array.from({ length: list.count }, (_, row) => row);
    return rows.map((row) => SEARCHED.map((name) => at(list, name, row) ?? "").join(" ").toLowerCase());
  }

  function select(list, searched, { owner, grade, hand, search, sort, descending }) {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    for (let row = 0; row < list.count; row++) {
      if (owner !== "" && (at(list, "owner", row) ?? "-") !== owner) continue;
      if (grade !== "" && at(list, "grade", row) !== grade) continue;
      if (hand !== "" && at(list, "hand_off", row) !== hand) continue;
      if (words.every((word) => searched[row].includes(word))) found.push(row);
    }
    const key = sort === "why_moved" ? (row) => moved(list, row) : (row) => at(list, sort, row);
    const way = descending ? -1 : 1;
    /* What is not known stands at the end, whichever way one sorts. */
    return found.sort((one, other) => {
      const [a, b] = [key(one), key(other)];
      if (a === null || b === null) return a === b ? one - other : a === null ? 1 : -1;
      return a === b ? one - other : a < b ? -way : way;
    });
  }

  function columnsOf(list) {
    const one = (field, title, show, className = "") => ({
      field, title, className, data: null, orderSequence: ["desc", "asc"],
      render: () => "",
      createdCell: (cell, _, { row }) => cell.append(show(at(list, field, row), row)),
    });
    const has = (name) => list.columns[name] !== undefined &&
      Array.from({ length: list.count }, (_, row) => row).some((row) => at(list, name, row) !== null);
    const plain = (value) => (value === null ? "–" : String(value));
    return [
      one("lead_id", "Lead", (id) => element("button", { type: "button", class: "opener", "aria-expanded": "false" }, id)),
      one("grade", "Grade", (grade) => element("span", { class: `grade-chip grade-${grade}` }, grade)),
      one("probability", "Probability", (value, row) => probability(list, value, row), "number"),
      one("trend", "Week", (trend) => TRENDS[trend] ?? plain(trend)),
      one("why_moved", "Why it moved", (words, row) => movedWords(list, words, row), "wrap"),
      ...(has("hand_off") ? [one("hand_off", "Hand-off", (hand, row) => handOff(list, hand, row))] : []),
      ...(has("owner") ? [one("owner", "Owner", plain)] : []),
      ...(has("expected_value") ? [one("expected_value", list.currency ? `Expected value, ${list.currency}` : "Expected value", (value) => format.count(value), "number")] : []),
      one("age_days", "Age", (days, row) => age(list, days, row), "number"),
    ];
  }

  function probability(list, value, row) {
    const [low, high] = [at(list, "lower", row), at(list, "upper", row)];
    const interval = format.interval(low, high, format.percent);
    return element("span", { class: "stacked" },
      element("b", {}, format.percent(value)),
      interval ? element("small", {}, interval) : null);
  }

  function movedWords(list, words, row) {
    const change = moved(list, row);
    if (change === null) return "new since then";
    if (Math.abs(change) < MOVED_LEAST && !words) return "–";
    return element("span", { class: "moved" },
      element("b", { class: change > 0 ? "up" : "down" }, `odds × ${format.decimal(Math.exp(change), 2)}`),
      ` ${words}`);
  }

  function handOff(list, hand, row) {
    const rank = at(list, "call_rank", row);
    const words = hand === "call" ? `call ${rank}` : HAND_OFF[hand] ?? "–";
    return element("span", { class: `chip hand-${hand}`, title: at(list, "hand_off_why", row) },
      at(list, "explored", row) ? `${words}, to explore` : words);
  }

  function age(list, days, row) {
    const words = `${format.count(days)} d`;
    return at(list, "age_tested", row) ? words
      : element("span", { class: "untested", title: "older than any lead that the model was tested on" }, `${words} *`);
  }

  function detail(list, row) {
    const listed = (words, none) => words
      ? element("ul", {}, words.split(" | ").map((one) => element("li", {}, one)))
      : note(none);
    const parts = list.parts[row];
    const facts = [
      ["Who", at(list, "who", row)],
      ["Hand-off", at(list, "hand_off_why", row)],
      ["Would lift it", at(list, "lift", row)],
      ["Said by sales", at(list, "feedback", row)],
    ].filter(([, value]) => value);
    return element("div", { class: "detail" },
      element("div", {}, element("h4", {}, "What raises it"), listed(at(list, "reasons_up", row), "Nothing, or not explained.")),
      element("div", {}, element("h4", {}, "What lowers it"), listed(at(list, "reasons_down", row), "Nothing, or not explained.")),
      element("div", {}, element("h4", {}, "Why it moved"), parts ? partsTable(list, row, parts) : note("It is new.")),
      element("div", {}, element("h4", {}, "The lead"),
        element("dl", { class: "facts" }, facts.map(([name, value]) =>
          element("div", {}, element("dt", {}, name), element("dd", {}, String(value))))),
        element("p", {}, element("a", { class: "button", href: LEAD + encodeURIComponent(at(list, "lead_id", row)) }, "Open this lead's page"))));
  }

  function partsTable(list, row, parts) {
    const whole = moved(list, row);
    const rows = parts
      .filter(([, , change]) => Math.abs(change) >= MOVED_LEAST)
      .map(([what, when, change]) => [when === null ? what : `${what}, ${format.minute(when)}`, format.signed(change, 2)]);
    const total = [`Together, from ${format.percent(at(list, "moved_from", row))} to ${format.percent(at(list, "probability", row))}`, format.signed(whole, 2)];
    return table("The parts add up, on the log-odds scale", ["Cause", "Log-odds"], [...rows, total], [1]);
  }

  function show(list) {
    const searched = texts(list);
    const state = { owner: "", grade: "", hand: "", search: "" };
    let matching = [];
    const columns = columnsOf(list);
    const made = new DataTable("#today-leads", {
      serverSide: true,
      ajax: (request, answer) => {
        const { column: place, dir } = request.order[0] || { column: 2, dir: "desc" };
        matching = select(list, searched, { ...state, sort: columns[place].field, descending: dir === "desc" });
        byId("today-told").textContent = matching.length ? "" : "No lead is like this. Search for less, or choose all.";
        byId("today-leads").closest(".leads-place").classList.toggle("is-empty", matching.length === 0);
        byId("today-csv").disabled = matching.length === 0;
        answer({
          draw: request.draw, recordsTotal: list.count, recordsFiltered: matching.length,
          data: matching.slice(request.start, request.start + request.length).map((row) => ({ row })),
        });
      },
      columns,
      order: [[2, "desc"]],
      pageLength: 20, lengthChange: false, searching: false, autoWidth: false, processing: false,
      layout: { topStart: null, topEnd: null, bottomStart: "info", bottomEnd: "paging" },
      language: { emptyTable: "", zeroRecords: "", info: "_START_ to _END_ of _TOTAL_ leads", infoEmpty: "", infoFiltered: "" },
    });
    leadcast.charts.scrolled(made, "Leads");
    const redraw = () => made.ajax.reload(null, true);
    for (const [name, event] of [["owner", "change"], ["grade", "change"], ["hand", "change"], ["search", "input"]]) {
      byId(`today-${name}`).addEventListener(event, ({ target }) => {
        state[name] = target.value;
        redraw();
      });
    }
    byId("today-csv").addEventListener("click", () =>
      leadcast.save(leadcast.lists.csv(list, matching, exported(list)), `today-${format.day(list.as_of)}.csv`));
    byId("today-leads").addEventListener("click", (event) => {
      const line = event.target.closest("tbody > tr");
      if (!line || event.target.closest("a, .opened")) return;
      const row = made.row(line);
      if (!row.data()) return;
      const isOpen = row.child.isShown();
      line.querySelector(".opener").setAttribute("aria-expanded", String(!isOpen));
      if (isOpen) row.child.hide();
      else row.child(detail(list, row.data().row), "opened").show();
    });
  }

  const exported = (list) => Object.keys(list.columns).map((name) => ({ name, at: list.columns[name].at }));

  function choices(id, all, values, words = (value) => value) {
    const some = values.map((value) => element("option", { value }, words(value)));
    byId(id).replaceChildren(element("option", { value: "" }, all), ...some);
    byId(id).closest(".tool").hidden = values.length === 0;
  }

  function head(list) {
    const count = (name, value) => Array.from({ length: list.count }, (_, row) => row)
      .filter((row) => at(list, name, row) === value).length;
    const calls = count("hand_off", "call");
    byId("today-title").textContent = `${format.count(list.total)} open leads${calls ? `, ${format.count(calls)} to call this week` : ""}`;
    const since = list.since === null ? "" : ` “Why it moved” is since ${format.minute(list.since)} UTC.`;
    byId("today-when").textContent = `As of ${format.minute(list.as_of)} UTC, by model ${list.model_version}.${since}`;
    const warned = byId("today-untested");
    warned.hidden = list.untested === 0;
    warned.textContent = `* ${format.count(list.untested)} of them (${format.percent(list.untested / list.total)}) are older than any lead that the model was tested on: how good their scores are was never measured.`;
    byId("today-some").hidden = list.total === list.count;
    byId("today-some").textContent = `Shown are the ${format.count(list.count)} likeliest; the file today.parquet holds all.`;
    choices("today-owner", "All owners", [...(list.columns.owner?.levels ?? [])]);
    choices("today-grade", "All grades", ["A", "B", "C", "D"].filter((one) => count("grade", one)),
      (one) => `${one} (${format.count(count("grade", one))})`);
    choices("today-hand", "Everybody", Object.keys(HAND_OFF).filter((one) => count("hand_off", one)),
      (one) => `${sentence(HAND_OFF[one])} (${format.count(count("hand_off", one))})`);
  }

  (async () => {
    const place = byId("today");
    try {
      const list = read(await leadcast.ask("/page/today"));
      byId("today-waiting").hidden = true;
      if (list.total === 0) throw new Error("no lead is open.");
      place.hidden = false;
      head(list);
      show(list);
    } catch (error) {
      byId("today-waiting").hidden = true;
      byId("today-nothing").hidden = false;
      byId("today-why").textContent = sentence(error.message);
    }
  })();
})();
