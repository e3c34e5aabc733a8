#include "vmm/run/test_in_vm.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "vmm/base/archive.hpp"
#include "vmm/base/error.hpp"
#include "vmm/channel/record_decoder.hpp"
#include "vmm/channel/record_reader.hpp"
#include "vmm/diagnose/diagnosis.hpp"
#include "vmm/pc/cpu_model.hpp"
#include "vmm/pc/pc.hpp"
#include "vmm/result/judge.hpp"
#include "vmm/result/test_result_bytes.hpp"
#include "vmm/run/needed_machine.hpp"
#include "vmm/run/serial_log.hpp"

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
constexpr char of_serial_line = 's';

/// Beside the guest's memory: records, what they say, and what a diagnosis makes of the guest's
/// file.
constexpr std::uint64_t memory_of_its_own = 512U << 20;
/// A diagnosis of 64 vCPUs has some hundred kilobytes.
constexpr std::size_t most_diagnosis_bytes = 4 << 20;
/// What an inspection adds, of measurements and to each of them.
constexpr std::size_t most_of_an_inspection = 100;

/// Beside the vCPUs': of host operations and services.
constexpr std::uint32_t other_threads = 4;

void confine(const kvm::System& system, std::uint32_t cpus, const TestSettings& settings) {
    ::close(system.descriptor());  // no other VM is made
    if (settings.confinement.sandbox == Sandbox::off) {
        return;
    }
    confine_process(find_sandbox_parts(),
                    {.memory = memory_of_its_own + settings.memory_of_inspection,
                     .threads = cpus + other_threads});
}

void send_diagnosis(const Diagnosis& diagnosis, const Send& send) {
    ArchiveWriter writer;
    writer(diagnosis);
    send(of_diagnosis + writer.take());
}

/// What an honest process keeps to, one that is in a guest's hands might not.
void refuse_more_than_is_read(const TestResult& said) {
    constexpr std::size_t most_counts = 1'000;
    constexpr std::size_t most_text = 1 << 20;
    const bool is_possible =
        said.log.size() <= 2 * most_log_lines &&
        said.sub_results.all.size() <= 2 * most_log_lines &&
        said.failures.size() <= 2 * most_failures &&
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

void send_result(const TestResult& result, const Outcome& outcome, const Send& send,
                 const std::function<Diagnosis(DebugInformation)>& diagnosis) {
    const bool is_to_be_diagnosed = outcome.ending != Ending::finished;
    send((is_to_be_diagnosed ? of_result_to_be_diagnosed : of_result) + bytes_of(result));
    if (is_to_be_diagnosed) {
        for (const auto use : {DebugInformation::leave_out, DebugInformation::use}) {
            send_diagnosis(diagnosis(use), send);
        }
    }
}

/// Sends the result and what belongs to it.
void run(TestResult& result, const kvm::System& system, const Guest& guest, const GuestTest& test,
         const MachineSettings& wanted, const TestSettings& settings, const Send& send) {
    const std::stop_token never;  // whoever does not want this any more kills the process
    Machine machine(system, guest, test, wanted);
    result.tsc_khz = machine.tsc_khz();
    RecordReader records(machine);
    confine(system, wanted.cpus, settings);
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
    send_result(result, outcome, send, [&](DebugInformation use) {
        return diagnose(stopped(machine, guest), outcome, {result.log, result.log_left_out}, use);
    });
}

void run_pc(TestResult& result, const kvm::System& system, const MultibootImage& image,
            const PcSettings& settings_of_pc, const GuestTest& test, const TestSettings& settings,
            const Send& send) {
    const std::stop_token never;  // as above
    SerialLog log;
    log.add_lines(test.warnings);
    log.add_lines(cpu_warnings(settings_of_pc.cpu, system.supported_cpuid()));
    Pc pc(system, image, settings_of_pc, settings.backing, [&](std::string_view piece) {
        log.add(piece);
        if (settings.serial) {
            send(of_serial_line + std::string(piece));
        }
    });
    result.tsc_khz = pc.tsc_khz();
    confine(system, settings_of_pc.cpus, settings);
    const Outcome outcome = pc.run(settings.placement, timeout_of(test, settings), never);
    log.move_to(result);
    result.exit_value = pc.exit_value();
    judge_exit(result, outcome);
    send_result(result, outcome, send, [&](DebugInformation use) {
        return diagnose({pc.memory(), pc.vcpus(), image.file()}, outcome,
                        {result.log, result.log_left_out, "serial line"}, use);
    });
}

/// An error of `run`, which sends what it has, becomes the result.
void send_error_as_result(TestResult& result, const Send& send,
                          const std::function<void(const Send&)>& run) {
    bool is_sent = false;
    try {
        run([&](const std::string& message) {
            is_sent = is_sent || message.front() != of_serial_line;
            send(message);
        });
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

}  // namespace

void run_in_vm(TestResult result, const kvm::System& system, const Guest& guest,
               const GuestTest& test, const MachineSettings& machine, const TestSettings& settings,
               const Send& send) {
    send_error_as_result(result, send, [&](const Send& send_and_know) {
        run(result, system, guest, test, machine, settings, send_and_know);
    });
}

void run_in_pc(TestResult result, const kvm::System& system, const MultibootImage& image,
               const PcSettings& pc, const GuestTest& test, const TestSettings& settings,
               const Send& send) {
    send_error_as_result(result, send, [&](const Send& send_and_know) {
        run_pc(result, system, image, pc, test, settings, send_and_know);
    });
}

Heard ReceivedResult::take(const std::string& message) {
    const char kind = message.empty() ? '\0' : message.front();
    const std::string_view bytes = std::string_view(message).substr(message.empty() ? 0 : 1);
    if (kind == of_serial_line && bytes.size() <= SerialPort::most_of_a_piece) {
        if (serial_) {
            serial_(bytes);
        }
        return Heard::word;
    }
    try {
        if (kind == of_diagnosis && owed_diagnoses_ != 0 && bytes.size() <= most_diagnosis_bytes) {
            Diagnosis diagnosis;
            ArchiveReader reader(bytes);
            reader(diagnosis);
            result_.reason = std::move(diagnosis.summary);
            result_.diagnosis = std::move(diagnosis.report);
            result_.brief_diagnosis = std::move(diagnosis.brief);
            --owed_diagnoses_;
            return Heard::step;
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
            return Heard::step;
        }
    } catch (const Error&) {
        // The same in one line, below.
    }
    throw_error(ErrorKind::ours, "the process of a VM has sent something that is no result");
}

}  // namespace nestbed::vmm
