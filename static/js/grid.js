// All cameras at a glance. At most four tiles hold a stream, for browsers open only six connections to one server; the others
// show one picture a second.
import { stateBadge } from "./badge.js";
import { button, emptyState, h, icon, setText } from "./dom.js";
import { follow, on } from "./live.js";
import { Picture } from "./picture.js";
import { go } from "./router.js";
import { may } from "./session.js";
import { allCameras, onCameras } from "./store.js";
import { decimal, reasonOf, stateOf } from "./words.js";

const MOST_STREAMS = 4;
const TILE_WIDTH_PX = 480;
const TILE_FPS = 10;
const SHOWN_WORDS = 3;

function countWords(counts) {
  const entries = Object.entries(counts ?? {}).filter(([, number]) => number > 0);
  return entries.slice(0, SHOWN_WORDS).map(([label, number]) => h("span", { class: "chip chip--dark" }, `${label} ${number}`));
}

class Tile {
  constructor(camera, mode) {
    this.badge = stateBadge();
    this.name = h("span", { class: "tile__name" });
    this.facts = h("span", { class: "tile__facts" });
    this.counts = h("div", { class: "tile__counts" });
    this.words = h("p", { class: "tile__reason" });
    this.cover = h("div", { class: "tile__cover" }, icon("camera-video-off"), this.words);
    this.img = h("img", { alt: "", class: "tile__img" });
    this.element = h(
      "a",
      { class: "tile", href: `#/live/${encodeURIComponent(camera.id)}` },
      h("div", { class: "tile__picture" }, this.img, this.cover, h("div", { class: "tile__top" }, this.badge.element, this.counts)),
      h("div", { class: "tile__foot" }, this.name, this.facts),
    );
    this.picture = new Picture(
      this.img,
      { camera: camera.id, width: TILE_WIDTH_PX, fps: TILE_FPS, mode },
      {
        onPicture: () => this.element.classList.remove("is-reconnecting"),
        onTrouble: () => this.element.classList.add("is-reconnecting"),
      },
    );
    this.unfollow = follow(camera.id);
    this.draw(camera);
  }

  dispose() {
    this.unfollow();
    this.picture.dispose();
    this.element.remove();
  }

  draw(camera) {
    setText(this.name, camera.name);
    this.badge.draw(camera);
    this.img.alt = `Live picture of ${camera.name}`;
    this.element.setAttribute("aria-label", `${camera.name}: ${stateOf(camera).word}. Open.`);
    // A stream shows the engine's own "no signal" picture; single pictures exist only while the camera is live.
    const isOff = ["stopped", "ended", "idle"].includes(camera.state) && camera.reason !== "engine_unavailable";
    const isDark = isOff || (this.picture.wish.mode === "snapshots" && camera.state !== "live");
    this.cover.hidden = !isDark;
    setText(this.words, reasonOf(camera) || stateOf(camera).word);
    this.drawFacts(camera.fps, camera.height);
    if (isDark) this.picture.stop();
    else this.picture.start();
    this.picture.noticeReason(camera.reason);
  }

  drawFacts(fps, height) {
    this.height = height ?? this.height;
    setText(this.facts, this.height ? `${this.height}p · ${decimal(fps)} fps` : "");
  }

  drawStats(stats) {
    this.drawFacts(stats.fps);
    this.counts.replaceChildren(...countWords(stats.counts));
  }
}

function noCameras() {
  const add = may("admin") ? button("plus-lg", "Add a camera", { kind: "btn-primary", onclick: () => go("cameras/add") }) : null;
  const words = may("admin")
    ? "Add an IP camera, a webcam, a file, or the moving demo scene."
    : "No camera has been opened to you yet. Ask an administrator.";
  return emptyState("camera-video", "No cameras yet", words, add);
}

/** Draw the grid; returns the function that ends it. */
export function mountGrid(root) {
  const tiles = new Map();
  const grid = h("div", { class: "grid" });
  const summary = h("p", { class: "muted page-head__note", role: "status" });
  const add = may("admin")
    ? h("a", { class: "btn btn-outline", href: "#/cameras/add" }, icon("plus-lg"), h("span", {}, "Add camera"))
    : null;
  root.classList.add("page--wide");
  root.append(h("header", { class: "page-head" }, h("h1", {}, "Live"), summary, h("div", { class: "page-head__end" }, add)), grid);

  const draw = () => {
    const cameras = allCameras();
    for (const [id, tile] of tiles) {
      if (cameras.some((camera) => camera.id === id)) continue;
      tile.dispose();
      tiles.delete(id);
    }
    if (!cameras.length) {
      grid.replaceChildren(noCameras());
      return;
    }
    grid.querySelector(".empty")?.remove();
    cameras.forEach((camera, index) => {
      const mode = index < MOST_STREAMS ? "stream" : "snapshots";
      if (!tiles.has(camera.id)) tiles.set(camera.id, new Tile(camera, mode));
      const tile = tiles.get(camera.id);
      if (grid.children[index] !== tile.element) grid.insertBefore(tile.element, grid.children[index] ?? null);
      tile.picture.change({ mode });
      tile.draw(camera);
    });
    grid.dataset.count = String(Math.min(cameras.length, 5));
    const live = cameras.filter((camera) => camera.state === "live").length;
    setText(summary, `${live} of ${cameras.length} live`);
  };

  const ends = [onCameras(draw), on("stats", (stats) => tiles.get(stats.camera)?.drawStats(stats))];
  draw();
  return () => {
    for (const end of ends) end();
    for (const tile of tiles.values()) tile.dispose();
  };
}
