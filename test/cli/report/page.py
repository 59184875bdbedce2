#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The page of `cairn report` in a headless Chromium, as a reader has it.

  page.py CAIRN        the command, which writes the pages first

Prints `ok name`, `not ok name: what` or `skip name: why`, and exits 1 if something failed.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
from browser import Browser, Failure, find  # noqa: E402 (it stands beside this file)

PIXELS = """[...document.querySelectorAll('canvas')].map((canvas) => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
  const seen = new Set()
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] > 128) seen.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2])
  return seen.size
})"""

# Text against what it stands on, by the formulas of WCAG 2: the worst contrast, and of what.
CONTRAST = """(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number)
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0)
  const ground = (node) => {
    for (; node instanceof Element; node = node.parentElement) {
      const color = parse(getComputedStyle(node).backgroundColor)
      if (color.length === 3 || color[3] === 1) return color
    }
    return [255, 255, 255]
  }
  let worst = [99, '']
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())
    if (!own || !node.getClientRects().length || node.closest('script, .tip, :disabled')) continue
    const style = getComputedStyle(node)
    const a = light(parse(node instanceof SVGElement ? style.fill : style.color))
    const b = light(ground(node))
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (contrast < worst[0]) worst = [contrast, `${node.tagName}.${node.className.baseVal ?? node.className}: ${node.textContent.slice(0, 40)}`]
  }
  return worst
})()"""

# Tables that are wider than their room; cells and figures with a short word in two lines.
SIDEWAYS = """[...document.querySelectorAll('.scroll')].filter((node) => node.clientWidth && node.scrollWidth > node.clientWidth)
  .map((node) => `${node.getAttribute('aria-label')}: ${node.scrollWidth} of ${node.clientWidth}`)"""
BROKEN = """(() => {
  const broken = []
  for (const cell of document.querySelectorAll('tbody th, tbody td, thead button, .figures .value')) {
    if (!cell.getClientRects().length) continue
    for (const node of cell.childNodes) {
      if (node.nodeType !== 3) continue
      for (const word of node.data.matchAll(/[A-Za-z0-9]{2,24}/g)) {
        const range = document.createRange()
        range.setStart(node, word.index)
        range.setEnd(node, word.index + word[0].length)
        if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1) broken.push(word[0])
      }
    }
  }
  return broken
})()"""

FOCUSABLE = """[...document.querySelectorAll('a[href], button, input, summary, [tabindex="0"]')]
  .filter((node) => !node.disabled && node.getClientRects().length && getComputedStyle(node).visibility !== 'hidden')"""


class Tests:
    def __init__(self, browser, pages):
        self.browser = browser
        self.pages = pages
        self.failed = 0

    def open(self, page, **how):
        self.browser.open("file://" + self.pages[page], **how)
        self.browser.settle()

    def check(self, name, condition, what=""):
        if condition:
            print(f"ok {name}")
        else:
            self.failed += 1
            print(f"not ok {name}: {what}")

    def equal(self, name, seen, wanted):
        self.check(name, seen == wanted, f"{seen!r}, not {wanted!r}")

    def count(self, selector):
        return self.browser.run(f"document.querySelectorAll({json.dumps(selector)}).length")

    def text(self, selector):
        return self.browser.run(f"document.querySelector({json.dumps(selector)}).textContent")

    def focus(self, selector):
        self.browser.run(f"document.querySelector({json.dumps(selector)}).focus()")

    def press(self, *keys, shift=False):
        for key in keys:
            self.browser.key(key, shift)
        self.browser.settle()

    # --- what each page must be, in each form ----------------------------------------------------

    def is_sound(self, page, width, dark):
        form = f"{page}-{width}-{'dark' if dark else 'light'}"
        self.open(page, width=width, dark=dark)
        self.equal(f"no-complaint-{form}", self.browser.complaints(), [])
        overflow = self.browser.run("document.documentElement.scrollWidth")
        self.check(f"no-overflow-{form}", overflow <= width, f"the page is {overflow} wide")
        self.equal(f"no-table-scrolls-{form}", self.browser.run(SIDEWAYS), [])
        self.equal(f"no-word-is-broken-{form}", self.browser.run(BROKEN), [])
        self.equal(f"no-empty-section-{form}", self.count(".card .empty, .failure"), 0)
        colors = self.browser.run(PIXELS)
        self.check(f"canvases-drawn-{form}", colors and min(colors) > 2, f"colours: {colors}")
        contrast, of = self.browser.run(CONTRAST)
        self.check(f"contrast-{form}", contrast >= 4.5, f"{contrast:.2f}: {of}")
        ground = self.browser.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
        self.check(f"theme-{form}", (int(ground) < 128) == dark, f"background {ground}")

    # --- what it can do ---------------------------------------------------------------------------

    def escaping(self):
        self.check("text-is-not-html", "<b>bold</b>, </script>, <!--" in self.text(".of-text"), self.text(".of-text"))
        self.equal("one-data-script", self.count("script[type='application/json']"), 1)

    def headings(self):
        self.equal("language", self.browser.run("document.documentElement.lang"), "en")
        self.equal("title", self.browser.run("document.title"), "Every kind of section")
        self.equal("sections", self.count("main section"), 12)
        self.equal("one-h1", self.count("h1"), 1)
        self.equal("all-controls-named", self.browser.run(
            FOCUSABLE + """.filter((node) => !(node.textContent.trim() || node.getAttribute('aria-label') ||
            (node.labels && node.labels.length))).map((node) => node.outerHTML)"""), [])
        self.equal("tables-have-scopes", self.count("th:not([scope])"), 0)

    def keyboard(self):
        wanted = self.browser.run(FOCUSABLE + ".length")
        self.browser.run("document.activeElement.blur(); window.visited = new Set()")
        self.press("Tab")
        self.equal("skip-link-first", self.text("a:focus"), "Skip to the contents")
        for _ in range(wanted + 5):
            self.browser.run("window.visited.add(document.activeElement), 1")
            self.browser.key("Tab")
        missed = self.browser.run(
            FOCUSABLE + ".filter((node) => !window.visited.has(node)).map((node) => node.outerHTML.slice(0, 80))")
        self.equal("tab-reaches-all", missed, [])

    def sorting(self):
        rows = "[...document.querySelectorAll('.of-table table')[1].tBodies[0].rows].map((row) => row.cells[0].textContent)"
        self.browser.run("document.querySelectorAll('.of-table table')[1].querySelectorAll('thead button')[1].focus()")
        self.press("Enter")
        self.equal("sort-by-key", self.browser.run(rows), ["mimalloc", "cairn", "jemalloc", "system"])
        self.equal("sort-is-told", self.count(".of-table [aria-sort='ascending']"), 1)
        self.press("Enter")
        self.equal("sort-turns", self.browser.run(rows), ["system", "jemalloc", "cairn", "mimalloc"])
        self.equal("figures-unknown-to-all", self.browser.run(
            "[...document.querySelectorAll('.of-table table')[1].rows].map((row) => row.cells[5].className)"),
            ["number"] * 5)
        self.equal("best-is-marked", self.count(".of-table .best"), 4)

    def flame(self):
        reading = ".of-flame .reading"
        self.focus(".of-flame canvas")
        self.press("ArrowDown")
        first = self.text(reading)
        self.check("flame-walk", not first.startswith("main:"), first)
        self.press("ArrowRight")
        self.check("flame-walk-aside", self.text(reading) != first, first)
        self.press("ArrowLeft")
        self.equal("flame-walk-back", self.text(reading), first)
        self.equal("flame-tip", self.count(".tip.shown"), 1)
        self.press("Enter")
        shown = "document.querySelector('.of-flame .tools button:last-child').disabled"
        self.equal("flame-zoomed", self.browser.run(shown), False)
        self.press("0")
        self.equal("flame-reset", self.browser.run(shown), True)
        self.press("/")
        self.equal("flame-search-key", self.browser.run("document.activeElement.type"), "search")
        self.browser.call("Input.insertText", text="RAWvec")
        self.browser.settle()
        found = self.text(".of-flame .count")
        self.check("flame-search", found.split()[0].isdigit() and int(found.split()[0]) > 0 and "%" in found, found)
        self.press("Enter")
        self.check("flame-search-next", self.text(reading).startswith("alloc::raw_vec::RawVec<T,A>::grow_one:"), self.text(reading))
        self.browser.run("""{ const box = document.querySelector('.of-flame input');
            box.value = 'no such thing'; box.dispatchEvent(new Event('input')) }""")
        self.equal("flame-search-nothing", self.text(".of-flame .count"), "nothing found")
        self.browser.run("""{ const box = document.querySelector('.of-flame input');
            box.value = ''; box.dispatchEvent(new Event('input')) }""")
        whole = self.text(reading)
        self.browser.run("document.querySelectorAll('.of-flame .choice button')[1].click()")
        self.check("flame-metric", self.text(reading) != whole, whole)
        self.browser.run("document.querySelectorAll('.of-flame .choice button')[0].click()")
        place = self.browser.run("""(() => { const canvas = document.querySelector('.of-flame canvas')
            canvas.scrollIntoView(); const box = canvas.getBoundingClientRect(); return [box.left, box.top] })()""")
        self.browser.click(place[0] + 30, place[1] + 30)
        self.equal("flame-click-zooms", self.browser.run(shown), False)
        self.browser.run("document.querySelectorAll('.of-flame .tools button')[0].click()")
        self.press()
        self.equal("flame-turned", self.browser.run(shown), True)
        self.check("flame-turned-draws", min(self.browser.run(PIXELS)) > 2)

    def series(self):
        holder = ".of-series .lines"
        self.focus(holder)
        self.press("ArrowRight", "ArrowRight")
        self.check("series-reads", "live bytes: " in self.text(".of-series [aria-live]"), self.text(".of-series [aria-live]"))
        self.press("+")
        shown = "document.querySelector('.of-series .tools button:last-child').disabled"
        self.equal("series-zoomed", self.browser.run(shown), False)
        self.press("0")
        self.equal("series-reset", self.browser.run(shown), True)
        x, y, width = self.browser.run(f"""(() => {{ const over = document.querySelector('{holder} .u-over')
            over.scrollIntoView(); const box = over.getBoundingClientRect(); return [box.left, box.top, box.width] }})()""")
        self.browser.mouse("mouseMoved", x + width * 0.3, y + 40)
        self.browser.mouse("mousePressed", x + width * 0.3, y + 40, True)
        self.browser.mouse("mouseMoved", x + width * 0.5, y + 45, True)
        self.browser.mouse("mouseReleased", x + width * 0.5, y + 45, True)
        self.browser.settle()
        self.equal("series-drag-zooms", self.browser.run(shown), False)
        before = self.browser.run(PIXELS)[1]
        self.browser.run("document.querySelectorAll('.of-series')[1].querySelectorAll('.legend button')[1].click()")
        self.press()
        self.check("series-legend", self.browser.run(PIXELS)[1] < before, "as many colours as before")

    def marks(self):
        self.focus(".of-bars svg")
        self.press("ArrowRight", "ArrowRight")
        self.check("bars-read", "system 1.13×" in self.text(".of-bars [aria-live]"), self.text(".of-bars [aria-live]"))
        self.equal("bars-have-intervals", self.count(".of-bars .interval:not(.halo)"), 15)
        self.focus(".of-histogram svg")
        self.press("Home")
        self.check("histogram-reads", self.text(".of-histogram [aria-live]").startswith("0"), self.text(".of-histogram [aria-live]"))

    def heap(self):
        caption = ".of-heapmap .caption"
        self.focus(".of-heapmap canvas")
        self.press("Home")
        self.equal("heap-first", self.text(caption), "1 of 24: after 0 operations")
        self.press("ArrowRight", "ArrowRight", "ArrowLeft")
        self.equal("heap-steps", self.text(caption), "2 of 24: after 100 operations")
        self.press("End")
        self.press("ArrowRight", "ArrowRight", shift=True)
        self.check("heap-reads-cells", self.text(".of-heapmap [aria-live]").startswith("at "), self.text(".of-heapmap [aria-live]"))
        self.focus(".of-heapmap input")
        self.press("Home", "ArrowRight")
        self.equal("heap-slider", self.text(caption), "2 of 24: after 100 operations")

    def data(self):
        wanted = self.browser.run("[...document.querySelectorAll('.data')].map((node) => node.open = true).length")
        self.browser.settle()
        self.equal("data-as-tables", self.count(".data table"), wanted)
        self.check("data-has-rows", self.browser.run(
            "[...document.querySelectorAll('.data table')].every((table) => table.tBodies[0].rows.length > 0)"))
        self.equal("data-sound", self.browser.complaints(), [])

    def theme(self):
        ground = "getComputedStyle(document.body).backgroundColor"
        before = self.browser.run(ground)
        self.browser.run("document.querySelector('.theme').click()")
        self.check("theme-button", self.browser.run(ground) != before, before)

    def speed(self):
        began = time.monotonic()
        self.open("large")
        print(f"# the large page opened in {time.monotonic() - began:.2f} s")
        self.equal("large-sound", self.browser.complaints(), [])
        self.check("large-drawn", min(self.browser.run(PIXELS)) > 2)
        self.browser.run("document.querySelectorAll('.of-flame .tools button')[0].click()")
        self.check("large-turned", min(self.browser.run(PIXELS)) > 2)

    def groups(self):
        self.open("both")
        self.equal("groups", self.count("main article"), 2)
        self.equal("groups-titled", self.browser.run("document.title"), "kinds.json and 1 more")
        self.equal("groups-say-file", self.browser.run(
            "[...document.querySelectorAll('article .facts')].map((list) => list.lastChild.textContent)"),
            ["Filekinds.json", "Fileplain.json"])
        self.equal("groups-sound", self.browser.complaints(), [])
        ids = self.browser.run("[...document.querySelectorAll('[id]')].map((node) => node.id)")
        self.equal("ids-unique", len(ids), len(set(ids)))

    def all(self):
        for width in (1280, 400):
            for dark in (False, True):
                self.is_sound("kinds", width, dark)
        self.open("kinds")
        for test in (self.escaping, self.headings, self.keyboard, self.sorting, self.flame, self.series,
                     self.marks, self.heap, self.data, self.theme):
            test()
        for page in ("difference", "plain"):
            self.is_sound_of_any(page)
        self.groups()
        self.speed()

    def is_sound_of_any(self, page):
        self.open(page, width=400)
        self.equal(f"no-complaint-{page}", self.browser.complaints(), [])
        self.equal(f"no-table-scrolls-{page}", self.browser.run(SIDEWAYS), [])
        self.equal(f"no-word-is-broken-{page}", self.browser.run(BROKEN), [])
        self.check(f"sections-{page}", self.count("main section") > 1)
        self.check(f"no-overflow-{page}", self.browser.run("document.documentElement.scrollWidth") <= 400)


def write_pages(cairn, folder):
    def path(name):
        return os.path.join(folder, name)

    def run(*words):
        subprocess.run([cairn, *words], check=True, stdout=subprocess.DEVNULL, cwd=folder)

    for what in ("kinds", "large"):
        subprocess.run([sys.executable, os.path.join(HERE, "make_documents.py"), what, path(what + ".json")], check=True)
        run("report", "-o", path(what + ".html"), path(what + ".json"))
    with open(path("plain.json"), "w", encoding="utf-8") as to:
        json.dump({"schema": "cairn.other", "version": 1, "seed": 7, "machine": {"kernel": "6.1"},
                   "allocators": [{"name": "a", "runs": [1, 2], "ratios": {"wall_seconds": {"median": 1.5}}},
                                  {"name": "b", "verified": True}], "program": {"path": "/bin/true"}}, to)
    run("report", "-o", path("plain.html"), path("plain.json"))
    run("report", "-o", path("both.html"), path("kinds.json"), path("plain.json"))
    run("diff", "-o", path("difference.html"), path("kinds.json"), path("kinds.json"))
    return {name: path(name + ".html") for name in ("kinds", "large", "plain", "both", "difference")}


def main():
    program = find()
    if not program:
        print("skip page: chromium is not installed")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        pages = write_pages(os.path.abspath(sys.argv[1]), folder)
        try:
            with Browser(program) as browser:
                tests = Tests(browser, pages)
                tests.all()
        except Failure as failure:
            print(f"not ok browser: {failure}")
            return 1
    return 1 if tests.failed else 0


sys.exit(main())
