// The box one writes in: Enter sends, Shift+Enter is a new line, / lists the commands.

import { byId, el } from "./dom.js";

const MOST = 8;

export class Composer {
  constructor({ skills, onSend }) {
    this.skills = skills;
    this.onSend = onSend;
    this.text = byId("text");
    this.list = byId("suggestions");
    this.chosen = -1;
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("input", () => { this.grow(); this.suggest(); });
    this.text.addEventListener("blur", () => { this.list.hidden = true; });
    byId("composer").addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
  }

  write(text) {
    this.text.value = text;
    this.grow();
    this.text.focus();
    this.text.setSelectionRange(text.length, text.length);
  }

  send() {
    const text = this.text.value.trim();
    if (!text) return;
    this.write("");
    this.list.hidden = true;
    this.onSend(text);
  }

  key(event) {
    // While an input method composes, Enter chooses a candidate (229 is how Safari says so).
    if (event.isComposing || event.keyCode === 229) return;
    if (!this.list.hidden && this.keyInList(event)) { event.preventDefault(); return; }
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); this.send(); }
  }

  keyInList(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { this.choose((this.chosen + step + this.found.length) % this.found.length); return true; }
    if (event.key === "Escape") { this.list.hidden = true; return true; }
    if (event.key === "Tab" && !event.shiftKey) { this.take(this.found[Math.max(this.chosen, 0)]); return true; }
    if (event.key === "Enter" && this.chosen >= 0) { this.take(this.found[this.chosen]); return true; }
    return false;
  }

  suggest() {
    const typed = /^\/(\S*)$/.exec(this.text.value);
    const word = typed ? typed[1].toLowerCase() : "";
    const fits = (skill) => skill.words.some((one) => one.toLowerCase().startsWith(word));
    this.found = typed ? this.skills.filter(fits).slice(0, MOST) : [];
    this.chosen = -1;
    this.list.hidden = this.found.length === 0;
    this.list.replaceChildren(...this.found.map((skill) => el("div", {
      class: "suggestion", role: "option", "aria-selected": "false",
      onmousedown: (event) => { event.preventDefault(); this.take(skill); },
    }, el("b", {}, `/${skill.name}`), el("span", {}, skill.summary))));
  }

  choose(place) {
    this.chosen = place;
    [...this.list.children].forEach((node, index) => {
      node.setAttribute("aria-selected", String(index === place));
      if (index === place) node.scrollIntoView({ block: "nearest" });
    });
  }

  take(skill) {
    this.list.hidden = true;
    this.write(`/${skill.name}${skill.takes ? " " : ""}`);
  }

  grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight + 2}px`;
  }
}
