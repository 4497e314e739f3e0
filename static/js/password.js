// Change of one's own password.
import { api } from "./api.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { toast } from "./toasts.js";

export function changePassword() {
  const old = h("input", {
    type: "password",
    class: "form-control",
    id: "password-old",
    autocomplete: "current-password",
    required: true,
  });
  const fresh = h("input", {
    type: "password",
    class: "form-control",
    id: "password-new",
    autocomplete: "new-password",
    required: true,
  });
  const problem = h("p", { class: "form-problem", role: "alert", hidden: true });
  const body = h(
    "div",
    { class: "form-stack" },
    h("div", {}, h("label", { class: "form-label", for: old.id }, "Old password"), old),
    h("div", {}, h("label", { class: "form-label", for: fresh.id }, "New password"), fresh),
    problem,
  );
  const save = async () => {
    try {
      await api.post("/api/me/password", { old: old.value, new: fresh.value }, { staysOn401: true });
    } catch (error) {
      problem.hidden = false;
      problem.textContent = error.message;
      return;
    }
    dialog.close();
    toast("good", "Password changed", "Other sessions of this account are logged out.");
  };
  const change = h("button", { type: "submit", class: "btn btn-primary" }, "Change");
  const dialog = openDialog({ title: "Change password", body: [body], footer: [change], onsubmit: save }, { focus: old });
}
