// Composition root of the dashboard: account, stores, connection, pages.
import { api } from "./api.js";
import { aboutPage } from "./about.js";
import { camerasPage } from "./cameras.js";
import { h, icon, setText } from "./dom.js";
import { eventsPage } from "./events.js";
import { galleryPage } from "./gallery.js";
import { peoplePage } from "./identities.js";
import { jobsPage } from "./jobs.js";
import { livePage } from "./live_page.js";
import { connect, on } from "./live.js";
import { modelsPage } from "./models.js";
import { changePassword } from "./password.js";
import { startRouter } from "./router.js";
import { loadSession, may, session } from "./session.js";
import { loadCameras, loadStages, startStore } from "./store.js";
import { systemCheckPage } from "./system_check.js";
import { bindThemeButton } from "./theme.js";
import { toastError } from "./toasts.js";
import { uploadsPage } from "./uploads.js";
import { usersPage } from "./users.js";
import { webhooksPage } from "./webhooks.js";

const BANNER_AFTER_MS = 1500;
const RETRY_START_MS = 3000;

function drawAccount() {
  setText(document.getElementById("account-name"), session.username);
  setText(document.getElementById("account-role"), session.role);
  for (const element of document.querySelectorAll("[data-needs]")) element.hidden = !may(element.dataset.needs);
}

function watchConnection() {
  const banner = document.getElementById("offline-banner");
  const dot = document.getElementById("connection");
  let timer = null;
  on("connection", (isConnected) => {
    dot.dataset.tone = isConnected ? "good" : "bad";
    dot.title = isConnected ? "Connected to Sightline" : "Not connected to Sightline";
    dot.setAttribute("aria-label", dot.title);
    clearTimeout(timer);
    if (isConnected) banner.hidden = true;
    // A short break heals by itself; only a longer one is worth a banner.
    else timer = setTimeout(() => (banner.hidden = false), BANNER_AFTER_MS);
  });
}

async function logOut() {
  try {
    await api.post("/api/logout");
  } catch (error) {
    toastError("log out", error);
    return;
  }
  location.assign("/login");
}

function allPages() {
  const pages = {
    live: livePage,
    gallery: galleryPage,
    events: eventsPage,
    uploads: uploadsPage,
    cameras: camerasPage,
    models: modelsPage,
    about: aboutPage,
  };
  if (may("operator")) Object.assign(pages, { people: peoplePage, jobs: jobsPage, doctor: systemCheckPage });
  if (may("admin")) Object.assign(pages, { users: usersPage, webhooks: webhooksPage });
  return pages;
}

function showStartProblem(root, error) {
  root.replaceChildren(
    h(
      "div",
      { class: "empty" },
      icon("wifi-off", "empty__icon"),
      h("h2", { class: "empty__title" }, "Sightline is not ready yet"),
      h("p", {}, error.message),
      h("p", { class: "muted" }, "Trying again by itself…"),
    ),
  );
}

async function start() {
  const root = document.getElementById("page");
  try {
    await loadSession();
    await Promise.all([loadCameras(), loadStages()]);
  } catch (error) {
    if (error.isLoggedOut) return;
    showStartProblem(root, error);
    setTimeout(start, RETRY_START_MS);
    return;
  }
  drawAccount();
  startStore();
  watchConnection();
  connect();
  startRouter(root, allPages(), "live");
  document.body.classList.add("is-ready");
}

bindThemeButton(document.getElementById("theme-button"));
document.getElementById("log-out").addEventListener("click", logOut);
document.getElementById("change-password").addEventListener("click", changePassword);
start();
