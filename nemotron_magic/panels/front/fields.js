// One field for each shape of control. A field has `node`, `put(value)` to show a value
// (null: not set), `focused()`, and calls `changed(value)` when the user changes it.

const NOT_SET = "not set";
const TYPING_MS = 350;

function later(call) {
  let timer = 0;
  const run = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), TYPING_MS);
  };
  run.now = (...values) => {
    clearTimeout(timer);
    call(...values);
  };
  return run;
}

function described(control) {
  return `${control.name}: ${control.help} Value: ${control.accepts}`
    + `${control.nullable ? ", or not set" : ""}`
    + `${control.flags ? `. Flag: ${control.flags}` : ""}`;
}

function numberField(control, id, changed, isShort = false) {
  const typed = later(changed);
  const read = () => (input.value === "" ? null : Number(input.value));
  const input = make("input", {
    type: "number", id, step: "any", placeholder: control.nullable ? NOT_SET : "",
    class: isShort ? "nm-short" : "", title: described(control),
    input: () => { if (!input.validity.badInput) typed(read()); },
    change: () => typed.now(input.validity.badInput ? "no number" : read()),
  });
  if (control.minimum !== null) input.min = control.minimum;
  if (control.maximum !== null) input.max = control.maximum;
  if (control.step !== null) {
    input.step = control.step;
    input.addEventListener("invalid", (event) => event.preventDefault());
  }
  return {
    node: input, input,
    focused: () => input === document.activeElement,
    put: (value) => { input.value = value ?? ""; },
  };
}

// Where the range spans powers of ten, places on the slider are their logarithms.
function scaleOf({ minimum, maximum, step, is_logarithmic: isLogarithmic }) {
  if (!isLogarithmic) {
    return { min: minimum, max: maximum, step, toPlace: (v) => v, toValue: (p) => p };
  }
  const ratio = Math.log(maximum / minimum);
  return {
    min: 0, max: 100, step: 1,
    toPlace: (value) => (100 * Math.log(value / minimum)) / ratio,
    toValue: (place) => Math.min(maximum, Math.max(minimum,
      Number((minimum * Math.exp((place / 100) * ratio)).toPrecision(2)))),
  };
}

function sliderField(control, id, changed) {
  const scale = scaleOf(control);
  const typed = numberField(control, id, (value) => { show(value); changed(value); }, true);
  const slider = make("input", {
    type: "range", min: scale.min, max: scale.max, step: scale.step,
    "aria-label": `${control.label}, slider`, title: described(control),
    input: () => slide(),
  });
  const slide = () => {
    const value = scale.toValue(Number(slider.value));
    typed.put(value);
    show(value);
    changed(value);
  };
  const show = (value) => {
    const isSet = typeof value === "number" && Number.isFinite(value);
    slider.classList.toggle("nm-unset", !isSet);
    slider.value = isSet ? scale.toPlace(value) : scale.min;
    slider.setAttribute("aria-valuetext", isSet ? String(value) : NOT_SET);
    const share = (Number(slider.value) - scale.min) / (scale.max - scale.min);
    slider.style.setProperty("--nm-share", isSet ? `${100 * share}%` : "0%");
  };
  return {
    node: make("div", { class: "nm-slider" }, slider, typed.node),
    input: typed.input,
    focused: () => typed.focused() || slider === document.activeElement,
    put: (value) => { typed.put(value); show(value); },
  };
}

function switchField(control, id, changed) {
  const input = make("input", {
    type: "checkbox", id, title: described(control), change: () => changed(input.checked),
  });
  return {
    node: make("div", { class: "nm-switch" }, input), input, focused: () => false,
    put: (value) => { input.checked = Boolean(value); },
  };
}

const WORDS = { true: "yes", false: "no" };

function choiceField(control, id, changed) {
  const isBoolean = control.choices[0] === "true";
  const choices = control.nullable ? ["", ...control.choices] : control.choices;
  const input = make("select", {
    id, title: described(control),
    change: () => changed(input.value === "" ? null
      : isBoolean ? input.value === "true" : input.value),
  }, ...choices.map((choice) => make("option", {
    value: choice, textContent: choice === "" ? NOT_SET : WORDS[choice] ?? choice,
  })));
  return {
    node: input, input, focused: () => false,
    put: (value) => { input.value = value === null ? "" : String(value); },
  };
}

function textField(control, id, changed) {
  const typed = later(changed);
  const suggested = control.choices.length ? uid("list") : null;
  const input = make("input", {
    type: "text", id, spellcheck: false, autocomplete: "off",
    placeholder: control.nullable ? NOT_SET : "", title: described(control),
    input: () => typed(input.value), change: () => typed.now(input.value),
  });
  if (suggested) input.setAttribute("list", suggested);
  const list = suggested && make("datalist", { id: suggested },
    ...control.choices.map((value) => make("option", { value })));
  return {
    node: make("div", { class: "nm-text" }, input, list), input,
    focused: () => input === document.activeElement,
    put: (value) => { input.value = value ?? ""; },
  };
}

function areaField(control, id, changed) {
  const typed = later(changed);
  const input = make("textarea", {
    id, rows: control.is_code ? 1 : 2, spellcheck: !control.is_code,
    class: control.is_code ? "nm-code" : "", title: described(control),
    placeholder: control.nullable ? NOT_SET : "empty: none",
    input: () => { fit(input); typed(input.value); },
    change: () => typed.now(input.value),
    focus: () => fit(input),
  });
  return {
    node: input, input,
    focused: () => input === document.activeElement,
    put: (value) => { input.value = value ?? ""; fit(input); },
  };
}

const FIELDS = {
  slider: sliderField, number: numberField, switch: switchField, choice: choiceField,
  text: textField, area: areaField, model: modelField,
};
