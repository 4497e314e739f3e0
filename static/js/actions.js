// What an operator does with the picture: keep, upload, export, reset, start and stop. Every action tells how it went.
import { api, cameraPath } from "./api.js";
import { h } from "./dom.js";
import { putCamera } from "./store.js";
import { toast, toastError } from "./toasts.js";

/** Run `action` while `control` is busy; a second press does nothing meanwhile. */
export async function busy(control, what, action) {
  if (control.getAttribute("aria-busy") === "true") return undefined;
  control.setAttribute("aria-busy", "true");
  try {
    return await action();
  } catch (error) {
    toastError(what, error);
    return undefined;
  } finally {
    control.removeAttribute("aria-busy");
  }
}

export const saveFrame = (control, camera, view) =>
  busy(control, "save the picture", async () => {
    await api.post(cameraPath(camera, "save_frame"), { view });
    toast("good", "Picture saved", "", h("a", { href: "#/gallery" }, "Show in the gallery"));
  });

export const uploadToCloud = (control, camera) =>
  busy(control, "upload the picture", async () => {
    const answer = await api.post(cameraPath(camera, "cloud_upload"));
    const link = h("a", { href: "#/uploads" }, "Show uploads");
    if (answer.queued)
      toast("info", "Upload is waiting", "The cloud does not answer now. It is delivered as soon as it does.", link);
    else toast("good", "Uploaded to the cloud", "", link);
  });

export const exportData = (control, camera, format) =>
  busy(control, "export", async () => {
    const answer = await api.post(cameraPath(camera, "export"), { format });
    const link = h("a", { href: answer.url, download: answer.filename });
    document.body.append(link);
    link.click();
    link.remove();
    toast("good", "Export ready", answer.filename);
  });

export const resetStatistics = (control, camera) =>
  busy(control, "reset the statistics", async () => {
    await api.post(cameraPath(camera, "stats/reset"));
    toast("good", "Statistics start at zero again");
  });

export const setProcessing = (control, camera, enabled) =>
  busy(control, enabled ? "switch processing on" : "switch processing off", async () => {
    await api.post(cameraPath(camera, "processing"), { enabled });
    return true;
  });

export const startCamera = (control, camera) =>
  busy(control, `start ${camera.name}`, async () => {
    const answer = await api.post(cameraPath(camera.id, "start"));
    if (answer?.id) putCamera(answer);
    else if (answer?.camera?.id) putCamera(answer.camera);
  });

export const stopCamera = (control, camera) =>
  busy(control, `stop ${camera.name}`, async () => {
    const answer = await api.post(cameraPath(camera.id, "stop"));
    if (answer?.id) putCamera(answer);
    else if (answer?.camera?.id) putCamera(answer.camera);
  });

export const startTracking = (control, camera, bbox, view) =>
  busy(control, "follow that object", async () => {
    await api.post(cameraPath(camera, "tracking"), { bbox, view });
    toast("good", "Following the object", "Its box is marked as target in the picture.");
    return true;
  });

export const stopTracking = (control, camera) =>
  busy(control, "stop following", async () => {
    await api.delete(cameraPath(camera, "tracking"));
    return true;
  });
