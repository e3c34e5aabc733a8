"""What the tests of the page have in common: a browser, and pages made by the program."""

import json
import os
import signal
import subprocess
import tempfile
import unittest

import browser

PROGRAM = os.environ["NESTBED_PROGRAM"]
# Below CTest's own limit, which would end us without our having ended the browser.
SECONDS = 50


def write_result(folder, name, result):
    path = os.path.join(folder, f"{name}.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file)
    return path


class PageCase(unittest.TestCase):
    browser = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="nestbed-results-")
        self.addCleanup(self.folder.cleanup)

    def tearDown(self):
        messages = [one["message"] for one in self.browser.messages()]
        self.assertEqual(messages, [], "the console was told of errors")

    def show(self, width=1200, scheme="light", draw=True, **results):
        """Opens the page of results, given by their names, with everything drawn."""
        paths = [write_result(self.folder.name, name, one) for name, one in results.items()]
        page = os.path.join(self.folder.name, "page.html")
        subprocess.run([PROGRAM, "report", *paths, "-o", page], check=True)
        self.browser.devtools("Emulation.setDeviceMetricsOverride", width=width, height=800,
                              deviceScaleFactor=1, mobile=False)
        self.browser.devtools("Emulation.setEmulatedMedia", media="screen", features=[
            {"name": "prefers-color-scheme", "value": scheme}])
        self.browser.open(page)
        if draw:
            self.run_script("drawEverything()")
        return page

    def run_script(self, script, *arguments):
        return self.browser.run(script, *arguments)

    def count(self, selector):
        return self.run_script("return document.querySelectorAll(arguments[0]).length", selector)

    def texts(self, selector):
        return self.run_script(
            "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)",
            selector)

    def assert_says(self, *parts):
        text = self.run_script("return document.body.innerText")
        self.assertEqual([part for part in parts if part not in text], [], "not on the page")

    def assert_counts(self, wanted):
        self.assertEqual({selector: self.count(selector) for selector in wanted}, wanted)


def interrupt(number, _frame):
    # The one exception that ends unittest and not just a test.
    raise KeyboardInterrupt(signal.Signals(number).name)


def main():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, interrupt)
    signal.alarm(SECONDS)
    PageCase.browser = browser.Browser()
    try:
        PageCase.browser.start()
        unittest.main(verbosity=2)
    finally:
        # Once more would leave the browser behind.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        PageCase.browser.close()
