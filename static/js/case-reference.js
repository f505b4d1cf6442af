// The pencil beside the partner reference opens its form in a dialog, and what was saved shows without a reload. Form and
// case are the pages that the server shows without a script, too: here they are fetched, and their parts put in place.
const dialog = document.querySelector("#reference-dialog");
const place = dialog.querySelector("[data-form]");
const told = document.querySelector("#told");
const PARTS = ["#case-title", "#case-side"];

async function page(address, options) {
  const answer = await fetch(address, options);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function show(form) {
  place.replaceChildren(form);
  const field = form.querySelector("[data-longest]");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  if (dialog.open) field.focus();
}

// The page as it is now, and what it has to tell.
function renew(made) {
  document.title = made.title;
  for (const part of PARTS) {
    const fresh = made.querySelector(part);
    document.querySelector(part).replaceWith(fresh);
    fresh.dispatchEvent(new Event("shown", { bubbles: true }));
  }
  document.querySelectorAll("[data-message]").forEach((message) => message.remove());
  const messages = [...made.querySelectorAll("[data-message]")];
  // Read out once, by the place that stays.
  messages.forEach((message) => message.removeAttribute("role"));
  document.querySelector("main").prepend(...messages);
  told.textContent = messages.map((message) => message.textContent.trim()).join(" ");
  document.querySelector("#reference-pencil")?.focus();
}

function fail(form, text) {
  const error = Object.assign(document.createElement("p"), { className: "field__error", textContent: text });
  error.setAttribute("role", "alert");
  error.dataset.failure = "";
  form.querySelector("[data-failure]")?.remove();
  form.prepend(error);
}

async function save(form) {
  const made = await page(form.action, { method: "POST", body: new FormData(form) });
  const again = made.querySelector("#reference-form");
  if (again) return show(again);
  if (!made.querySelector("#case-side")) throw new Error("neither the form nor the case came back");
  dialog.close();
  renew(made);
}

document.addEventListener("click", async (event) => {
  const pencil = event.target.closest("#reference-pencil");
  if (!pencil || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  try {
    show((await page(pencil.href)).querySelector("#reference-form"));
    dialog.showModal();
  } catch {
    location.assign(pencil.href);
  }
});

dialog.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("[type=submit]");
  button.disabled = true;
  try {
    await save(event.target);
  } catch {
    fail(event.target, "This was not saved: Feeboard cannot be reached, or you are signed out. What you typed stays here.");
  }
  button.disabled = false;
});

dialog.addEventListener("click", (event) => {
  if (!event.target.closest("[data-close]")) return;
  event.preventDefault();
  dialog.close();
});

// Somebody else's reference was told in the dialog: the page behind it shows it, too.
dialog.addEventListener("close", async () => {
  const wasConflict = place.querySelector("[data-conflict]") !== null;
  place.replaceChildren();
  if (wasConflict) renew(await page(location.href));
});
