// What a run of guest tests found: the data that every output format shows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vmm/base/error.hpp"
#include "vmm/channel/guest_records.hpp"
#include "vmm/memory/memory_report.hpp"
#include "vmm/result/sub_result.hpp"
#include "vmm/services/region_counter.hpp"

namespace nestbed::vmm {

enum class Verdict { passed, failed, skipped };

constexpr const char* verdict_name(Verdict verdict) {
    return verdict == Verdict::passed   ? "passed"
           : verdict == Verdict::failed ? "failed"
                                        : "skipped";
}

/// Throws Error(input) if there is none of that name.
inline Verdict verdict_named(std::string_view name) {
    for (const Verdict verdict : {Verdict::passed, Verdict::failed, Verdict::skipped}) {
        if (name == verdict_name(verdict)) {
            return verdict;
        }
    }
    throw_error(ErrorKind::input, "there is no verdict {}", name);
}

/// What came of running a test once.
struct Attempt : GuestRecords {
    std::string reason;  ///< why it was skipped or has failed
    /// Why it could not be run, or not to its end: it has failed, and its guest is not to blame.
    std::optional<Error> error;
    double seconds = 0;
    /// What the VMM saw when the guest did not end by itself: several lines, empty if it did.
    std::string diagnosis;
    std::string brief_diagnosis;  ///< of it what tells most; empty of a result that was read back
    SubResults sub_results;       ///< of a guest that is not ours
    std::optional<std::uint32_t> exit_value;  ///< that it ended its run with, if it did (DebugExit)
};

struct TestResult : Attempt {
    std::string suite;
    std::string name;
    std::string file;
    std::uint64_t line = 0;
    std::uint32_t cpus = 0;
    std::uint32_t host_cpus = 0;   ///< that its vCPUs could run on
    std::uint64_t tsc_khz = 0;     ///< of its VM, to turn cycles into time; 0 if KVM does not say
    std::uint64_t repetition = 1;  ///< counts from 1 (--repeat)
    std::vector<std::pair<std::string, std::uint64_t>> parameters;  ///< given from outside (--set)
    Verdict verdict = Verdict::failed;
    double timeout = 0;                        ///< seconds that it had
    double slow_after = 0;                     ///< seconds after which it is called slow
    std::vector<Attempt> failed_attempts;      ///< before this one (retries.hpp), the first first
    std::optional<MemoryReport> memory;        ///< if it was asked for
    std::string study;                         ///< whose description it was run by, if it was
    std::string point;                         ///< of the study's, in words
    std::string point_id;                      ///< the same on every host (Point::id)
    std::vector<MeasurementParameter> inputs;  ///< the study's axes, and their values here
    KvmCounts kvm_counts;                      ///< over the regions that the guest marked
    bool interrupted = false;        ///< by Ctrl-C: there is no verdict, and no report counts it
    bool retry_interrupted = false;  ///< it has failed, and might have passed

    std::string full_name() const { return suite + "." + name; }
    /// A failure has been seen, and then it passed.
    bool is_flaky() const { return verdict == Verdict::passed && !failed_attempts.empty(); }
    /// It failed, and failed when it was run again.
    bool has_failed_again() const { return verdict == Verdict::failed && !failed_attempts.empty(); }
    bool is_slow() const {
        return verdict == Verdict::passed && slow_after != 0 && seconds > slow_after;
    }
};

struct Summary {
    std::uint64_t passed = 0;
    std::uint64_t failed = 0;
    std::uint64_t skipped = 0;
    std::uint64_t flaky = 0;  ///< of those that passed

    void add(Verdict verdict) {
        ++(verdict == Verdict::passed ? passed : verdict == Verdict::skipped ? skipped : failed);
    }
    void add(const Summary& other) {
        passed += other.passed;
        failed += other.failed;
        skipped += other.skipped;
        flaky += other.flaky;
    }
    std::uint64_t total() const { return passed + failed + skipped; }
};

}  // namespace nestbed::vmm
