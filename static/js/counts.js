// How many characters a field holds, as they count: without white space around them, and an emoji as one.
const count = (text) => [...text.trim()].length;
const number = new Intl.NumberFormat("en");

function tell(field) {
  const place = document.querySelector(`[data-count-of="${field.id}"]`);
  if (!place) return;
  const used = count(field.value);
  const most = Number(field.dataset.longest);
  const over = used > most ? `: ${number.format(used - most)} too many` : "";
  place.textContent = `${number.format(used)} of ${number.format(most)} characters${over}`;
  place.classList.toggle("field__error", used > most);
  place.hidden = false;
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-longest]")) tell(event.target);
});
document.querySelectorAll("[data-longest]").forEach(tell);
