// The moving picture of one camera in one <img>: opens its stream, tries again when it breaks, lets go of it when nobody can see it.
import { cameraPath } from "./api.js";
import { on } from "./live.js";
import { Stillness } from "./stillness.js";

const BLANK = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 10_000;
const SNAPSHOT_EVERY_MS = 1000;
const LOOK_EVERY_MS = 3000;

let opened = 0;
/** The browser closes the streams of a page that is left, and takes a source set then for a request of its own. */
let isLeaving = false;
addEventListener("pagehide", () => (isLeaving = true));
addEventListener("pageshow", () => (isLeaving = false));

export class Picture {
  /**
   * @param {HTMLImageElement} img
   * @param {{camera: string, view?: string, width?: number, fps?: number, quality?: number, mode?: "stream"|"snapshots"}} wish
   * @param {{onPicture?: Function, onTrouble?: Function}} listeners called when a picture has arrived / when the stream broke
   */
  constructor(img, wish, { onPicture = () => {}, onTrouble = () => {} } = {}) {
    this.img = img;
    this.wish = { view: "processed", mode: "stream", ...wish };
    this.onPicture = onPicture;
    this.onTrouble = onTrouble;
    this.isWanted = false;
    this.isOnScreen = true;
    this.retry_ms = RETRY_FIRST_MS;
    this.timer = null;
    this.blobAddress = "";
    this.stillness = new Stillness();
    this.looks = setInterval(() => this.#look(), LOOK_EVERY_MS);
    img.addEventListener("load", () => this.#arrived());
    img.addEventListener("error", () => this.#broke());
    this.observer = new IntersectionObserver((entries) => {
      this.isOnScreen = entries.at(-1).isIntersecting;
      this.#decide();
    });
    this.observer.observe(img);
    this.onVisibility = () => this.#decide();
    document.addEventListener("visibilitychange", this.onVisibility);
    // After the server was away an open stream may hang for ever without an error: open it anew.
    this.stopListening = on("resync", () => this.restart());
  }

  start() {
    this.isWanted = true;
    this.#decide();
  }

  /** Let go of the stream and show nothing. */
  stop() {
    this.isWanted = false;
    this.#decide();
  }

  /** Change what is shown (view, width, fps, mode); reopens only when something differs. */
  change(wish) {
    const next = { ...this.wish, ...wish };
    if (JSON.stringify(next) === JSON.stringify(this.wish)) return;
    this.wish = next;
    this.restart();
  }

  /** Open the stream anew; the old picture stays until the new one is there. */
  restart() {
    if (this.isOpen) this.#open();
    else this.#decide();
  }

  /** Learn why the camera shows nothing, if so: when the engine is back, its streams may be cut without the browser telling. */
  noticeReason(reason) {
    if (this.reason === "engine_unavailable" && reason !== this.reason) this.restart();
    this.reason = reason;
  }

  /** End for good: the element may leave the page afterwards. */
  dispose() {
    this.isWanted = false;
    this.#close();
    clearInterval(this.looks);
    this.observer.disconnect();
    this.stopListening();
    document.removeEventListener("visibilitychange", this.onVisibility);
  }

  #decide() {
    const shouldRun = this.isWanted && this.isOnScreen && !document.hidden;
    if (shouldRun && !this.isOpen) this.#open();
    if (!shouldRun && this.isOpen) this.#close();
  }

  #open() {
    this.isOpen = true;
    clearTimeout(this.timer);
    this.stillness.forget();
    if (this.wish.mode === "snapshots") this.#fetchSnapshot();
    else this.img.src = this.#streamAddress();
  }

  #close() {
    this.isOpen = false;
    clearTimeout(this.timer);
    this.timer = null;
    // Only another source makes the browser close the connection of a stream.
    if (!isLeaving) this.img.src = BLANK;
    URL.revokeObjectURL(this.blobAddress);
  }

  #streamAddress() {
    const { camera, view, width, fps, quality } = this.wish;
    // Within one page a browser reuses a picture of the same address, even one whose stream has ended: every try gets its own.
    const query = new URLSearchParams({ view, attempt: (opened += 1) });
    for (const [name, value] of Object.entries({ width, fps, quality })) if (value) query.set(name, value);
    return `${cameraPath(camera, "mjpeg")}?${query}`;
  }

  async #fetchSnapshot() {
    const { camera, view, width } = this.wish;
    const query = new URLSearchParams({ view, ...(width ? { width } : {}) });
    try {
      const response = await fetch(`${cameraPath(camera, "snapshot.jpg")}?${query}`, {
        cache: "no-store",
        credentials: "same-origin",
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const jpeg = await response.blob();
      if (this.isOpen) this.#showBlob(jpeg);
    } catch {
      this.#broke();
    }
  }

  #showBlob(jpeg) {
    URL.revokeObjectURL(this.blobAddress);
    this.blobAddress = URL.createObjectURL(jpeg);
    this.img.src = this.blobAddress;
  }

  #arrived() {
    if (!this.isOpen || this.img.src === BLANK) return;
    this.retry_ms = RETRY_FIRST_MS;
    this.onPicture();
    if (this.wish.mode === "snapshots") this.#later(() => this.#fetchSnapshot(), SNAPSHOT_EVERY_MS);
  }

  #broke() {
    if (!this.isOpen) return;
    this.onTrouble();
    this.#later(() => {
      this.isOpen = false;
      this.#decide();
    }, this.retry_ms);
    this.retry_ms = Math.min(this.retry_ms * 2, RETRY_MOST_MS);
  }

  #look() {
    if (!this.isOpen || this.wish.mode !== "stream" || this.img.naturalWidth < 2) return;
    if (this.stillness.look(this.img)) this.restart();
  }

  #later(action, delay_ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(action, delay_ms);
  }
}
