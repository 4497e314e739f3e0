// The switches and parameters of one camera: shown at once, sent shortly after, taken back when the server refuses.
import { api, cameraPath } from "./api.js";
import { debounce } from "./dom.js";
import { toastError } from "./toasts.js";

const SEND_AFTER_MS = 120;

export class Options extends EventTarget {
  constructor(camera) {
    super();
    this.camera = camera;
    this.values = {};
    this.pending = {};
    /** What is on its way. */
    this.sent = {};
    this.changesMade = 0;
    this.version = null;
    this.send = debounce(() => this.#send(), SEND_AFTER_MS);
  }

  async load() {
    const before = this.changesMade;
    const answer = await api.get(cameraPath(this.camera, "options"));
    if (before !== this.changesMade) return; // it may be older than what was set meanwhile, whose answer tells all options too
    this.values = { ...(answer.options ?? answer), ...this.sent, ...this.pending };
    this.dispatchEvent(new Event("change"));
  }

  /** Another person may have changed the chain: read it again unless our own change is on its way. */
  noticeVersion(version) {
    if (version === undefined || version === null || version === this.version) return;
    const isFirst = this.version === null;
    this.version = version;
    if (!isFirst && !this.isSending && !Object.keys(this.pending).length) this.load().catch(() => {});
  }

  set(changes) {
    this.changesMade += 1;
    Object.assign(this.values, changes);
    Object.assign(this.pending, changes);
    this.dispatchEvent(new Event("change"));
    this.send();
  }

  /** Send changes at once, and throw what the server has against them (an ApiError); nothing is shown before it has agreed. */
  async save(changes) {
    const answer = await api.patch(cameraPath(this.camera, "options"), changes);
    this.values = { ...(answer.options ?? answer), ...this.sent, ...this.pending };
    this.dispatchEvent(new Event("change"));
  }

  /** One message after the other: the answer to an older one must not take back what a newer one has set. */
  async #send() {
    if (this.isSending || !Object.keys(this.pending).length) return;
    this.isSending = true;
    this.sent = this.pending;
    this.pending = {};
    try {
      const answer = await api.patch(cameraPath(this.camera, "options"), this.sent);
      this.values = { ...(answer.options ?? answer), ...this.pending };
      this.sent = {};
    } catch (error) {
      this.sent = {};
      toastError("change this setting", error);
      await this.load().catch(() => {});
    } finally {
      this.isSending = false;
    }
    this.dispatchEvent(new Event("change"));
    if (Object.keys(this.pending).length) this.send();
  }
}
