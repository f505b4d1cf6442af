// Asks a device for a passkey (data-passkey="create") or for its signature ("get"), and posts what it gives with the form.
// What to ask stands in data-options, or is had from the address in data-options-from when the button is pressed.

const ways = {
  create: async (publicKey) =>
    navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) }),
  get: async (publicKey) =>
    navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) }),
};
const able = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);

async function options(form) {
  if (form.dataset.options) return JSON.parse(form.dataset.options);
  const answer = await fetch(form.dataset.optionsFrom, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
}

function say(form, text) {
  const place = form.querySelector("[data-passkey-error]");
  place.textContent = text;
  place.hidden = !text;
}

async function ask(event) {
  const form = event.currentTarget;
  event.preventDefault();
  say(form, "");
  try {
    const { publicKey } = await options(form);
    const credential = await ways[form.dataset.passkey](publicKey);
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch (error) {
    const known = error.name === "InvalidStateError";
    say(form, known ? "This device has a passkey of yours already." : "There was no passkey. Try again, or use another way.");
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (able) {
    form.hidden = false;
    form.addEventListener("submit", ask);
  } else if (!form.hidden) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      say(form, "This browser cannot make passkeys here.");
    });
  }
}
