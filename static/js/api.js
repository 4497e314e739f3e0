// Talks to the REST API: session cookie, CSRF token, problem JSON turned into one error class.

/** An answer that is not a success. `message` is a sentence for people; `code`, `field`, `allowed` are facts of the problem. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.message || problem.title || `The server answered ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.code = problem.code ?? "";
    this.problem = problem;
    this.isLoggedOut = status === 401;
  }
}

const NO_ANSWER = "The server does not answer. Check your connection; the page reconnects by itself.";

let csrfToken = "";

export function setCsrfToken(token) {
  csrfToken = token ?? "";
}

/** Headers for a request that something else sends, so that the server believes that it is ours. */
export function csrfHeaders() {
  return { "X-CSRF-Token": csrfToken };
}

function goToLogin() {
  const here = location.pathname + location.hash;
  location.assign(`/login?next=${encodeURIComponent(here)}`);
}

/** Text of a file, or its first bytes; the storage behind it need not know parts of files. */
async function readText(path, mostBytes = Infinity) {
  const headers = Number.isFinite(mostBytes) ? { Range: `bytes=0-${mostBytes - 1}` } : {};
  const response = await fetch(path, { headers, credentials: "same-origin" }).catch(() => {
    throw new ApiError(0, { detail: NO_ANSWER });
  });
  if (!response.ok) {
    if (response.status === 401) goToLogin();
    throw new ApiError(response.status, readProblem(response.status, await response.text()));
  }
  const reader = response.body.getReader();
  const parts = [];
  let arrived = 0;
  while (arrived < mostBytes) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    arrived += value.length;
  }
  await reader.cancel();
  return new Blob(parts).text();
}

function readProblem(status, text) {
  try {
    return JSON.parse(text);
  } catch {
    return { title: status >= 502 ? "The server is restarting. Try again in a moment." : "" };
  }
}

async function request(method, path, { body, form, query, signal, headers: more, staysOn401 = false } = {}) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  const headers = { Accept: "application/json", ...more };
  if (method !== "GET") headers["X-CSRF-Token"] = csrfToken;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    const payload = form ?? (body === undefined ? undefined : JSON.stringify(body));
    response = await fetch(url, { method, headers, signal, credentials: "same-origin", body: payload });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: NO_ANSWER });
  }
  if (response.ok) return response.status === 204 ? null : readAnswer(response);
  const problem = readProblem(response.status, await response.text());
  if (response.status === 401 && !staysOn401) goToLogin();
  throw new ApiError(response.status, problem);
}

async function readAnswer(response) {
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/**
 * Send a form whose progress matters; `fetch` does not tell how much has left.
 * @param {{headers?: Record<string, string>, onProgress?: (share: number, sentBytes: number) => void, signal?: AbortSignal}} more
 */
export function sendForm(path, form, { headers = {}, onProgress = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", path);
    for (const [name, value] of Object.entries({ Accept: "application/json", "X-CSRF-Token": csrfToken, ...headers })) {
      sending.setRequestHeader(name, value);
    }
    sending.upload.addEventListener("progress", (event) => onProgress(event.total ? event.loaded / event.total : 0, event.loaded));
    sending.addEventListener("error", () => reject(new ApiError(0, { detail: NO_ANSWER })));
    sending.addEventListener("abort", () => reject(new DOMException("The upload was cancelled.", "AbortError")));
    sending.addEventListener("load", () => {
      if (sending.status >= 200 && sending.status < 300) {
        resolve(JSON.parse(sending.responseText));
        return;
      }
      if (sending.status === 401) goToLogin();
      reject(new ApiError(sending.status, readProblem(sending.status, sending.responseText)));
    });
    signal?.addEventListener("abort", () => sending.abort());
    sending.send(form);
  });
}

export const api = {
  get: (path, query, more = {}) => request("GET", path, { query, ...more }),
  post: (path, body = {}, more = {}) => request("POST", path, { body, ...more }),
  put: (path, body, more = {}) => request("PUT", path, { body, ...more }),
  patch: (path, body, more = {}) => request("PATCH", path, { body, ...more }),
  delete: (path, more = {}) => request("DELETE", path, more),
  text: readText,
  upload: (path, form) => request("POST", path, { form }),
};

/** Path of one camera's resource: `cameraPath("default", "stats")`. */
export function cameraPath(id, rest = "") {
  return `/api/cameras/${encodeURIComponent(id)}${rest ? `/${rest}` : ""}`;
}
