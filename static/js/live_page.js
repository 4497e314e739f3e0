// The live page: the grid, or one camera large. With a single camera there is nothing to choose from, so it is shown at once.
import { mountCameraView } from "./camera_view.js";
import { mountGrid } from "./grid.js";
import { allCameras } from "./store.js";

const GRID = "all";

export const livePage = {
  title: "Live",
  mount(root, id) {
    const cameras = allCameras();
    if (!id && cameras.length === 1) return mountCameraView(root, cameras[0].id);
    return id && id !== GRID ? mountCameraView(root, id) : mountGrid(root);
  },
};
