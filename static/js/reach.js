// When Feeboard's own server cannot be reached, the page says so beside the time of its figures, until it can again.
function tell() {
  const news = document.querySelector("#news");
  if (news) news.textContent = "Feeboard's server cannot be reached; these figures may be out of date.";
}

document.body.addEventListener("htmx:sendError", tell);
// A proxy answers for a server that is dead.
document.body.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status >= 500) tell();
});
