"use strict";
/* What if: a lead's score with another value, or with one more thing that it does now. */
(() => {
  const { ask, element, format, heading, note, sentence } = leadcast;

  leadcast.trialCard = async (place, lead) => {
    const address = `/page/lead/trial?id=${encodeURIComponent(lead.lead_id)}`;
    const offered = await ask(address);
    const some = (list, none) => [element("option", { value: "" }, none),
      ...list.map(({ key, name }) => element("option", { value: key }, name))];
    const event = element("select", { id: "trial-event" }, some(offered.kinds, "nothing more"));
    const field = element("select", { id: "trial-field" }, some(offered.attributes, "nothing else"));
    const value = element("input", { id: "trial-value", type: "text", autocomplete: "off", maxlength: "200", placeholder: "empty: unknown" });
    const told = element("div", { id: "trial-told", role: "status" });
    const tool = (made, words) => element("div", { class: "tool" }, element("label", { for: made.id }, words), made);

    async function tried(submitted) {
      submitted.preventDefault();
      const set = field.value ? `&set=${encodeURIComponent(`${field.value}=${value.value}`)}` : "";
      const kind = event.value ? `&event=${encodeURIComponent(event.value)}` : "";
      if (!set && !kind) return told.replaceChildren(note("Choose what it does, or what is different."));
      try {
        told.replaceChildren(...answer(await ask(address + set + kind)));
      } catch (error) {
        told.replaceChildren(note(sentence(error.message)));
      }
    }

    const form = element("form", { class: "row tools", onsubmit: tried },
      ...(offered.kinds.length ? [tool(event, "It does now")] : []),
      tool(field, "It has another"), tool(value, "namely"),
      element("button", { class: "primary" }, "Try"));
    place.append(element("section", { class: "card trial", "aria-label": "What if" },
      heading("What if"), form, told,
      note("What the model says of such a lead at the end of the data; no promise of what bringing it about would do.")));
  };

  function answer({ tried, before, after }) {
    const all = [...after.reasons.up, ...after.reasons.down].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
    return [
      element("p", { class: "result" }, `${sentence(tried.join(", "))}: ${format.percent(before.probability)} (${before.grade}) becomes ${format.percent(after.probability)} (${after.grade}).`),
      element("ul", {}, all.slice(0, 4).map((one) => element("li", {}, `odds × ${format.decimal(Math.exp(one.contribution), 2)} ${one.words}`))),
    ];
  }
})();
