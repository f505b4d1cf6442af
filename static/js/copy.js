// Ids and references get a button that copies them. Without a clipboard (plain HTTP) there is no button.
const sprite = document.querySelector(".brand__mark use")?.getAttribute("href").split("#")[0];

function button(text) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "copy";
  element.setAttribute("aria-label", `Copy ${text}`);
  element.innerHTML = '<svg class="icon" aria-hidden="true"><use/></svg>';
  const show = (icon) => element.querySelector("use").setAttribute("href", `${sprite}#${icon}`);
  show("copy");
  element.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    show("check");
    setTimeout(() => show("copy"), 1500);
  });
  return element;
}

function addButtons(root) {
  for (const place of root.querySelectorAll("[data-copy]")) place.append(button(place.textContent.trim()));
}

// A text to copy whole has a button with words.
function addWholeButtons() {
  for (const place of document.querySelectorAll("[data-copy-from]")) {
    const text = document.querySelector(`#${place.dataset.copyFrom}`);
    const element = document.createElement("button");
    element.type = "button";
    element.className = "button";
    element.textContent = "Copy";
    element.setAttribute("aria-describedby", place.dataset.copyTitle);
    element.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.value);
      element.textContent = "Copied";
      setTimeout(() => (element.textContent = "Copy"), 1500);
    });
    place.append(element);
  }
}

if (navigator.clipboard && sprite) {
  addWholeButtons();
  addButtons(document);
  // A part of the page that a script has put in place of another.
  document.addEventListener("shown", (event) => addButtons(event.target));
}
