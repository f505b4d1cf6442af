// When Feeboard's own server cannot be reached, the page says so beside the time of its figures, until it can again.
document.body.addEventListener("htmx:sendError", () => {
  const news = document.querySelector("#news");
  if (news) news.textContent = "Feeboard's server cannot be reached; these figures may be out of date.";
});
