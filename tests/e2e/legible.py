"""What a page is asked to find out whether everybody can use what is on the screen."""

from __future__ import annotations

# The contrast of every piece of text with what is behind it: WCAG 2.2, success criterion 1.4.3.
CONTRASTS = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = rgba(getComputedStyle(one).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const luminance = (color) => color.slice(0, 3).map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest('.toast, .sr-only, :disabled, svg')) continue;
    const [a, b] = [rgba(getComputedStyle(element).color), behind(element)].map(luminance);
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walker.currentNode.data.trim()]);
  }
  return found;
})()
"""

# Controls whose middle is covered by something else, those aside that can be scrolled into view.
COVERED = """
(() => {
  const open = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document;
  const footer = document.querySelector('.controls').getBoundingClientRect();
  const covered = [];
  for (const one of open.querySelectorAll('button, input, select, summary')) {
    const box = one.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    if (!one.checkVisibility() || x < 0 || y < 0 || x > innerWidth || y > innerHeight) continue;
    if (open === document && y > footer.top && !one.closest('.controls')) continue;
    const top = document.elementFromPoint(x, y);
    const scrolled = top?.matches('.dialog-head, .dialog') || !top;
    if (!scrolled && !one.contains(top) && !top.contains(one) && top.closest('label') !== one.closest('label')) {
      covered.push(`${one.outerHTML.slice(0, 80)} by ${top.outerHTML.slice(0, 80)}`);
    }
  }
  return covered;
})()
"""

# Controls that are too small to touch (WCAG 2.2, success criterion 2.5.8: 24 CSS pixels), or that have no name.
TINY = """
[...document.querySelectorAll('button, select, summary, input:not([type=checkbox], [type=radio])')]
  .filter((one) => one.checkVisibility())
  .map((one) => [one.getBoundingClientRect(), one])
  .filter(([box]) => box.width < 24 || box.height < 24)
  .map(([, one]) => one.outerHTML)
"""

# Text that sticks out of the tile that it is on.
STICKING_OUT = """
[...document.querySelectorAll('.person')].flatMap((tile) => {
  const edge = tile.getBoundingClientRect();
  return [...tile.querySelectorAll('.person-name, .mark, .way, .you, .hand, .person-more')]
    .filter((one) => one.checkVisibility())
    .filter((one) => one.getBoundingClientRect().left < edge.left || one.getBoundingClientRect().right > edge.right)
    .map((one) => one.outerHTML);
})
"""
