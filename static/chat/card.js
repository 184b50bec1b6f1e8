// Draws one neutral card (title, colour, blocks, buttons) as elements.

import { el } from "./dom.js";
import { markdown, plain } from "./markup.js";

const COLORS = ["blue", "green", "orange", "red", "grey"];
const STYLES = ["primary", "danger"];

const BLOCKS = {
  text: (block) => el("div", { class: "card-text" }, ...(block.markdown ? markdown : plain)(String(block.text ?? ""))),
  fields: (block) => el("dl", { class: "card-facts" },
    ...(block.pairs ?? []).flatMap(([name, value]) => [el("dt", {}, String(name)), el("dd", {}, ...plain(String(value)))])),
  table: (block) => el("div", { class: "card-table", tabindex: "0" }, el("table", {},
    el("thead", {}, el("tr", {}, ...(block.heads ?? []).map((head) => el("th", { scope: "col" }, String(head))))),
    el("tbody", {}, ...(block.rows ?? []).map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, String(cell)))))))),
  divider: () => el("hr"),
};

// `click(button, element)` is called with the card's own button object.
export function drawCard(card, { busy = false, click }) {
  const color = COLORS.includes(card.color) ? card.color : "blue";
  const buttons = card.buttons ?? [];
  const bare = !card.title && !buttons.length && color === "blue";
  const node = el("article", { class: `card ${color}${bare ? " plain" : ""}` });
  if (card.title || busy) {
    node.append(el("h3", { class: "card-title" }, busy ? el("span", { class: "spinner" }) : null, card.title ?? ""));
  }
  for (const block of card.blocks ?? []) {
    const draw = Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : null;
    if (draw) node.append(draw(block));
  }
  if (buttons.length) node.append(drawButtons(buttons, click));
  return node;
}

function drawButtons(buttons, click) {
  const row = el("div", { class: "card-buttons" });
  for (const button of buttons) {
    const style = STYLES.includes(button.style) ? ` ${button.style}` : "";
    row.append(el("button", {
      type: "button", class: `button${style}`, title: button.cmd,
      onclick: () => {
        // One decision is enough; an edit of the card draws fresh buttons.
        for (const one of row.children) one.disabled = true;
        click(button);
      },
    }, String(button.label)));
  }
  return row;
}
