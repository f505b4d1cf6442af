// What a screen does by itself: clocks, a ring to the next refresh, boards in turn, refreshes that survive outages.
//
// It runs for months. There is one timer, each listener is added once, and nothing is kept that grows: what is asked for
// replaces what was there. Whatever it cannot know it does not show: when the server is silent, the page says so.
const screen = document.querySelector("main");
const { url, zone } = screen.dataset;
const own = screen.dataset.page;
const seconds = (name) => Number(screen.dataset[name] ?? 0) * 1000;
const REFRESH = seconds("refresh");
const ROTATION = seconds("rotation");
const PATIENCE = seconds("patience");
const BOARDS = Number(screen.dataset.boards ?? 0);
const HAS_DRIFT = "drift" in screen.dataset;
const LONGEST_WAIT = 120_000;
const TIMEOUT = 20_000;
// Not at once: whatever went wrong, a page must not load itself anew without end.
const LEAST_LIFE = 3_000;
const NIGHT_HOUR = 3;
const LEAST_NIGHT_LIFE = 4 * 3_600_000;
const DRIFT_EVERY = 120_000;
// After one lost answer nobody is told: the next one may come.
const TOLD_AFTER = 2;

const picture = document.querySelector("#picture");
const clock = document.querySelector("#clock");
const ring = document.querySelector("#ring");
const lost = document.querySelector(".lost");
const lostSince = document.querySelector("#lost-since");
const time = zone && new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const shortTime = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
const nightMinute = Math.floor(Math.random() * 60);

const born = performance.now();
let tag = screen.dataset.tag;
let failures = 0;
// By the clock that never jumps; the server's time is the server's, and a screen's own may be years off.
let answered = born;
let asked = born;
let due = born + Math.min(REFRESH, 2_000 + Math.random() * 3_000);
let drifted = born;
let isAsking = false;
let offset = screen.dataset.now ? Date.parse(screen.dataset.now) - born : Date.now() - born;
let turned = born;

const now = () => new Date(performance.now() + offset);
const somewhere = (from, to) => from + Math.random() * (to - from);

function showBoard(number) {
  screen.dataset.shown = String(number % BOARDS);
}

function age(milliseconds) {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 120) return `${minutes} min ago`;
  if (minutes < 2 * 1440) return `${Math.floor(minutes / 60)} h ago`;
  return `${Math.floor(minutes / 1440)} days ago`;
}

function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function showAge() {
  const asOf = picture?.firstElementChild?.dataset.asOf;
  if (asOf) write(picture.querySelector(".data__age"), age(now() - Date.parse(asOf)));
}

function reload() {
  if (performance.now() - born >= LEAST_LIFE) location.reload();
}

// Once a night, and only right after the server has answered: a page that is gone cannot come back by itself.
function isNight(moment) {
  if (!zone || performance.now() - born < LEAST_NIGHT_LIFE) return false;
  const [hour, minute] = shortTime.format(moment).split(":").map(Number);
  return hour === NIGHT_HOUR && minute >= nightMinute;
}

function found() {
  failures = 0;
  answered = performance.now();
  // Spread out, so that screens that were switched on together do not ask together for ever.
  due = answered + REFRESH * somewhere(0.9, 1.1);
  lost.hidden = true;
  screen.classList.remove("is-lost", "is-old");
}

// Longer each time, and nowhere the same: hundreds of screens must not come back in one second.
function missed() {
  failures += 1;
  due = performance.now() + somewhere(0.5, 1) * Math.min(LONGEST_WAIT, REFRESH * 2 ** Math.min(failures, 6));
}

function showWhetherLost() {
  if (failures < TOLD_AFTER) return;
  write(lostSince, shortTime.format(new Date(answered + offset)));
  lost.hidden = false;
  screen.classList.add("is-lost");
  const asOf = picture?.firstElementChild?.dataset.asOf;
  screen.classList.toggle("is-old", now() - (asOf ? Date.parse(asOf) : answered + offset) > PATIENCE);
}

function take(answer, html) {
  const date = Date.parse(answer.headers.get("Date") ?? "");
  // To the second, so that small steps are not followed.
  if (!Number.isNaN(date) && Math.abs(date - now()) > 2_000) offset = date - performance.now();
  if (answer.status === 200 && picture) {
    const made = document.createElement("template");
    made.innerHTML = html;
    picture.replaceChildren(made.content);
    tag = answer.headers.get("ETag");
  }
  found();
}

async function refresh() {
  isAsking = true;
  asked = performance.now();
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT);
  try {
    const size = `${window.innerWidth}x${window.innerHeight}`;
    const answer = await fetch(`${url}?build=${screen.dataset.build ?? ""}&size=${size}`, {
      headers: tag ? { "If-None-Match": tag } : {},
      cache: "no-store",
      redirect: "error",
      signal: abort.signal,
    });
    const page = answer.headers.get("Wall-Page");
    // An answer without it is somebody else's: that of a proxy, or of a server that has trouble.
    if (page === null) throw new TypeError("no answer of Feeboard");
    const html = answer.status === 200 ? await answer.text() : "";
    take(answer, html);
    if (page !== own || isNight(now())) reload();
  } catch {
    missed();
  } finally {
    clearTimeout(timer);
    isAsking = false;
  }
}

function turn(moment) {
  if (BOARDS < 2 || moment - turned < ROTATION) return;
  turned = moment;
  showBoard(Number(screen.dataset.shown) + 1);
}

function drift(moment) {
  if (!HAS_DRIFT || moment - drifted < DRIFT_EVERY) return;
  drifted = moment;
  screen.dataset.drift = String((Number(screen.dataset.drift) + 1) % 8);
}

function tick() {
  const moment = performance.now();
  if (time) write(clock, time.format(now()));
  showAge();
  ring?.setAttribute("stroke-dasharray", `${Math.round(Math.min(1, Math.max(0, (moment - asked) / (due - asked))) * 100)} 100`);
  turn(moment);
  drift(moment);
  showWhetherLost();
  if (url && moment >= due && !isAsking) refresh();
}

async function stayAwake() {
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // Not allowed here, or low on battery: then the device decides.
  }
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") stayAwake();
});
// A page that comes back from a browser's store of pages may be hours old.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
stayAwake();
tick();
setInterval(tick, 1_000);
