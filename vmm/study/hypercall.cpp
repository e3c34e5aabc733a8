// measure hypercall: the ways from a guest to its VMM, to KVM and to another vCPU.
#include "vmm/result/measurements.hpp"
#include "vmm/run/guest_set.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

namespace {

constexpr char guest_name[] = "measure_hypercall";

constexpr char hypercall_explanation[] =
    "Each kind runs in a VM of its own, one at a time; one that cannot be is skipped with its "
    "reason. In each the calls take turns with exits that a bare loop around KVM_RUN answers: the "
    "same exit where the kind makes one (bare: same exit), else a write to a port. /bare is the "
    "median over that median. exits are those to the VMM per call, counted by it. Calls that "
    "would drown in the reading of the clock are timed sixteen at once; clock is what two "
    "readings with nothing between take, which is subtracted from nothing. No more than a second "
    "of samples is taken.";

constexpr char hypercall_examples[] =
    "  nestbed measure hypercall\n"
    "  nestbed measure hypercall --kind port,doorbell,mmio --samples 5000\n"
    "  nestbed measure hypercall --format json --output hypercall.json\n";

/// The kinds are the guest's tests, in the order of its file.
std::vector<NamedNumber> kinds() {
    std::vector<NamedNumber> all;
    const Guest guest = read_builtin(guest_name);
    for (const GuestTest& test : guest.tests()) {
        all.push_back({all.size(), test.name, ""});
    }
    return all;
}

/// Exits to the VMM per call, as the VMM counted them.
Derived::Value exits_per_call(const StudyRun& run, const StudyRuns&) {
    const MeasurementEvent* calls = measurement_named(run.test, "hypercall");
    const std::uint64_t counted = number_named(*calls, "counted").value_or(0);
    const auto exits = number_named(*calls, "exits_of_counted");
    if (counted == 0 || !exits) {
        return {};
    }
    return static_cast<double>(*exits) / static_cast<double>(counted);
}

Derived over_bare_loop() {
    return {.name = "over_bare",
            .title = "/bare",
            .value =
                [](const StudyRun& run, const StudyRuns&) {
                    return ratio_of_medians(run.test, "hypercall", "bare loop");
                },
            // The doorbell's bar.
            .limit =
                [](const Point& point) {
                    return point.at("kind").text() == "doorbell" ? std::optional(1.05)
                                                                 : std::nullopt;
                }};
}

std::vector<Derived> hypercall_columns() {
    return {parameter_column("answered by", "hypercall", "answered_by"),
            parameter_column("mode", "hypercall", "mode"),
            {.name = "exits", .title = "exits", .value = exits_per_call},
            over_bare_loop(),
            parameter_column("bare", "bare loop", "floor"),
            parameter_column("at once", "hypercall", "per_sample"),
            parameter_column("clock", "hypercall", "empty_pair")};
}

std::vector<Axis> hypercall_axes() {
    return with_vm_axes(
        {name_axis("kind", "Kinds of calls", kinds(), {}, Axis::shown | Axis::host_only),
         number_axis("samples", "Samples of each kind", 1, 10'000'000, {500}, Axis::effort)},
        30);
}

}  // namespace

Study hypercall_study() {
    return {
        .name = "hypercall",
        .summary = "What calls to the VMM, to KVM and to another vCPU take",
        .explanation = hypercall_explanation,
        .examples = hypercall_examples,
        .guest = guest_name,
        .axes = hypercall_axes(),
        .measured = {{"hypercall"}, {.name = "bare loop", .is = "floor", .hidden = true}},
        .derived = hypercall_columns(),
        .adds_up = {"counted", "exits_of_counted"},
        .shows_bars = true,
        .operation = "call",
        .configure = [](const Point&, TestSettings& settings) { settings.exitless_calls = true; },
        .wants_hypercalls = [](const Point& point) { return point.at("kind").text() == "vmcall"; },
    };
}

}  // namespace nestbed::vmm
