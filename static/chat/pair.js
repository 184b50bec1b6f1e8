// The small dialog in which a pairing code becomes a binding.

import { byId } from "./dom.js";
import { say } from "./texts.js";

export function setUpPairing(post) {
  const dialog = byId("pair");
  const result = byId("pair-result");
  const code = byId("pair-code");

  const show = (text, good) => {
    result.hidden = !text;
    result.textContent = text;
    result.className = `note ${good ? "good" : "bad"}`;
  };

  byId("pair-open").addEventListener("click", () => { show(""); code.value = ""; dialog.showModal(); code.focus(); });
  byId("pair-close").addEventListener("click", () => dialog.close());
  byId("pair-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await post("/chat/pair/", { code: code.value.trim() });
    if (answer.ok) { code.value = ""; show(`${say("paired")}${answer.bot}`, true); }
    else show(answer.detail || say("unreachable"), false);
  });
}
