"use strict";
/* One condition of a rule, as a form: an attribute with a question, or events.

   leadcast.ruleCondition(when, choices, changed)  gives the elements; `when` is changed in place of
   itself by `changed(when)`. Conditions that hold others are left to the YAML. */
leadcast.ruleCondition = (() => {
  const { element, note } = leadcast;
  const QUESTIONS = { equals: "is", in: "is one of", contains: "contains", matches: "matches", range: "lies between", days_ago: "days ago, between", is_missing: "is" };
  const LISTS = ["in", "contains"], SPANS = ["range", "days_ago"];
  let number = 0;

  const isSimple = (when) => when && !Array.isArray(when) && !when.any && !when.where && (when.attribute || when.event) && !(Array.isArray(when.event) && when.event.length > 1 && when.which);

  function tool(words, made) {
    made.id = `condition-${number++}`;
    return element("div", { class: "tool" }, element("label", { for: made.id }, words), made);
  }

  function select(options, value, chosen) {
    const made = element("select", { onchange: () => chosen(made.value) },
      options.map(([key, words]) => element("option", { value: key, selected: key === value }, words)));
    return made;
  }

  const input = (type, value, typed, more = {}) => {
    const made = element("input", { type, value: value ?? "", step: type === "number" ? "any" : null, autocomplete: "off", ...more,
      onchange: () => typed(type === "number" ? (made.value === "" ? null : Number(made.value)) : made.value) });
    return made;
  };

  const keep = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null && value !== "" && value !== undefined && value !== false));

  function attribute(when, choices, changed) {
    const asked = Object.keys(QUESTIONS).find((key) => key in when) ?? "equals";
    const rest = keep({ attribute: when.attribute, read_as: when.read_as, not: when.not });
    const set = (value, question = asked) => changed({ ...rest, [question]: value });
    const first = { equals: "", in: [], contains: [], matches: "", range: { min: 0 }, days_ago: { max: 30 }, is_missing: false };
    const known = [...new Set([when.attribute, ...choices.attributes])];
    return [
      tool("Attribute", select(known.map((name) => [name, name.replaceAll("_", " ")]), when.attribute, (name) => changed({ ...when, attribute: name }))),
      tool("Read as", select([["", "it stands"], ...choices.read_as.map((name) => [name, name.replaceAll("_", " ")])], when.read_as ?? "", (name) => changed(keep({ ...when, read_as: name })))),
      tool("Question", select(Object.entries(QUESTIONS).map(([key, words]) => [key, key === "is_missing" ? "is known or missing" : words]), asked, (question) => set(first[question], question))),
      ...value(asked, when[asked], set),
      negation(when, changed),
    ];
  }

  function value(asked, now, set) {
    if (LISTS.includes(asked)) {
      const list = Array.isArray(now) ? now : now ? [now] : [];
      return [tool("Values, with commas between", input("text", list.join(", "), (text) => set(text.split(",").map((one) => one.trim()).filter(Boolean))))];
    }
    if (SPANS.includes(asked)) {
      const span = now ?? {};
      const one = (name, words) => tool(words, input("number", span[name], (end) => set(keep({ ...span, [name]: end }))));
      return [one("min", "From"), one("max" in span ? "max" : "below", "max" in span ? "To" : "Below")];
    }
    if (asked === "is_missing")
      return [tool("It", select([["false", "is known"], ["true", "is missing"]], String(now ?? false), (text) => set(text === "true")))];
    return [tool("Value", input("text", now, set))];
  }

  function events(when, choices, changed) {
    const kinds = Array.isArray(when.event) ? when.event : [when.event];
    const every = [...new Set(["any", ...kinds, ...choices.kinds])];
    const made = element("select", { multiple: true, size: 4, onchange: () => {
      const chosen = [...made.selectedOptions].map((one) => one.value);
      changed({ ...when, event: chosen.length === 1 ? chosen[0] : chosen.length ? chosen : "any" });
    } }, every.map((kind) => element("option", { value: kind, selected: kinds.includes(kind) }, kind.replaceAll("_", " "))));
    const one = (words, name) => tool(words, input("number", when[name], (to) => changed(keep({ ...when, [name]: to })), { min: 0 }));
    return [tool("What the lead did", made), one("Within days", "within_days"), one("At least times", "at_least"), negation(when, changed)];
  }

  function negation(when, changed) {
    const box = element("input", { type: "checkbox", checked: when.not === true, onchange: () => changed(keep({ ...when, not: box.checked })) });
    return element("label", { class: "check" }, box, " not so");
  }

  return (when, choices, changed) => {
    if (!isSimple(when)) return [note("This rule’s conditions hold several; they stand in the YAML and stay as they are.")];
    const start = { attribute: () => ({ attribute: choices.attributes[0], is_missing: false }), event: () => ({ event: choices.kinds[0] ?? "any" }) };
    const kind = when.attribute ? "attribute" : "event";
    return [
      tool("Gives points for", select([["attribute", "who the lead is"], ["event", "what it does"]], kind, (other) => changed(start[other]()))),
      ...(kind === "attribute" ? attribute : events)(when, choices, changed),
    ];
  };
})();
