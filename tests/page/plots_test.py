"""Every plot has what the results have."""

import results
from page_case import PageCase, main


def series_of(result):
    return {one["id"] for one in result["measurements"] if one["is"] is None}


class Plots(PageCase):
    def test_distributions(self):
        result = results.shootdown(repetitions=2)
        self.show(one=result)
        series = len(series_of(result))
        repetitions = sum(one["is"] is None for one in result["measurements"])
        self.assert_counts({
            ".cdf-line": series, ".box": series, ".box .quartiles": series,
            "circle.repetition": repetitions, ".cell": series, ".distributions .panel": 2,
            ".measurements tbody tr": len(result["measurements"]),
            ".measurements tr.companion": len(result["measurements"]) - repetitions,
            ".small-box .quartiles": len(result["measurements"])})

    def test_one_repetition_has_no_dots(self):
        self.show(one=results.shootdown(repetitions=1))
        self.assert_counts({".cdf-line": 4, "circle.repetition": 0})

    def test_repetitions_are_pooled(self):
        self.show(one=results.shootdown(repetitions=2))
        for title in self.texts(".box > title"):
            self.assertIn("\n240 samples:", title)

    def test_percentiles_of_what_is_pooled_are_those_of_nestbed(self):
        result = results.shootdown(repetitions=1)
        self.show(one=result)
        found = self.run_script("""
            return results[0].report.measurements.map((one) => figures.map(({name, share}) =>
              share === undefined ? one[name] : quantile(pooled({repetitions: [one]}), share)))""")
        names = ["min", "p25", "p50", "p75", "p90", "p99", "p999", "max"]
        self.assertEqual(found, [[one[name] for name in names] for one in result["measurements"]])

    def test_a_distribution_goes_from_none_to_all_over_its_buckets(self):
        result = results.shootdown(repetitions=1)
        self.show(one=result)
        places = self.run_script("""
            return [...document.querySelectorAll('.cdf-line')].map((line) => ({
                id: d3.select(line).datum().id,
                places: line.getAttribute('d').slice(1).split('L').map((one) => one.split(',')[1]),
            }))""")
        buckets = {one["id"]: len(one["histogram"]["counts"]) for one in result["measurements"]}
        for line in places:
            heights = [float(place) for place in line["places"]]
            self.assertEqual(len(heights), 2 * buckets[line["id"]])
            self.assertEqual(heights, sorted(heights, reverse=True))
            self.assertAlmostEqual(heights[0] - heights[-1], 150)

    def test_a_box_lies_where_its_figures_are(self):
        result = results.shootdown(repetitions=1)
        self.show(one=result)
        lying = self.run_script("""
            return [...document.querySelectorAll('.box')].map((box) => {
              const place = (name, key) => Number(box.querySelector(name).getAttribute(key));
              return [place('.whisker', 'x1'), place('.quartiles', 'x'), place('.median', 'x1'),
                      place('.greatest', 'x1')];
            })""")
        for places in lying:
            self.assertEqual(places, sorted(places))
            self.assertLess(places[0], places[3])

    def test_axes_are_chosen_by_keyboard(self):
        self.show(one=results.shootdown())
        first = self.texts(".distributions h4")
        self.browser.type_into(".distributions select", "pages" if "pages" in first[0] else "protocol")
        self.assertNotEqual(self.texts(".distributions h4"), first)
        self.assert_counts({".cdf-line": 4})

    def test_heat_map_axes_change_places(self):
        self.show(one=results.shootdown())
        self.browser.type_into(".heat select", "pages")
        chosen = self.run_script("""
            return [...document.querySelectorAll('.heat select')].map((one) => one.value)""")
        self.assertEqual(chosen, ["pages", "protocol"])
        self.assert_counts({".cell": 4})

    def test_crossover(self):
        result = results.crossover()
        self.show(one=result)
        self.assert_counts({".crossover .curve-line": 2, ".crossover .band": 2,
                            ".crossover .curve-point": len(result["measurements"]),
                            ".crossover .crossing": 1})
        self.assert_says("full flush cheaper from 8")

    def test_walk(self):
        result = results.walk()
        self.show(one=result)
        self.assert_counts({".walk .curve-line": 4,
                            ".walk .curve-point": 2 * len(result["rows"])})
        self.assert_says("Fits", "cycles per miss")

    def test_warnings_are_marked_on_curves(self):
        for result in (results.crossover(), results.walk()):
            result["measurements"][1]["warnings"] = [{"kind": "steal", "text": "It was taken."}]
            self.show(one=result)
            self.assertEqual(self.texts(".warned-point title"), ["It was taken."])

    def test_medians_that_are_not_known_are_no_cells(self):
        measurements = [
            results.measurement("s", "m", {"a": a, "b": b, "c": c}, [500] * count)
            for a in (1, 2) for b in (1, 2) for c, count in (("few", 1), ("many", 9))]
        self.show(one=results.result(measurements))
        self.assert_counts({".cell": 4, ".heat .panel": 1})
        self.assert_says("no median is known of so few samples: c few")

    def test_derived_and_counts(self):
        result = results.walk()
        self.show(one=result)
        heads = ["guest_leaf", "working_set", "measurement", "tlb entry", "guest translation", "ratio"]
        self.assertEqual(
            self.texts("[aria-label^=Derived] th"), [head.replace("_", " ") for head in heads])
        rows = self.texts("[aria-label^=Derived] tbody tr")
        self.assertEqual((len(rows), rows[0]), (len(result["rows"]), "4k262144chase4k–2"))
        # Counters that never moved are left out.
        self.assert_counts({"td.bar": len(result["rows"])})

    def test_each_plot_says_what_it_shows(self):
        self.show(one=results.shootdown(), other=results.crossover())
        self.assert_counts({"svg[role=img]:not([aria-label])": 0, ".panel svg > title:empty": 0})
        self.assertEqual(self.count(".panel svg"), self.count(".panel svg > title"))

    def test_few_samples_are_not_drawn(self):
        few = results.measurement("shootdown", "shootdown", {"pages": 1}, [4000, 5000])
        many = results.measurement("shootdown", "shootdown", {"pages": 2}, results.spread(6000))
        none = results.measurement("shootdown", "shootdown", {"pages": 4}, [])
        self.show(one=results.result([few, many, none]))
        self.assert_counts({".cdf-line": 1, ".box": 1, "circle.single": 2})
        self.assert_says("Drawn as dots only: 1 (2 samples, too few for quartiles)",
                         "Not drawn: 4 (no samples)")

    def test_percentiles_that_are_not_known(self):
        self.show(one=results.result([results.measurement("s", "m", {}, results.spread(5000, 60))]))
        cells = self.texts(".measurements tbody tr:first-child td.number")
        self.assertEqual(cells[0], "60")
        self.assertEqual(cells[-3:-1], ["–", "–"])


if __name__ == "__main__":
    main()
