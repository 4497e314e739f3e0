// Accounts (admins only): who may see and do what.
import { api } from "./api.js";
import { confirmAction } from "./confirm.js";
import { cancelButton, openDialog } from "./dialog.js";
import { button, dataTable, h } from "./dom.js";
import { session } from "./session.js";
import { allCameras } from "./store.js";
import { toast, toastError } from "./toasts.js";

const ROLES = {
  viewer: "Viewer: watches",
  operator: "Operator: watches, switches filters, keeps pictures",
  admin: "Administrator: everything, with cameras and accounts",
};

function cameraChoices(chosen) {
  const every = h("input", { type: "checkbox", class: "form-check-input", id: "all-cameras", checked: chosen === null });
  const boxes = allCameras().map((camera) => {
    const box = h("input", {
      type: "checkbox",
      class: "form-check-input",
      id: `allow-${camera.id}`,
      value: camera.id,
      checked: chosen?.includes(camera.id) ?? false,
    });
    return {
      box,
      element: h("div", { class: "form-check" }, box, h("label", { class: "form-check-label", for: box.id }, camera.name)),
    };
  });
  const list = h(
    "div",
    { class: "choices" },
    boxes.map((one) => one.element),
  );
  const draw = () => (list.hidden = every.checked);
  every.addEventListener("change", draw);
  draw();
  const element = h(
    "fieldset",
    {},
    h("legend", { class: "form-label" }, "Cameras"),
    h(
      "div",
      { class: "form-check" },
      every,
      h("label", { class: "form-check-label", for: every.id }, "All cameras, also future ones"),
    ),
    list,
  );
  return { element, value: () => (every.checked ? null : boxes.filter((one) => one.box.checked).map((one) => one.box.value)) };
}

class Users {
  constructor(root) {
    this.body = h("tbody", {});
    const add = button("plus-lg", "Add account", { kind: "btn-primary", onclick: () => this.#edit(null) });
    root.append(
      h("header", { class: "page-head" }, h("h1", {}, "Users"), h("div", { class: "page-head__end" }, add)),
      dataTable(["Name", "Role", "Cameras", ""], this.body),
    );
    this.load();
  }

  async load() {
    try {
      const { users } = await api.get("/api/users");
      this.body.replaceChildren(...users.map((user) => this.#row(user)));
    } catch (error) {
      toastError("read the accounts", error);
    }
  }

  #row(user) {
    const isMe = user.username === session.username;
    const names =
      user.cameras === null || user.cameras === undefined
        ? "All"
        : user.cameras.map((id) => allCameras().find((one) => one.id === id)?.name ?? id).join(", ") || "None";
    return h(
      "tr",
      {},
      h(
        "td",
        { "data-label": "Name" },
        h("div", {}, h("strong", {}, user.username), isMe ? h("span", { class: "chip" }, "you") : null),
      ),
      h("td", { "data-label": "Role" }, user.role),
      h("td", { "data-label": "Cameras" }, names),
      h(
        "td",
        { class: "row-actions" },
        button("pencil", `Edit ${user.username}`, { iconOnly: true, kind: "btn-quiet", onclick: () => this.#edit(user) }),
        isMe
          ? null
          : button("trash", `Delete ${user.username}`, { iconOnly: true, kind: "btn-quiet", onclick: () => this.#delete(user) }),
      ),
    );
  }

  #edit(user) {
    const name = h("input", {
      class: "form-control",
      id: "user-name",
      required: true,
      maxlength: "64",
      autocomplete: "off",
      value: user?.username ?? "",
      disabled: Boolean(user),
    });
    const password = h("input", {
      type: "password",
      class: "form-control",
      id: "user-password",
      autocomplete: "new-password",
      required: !user,
      minlength: "8",
    });
    const role = h(
      "select",
      { class: "form-select", id: "user-role" },
      Object.entries(ROLES).map(([value, words]) => h("option", { value, selected: value === (user?.role ?? "viewer") }, words)),
    );
    const cameras = cameraChoices(user ? (user.cameras ?? null) : null);
    const problem = h("p", { class: "form-problem", role: "alert", hidden: true });
    const body = h(
      "div",
      { class: "form-stack" },
      h("div", {}, h("label", { class: "form-label", for: name.id }, "Name"), name),
      h(
        "div",
        {},
        h("label", { class: "form-label", for: password.id }, user ? "New password (empty: keep the old one)" : "Password"),
        password,
      ),
      h("div", {}, h("label", { class: "form-label", for: role.id }, "Role"), role),
      cameras.element,
      problem,
    );
    const save = async () => {
      try {
        await this.#send(user, name.value.trim(), {
          role: role.value,
          cameras: cameras.value(),
          ...(password.value ? { password: password.value } : {}),
        });
      } catch (error) {
        problem.hidden = false;
        problem.textContent = error.message;
        return;
      }
      dialog.close();
      toast("good", user ? "Account saved" : "Account added");
      this.load();
    };
    const footer = [cancelButton(), h("button", { type: "submit", class: "btn btn-primary" }, "Save")];
    const dialog = openDialog(
      { title: user ? `Edit ${user.username}` : "Add account", body: [body], footer, onsubmit: save },
      { focus: user ? role : name },
    );
  }

  #send(user, username, body) {
    return user ? api.patch(`/api/users/${user.id}`, body) : api.post("/api/users", { ...body, username });
  }

  async #delete(user) {
    if (!(await confirmAction(`Delete ${user.username}?`, "The account can no longer log in. Pictures and events stay.", "Delete")))
      return;
    try {
      await api.delete(`/api/users/${user.id}`);
      toast("good", "Account deleted");
    } catch (error) {
      toastError("delete the account", error);
    }
    this.load();
  }
}

export const usersPage = {
  title: "Users",
  mount(root) {
    new Users(root);
    return () => {};
  },
};
