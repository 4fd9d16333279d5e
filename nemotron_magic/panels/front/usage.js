// The tab of figures: what calls took, from the ledger.

function usageTab(link) {
  const head = make("tr");
  const body = make("tbody");
  const table = make("table", { class: "nm-figures" },
    make("caption", { class: "nm-unseen", textContent: "What calls took" }),
    make("thead", {}, head), body);
  const notes = make("p", { class: "nm-quiet nm-lines" });
  const chart = make("figure", { class: "nm-days", hidden: true });
  const place = make("p", { class: "nm-quiet" });
  const balance = make("span", { class: "nm-quiet nm-grow", role: "status" });
  const ask = button("Balance of the account", () => {
    ask.disabled = true;
    balance.textContent = "Asking …";
    link.send("balance");
  }, { class: "nm-small" });
  const load = () => link.send("usage");
  const node = make("div", {},
    make("div", { class: "nm-scroll", tabIndex: 0, role: "region", "aria-label": "Figures" }, table),
    notes, chart,
    make("div", { class: "nm-bar" }, ask, balance, button("Refresh", load, { class: "nm-small" })),
    place);
  link.on("usage", (message) => {
    head.replaceChildren(make("td"), ...message.spans.map((span) =>
      make("th", { scope: "col", textContent: span })));
    body.replaceChildren(...message.labels.map((label, row) => make("tr", {},
      make("th", { scope: "row", textContent: label }),
      ...message.columns.map((column) => make("td", {
        textContent: column[row],
        class: ["unknown", "none told"].includes(column[row]) ? "nm-quiet" : null,
      })))));
    notes.textContent = message.notes.join("\n");
    place.textContent = message.place;
    chart.hidden = message.days.length === 0;
    if (message.days.length) chart.replaceChildren(...chartOf(message.days));
  });
  link.on("balance", ({ text }) => {
    ask.disabled = false;
    balance.textContent = text;
  });
  return { node, shown: load, news: (isShown) => { if (isShown) load(); } };
}
