// The sign-in form carries the browser's time zone: the first guess for somebody who has chosen none.
const field = document.querySelector("input[name=time_zone]");
if (field) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
