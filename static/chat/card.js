// Draws one neutral card (title, colour, blocks, form, buttons) as elements.

import { el } from "./dom.js";
import { markdown, plain } from "./markup.js";

const COLORS = ["blue", "green", "orange", "red", "grey"];
const STYLES = ["primary", "danger"];
const NUMBER = "[+\\-]?[0-9]*[.]?[0-9]*";

const BLOCKS = {
  text: (block) => el("div", { class: "card-text" }, ...(block.markdown ? markdown : plain)(String(block.text ?? ""))),
  fields: (block) => el("dl", { class: "card-facts" },
    ...(block.pairs ?? []).flatMap(([name, value]) => [el("dt", {}, String(name)), el("dd", {}, ...plain(String(value)))])),
  table: (block) => el("div", { class: "card-table", tabindex: "0" }, el("table", {},
    el("thead", {}, el("tr", {}, ...(block.heads ?? []).map((head) => el("th", { scope: "col" }, String(head))))),
    el("tbody", {}, ...(block.rows ?? []).map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, String(cell)))))))),
  divider: () => el("hr"),
};

// `click(button, values)` is called with the card's own button object; `values` are a form's, by name.
export function drawCard(card, { busy = false, click }) {
  const color = COLORS.includes(card.color) ? card.color : "blue";
  const buttons = card.buttons ?? [];
  const bare = !card.title && !buttons.length && !card.form && color === "blue";
  const node = el("article", { class: `card ${color}${bare ? " plain" : ""}` });
  if (card.title || busy) {
    node.append(el("h3", { class: "card-title" }, busy ? el("span", { class: "spinner" }) : null, card.title ?? ""));
  }
  for (const block of card.blocks ?? []) {
    const draw = Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : null;
    if (draw) node.append(draw(block));
  }
  if (card.form) node.append(drawForm(card.form, click));
  if (buttons.length) node.append(drawButtons(buttons, click));
  return node;
}

let forms = 0;

function drawForm(form, click) {
  forms += 1;
  const inputs = (form.inputs ?? []).map((input, place) => drawInput(input, `form-${forms}-${place}`));
  const submit = el("button", { class: `button${styleOf(form.submit)}` }, String(form.submit.label));
  const node = el("form", { class: "card-form" }, ...inputs.flatMap(({ label, field }) => [label, field]),
    el("div", { class: "card-buttons" }, submit));
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    for (const one of node.elements) one.disabled = true;
    click(form.submit, Object.fromEntries(inputs.map(({ name, field }) => [name, field.value])));
  });
  return node;
}

function drawInput(input, id) {
  const label = el("label", { for: id }, String(input.label || input.name));
  const shared = { id, name: input.name, required: Boolean(input.required) };
  if ((input.choices ?? []).length) {
    const options = input.choices.map(([value, shown]) => el("option", { value }, String(shown)));
    return { name: input.name, label, field: el("select", shared, el("option", { value: "" }, "—"), ...options) };
  }
  const kind = ["date", "time"].includes(input.kind) ? input.kind : "text";
  const number = input.kind === "number" ? { inputmode: "decimal", pattern: NUMBER } : {};
  const field = el("input", { ...shared, ...number, type: kind, placeholder: input.hint || null, autocomplete: "off" });
  return { name: input.name, label, field };
}

const styleOf = (button) => (STYLES.includes(button.style) ? ` ${button.style}` : "");

// A file that came with an answer: its name and size, a picture as such.
export function drawFile(file) {
  const image = file.image ? el("img", { src: file.url, alt: "", loading: "lazy" }) : null;
  return el("a", { class: "file", href: file.url, target: "_blank", rel: "noopener" },
    image, el("span", { class: "file-name" }, String(file.name)), el("span", { class: "file-size" }, String(file.size)));
}

function drawButtons(buttons, click) {
  const row = el("div", { class: "card-buttons" });
  for (const button of buttons) {
    row.append(el("button", {
      type: "button", class: `button${styleOf(button)}`, title: button.cmd,
      onclick: () => {
        // One decision is enough; an edit of the card draws fresh buttons.
        for (const one of row.children) one.disabled = true;
        click(button);
      },
    }, String(button.label)));
  }
  return row;
}
