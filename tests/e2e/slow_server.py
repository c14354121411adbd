"""A server that takes its time, as the page sees it."""

from __future__ import annotations

SLOW_SERVER = """
const ask = window.fetch.bind(window);
window.slow = null; window.asked = [];
window.fetch = async (address, init) => {
  if (slow !== null && String(address).includes(slow)) await new Promise((resolve) => asked.push(resolve));
  return ask(address, init);
};
window.answer = () => { slow = null; asked.splice(0).forEach((go) => go()); };
"""
"""Before a page loads: requests whose address has what ``slow`` says in it wait until ``answer()``."""
