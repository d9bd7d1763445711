#!/usr/bin/env python3
"""The leaderboard in headless Chromium: no console error, sorting, filters in the address, columns, plots, two rows side by side, links,
phone, dark mode, contrast, no JavaScript.

usage: browser_test.py CHROMIUM SITE SCREENSHOTS      exit code 77: there is no such CHROMIUM
"""
import base64
import html.parser
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse


class Browser:
    """Chromium over the DevTools protocol on a pair of pipes: messages end with a zero byte."""

    def __init__(self, program):
        to_browser, self.out = os.pipe()
        self.inp, from_browser = os.pipe()
        self.home = tempfile.mkdtemp()

        def wire():
            a, b = os.dup(to_browser), os.dup(from_browser)  # neither may be 3 or 4 when those are overwritten
            os.dup2(a, 3), os.dup2(b, 4)
            os.set_inheritable(3, True), os.set_inheritable(4, True)

        os.set_inheritable(to_browser, True), os.set_inheritable(from_browser, True)
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
             "--allow-file-access-from-files", f"--user-data-dir={self.home}", "about:blank"],
            preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser), os.close(from_browser)
        self.buffer, self.events, self.number, self.session = b"", [], 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def read(self, until):
        deadline = time.monotonic() + 60
        while True:
            while b"\0" in self.buffer:
                raw, self.buffer = self.buffer.split(b"\0", 1)
                message = json.loads(raw)
                if "method" in message:
                    self.events.append(message)
                if until(message):
                    return message
            if time.monotonic() > deadline:
                raise SystemExit("browser_test: Chromium does not answer")
            self.buffer += os.read(self.inp, 1 << 20)

    def call(self, method, **params):
        self.number += 1
        number, message = self.number, {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        answer = self.read(lambda m: m.get("id") == number)
        if "error" in answer:
            raise SystemExit(f"browser_test: {method}: {answer['error']}")
        return answer["result"]

    def open(self, page, query=""):
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri() + query)
        self.read(lambda m: m.get("method") == "Page.loadEventFired")

    def js(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"browser_test: {expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def complaints(self):
        self.js("1")  # what was reported before this has arrived
        found = []
        for event in self.events:
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(params["exceptionDetails"]["text"])
            if event["method"] == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
                found.append(str(params["args"]))
            if event["method"] == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
            if event["method"] == "Network.requestWillBeSent" and not params["request"]["url"].startswith(("file:", "data:")):
                found.append("asks the network for " + params["request"]["url"])
        return found

    def size(self, width, height, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def scheme(self, name):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def screenshot(self, file):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


failures = []


def expect(true, what):
    if not true:
        failures.append(what)
        print("FAILED:", what)


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.ids = [], set()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.found += [given[name] for name in ("href", "src") if given.get(name)]
        if given.get("id"):
            expect(given["id"] not in self.ids, f"id {given['id']} stands twice")
            self.ids.add(given["id"])


def check_links(site):
    pages = {}
    for page in site.rglob("*.html"):
        pages[page] = Links()
        pages[page].feed(page.read_text(encoding="utf-8"))
    for page, links in pages.items():
        for link in links.found:
            parts = urllib.parse.urlparse(link)
            if parts.scheme:
                expect(parts.scheme in ("http", "https"), f"{page.name} leads to {link}")
                continue
            target = (page.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else page
            expect(target.exists(), f"{page.name}: {link} leads nowhere")
            if parts.fragment and target in pages:
                expect(parts.fragment in pages[target].ids, f"{page.name}: no {link}")


BOARD = "document.querySelector('.board[data-data]')"
# The column's numbers in a section, as the rows stand; dashes are left out.
COLUMN = "[..." + BOARD + """.querySelector('tbody').querySelectorAll('tr.row')]
    .map(r => parseFloat(r.children[%d].dataset.value)).filter(x => !Number.isNaN(x))"""
ROWS = "[..." + BOARD + ".querySelectorAll('tr.row')].filter(r => r.getClientRects().length).length"
# WCAG 2: relative luminance and contrast ratio of each element's text on the first opaque background behind it.
CONTRAST = """(() => {
  const rgb = s => s.match(/[\\d.]+/g).map(Number);
  const lum = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
                     return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c; }
                        return [255, 255, 255]; };
  let worst = [21, ''];
  for (const e of document.querySelectorAll('a, p, b, i, small, th, td, h1, h2, h3, dt, dd, .badge, .quiet, .setting, summary, label, button')) {
    if (!e.textContent.trim() || !e.getClientRects().length || e.classList.contains('skip')) continue;
    const a = lum(rgb(getComputedStyle(e).color)), b = lum(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < worst[0]) worst = [ratio, e.outerHTML.slice(0, 120)];
  }
  return worst;
})()"""


def check_sorting(browser):
    heads = browser.js(f"[...{BOARD}.querySelectorAll('thead th')].map(h => [h.dataset.kind || '', h.dataset.best || ''])")
    for best, reverse in (("high", True), ("low", False)):
        column = [i for i, head in enumerate(heads) if head == ["number", best]][1 if best == "low" else 0]  # low: not the rank
        head = f"{BOARD}.querySelectorAll('thead th')[{column}]"
        browser.js(head + ".querySelector('button').click()")
        values = browser.js(COLUMN % column)
        expect(len(values) > 1 and values == sorted(values, reverse=reverse), f"the first click sorts best first ({best}): {values}")
        expect(browser.js(head + ".getAttribute('aria-sort')") == ("descending" if reverse else "ascending"), "aria-sort")
        browser.js(head + ".querySelector('button').click()")
        values = browser.js(COLUMN % column)
        expect(values == sorted(values, reverse=not reverse), f"a second click turns it round: {values}")
    keyboard = browser.js(f"[...{BOARD}.querySelectorAll('thead button')].every(b => b.tabIndex === 0 && b.textContent.trim())")
    expect(keyboard, "headings are reached by keyboard and have names")


def check_filters(browser, site):
    set_field = "(() => { const f = document.getElementById('filter'); f.elements[%s].value = %s; " \
                "f.elements[%s].dispatchEvent(new Event('input', {bubbles: true})); })()"

    def fill(name, value):
        browser.js(set_field % (json.dumps(name), json.dumps(value), json.dumps(name)))

    all_rows = browser.js(ROWS)
    name = browser.js(BOARD + ".querySelector('tr.row th a').textContent")
    fill("q", name)
    some = browser.js(ROWS)
    expect(0 < some < all_rows, "the filter leaves some rows")
    address = browser.js("location.search")
    expect("q=" in address, f"the address keeps the filter: {address}")
    fill("q", "no such row")
    expect(browser.js(ROWS) == 0, "a filter that fits nothing hides all")
    fill("q", "")
    expect(browser.js(ROWS) == all_rows and browser.js("location.search") == "", "an empty filter shows all")
    fill("replay", "1")
    with_replay = browser.js(ROWS)
    fill("replay", "0")
    expect(0 < with_replay < all_rows and with_replay + browser.js(ROWS) == all_rows, "replay divides the rows")
    browser.open(site / "index.html", address)
    expect(browser.js(ROWS) == some, "the address of a filter gives it back")
    browser.open(site / "index.html", "?forgetting=all&columns=time-total")
    shown = "[...%s.querySelectorAll('thead th')].filter(h => h.getClientRects().length).map(h => h.className)" % BOARD
    classes = " ".join(browser.js(shown))
    expect("max_all" in classes and "max_prev" not in classes and "time-total" not in classes, f"columns of the address: {classes}")
    browser.open(site / "index.html", "?replay=%3Cscript%3E&data=nothing&q=")
    expect(browser.complaints() == [] and browser.js(ROWS) == all_rows, "an address of nonsense shows all")


def check_plots(browser):
    drawn = browser.js("[...document.querySelectorAll('.plot svg')].map(s => s.querySelectorAll('[data-row], rect').length)")
    expect(drawn and min(drawn) > 0, f"every plot has data: {drawn}")
    expect(browser.js("[...document.querySelectorAll('.plot svg')].every(s => s.getAttribute('aria-label'))"), "plots have labels")
    hot = browser.js("""(() => { const p = [...document.querySelectorAll('.plot')].find(p => p.querySelectorAll('g.s').length > 2), g = p.querySelector('g.s');
      g.dispatchEvent(new PointerEvent('pointerover', {bubbles: true}));
      return [p.querySelector('svg').classList.contains('dim'), p.querySelectorAll('.hot').length, p.querySelectorAll('g.s').length]; })()""")
    expect(hot[0] and 0 < hot[1] < hot[2], f"a row that is pointed at stands out: {hot}")
    saved = browser.js("""(async () => { const made = []; const old = URL.createObjectURL; URL.createObjectURL = b => (made.push(b), 'data:,');
      const figure = document.querySelector('figure'); figure.querySelectorAll('.save').forEach(b => b.click()); URL.createObjectURL = old;
      return Promise.all(made.map(b => b.text())); })()""")
    expect(len(saved) == 2 and "xmlns=" in saved[0] and saved[0].startswith("<svg") and "," in saved[1].split("\n")[0], f"a plot is saved as SVG and CSV: {str(saved)[:200]}")


def check_sticky(browser):
    moved = browser.js("""(() => { const s = document.querySelector('.board .scroll'); s.style.width = '260px'; s.style.height = '120px'; s.scrollLeft = 120; s.scrollTop = 60;
      const box = s.getBoundingClientRect(), head = s.querySelector('thead th.name').getBoundingClientRect(), name = s.querySelector('tbody th.name').getBoundingClientRect();
      const at = [head.top - box.top, head.left - box.left, name.left - box.left, s.scrollTop, s.scrollLeft]; s.style = ''; return at; })()""")
    expect(moved[3] > 0 and moved[4] > 0 and all(abs(x) < 2 for x in moved[:3]), f"head row and method column stay in view: {moved}")


def check_index(browser, site, shots):
    browser.size(1440, 900)
    browser.scheme("light")
    browser.open(site / "index.html")
    expect(browser.complaints() == [], f"console: {browser.complaints()}")
    check_sorting(browser)
    check_plots(browser)
    check_sticky(browser)
    check_filters(browser, site)
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        browser.open(site / "index.html")
        ratio, element = browser.js(CONTRAST)
        expect(ratio >= 4.5, f"contrast {ratio:.2f} ({scheme}): {element}")
        browser.screenshot(shots / f"index_{scheme}.png")
    browser.size(390, 844, phone=True)
    for page in ("index.html", "compare.html", "changes.html"):
        browser.open(site / page)
        wide = browser.js("document.documentElement.scrollWidth")
        expect(wide <= 391, f"{page} is {wide} pixels wide on a phone of 390")
        browser.screenshot(shots / f"{page[:-5]}_phone.png")
    browser.size(1440, 900)
    browser.scheme("light")


def check_side_by_side(browser, site, shots):
    browser.open(site / "index.html")
    link = browser.js("""(() => { const b = [...document.querySelectorAll('.board')].find(b => b.querySelectorAll('.pick input').length > 1);
      [...b.querySelectorAll('.pick input')].slice(0, 2).forEach(i => i.click()); return b.querySelector('.side').getAttribute('href'); })()""")
    expect(link and link.startswith("compare.html?"), f"two chosen rows give a link: {link}")
    browser.open(site / "compare.html", link[len("compare.html"):])
    for _ in range(50):  # its data come as a script
        if browser.js("document.querySelectorAll('#pair-result table').length"):
            break
        time.sleep(0.1)
    expect(browser.complaints() == [], f"compare.html: {browser.complaints()}")
    expect(browser.js("document.querySelectorAll('#pair-result tbody tr').length") > 1, "the rows stand side by side, task by task")
    browser.screenshot(shots / "compare.png")


def check_other_pages(browser, site, shots):
    for kind in ("method", "run"):
        pages = sorted((site / kind).glob("*.html"))
        expect(pages, f"there are pages in {kind}/")
        for page in pages:
            browser.open(page)
            expect(browser.complaints() == [], f"{page.name}: {browser.complaints()}")
            browser.screenshot(shots / f"{kind}_{page.stem[:24]}.png")


def check_without_script(browser, site):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(site / "index.html")
    root = browser.call("DOM.getDocument", depth=1)["root"]["nodeId"]
    rows = browser.call("DOM.querySelectorAll", nodeId=root, selector=".board tbody tr.row")["nodeIds"]
    expect(len(rows) > 2, "the table is there without JavaScript")
    plots = browser.call("DOM.querySelectorAll", nodeId=root, selector=".plot svg path")["nodeIds"]
    expect(len(plots) > 2, "the plots are there without JavaScript")
    browser.call("Emulation.setScriptExecutionDisabled", value=False)


def main():
    program, site, shots = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
    if not shutil.which(program):
        print("SKIPPED: there is no Chromium on this machine")
        return 77
    shots.mkdir(parents=True, exist_ok=True)
    check_links(site)
    browser = Browser(program)
    try:
        check_index(browser, site, shots)
        check_side_by_side(browser, site, shots)
        check_other_pages(browser, site, shots)
        check_without_script(browser, site)
    finally:
        browser.close()
    print(f"{len(failures)} failures; screenshots in {shots.name}/")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
