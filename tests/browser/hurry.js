// Runs before the scripts of a page: its clock goes only when it is told to, as fast as its refreshes are answered.
(() => {
  const timers = new Map();
  const ask = window.fetch.bind(window);
  const { port1, port2 } = new MessageChannel();
  let now = performance.now(), names = 0, asked = 0, pictures = [], realEvery = 1, failEvery = Infinity;

  const set = (call, wait, every) => (timers.set(++names, { call, due: now + wait, every }), names);
  performance.now = () => now;
  window.setTimeout = (call, wait) => set(call, wait, 0);
  window.setInterval = (call, wait) => set(call, wait, wait);
  window.clearTimeout = window.clearInterval = (name) => timers.delete(name);

  // All that became due is called once, as in a browser that was busy.
  function pass(milliseconds) {
    now += milliseconds;
    for (const [name, timer] of timers) {
      if (timer.due > now) continue;
      if (timer.every) timer.due = now + timer.every;
      else timers.delete(name);
      timer.call();
    }
  }

  const turn = () => new Promise((done) => { port1.onmessage = done; port2.postMessage(0); });

  // Every fourth refresh asks as if nothing were known, and is answered with a whole picture; the others mostly by a 304.
  window.fetch = (url, options) => {
    asked += 1;
    if (asked % failEvery === 0) return Promise.reject(new TypeError("a lost answer"));
    const headers = asked % 4 ? options.headers : {};
    if (asked % realEvery === 0) return ask(url, { ...options, headers });
    const picture = pictures[Math.floor(asked / 4) % pictures.length];
    const isKnown = headers["If-None-Match"] === picture.headers.ETag;
    return Promise.resolve(new Response(isKnown ? null : picture.html, { status: isKnown ? 304 : 200, headers: picture.headers }));
  };

  // What the server answers now, kept in order to be answered again.
  window.keepPicture = async (url) => {
    const answer = await ask(url, { cache: "no-store" });
    const headers = Object.fromEntries(["ETag", "Wall-Page", "Date"].map((name) => [name, answer.headers.get(name)]));
    pictures.push({ html: await answer.text(), headers });
  };

  // So many refreshes, each begun when the one before is over: then nothing waits but the page's own clock. realEvery: of how
  // many one crosses the network; failEvery: of how many one is never answered. The page's time at the end, in milliseconds.
  window.hurry = async (given) => {
    ({ realEvery, failEvery } = { realEvery: 1, failEvery: Infinity, ...given });
    for (const end = asked + given.refreshes; asked < end; ) {
      const before = asked;
      while (asked === before) pass(given.step ?? 35_000);
      while (timers.size > 1) await turn();
    }
    return now;
  };
})();
