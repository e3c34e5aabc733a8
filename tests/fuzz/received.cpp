// What the process of a test's VM sends, which may be in a guest's hands: taken for a result, and
// shown, or refused. An input is what is changed of a good message, or messages of its own.

#include <nlohmann/json.hpp>

#include "tests/fuzz/target.hpp"
#include "tests/unit/result/samples.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/json_text.hpp"
#include "vmm/pc/serial_port.hpp"
#include "vmm/render/json_measurement.hpp"
#include "vmm/render/json_test_result.hpp"
#include "vmm/result/test_result_bytes.hpp"
#include "vmm/run/test_in_vm.hpp"

namespace nestbed {
namespace {

std::string good_result() {
    vmm::TestResult result = vmm::test::flaky("suite", "name");
    stats::Histogram histogram;
    histogram.record(70);
    result.measurements.push_back({.name = "chase",
                                   .unit = "cycles",
                                   .parameters = {{"pages", std::uint64_t{16}, true}},
                                   .histogram = histogram,
                                   .counted = true,
                                   .proof = channel::Proof{7, 1}});
    result.asked_for = {"rounds", "seed"};
    result.error.emplace(vmm::ErrorKind::host_lacks, "no KVM");
    result.kvm_counts = {3, 4, {{"exits", 1.5}}, ""};
    result.exit_value = 1;
    result.sub_results.all = {{vmm::SubResult::Kind::fail, "a check"}};
    result.sub_results.counts.of = {2, 1};
    result.sub_results.left_out = 2;
    return vmm::bytes_of(result);
}

void show(const vmm::TestResult& result) {
    static_cast<void>(vmm::json_file_text(vmm::json_of(result)));
    for (const vmm::MeasurementEvent& event : result.measurements) {
        static_cast<void>(vmm::json_file_text(vmm::json_of(result, event)));
    }
}

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(received) {
    using namespace nestbed;
    static const std::string good = good_result();
    fuzz::Choices choices(input);
    std::string bytes;
    if (choices.flag()) {
        bytes = fuzz::text_of(choices.rest());
    } else {
        bytes = good;
        while (!choices.none_left()) {
            const std::size_t at = choices.value<std::uint16_t>() % bytes.size();
            bytes[at] = static_cast<char>(choices.byte());
        }
    }
    try {
        const vmm::TestResult result = vmm::test_result_of(bytes);
        const std::string again = vmm::bytes_of(result);
        // But for a set, whose elements may have come in another order, or twice.
        fuzz::require(vmm::bytes_of(vmm::test_result_of(again)) == again,
                      "a result that was taken is one");
        show(result);
    } catch (const vmm::Error&) {
        // It is none.
    }
    std::string serial;
    vmm::ReceivedResult received{vmm::TestResult{},
                                 [&](std::string_view piece) { serial += piece; }};
    for (const char* kind : {"d", "s", "R", "d", "s", ""}) {
        try {
            const vmm::Heard heard = received.take(kind + bytes);
            // Words do not end a wait for something.
            fuzz::require(heard == vmm::Heard::step || *kind == 's' || *kind == '\0',
                          "what is no serial line is a step");
            fuzz::require(heard == vmm::Heard::word || *kind != 's', "a serial line is a word");
        } catch (const vmm::Error& error) {
            fuzz::require(error.kind() == vmm::ErrorKind::ours, "a lie is an error of ours");
        }
    }
    const bool is_piece = bytes.size() <= vmm::SerialPort::most_of_a_piece;
    // The empty kind makes another one of the bytes' first.
    fuzz::require(is_piece ? serial.starts_with(bytes + bytes)
                           : serial.size() <= vmm::SerialPort::most_of_a_piece,
                  "a serial line is as it was sent, and no longer than it can be");
}
