// The doctor's report on a camera that is already saved.
import { openDialog } from "./dialog.js";
import { examine } from "./doctor.js";
import { button, h } from "./dom.js";

export function doctorDialog(camera) {
  const place = h("div", {});
  const request = { camera: camera.id };
  const again = button("arrow-repeat", "Test again", { kind: "btn-outline", onclick: () => examine(place, request) });
  openDialog({ title: `Test of ${camera.name}`, body: [place], footer: [again], size: "modal-dialog-scrollable" });
  examine(place, request);
}
