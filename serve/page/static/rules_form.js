"use strict";
/* The points table as a form, beside its YAML: groups with their limits, rules with points, decay
   and one condition each, thresholds and the grid; and what a chosen lead would get by it.

   leadcast.rulesForm(place, {read, write})  `read()` gives the YAML's text, `write(text)` takes one.
   Gives `refresh()`, to be called when the text has changed otherwise, and `usable(is)`. */
leadcast.rulesForm = (place, { read, write }) => {
  const { ask, element, format, note, sentence, table: tableOf } = leadcast;
  const POST = { method: "POST", headers: { "Content-Type": "application/json" } };
  const post = (address, body) => ask(address, { ...POST, body: JSON.stringify(body) });
  const FADING = { "": "not at all", linear: "evenly, to nothing", exponential: "by halves", step: "in steps", expiry: "all at once" };
  const FIRST = { linear: { over_days: 60 }, exponential: { half_life_days: 14 }, expiry: { after_days: 60 }, step: { steps: [{ after_days: 30, keep: 0.5 }] } };
  const LIMITS = [["limit", "At most"], ["floor", "At least"], ["negative_limit", "Taken away at most"]];
  let table = null, choices = null, own = null, number = 0, opened = new Set();
  const fields = element("div", { class: "rules-fields" });
  const told = element("p", { class: "note", role: "status" });
  const preview = previewCard();
  place.replaceChildren(fields, told, preview.card);

  async function refresh() {
    const text = read();
    if (text === own) return;
    try {
      const found = await post("/page/rules/form", { text });
      if (read() !== text) return;
      [table, choices, own] = [found.table, found, text];
      told.textContent = table === null ? "The YAML cannot be read as a table yet; mend it first." : "";
      draw();
    } catch (error) {
      told.textContent = sentence(error.message);
    }
  }

  /* Writes the form's table as YAML; comments of the text are lost, and that is said above it. */
  async function changed(redraw = true) {
    if (redraw) draw();
    const mine = JSON.stringify(table);
    const { text } = await post("/page/rules/text", { table });
    if (mine !== JSON.stringify(table)) return;
    own = text;
    write(text);
  }

  function tool(words, made, kind = "") {
    made.id = `form-${number++}`;
    return element("div", { class: `tool ${kind}` }, element("label", { for: made.id }, words), made);
  }

  function numberBox(object, key, words) {
    const made = element("input", { type: "number", step: "any", value: object[key] ?? "", inputmode: "decimal",
      onchange: () => {
        if (made.value === "") delete object[key];
        else object[key] = Number(made.value);
        changed(false);
      } });
    return tool(words, made, "narrow");
  }

  function textBox(value, words, typed) {
    const made = element("input", { type: "text", value, autocomplete: "off", onchange: () => typed(made.value.trim()) });
    return tool(words, made, "grow");
  }

  function choice(words, options, value, chosen) {
    const made = element("select", { onchange: () => chosen(made.value) },
      options.map(([key, name]) => element("option", { value: key, selected: key === value }, name)));
    return tool(words, made);
  }

  const button = (words, pressed, kind = "") => element("button", { type: "button", class: kind, onclick: pressed }, words);

  function draw() {
    for (const one of fields.querySelectorAll("details.rule")) (one.open ? opened.add : opened.delete).call(opened, one.dataset.place);
    if (table === null) return fields.replaceChildren();
    table.rules ??= [];
    fields.replaceChildren(groups(), rules(), thresholds(), grid());
  }

  const groupNames = () => Object.keys(table.groups ?? { points: {} });

  function groups() {
    table.groups ??= { points: {} };
    const one = (name) => {
      const group = (table.groups[name] ??= {});
      return element("fieldset", {}, element("legend", {}, group.title || name),
        element("div", { class: "row tools" }, textBox(group.title ?? "", "Title", (title) => { group.title = title; changed(); }),
          LIMITS.map(([key, words]) => numberBox(group, key, words)),
          groupNames().length > 1 && !table.rules.some((rule) => (rule.group ?? "points") === name)
            ? button("Remove", () => { delete table.groups[name]; changed(); }) : null));
    };
    table.total ??= {};
    return element("section", { "aria-label": "Groups" }, element("h3", {}, "Groups and their limits"),
      groupNames().map(one),
      element("fieldset", {}, element("legend", {}, "All together"), element("div", { class: "row tools" }, LIMITS.map(([key, words]) => numberBox(table.total, key, words)))),
      button("Add a group", () => { table.groups[free("group", groupNames())] = {}; changed(); }));
  }

  const free = (name, taken) => {
    let at = 1;
    while (taken.includes(`${name} ${at}`)) at += 1;
    return `${name} ${at}`;
  };

  function rules() {
    const names = () => table.rules.map((rule) => rule.name);
    return element("section", { "aria-label": "Rules" }, element("h3", {}, "Rules"),
      table.rules.map(oneRule),
      button("Add a rule", () => {
        opened.add(String(table.rules.length));
        table.rules.push({ name: free("rule", names()), group: groupNames()[0], points: 5, when: { attribute: choices.attributes[0], is_missing: false } });
        changed();
      }));
  }

  function oneRule(rule, at) {
    const isEvent = Boolean(rule.when?.event);
    const head = `${rule.name ?? "?"}: ${rule.points > 0 ? "+" : ""}${rule.points ?? "?"}${rule.each ? " each" : ""}`;
    const each = element("input", { type: "checkbox", checked: rule.each === true, onchange: () => {
      if (each.checked) rule.each = true;
      else { delete rule.each; delete rule.limit; }
      changed();
    } });
    return element("details", { class: "rule", "data-place": at, open: opened.has(String(at)) }, element("summary", {}, head),
      element("div", { class: "row tools" },
        textBox(rule.name ?? "", "Name", (name) => { rule.name = name; changed(); }),
        choice("Group", groupNames().map((name) => [name, table.groups[name]?.title || name]), rule.group ?? "points", (name) => { rule.group = name; changed(); }),
        numberBox(rule, "points", "Points (negative take away)")),
      element("div", { class: "row tools" }, leadcast.ruleCondition(rule.when, choices, (when) => {
        rule.when = when;
        if (!when.event) for (const key of ["each", "limit", "decay"]) delete rule[key];
        changed();
      })),
      isEvent ? element("div", { class: "row tools" },
        element("label", { class: "check" }, each, " for each such event"),
        rule.each ? numberBox(rule, "limit", "Together at most") : null,
        ...decay(rule)) : null,
      button("Remove this rule", () => { table.rules.splice(at, 1); opened = new Set(); changed(); }));
  }

  function decay(rule) {
    const now = rule.decay ?? {};
    const form = choice("Points fade", Object.entries(FADING), now.form ?? "", (chosen) => {
      if (chosen) rule.decay = { form: chosen, ...structuredClone(FIRST[chosen]) };
      else delete rule.decay;
      changed();
    });
    const boxes = {
      linear: () => [numberBox(now, "over_days", "Over days")],
      exponential: () => [numberBox(now, "half_life_days", "Half each so many days")],
      expiry: () => [numberBox(now, "after_days", "After days")],
      step: () => [...(now.steps ?? []).flatMap((step) => [numberBox(step, "after_days", "After days"), numberBox(step, "keep", "Share left")]),
        button("Add a step", () => { const last = now.steps.at(-1); now.steps.push({ after_days: last.after_days * 2, keep: last.keep / 2 }); changed(); })],
    };
    return [form, ...(boxes[now.form]?.() ?? [])];
  }

  function thresholds() {
    table.thresholds ??= {};
    const one = ([name, value]) => {
      const isCells = typeof value === "object" && value !== null && value.cells;
      return element("div", { class: "row tools" },
        textBox(name, "Called", (to) => { if (!to || to in table.thresholds) return draw(); table.thresholds = Object.fromEntries(Object.entries(table.thresholds).map(([key, held]) => [key === name ? to : key, held])); changed(); }),
        isCells ? textBox(value.cells.join(", "), "Cells of the grid", (text) => { value.cells = text.split(",").map((cell) => cell.trim()).filter(Boolean); changed(); })
          : tool("From so many points", element("input", { type: "number", step: "any", value: value?.points ?? value, onchange: (event) => { table.thresholds[name] = Number(event.target.value); changed(false); } }), "narrow"),
        button("Remove", () => { delete table.thresholds[name]; changed(); }));
    };
    return element("section", { "aria-label": "Thresholds" }, element("h3", {}, "Thresholds"), Object.entries(table.thresholds).map(one),
      button("Add a threshold", () => { table.thresholds[free("threshold", Object.keys(table.thresholds))] = 50; changed(); }));
  }

  function grid() {
    const side = (name, words) => {
      const axis = table.grid[name];
      return element("fieldset", {}, element("legend", {}, words), element("div", { class: "row tools" },
        choice("Group", groupNames().map((group) => [group, table.groups[group]?.title || group]), axis.group, (group) => { axis.group = group; changed(); }),
        Object.keys(axis.bands).map((band) => numberBox(axis.bands, band, `${band} from`))));
    };
    const start = () => {
      const [fit, engagement = fit] = groupNames();
      table.grid = { fit: { group: fit, bands: { A: 75, B: 50, C: 25, D: 0 } }, engagement: { group: engagement, bands: { 1: 60, 2: 35, 3: 10, 4: 0 } } };
      changed();
    };
    return element("section", { "aria-label": "Grid" }, element("h3", {}, "Grid: fit against engagement"),
      table.grid ? [side("fit", "Fit, the best band first"), side("engagement", "Engagement, the best band first"), button("Remove the grid", () => { delete table.grid; changed(); })]
        : [button("Add a grid", start)]);
  }

  function previewCard() {
    const sought = element("input", { id: "preview-lead", type: "search", list: "preview-found", autocomplete: "off", spellcheck: "false", maxlength: "200", placeholder: "Its id, e-mail or job title" });
    const found = element("datalist", { id: "preview-found" });
    const answer = element("div", { role: "status" });
    const card = element("section", { class: "preview", "aria-label": "What a lead would get" }, element("h3", {}, "What a lead would get"),
      element("div", { class: "row tools" }, element("div", { class: "tool grow" }, element("label", { for: "preview-lead" }, "A lead to try it on"), sought, found)), answer);
    let asked = 0, lead = null;
    async function look() {
      const text = sought.value.trim();
      if (!text) return;
      const { leads } = await ask(`/page/lead/search?${new URLSearchParams({ text })}`);
      found.replaceChildren(...leads.map((one) => element("option", { value: one.lead_id }, one.words.join(" · "))));
      const exact = leads.find((one) => one.lead_id === text) ?? (leads.length === 1 ? leads[0] : null);
      if (!exact) return answer.replaceChildren(note(leads.length ? "Choose one of the leads below the box." : "No lead has this in its id or its texts."));
      lead = exact.lead_id;
      show();
    }
    async function show() {
      if (lead === null) return;
      const mine = ++asked;
      try {
        const told = await post("/page/rules/preview", { text: read(), lead_id: lead });
        if (mine === asked) answer.replaceChildren(...told_(told));
      } catch (error) {
        if (mine === asked) answer.replaceChildren(note(sentence(error.message)));
      }
    }
    const told_ = ({ points, grade, reached, rows }) => [
      element("p", { class: "result" }, `${lead}: ${format.compact(points)} points`, grade ? `, ${grade}` : "", reached.length ? `; reaches ${reached.join(", ")}` : "; reaches no threshold"),
      rows.length ? leadcast.scrolling("Ledger", tableOf("Which rule gives which points", ["Rule", "For what", "Points"], rows.map((row) => [row.rule, row.words, format.signed(row.points, Number.isInteger(row.points) ? 0 : 1)]), [2])) : note("No rule fires for it."),
    ];
    sought.addEventListener("change", () => look().catch((error) => answer.replaceChildren(note(sentence(error.message)))));
    return { card, show };
  }

  return { refresh, usable: (is) => is && preview.show() };
};
