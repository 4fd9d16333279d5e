// The panel: tabs, and what holds them together.

function tabsOf(pages) {
  const list = make("div", { role: "tablist", class: "nm-tabs", "aria-label": "Panel" });
  const choose = (wanted, focus) => {
    for (const page of pages) {
      const is = page === wanted;
      page.tab.setAttribute("aria-selected", String(is));
      page.tab.tabIndex = is ? 0 : -1;
      page.pane.hidden = !is;
    }
    if (focus) wanted.tab.focus();
    wanted.shown?.();
  };
  pages.forEach((page, place) => {
    const paneId = uid("pane");
    page.tab = button(page.title, () => choose(page), {
      role: "tab", id: uid("tab"), "aria-controls": paneId,
      keydown: (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1, Home: -place, End: pages.length - 1 - place };
        if (!(event.key in step)) return;
        event.preventDefault();
        choose(pages[(place + step[event.key] + pages.length) % pages.length], true);
      },
    });
    page.pane = make("div", { role: "tabpanel", id: paneId, class: "nm-pane",
      "aria-labelledby": page.tab.id }, page.node);
    list.append(page.tab);
  });
  return { list, panes: pages.map((page) => page.pane), choose };
}

// JupyterLab would take arrows, Enter and letters for its own commands. It looks for
// this attribute from the focused element upwards, so that is where it has to be.
function keepKeys(root) {
  const guard = (event) => {
    if (!root.contains(event.target)) return;
    const isSave = (event.ctrlKey || event.metaKey) && event.key === "s";
    if (isSave) event.target.removeAttribute("data-lm-suppress-shortcuts");
    else event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  };
  window.addEventListener("keydown", guard, true);
  return () => window.removeEventListener("keydown", guard, true);
}

const ENDED = ["restarting", "autorestarting", "terminating", "dead"];

function render({ model, el }) {
  const link = new Link(model);
  const parameters = parametersTab(model, link);
  const asking = askTab(model, link);
  const preview = previewTab(link, asking);
  const usage = usageTab(link);
  const pages = [
    { title: "Ask", node: asking.node, shown: () => asking.shown() },
    { title: "Parameters", node: parameters.node, shown: () => parameters.refresh() },
    { title: "Preview", node: preview.node, shown: () => preview.shown() },
    { title: "Usage", node: usage.node, shown: () => usage.shown() },
  ];
  const tabs = tabsOf(pages);
  const problem = make("p", { class: "nm-error nm-problem", role: "alert", hidden: true });
  link.on("problem", ({ text, about }) => {
    if (about === "ask" || about === "continue") return;
    problem.textContent = text;
    problem.hidden = !text;
  });
  for (const kind of ["preview", "usage", "talk", "heard"]) {
    link.on(kind, () => { problem.hidden = true; });
  }
  for (const kind of ["news", "ended"]) link.on(kind, () => usage.news(!pages[3].pane.hidden));
  link.on("news", () => asking.news(!pages[0].pane.hidden));
  link.on("lost", () => {
    problem.textContent = "The kernel of this panel has ended. Run its cell again: %nemotron panel";
    problem.hidden = false;
  });
  const close = button("✕", () => { if (!link.send("close")) root.remove(); }, {
    class: "nm-close", title: "Close the panel; its settings stay", "aria-label": "Close the panel",
  });
  const root = make("section", { class: "nm-panel", "aria-label": "Nemotron" },
    make("header", { class: "nm-top" }, tabs.list, close), problem, ...tabs.panes);
  // This class hides the text that stands in for a panel: not before there is a kernel.
  link.alive = () => root.classList.add(model.get("mark"));
  if (model.widget_manager?.kernel) link.alive();
  const freeKeys = keepKeys(root);
  el.append(root);
  tabs.choose(pages[0]);
  const sizes = new ResizeObserver(() => {
    for (const area of root.querySelectorAll("textarea")) if (area.offsetParent) fit(area);
  });
  sizes.observe(root);

  const refresh = () => parameters.refresh();
  model.on("change:state", refresh);
  // JupyterLab and Notebook 7 tell when a kernel ends; elsewhere the next message fails.
  const statuses = model.widget_manager?.kernel?.statusChanged;
  const follow = (_, status) => { if (ENDED.includes(status)) link.tell({ kind: "lost" }); };
  statuses?.connect?.(follow);
  return () => {
    model.off("change:state", refresh);
    statuses?.disconnect?.(follow);
    sizes.disconnect();
    link.close();
    freeKeys();
  };
}

export default { render };
