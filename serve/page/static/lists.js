"use strict";
/* The call lists, from the ranks of the leads: whom each list calls at a capacity, and the table of
   leads that follows from it. Knows nothing of the page; 100,000 leads take a few milliseconds.

   Leads that are tied at the cut are called in proportion, as docs/comparison.md says. */
leadcast.lists = (() => {
  const NEITHER = 0, BOTH = 1, LEARNED = 2, POINTS = 3, UNKNOWN = 4;
  const SIDES = ["neither", "both", "learned", "points", "unknown"];

  /* Reads what /page/leads packs; `weeks` and `calls` are those of the comparison. */
  function read(packed, weeks, calls) {
    const names = Object.keys(packed.columns);
    const columns = Object.fromEntries(names.map((name) => [name, column(packed.columns[name])]));
    const perCall = new Map(weeks.map((week) => [week.week, week.calls / calls]));
    const week = packed.columns.week;
    const list = {
      count: packed.count,
      columns,
      segments: packed.segments,
      csv: packed.csv,
      weekly: Float64Array.from(week.levels, (name) => perCall.get(name) || 0),
      week: week.codes,
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

  function column(packed) {
    if (Array.isArray(packed)) return { values: packed, at: (row) => packed[row] };
    const { levels, codes } = packed;
    return { levels, codes, values: codes, at: (row) => (codes[row] < 0 ? null : levels[codes[row]]) };
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
      if (ranks[row] !== null) tied.set(key(row), (tied.get(key(row)) || 0) + 1);
    }
    const start = new Float32Array(ranks.length).fill(Infinity);
    const size = new Float32Array(ranks.length).fill(1);
    for (let row = 0; row < ranks.length; row++) {
      if (ranks[row] === null) continue;
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
    const empty = () => ({ rows: 0, leads: 0, customers: 0, probability: 0, points: 0, amount: 0 });
    const found = Object.fromEntries(SIDES.map((name) => [name, empty()]));
    const { converted, probability, points, amount } = values(list);
    const add = (side, row, part) => {
      if (part <= 0) return;
      side.leads += part;
      side.customers += part * converted[row];
      side.probability += part * probability[row];
      side.points += part * points[row];
      side.amount += part * converted[row] * (amount[row] || 0);
    };
    for (let row = 0; row < list.count; row++) {
      if (points[row] === null) {
        list.side[row] = UNKNOWN;
        found.unknown.rows += 1;
        add(found.unknown, row, 1);
        continue;
      }
      const one = list.learned[row], other = list.points[row];
      list.side[row] = one > other ? LEARNED : other > one ? POINTS : one > 0 ? BOTH : NEITHER;
      found[SIDES[list.side[row]]].rows += 1;
      add(found.both, row, Math.min(one, other));
      add(found.neither, row, 1 - Math.max(one, other));
      add(found.learned, row, one - other);
      add(found.points, row, other - one);
    }
    return found;
  }

  function values(list) {
    const names = ["converted", "probability", "points", "amount"];
    return Object.fromEntries(names.map((name) => [name, list.columns[name].values]));
  }

  /* The rows that are asked for, in their order: {side, search, sort, descending}. */
  function select(list, asked) {
    const matches = matcher(list, asked);
    const found = [];
    const order = ordered(list, asked.sort);
    const last = list.count - 1;
    for (let place = 0; place <= last; place++) {
      const row = order[asked.descending ? last - place : place];
      if (matches(row)) found.push(row);
    }
    // What is not known stands at the end, whichever way one sorts.
    if (!asked.descending || asked.sort === "side") return found;
    const isMissing = (row) => missing(list, asked.sort, row);
    const known = found.findIndex((row) => !isMissing(row));
    return known > 0 ? [...found.slice(known), ...found.slice(0, known)] : found;
  }

  function matcher(list, { side, search }) {
    const wanted = new Set(side.split(" ").map((name) => SIDES.indexOf(name)));
    const every = side === "all";
    const words = search.toLowerCase().split(/\s+/).filter(Boolean).map((word) => ({
      word,
      levels: list.search.levels.map(({ levels, codes }) => ({
        codes,
        hit: levels.map((level) => level.includes(word)),
      })),
    }));
    return (row) =>
      (every || wanted.has(list.side[row])) &&
      words.every(
        ({ word, levels }) =>
          list.search.ids[row].includes(word) || levels.some(({ codes, hit }) => hit[codes[row]]),
      );
  }

  function missing(list, name, row) {
    const column = list.columns[name];
    return column.levels ? column.codes[row] < 0 : column.values[row] === null;
  }

  /* All rows by a column, lowest first; sorted once. */
  function ordered(list, name) {
    if (name === "side") return bySide(list);
    if (!list.orders.has(name)) {
      const order = Uint32Array.from({ length: list.count }, (_, row) => row);
      const held = list.columns[name].values;
      if (name === "lead_id") order.sort((a, b) => (held[a] < held[b] ? -1 : held[a] > held[b] ? 1 : a - b));
      else {
        const coded = Boolean(list.columns[name].levels);
        const worth = Float64Array.from(held, (value) =>
          value === null || (coded && value < 0) ? Infinity : value,
        );
        order.sort((a, b) => (worth[a] === worth[b] ? a - b : worth[a] - worth[b]));
      }
      list.orders.set(name, order);
    }
    return list.orders.get(name);
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
    const formula = new RegExp(list.csv.formula);
    const number = new RegExp(list.csv.plain_number);
    const cell = (value) => {
      if (value === null || value === undefined) return "";
      if (typeof value === "number") return String(value);
      const safe = formula.test(value) && !number.test(value) ? `'${value}` : value;
      return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    };
    const lines = [shown.map(({ name }) => name), ...rows.map((row) => shown.map((one) => one.at(row)))];
    return lines.map((line) => line.map(cell).join(",") + "\n").join("");
  }

  return { SIDES, read, cut, select, csv };
})();
