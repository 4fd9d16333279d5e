// The tab that shows what the question in the box would send, to the letter.

function previewTab(link, asking) {
  const about = make("p", { class: "nm-quiet nm-grow nm-one-line" });
  const rows = make("tbody");
  const table = make("table", { class: "nm-figures nm-plain", hidden: true },
    make("caption", { class: "nm-unseen", textContent: "What would be sent" }), rows);
  const messages = make("div");
  let hasLookedUp = false;
  const prices = button("Look up the price", () => {
    hasLookedUp = true;
    prices.disabled = true;
    link.send("prices", what());
  }, { class: "nm-small", hidden: true });
  const refresh = button("Refresh", () => load(), { class: "nm-small" });
  const what = () => ({ text: asking.text(), thread: asking.thread() });
  const load = () => link.send("preview", what());
  const node = make("div", {}, make("div", { class: "nm-bar" }, about, prices, refresh),
    table, messages);
  link.on("elsewhere", () => {
    hasLookedUp = false;
    prices.disabled = false;
  });
  link.on("preview", (message) => {
    about.textContent = message.question
      ? `Nothing is sent yet. For the question in Ask: ${message.question}`
      : "Nothing is sent yet. The box in Ask is empty; a question would come with this.";
    about.title = message.question;
    table.hidden = false;
    rows.replaceChildren(...message.rows.map(([name, much]) => make("tr", {},
      make("th", { scope: "row", textContent: name }), make("td", { textContent: much }))));
    messages.replaceChildren(...message.messages.map(({ role, content, tokens }, place) =>
      make("details", { class: "nm-group", open: true },
        make("summary", {}, `${place + 1}. ${role} `,
          make("span", { class: "nm-quiet", textContent: `about ${tokens.toLocaleString("en")} tokens` })),
        make("pre", { class: "nm-source nm-message", tabIndex: 0, textContent: content,
          "aria-label": `Message ${place + 1}` }))));
    prices.hidden = message.priced || hasLookedUp;
  });
  return { node, shown: load };
}
