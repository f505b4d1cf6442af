// "3 min ago" grows while the page stands open: figures must not look younger than they are.
const STEPS = [
  [86400 * 2, 86400, "days"],
  [3600, 3600, "h"],
  [60, 60, "min"],
];

function words(seconds) {
  for (const [from, unit, name] of STEPS) {
    if (seconds >= from) return `${Math.floor(seconds / unit)} ${name} ago`;
  }
  return "just now";
}

// The server's clock counts, as far as we know it: the page tells what it was when the page was made.
const made = Date.parse(document.querySelector("[data-now]")?.dataset.now ?? "");
const skew = Number.isNaN(made) ? 0 : Date.now() - made;

function renew() {
  for (const element of document.querySelectorAll("[data-ago]")) {
    element.textContent = words((Date.now() - skew - Date.parse(element.dataset.ago)) / 1000);
  }
}

setInterval(renew, 15_000);
