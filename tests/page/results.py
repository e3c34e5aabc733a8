"""Small results of nestbed measure, as nestbed writes them (schema 2)."""

import math

SUB_BITS = 5


def bucket_bounds(value):
    """Those of shared/stats/histogram.hpp."""
    shift = (value | 1 << SUB_BITS).bit_length() - 1 - SUB_BITS
    lower = value >> shift << shift
    return lower, lower + (1 << shift) - 1


def percentile(samples, numerator, denominator):
    if len(samples) < denominator // (denominator - numerator):
        return None
    rank = max(1, math.ceil(len(samples) * numerator / denominator))
    lower, upper = bucket_bounds(sorted(samples)[rank - 1])
    return min(max(lower + (upper - lower + 1) // 2, min(samples)), max(samples))


def histogram(samples):
    counts = {}
    for sample in samples:
        counts[bucket_bounds(sample)] = counts.get(bucket_bounds(sample), 0) + 1
    bounds = sorted(counts)
    return {"lower": [lower for lower, _ in bounds], "upper": [upper for _, upper in bounds],
            "counts": [counts[one] for one in bounds], "sum": sum(samples)}


def spread(median, count=120):
    """Samples around a median, with a tail."""
    return [int(median * (1 + 0.002 * n + max(2 * n / count, 0) ** 12))
            for n in range(-count // 2, count // 2)]


def measurement(study, name, inputs, samples, **other):
    point = ",".join(f"{key}={value}" for key, value in inputs.items())
    figures = {key: percentile(samples, *of) for key, of in {
        "min": (0, 1), "p25": (25, 100), "p50": (50, 100), "p75": (75, 100), "p90": (90, 100),
        "p99": (99, 100), "p999": (999, 1000)}.items()}
    return {"id": f"{study}/{point}/{name}", "study": study, "name": name, "is": None, "of": None,
            "inputs": inputs, "outcome": {"checks": 64, "violations": 0}, "unit": "cycles",
            "count": len(samples), **figures, "max": max(samples, default=None),
            "mean": sum(samples) // len(samples) if samples else None, "stddev": 1.0,
            "histogram": histogram(samples), "kvm_counts": {"exits": 2.0, "tlb_flush": 0.0},
            "test": f"measure_{study}.one", "verdict": "passed", "repetition": 1, "cpus": 2,
            "tsc_khz": 2_000_000, **other}


def companion(main, name, is_a, samples):
    return {**main, "outcome": {}, "kvm_counts": {}, **{key: value for key, value in measurement(
        main["study"], name, main["inputs"], samples).items() if key in (
            "id", "name", "count", "min", "p25", "p50", "p75", "p90", "p99", "p999", "max",
            "histogram")}, "is": is_a, "of": main["id"]}


def test(verdict="passed", **other):
    return {"suite": "measure_shootdown", "name": "one", "verdict": verdict, "reason": "",
            "error": None, "seconds": 0.05, "failures": [], "file": "guest/suites/one.cpp",
            "line": 7, "cpus": 2, "repetition": 1, "study": "shootdown", "inputs": {},
            "parameters": {}, "log": [], "diagnosis": "", **other}


def result(measurements, tests=None, cpu="A CPU", **other):
    tests = [test()] if tests is None else tests
    summary = {verdict: sum(one["verdict"] == verdict for one in tests)
               for verdict in ("passed", "failed", "skipped")}
    host = {"cpu": cpu, "kernel": "6.1.0", "kvm_module": "kvm_intel", "paging": "ept",
            "nested": False, "hypervisor": "", "emulated": None, "cores": 2, "memory": 8 << 30,
            "timings": {"trust": "good", "remarks": ["Remark of the host."]}, "calibration": None}
    return {"schema": 2, "nestbed": "0.1.0", "command": ["nestbed", "measure", "shootdown"],
            "host": host, "tests": tests, "measurements": measurements, "summary": summary,
            "seconds": 1.5, "error": None, "interrupted": False, "not_finished": 0, **other}


def shootdown(factor=1.0, repetitions=2, **other):
    """2 protocols, 2 numbers of pages, each with a floor."""
    measurements = []
    for protocol in ("global", "mailbox"):
        for pages in (1, 16):
            for repetition in range(1, repetitions + 1):
                median = 40_000 * pages ** 0.5 * factor * (1 + 0.01 * repetition)
                main = measurement("shootdown", "shootdown", {"protocol": protocol, "pages": pages},
                                   spread(median), repetition=repetition)
                measurements += [main, companion(main, "bare ipi", "floor", spread(median / 4))]
    return result(measurements, **other)


def crossover():
    measurements = []
    for pages in (1, 2, 4, 8, 16):
        inputs = {"flush": "cr3", "pages": pages}
        measurements += [
            measurement("shootdown crossover", "by page", inputs, spread(500 * pages)),
            measurement("shootdown crossover", "full flush", inputs, spread(3000))]
    return result(measurements, rows=[], crossovers=[
        {"full_flush": "cr3", "full_flush_cheaper_from": 8, "by_page_not_dearer_until": 4,
         "linux": 33}])


def walk():
    """2 leaves, 3 working sets, each with the same in a process of the host."""
    measurements, rows = [], []
    for leaf in ("4k", "2m"):
        for size in (1 << 18, 1 << 22, 1 << 26):
            inputs = {"guest_leaf": leaf, "backing": "anon", "working_set": size, "accesses": 1000}
            samples = spread(1000 * (size >> 12) ** 0.5)
            main = measurement("walk", "chase", inputs, samples)
            process = companion(main, "host chase", "in a process of the host", samples)
            measurements += [main, process, companion(main, "packed chase", "baseline", samples),
                             companion(process, "packed host chase", "baseline", samples)]
            rows.append({"id": main["id"], "inputs": inputs,
                         "derived": {"tlb_entry": leaf, "guest_translation": None, "ratio": 2.0}})
    return result(measurements, rows=rows, fits=[
        {"inputs": {"guest_leaf": "4k", "backing": "anon"}, "cycles_per_miss": 120.5, "reach": 64,
         "residual": 1.5, "points": 3}])
