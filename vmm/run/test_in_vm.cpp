#include "vmm/run/test_in_vm.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "vmm/base/archive.hpp"
#include "vmm/base/error.hpp"
#include "vmm/channel/record_decoder.hpp"
#include "vmm/channel/record_reader.hpp"
#include "vmm/diagnose/diagnosis.hpp"
#include "vmm/result/judge.hpp"
#include "vmm/result/test_result_bytes.hpp"
#include "vmm/run/needed_machine.hpp"

namespace nestbed::vmm {

template <typename Archive, ArchivedAs<Diagnosis> Value>
void archive_fields(Archive& archive, Value& diagnosis) {
    archive(diagnosis.summary, diagnosis.report, diagnosis.brief);
}

namespace {

// What a message begins with.
constexpr char of_result = 'r';
constexpr char of_result_to_be_diagnosed = 'R';
constexpr char of_diagnosis = 'd';

/// Beside the guest's memory: records, what they say, and what a diagnosis makes of the guest's
/// file.
constexpr std::uint64_t memory_of_its_own = 512U << 20;
/// A diagnosis of 64 vCPUs has some hundred kilobytes.
constexpr std::size_t most_diagnosis_bytes = 4 << 20;
/// What an inspection adds, of measurements and to each of them.
constexpr std::size_t most_of_an_inspection = 100;

/// Beside the vCPUs': of host operations and services.
constexpr std::uint32_t other_threads = 4;

void confine(const kvm::System& system, const MachineSettings& machine,
             const TestSettings& settings) {
    ::close(system.descriptor());  // no other VM is made
    if (settings.confinement.sandbox == Sandbox::off) {
        return;
    }
    confine_process(find_sandbox_parts(),
                    {.memory = memory_of_its_own + settings.memory_of_inspection,
                     .threads = machine.cpus + other_threads});
}

void send_diagnosis(const Diagnosis& diagnosis,
                    const std::function<void(const std::string&)>& send) {
    ArchiveWriter writer;
    writer(diagnosis);
    send(of_diagnosis + writer.take());
}

/// What an honest process keeps to, one that is in a guest's hands might not.
void refuse_more_than_is_read(const TestResult& said) {
    constexpr std::size_t most_counts = 1'000;
    constexpr std::size_t most_text = 1 << 20;
    const bool is_possible =
        said.log.size() <= 2 * most_log_lines && said.failures.size() <= 2 * most_failures &&
        said.measurements.size() <= most_measurements + most_of_an_inspection &&
        said.kvm_counts.counts.size() <= most_counts && said.reason.size() <= most_text &&
        said.failed_attempts.empty() && said.inputs.empty() &&
        std::ranges::all_of(said.measurements, [](const MeasurementEvent& event) {
            // One more: the violations of a proof.
            return event.parameters.size() <=
                       channel::max_measurement_parameters + 1 + most_of_an_inspection &&
                   event.is.empty() && event.of.empty() && event.warnings.empty();
        });
    if (!is_possible) {
        throw_error(ErrorKind::input, "more than a result has");
    }
}

/// Sends the result and what belongs to it.
void run(TestResult& result, const kvm::System& system, const Guest& guest, const GuestTest& test,
         const MachineSettings& wanted, const TestSettings& settings,
         const std::function<void(const std::string&)>& send) {
    const std::stop_token never;  // whoever does not want this any more kills the process
    Machine machine(system, guest, test, wanted);
    result.tsc_khz = machine.tsc_khz();
    RecordReader records(machine);
    confine(system, wanted, settings);
    const Outcome outcome = machine.run([&](std::uint32_t cpu) { records.drain(cpu); },
                                        timeout_of(test, settings), never);
    static_cast<GuestRecords&>(result) = records.finish();
    judge(result, outcome, {settings.expected, test.needs.proof != 0});
    result.kvm_counts = machine.kvm_counts();
    if (settings.memory_report) {
        result.memory = machine.memory_report();
    }
    if (settings.inspect && result.verdict == Verdict::passed) {
        settings.inspect(machine, result, never);
    }
    const bool is_to_be_diagnosed = outcome.ending != Ending::finished;
    send((is_to_be_diagnosed ? of_result_to_be_diagnosed : of_result) + bytes_of(result));
    if (is_to_be_diagnosed) {
        for (const auto use : {DebugInformation::leave_out, DebugInformation::use}) {
            send_diagnosis(
                diagnose(stopped(machine, guest), outcome, {result.log, result.log_left_out}, use),
                send);
        }
    }
}

}  // namespace

void run_in_vm(TestResult result, const kvm::System& system, const Guest& guest,
               const GuestTest& test, const MachineSettings& machine, const TestSettings& settings,
               const std::function<void(const std::string&)>& send) {
    bool is_sent = false;
    const auto send_and_know = [&](const std::string& message) {
        is_sent = true;
        send(message);
    };
    try {
        run(result, system, guest, test, machine, settings, send_and_know);
    } catch (...) {
        if (is_sent) {
            throw;  // what is known is there; this is a death
        }
        result.error = current_error();
        result.verdict = Verdict::failed;
        result.reason = result.error->what();
        send(of_result + bytes_of(result));
    }
}

void ReceivedResult::take(const std::string& message) {
    const char kind = message.empty() ? '\0' : message.front();
    const std::string_view bytes = std::string_view(message).substr(message.empty() ? 0 : 1);
    try {
        if (kind == of_diagnosis && owed_diagnoses_ != 0 && bytes.size() <= most_diagnosis_bytes) {
            Diagnosis diagnosis;
            ArchiveReader reader(bytes);
            reader(diagnosis);
            result_.reason = std::move(diagnosis.summary);
            result_.diagnosis = std::move(diagnosis.report);
            result_.brief_diagnosis = std::move(diagnosis.brief);
            --owed_diagnoses_;
            return;
        }
        if ((kind == of_result || kind == of_result_to_be_diagnosed) && !is_there_) {
            TestResult said = test_result_of(bytes);
            refuse_more_than_is_read(said);
            static_cast<Attempt&>(result_) = std::move(static_cast<Attempt&>(said));
            result_.verdict = said.verdict;
            result_.tsc_khz = said.tsc_khz;
            result_.memory = std::move(said.memory);
            result_.kvm_counts = std::move(said.kvm_counts);
            is_there_ = true;
            owed_diagnoses_ = kind == of_result ? 0 : 2;
            return;
        }
    } catch (const Error&) {
        // The same in one line, below.
    }
    throw_error(ErrorKind::ours, "the process of a VM has sent something that is no result");
}

}  // namespace nestbed::vmm
