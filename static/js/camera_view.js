// One camera, large: picture, figures, switches, charts, findings.
import { resetStatistics, setProcessing, startCamera, startTracking, stopTracking } from "./actions.js";
import { api, cameraPath } from "./api.js";
import { stateBadge } from "./badge.js";
import { CameraTools } from "./camera_tools.js";
import { Charts } from "./charts.js";
import { CountersPanel } from "./counters.js";
import { ComparisonPanel } from "./detector_comparison.js";
import { button, emptyState, h, icon, setText } from "./dom.js";
import { FindingsList } from "./findings.js";
import { follow, on } from "./live.js";
import { MeasuresPanel } from "./measures.js";
import { LiveNumbers, Totals } from "./numbers.js";
import { Options } from "./options.js";
import { QualityPanel } from "./quality.js";
import { may } from "./session.js";
import { ShapesEditor } from "./shapes_editor.js";
import { StagePanel } from "./stages.js";
import { allCameras, cameraById, onCameras, stages } from "./store.js";
import { TrackingBox } from "./tracking_box.js";
import { Viewer } from "./viewer.js";

const ZONES = "zones";

class CameraView {
  constructor(root, id) {
    this.id = id;
    this.options = new Options(id);
    this.badge = stateBadge();
    this.numbers = new LiveNumbers();
    this.charts = new Charts();
    this.findings = new FindingsList();
    this.hasZones = stages().some((stage) => stage.name === ZONES && stage.available);
    this.counters = new CountersPanel(id, this.#zonesButton(), this.#resetButton("Reset the counts", "btn-quiet btn-sm"));
    this.measures = new MeasuresPanel();
    this.panel = new StagePanel(this.options, { object_tracking: (isOn) => (isOn ? this.#draw() : this.#stopFollowing()) });
    this.totals = new Totals(this.#resetButton("Reset statistics", "btn-quiet btn-sm panel__action"));
    this.quality = new QualityPanel(this.#qualityButton());
    this.comparison = new ComparisonPanel(id);
    this.main = new Viewer(id, "processed");
    this.raw = null;
    this.screen = h("div", { class: "screen" }, this.main.element);
    this.tools = new CameraTools(id, {
      screen: this.screen,
      onView: (view) => this.#show(view),
      onTrack: () => this.#toggleDrawing(),
      onStopTracking: () => this.#stopFollowing(),
      onZones: this.hasZones ? () => this.#drawZones() : null,
    });
    this.panel.element.addEventListener("drawshapes", (event) => this.#drawShapes(event.detail.key));
    root.append(this.#layout());
    root.classList.add("page--single");
    this.tracking = new TrackingBox(
      this.main.surface,
      () => this.#sourceSize(),
      (bbox) => this.#follow(bbox),
      () => this.tools.trackButton?.focus(),
    );
    this.ends = [
      follow(id),
      onCameras(() => this.drawCamera()),
      on("stats", (stats) => stats.camera === id && this.drawStats(stats)),
      on("findings", (message) => message.camera === id && this.drawFindings(message.findings)),
      on("resync", () => this.load()),
    ];
    this.options.addEventListener("change", () => this.#optionsChanged());
    this.drawCamera();
    this.load();
  }

  get camera() {
    return cameraById(this.id);
  }

  /** Read what pushed messages only tell changes of. */
  async load() {
    const reads = [
      this.options.load(),
      api.get(cameraPath(this.id, "stats")).then((stats) => this.drawStats(stats)),
      api.get(cameraPath(this.id, "findings")).then((answer) => this.drawFindings(answer.findings)),
    ];
    // A camera or engine that is away shows as its state; the next message or reconnection brings the data.
    await Promise.allSettled(reads);
  }

  #layout() {
    const operator = may("operator");
    const side = h(
      "aside",
      {
        class: "side offcanvas-xl offcanvas-bottom",
        id: "stage-sheet",
        tabindex: "-1",
        "aria-label": "Analyzers and filters",
        "data-bs-backdrop": "false",
        "data-bs-scroll": "true",
      },
      h(
        "div",
        { class: "side__head" },
        this.#processingSwitch(operator),
        h(
          "button",
          {
            type: "button",
            class: "btn btn-quiet d-xl-none",
            "data-bs-dismiss": "offcanvas",
            "data-bs-target": "#stage-sheet",
            "aria-label": "Close",
          },
          icon("x-lg"),
        ),
      ),
      h("div", { class: "side__body" }, this.panel.element),
    );
    this.side = side;
    return h(
      "div",
      { class: "single" },
      h(
        "div",
        { class: "single__main" },
        this.#head(),
        this.screen,
        this.tools.element,
        this.comparison.element,
        this.charts.element,
        this.counters.element,
        h("div", { class: "panels" }, this.findings.element, this.quality.element, this.totals.element),
        this.measures.element,
      ),
      side,
    );
  }

  #head() {
    this.name = h("h1", { class: "single__name" });
    this.picker = h("select", { class: "form-select form-select-sm single__picker", "aria-label": "Show another camera" });
    this.picker.addEventListener("change", () => (location.hash = `#/live/${encodeURIComponent(this.picker.value)}`));
    this.back = h(
      "a",
      { class: "btn btn-quiet", href: "#/live/all", "aria-label": "All cameras", title: "All cameras" },
      icon("grid"),
    );
    return h("header", { class: "single__head" }, this.back, this.name, this.picker, this.badge.element, this.numbers.element);
  }

  #processingSwitch(operator) {
    this.processing = h("input", {
      type: "checkbox",
      class: "form-check-input",
      role: "switch",
      id: "processing",
      disabled: !operator,
    });
    this.processing.addEventListener("change", async () => {
      const done = await setProcessing(this.processing, this.id, this.processing.checked);
      if (!done) this.processing.checked = !this.processing.checked;
    });
    return h(
      "div",
      { class: "side__switch" },
      h("div", { class: "form-switch" }, this.processing),
      h("label", { for: "processing" }, "Processing"),
    );
  }

  #resetButton(words, kind) {
    if (!may("operator")) return null;
    const reset = button("arrow-counterclockwise", words, {
      iconOnly: true,
      kind,
      onclick: async () => {
        await resetStatistics(reset, this.id);
        this.counters.clear();
      },
    });
    return reset;
  }

  #zonesButton() {
    if (!this.hasZones || !may("operator")) return null;
    return button("pentagon", "Draw zones and lines", { kind: "btn-outline btn-sm", onclick: () => this.#drawZones() });
  }

  #qualityButton() {
    if (!may("operator")) return null;
    return button(null, "Measure it", { kind: "btn-outline btn-sm", onclick: () => this.options.set({ advanced_analysis: true }) });
  }

  #sourceSize() {
    const { width, height } = this.camera ?? {};
    return { width: width || this.main.img.naturalWidth || 1, height: height || this.main.img.naturalHeight || 1 };
  }

  #show(view) {
    this.screen.classList.toggle("screen--compare", view === "compare");
    this.main.show(view === "raw" ? "raw" : "processed");
    if (view === "compare") {
      this.raw = new Viewer(this.id, "raw", { caption: "Raw" });
      this.screen.prepend(this.raw.element);
      this.raw.draw(this.camera);
    } else {
      this.raw?.dispose();
      this.raw?.element.remove();
      this.raw = null;
    }
    this.main.caption.hidden = view !== "compare";
    setText(this.main.caption, "Processed");
  }

  #toggleDrawing() {
    if (this.tracking.isActive) this.tracking.end();
    else this.#draw();
  }

  /** Following needs a box first, wherever it was asked for; on a phone the sheet of switches makes room. */
  #draw() {
    window.bootstrap.Offcanvas.getInstance(this.side)?.hide();
    this.tracking.begin();
  }

  #drawZones() {
    const zones = stages().find((stage) => stage.name === ZONES);
    this.#edit(zones, zones.params.find((param) => param.type === "shapes")?.key, { [ZONES]: true });
  }

  /** Draw the shapes of the stage that has the parameter `key`. */
  #drawShapes(key) {
    const stage = stages().find((one) => one.params.some((param) => param.key === key));
    if (stage) this.#edit(stage, key);
  }

  #edit(stage, key, alsoSet = {}) {
    if (this.editor || !stage.params.length) return;
    this.tracking.end();
    window.bootstrap.Offcanvas.getInstance(this.side)?.hide();
    const before = document.activeElement;
    // Shapes are drawn on the picture as the camera sends it, and some filters move the picture.
    if (stages().some((one) => one.moves && this.options.values[one.name])) this.main.show("raw");
    this.editor = new ShapesEditor({
      stage,
      options: this.options,
      viewer: this.main,
      sourceSize: () => this.#sourceSize(),
      alsoSet,
      onEnd: () => {
        this.editor = null;
        this.main.show(this.tools.view === "raw" ? "raw" : "processed");
        this.tools.element.hidden = false;
        before?.focus?.();
      },
    });
    this.tools.element.hidden = true;
    this.tools.element.after(this.editor.element);
    this.editor.beginIfEmpty(key);
  }

  async #follow(bbox) {
    if (await startTracking(this.tools.trackButton, this.id, bbox, this.tools.view === "raw" ? "raw" : "processed"))
      this.options.load().catch(() => {});
  }

  async #stopFollowing() {
    if (await stopTracking(this.tools.stopTrackButton, this.id)) this.options.load().catch(() => {});
  }

  #optionsChanged() {
    this.findings.keepOnly(this.panel.analyzersOn());
    this.tools.drawTracking(Boolean(this.options.values.object_tracking));
    this.tools.drawPrivacy(Boolean(this.options.values.privacy_blur));
    if (!this.options.values.advanced_analysis) this.quality.push(null);
    this.comparison.drawOptions(this.options.values);
  }

  drawCamera() {
    const camera = this.camera;
    if (!camera) {
      this.gone();
      return;
    }
    setText(this.name, camera.name);
    this.badge.draw(camera);
    this.numbers.drawCamera(camera);
    this.#drawPicker();
    const start = may("operator")
      ? button("play-fill", "Start camera", { kind: "btn-primary", onclick: (event) => startCamera(event.currentTarget, camera) })
      : null;
    this.main.draw(camera, start);
    this.raw?.draw(camera);
    if (camera.reason !== "engine_unavailable" && this.processing.getAttribute("aria-busy") !== "true")
      this.processing.checked = camera.processing;
    this.panel.element.classList.toggle("is-paused", !this.processing.checked);
    this.options.noticeVersion(camera.chain_version);
    if (camera.state !== "live") this.findings.clear();
    this.tools.drawCamera(camera);
    const size = `${camera.width}×${camera.height}`;
    if (size !== this.drawnSize) this.editor?.refit();
    this.drawnSize = size;
  }

  #drawPicker() {
    const cameras = allCameras();
    const key = cameras.map((one) => one.id + one.name).join();
    this.picker.hidden = cameras.length < 2;
    this.name.hidden = cameras.length > 1;
    if (key === this.pickerKey) return;
    this.pickerKey = key;
    this.picker.replaceChildren(...cameras.map((one) => h("option", { value: one.id, selected: one.id === this.id }, one.name)));
  }

  drawFindings(findings) {
    this.findings.push(findings);
    this.comparison.push(findings);
  }

  drawStats(stats) {
    this.numbers.drawStats(stats);
    this.charts.push(stats);
    this.panel.drawStats(stats);
    this.totals.drawStats(stats);
    this.counters.push(stats);
    this.measures.draw(stats.measures, this.panel.analyzersOn());
    if (this.options.values.advanced_analysis) this.quality.push(stats.quality ?? null);
  }

  gone() {
    this.main.picture.stop();
    const back = h("a", { class: "btn btn-primary", href: "#/live/all" }, "All cameras");
    this.screen
      .closest(".page")
      ?.replaceChildren(
        emptyState("camera-video-off", "This camera is not there any more", "It was deleted, or it is not open to you.", back),
      );
  }

  dispose() {
    for (const end of this.ends) end();
    this.editor?.close();
    window.bootstrap.Offcanvas.getInstance(this.side)?.dispose();
    document.body.style.removeProperty("overflow");
    this.options.send.flush();
    this.panel.dispose();
    this.charts.dispose();
    this.counters.dispose();
    this.comparison.dispose();
    this.main.dispose();
    this.raw?.dispose();
  }
}

/** Draw the single view of camera `id`; returns the function that ends it. */
export function mountCameraView(root, id) {
  const view = new CameraView(root, id);
  return () => view.dispose();
}
