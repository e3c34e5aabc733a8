// What a record costs its guest: instructions, counted by stepping through them, and no exit.

#include <linux/kvm.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "shared/channel/ports.hpp"
#include "tests/vmm/kvm_test.hpp"
#include "vmm/channel/record_reader.hpp"
#include "vmm/platform/machine.hpp"

namespace nestbed::vmm {
namespace {

using test::GuestAndTest;

/// One port write after which the guest of this test does something, up to the next one.
struct Step {
    std::uint64_t instructions;  ///< that KVM stopped behind
    bool doorbell;               ///< whether the guest rang in between
};

MachineSettings machine_settings() {
    MachineSettings settings;
    settings.memory = 64 << 20;
    settings.ring_records = 8;
    return settings;
}

class RecordInstructionsTest : public test::KvmTest {
  protected:
    void SetUp() override {
        test::KvmTest::SetUp();
        if (!IsSkipped() && system().extension(KVM_CAP_SET_GUEST_DEBUG) == 0) {
            GTEST_SKIP() << "NOT TESTED, KVM cannot single-step a guest here";
        }
    }

    /// Runs the guest to its end, from its first write to `port::nothing` on instruction by
    /// instruction, after each of which `stopped` is called; what it did between each two such
    /// writes.
    static std::vector<Step> steps_of(Machine& machine,
                                      const std::function<void(kvm::Vcpu&)>& stopped) {
        kvm::Vcpu& vcpu = machine.vcpu(0);
        std::vector<Step> steps;
        std::optional<Step> step;
        for (;;) {
            const int error = vcpu.run();
            const kvm_run& run = vcpu.run_page();
            if (error == 0 && run.exit_reason == KVM_EXIT_DEBUG && step) {
                ++step->instructions;
                stopped(vcpu);
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
                        ended_at_ = run.io.port;
                        return steps;
                }
            } else if (error != EINTR) {
                ADD_FAILURE() << "KVM_RUN: errno " << error << ", exit " << run.exit_reason;
                return steps;
            }
        }
    }

    /// The port that ended the guest.
    static inline std::uint16_t ended_at_ = 0;
};

TEST_F(RecordInstructionsTest, AreThirtyAtMost) {
    const GuestAndTest chosen("channel", "records_between_port_writes");
    Machine machine(system(), chosen.guest, chosen.test, machine_settings());
    const std::vector<Step> steps = steps_of(machine, [](kvm::Vcpu&) {});
    EXPECT_EQ(ended_at_, channel::port::finish);
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

// An NMI handler must not write a record. One that does so between two records does no harm; one
// that does so inside of one is caught; and none ever loses a record without that.

TEST_F(RecordInstructionsTest, AnNmiAnywhereLosesNoRecord) {
    const GuestAndTest chosen("channel", "a_record_and_an_nmi");
    std::uint64_t caught = 0;
    std::uint64_t whole = 0;
    for (std::uint64_t nmi_after = 1; nmi_after <= 30; ++nmi_after) {
        Machine machine(system(), chosen.guest, chosen.test, machine_settings());
        RecordReader records(machine);
        std::uint64_t instructions = 0;
        steps_of(machine, [&](kvm::Vcpu& vcpu) {
            if (++instructions == nmi_after) {
                vcpu.set_single_step(false);
                vcpu.send_nmi();
            }
        });
        const GuestRecords said = records.finish();
        EXPECT_THAT(said.violations, testing::IsEmpty()) << nmi_after;
        if (ended_at_ == channel::port::panic) {
            ++caught;
        } else {
            EXPECT_EQ(said.count, 3U) << "an NMI after " << nmi_after << " instructions";
            ++whole;
        }
    }
    EXPECT_GT(caught, 0U);
    EXPECT_GT(whole, 0U);
}

}  // namespace
}  // namespace nestbed::vmm
