// What the process of a test's VM does, and what of it the process that waits for it believes.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "vmm/kvm/system.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/result/test_result.hpp"
#include "vmm/run/test_settings.hpp"
#include "vmm/run/vm_process_messages.hpp"

namespace nestbed::vmm {

/// Sends a message to ReceivedResult.
using Send = std::function<void(const std::string&)>;

/// Runs `test` in a VM of this process, which is confined, and `send`s messages for
/// ReceivedResult: the result, and of a guest that died what it died of, first without the debug
/// information of its file, which may be anything, and then with it. `result` is what is known of
/// it before. Throws nothing that is not in the result.
void run_in_vm(TestResult result, const kvm::System& system, const Guest& guest,
               const GuestTest& test, const MachineSettings& machine, const TestSettings& settings,
               const Send& send);

/// The same, of a guest that is not ours. What it writes to its serial line is sent as it comes, if
/// somebody listens to it.
void run_in_pc(TestResult result, const kvm::System& system, const MultibootImage& image,
               const PcSettings& pc, const GuestTest& test, const TestSettings& settings,
               const Send& send);

/// The other end.
class ReceivedResult {
  public:
    /// `known` is what is known of the result here, and nobody else can change. `serial` is called
    /// with what comes from a serial line.
    explicit ReceivedResult(TestResult known, std::function<void(std::string_view)> serial = {})
        : result_(std::move(known)), serial_(std::move(serial)) {}

    /// Throws Error(ours) for what neither of the two sends.
    Heard take(const std::string& message);

    /// The guest's part is there.
    bool is_there() const { return is_there_; }
    /// It owes a diagnosis that has come only without debug information, or not at all.
    bool lacks_debug_information() const { return owed_diagnoses_ != 0; }

    TestResult& result() { return result_; }

  private:
    TestResult result_;
    std::function<void(std::string_view)> serial_;
    bool is_there_ = false;
    int owed_diagnoses_ = 0;
};

}  // namespace nestbed::vmm
