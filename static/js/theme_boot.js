// Runs before the first paint (classic script in <head>), so that the page never flashes in the wrong theme.
(function () {
  let chosen = null;
  try {
    chosen = localStorage.getItem("sightline-theme");
  } catch {
    // Storage can be switched off in the browser; the system's theme is used then.
  }
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.bsTheme = chosen === "dark" || chosen === "light" ? chosen : system;
})();
