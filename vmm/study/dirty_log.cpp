// measure dirty-log: what it costs to know which pages a guest writes.
#include <algorithm>

#include "shared/channel/abi.hpp"
#include "shared/study/access_pattern.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

namespace {

using channel::DirtyLogKind;
using study::Pattern;

constexpr char dirty_log_explanation[] =
    "The phases of dirty logging, each as its time over all pages of 4 KiB: vCPUs write all of the "
    "memory for the first time (populate) and once more (write); the host has KVM log writes "
    "(enable); vCPUs write all of it (dirty); the host collects the log and clears it; vCPUs write "
    "it again; the host has KVM log no longer (disable). The guest looks for each page that it "
    "wrote in the log: a missing one fails the row. Each combination of the lists runs in a VM of "
    "its own.";

constexpr char dirty_log_examples[] =
    "  nestbed measure dirty-log\n"
    "  nestbed measure dirty-log --log ring --ring-entries 4096 --memory 256M\n"
    "  nestbed measure dirty-log --backing thp --cpus 1,2,4 --format json\n";

/// The guest's names of its measurements, in the order in which they happen.
constexpr std::array phases{"populate", "write",       "enable",  "dirty",         "collect",
                            "clear",    "dirty again", "disable", "dirty unlogged"};

/// The median of a phase over the pages that it is for.
Derived per_page(const char* phase) {
    std::string name = std::string(phase) + " cycles per page";
    std::ranges::replace(name, ' ', '_');
    return {.name = name,
            .title = phase,
            .value = [phase](const StudyRun& run, const StudyRuns&) -> Derived::Value {
                return median_of(run.test, phase, "pages");
            },
            .digits = 1,
            .group = "cycles per page (medians)"};
}

std::vector<Derived> dirty_log_columns() {
    std::vector<Derived> all;
    std::ranges::transform(phases, std::back_inserter(all), per_page);
    std::ranges::transform(phases, std::back_inserter(all), [](const char* phase) {
        return as_time(per_page(phase), "time per page (medians)");
    });
    all.push_back(parameter_column("ring full", "dirty", "ring_full"));
    all.push_back(parameter_column("missing", "dirty", "missing"));
    return all;
}

std::vector<Measured> dirty_log_measurements() {
    // The first is there as soon as anything is.
    std::vector<Measured> all{{"dirty", {}, "pages"}};
    for (const char* phase : phases) {
        if (all.front().name != phase) {
            all.push_back({phase, {}, "pages"});
        }
    }
    return all;
}

std::vector<Axis> dirty_log_axes() {
    constexpr std::uint64_t mib = 1 << 20;
    // The guest has a bitmap for so much.
    constexpr std::uint64_t most_memory = 32'768 * mib;
    std::vector<Axis> all{
        name_axis("log", "How KVM keeps it",
                  {{static_cast<std::uint64_t>(DirtyLogKind::bitmap), "bitmap",
                    "a bit for each page, cleared by hand"},
                   {static_cast<std::uint64_t>(DirtyLogKind::ring), "ring",
                    "a list of pages for each vCPU"}},
                  {}, Axis::shown | Axis::host_only),
        size_axis("memory", "Sizes of what is written", 2 * mib, most_memory, 2 * mib,
                  {8 * mib, 32 * mib}, Axis::shown | Axis::host_only),
        cpus_axis("vCPUs that write a part of it each", 1, channel::max_cpus, {1, 2},
                  Axis::shown | Axis::host_only),
        name_axis<Pattern>("pattern", "Order of the pages", {Pattern::strided}, Axis::shown),
        number_axis("rounds", "Times that all is written", 2, 10'000, {5}, Axis::effort),
        number_axis("writes", "Pages of a hundred that are written and not read", 1, 100, {100}),
        flag_axis("initially_set",
                  "Bitmaps begin with all pages in them (KVM_DIRTY_LOG_INITIALLY_SET)",
                  Axis::host_only),
        number_axis("ring_entries", "Pages that each vCPU's ring holds, a power of two", 1,
                    channel::max_dirty_ring_entries, {channel::max_dirty_ring_entries},
                    Axis::host_only)};
    all.back().multiple = 0;
    return with_vm_axes(std::move(all));
}

void dirty_log_configure(const Point& point, TestSettings& settings) {
    settings.test_memory.bytes = point["memory"];
    settings.dirty_logging.kind = point.as<DirtyLogKind>("log");
    if (settings.dirty_logging.kind == DirtyLogKind::ring) {
        settings.dirty_logging.ring_entries = static_cast<std::uint32_t>(point["ring_entries"]);
    } else {
        settings.dirty_logging.initially_set = static_cast<std::uint32_t>(point["initially_set"]);
    }
}

template <DirtyLogKind kind>
bool logs_by(const Point& point) {
    return point.as<DirtyLogKind>("log") == kind;
}

}  // namespace

Study dirty_log_study() {
    return {
        .name = "dirty-log",
        .summary = "The cost of dirty logging, by phase, memory and vCPUs",
        .explanation = dirty_log_explanation,
        .examples = dirty_log_examples,
        .guest = "measure_dirty_log",
        .test = "phases",
        .axes = dirty_log_axes(),
        .measured = dirty_log_measurements(),
        .derived = dirty_log_columns(),
        .shows_distributions = false,
        .adds_up = {"written", "missing", "unwritten", "left_over", "ring_full"},
        .shows_failed = true,
        .operation = "pass over the memory",
        .configure = dirty_log_configure,
        .conditions = {{"--initially-set", logs_by<DirtyLogKind::bitmap>,
                        "--initially-set: rings begin empty; it is for --log bitmap"},
                       {"--ring-entries", logs_by<DirtyLogKind::ring>,
                        "--ring-entries: a bitmap has none; it is for --log ring"}},
    };
}

}  // namespace nestbed::vmm
