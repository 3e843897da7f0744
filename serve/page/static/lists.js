"use strict";
/* The call lists, from the ranks of the leads: whom each list calls at a capacity, and the table of
   leads that follows from it. Knows nothing of the page; 100,000 leads take a few milliseconds.

   Leads that are tied at the cut are called in proportion, as docs/comparison.md says. */
leadcast.lists = (() => {
  const NEITHER = 0, BOTH = 1, LEARNED = 2, POINTS = 3, UNKNOWN = 4;
  const FIGURES = ["rows", "leads", "customers", "probability", "points", "amount"];
  const SIDES = ["neither", "both", "learned", "points", "unknown"];

  /* Reads what /page/leads packs; `weeks` and `calls` are those of the comparison. */
  function read(packed, weeks, calls) {
    const names = Object.keys(packed.columns);
    const columns = Object.fromEntries(names.map((name) => [name, column(name, packed.columns[name])]));
    const perCall = new Map(weeks.map((week) => [week.week, week.calls / calls]));
    const week = packed.columns.week;
    const list = {
      count: packed.count,
      columns,
      segments: packed.segments,
      csv: packed.csv,
      weekly: Float64Array.from(week.levels, (name) => perCall.get(name) || 0),
      week: Uint16Array.from(week.codes),
      search: searchable(packed),
      orders: new Map(),
      learned: new Float32Array(packed.count),
      points: new Float32Array(packed.count),
      side: new Uint8Array(packed.count),
    };
    list.places = {
      learned: places(columns.rank_learned.values, list.week),
      points: places(columns.rank_points.values, list.week),
    };
    return list;
  }

  /* `values` to reckon with, NaN where nothing is known; `at(row)` to show, null there. */
  function column(name, packed) {
    if (name === "lead_id") return { values: packed, at: (row) => packed[row] };
    if (!Array.isArray(packed)) {
      const { levels, codes } = packed;
      const values = Float64Array.from(codes, (code) => (code < 0 ? NaN : code));
      return { levels, values, at: (row) => levels[codes[row]] ?? null };
    }
    const values = Float64Array.from(packed, (value) => value ?? NaN);
    return { values, at: (row) => packed[row] };
  }

  function searchable(packed) {
    const texts = ["grade", ...packed.segments].filter((name) => packed.columns[name]?.levels);
    const lower = (values) => values.map((value) => value.toLowerCase());
    return {
      ids: lower(packed.columns.lead_id),
      levels: texts.map((name) => ({
        levels: lower(packed.columns[name].levels),
        codes: packed.columns[name].codes,
      })),
    };
  }

  /* Where each lead's group of ties begins in its week, and how many are in it. */
  function places(ranks, week) {
    const key = (row) => week[row] * 2 ** 24 + 2 * ranks[row];
    const tied = new Map();
    for (let row = 0; row < ranks.length; row++) {
      if (!Number.isNaN(ranks[row])) tied.set(key(row), (tied.get(key(row)) || 0) + 1);
    }
    const start = new Float32Array(ranks.length).fill(Infinity);
    const size = new Float32Array(ranks.length).fill(1);
    for (let row = 0; row < ranks.length; row++) {
      if (Number.isNaN(ranks[row])) continue;
      size[row] = tied.get(key(row));
      start[row] = ranks[row] - (size[row] + 1) / 2;
    }
    return { start, size };
  }

  /* Calls so many leads a week; gives what is on each side, tied leads in part. */
  function cut(list, calls) {
    for (const name of ["learned", "points"]) {
      const { start, size } = list.places[name];
      const share = list[name];
      for (let row = 0; row < list.count; row++) {
        const free = (calls * list.weekly[list.week[row]] - start[row]) / size[row];
        share[row] = free >= 1 ? 1 : free > 0 ? free : 0;
      }
    }
    return sides(list);
  }

  function sides(list) {
    const sums = SIDES.map(() => new Float64Array(FIGURES.length));
    const [converted, probability, points, amount] =
      ["converted", "probability", "points", "amount"].map((name) => list.columns[name].values);
    const add = (sum, row, part) => {
      if (part <= 0) return;
      sum[1] += part;
      sum[2] += part * converted[row];
      sum[3] += part * probability[row];
      sum[4] += part * (points[row] || 0);
      if (converted[row]) sum[5] += part * (amount[row] || 0);
    };
    for (let row = 0; row < list.count; row++) {
      const one = list.learned[row], other = list.points[row];
      const side = Number.isNaN(points[row]) ? UNKNOWN
        : one > other ? LEARNED : other > one ? POINTS : one > 0 ? BOTH : NEITHER;
      list.side[row] = side;
      sums[side][0] += 1;
      if (side === UNKNOWN) add(sums[UNKNOWN], row, 1);
      else {
        add(sums[BOTH], row, Math.min(one, other));
        add(sums[NEITHER], row, 1 - Math.max(one, other));
        add(sums[LEARNED], row, one - other);
        add(sums[POINTS], row, other - one);
      }
    }
    const named = (sum) => Object.fromEntries(FIGURES.map((name, place) => [name, sum[place]]));
    return Object.fromEntries(SIDES.map((name, side) => [name, named(sums[side])]));
  }

  /* The rows that are asked for, in their order: {side, search, sort, descending}. What is not known
     stands at the end, whichever way one sorts. */
  function select(list, asked) {
    const matches = matcher(list, asked);
    const { order, known } = ordered(list, asked.sort);
    const found = new Uint32Array(list.count);
    let count = 0;
    for (let place = 0; place < list.count; place++) {
      const turned = asked.descending && place < known ? known - 1 - place : place;
      if (matches(order[turned])) found[count++] = order[turned];
    }
    return found.subarray(0, count);
  }

  function matcher(list, { side, search }) {
    const shown = SIDES.map((name) => side === "all" || side.split(" ").includes(name));
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return (row) => shown[list.side[row]];
    const found = words.map((word) => hits(list, word));
    return (row) => shown[list.side[row]] && found.every((hit) => hit[row] === 1);
  }

  /* Which rows a word is in: in the id, or in one of the segments. */
  function hits(list, word) {
    const hit = new Uint8Array(list.count);
    for (const { levels, codes } of list.search.levels) {
      const inLevel = levels.map((level) => level.includes(word));
      if (inLevel.includes(true)) for (let row = 0; row < list.count; row++) if (inLevel[codes[row]]) hit[row] = 1;
    }
    for (let row = 0; row < list.count; row++) if (list.search.ids[row].includes(word)) hit[row] = 1;
    return hit;
  }

  /* All rows by a column, lowest first, and of how many it is known; sorted once. */
  function ordered(list, name) {
    if (name === "side") return { order: bySide(list), known: list.count };
    if (!list.orders.has(name)) list.orders.set(name, sorted(list, list.columns[name].values));
    return list.orders.get(name);
  }

  function sorted(list, values) {
    const isKnown = (row) => values[row] === values[row];
    const rows = Array.from({ length: list.count }, (_, row) => row);
    const known = Uint32Array.from(rows.filter(isKnown));
    if (values instanceof Float64Array) known.sort((a, b) => values[a] - values[b] || a - b);
    else known.sort((a, b) => (values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : a - b));
    const order = new Uint32Array(list.count);
    order.set(known);
    order.set(rows.filter((row) => !isKnown(row)), known.length);
    return { order, known: known.length };
  }

  /* Sorts by each of these columns while nobody waits. */
  function prepare(list, names) {
    const [name, ...rest] = names;
    if (name === undefined) return;
    setTimeout(() => {
      ordered(list, name);
      prepare(list, rest);
    }, 50);
  }

  function bySide(list) {
    const order = new Uint32Array(list.count);
    let place = 0;
    for (const side of [LEARNED, POINTS, BOTH, NEITHER, UNKNOWN]) {
      for (let row = 0; row < list.count; row++) if (list.side[row] === side) order[place++] = row;
    }
    return order;
  }

  /* What a spreadsheet would take for a formula gets an apostrophe, as in the files of a batch. */
  function csv(list, rows, shown) {
    const formula = new RegExp(list.csv.formula, "u");
    const number = new RegExp(list.csv.plain_number, "u");
    const cell = (value) => {
      if (value === null || value === undefined) return "";
      if (typeof value === "number") return String(value);
      const safe = formula.test(value) && !number.test(value) ? `'${value}` : value;
      return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    };
    const lines = [shown.map(({ name }) => name)];
    for (const row of rows) lines.push(shown.map((one) => one.at(row)));
    return lines.map((line) => line.map(cell).join(",") + "\n").join("");
  }

  return { SIDES, read, cut, select, prepare, csv };
})();
