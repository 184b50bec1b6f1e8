// The list of messages and cards: keeps them in the order of time and draws what changed.

import { drawCard, drawFile } from "./card.js";
import { byId, el } from "./dom.js";
import { plain } from "./markup.js";
import { locale, say } from "./texts.js";

const OPEN_JOB = ["waiting", "running"];
const MESSAGE_STATES = ["limited", "dead", "ignored"];

const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(locale, { dateStyle: "full" });

const isBusy = (item) => item.role === "progress" && OPEN_JOB.includes(item.job_state);

// What can be seen of an item: as long as that stays, what is being typed into its form stays too.
const printOf = (item) => JSON.stringify(item.kind === "message" ? item
  : { ...item, state: item.state === "expired", job_state: isBusy(item), revision: 0 });

const keyOf = (item) => `${item.kind}-${item.id}`;
const isBefore = (a, b) =>
  a.at !== b.at ? a.at < b.at : a.kind !== b.kind ? a.kind === "message" : a.id < b.id;

function dayName(at) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 864e5);
  return days === 0 ? say("today") : days === 1 ? say("yesterday") : date.format(at);
}

export class Feed {
  constructor({ onClick, onMine }) {
    this.onClick = onClick; // (delivery, button, values of a form)
    this.onMine = onMine; // (clientId): the server has this message
    this.box = byId("feed");
    this.list = byId("items");
    this.entries = []; // {item, node, print} in the order of time
    this.byKey = new Map();
    this.labels = new Map(); // command of a button -> its label, for what was clicked
    this.box.addEventListener("scroll", () => { if (this.atEnd()) byId("down").hidden = true; });
    byId("down").addEventListener("click", () => this.toEnd());
  }

  // The highest or the lowest ids in the list, of messages and of deliveries.
  ids(pick) {
    const of = (kind) => this.entries.filter((entry) => entry.item.kind === kind).map((entry) => entry.item.id);
    return { message: pick(of("message")), delivery: pick(of("delivery")) };
  }

  newest() { return this.ids((ids) => Math.max(0, ...ids)); }

  oldest() { return this.ids((ids) => ids.reduce((a, b) => Math.min(a, b), Number.MAX_SAFE_INTEGER)); }

  show(items, { reset = false } = {}) {
    const follow = this.atEnd();
    const before = this.entries.length;
    if (reset) this.clear();
    for (const item of items) this.put(item);
    this.drawDays();
    byId("typing").hidden = !this.thinking();
    byId("empty").hidden = this.entries.length > 0 || byId("waiting").children.length > 0;
    if (follow || before === 0 || reset) this.toEnd();
    else if (this.entries.length > before) byId("down").hidden = false;
  }

  // Older items go on top without moving what is being read.
  showOlder(items) {
    const height = this.box.scrollHeight - this.box.scrollTop;
    for (const item of items) this.put(item);
    this.drawDays();
    this.box.scrollTop = this.box.scrollHeight - height;
  }

  clear() {
    this.entries = [];
    this.byKey.clear();
    this.list.replaceChildren();
  }

  put(item) {
    const print = printOf(item);
    const old = this.byKey.get(keyOf(item));
    if (old && (old.item.revision ?? 0) > (item.revision ?? 0)) return;
    if (old && old.print === print) { old.item = item; return; }
    const node = item.kind === "message" ? this.drawMessage(item) : this.drawDelivery(item);
    const entry = { item, node, print };
    this.byKey.set(keyOf(item), entry);
    if (old) {
      old.node.replaceWith(node);
      this.entries[this.entries.indexOf(old)] = entry;
    } else {
      this.insert(entry);
    }
    if (item.kind === "message") this.onMine(item.client_id);
  }

  insert(entry) {
    let place = this.entries.length;
    while (place > 0 && isBefore(entry.item, this.entries[place - 1].item)) place -= 1;
    const next = this.entries[place];
    this.list.insertBefore(entry.node, next ? next.node : null);
    this.entries.splice(place, 0, entry);
  }

  drawMessage(item) {
    const note = MESSAGE_STATES.includes(item.state)
      ? el("span", { class: "trouble" }, say(item.state)) : null;
    const text = item.click ? `${say("clicked")} ${this.labels.get(item.text) ?? item.text}` : item.text;
    return el("li", { class: `item mine${item.click ? " click" : ""}`, "data-state": item.state },
      el("div", { class: "bubble" }, ...plain(text)),
      el("div", { class: "meta" }, note, time(item.at)));
  }

  drawDelivery(item) {
    const buttons = [...(item.card.buttons ?? []), ...(item.card.form ? [item.card.form.submit] : [])];
    for (const button of buttons) this.labels.set(button.cmd, button.label);
    const empty = !item.card.title && !(item.card.blocks ?? []).length && !item.card.form;
    const card = empty ? { ...item.card, blocks: [{ type: "text", text: item.text }] } : item.card;
    const busy = isBusy(item);
    const note = item.state === "expired" ? el("span", {}, say("expired")) : null;
    return el("li", { class: `item bot ${item.role}`, "data-role": item.role, "data-job": item.job },
      drawCard(card, { busy, click: (button, values) => this.onClick(item, button, values) }),
      ...(item.files ?? []).map(drawFile),
      el("div", { class: "meta" }, time(item.at), note));
  }

  drawDays() {
    let day = "";
    for (const old of this.list.querySelectorAll(".day")) old.remove();
    for (const { item, node } of this.entries) {
      const name = dayName(new Date(item.at));
      if (name !== day) this.list.insertBefore(el("li", { class: "day" }, name), node);
      day = name;
    }
  }

  // Somebody works on the last message and nothing shows it yet.
  thinking() {
    const last = this.entries.findLast((entry) => entry.item.kind === "message");
    return Boolean(last) && last.item.state === "waiting";
  }

  atEnd() { return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 80; }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
    byId("down").hidden = true;
  }
}

const time = (at) => el("time", { datetime: at, title: new Date(at).toLocaleString(locale) }, clock.format(new Date(at)));
