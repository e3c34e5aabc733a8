// measure shootdown: the latency of TLB shootdowns, each with the proof that none was missed.
#include <fmt/format.h>

#include <functional>

#include "shared/channel/abi.hpp"
#include "shared/paging/invalidation.hpp"
#include "shared/shootdown/protocol_names.hpp"
#include "shared/study/shootdown_axes.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

namespace {

using shootdown::ProtocolId;
using study::FlushPrimitive;
using study::InitiatorSpaces;
using study::Routing;
using study::TargetState;

constexpr char shootdown_explanation[] =
    "CPU 0 changes the translations of PAGES pages and shoots them down; the other vCPUs, in the "
    "TARGET state, read these pages, all the time or after each shootdown. A sample is the time "
    "from the changed entries to the last acknowledgement. If a reader sees an old page after "
    "that, the combination fails. Each combination of the lists runs in a VM of its own, one at a "
    "time; one that cannot be is skipped with its reason. /bare is the median over that of a bare "
    "round trip in the same run: an IPI whose handler stores a flag, or of polled, a cache line. "
    "With several initiators there are no bare round trips, phases or counts of KVM's.";

constexpr char shootdown_examples[] =
    "  nestbed measure shootdown\n"
    "  nestbed measure shootdown --protocol all --pages 1 --target user,spin\n"
    "  nestbed measure shootdown --pages 1,2,4,8,16,32-34,64,512 --target user\n"
    "  nestbed measure shootdown --cpus 2,4-8 --routing all --samples 1000\n"
    "  nestbed measure shootdown --cpus 4 --initiators 1,2 --spaces all --protocol all\n"
    "  nestbed measure shootdown --pages 64 --flush invlpg,cr3 --threshold 512 --phases\n"
    "  nestbed measure shootdown --soak 60 --protocol all --cpus 4\n"
    "  nestbed measure shootdown --crossover\n"
    "  nestbed measure shootdown --format json --output shootdown.json\n";

std::vector<Axis> shootdown_axes() {
    return with_vm_axes(
        {name_axis<ProtocolId>("protocol", "Shootdown protocols (docs/shootdown-protocols.md)",
                               {ProtocolId::global}, Axis::shown),
         cpus_axis("vCPUs, the initiators included. More than the host has cores shows the "
                   "host's scheduler",
                   2, channel::max_cpus, {2}, Axis::shown | Axis::host_only),
         number_axis("pages", "Pages shot down at once", 1, study::max_pages_shot_down, {1, 16},
                     Axis::shown),
         name_axis<TargetState>("target", "What the others do",
                                {TargetState::user, TargetState::spin, TargetState::hlt},
                                Axis::shown),
         name_axis<Routing>("routing", "How they are interrupted", {Routing::unicast}, Axis::list),
         name_axis<FlushPrimitive>("flush", "What they invalidate with", {FlushPrimitive::invlpg},
                                   Axis::list),
         number_axis("initiators", "CPUs that shoot at the same time", 1, study::max_initiators,
                     {1}, Axis::list),
         name_axis<InitiatorSpaces>("spaces", "Their address spaces, if there are several",
                                    {InitiatorSpaces::same}, Axis::list),
         number_axis("samples", "Shootdowns of each combination", 1, 10'000'000, {100},
                     Axis::effort),
         number_axis("threshold",
                     fmt::format("More pages than this are flushed as everything; Linux has {}",
                                 paging::max_single_invalidations),
                     0, study::max_pages_shot_down, {paging::max_single_invalidations}),
         flag_axis("phases", "Time the steps of a shootdown, too (in shootdowns of their own)")});
}

constexpr char without_steal[] = "shootdown without steal";

Derived::Value over_bare(const StudyRun& run, const std::string& measured) {
    const auto over_ipi = ratio_of_medians(run.test, measured, "bare ipi round trip");
    return over_ipi ? over_ipi : ratio_of_medians(run.test, measured, "bare cache line round trip");
}

Derived over_bare_round_trip() {
    return {
        .name = "over_bare",
        .title = "/bare",
        .value = [](const StudyRun& run, const StudyRuns&) { return over_bare(run, "shootdown"); },
        .of_companion =
            [](const StudyRun& run, const std::string& companion) {
                return companion == without_steal ? over_bare(run, companion) : std::nullopt;
            },
        // With one page and one target. The one that waits for ticks has no such bar.
        .limit = [](const Point& point) -> std::optional<double> {
            const auto protocol = point.as<ProtocolId>("protocol");
            if (point["pages"] != 1 || point["cpus"] != 2 || protocol == ProtocolId::deferred) {
                return std::nullopt;
            }
            return protocol == ProtocolId::polled ? 1.3 : 1.2;
        }};
}

bool wants_hypercalls(const Point& point) {
    return point.as<Routing>("routing") == Routing::hypercall ||
           point.as<ProtocolId>("protocol") == ProtocolId::paravirtual;
}

bool has_one_initiator(const Point& point) { return point["initiators"] == 1; }

bool goes_by_page(const Point& point) {
    return study::is_by_page(point.as<FlushPrimitive>("flush"));
}

bool has_descheduled_targets(const Point& point) {
    return point.as<TargetState>("target") == TargetState::descheduled;
}

}  // namespace

Study shootdown_study() {
    return {
        .name = "shootdown",
        .summary = "The latency of TLB shootdowns, with proof that none was missed",
        .explanation = shootdown_explanation,
        .examples = shootdown_examples,
        .guest = "measure_shootdown",
        .test = "latency",
        .axes = shootdown_axes(),
        .measured = {{"shootdown"},
                     {.name = without_steal, .label = "  without steal", .is = "without steal"},
                     {.name = "initiator's part", .label = "  initiator's part", .is = "part"},
                     {.name = "bare ipi round trip", .is = "floor", .hidden = true},
                     {.name = "bare cache line round trip", .is = "floor", .hidden = true},
                     {.name = "ipi round trip with flush",
                      .is = "floor with flush",
                      .hidden = true},
                     {.name = "cache line round trip with flush",
                      .is = "floor with flush",
                      .hidden = true}},
        .derived = {over_bare_round_trip()},
        .parts = "phase",
        .adds_up = {"reads", "stale_reads", "stolen_from"},
        .operation = "shootdown",
        .configure =
            [](const Point& point, TestSettings& settings) {
                if (has_descheduled_targets(point)) {
                    settings.placement = Placement::one_cpu;
                }
            },
        .wants_hypercalls = wants_hypercalls,
        // One initiator has one space.
        .makes_sense =
            [](const Point& point) {
                return !has_one_initiator(point) ||
                       point.as<InitiatorSpaces>("spaces") == InitiatorSpaces::same;
            },
        .conditions = {{"--phases", has_one_initiator, "--phases: only with one initiator",
                        /*of_all=*/true},
                       {"--pin", std::not_fn(has_descheduled_targets),
                        "--pin, --no-pin: vCPUs that are to be descheduled share one host core",
                        /*of_all=*/true},
                       {"--threshold", goes_by_page,
                        "--threshold: only with a --flush that goes page by page"}},
    };
}

}  // namespace nestbed::vmm
