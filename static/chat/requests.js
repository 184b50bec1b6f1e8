// Requests to our own server. Nothing throws: no connection is {ok: false, status: 0}.

const TIMEOUT = 20000;

// Read each time: signing in again in another window changes it.
const csrfToken = () => /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";

export class Requests {
  constructor(person) { this.person = person; }

  get = (path, query = {}) => this.ask(`${path}?${new URLSearchParams(query)}`, {});

  post = (path, body) => this.ask(path, { method: "POST", body: JSON.stringify(body) });

  async ask(path, options) {
    const headers = {
      "Content-Type": "application/json",
      "X-CSRFToken": csrfToken(),
      "X-Clawdbot-Person": this.person, // what this page shows is theirs, and so is what it says
    };
    try {
      const response = await fetch(path, {
        credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(TIMEOUT), headers, ...options,
      });
      const json = (response.headers.get("Content-Type") ?? "").includes("json");
      const body = json ? await response.json() : {};
      return { ...body, ok: response.ok, status: response.status };
    } catch {
      return { ok: false, status: 0 };
    }
  }
}
