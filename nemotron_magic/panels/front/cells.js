// Putting code into the notebook: below the panel's cell, not run, and undoable. Only
// JupyterLab and Notebook 7 let a widget do that; elsewhere the code is copied.

function notebookOf(model) {
  const shared = model.widget_manager?.context?.model?.sharedModel;
  return shared?.insertCell && shared.cells ? shared : null;
}

function idOf(cell) {
  return cell.getId?.() ?? cell.id;
}

function placeOf(notebook, ids, element) {
  for (const id of ids) {
    const place = notebook.cells.findIndex((cell) => id && idOf(cell) === id);
    if (place >= 0) return place;
  }
  const node = element.closest("[data-windowed-list-index]");
  return node ? Number(node.dataset.windowedListIndex) : notebook.cells.length - 1;
}

// The code of one reply: `lastId` is the cell that was put in last, the next goes below.
function cellsOf(model, cells, element) {
  let lastId = null;
  const note = make("p", { class: "nm-quiet", role: "status" });
  const say = (text) => {
    note.textContent = text;
    note.scrollIntoView({ block: "nearest" });
  };
  const insert = async (wanted) => {
    const notebook = notebookOf(model);
    if (!notebook) {
      const done = await copied(wanted.map((cell) => cell.source).join("\n\n"));
      say(`${done ? "Copied: this page lets no panel put in cells. Paste it"
        : "This page lets no panel put in cells. Copy it"} into a new cell, or run: %nemotron code`);
      return;
    }
    for (const { source } of wanted) {
      const place = placeOf(notebook, [lastId, model.get("cell_id")], element) + 1;
      notebook.insertCell(place, { cell_type: "code", source, metadata: { trusted: false } });
      lastId = idOf(notebook.cells[place]);
    }
    say(wanted.length > 1 ? `${wanted.length} cells are below; none has run.`
      : "It is in the cell below; it has not run.");
  };
  const rows = cells.map((cell) => make("li", {},
    make("code", { class: "nm-first-line", textContent: firstLine(cell.source) }),
    button("Insert as cell", () => insert([cell]), { class: "nm-small" }),
    copyButton(() => cell.source, "the code"),
    ...cell.said.map((line) => make("p", { class: "nm-said", textContent: line }))));
  const all = cells.length > 1
    ? make("div", { class: "nm-bar" },
      button(`Insert all ${cells.length}`, () => insert(cells), { class: "nm-small" })) : null;
  return make("div", { class: "nm-cells" }, make("ul", {}, ...rows), all, note);
}

function firstLine(source) {
  const lines = source.trim().split("\n");
  return lines.length > 1 ? `${lines[0]} … ${lines.length} lines` : lines[0];
}
