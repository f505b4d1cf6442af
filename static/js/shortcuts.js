// "/" goes to the page's search, "?" shows the shortcuts, "g" and a letter opens a page. They can be switched off,
// because a key pressed by a voice or by accident must not carry anybody away.
const dialog = document.querySelector("#shortcuts");
const enabled = dialog.querySelector("input[name=shortcuts]");
const STORE = "feeboard-shortcuts";
let afterG = false;

enabled.checked = localStorage.getItem(STORE) !== "off";
enabled.addEventListener("change", () => localStorage.setItem(STORE, enabled.checked ? "on" : "off"));
document.querySelector("#show-shortcuts")?.addEventListener("click", () => dialog.showModal());

const isTyping = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;

// The links of the navigation say which letter leads to them.
const linkOf = (letter) => [...document.querySelectorAll(".nav a")].find((link) => link.dataset.key === letter);

function act(event) {
  if (afterG && linkOf(event.key)) return linkOf(event.key).click();
  if (event.key === "?") return dialog.showModal();
  const search = document.querySelector("input[type=search]");
  if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
    search.select();
  }
}

document.addEventListener("keydown", (event) => {
  if (!enabled.checked || dialog.open || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  act(event);
  afterG = event.key === "g";
});
