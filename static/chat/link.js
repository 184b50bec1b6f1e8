// The live link: a WebSocket that shows what is new, and plain requests while there is none.

const LOOK_EVERY = 15000;
const ANSWER_WITHIN = 10000;
const POLL_EVERY = 3000;
const LONGEST_PAUSE = 15000;
const SIGNED_OUT = 4401;

export class Link {
  constructor({ newest, onItems, onState, onSignedOut, get }) {
    Object.assign(this, { newest, onItems, onState, onSignedOut, get });
    this.pause = 500;
    this.live = false;
    window.addEventListener("online", () => this.connect());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.look(); });
    setInterval(() => this.look(), LOOK_EVERY);
    setInterval(() => { if (!this.live && !this.ended) this.poll(); }, POLL_EVERY);
    this.connect();
  }

  connect() {
    if (this.ended || (this.socket && this.socket.readyState <= WebSocket.OPEN)) return;
    clearTimeout(this.timer);
    const address = new URL("/ws/chat/", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(address);
    this.socket.onmessage = (event) => this.hear(JSON.parse(event.data));
    this.socket.onclose = (event) => this.closed(event.code);
  }

  hear(frame) {
    clearTimeout(this.silence);
    if (frame.type === "ready") {
      this.live = true;
      this.pause = 500;
      this.onState("live");
      this.look();
    } else if (frame.type === "items") {
      this.onItems(frame.items, frame.cut);
    }
  }

  // Ask for what came meanwhile; a socket that does not answer is dead, whatever it says.
  look() {
    if (this.ended) return;
    if (!this.live) { this.connect(); this.poll(); return; }
    this.socket.send(JSON.stringify(this.newest()));
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.drop(), ANSWER_WITHIN);
  }

  drop() {
    const socket = this.socket;
    socket.onclose = null;
    socket.close();
    this.socket = null;
    this.closed(0);
  }

  closed(code) {
    clearTimeout(this.silence);
    this.live = false;
    if (code === SIGNED_OUT) { this.end(); return; }
    this.onState(navigator.onLine ? "polling" : "offline");
    this.timer = setTimeout(() => this.connect(), this.pause * (0.7 + Math.random() * 0.6));
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
  }

  end() {
    this.ended = true;
    this.onSignedOut();
  }

  async poll() {
    if (this.polling) return;
    this.polling = true;
    const answer = await this.get("/chat/items/", this.newest());
    this.polling = false;
    if (answer.ok) this.onItems(answer.items, answer.cut);
    else if (answer.status === 401) this.end();
  }
}
