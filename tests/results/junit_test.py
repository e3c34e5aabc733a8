#!/usr/bin/env python3
"""JUnit reports of the program, held against what the two public schemas ask for: junit-10.xsd of
Jenkins' xUnit plugin, and Ant's (windyroad's JUnit.xsd). Their text is not ours; these are the rules
in it that a report can break, of each the stricter one.

Arguments: the program."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

PROGRAM = sys.argv.pop(1)

ANY = r"(?s).*"
TOKEN = r"(?s).*\S.*"  # not empty
COUNT = r"[0-9]+"
SECONDS = r"[0-9]+\.[0-9]{3}"
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"  # no zone

# Of each element: the attributes that it must have (and how they look), those that it may have, and
# its children in their order, as a pattern over their names.
FAULT = ({"type": ANY}, {"message": ANY}, r"")
RULES = {
    "testsuites": ({}, {}, r"(testsuite )*"),
    "testsuite": (
        {"name": TOKEN, "package": ANY, "id": COUNT, "timestamp": TIME, "hostname": TOKEN,
         "tests": COUNT, "failures": COUNT, "errors": COUNT, "time": SECONDS},
        {"skipped": COUNT},
        r"properties (testcase )*system-out system-err ",
    ),
    "properties": ({}, {}, r"(property )*"),
    "property": ({"name": TOKEN, "value": ANY}, {}, r""),
    "testcase": ({"name": ANY, "classname": ANY, "time": SECONDS}, {},
                 r"(skipped |error |failure )?"),
    "skipped": ({}, {"message": ANY, "type": ANY}, r""),
    "error": FAULT,
    "failure": FAULT,
    "system-out": ({}, {}, r""),
    "system-err": ({}, {}, r""),
}


# Of tests that were run again (--retries) Jenkins' schema alone has elements, and Ant's rules for
# the rest hold on.
ATTEMPT = ({}, {"type": ANY, "message": ANY}, r"(stackTrace )?(system-out )?")
RULES_WITH_RETRIES = {
    **RULES,
    "testcase": (*RULES["testcase"][:2],
                 r"(failure (rerunFailure )+|error (rerunError )+|(flakyFailure |flakyError )*|"
                 r"skipped |error |failure )"),
    "rerunFailure": ATTEMPT,
    "rerunError": ATTEMPT,
    "flakyFailure": ATTEMPT,
    "flakyError": ATTEMPT,
    "stackTrace": ({}, {}, r""),
}


def objections(element, rules=RULES):
    """What is wrong with an element and those in it."""
    if element.tag not in rules:
        return [f"there is no element {element.tag}"]
    required, optional, children = rules[element.tag]
    found = [f"{element.tag} lacks {name}" for name in required if name not in element.attrib]
    for name, value in element.attrib.items():
        rule = required.get(name, optional.get(name))
        if rule is None:
            found.append(f"{element.tag} has {name}")
        elif not re.fullmatch(rule, value):
            found.append(f"{element.tag}: {name} is {value!r}")
    order = "".join(child.tag + " " for child in element)
    if not re.fullmatch(children, order):
        found.append(f"{element.tag} has: {order}")
    if element.tag in ("testsuites", "testsuite", "properties", "testcase",
                       "flakyFailure", "rerunFailure"):
        for text in [element.text] + [child.tail for child in element]:
            if text and text.strip():
                found.append(f"{element.tag} has text: {text.strip()}")
    return found + [wrong for child in element for wrong in objections(child, rules)]


def sums_that_are_wrong(suite):
    def number(path):
        return len(suite.findall(path))
    counted = {"tests": number("testcase"), "failures": number("testcase/failure"),
               "errors": number("testcase/error"), "skipped": number("testcase/skipped")}
    return [f"{suite.get('name')}: {name} is {suite.get(name)}, and there are {count}"
            for name, count in counted.items() if suite.get(name) != str(count)]


HAS_KVM = subprocess.run([PROGRAM, "doctor"], check=False, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL).returncode == 0


class JunitReports(unittest.TestCase):
    def report(self, *arguments, rules=RULES):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out.xml")
            subprocess.run([PROGRAM, *arguments, "--output", path], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            root = xml.parse(path).getroot()
        self.assertEqual(root.tag, "testsuites")
        self.assertEqual(objections(root, rules), [])
        self.assertEqual([list(map(int, (s.get("id"),))) for s in root],
                         [[n] for n in range(len(root))])
        self.assertEqual([wrong for suite in root for wrong in sums_that_are_wrong(suite)], [])
        return root

    def test_a_run_with_every_verdict(self):
        root = self.report("run", "boot", "crash", "--filter",
                           "boot.empty:crash.failed_expectation:crash.page_fault",
                           "--repeat", "2")
        self.assertGreaterEqual(len(root), 1)

    @unittest.skipUnless(HAS_KVM, "this host has no usable KVM")
    def test_tests_that_were_run_again(self):
        root = self.report("run", "boot", "crash", "--retries", "1", "--filter",
                           "boot.empty:crash.failed_expectation:crash.page_fault",
                           rules=RULES_WITH_RETRIES)
        self.assertEqual(len(root.findall("testsuite/testcase/rerunFailure/stackTrace")), 2)
        self.assertNotEqual(objections(root), [], "Ant's schema has no word for them")

    def test_a_run_that_cannot_begin(self):
        root = self.report("run", "boot", "--filter", "no.such*")
        self.assertEqual(len(root.findall("testsuite/testcase/error")), 1)

    def test_a_host_without_a_name(self):
        for suite in self.report("run", "boot", "--filter", "boot.empty", "--anonymous"):
            self.assertEqual(suite.get("hostname"), "localhost")

    def test_a_measurement(self):
        self.report("measure", "hypercall", "--kind", "port", "--samples", "100")


class TheRules(unittest.TestCase):
    """What they would let through if they were wrong."""

    def test_each_breach_is_seen(self):
        good = ('<testsuites><testsuite name="a" package="a" id="0" hostname="h" tests="1" '
                'failures="0" errors="0" time="0.000" timestamp="2026-11-27T12:00:00"><properties/>'
                '<testcase name="t" classname="a" time="0.000"/><system-out/><system-err/>'
                '</testsuite></testsuites>')
        self.assertEqual(objections(xml.fromstring(good)), [])
        for part, instead in [
                ("<testsuites>", '<testsuites name="nestbed">'),
                (' hostname="h"', ""),
                ('hostname="h"', 'hostname=""'),
                (' time="0.000" timestamp', ' time="0.0" timestamp'),
                ('12:00:00"', '12:00:00Z"'),
                ("<properties/>", ""),
                ("<system-err/>", ""),
                ("<system-out/><system-err/>", "<system-err/><system-out/>"),
                ('classname="a"', 'classname="a" file="a.cpp"'),
                ('time="0.000"/>', 'time="0.000"><system-out/></testcase>'),
                ('time="0.000"/>', 'time="0.000"><failure/></testcase>'),
                ('time="0.000"/>', 'time="0.000"><skipped/><skipped/></testcase>'),
                ('time="0.000"/>', 'time="0.000">text</testcase>')]:
            self.assertIn(part, good)
            self.assertNotEqual(objections(xml.fromstring(good.replace(part, instead, 1))), [],
                                instead)


if __name__ == "__main__":
    unittest.main()
