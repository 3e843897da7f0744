"use strict";
/* The run's report (or forecast) within the page: the same file, in a shadow root with its own style.

   The page's policy allows no style within markup, so that style sheets are constructed and style
   attributes are set by name. The file holds no script, and none of it would run. */
(async () => {
  const { ask, element, sentence } = leadcast;
  const place = document.getElementById("report");

  function read(html) {
    const styles = [];
    const text = html.replace(/<style>([^]*?)<\/style>/g, (_, css) => (styles.push(css), ""))
      .replace(/\sstyle="/g, ' data-style="').replace(/<meta http-equiv[^>]*>/g, "");
    return [new DOMParser().parseFromString(text, "text/html"), styles.join("\n")];
  }

  function sheetOf(css) {
    const sheet = new CSSStyleSheet();
    // What the report's page has, the place of it has here.
    sheet.replaceSync(css.replace(/:root/g, ":host").replace(/^(\s*)body\b/gm, "$1.body").replace(/^html\b/gm, ".html") +
      "\n:host{--paper:var(--card)} .body{padding:0;background:none;font-size:1rem} section.summary,.layout{margin-top:0} .contents{position:static}");
    return sheet;
  }

  function go(root, event) {
    const link = event.target.closest("a[href^='#']");
    if (!link) return;
    const found = root.getElementById(link.getAttribute("href").slice(1));
    if (!found) return;
    event.preventDefault();
    for (let one = found; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    found.scrollIntoView({ block: "start" });
    found.setAttribute("tabindex", "-1");
    found.focus({ preventScroll: true });
  }

  try {
    const { html } = await ask(`/page/${place.dataset.part}`);
    const [parsed, css] = read(html);
    const root = place.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheetOf(css)];
    const body = element("div", { class: "body" });
    const layout = document.importNode(parsed.querySelector(".layout"), true);
    // The page has a main part of its own.
    const main = layout.querySelector("main");
    const inner = element("div", { class: "main" });
    inner.append(...main.childNodes);
    main.replaceWith(inner);
    layout.querySelector(".verdict")?.remove();
    for (const one of layout.querySelectorAll("[data-style]")) {
      one.style.cssText = one.dataset.style;
      one.removeAttribute("data-style");
    }
    body.append(layout);
    root.append(body);
    root.addEventListener("click", (event) => go(root, event));
  } catch (error) {
    if (!error.problem) throw error;
    document.getElementById("report-told").textContent = sentence(error.message);
  }
})();
