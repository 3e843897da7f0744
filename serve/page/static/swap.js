"use strict";
/* The table of leads behind the swap set: DataTables asks, `leadcast.lists` answers, so that only a
   page of rows is ever in the document. */
leadcast.swap = (() => {
  const { element, format, lists } = leadcast;
  const byId = (id) => document.getElementById(id);
  const CHOICES = [
    ["learned points", "All that change"],
    ["learned", "Would be called"],
    ["points", "Would no longer be called"],
    ["both", "Called by both"],
    ["neither", "Called by neither"],
    ["unknown", "Without points"],
    ["all", "All leads"],
  ];
  const NOT_KEPT = {
    reasons: "No reasons are kept.",
    ledger: "No rule gave points, or they are a column of the export, whose rules are not known here.",
  };
  const SIDE_WORDS = ["neither", "both", "learned", "points", "no points"];

  /* Makes the table; gives `update(sides)`, to be called when the cut has moved. */
  function make(list, found, { address, fileName }) {
    const reasons = new Map(found.swap.leads.map((lead) => [`${lead.lead_id} ${lead.week}`, lead]));
    const state = { side: "learned points", search: "", cuts: 0 };
    let asked = {};
    let matching = new Uint32Array(0);
    const columns = columnsOf(list, found.about.currency);
    const table = new DataTable("#leads", {
      serverSide: true,
      ajax: (request, answer) => {
        const { column, dir } = request.order[0] || { column: 2, dir: "desc" };
        const now = { ...state, sort: columns[column].field, descending: dir === "desc" };
        if (Object.keys(now).some((name) => now[name] !== asked[name])) {
          asked = now;
          matching = lists.select(list, asked);
          tell(matching.length);
        }
        const rows = Array.from(matching.subarray(request.start, request.start + request.length));
        answer({
          draw: request.draw, recordsTotal: list.count, recordsFiltered: matching.length,
          data: rows.map((row) => ({ row })),
        });
      },
      columns,
      order: [[2, "desc"]],
      pageLength: 15, lengthChange: false, searching: false, autoWidth: false, processing: false,
      layout: { topStart: null, topEnd: null, bottomStart: "info", bottomEnd: "paging" },
      language: { emptyTable: "", zeroRecords: "", info: "_START_ to _END_ of _TOTAL_ leads", infoEmpty: "", infoFiltered: "" },
      createdRow: (line, { row }) => line.classList.add(`side-${lists.SIDES[list.side[row]]}`),
    });

    function tell(count) {
      byId("leads-told").textContent = count > 0 ? "" : emptyWords(state, list);
      byId("leads").closest(".leads-place").classList.toggle("is-empty", count === 0);
      byId("leads-csv").disabled = count === 0;
    }

    byId("leads-kept").textContent = address
      ? "Open a lead to see its reasons beside the rules that gave its points."
      : keptWords(reasons.size);
    leadcast.charts.scrolled(table, "Leads");
    const redraw = () => table.ajax.reload(null, true);
    byId("leads-side").addEventListener("change", (event) => {
      state.side = event.target.value;
      redraw();
    });
    byId("leads-search").addEventListener("input", (event) => {
      state.search = event.target.value;
      redraw();
    });
    byId("leads-csv").addEventListener("click", () => leadcast.save(lists.csv(list, matching, exported(list)), fileName()));
    byId("leads").addEventListener("click", (event) => {
      const line = event.target.closest("tbody > tr");
      if (!line || event.target.closest("a, .opened")) return;
      open(table, list, line, reasons, address);
    });
    lists.prepare(list, columns.map((one) => one.field).filter((name) => name !== "side"));
    return (sides) => {
      state.cuts += 1;
      choices(sides, state.side);
      redraw();
    };
  }

  function choices(sides, chosen) {
    const count = (name) =>
      (name === "all" ? lists.SIDES : name.split(" ")).reduce((sum, side) => sum + sides[side].rows, 0);
    byId("leads-side").replaceChildren(
      ...CHOICES.filter(([name]) => name !== "unknown" || count(name) > 0).map(([name, words]) =>
        element("option", { value: name, selected: name === chosen }, `${words} (${format.count(count(name))})`)),
    );
  }

  function columnsOf(list, currency) {
    const held = list.columns;
    const show = (field, words) => ({ row }) => words(held[field].at(row), row);
    const one = (field, title, words, className = "") => ({
      field, title, className, data: null, orderSequence: ["asc", "desc"],
      render: () => "",
      createdCell: (cell, _, data) => cell.append(show(field, words)(data)),
    });
    const plain = (value) => (value === null ? "–" : String(value));
    const known = (field) => held[field].values.some((value) => !Number.isNaN(value));
    return [
      one("lead_id", "Lead", (id) => element("button", { type: "button", class: "opener", "aria-expanded": "false" }, id)),
      { field: "side", title: "Called by", data: null, orderSequence: ["asc", "desc"],
        render: () => "",
        createdCell: (cell, _, { row }) => cell.append(sideChip(list, row)) },
      one("probability", "Probability", format.percent, "number"),
      one("grade", "Grade", plain),
      one("points", "Points", format.compact, "number"),
      one("rank_learned", "Rank, learned", format.compact, "number"),
      one("rank_points", "Rank, points", format.compact, "number"),
      one("converted", "Customer", (value) => (value ? element("b", { class: "yes" }, "yes") : "no")),
      ...(known("amount") ? [one("amount", currency ? `Amount, ${currency}` : "Amount", format.count, "number")] : []),
      one("week", "Week", plain),
      ...list.segments.slice(0, 1).map((name) => one(name, titled(name), plain)),
    ];
  }

  const titled = (name) => name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");

  function sideChip(list, row) {
    const side = list.side[row];
    const part = Math.abs(list.learned[row] - list.points[row]);
    const inPart = part > 0 && part < 1 ? ` ${format.percent(part)}` : "";
    return element("span", { class: `chip side ${lists.SIDES[side]}`, title: inPart ? "tied at the cut: called in that part" : null },
      SIDE_WORDS[side] + inPart);
  }

  function emptyWords(state, list) {
    if (state.search) return `No lead matches “${state.search}” among those shown. Search for less, or show all leads.`;
    if (list.count === 0) return "There is no lead on the call list.";
    return "There is no such lead at this capacity. Move the slider, or show all leads.";
  }

  function open(table, list, line, reasons, address) {
    const row = table.row(line);
    if (!row.data()) return;
    const opener = line.querySelector(".opener");
    const isOpen = row.child.isShown();
    opener.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) row.child.hide();
    else row.child(detail(list, row.data().row, reasons, address), "opened").show();
  }

  function detail(list, row, reasons, address) {
    const at = (name) => list.columns[name].at(row);
    const id = at("lead_id");
    const told = reasons.get(`${id} ${at("week")}`);
    const link = address
      ? element("p", {}, element("a", { class: "button", href: address + encodeURIComponent(id) }, "Open this lead's page"))
      : null;
    const whys = [element("div", {}), element("div", {})];
    const tell = (told, missing) => fill(whys, told, missing);
    if (address && !told?.reasons.length) load(id, tell);
    else if (told) tell(told, NOT_KEPT);
    else tell(null, keptWords(reasons.size));
    const facts = [
      ["Probability", `${format.percent(at("probability"))} (${format.interval(at("lower"), at("upper"), format.percent)})`],
      ["As of", at("as_of") === null ? null : `${format.minute(at("as_of"))} UTC`],
      ...list.segments.map((name) => [titled(name), at(name)]),
      ["Worked by sales", list.columns.worked.at(row) === null ? null : at("worked") ? "yes" : "no"],
    ].filter(([, value]) => value !== null);
    return element("div", { class: "detail" },
      whys,
      element("div", {}, element("h4", {}, "The lead"),
        element("dl", { class: "facts" }, facts.map(([name, value]) =>
          element("div", {}, element("dt", {}, name), element("dd", {}, String(value))))), link));
  }

  const keptWords = (count) =>
    `Reasons, beside the rules that gave the points, are kept in this file for ${format.count(count)} leads that change; leadcast serve shows them for every lead.`;

  /* Asks the service for what the comparison did not keep. */
  async function load(id, tell) {
    tell(null, "Loading …");
    try {
      tell(await leadcast.ask(`/page/lead/why?id=${encodeURIComponent(id)}`), NOT_KEPT);
    } catch (error) {
      if (!error.problem) throw error;
      tell(null, error.message);
    }
  }

  function fill([why, points], told, missing) {
    const listed = (words, none) =>
      words?.length ? element("ul", {}, words.map((one) => element("li", {}, one))) : leadcast.note(none);
    why.replaceChildren(element("h4", {}, "Why this probability"), listed(told?.reasons, told ? missing.reasons : missing));
    points.replaceChildren(element("h4", {}, "Why these points"), listed(told?.ledger, told ? missing.ledger : missing));
  }

  function exported(list) {
    const names = ["lead_id", "week", "probability", "lower", "upper", "grade", "points", "rank_learned", "rank_points", "converted", "amount", ...list.segments];
    const side = { name: "called_by", at: (row) => SIDE_WORDS[list.side[row]] };
    return [side, ...names.map((name) => ({ name, at: list.columns[name].at }))];
  }

  return { make };
})();
