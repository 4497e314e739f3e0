// One moving picture with everything that lies over it: why there is none, "reconnecting", the drawing layer.
import { h, icon, setText } from "./dom.js";
import { Picture } from "./picture.js";
import { reasonOf, stateOf } from "./words.js";

const DARK_STATES = new Set(["stopped", "ended", "idle"]);

export class Viewer {
  /** @param {string} camera @param {"processed"|"raw"} view @param {{caption?: string}} more */
  constructor(camera, view, { caption = "" } = {}) {
    this.img = h("img", { class: "viewer__img", alt: "" });
    this.title = h("strong", {});
    this.words = h("span", {});
    this.action = h("div", {});
    this.note = h(
      "div",
      { class: "viewer__note", role: "status", hidden: true },
      h("span", { class: "viewer__spinner" }),
      this.title,
      this.words,
    );
    this.cover = h("div", { class: "viewer__cover", hidden: true }, icon("camera-video-off"), h("p", {}), this.action);
    this.wait = h("div", { class: "viewer__wait" }, h("span", { class: "viewer__spinner" }), h("span", {}, "Opening the picture…"));
    this.surface = h("div", { class: "viewer__surface" });
    this.caption = h("figcaption", { class: "viewer__caption", hidden: !caption }, caption);
    this.element = h("figure", { class: "viewer" }, this.img, this.wait, this.cover, this.note, this.caption, this.surface);
    this.isBroken = false;
    this.picture = new Picture(
      this.img,
      { camera, view },
      {
        onPicture: () => {
          this.wait.hidden = true;
          this.isBroken = false;
          this.#drawNote();
        },
        onTrouble: () => {
          this.isBroken = true;
          this.#drawNote();
        },
      },
    );
  }

  /** Show the state of `camera`; opens or lets go of the stream as that demands. `action`: a node for the cover, such as Start. */
  draw(camera, action = null) {
    this.camera = camera;
    this.img.alt = `Live picture of ${camera.name}`;
    if (camera.width && camera.height) this.element.style.setProperty("--ratio", String(camera.width / camera.height));
    const isDark = DARK_STATES.has(camera.state) && camera.reason !== "engine_unavailable";
    this.cover.hidden = !isDark;
    if (isDark) {
      setText(this.cover.querySelector("p"), reasonOf(camera) || stateOf(camera).word);
      this.action.replaceChildren(...[action].filter(Boolean));
      this.picture.stop();
    } else {
      this.picture.start();
    }
    this.wait.hidden = isDark || this.img.naturalWidth > 1;
    this.picture.noticeReason(camera.reason);
    this.#drawNote();
  }

  show(view) {
    this.picture.change({ view });
  }

  #drawNote() {
    const camera = this.camera;
    if (!camera) return;
    const isTroubled = !["live", "stopped", "ended"].includes(camera.state) || camera.reason === "frozen";
    this.note.hidden = !(isTroubled || this.isBroken) || !this.cover.hidden;
    if (this.note.hidden) return;
    setText(this.title, isTroubled ? stateOf(camera).word : "Reconnecting");
    const retry = camera.retry_in_s ? ` Next try in ${Math.ceil(camera.retry_in_s)} s.` : "";
    setText(this.words, isTroubled ? `${reasonOf(camera)}${retry}` : "The picture comes back by itself.");
  }

  dispose() {
    this.picture.dispose();
  }
}
