# SPDX-License-Identifier: MIT
"""
Drives a headless Chromium by its DevTools protocol, over a pair of pipes: messages are JSON, each
ended by a zero byte. Only what the tests of the page need; the standard library is all it takes.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome")


class Failure(Exception):
    """Something is not as it should be."""


def find():
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return None


class Browser:
    """One browser with one page. It is gone when the `with` block ends."""

    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="cairn-browser-")
        to_child, self.to = os.pipe()
        self.of, from_child = os.pipe()
        words = [program, "--headless", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars",
                 "--no-first-run", "--disable-extensions", "--disable-background-networking",
                 "--disable-dev-shm-usage", "--force-device-scale-factor=1", f"--user-data-dir={self.folder}"]
        if os.geteuid() == 0:
            words.append("--no-sandbox")

        # The shell puts the pipes where the browser looks for them.
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec 3<&{to_child} 4>&{from_child} "$@"', "bash", *words, "about:blank"],
            pass_fds=(to_child, from_child), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_child)
        os.close(from_child)
        self.rest = b""
        self.last = 0
        self.attached = None
        self.events = []

    def __enter__(self):
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self.attached = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.of)
        for _ in range(20):  # its helpers may still be writing there
            shutil.rmtree(self.folder, ignore_errors=True)
            if not os.path.exists(self.folder):
                return
            time.sleep(0.1)

    def _receive(self, until):
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.of], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise Failure("the browser does not answer")
            piece = os.read(self.of, 1 << 20)
            if not piece:
                raise Failure("the browser is gone")
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, seconds=30, **parameters):
        self.last += 1
        request = {"id": self.last, "method": method, "params": parameters}
        if self.attached:
            request["sessionId"] = self.attached
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        until = time.monotonic() + seconds
        while True:
            answer = self._receive(until)
            if answer.get("id") != self.last:
                self.events.append(answer)
            elif "error" in answer:
                raise Failure(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]

    def wait(self, event, seconds=30):
        until = time.monotonic() + seconds
        while not any(seen.get("method") == event for seen in self.events):
            self.events.append(self._receive(until))

    def open(self, url, width=1280, height=900, dark=False):
        """Loads a page; what was seen of the one before is forgotten."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media="", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.events = []
        self.call("Page.navigate", url="about:blank")
        self.wait("Page.loadEventFired")
        self.events = []
        self.call("Page.navigate", url=url)
        self.wait("Page.loadEventFired")

    def run(self, expression):
        """The value of an expression in the page (a promise is waited for)."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True, userGesture=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Failure(f"{expression}: {details.get('exception', {}).get('description', details['text'])}")
        return result["result"].get("value")

    def settle(self):
        """Waits until the page has been drawn."""
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def key(self, key, shift=False):
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36, "ArrowLeft": 37,
                 "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Backspace": 8}
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        common = {"key": key, "code": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper())),
                  "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def mouse(self, kind, x, y, pressed=False):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left" if pressed else "none",
                  buttons=1 if pressed else 0, clickCount=1 if kind != "mouseMoved" else 0)

    def click(self, x, y):
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, True)
        self.mouse("mouseReleased", x, y, True)

    def picture(self, path, top=0, width=1280, height=900):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                         clip={"x": 0, "y": top, "width": width, "height": height, "scale": 1})["data"]
        with open(path, "wb") as to:
            to.write(base64.b64decode(data))

    def complaints(self):
        """What went wrong in the page so far, and each request to the network."""
        list_of = []
        for event in self.events:
            method, what = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                list_of.append(str(what["exceptionDetails"].get("exception", {}).get("description")))
            elif method == "Runtime.consoleAPICalled" and what["type"] in ("error", "assert"):
                list_of.append(" ".join(str(arg.get("description", arg.get("value"))) for arg in what["args"]))
            elif method == "Log.entryAdded" and what["entry"]["level"] == "error":
                list_of.append(what["entry"]["text"])
            elif method == "Network.requestWillBeSent" and not what["request"]["url"].startswith(("file:", "data:")):
                list_of.append("asked for " + what["request"]["url"])
        return list_of
