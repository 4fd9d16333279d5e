// The tab of parameters: a row for each setting, all of them tied to the kernel's.

class Row {
  constructor(control, link) {
    this.control = control;
    this.link = link;
    const id = uid(control.name);
    this.errorId = uid("error");
    this.field = FIELDS[control.shape](control, id, (value) => this.change(value), link);
    this.error = make("div", { class: "nm-error", id: this.errorId, role: "alert", hidden: true });
    this.reset = button("↺", () => this.toDefault(), {
      class: "nm-reset", title: `Back to the default: ${control.default ?? NOT_SET}`,
      "aria-label": `Reset ${control.label} to its default`,
    });
    const helpId = uid("help");
    this.field.input.setAttribute("aria-describedby", `${helpId} ${this.errorId}`);
    this.node = make("div", { class: `nm-row nm-is-${control.shape}`, "data-name": control.name },
      make("label", { htmlFor: id, textContent: control.label, title: described(control) }),
      make("div", { class: "nm-field" }, this.field.node, this.error),
      this.reset,
      make("span", { id: helpId, class: "nm-unseen", textContent: described(control) }));
    this.node.addEventListener("focusout", () => this.settle());
  }

  change(value) {
    this.wanted = value;
    this.link.set(this.control.name, value);
  }

  toDefault() {
    this.fail("");
    this.field.put(this.value);
    this.link.send("reset", { name: this.control.name });
  }

  // Show what the kernel has, unless the user is at this very field; what was refused
  // stays to be corrected.
  refresh(value, isChanged) {
    const isNews = value !== this.value;
    this.value = value;
    this.node.classList.toggle("nm-changed", isChanged);
    this.reset.disabled = !isChanged && this.error.hidden;
    if (this.link.isWaiting(this.control.name)) return;
    if (!isNews && (!this.error.hidden || this.field.focused())) return;
    this.fail("");
    this.field.put(value);
  }

  heard(error) {
    this.fail(error);
    this.reset.disabled = !this.node.classList.contains("nm-changed") && !error;
    if (!error && !this.field.focused()) this.field.put(this.value);
  }

  settle() {
    if (this.error.hidden && !this.link.isWaiting(this.control.name)) {
      setTimeout(() => { if (!this.field.focused() && this.error.hidden
        && !this.link.isWaiting(this.control.name)) this.field.put(this.value); }, TYPING_MS + 50);
    }
  }

  fail(error) {
    this.error.textContent = error;
    this.error.hidden = !error;
    this.field.input.setAttribute("aria-invalid", String(Boolean(error)));
  }
}

function parametersTab(model, link) {
  const rows = new Map(model.get("table").map((control) => [control.name, new Row(control, link)]));
  const groups = new Map();
  for (const row of rows.values()) {
    const group = row.control.group;
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(row);
  }
  const first = make("div", { class: "nm-rows" }, ...groups.get("").map((row) => row.node));
  const counts = new Map();
  const more = [...groups].filter(([group]) => group).map(([group, members]) => {
    const count = make("span", { class: "nm-count" });
    counts.set(group, count);
    return make("details", { class: "nm-group" },
      make("summary", {}, group, " ", count),
      make("div", { class: "nm-rows" }, ...members.map((row) => row.node)));
  });
  for (const details of more) {
    details.addEventListener("toggle", () => details.querySelectorAll("textarea").forEach(fit));
  }
  const problem = make("p", { class: "nm-error", role: "alert", hidden: true });
  const resetAll = button("Reset all", () => link.send("reset"), { class: "nm-small" });
  const code = codeOf();
  const help = make("p", { class: "nm-help nm-quiet", "aria-hidden": "true" });
  const node = make("div", {}, first, make("h3", { class: "nm-heading", textContent: "More" }),
    ...more, problem, help, make("div", { class: "nm-bar" }, resetAll), code.node);

  for (const kind of ["focusin", "mouseover"]) {
    node.addEventListener(kind, (event) => {
      const name = event.target.closest?.(".nm-row")?.dataset.name;
      if (name) help.textContent = described(rows.get(name).control);
    });
  }
  link.on("heard", ({ view, name, error }) => {
    if (view === link.view && !link.isWaiting(name)) rows.get(name)?.heard(error);
  });
  let endpoint;
  const refresh = () => {
    const state = model.get("state");
    if (endpoint !== undefined && endpoint !== state.values.base_url) link.tell({ kind: "elsewhere" });
    endpoint = state.values.base_url;
    const changed = new Set(state.changed);
    for (const [name, row] of rows) row.refresh(state.values[name], changed.has(name));
    for (const [group, members] of groups) {
      const many = members.filter((row) => changed.has(row.control.name)).length;
      if (counts.has(group)) counts.get(group).textContent = many ? `${many} changed` : "";
    }
    problem.textContent = state.problem;
    problem.hidden = !state.problem;
    resetAll.disabled = changed.size === 0;
    code.put(state);
  };
  return { node, refresh };
}

// "Show as code": what sets the same again.
function codeOf() {
  const config = make("pre", { class: "nm-source", tabIndex: 0, "aria-label": "For the session" });
  const flags = make("pre", { class: "nm-source", tabIndex: 0, "aria-label": "For one question" });
  const note = make("p", { class: "nm-quiet" });
  const block = (title, pre) => make("div", {},
    make("div", { class: "nm-bar" }, make("span", { class: "nm-quiet", textContent: title }),
      copyButton(() => pre.textContent, title.toLowerCase())), pre);
  const node = make("details", { class: "nm-group nm-as-code" },
    make("summary", { textContent: "Show as code" }),
    block("For the session", config), block("For one question", flags), note);
  const put = (state) => {
    config.textContent = state.config || "# all settings are at their defaults";
    flags.textContent = state.flags;
    note.textContent = state.without.length
      ? `No flag sets ${state.without.join(", ")} for one question.` : "";
  };
  return { node, put };
}
