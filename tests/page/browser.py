"""A headless chromium, spoken to by the WebDriver protocol, and the end of all that it started."""

import base64
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

PR_SET_CHILD_SUBREAPER = 36


def children_of(pid):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(name))
    return found


def end_children():
    """Whoever loses its parent becomes our child, so in the end none is left."""
    while children := children_of(os.getpid()):
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


class Browser:
    """One for all tests: it takes a second to start."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="nestbed-page-")
        self.session = None
        self.driver = None

    def start(self):
        for program in ("chromedriver", "chromium"):
            if shutil.which(program) is None:
                raise RuntimeError(f"{program} is missing: apt-get install chromium chromium-driver")
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": self.profile}, text=True)
        self.address = f"http://127.0.0.1:{self._port()}"
        self.session = self._new_session()

    def _port(self):
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                return int(found[1])
        raise RuntimeError("chromedriver ended before it named its port")

    def _new_session(self):
        arguments = ["--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                     "--disable-dev-shm-usage", f"--user-data-dir={self.profile}/profile"]
        if os.getuid() == 0:
            arguments.append("--no-sandbox")
        options = {"binary": shutil.which("chromium"), "args": arguments}
        return self._send("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"}}}})["sessionId"]

    def _send(self, method, path, body=None):
        session = f"/session/{self.session}" if self.session else ""
        request = urllib.request.Request(
            self.address + session + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from error

    def close(self):
        end_children()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, path):
        self._send("POST", "/url", {"url": f"file://{path}"})

    def run(self, script, *arguments):
        return self._send("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def devtools(self, command, **parameters):
        return self._send("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def messages(self):
        """What the console has been told since the last call."""
        return self._send("POST", "/se/log", {"type": "browser"})

    def type_into(self, selector, text):
        element = self._send("POST", "/element", {"using": "css selector", "value": selector})
        self._send("POST", f"/element/{next(iter(element.values()))}/value", {"text": text})

    def pdf(self):
        return base64.b64decode(self._send("POST", "/print", {}))

    def wait_for(self, script, wanted, seconds=5):
        """Until `script` returns what is wanted; what it returned last."""
        end = time.monotonic() + seconds
        while (found := self.run(script)) != wanted and time.monotonic() < end:
            time.sleep(0.02)
        return found
