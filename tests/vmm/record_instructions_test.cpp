// What a record costs its guest: instructions, counted by stepping through them, and no exit.

#include <linux/kvm.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "shared/channel/ports.hpp"
#include "tests/vmm/kvm_test.hpp"
#include "vmm/machine/machine.hpp"

namespace nestbed::vmm {
namespace {

using test::GuestAndTest;

/// One port write after which the guest of this test does something, up to the next one.
struct Step {
    std::uint64_t instructions;  ///< that KVM stopped behind
    bool doorbell;               ///< whether the guest rang in between
};

class RecordInstructionsTest : public test::KvmTest {
  protected:
    void SetUp() override {
        test::KvmTest::SetUp();
        if (!IsSkipped() && system().extension(KVM_CAP_SET_GUEST_DEBUG) == 0) {
            GTEST_SKIP() << "NOT TESTED, KVM cannot single-step a guest here";
        }
    }

    /// Runs the guest from its first write to `port::nothing` on, instruction by instruction; what
    /// it did between each two of them.
    std::vector<Step> steps_of(const char* test_name) {
        const GuestAndTest chosen("channel", test_name);
        MachineSettings settings;
        settings.memory = 64 << 20;
        settings.ring_records = 8;
        Machine machine(system(), chosen.guest, chosen.test, settings);
        kvm::Vcpu& vcpu = machine.vcpu(0);
        std::vector<Step> steps;
        std::optional<Step> step;
        for (;;) {
            const int error = vcpu.run();
            const kvm_run& run = vcpu.run_page();
            if (error == 0 && run.exit_reason == KVM_EXIT_DEBUG && step) {
                ++step->instructions;
            } else if (error == 0 && run.exit_reason == KVM_EXIT_IO) {
                switch (run.io.port) {
                    case channel::port::nothing:
                        if (step) {
                            steps.push_back(*step);
                        } else {
                            vcpu.set_single_step(true);
                        }
                        step = Step{};
                        break;
                    case channel::port::doorbell:
                        step->doorbell = true;
                        break;
                    default:
                        EXPECT_EQ(run.io.port, channel::port::finish);
                        return steps;
                }
            } else if (error != EINTR) {
                ADD_FAILURE() << "KVM_RUN: errno " << error << ", exit " << run.exit_reason;
                return steps;
            }
        }
    }
};

TEST_F(RecordInstructionsTest, AreThirtyAtMost) {
    const std::vector<Step> steps = steps_of("records_between_port_writes");
    ASSERT_EQ(steps.size(), 5U);
    const std::uint64_t nothing = steps[0].instructions;
    EXPECT_EQ(steps[1].instructions - nothing, 7U) << "known: seven instructions";
    const char* const records[] = {"no argument", "one argument", "four arguments"};
    for (std::size_t n = 0; n < std::size(records); ++n) {
        const Step& step = steps[2 + n];
        EXPECT_LE(step.instructions - nothing, 30U) << records[n];
        EXPECT_FALSE(step.doorbell) << records[n];
        RecordProperty(records[n], std::to_string(step.instructions - nothing));
    }
}

}  // namespace
}  // namespace nestbed::vmm
