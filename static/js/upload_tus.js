// One large file on its way to the server by tus: in pieces, gone on with after a lost connection, a pause or a reload of the page.
import { ApiError, api, csrfHeaders } from "./api.js";

const ENDPOINT = "/api/v1/uploads/tus/";
const PIECE_BYTES = 8 * 1024 * 1024;
/** Longer together than the server waits for a connection that died without a word. */
const PAUSES_MS = [0, 1000, 3000, 5000, 10_000, 15_000, 20_000, 30_000, 30_000];
const LOOK_MS = 1000;
const FULL_DISK = 507;

async function library() {
  await import("../vendor/tus-js-client/tus.min.js");
  return window.tus;
}

function readError(error) {
  const answer = error.originalResponse;
  if (!answer) return new ApiError(0, { detail: "The connection was lost. Send again: it goes on where it stopped." });
  try {
    return new ApiError(answer.getStatus(), JSON.parse(answer.getBody()));
  } catch {
    return new ApiError(answer.getStatus(), {});
  }
}

/** The server examines a file as soon as it is whole; the answer that said so may have been lost. */
async function assetOf(url) {
  const id = url.split("/").at(-1);
  for (;;) {
    const upload = await api.get(`/api/v1/uploads/${id}`);
    if (upload.asset_id) return upload.asset_id;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/**
 * Begin, or go on with, the upload of `file`.
 * @param {(sentBytes: number) => void} onProgress
 * @returns {Promise<{done: Promise<string>, pause: () => void, resume: () => void, cancel: () => Promise<void>}>} `done`: id of the video
 */
export async function uploadByTus(file, onProgress) {
  const tus = await library();
  let finish;
  const upload = new tus.Upload(file, {
    endpoint: ENDPOINT,
    chunkSize: PIECE_BYTES,
    retryDelays: PAUSES_MS,
    metadata: { filename: file.name, filetype: file.type },
    removeFingerprintOnSuccess: true,
    onBeforeRequest: (request) => {
      for (const [name, value] of Object.entries(csrfHeaders())) request.setHeader(name, value);
    },
    onShouldRetry: (error) => {
      const status = error.originalResponse?.getStatus() ?? 0;
      return status === 0 || status === 409 || status === 423 || (status >= 500 && status !== FULL_DISK);
    },
    onProgress,
    onError: (error) => finish.reject(readError(error)),
    onSuccess: () => assetOf(upload.url).then(finish.resolve, finish.reject),
  });
  const done = new Promise((resolve, reject) => (finish = { resolve, reject }));
  const earlier = await upload.findPreviousUploads();
  if (earlier.length) upload.resumeFromPreviousUpload(earlier.at(-1));
  upload.start();
  return {
    done,
    pause: () => upload.abort(),
    resume: () => upload.start(),
    cancel: async () => {
      await upload.abort(true).catch(() => {}); // the server forgets it by itself
      finish.reject(new DOMException("The upload was cancelled.", "AbortError"));
    },
  };
}
