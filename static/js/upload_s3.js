// One large file on its way straight into the bucket for videos, in parts that the server signs; gone on with after a reload.
import { ApiError, api } from "./api.js";

const PAUSES_MS = [1000, 3000, 5000, 10_000, 20_000, 30_000];
const NOT_FOUND = 404;

const keyOf = (file) => `sightline-s3:${file.name}/${file.size}/${file.lastModified}`;

function wait(delay_ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, delay_ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** PUT one part; `fetch` does not tell how much has left. */
function put(url, piece, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("PUT", url);
    sending.upload.addEventListener("progress", (event) => onProgress(event.loaded));
    sending.addEventListener("error", () => reject(new ApiError(0, { detail: "The connection to the storage was lost." })));
    sending.addEventListener("abort", () => reject(signal.reason));
    sending.addEventListener("load", () => {
      if (sending.status === 200) resolve();
      else reject(new ApiError(sending.status, { detail: `The storage refused a part (${sending.status}).` }));
    });
    signal.addEventListener("abort", () => sending.abort());
    sending.send(piece);
  });
}

class S3Upload {
  constructor(file, onProgress) {
    this.file = file;
    this.onProgress = onProgress;
    this.done = new Promise((resolve, reject) => (this.finish = { resolve, reject }));
  }

  pause() {
    this.sending?.abort();
  }

  resume() {
    this.sending = new AbortController();
    const { signal } = this.sending;
    this.#run(signal).then(this.finish.resolve, (error) => {
      if (!signal.aborted) this.finish.reject(error);
    });
  }

  async cancel() {
    this.pause();
    localStorage.removeItem(keyOf(this.file));
    if (this.id) await api.delete(`/api/v1/uploads/s3/${this.id}`).catch(() => {}); // the server forgets it by itself
    this.finish.reject(new DOMException("The upload was cancelled.", "AbortError"));
  }

  /** Send what is missing, then have it made a video; its id. */
  async #run(signal) {
    let state = await this.#state();
    while (!state.asset_id && state.parts.length) {
      for (const part of state.parts) await this.#send(part, state, signal);
      state = await api.get(`/api/v1/uploads/${state.id}`, {}, { signal });
    }
    localStorage.removeItem(keyOf(this.file));
    if (state.asset_id) return state.asset_id;
    return (await api.post(`/api/v1/uploads/s3/${state.id}/complete`, { parts: [] }, { signal })).asset_id;
  }

  async #state() {
    this.id ??= localStorage.getItem(keyOf(this.file));
    try {
      if (this.id) return await this.#found(await api.get(`/api/v1/uploads/${this.id}`));
    } catch (error) {
      if (error.status !== NOT_FOUND) throw error; // it has expired, or was somebody else's
    }
    const begun = await api.post("/api/v1/uploads/s3", { name: this.file.name, size_bytes: this.file.size });
    localStorage.setItem(keyOf(this.file), begun.id);
    return this.#found(begun);
  }

  #found(state) {
    this.id = state.id;
    this.sentBytes = state.offset_bytes;
    this.onProgress(this.sentBytes);
    return state;
  }

  async #send(part, state, signal) {
    const start = (part.number - 1) * state.part_bytes;
    const piece = this.file.slice(start, start + state.part_bytes);
    let { url } = part;
    for (let tries = 0; ; tries += 1) {
      try {
        await put(url, piece, (bytes) => this.onProgress(this.sentBytes + bytes), signal);
        this.sentBytes += piece.size;
        return;
      } catch (error) {
        if (signal.aborted || tries >= PAUSES_MS.length) throw error;
        await wait(PAUSES_MS[tries], signal);
        // The address may have run out meanwhile.
        const fresh = await api.post(`/api/v1/uploads/s3/${state.id}/parts`, { numbers: [part.number] }).catch(() => null);
        url = fresh?.parts[0].url ?? url;
      }
    }
  }
}

/** As `uploadByTus`. */
export async function uploadToS3(file, onProgress) {
  const upload = new S3Upload(file, onProgress);
  upload.resume();
  return upload;
}
