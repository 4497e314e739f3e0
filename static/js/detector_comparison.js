// Two detectors on the same pictures, side by side: one stream, drawn twice, each with the boxes of one model.
import { h, icon, setText } from "./dom.js";
import { Picture } from "./picture.js";
import { decimal, humanise, isNumber, ms } from "./words.js";

export const COMPARISON = "detector_comparison";
const PICTURE = { width: 640, fps: 10 };
const DRAW_EVERY_MS = 100;
const MOST_NAMED = 8;

function percent(share) {
  return isNumber(share) ? `${Math.round(share * 100)} %` : "–";
}

/** What one model sees: `{box, label, score, isShared}`. Of a pair the keypoints are the corners of B's box. */
function seenBy(side, detections) {
  return detections
    .filter((found) => found.attributes.by === "both" || found.attributes.by === side)
    .map((found) => {
      const isShared = found.attributes.by === "both";
      if (side === "a" || !isShared) return { box: found.box, label: found.label, score: found.score, isShared };
      const [[x1, y1], [x2, y2]] = found.keypoints;
      return { box: [x1, y1, x2, y2], label: found.label, score: found.attributes.score_b, isShared };
    });
}

class Side {
  constructor(letter) {
    this.letter = letter;
    this.canvas = h("canvas", { width: 16, height: 9, role: "img", "aria-label": `What model ${letter.toUpperCase()} sees` });
    this.name = h("span", {});
    this.facts = h("span", {});
    this.only = h("p", { class: "compare__only" });
    this.element = h("figure", { class: "compare__side" }, this.canvas, h("figcaption", {}, this.name, this.facts), this.only);
    this.seen = [];
  }

  take(findings) {
    const { measures, detections } = findings;
    this.seen = seenBy(this.letter, detections);
    this.name.replaceChildren(h("b", {}, this.letter.toUpperCase()), ` ${measures[`model_${this.letter}`]}`);
    setText(this.facts, `${measures[`count_${this.letter}`]} seen · ${ms(measures[`cost_ms_${this.letter}`])} ms`);
    const alone = this.seen.filter((one) => !one.isShared);
    const names = alone.slice(0, MOST_NAMED).map((one) => `${humanise(one.label).toLowerCase()} ${percent(one.score)}`);
    if (alone.length > names.length) names.push(`${alone.length - names.length} more`);
    setText(this.only, `Only ${this.letter.toUpperCase()}: ${names.join(", ") || "nothing"}`);
  }

  draw(img, size) {
    const { canvas } = this;
    if (canvas.width !== img.naturalWidth || canvas.height !== img.naturalHeight)
      Object.assign(canvas, { width: img.naturalWidth, height: img.naturalHeight });
    const pen = canvas.getContext("2d");
    pen.drawImage(img, 0, 0);
    if (!size) return;
    const style = getComputedStyle(canvas);
    const [across, down] = [canvas.width / size[0], canvas.height / size[1]];
    pen.lineWidth = Math.max(2, canvas.width / 320);
    for (const { box, isShared } of this.seen) {
      pen.strokeStyle = style.getPropertyValue(isShared ? "--shape-1" : "--shape-2") || "#35c2b0";
      pen.setLineDash(isShared ? [] : [8, 4]);
      pen.strokeRect(box[0] * across, box[1] * down, (box[2] - box[0]) * across, (box[3] - box[1]) * down);
    }
  }
}

export class ComparisonPanel {
  constructor(camera) {
    this.camera = camera;
    this.sides = [new Side("a"), new Side("b")];
    this.img = h("img", { class: "compare__source", alt: "" });
    this.sides[0].element.prepend(this.img);
    this.figures = h("p", { class: "compare__figures", role: "status" }, "Waiting for the first look…");
    this.element = h(
      "section",
      { class: "panel compare", "aria-label": "Comparison of two detectors", hidden: true },
      h("h3", { class: "panel__title" }, icon("layout-split"), "Two detectors on the same pictures"),
      this.figures,
      h(
        "div",
        { class: "compare__pictures" },
        this.sides.map((side) => side.element),
      ),
      h("p", { class: "field__help" }, "Whole lines: both see it. Dashed: only this one does. The models are chosen at the switch."),
    );
  }

  /** Show it while the comparison is on; with the privacy blur on, over the picture that it has passed. */
  drawOptions(values) {
    const isOn = Boolean(values[COMPARISON]);
    this.element.hidden = !isOn;
    if (!isOn) {
      this.#stop();
      return;
    }
    const wish = { view: values.privacy_blur ? "processed" : "raw", ...PICTURE };
    if (this.picture) this.picture.change(wish);
    else {
      this.picture = new Picture(this.img, { camera: this.camera, ...wish });
      this.picture.start();
      this.timer = setInterval(() => this.#draw(), DRAW_EVERY_MS);
    }
  }

  /** Take the newest findings of some analyzers. */
  push(list) {
    const found = (list ?? []).find((findings) => findings.analyzer === COMPARISON);
    if (!found || this.element.hidden) return;
    this.size = found.size;
    for (const side of this.sides) side.take(found);
    const { agreement, mean_agreement, both, looks } = found.measures;
    this.figures.replaceChildren(
      h("span", {}, "Agree now ", h("b", {}, percent(agreement))),
      h("span", {}, "over all looks ", h("b", {}, percent(mean_agreement))),
      h("span", {}, "seen by both ", h("b", {}, String(both))),
      h("span", {}, `${decimal(looks, 0)} looks`),
    );
  }

  #draw() {
    if (document.hidden || this.img.naturalWidth < 2) return;
    for (const side of this.sides) side.draw(this.img, this.size);
  }

  #stop() {
    clearInterval(this.timer);
    this.picture?.dispose();
    this.picture = null;
    this.size = null;
  }

  dispose() {
    this.#stop();
  }
}
