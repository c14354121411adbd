"""What a page is asked to find out whether everybody can use what is on the screen."""

from __future__ import annotations

_COLORS = """
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
  const contrast = (one, other) => {
    const [a, b] = [one, other].map(luminance);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
"""

# The contrast of every piece of text with what is behind it: WCAG 2.2, success criterion 1.4.3.
CONTRASTS = (
    """
(() => {"""
    + _COLORS
    + """
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest('.toast, .sr-only, :disabled, svg')) continue;
    found.push([contrast(rgba(getComputedStyle(element).color), behind(element)), walker.currentNode.data.trim()]);
  }
  return found;
})()
"""
)

# What is pressed, and the links.
PRESSED = "button, summary, a[href]"

# Buttons and links, shown or not, whose words (4.5 to 1), icon (3 to 1) or mark of the focus (3 to 1) cannot be seen,
# with the contrast: WCAG 2.2, success criteria 1.4.3 and 1.4.11. What is see-through, or filtered, is not as computed.
FAINT = (
    """
(() => {"""
    + _COLORS
    + f"  const pressed = document.querySelectorAll('{PRESSED}');"
    + """
  const faint = [];
  for (const one of pressed) {
    if (one.matches(':disabled')) continue;
    const style = getComputedStyle(one);
    const name = one.id || one.ariaLabel || one.textContent.trim();
    if (style.filter !== 'none' || style.opacity !== '1') faint.push([name, 'seen through something']);
    for (const part of [one, ...one.querySelectorAll('*')]) {
      const words = [...part.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
      if (!words && part.localName !== 'svg') continue;
      const ratio = contrast(rgba(getComputedStyle(part).color), behind(part));
      if (ratio < (words ? 4.5 : 3)) faint.push([name, words ? 'words' : 'icon', ratio]);
    }
    const ring = contrast(rgba(style.outlineColor), behind(one.parentElement));
    if (style.outlineStyle !== 'none' && ring < 3) faint.push([name, 'focus', ring]);
  }
  return faint;
})()
"""
)

# Labels of the toolbar that are on more than one line, or not all to be seen, with where they are.
BROKEN_LABELS = """
(() => {
  const broken = [];
  const walker = document.createTreeWalker(document.querySelector('.controls-row'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const button = node.parentElement.closest('button');
    if (!node.data.trim() || !button?.checkVisibility()) continue;
    if (getComputedStyle(node.parentElement).clipPath !== 'none') continue; // for screen readers
    const range = document.createRange();
    range.selectNodeContents(node);
    const lines = new Set([...range.getClientRects()].map((line) => Math.round(line.top)));
    const [text, box] = [range.getBoundingClientRect(), button.getBoundingClientRect()];
    const shown = node.parentElement.closest('.control-label')?.getBoundingClientRect() ?? box;
    if (lines.size !== 1) broken.push([node.data, 'lines', lines.size]);
    if (shown.left < box.left || shown.right > box.right) broken.push([node.data, 'sticks out of its button']);
    if (box.left < 0 || box.right > innerWidth) broken.push([node.data, 'is beside the screen']);
    const cut = text.left < shown.left - 1 || text.right > shown.right + 1;
    if (cut && !node.parentElement.closest('#mute-by')) broken.push([node.data, 'is cut off']);
  }
  return broken;
})()
"""

# Words that are broken in the middle.
BROKEN_WORDS = """
(() => {
  const broken = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.parentElement.checkVisibility() || node.parentElement.closest('.sr-only, option')) continue;
    if (getComputedStyle(node.parentElement).clipPath !== 'none') continue; // for screen readers
    for (const word of node.data.matchAll(/\\S+/g)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((line) => Math.round(line.top))).size > 1) broken.push(word[0]);
    }
  }
  return broken;
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

# Text that sticks out of the tile that it is on, or lies on the meter.
STICKING_OUT = """
[...document.querySelectorAll('.person')].flatMap((tile) => {
  const edge = tile.getBoundingClientRect();
  return [...tile.querySelectorAll('.person-name, .mark, .way, .you, .hand, .person-more')]
    .filter((one) => one.checkVisibility())
    .filter((one) => getComputedStyle(one).clipPath === 'none')
    .filter((one) => {
      const box = one.getBoundingClientRect();
      const bottom = tile.querySelector('.meter').getBoundingClientRect().bottom;
      return box.left < edge.left || box.right > edge.right || box.top < edge.top || box.bottom > bottom + 1;
    })
    .map((one) => one.outerHTML);
})
"""
