"use strict";
/* The rules editor's page: chooses a table, checks it while it is typed, runs the comparison. */
(async () => {
  const { ask, element, format, note, sentence } = leadcast;
  const place = document.getElementById("rules");
  const KEPT = "leadcast-points-table";
  const WAIT_MS = 350;
  const POLL_MS = 500;
  const JSON_POST = { method: "POST", headers: { "Content-Type": "application/json" } };

  let begun;
  try {
    begun = await ask("/page/rules");
  } catch (error) {
    place.replaceChildren(element("p", { class: "empty" }, sentence(error.message)));
    place.removeAttribute("aria-busy");
    return;
  }
  const state = { checked: null, usable: false, timer: null, asked: 0, running: false };
  const first = begun.tables[0];
  const empty =
    "title: New table\n\nrules:\n  - name: first rule\n    points: 10\n    when: {attribute: source, is_missing: false}\n";

  const host = element("div", { class: "editor" });
  const formed = element("div", { class: "rules-form" });
  const summary = element("p", { class: "summary", role: "status" });
  const faults = element("ol", { class: "faults" });
  const compare = element(
    "button",
    { type: "button", class: "primary", disabled: true, onclick: start },
    "Compare with the learned score",
  );
  const choice = element("select", { id: "table", onchange: () => begin(choice.value) }, [
    ...begun.tables.map((one) => element("option", { value: one.key }, one.title)),
    element("option", { value: "" }, "An empty table"),
  ]);
  const progress = element("section", { class: "progress", hidden: true, "aria-label": "Comparison" });
  const result = element("div", { id: "result" });
  const whyNot = begun.can_run
    ? null
    : note(
        "The comparison cannot be run from here: the run has none yet (make one with leadcast compare SOURCE), or its project’s folder is not there. Checking works.",
      );

  place.replaceChildren(
    element(
      "section",
      { class: "card desk" },
      element(
        "div",
        { class: "row desk-tools" },
        element("label", { for: "table" }, "Begin from"),
        choice,
        element("button", { type: "button", onclick: () => begin(choice.value) }, "Begin again"),
        element("button", { type: "button", onclick: download }, "Download YAML"),
        compare,
      ),
      whyNot,
      progress,
      summary,
      faults,
      element("div", { class: "two-ways" },
        element("section", { "aria-label": "As a form" }, element("h2", {}, "As a form"),
          note("What is changed here is written into the YAML; its comments are lost by that."), formed),
        element("section", { class: "as-yaml", "aria-label": "As YAML" }, element("h2", {}, "As YAML"), host)),
    ),
    result,
  );
  place.removeAttribute("aria-busy");
  const editor = leadcast.rulesEditor(host, kept() ?? first?.text ?? empty, typed);
  const form = leadcast.rulesForm(formed, { read: editor.text, write: editor.set });
  form.refresh();
  check();
  resume();

  function kept() {
    const found = JSON.parse(sessionStorage.getItem(KEPT) || "null");
    if (found && [...choice.options].some((one) => one.value === found.from)) choice.value = found.from;
    return found ? found.text : null;
  }

  function begin(key) {
    editor.set(begun.tables.find((one) => one.key === key)?.text ?? empty);
  }

  function typed() {
    sessionStorage.setItem(KEPT, JSON.stringify({ from: choice.value, text: editor.text() }));
    clearTimeout(state.timer);
    state.usable = false;
    allow();
    state.timer = setTimeout(() => {
      check();
      form.refresh();
    }, WAIT_MS);
  }

  /* Answers to older texts are left aside. */
  async function check() {
    const text = editor.text();
    const mine = ++state.asked;
    if (text.length > begun.most_letters) {
      tellFaults({
        usable: false,
        summary: `The table has over ${format.count(begun.most_letters)} letters`,
        faults: [],
      });
      return;
    }
    try {
      const answer = await ask("/page/rules/check", { ...JSON_POST, body: JSON.stringify({ text }) });
      if (mine === state.asked) tellFaults(answer);
    } catch (error) {
      if (mine === state.asked) tellFaults({ usable: false, summary: sentence(error.message), faults: [] });
    }
  }

  function tellFaults(answer) {
    state.usable = answer.usable;
    summary.textContent = answer.summary;
    summary.className = `summary ${answer.usable ? (answer.faults.length ? "warning" : "good") : "bad"}`;
    faults.replaceChildren(
      ...answer.faults.map((fault) =>
        element(
          "li",
          { class: `is-${fault.severity}` },
          element(
            "button",
            { type: "button", class: "plain", onclick: () => editor.go(fault.line) },
            fault.line ? `Line ${fault.line}` : "The table",
          ),
          element("span", {}, ` ${fault.severity === "error" ? "" : "(beware) "}${sentence(fault.words)}`),
        ),
      ),
    );
    editor.mark(answer.faults.filter((fault) => fault.line));
    form.usable(answer.usable);
    allow();
  }

  function allow() {
    compare.disabled = !state.usable || state.running || !begun.can_run;
  }

  function download() {
    const file = new Blob([editor.text()], { type: "application/yaml" });
    const link = element("a", {
      href: URL.createObjectURL(file),
      download: `${choice.value || "points"}-edited.yaml`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  async function start() {
    running(true);
    try {
      const body = JSON.stringify({ text: editor.text() });
      await follow(await ask("/page/rules/run", { ...JSON_POST, body }));
    } catch (error) {
      tellEnd(sentence(error.message), "bad");
    }
    running(false);
  }

  async function resume() {
    const job = await ask("/page/rules/run").catch(() => ({ state: "none" }));
    if (job.state === "done") await tellResult(job).catch(() => null);
    if (job.state !== "running") return;
    running(true);
    await follow(job).catch((error) => tellEnd(sentence(error.message), "bad"));
    running(false);
  }

  function running(is) {
    state.running = is;
    allow();
  }

  async function follow(job) {
    const bar = element("progress", { max: 1, value: 0, "aria-label": "Progress of the comparison" });
    const words = element("p", { role: "status" });
    const cancel = element(
      "button",
      { type: "button", onclick: () => ask("/page/rules/run", { method: "DELETE" }) },
      "Cancel",
    );
    progress.replaceChildren(bar, element("div", { class: "row" }, words, cancel));
    progress.hidden = false;
    let now = job;
    while (now.state === "running" && now.id === job.id) {
      if (now.of) bar.value = (now.step + 0.5) / now.of;
      const doing = `${sentence(now.doing)} …`;
      if (words.textContent !== doing) words.textContent = doing;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      now = await ask("/page/rules/run");
    }
    if (now.id !== job.id) return tellEnd("Another comparison has taken this one’s place.", "bad");
    if (now.state === "done") return tellResult(now);
    return now.state === "cancelled" ? tellEnd("Cancelled.", "") : tellEnd(sentence(now.words), "bad");
  }

  function tellEnd(words, kind) {
    progress.replaceChildren(
      element("p", { class: kind === "bad" ? "error" : "note", role: "alert" }, words),
    );
    progress.hidden = false;
  }

  async function tellResult(job) {
    const told = await ask("/page/rules/result");
    const mayMove = state.running;
    const shown = leadcast.rulesResult(begun.before, told, job.number);
    progress.hidden = true;
    result.replaceChildren(...shown.parts);
    shown.drawn();
    if (mayMove) shown.parts[0].focus();
  }
})();
