// Pages by the part of the address after `#`. A page is `{title, mount(root, ...rest) -> unmount}`; the newest navigation wins.
import { closeDialogs } from "./dialog.js";
import { h } from "./dom.js";

let mayLeave = null;

/**
 * Ask before another page is shown, as long as something on this one would be lost.
 * @param {() => Promise<boolean>} ask
 * @returns the function that ends it
 */
export function guardLeaving(ask) {
  mayLeave = ask;
  return () => {
    if (mayLeave === ask) mayLeave = null;
  };
}

/**
 * Start routing.
 * @param {HTMLElement} root where pages are drawn
 * @param {Record<string, {title: string, mount: Function}>} pages by first segment of the path
 * @param {string} home segment used when there is none, or an unknown one
 */
export function startRouter(root, pages, home) {
  let unmount = null;
  let current = null;
  let shownHash = location.hash;
  const show = () => {
    const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
    const key = pages[name] ? name : home;
    const wanted = [key, ...rest].join("/");
    if (wanted === current) return;
    if (mayLeave) {
      askFirst(shownHash, show);
      return;
    }
    current = wanted;
    shownHash = location.hash;
    closeDialogs();
    unmount?.();
    const page = h("div", { class: "page" });
    root.replaceChildren(page);
    document.title = `${pages[key].title} · Sightline`;
    for (const link of document.querySelectorAll("[data-page]")) {
      const isHere = link.dataset.page === key;
      link.classList.toggle("is-here", isHere);
      if (isHere) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    unmount = pages[key].mount(page, ...(pages[name] ? rest : []));
    window.scrollTo(0, 0);
  };
  window.addEventListener("hashchange", show);
  show();
}

/** Stay at `shownHash` until the guard has agreed; then go where the person wanted. */
async function askFirst(shownHash, show) {
  const wantedHash = location.hash;
  history.replaceState(null, "", shownHash || "#");
  if (!(await mayLeave())) return;
  mayLeave = null;
  history.replaceState(null, "", wantedHash);
  show();
}

export function go(path) {
  location.hash = `#/${path}`;
}
