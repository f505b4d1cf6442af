// What is wrong with a screen's page as it stands: what is too small, cut, outside the screen or above something else.
() => {
  const faults = [], height = innerHeight, width = innerWidth;
  const root = document.documentElement;
  if (root.scrollHeight > height || root.scrollWidth > width) faults.push("the page scrolls");
  const isSeen = (e) => e.offsetParent && getComputedStyle(e).position !== "absolute" && !e.closest("[hidden], .unseen");
  for (const tile of document.querySelectorAll(".tile")) {
    const isCut = tile.scrollHeight > tile.clientHeight + 1 || tile.scrollWidth > tile.clientWidth + 1;
    if (isCut) faults.push(`cut: ${tile.innerText}`);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const element = text.parentElement;
    if (!text.textContent.trim() || !isSeen(element) || !isSeen(element.parentElement)) continue;
    const size = parseFloat(getComputedStyle(element).fontSize);
    if (size < height * 0.022) faults.push(`small, ${size}: ${text.textContent}`);
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    const isOutside = box.left < 0 || box.top < 0 || box.right > width || box.bottom > height;
    if (isOutside) faults.push(`outside: ${text.textContent}`);
    for (let around = element; around !== document.body; around = around.parentElement) {
      const style = getComputedStyle(around), edge = around.getBoundingClientRect();
      // A line of letters is a little less high than the font says.
      const isCut = box.bottom > edge.bottom + size / 5 || box.right > edge.right + 1;
      if (style.overflow === "hidden" && isCut) faults.push(`cut: ${text.textContent}`);
    }
  }
  const pieces = [...document.querySelectorAll(".tile > *, .board__title, .data, .now, .standing, .where, .dots")].filter(isSeen);
  const boxes = pieces.map((piece) => piece.getBoundingClientRect());
  const overlap = (a, b, low, high) => Math.min(a[high], b[high]) - Math.max(a[low], b[low]) > 1;
  for (const [i, a] of boxes.entries()) {
    for (const [j, b] of boxes.entries()) {
      if (i < j && overlap(a, b, "left", "right") && overlap(a, b, "top", "bottom"))
        faults.push(`one above the other: ${pieces[i].innerText} / ${pieces[j].innerText}`);
    }
  }
  return faults;
}
