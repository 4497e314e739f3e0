// Add or edit a camera: what kind it is, its address, its options, a test before it is saved.
import { api, cameraPath } from "./api.js";
import { busy } from "./actions.js";
import { cancelButton, openDialog } from "./dialog.js";
import { examine } from "./doctor.js";
import { button, h, setText } from "./dom.js";
import { go } from "./router.js";
import { putCamera } from "./store.js";
import { toast } from "./toasts.js";

const WEBCAM_SIZES = ["", "640x480", "1280x720", "1920x1080"];
const SOURCES = {
  rtsp: {
    word: "IP camera",
    hint: "rtsp://user:password@192.168.1.20:554/stream1",
    help: "The RTSP address is in the camera's manual or its network settings. Put user name and password in front, as they are.",
  },
  http: {
    word: "Web stream",
    hint: "http://192.168.1.20/video.mjpg",
    help: "MJPEG or HLS over HTTP, for example …/video.mjpg or …/index.m3u8.",
  },
  webcam: {
    word: "Webcam",
    hint: "0",
    help: "The number of a camera plugged into the server (0 is the first), or its path such as /dev/video2.",
  },
  file: { word: "File", hint: "yard.mp4", help: "A video in the server's media folder." },
  demo: { word: "Demo", hint: "demo:", help: "A moving scene drawn by the program: everything can be tried without a camera." },
};

function kindOf(camera) {
  if (!camera) return "rtsp";
  if (camera.kind === "hls") return "http";
  return SOURCES[camera.kind] ? camera.kind : "rtsp";
}

class CameraForm {
  constructor(camera) {
    this.camera = camera;
    this.kind = kindOf(camera);
    this.name = h("input", {
      class: "form-control",
      id: "camera-name",
      required: true,
      maxlength: "80",
      autocomplete: "off",
      value: camera?.name ?? "",
      placeholder: "Front door",
    });
    this.source = h("input", {
      class: "form-control mono",
      id: "camera-source",
      required: !camera,
      maxlength: "2048",
      autocomplete: "off",
      spellcheck: "false",
      "aria-describedby": "camera-source-help",
    });
    this.help = h("p", { class: "field__help", id: "camera-source-help" });
    this.transport = h(
      "select",
      { class: "form-select", id: "camera-transport" },
      h("option", { value: "tcp" }, "TCP: reliable"),
      h("option", { value: "udp" }, "UDP: a little faster, may lose pictures"),
    );
    this.transport.value = camera?.source_options?.rtsp_transport ?? "tcp";
    this.loop = h("input", {
      type: "checkbox",
      class: "form-check-input",
      id: "camera-loop",
      checked: camera?.source_options?.loop ?? true,
    });
    this.verify = h("input", {
      type: "checkbox",
      class: "form-check-input",
      id: "camera-verify",
      checked: camera?.source_options?.verify_tls ?? true,
    });
    this.size = h(
      "select",
      { class: "form-select", id: "camera-size" },
      WEBCAM_SIZES.map((size) => h("option", { value: size }, size ? size.replace("x", " × ") : "As the camera likes")),
    );
    this.size.value = camera?.source_options?.width ? `${camera.source_options.width}x${camera.source_options.height}` : "";
    this.start = h("input", { type: "checkbox", class: "form-check-input", id: "camera-start", checked: true });
    this.problem = h("p", { class: "form-problem", role: "alert", hidden: true });
    this.report = h("div", { "aria-live": "polite" });
    this.save = h("button", { type: "submit", class: "btn btn-primary" }, camera ? "Save" : "Add camera");
    this.dialog = this.#open();
    this.#choose(this.kind);
  }

  #open() {
    this.kinds = Object.entries(SOURCES).map(([kind, { word }]) =>
      button(null, word, { kind: "btn-segment", "data-kind": kind, onclick: () => this.#choose(kind) }),
    );
    this.transportRow = h("div", {}, h("label", { class: "form-label", for: this.transport.id }, "Transport"), this.transport);
    this.loopRow = h(
      "div",
      { class: "form-check" },
      this.loop,
      h("label", { class: "form-check-label", for: this.loop.id }, "Start again from the beginning at the end"),
    );
    this.uploadRow = this.#uploadRow();
    this.verifyRow = h(
      "div",
      { class: "form-check" },
      this.verify,
      h("label", { class: "form-check-label", for: this.verify.id }, "HTTPS: accept only certificates of known authorities"),
    );
    this.sizeRow = h("div", {}, h("label", { class: "form-label", for: this.size.id }, "Picture size"), this.size);
    const startRow = this.camera
      ? null
      : h(
          "div",
          { class: "form-check" },
          this.start,
          h("label", { class: "form-check-label", for: this.start.id }, "Start it right away"),
        );
    const test = button("heart-pulse", "Test", { kind: "btn-outline me-auto", onclick: () => this.#test() });
    const body = h(
      "div",
      { class: "form-stack" },
      h("div", {}, h("label", { class: "form-label", for: this.name.id }, "Name"), this.name),
      h("div", { class: "segments segments--wide", role: "group", "aria-label": "Kind of camera" }, this.kinds),
      h("div", {}, h("label", { class: "form-label", for: this.source.id }, "Address"), this.source, this.help),
      this.uploadRow,
      this.transportRow,
      this.sizeRow,
      this.verifyRow,
      this.loopRow,
      startRow,
      this.problem,
      this.report,
    );
    const title = this.camera ? `Edit ${this.camera.name}` : "Add a camera";
    const parts = {
      title,
      body: [body],
      footer: [test, cancelButton(), this.save],
      size: "modal-dialog-scrollable modal-lg",
      onsubmit: () => this.#submit(),
    };
    return openDialog(parts, { onClosed: () => location.hash === "#/cameras/add" && go("cameras"), focus: this.name });
  }

  #uploadRow() {
    this.videos = h("datalist", { id: "camera-videos" });
    const file = h("input", {
      type: "file",
      class: "visually-hidden",
      accept: "video/*,.mkv,.ts,.flv",
      tabIndex: -1,
      "aria-label": "Video file",
    });
    const choose = button("upload", "Upload a video…", { kind: "btn-outline btn-sm", onclick: () => file.click() });
    file.addEventListener("change", () => file.files[0] && this.#upload(choose, file));
    return h("div", {}, choose, file, this.videos);
  }

  async #listVideos() {
    this.source.setAttribute("list", this.videos.id);
    const { assets } = await api.get("/api/assets").catch(() => ({ assets: [] }));
    this.videos.replaceChildren(
      ...assets.filter((asset) => asset.source).map((asset) => h("option", { value: asset.source }, asset.original_name ?? asset.source)),
    );
  }

  #upload(control, file) {
    this.problem.hidden = true;
    return busy(control, "upload the video", async () => {
      const [video] = file.files;
      const form = new FormData();
      form.append("video", video);
      file.value = "";
      const answer = await api.upload("/api/upload_video", form);
      this.source.value = answer.filename;
      if (!this.name.value) this.name.value = video.name.replace(/\.[^.]+$/, "");
      toast("good", "Video uploaded");
      await this.#listVideos();
    });
  }

  #choose(kind) {
    this.kind = kind;
    for (const one of this.kinds) one.setAttribute("aria-pressed", String(one.dataset.kind === kind));
    const { hint, help } = SOURCES[kind];
    const isKept = this.camera && kind === kindOf(this.camera);
    this.source.removeAttribute("list");
    this.source.placeholder = isKept ? this.camera.source : hint;
    setText(this.help, isKept ? `${help} Leave it empty to keep the address it has.` : help);
    this.source.required = !isKept;
    if (kind === "demo" && !this.source.value && !isKept) this.source.value = "demo:";
    if (kind !== "demo" && this.source.value === "demo:") this.source.value = "";
    this.transportRow.hidden = kind !== "rtsp";
    this.sizeRow.hidden = kind !== "webcam";
    this.verifyRow.hidden = kind !== "http";
    this.loopRow.hidden = kind !== "file";
    this.uploadRow.hidden = kind !== "file";
    if (kind === "file") this.#listVideos();
  }

  #options() {
    const [width, height] = this.size.value ? this.size.value.split("x").map(Number) : [null, null];
    const own = {
      rtsp: { rtsp_transport: this.transport.value },
      http: { verify_tls: this.verify.checked },
      webcam: { width, height },
      file: { loop: this.loop.checked },
    };
    return { ...this.camera?.source_options, ...own[this.kind] };
  }

  #isFilled() {
    const missing = !this.name.value.trim() ? this.name : this.source.required && !this.source.value.trim() ? this.source : null;
    if (!missing) return true;
    this.#complain(missing === this.name ? "Give the camera a name." : "Enter the address of the camera.", missing);
    return false;
  }

  #complain(words, field = null) {
    this.problem.hidden = false;
    setText(this.problem, words);
    for (const one of [this.name, this.source]) one.classList.toggle("is-invalid", one === field);
    field?.focus();
  }

  #test() {
    this.problem.hidden = true;
    const source = this.source.value.trim();
    if (!source && !this.camera) {
      this.#complain("Enter the address of the camera first.", this.source);
      return;
    }
    examine(this.report, source ? { source, source_options: this.#options() } : { camera: this.camera.id });
  }

  async #submit() {
    if (!this.#isFilled()) return;
    this.save.disabled = true;
    const body = { name: this.name.value.trim(), source_options: this.#options() };
    const source = this.source.value.trim();
    if (source) body.source = source;
    if (!this.camera) body.is_running = this.start.checked;
    try {
      const view = this.camera ? await api.patch(cameraPath(this.camera.id), body) : await api.post("/api/cameras", body);
      putCamera(view);
      toast(
        "good",
        this.camera ? `${view.name} saved` : `${view.name} added`,
        "",
        h("a", { href: `#/live/${encodeURIComponent(view.id)}` }, "Show its picture"),
      );
      this.dialog.close();
    } catch (error) {
      this.#complain(error.message, error.problem?.field === "name" ? this.name : this.source);
    } finally {
      this.save.disabled = false;
    }
  }
}

/** Open the form; `camera` null adds a new one. */
export function openCameraForm(camera) {
  return new CameraForm(camera);
}
