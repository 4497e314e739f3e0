// The login page.
import { bindThemeButton } from "./theme.js";

const form = document.getElementById("login-form");
const problem = document.getElementById("login-problem");
const submit = document.getElementById("login-submit");

/** Only a path on this very server: an address from the query must never lead elsewhere. */
function nextPage() {
  const wanted = new URLSearchParams(location.search).get("next") ?? `/${location.hash}`;
  const url = new URL(wanted, location.origin);
  return url.origin === location.origin && wanted.startsWith("/") && !wanted.startsWith("//")
    ? url.pathname + url.search + url.hash
    : "/";
}

function show(words) {
  problem.textContent = words;
  problem.hidden = false;
}

async function logIn() {
  const body = JSON.stringify({ username: form.username.value.trim(), password: form.password.value });
  const response = await fetch("/api/login", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body,
    credentials: "same-origin",
  });
  if (response.ok) {
    location.replace(nextPage());
    return;
  }
  const answer = await response.json().catch(() => ({}));
  const fallback = response.status >= 500 ? "The server is starting. Try again in a moment." : "User name or password is wrong.";
  show(answer.detail || answer.message || fallback);
  form.password.select();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  submit.disabled = true;
  try {
    await logIn();
  } catch {
    show("The server does not answer. Check that Sightline is running.");
  } finally {
    submit.disabled = false;
  }
});

bindThemeButton(document.getElementById("theme-button"));
