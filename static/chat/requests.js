// Requests to our own server. Nothing throws: no connection is {ok: false, status: 0}.

export class Requests {
  constructor(token) { this.token = token; }

  get = (path, query = {}) => this.ask(`${path}?${new URLSearchParams(query)}`, {});

  post = (path, body) => this.ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": this.token },
    body: JSON.stringify(body),
  });

  async ask(path, options) {
    try {
      const response = await fetch(path, {
        credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(20000), ...options,
      });
      const json = (response.headers.get("Content-Type") ?? "").includes("json");
      const body = json ? await response.json() : {};
      return { ...body, ok: response.ok, status: response.status };
    } catch {
      return { ok: false, status: 0 };
    }
  }
}
