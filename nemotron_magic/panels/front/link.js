// Talking with the kernel: at most one message for each setting is on its way, so that
// a slider that is dragged does not fill the queue of a busy kernel.

class Link {
  constructor(model) {
    this.model = model;
    this.view = uid("view");
    this.waiting = new Map();
    this.listeners = {};
    this.hear = (message) => {
      this.alive?.();
      if (message.kind === "heard") this.heard(message);
      this.tell(message);
    };
    model.on("msg:custom", this.hear);
  }

  close() {
    this.model.off("msg:custom", this.hear);
  }

  on(kind, listener) {
    (this.listeners[kind] ??= []).push(listener);
  }

  // Tell whether it is on its way: where a kernel has ended, no message leaves.
  send(doing, more = {}) {
    try {
      this.model.send({ do: doing, ...more });
      return true;
    } catch {
      this.tell({ kind: "lost" });
      return false;
    }
  }

  tell(message) {
    for (const listener of this.listeners[message.kind] ?? []) listener(message);
  }

  isWaiting(name) {
    return this.waiting.has(name);
  }

  set(name, value) {
    if (this.waiting.has(name)) {
      this.waiting.set(name, { value });
      return;
    }
    this.waiting.set(name, null);
    this.send("set", { name, value, view: this.view });
  }

  heard({ view, name }) {
    if (view !== this.view) return;
    const next = this.waiting.get(name);
    this.waiting.delete(name);
    if (next) this.set(name, next.value);
  }
}
