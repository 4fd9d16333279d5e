// The model: a field for any name, with the live catalogue to choose from.
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/

function modelField(control, id, changed, link) {
  const listId = uid("models");
  const typed = later(changed);
  let models = null;
  let at = -1;
  const list = make("ul", { id: listId, role: "listbox", class: "nm-models", hidden: true,
    "aria-label": "Models" });
  const input = make("input", {
    type: "text", id, role: "combobox", spellcheck: false, autocomplete: "off",
    title: described(control), "aria-expanded": "false", "aria-controls": listId,
    "aria-autocomplete": "list",
    input: () => { open(input.value); typed(input.value); },
    change: () => typed.now(input.value),
    keydown: (event) => press(event),
    blur: () => close(),
  });
  const arrow = button("▾", () => {
    input.focus();
    if (list.hidden) open(""); else close();
  }, { class: "nm-arrow", tabIndex: -1, "aria-label": "Show the models",
    mousedown: (event) => event.preventDefault() });

  const options = () => [...list.querySelectorAll("[role=option]")];
  const close = () => {
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const open = (wanted) => {
    if (models === null) {
      models = [];
      link.send("models");
      say("Loading the live catalogue …");
    } else if (models.length) {
      fill(wanted);
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  };
  const say = (text) => {
    list.replaceChildren(make("li", { class: "nm-quiet", role: "status", textContent: text }));
  };
  const fill = (wanted) => {
    const words = wanted.trim().toLowerCase();
    const found = models.filter((model) => model.name.toLowerCase().includes(words));
    const option = (model) => make("li", {
      id: uid("option"), role: "option", "aria-selected": String(model.name === input.value),
      mousedown: (event) => { event.preventDefault(); choose(model.name); },
    }, make("span", { class: "nm-model-name", textContent: model.name }),
    make("span", { class: "nm-quiet", textContent: model.about }));
    list.replaceChildren(...found.slice(0, 200).map(option));
    if (!found.length) say("No listed model has this in its name; any id may be typed.");
    at = -1;
  };
  const choose = (name) => {
    input.value = name;
    typed.now(name);
    close();
  };
  const move = (step) => {
    if (list.hidden) open("");
    const all = options();
    if (!all.length) return;
    at = (at + step + all.length) % all.length;
    all.forEach((option, place) => option.classList.toggle("nm-active", place === at));
    all[at].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", all[at].id);
  };
  const press = (event) => {
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter" && at >= 0) {
      choose(options()[at].querySelector(".nm-model-name").textContent);
    } else if (event.key === "Escape" && !list.hidden) close();
    else return;
    event.preventDefault();
  };

  link.on("elsewhere", () => {
    models = null;
    close();
  });
  link.on("models", (message) => {
    models = message.models.length ? message.models : null;
    if (list.hidden) return;
    if (message.problem) say(`The catalogue cannot be had: ${message.problem}`);
    else fill("");
  });
  return {
    node: make("div", { class: "nm-combobox" }, input, arrow, list), input,
    focused: () => input === document.activeElement,
    put: (value) => { input.value = value ?? ""; },
  };
}
