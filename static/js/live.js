// The Socket.IO connection: rooms, automatic reconnection, and a call to every listener that must read its data again afterwards.
import { io } from "../vendor/socket.io/socket.io.esm.min.js";

const bus = new EventTarget();
const rooms = new Map();
let socket = null;
let wasConnected = false;

export const EVENTS = ["stats", "findings", "event", "camera", "upload", "model", "job"];

/** Listen to one kind of message: any of EVENTS, or `connection` (true/false), or `resync`. Returns the function that ends it. */
export function on(name, listener) {
  const wrapped = (event) => listener(event.detail);
  bus.addEventListener(name, wrapped);
  return () => bus.removeEventListener(name, wrapped);
}

function publish(name, detail) {
  bus.dispatchEvent(new CustomEvent(name, { detail }));
}

export function isConnected() {
  return socket?.connected ?? false;
}

/** Connect, and stay connected: the client tries again by itself, at most 5 s apart. */
export function connect() {
  socket = io({
    transports: ["websocket", "polling"],
    tryAllTransports: true,
    reconnectionDelay: 500,
    reconnectionDelayMax: 5000,
    timeout: 8000,
  });
  socket.on("connect", () => {
    for (const camera of rooms.keys()) join(camera);
    publish("connection", true);
    if (wasConnected) publish("resync", null);
    wasConnected = true;
  });
  socket.on("disconnect", (reason) => {
    publish("connection", false);
    // The server closed it on purpose (session over, restart): the client would not come back without being told.
    if (reason === "io server disconnect") setTimeout(() => socket.connect(), 1000);
  });
  socket.on("connect_error", () => {
    publish("connection", false);
    if (!socket.active) setTimeout(() => socket.connect(), 3000);
  });
  for (const name of EVENTS) socket.on(name, (data) => publish(name, data));
}

function join(camera) {
  socket.emit("subscribe", { camera });
}

/** Receive a camera's messages for as long as somebody on the page wants them. Returns the function that ends it. */
export function follow(camera) {
  rooms.set(camera, (rooms.get(camera) ?? 0) + 1);
  if (rooms.get(camera) === 1 && isConnected()) join(camera);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    const left = rooms.get(camera) - 1;
    if (left > 0) {
      rooms.set(camera, left);
      return;
    }
    rooms.delete(camera);
    if (isConnected()) socket.emit("unsubscribe", { camera });
  };
}
