// Puts the parts of the chat page together.

import { Composer } from "./composer.js";
import { byId, el, readJson } from "./dom.js";
import { Feed } from "./feed.js";
import { Link } from "./link.js";
import { Outbox } from "./outbox.js";
import { setUpPairing } from "./pair.js";
import { Requests } from "./requests.js";
import { say } from "./texts.js";

const page = byId("chat").dataset;
const { get, post } = new Requests(page.person);

const signedOut = () => { location.href = "/sign-in/?next=/chat/"; };

const feed = new Feed({
  onClick: (delivery, button, values) => outbox.send(button.cmd, delivery.id, values),
  onMine: (clientId) => outbox.stored(clientId),
});

const outbox = new Outbox({
  person: page.person,
  post,
  onStored: () => link.look(),
  onSignedOut: signedOut,
  onChange: () => { byId("empty").hidden = true; feed.toEnd(); },
});

const composer = new Composer({ skills: readJson("skills"), onSend: (text) => outbox.send(text) });

let first = true;
const link = new Link({
  get,
  newest: () => feed.newest(),
  onSignedOut: signedOut,
  onState: (state) => {
    byId("status").dataset.state = state;
    byId("status").textContent = say(state);
    byId("status").title = say(state);
    if (state === "live") outbox.flush();
  },
  onItems: (items, cut) => {
    if (first || cut) byId("older").hidden = !cut;
    feed.show(items, { reset: cut });
    byId("feed").setAttribute("aria-busy", "false");
    first = false;
  },
});

byId("older").addEventListener("click", async () => {
  const answer = await get("/chat/items/", { ...feed.oldest(), older: 1 });
  if (!answer.ok) return;
  feed.showOlder(answer.items);
  byId("older").hidden = !answer.cut;
});

byId("examples").append(...readJson("example-texts").map((text) =>
  el("button", { type: "button", class: "chip", onclick: () => composer.write(text) }, text)));

setUpPairing(post);
outbox.flush();
if (matchMedia("(hover: hover)").matches) byId("text").focus();
