// The cameras and stages this page knows, kept current by REST (at start, after a reconnection) and by pushed messages.
import { api } from "./api.js";
import { on } from "./live.js";

export const changes = new EventTarget();
const cameras = new Map();
let stageList = [];

function announce() {
  changes.dispatchEvent(new Event("cameras"));
}

/** Listen to any change of the camera list or of a camera's state. Returns the function that ends it. */
export function onCameras(listener) {
  changes.addEventListener("cameras", listener);
  return () => changes.removeEventListener("cameras", listener);
}

export function allCameras() {
  return [...cameras.values()].sort((a, b) => (a.position ?? 0) - (b.position ?? 0) || a.name.localeCompare(b.name));
}

export function cameraById(id) {
  return cameras.get(id) ?? null;
}

export function cameraName(id) {
  return cameras.get(id)?.name ?? id;
}

export function stages() {
  return stageList;
}

/** Put what an answer said about a camera into the store. */
export function putCamera(view) {
  cameras.set(view.id, { ...cameras.get(view.id), ...view });
  announce();
}

export function dropCamera(id) {
  cameras.delete(id);
  announce();
}

/** Read all cameras again. */
export async function loadCameras() {
  const answer = await api.get("/api/cameras");
  cameras.clear();
  for (const view of answer.cameras) cameras.set(view.id, view);
  announce();
}

export async function loadStages() {
  stageList = (await api.get("/api/stages")).stages;
  return stageList;
}

/** Keep the store current. The server tells the state of every camera this person may see without being asked. */
export function startStore() {
  on("camera", (status) => {
    const id = status.camera ?? status.id;
    if (status.reason === "deleted") {
      dropCamera(id);
      return;
    }
    if (!cameras.has(id)) {
      loadCameras().catch(() => {});
      return;
    }
    putCamera({ ...status, id });
  });
  // Also at the first connection: what changed between the first reading and the joining of the rooms was told to nobody.
  on("connection", (isConnected) => isConnected && loadCameras().catch(() => {}));
  on("resync", () => loadStages().catch(() => {}));
  // A weight file that came or went makes stages available or not.
  on("model", (event) => ["ready", "removed", "synced"].includes(event.state) && loadStages().catch(() => {}));
}
