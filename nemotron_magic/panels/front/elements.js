// Small pieces of page. Text goes in as text; the one place where HTML is taken is
// `putHtml`, and what goes in there comes from the kernel's own sanitiser.

let nmCount = 0;

function uid(word) {
  nmCount += 1;
  return `nm-${word}-${nmCount}-${Math.random().toString(36).slice(2, 8)}`;
}

// Make an element: properties by name, `class`, `aria-*`, `data-*` and the like as
// attributes, functions as listeners.
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name in element && !["list", "form"].includes(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function button(text, press, properties = {}) {
  return make("button", { type: "button", textContent: text, click: press, ...properties });
}

function putHtml(element, html) {
  element.innerHTML = html;
}

// A button that puts a text into the clipboard, and says for a moment that it has.
function copyButton(text, what) {
  const copy = button("Copy", async () => {
    copy.textContent = (await copied(text())) ? "Copied" : "Select and copy by hand";
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  }, { "aria-label": `Copy ${what}`, class: "nm-small" });
  return copy;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function fit(area) {
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight + 2, 320)}px`;
}
