"use strict";
/* The grades: what other bounds would come to, told while they are typed, and keeping them. */
(async () => {
  const { ask, element, format, sentence, table } = leadcast;
  const byId = (id) => document.getElementById(id);
  const inputs = [0, 1, 2].map((number) => byId(`bound-${number}`));
  const WAIT_MS = 250;
  let asked = 0, timer = null, now = null;

  const shown = (bound) => Number((100 * bound).toPrecision(3));
  /* A bound that nobody has touched stays as it is, with the digits that its box does not show. */
  const typed = () => inputs.map((input, place) => {
    const asInUse = Number(input.value) === shown(now.in_use[place]);
    return asInUse ? now.in_use[place] : Number((Number(input.value) / 100).toPrecision(12));
  });
  const post = (bounds, keep) => ask("/page/grades", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ bounds, keep }),
  });
  const isAsInUse = (bounds) => bounds.every((bound, place) => Math.abs(bound - now.in_use[place]) < 5e-5);

  function show(told) {
    if (told.table === null) {
      byId("grades-words").textContent = "What grades come to is not known here: there are no test scores beside this bundle.";
      return;
    }
    byId("grades-words").textContent = "On the leads of the test, each as it was first seen. Grades stay as they are until somebody changes them; later champions keep bounds that were set.";
    const rows = told.table.map((one, place) => [
      one.grade,
      place < 3 ? `from ${format.percent(one.from)}` : `below ${format.percent(told.table[2].from)}`,
      format.percent(one.share), format.count(one.leads), format.percent(one.probability),
      format.percent(one.conversion), format.interval(one.low, one.high, format.percent),
    ]);
    byId("grades-table").replaceChildren(table("What grades come to",
      ["Grade", "Probability", "Share of leads", "Leads", "Said, on average", "Converted", "95 % interval"], rows, [2, 3, 4, 5, 6]));
  }

  function fill(bounds) {
    bounds.forEach((bound, place) => (inputs[place].value = shown(bound)));
  }

  /* In per cent, as they are typed; the service would name probabilities. */
  const areBounds = () => typed().every((bound, place, all) =>
    inputs[place].value !== "" && bound > 0 && bound < 1 && (place === 0 || bound < all[place - 1]));

  async function tryThem() {
    const mine = ++asked;
    if (!areBounds()) {
      byId("grades-keep").disabled = true;
      byId("grades-told").textContent = "Bounds are percentages above 0 and below 100, each below the one before.";
      return;
    }
    try {
      const told = await post(typed(), false);
      if (mine !== asked) return;
      show(told);
      byId("grades-keep").disabled = !now.champion || isAsInUse(typed());
      byId("grades-told").textContent = now.champion ? "" :
        `To keep bounds, a model must be in use: leadcast promote ${now.source}, then leadcast grades ${now.source} --bounds ${typed().map((one) => Number(one.toPrecision(3))).join(",")}`;
    } catch (error) {
      if (mine !== asked) return;
      byId("grades-keep").disabled = true;
      byId("grades-told").textContent = sentence(error.message);
    }
  }

  async function keep(event) {
    event.preventDefault();
    byId("grades-keep").disabled = true;
    byId("grades-told").textContent = "Keeping them …";
    try {
      const told = await post(typed(), true);
      now.in_use = told.bounds;
      show(told);
      byId("grades-told").textContent = sentence(told.kept);
    } catch (error) {
      byId("grades-told").textContent = sentence(error.message);
    }
  }

  try {
    now = await ask("/page/grades");
  } catch (error) {
    byId("grades-words").textContent = sentence(error.message);
    return;
  }
  show(now);
  fill(now.bounds);
  byId("grades-form").hidden = now.table === null;
  for (const input of inputs) input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(tryThem, WAIT_MS);
  });
  byId("grades-back").addEventListener("click", () => {
    fill(now.in_use);
    tryThem();
  });
  byId("grades-form").addEventListener("submit", keep);
})();
