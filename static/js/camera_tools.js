// The row of buttons under the picture: which view, follow, keep, upload, export, start and stop, full screen.
import { exportData, saveFrame, startCamera, stopCamera, uploadToCloud } from "./actions.js";
import { button, h, icon } from "./dom.js";
import { may } from "./session.js";

const VIEWS = [
  ["processed", "Processed", "magic"],
  ["raw", "Raw", "camera-video"],
  ["compare", "Compare", "layout-split"],
];

export class CameraTools {
  /**
   * @param {string} id of the camera
   * @param {{screen: HTMLElement, onView: Function, onTrack: Function, onStopTracking: Function, onZones: Function|null}} on
   *   what the buttons do to the page; without zones there is no button for them
   */
  constructor(id, on) {
    this.id = id;
    this.on = on;
    this.view = VIEWS[0][0];
    this.element = this.#layout(may("operator"));
  }

  #choose(view) {
    this.view = view;
    for (const one of this.viewButtons) one.setAttribute("aria-pressed", String(one.dataset.view === view));
    this.on.onView(view);
  }

  /** Offer to stop following while something is followed. */
  drawTracking(isFollowing) {
    if (this.stopTrackButton) this.stopTrackButton.hidden = !isFollowing;
  }

  /** Whoever may not switch the privacy blur off does not see past it either. */
  drawPrivacy(isBlurred) {
    const isClosed = isBlurred && !may("operator");
    for (const one of this.viewButtons) {
      if (one.dataset.view === VIEWS[0][0]) continue;
      one.disabled = isClosed;
      one.title = isClosed ? "Not shown while the privacy blur is on" : "";
    }
    if (isClosed && this.view !== VIEWS[0][0]) this.#choose(VIEWS[0][0]);
  }

  /** Offer to stop a running camera, or to start a stopped one. */
  drawCamera(camera) {
    if (!this.startStop || this.startStop.dataset.running === String(camera.is_running)) return;
    this.startStop.dataset.running = String(camera.is_running);
    const [iconName, words, action] = camera.is_running
      ? ["stop-fill", "Stop camera", stopCamera]
      : ["play-fill", "Start camera", startCamera];
    this.startStop.replaceChildren(
      h(
        "button",
        { type: "button", class: "dropdown-item", onclick: (event) => action(event.currentTarget, camera) },
        icon(iconName),
        words,
      ),
    );
  }

  #layout(operator) {
    this.viewButtons = VIEWS.map(([view, words, iconName]) =>
      button(iconName, words, {
        kind: "btn-segment",
        "aria-pressed": String(view === this.view),
        "data-view": view,
        onclick: () => this.#choose(view),
      }),
    );
    const views = h("div", { class: "segments", role: "group", "aria-label": "Which picture" }, this.viewButtons);
    const stages = h(
      "button",
      {
        type: "button",
        class: "btn btn-outline d-xl-none",
        "data-bs-toggle": "offcanvas",
        "data-bs-target": "#stage-sheet",
        "aria-controls": "stage-sheet",
      },
      icon("sliders"),
      h("span", {}, "Filters & analyzers"),
    );
    return h(
      "div",
      { class: "toolbar" },
      views,
      stages,
      operator ? this.#operatorTools() : null,
      h("div", { class: "toolbar__end" }, operator ? this.#moreTools() : null, this.#fullscreen()),
    );
  }

  #operatorTools() {
    this.trackButton = button("bullseye", "Track", {
      kind: "btn-outline btn-tool",
      title: "Draw a box around an object to follow it",
      onclick: () => this.on.onTrack(),
    });
    this.stopTrackButton = button("x-lg", "Stop tracking", {
      kind: "btn-outline btn-tool",
      hidden: true,
      onclick: () => this.on.onStopTracking(),
    });
    this.zonesButton = this.on.onZones
      ? button("pentagon", "Zones and lines", {
          kind: "btn-outline btn-tool",
          title: "Draw zones and counting lines on the picture",
          onclick: () => this.on.onZones(),
        })
      : null;
    const save = button("camera", "Save picture", {
      kind: "btn-outline btn-tool",
      onclick: () => saveFrame(save, this.id, this.view === "raw" ? "raw" : "processed"),
    });
    const upload = button("cloud-arrow-up", "Upload", {
      kind: "btn-outline btn-tool",
      title: "Send the picture and its findings to the cloud",
      onclick: () => uploadToCloud(upload, this.id),
    });
    return [this.trackButton, this.stopTrackButton, this.zonesButton, save, upload];
  }

  #moreTools() {
    const item = (iconName, words, onclick) =>
      h("li", {}, h("button", { type: "button", class: "dropdown-item", onclick }, icon(iconName), words));
    const toggle = h(
      "button",
      {
        type: "button",
        class: "btn btn-quiet",
        "data-bs-toggle": "dropdown",
        "aria-expanded": "false",
        "aria-label": "More",
        title: "More",
      },
      icon("three-dots"),
    );
    this.startStop = h("li", {});
    const menu = h(
      "ul",
      { class: "dropdown-menu dropdown-menu-end" },
      item("filetype-json", "Export as JSON", () => exportData(toggle, this.id, "json")),
      item("filetype-csv", "Export as CSV", () => exportData(toggle, this.id, "csv")),
      h("li", {}, h("hr", { class: "dropdown-divider" })),
      this.startStop,
    );
    return h("div", { class: "dropdown" }, toggle, menu);
  }

  #fullscreen() {
    if (!document.fullscreenEnabled) return null;
    return button("fullscreen", "Full screen", {
      iconOnly: true,
      kind: "btn-quiet",
      onclick: () => (document.fullscreenElement ? document.exitFullscreen() : this.on.screen.requestFullscreen().catch(() => {})),
    });
  }
}
