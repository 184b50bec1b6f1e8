// What was typed and is not yet stored: sent in order, again and again, under the same client id.

import { byId, el, newId } from "./dom.js";
import { say } from "./texts.js";

const LONGEST_PAUSE = 15000;
const SIGNED_OUT = [401, 403]; // no session, or the cookies of another one

export class Outbox {
  constructor({ person, post, onStored, onSignedOut, onChange }) {
    Object.assign(this, { post, onStored, onSignedOut, onChange });
    this.key = `clawdbot-outbox-${person}`; // survives a reload, never another person's
    this.list = byId("waiting");
    this.entries = [];
    this.pause = 1000;
    this.busy = false;
    for (const body of this.load()) this.add(body);
  }

  send(text, delivery, values) {
    const body = { text, client_id: newId() };
    if (delivery) body.delivery = delivery;
    if (values) body.values = values;
    this.add(body);
    this.save();
    this.flush();
  }

  // The server shows this message: the waiting bubble has served.
  stored(clientId) {
    const entry = this.entries.find((one) => one.body.client_id === clientId);
    if (!entry) return;
    entry.node.remove();
    this.entries = this.entries.filter((one) => one !== entry);
    this.save();
  }

  add(body) {
    const note = el("span", {}, say("sending"));
    const meta = el("div", { class: "meta" }, note);
    const node = el("li", { class: "item mine pending" }, el("div", { class: "bubble" }, body.text), meta);
    this.entries.push({ body, node, note, meta, failed: false, taken: false });
    if (!body.delivery) this.list.append(node);
    this.onChange();
  }

  async flush() {
    if (this.busy) return;
    this.busy = true;
    clearTimeout(this.timer);
    let entry;
    while ((entry = this.entries.find((one) => !one.failed && !one.taken))) {
      const answer = await this.post("/chat/send/", entry.body);
      if (answer.ok) this.took(entry);
      else if (SIGNED_OUT.includes(answer.status)) { this.onSignedOut(); break; }
      else if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) this.fail(entry, answer.detail);
      else { this.later(entry); break; }
    }
    this.busy = false;
  }

  took(entry) {
    entry.taken = true;
    entry.node.classList.remove("pending");
    entry.note.textContent = say("waiting");
    this.pause = 1000;
    this.save();
    this.onStored();
  }

  later(entry) {
    entry.note.textContent = say("resending");
    this.timer = setTimeout(() => this.flush(), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
  }

  fail(entry, detail) {
    entry.failed = true;
    if (!entry.node.isConnected) this.list.append(entry.node);
    entry.node.classList.add("failed");
    entry.note.textContent = detail || say("failed");
    entry.meta.append(el("button", {
      type: "button", class: "link again",
      onclick: (event) => {
        event.target.remove();
        entry.failed = false;
        entry.node.classList.remove("failed");
        entry.note.textContent = say("sending");
        this.flush();
      },
    }, say("again")));
    this.save();
  }

  load() {
    try { return JSON.parse(sessionStorage.getItem(this.key)) ?? []; } catch { return []; }
  }

  save() {
    const open = this.entries.filter((entry) => !entry.failed && !entry.taken).map((entry) => entry.body);
    try { sessionStorage.setItem(this.key, JSON.stringify(open)); } catch { /* a full or forbidden store only costs the survival of a reload */ }
  }
}
