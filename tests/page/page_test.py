"""What the page says, to whom, and what it must not do."""

import re

import results
from page_case import PageCase, main

HOSTILE = ("</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
           "<!--<script>\u2028")

CONTRAST = """
const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((one) => one / 255);
const light = (color) => rgb(color).map((one) => one <= 0.03928 ? one / 12.92
    : ((one + 0.055) / 1.055) ** 2.4).reduce((sum, one, n) => sum + one * [0.2126, 0.7152, 0.0722][n], 0);
const paper = (element) => {
  for (let one = element; one !== null; one = one.parentElement) {
    const color = getComputedStyle(one).backgroundColor;
    if (!/, 0\\)$/.test(color)) return color;
  }
  return 'rgb(255, 255, 255)';
};
return arguments[0].map((selector) => {
  const element = document.querySelector(selector);
  if (element === null) return [selector, 0];
  const style = getComputedStyle(element);
  const color = element instanceof SVGElement ? style.fill : style.color;
  const [dark, bright] = [light(color), light(paper(element))].sort((a, b) => a - b);
  return [selector, (bright + 0.05) / (dark + 0.05)];
});
"""

LOADED = """
return [
  ...performance.getEntriesByType('resource').map((one) => one.name),
  ...[...document.querySelectorAll('[src], [href]')]
    .map((one) => one.getAttribute('src') ?? one.getAttribute('href'))
    .filter((address) => !address.startsWith('#') && address !== 'data:,'),
]"""


def warned(repetitions=1):
    result = results.shootdown(repetitions=repetitions)
    result["measurements"][0]["warnings"] = [{"kind": "steal", "text": "The host took the CPU."}]
    result["measurements"][2]["outcome"]["violations"] = 3
    result["measurements"][4]["verdict"] = "failed"
    return result


class Page(PageCase):
    def assert_fits(self):
        wide = self.run_script("""
            return [...document.querySelectorAll('body *')]
              .filter((one) => one.getBoundingClientRect().right > innerWidth
                && one.closest('.table-box') === null)
              .slice(0, 5).map((one) => `${one.tagName} ${one.getAttribute('class')}`)""")
        self.assertEqual(
            self.run_script("return document.documentElement.scrollWidth <= innerWidth"), True, wide)

    def test_a_phone_scrolls_only_tables(self):
        for result in (warned(), results.crossover(), results.walk()):
            self.show(width=380, one=result)
            self.assert_fits()
        self.show(width=380, one=results.shootdown(), b=results.shootdown(1.5))
        self.assert_fits()

    def test_text_stands_out_in_light_and_dark(self):
        for scheme in ("light", "dark"):
            self.show(scheme=scheme, one=warned(3), other=results.shootdown(1.5, repetitions=3))
            found = self.run_script(CONTRAST, [
                "body", ".what", ".note", "nav a", "td .time", "tr.companion td", ".notes li",
                ".warning-row td", ".warning-group summary", ".word.slower", ".axis text",
                ".box-label", ".box-label.marked", "caption"])
            for selector, contrast in found:
                self.assertGreaterEqual(contrast, 4.5, f"{selector} in {scheme}")
        dark = self.run_script("return getComputedStyle(document.body).backgroundColor")
        self.assertEqual(dark, "rgb(20, 23, 27)")

    def test_nothing_is_loaded(self):
        self.show(one=results.shootdown(), other=results.shootdown(2))
        self.assertEqual(self.run_script(LOADED), [])

    def test_hostile_texts_stay_texts(self):
        one = results.shootdown()
        for measurement in one["measurements"]:
            measurement["name"] += HOSTILE
            measurement["inputs"][HOSTILE] = HOSTILE + str(len(measurement["id"]))
            measurement["warnings"] = [{"kind": HOSTILE, "text": HOSTILE}]
        one["tests"] = [
            results.test("failed", reason=HOSTILE, log=[HOSTILE], diagnosis=HOSTILE),
            results.test("skipped", reason=HOSTILE, name=HOSTILE, inputs={HOSTILE: HOSTILE})]
        one["host"]["cpu"] = HOSTILE
        one["rows"] = [{"inputs": {HOSTILE: 1}, "derived": {HOSTILE: HOSTILE}}]
        one["provenance"] = {HOSTILE: HOSTILE, "governor": None}
        scripts = self.count_scripts(a=results.shootdown(), b=results.shootdown(), draw=True)
        self.assertEqual(self.count_scripts(a=one, b=results.shootdown(), draw=True), scripts)
        self.assertIsNone(self.run_script("return window.hacked ?? null"))
        self.assert_counts({"img": 0})
        self.assert_says("<script>window.hacked = 1</script>")

    def count_scripts(self, **results_and_options):
        self.show(**results_and_options)
        return self.count("script")

    def test_scripts_that_are_not_ours_do_not_run(self):
        self.show(one=results.shootdown())
        self.run_script("""
            const script = document.createElement('script');
            script.textContent = 'window.hacked = 1';
            document.body.append(script);""")
        self.assertIsNone(self.run_script("return window.hacked ?? null"))
        messages = self.browser.messages()
        self.assertIn("Content Security Policy", messages[0]["message"])

    def test_warnings(self):
        self.show(one=warned())
        self.assert_counts({".warning-row": 3, "tr.warned": 3, ".box-label.marked": 3,
                            ".warning-group": 3})
        self.assert_says("The host took the CPU.", "3 of 64 checks found a violation",
                         "its test measure_shootdown.one failed")

    def test_how_a_run_ended(self):
        self.show(one=results.shootdown(
            tests=[results.test("skipped", reason="no 1 GiB pages"),
                   results.test("failed", reason="a page was stale", log=["a line of its log"])],
            interrupted=True, not_finished=4, error={"kind": "io", "text": "the disk is full"}))
        self.assert_says("The run was interrupted", "4 tests did not finish", "1 test failed",
                         "the disk is full", "no 1 GiB pages", "a page was stale", "a line of its log")

    def test_flaky_tests(self):
        attempt = {"reason": "it was stale once", "error": None, "seconds": 0.1, "failures": [],
                   "log": ["a line of then"], "diagnosis": ""}
        self.show(one=results.shootdown(
            tests=[results.test(flaky=True, failed_attempts=[attempt])], cut_short="time_limit",
            remarks=["shard 2/4 of all"],
            summary={"passed": 1, "failed": 0, "skipped": 0, "flaky": 1}))
        self.assert_says("1 test passed only when run again", "it was stale once",
                         "a line of then", "passed (flaky)", "The time limit ended the run",
                         "shard 2/4 of all.")

    def test_differences(self):
        base = results.shootdown(repetitions=3)
        slower = results.shootdown(1.5, repetitions=3, cpu="Another CPU")
        slower["measurements"] = slower["measurements"][:-6]
        self.show(base=base, slower=slower)
        both = {one["id"] for one in slower["measurements"]}
        self.assert_counts({".differences tbody tr": len(both), ".interval circle": len(both),
                            ".differences .word.slower": len(both),
                            ".cdf-line": 4 + 3, ".box": 4 + 3, ".cell": 4 + 3})
        self.assert_says("slower beside base", "cpu: A CPU, then Another CPU",
                         "only the base has it", "+50.0")

    def test_results_of_one_name(self):
        self.show(**{"a/x": results.shootdown(), "b/x": results.shootdown()})
        self.assertRegex(self.run_script("return document.title"), "a/x.json, .*b/x.json")

    def test_no_measurements(self):
        self.show(one=results.result([], tests=[]))
        self.assert_says("It has no measurements.")

    def test_provenance(self):
        self.show(one=results.shootdown(provenance={"governor": None, "git": {"dirty": True}}))
        facts = self.texts(".facts tr")
        self.assertIn("governorunknown", facts)
        self.assertIn("git dirtyyes", facts)

    def test_all_of_it_is_printed(self):
        self.show(one=results.shootdown(), other=results.walk(), draw=False)
        pdf = self.browser.pdf()
        self.assertTrue(pdf.startswith(b"%PDF"))
        self.assertGreaterEqual(len(re.findall(rb"/Type\s*/Page\b", pdf)), 3)
        self.assert_counts({".cdf-line": 10, ".walk .curve-line": 4})
        self.assertIn("tlb entry", self.texts("details th"))

    def test_plots_are_drawn_when_they_are_seen(self):
        self.show(one=results.shootdown(), draw=False)
        self.assertEqual(self.browser.wait_for(
            "return document.querySelectorAll('.cdf-line').length", 4), 4)
        self.assert_counts({"td.bar": 0})
        self.run_script("""
            const fold = document.querySelector('.study details');
            fold.open = true;
            fold.scrollIntoView();""")
        self.assertEqual(self.browser.wait_for(
            "return document.querySelectorAll('td.bar').length", 4), 4)

    def test_thousands_of_measurements(self):
        samples = results.spread(4000, 12)
        self.show(one=results.result([
            results.measurement("s", "m", {"pages": pages, "kind": kind}, samples)
            for pages in range(200) for kind in "abcdefghij"]), draw=False)
        self.assertEqual(self.browser.wait_for(
            "return document.querySelectorAll('.measurements tbody tr').length", 40), 40)
        self.run_script("document.querySelector('.measurements').closest('section')"
                        ".querySelector(':scope > button.more').click()")
        self.assert_counts({".measurements tbody tr": 2000})


if __name__ == "__main__":
    main()
