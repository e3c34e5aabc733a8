"""nestbed report as a command: what it refuses, and with which exit code."""

import os
import subprocess
import tempfile
import unittest

import results
from page_case import PROGRAM, write_result


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="nestbed-results-")
        self.addCleanup(self.folder.cleanup)
        self.result = write_result(self.folder.name, "one", results.shootdown())
        self.page = os.path.join(self.folder.name, "page.html")

    def report(self, *arguments):
        return subprocess.run([PROGRAM, "report", *arguments], capture_output=True, text=True)

    def assert_refused(self, code, words, *arguments):
        ended = self.report(*arguments)
        self.assertEqual(ended.returncode, code, ended.stderr)
        self.assertIn(words, ended.stderr)
        self.assertFalse(os.path.exists(self.page))

    def test_a_page(self):
        ended = self.report(self.result, "-o", self.page)
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "", ""))
        with open(self.page, encoding="utf-8") as page:
            self.assertTrue(page.read().startswith("<!doctype html>"))

    def test_another_schema(self):
        for schema, words in ((1, "has schema 1"), (3, "a newer nestbed wrote it")):
            old = write_result(self.folder.name, "old", {**results.shootdown(), "schema": schema})
            self.assert_refused(2, words, old, "-o", self.page)
            self.assert_refused(2, "old.json", self.result, old, "-o", self.page)

    def test_what_is_no_result(self):
        text = os.path.join(self.folder.name, "text.json")
        with open(text, "w", encoding="utf-8") as file:
            file.write("{")
        self.assert_refused(2, "text.json", text, "-o", self.page)
        self.assert_refused(2, "nothing.json", f"{self.folder.name}/nothing.json", "-o", self.page)

    def test_a_command_line_without_an_output(self):
        self.assert_refused(2, "--output", self.result)
        self.assert_refused(2, "names no file", self.result, "-o", "")
        self.assert_refused(2, "RESULT", "-o", self.page)

    def test_outputs_that_cannot_be_written(self):
        self.assert_refused(4, "cannot write", self.result, "-o", self.folder.name)
        self.assert_refused(4, "cannot write", self.result, "-o", f"{self.folder.name}/no/page.html")

    def test_a_result_is_not_replaced(self):
        self.assert_refused(2, "that is the result", self.result, "-o", self.result)
        self.assertTrue(os.path.exists(self.result))

    def test_an_old_page_does_not_stay(self):
        self.report(self.result, "-o", self.page)
        self.assert_refused(2, "nothing.json", f"{self.folder.name}/nothing.json", "-o", self.page)


if __name__ == "__main__":
    unittest.main()
