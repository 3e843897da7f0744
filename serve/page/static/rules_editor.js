"use strict";
/* The editor: CodeMirror in a shadow root, where it styles itself by constructed style sheets; in
   the page it would need a style element, which the content security policy refuses.

   leadcast.rulesEditor(place, text, changed)  gives `text()`, `set(text)`, `mark(faults)` (with
   `line`, `severity`, `words`) and `go(line)`. */
leadcast.rulesEditor = (place, text, changed) => {
  const { EditorState, EditorView, tags } = CodeMirror;
  const root = place.attachShadow({ mode: "open" });

  const theme = EditorView.theme({
    "&": { color: "var(--ink)", backgroundColor: "var(--card)", fontSize: "0.9rem", height: "100%" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": {
      fontFamily: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
      lineHeight: "1.55",
    },
    ".cm-content": { caretColor: "var(--accent)", padding: "0.75rem 0" },
    ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
    ".cm-gutters": { backgroundColor: "var(--card)", color: "var(--muted)", border: "none" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--line)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
      background: "var(--selection)",
    },
    ".cm-tooltip": {
      backgroundColor: "var(--card)",
      color: "var(--ink)",
      border: "1px solid var(--rule)",
      borderRadius: "9px",
      maxWidth: "min(34rem, 85vw)",
    },
    ".cm-diagnostic": { padding: "0.5rem 0.75rem" },
  });
  const colours = CodeMirror.HighlightStyle.define([
    { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
    { tag: [tags.string, tags.content], color: "var(--ink)" },
    { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
    { tag: [tags.punctuation, tags.separator, tags.bracket], color: "var(--muted)" },
  ]);
  const fresh = (doc) =>
    EditorState.create({
      doc,
      extensions: [
        CodeMirror.lineNumbers(),
        CodeMirror.lintGutter(),
        CodeMirror.history(),
        CodeMirror.drawSelection(),
        CodeMirror.indentOnInput(),
        CodeMirror.bracketMatching(),
        CodeMirror.highlightActiveLine(),
        CodeMirror.highlightActiveLineGutter(),
        CodeMirror.indentUnit.of("  "),
        CodeMirror.yaml(),
        CodeMirror.syntaxHighlighting(colours),
        // Tab is not taken: it leaves the editor, as everywhere in a page.
        CodeMirror.keymap.of([
          ...CodeMirror.defaultKeymap,
          ...CodeMirror.historyKeymap,
          ...CodeMirror.lintKeymap,
        ]),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": "Points table, YAML", tabindex: "0" }),
        EditorView.updateListener.of((update) => update.docChanged && changed()),
        theme,
      ],
    });
  const view = new EditorView({ state: fresh(text), parent: root, root });

  const line = (number) => view.state.doc.line(Math.min(Math.max(number, 1), view.state.doc.lines));
  const diagnostic = (fault) => {
    const { from, to, text: words } = line(fault.line);
    const start = from + words.length - words.trimStart().length;
    return { from: Math.min(start, to), to, severity: fault.severity, message: fault.words };
  };

  return {
    text: () => view.state.doc.toString(),
    set(words) {
      view.setState(fresh(words));
      changed();
    },
    mark(faults) {
      const ordered = faults.map(diagnostic).sort((one, other) => one.from - other.from);
      view.dispatch(CodeMirror.setDiagnostics(view.state, ordered));
    },
    go(number) {
      const { from } = line(number);
      view.dispatch({
        selection: { anchor: from },
        effects: EditorView.scrollIntoView(from, { y: "center" }),
      });
      view.focus();
    },
  };
};
