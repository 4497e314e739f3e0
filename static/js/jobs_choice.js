// Choosing ended jobs of the list, to delete them together.
import { api } from "./api.js";
import { busy } from "./actions.js";
import { confirmAction } from "./confirm.js";
import { button, h, setText } from "./dom.js";
import { toast } from "./toasts.js";
import { plural } from "./words.js";

export class JobChoice {
  /**
   * @param {HTMLElement} list in which the rows are
   * @param {() => object[]} rows the rows that are shown
   * @param {() => void} reload reads the list anew
   */
  constructor(list, rows, reload) {
    this.list = list;
    this.rows = rows;
    this.reload = reload;
    this.isOn = false;
    this.start = button("check2-circle", "Choose", { kind: "btn-outline", onclick: () => this.#switch(!this.isOn) });
    this.said = h("span", { role: "status" });
    this.all = button("", "All that may be deleted", { kind: "btn-outline btn-sm", onclick: () => this.#chooseAll() });
    this.remove = button("trash", "Delete", { kind: "btn-outline btn-outline--bad btn-sm", onclick: () => this.#delete() });
    this.bar = h("div", { class: "panel jobs-choice", hidden: true }, this.said, this.all, this.remove);
    list.addEventListener("change", () => this.draw());
  }

  /** Draw what is chosen; call it when rows came, went or changed. */
  draw() {
    const rows = this.rows();
    for (const row of rows) row.offerChoice(this.isOn);
    const count = this.#chosen().length;
    this.bar.hidden = !this.isOn;
    this.remove.disabled = !count;
    this.all.disabled = !rows.some((row) => row.isDeletable);
    setText(this.said, count ? `${plural(count, "job")} chosen` : "Choose the jobs to delete. Open ones and those that are kept stay.");
  }

  #chosen() {
    return this.rows().filter((row) => row.choice.checked);
  }

  #switch(isOn) {
    this.isOn = isOn;
    setText(this.start.querySelector("span"), isOn ? "Stop choosing" : "Choose");
    this.draw();
  }

  #chooseAll() {
    for (const row of this.rows()) row.choice.checked = row.isDeletable;
    this.draw();
  }

  async #delete() {
    const chosen = this.#chosen();
    const words = "Their results and the footage that was sent with them are removed for good.";
    if (!(await confirmAction(`Delete ${plural(chosen.length, "job")}?`, words, "Delete"))) return;
    await busy(this.remove, "delete all of them", async () => {
      try {
        for (const row of chosen) await api.delete(`/api/v1/jobs/${encodeURIComponent(row.job.job_id)}`);
      } finally {
        this.reload();
      }
      toast("good", `${plural(chosen.length, "job")} deleted`);
      this.#switch(false);
    });
  }
}
