// A little Markdown, drawn with elements: paragraphs, lists, code, bold, italics and http links.

import { el } from "./dom.js";

const INLINE = /(`[^`\n]+`)|\*\*([^*\n]+)\*\*|\*([^*\n]+)\*|\[([^\]\n]*)\]\((https?:\/\/[^\s()]+)\)|(https?:\/\/[^\s<>"'()，。；、）】]+)/g;

const link = (text, url) =>
  el("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, text);

function inline(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    parts.push(text.slice(end, found.index));
    const [all, code, bold, italic, label, target, bare] = found;
    if (code) parts.push(el("code", {}, code.slice(1, -1)));
    else if (bold) parts.push(el("strong", {}, bold));
    else if (italic) parts.push(el("em", {}, italic));
    // The address is shown too, so that a label cannot pretend to be another one.
    else if (target) parts.push(label && label !== target ? `${label} (` : "", link(target, target), label && label !== target ? ")" : "");
    else parts.push(link(bare, bare));
    end = found.index + all.length;
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== "");
}

// Plain text stays as it was written, but for addresses, which can be clicked.
export function plain(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(/https?:\/\/[^\s<>"'()，。；、）】]+/g)) {
    parts.push(text.slice(end, found.index), link(found[0], found[0]));
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)].filter((part) => part !== "");
}

function block(lines) {
  if (lines.every((line) => /^\s*[-*•] /.test(line))) {
    return el("ul", {}, ...lines.map((line) => el("li", {}, ...inline(line.replace(/^\s*[-*•] /, "")))));
  }
  if (lines.every((line) => /^\s*\d+[.)] /.test(line))) {
    return el("ol", {}, ...lines.map((line) => el("li", {}, ...inline(line.replace(/^\s*\d+[.)] /, "")))));
  }
  const heading = lines.length === 1 && /^#{1,6} (.*)$/.exec(lines[0]);
  if (heading) return el("p", {}, el("strong", {}, ...inline(heading[1])));
  return el("p", {}, ...inline(lines.join("\n")));
}

export function markdown(text) {
  const out = [];
  text.split(/^```[^\n]*\n?/m).forEach((part, index) => {
    if (index % 2) {
      out.push(el("pre", {}, el("code", {}, part.replace(/\n$/, ""))));
      return;
    }
    for (const group of part.split(/\n\s*\n/)) {
      const lines = group.split("\n").filter((line) => line.trim());
      if (lines.length) out.push(block(lines));
    }
  });
  return out;
}
