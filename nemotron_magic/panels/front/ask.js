// The tab to ask in: a conversation, and a box below it.

// One question and its reply. A reply comes as displays by id, as in a cell's output;
// their HTML was made and sanitised by the kernel. While a reply that was cut off is gone
// on with, it stays in `earlier` until there is more of it.
class Turn {
  constructor(question) {
    this.displays = new Map();
    this.earlier = null;
    this.goesOn = false;
    this.answer = make("div", { class: "nm-answer" });
    this.node = make("article", { class: "nm-turn" },
      make("p", { class: "nm-question", textContent: question }), this.answer);
    this.node.nmTurn = this;
  }

  show({ id, html, clear }) {
    if (clear) {
      this.displays.clear();
      this.answer.replaceChildren();
    }
    if (!this.displays.has(id)) {
      this.displays.set(id, this.answer.appendChild(make("div")));
    }
    putHtml(this.displays.get(id), html);
    if (this.earlier && this.says()) this.#letGo();
  }

  says() {
    return [...this.displays.values()].some((display) =>
      display.textContent.trim() && !display.querySelector(".nm-status"));
  }

  #letGo() {
    this.earlier.remove();
    this.earlier = null;
  }

  #below() {
    return this.node.querySelectorAll(":scope > :is(.nm-cells, .nm-offer)");
  }

  goOn() {
    this.goesOn = true;
    this.earlier = this.answer;
    this.answer = make("div", { class: "nm-answer" });
    this.earlier.after(this.answer);
    this.displays.clear();
    this.#below().forEach((one) => { one.hidden = true; });
  }

  // Nothing more has come: what was there stays.
  stay() {
    if (!this.earlier) return false;
    this.answer.remove();
    this.answer = this.earlier;
    this.earlier = null;
    this.goesOn = false;
    this.#below().forEach((one) => { one.hidden = false; });
    return true;
  }

  finish(...below) {
    if (this.earlier) this.#letGo();
    this.goesOn = false;
    this.#below().forEach((one) => one.remove());
    this.node.append(...below);
  }
}

function typeset(model, node) {
  model.widget_manager?.rendermime?.latexTypesetter?.typeset(node);
}

function askTab(model, link) {
  let turn = null;
  let asked = false;
  let thread = "main";
  let isStale = true;
  let stopTimer = 0;
  const threadId = uid("thread");
  const listId = uid("threads");
  const boxId = uid("question");
  const threads = make("datalist", { id: listId });
  const choice = make("input", {
    type: "text", id: threadId, value: thread, autocomplete: "off", spellcheck: false,
    title: "Type a new name to begin another conversation",
    change: () => { thread = choice.value.trim() || "main"; choice.value = thread; load(); },
    focus: () => { choice.select(); },
  });
  choice.setAttribute("list", listId);
  const forget = button("Forget", () => link.send("forget", { thread }), {
    class: "nm-small", title: "Forget this conversation: what comes next begins anew",
  });
  const before = make("p", { class: "nm-quiet nm-before", hidden: true });
  const empty = make("p", { class: "nm-quiet nm-empty",
    textContent: "No question yet. What runs in cells goes along as Context says; Preview shows it." });
  const turns = make("div", { class: "nm-turns", tabIndex: 0, role: "log", "aria-live": "off",
    "aria-label": "Conversation" }, before, empty);
  const error = make("p", { class: "nm-error", role: "alert", hidden: true });
  const status = make("span", { class: "nm-quiet nm-grow", role: "status" });
  const box = make("textarea", {
    id: boxId, rows: 2, placeholder: "Why does this merge lose rows?",
    input: () => { fit(box); wake(); },
    keydown: (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.shiftKey)) {
        event.preventDefault();
        if (!go.disabled) ask();
      }
    },
  });
  const go = button("Ask", () => ask(), { class: "nm-main", title: "Ctrl+Enter or Shift+Enter" });
  const stop = button("Stop", () => halt(), { disabled: true, title: "Escape" });
  const free = button("Interrupt the cell", () => {
    model.widget_manager?.kernel?.interrupt?.();
    free.hidden = true;
  }, { hidden: true });
  const node = make("div", {
    class: "nm-ask",
    keydown: (event) => {
      // While a word is being composed, Escape is the input method's.
      if (event.key !== "Escape" || event.isComposing || stop.disabled) return;
      event.preventDefault();
      event.stopPropagation();
      halt();
    },
  },
    make("div", { class: "nm-bar" }, make("label", { htmlFor: threadId, textContent: "Conversation" }),
      choice, threads, forget),
    turns, error,
    make("label", { htmlFor: boxId, class: "nm-box-label", textContent: "Question" }), box,
    make("div", { class: "nm-bar" }, go, stop, status, free));

  const wake = () => {
    go.disabled = asked || !box.value.trim();
    stop.disabled = !asked;
    forget.disabled = asked || !turns.querySelector(".nm-turn");
  };
  const fail = (text) => { error.textContent = text; error.hidden = !text; };
  const isAtEnd = (room = 40) => turns.scrollHeight - turns.scrollTop - turns.clientHeight < room;
  const toEnd = () => { turns.scrollTop = turns.scrollHeight; };
  const load = () => { isStale = false; link.send("talk", { thread }); };
  const send = (doing, more = {}) => {
    fail("");
    asked = true;
    status.textContent = "Waiting for the kernel …";
    link.send(doing, { thread, ...more });
    box.focus({ preventScroll: true }); // the button that was pressed is off now
    wake();
  };
  const ask = () => {
    const text = box.value;
    begin(text);
    box.value = "";
    fit(box);
    send("ask", { text });
  };
  // Only the last reply can be gone on with.
  const offer = () => make("div", { class: "nm-bar nm-offer" },
    button("Continue", (event) => {
      goOn(event.target.closest(".nm-turn").nmTurn);
      send("continue");
    }, { class: "nm-small", title: "Let the model go on where this was cut off" }));
  const goOn = (one) => {
    turn = one;
    turn.goOn();
    toEnd();
  };
  const halt = () => {
    if (document.activeElement === stop) box.focus({ preventScroll: true });
    stop.disabled = true;
    status.textContent = "Stopping …";
    link.send("stop");
    // Where the kernel cannot hear it before its cell has ended, only that helps.
    stopTimer = setTimeout(() => {
      const busy = model.widget_manager?.kernel?.status === "busy";
      if (!asked || !busy || !model.widget_manager?.kernel?.interrupt) return;
      status.textContent = "A cell runs; the kernel hears of it when the cell has ended.";
      free.hidden = false;
    }, 1500);
  };
  const begin = (question) => {
    turn = new Turn(question);
    empty.hidden = true;
    turns.querySelectorAll(".nm-offer").forEach((one) => one.remove());
    turns.append(turn.node);
    toEnd();
  };

  // Nothing came of it: the question goes back into the box.
  const takeBack = () => {
    const isGoingOn = turn?.stay();
    if (!turn || isGoingOn) { turn = null; return; }
    if (!box.value) { box.value = turn.node.firstChild.textContent; fit(box); }
    turn.node.remove();
    turn = null;
    empty.hidden = Boolean(turns.querySelector(".nm-turn"));
  };

  // This page has come while a question was on its way.
  link.on("asked", ({ question, thread: where, goes_on: goesOn }) => {
    asked = true;
    if (where !== thread) { thread = where; choice.value = where; }
    const cut = goesOn && turns.querySelector(".nm-offer")?.closest(".nm-turn").nmTurn;
    if (!turn && cut) goOn(cut);
    else if (!turn) begin(question);
    wake();
  });
  link.on("show", (message) => {
    if (!turn) {
      load(); // another view of this panel has asked
      return;
    }
    const follow = isAtEnd();
    status.textContent = "Asking …";
    turn.show(message);
    if (follow) toEnd();
  });
  link.on("ended", ({ error: text, stopped, cells, kept, cut }) => {
    clearTimeout(stopTimer);
    free.hidden = true;
    asked = false;
    fail(stopped ? "" : text);
    if (turn && kept) {
      turn.finish(...(cells.length ? [cellsOf(model, cells, node)] : []), ...(cut ? [offer()] : []));
      typeset(model, turn.answer);
    } else {
      takeBack();
    }
    status.textContent = stopped ? "Stopped." : text ? ""
      : cut ? "Cut off. Continue goes on." : "Answered.";
    turn = null;
    toEnd();
    // Formulae grow when they are typeset.
    setTimeout(() => { if (isAtEnd(250)) toEnd(); }, 400);
    wake();
  });
  link.on("talk", (message) => {
    if (message.name !== thread) return;
    threads.replaceChildren(...message.names.map((value) => make("option", { value })));
    turns.querySelectorAll(".nm-turn").forEach((one) => one.remove());
    for (const { question, html, cut } of message.turns) {
      const one = new Turn(question);
      one.show({ id: "reply", html });
      if (cut) one.finish(offer());
      turns.append(one.node);
      typeset(model, one.answer);
    }
    before.hidden = !message.before;
    before.textContent = `${message.before} earlier, not shown`;
    if (turn?.goesOn) turn = null; // told of anew
    if (turn && asked) turns.append(turn.node); // it is still on its way
    else turn = null;
    empty.hidden = Boolean(turns.querySelector(".nm-turn"));
    toEnd();
    wake();
  });
  link.on("problem", ({ text, about }) => {
    if (about !== "ask" && about !== "continue") return;
    asked = false;
    status.textContent = "";
    takeBack();
    fail(text);
    wake();
  });
  link.on("lost", () => {
    if (!asked) return;
    clearTimeout(stopTimer);
    asked = false;
    status.textContent = "";
    if (turn?.says()) turn = null; // what has arrived stays
    else takeBack();
    wake();
  });
  wake();
  return {
    node,
    text: () => box.value,
    thread: () => thread,
    shown: () => { if (isStale && !asked) load(); fit(box); },
    // A cell has asked, or another panel: this panel's own replies are there already.
    news: (isShown) => {
      if (asked) return;
      isStale = true;
      if (isShown && (!turns.querySelector(".nm-cells") || turns.querySelector(".nm-offer"))) load();
    },
  };
}
