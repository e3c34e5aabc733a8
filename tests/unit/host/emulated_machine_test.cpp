#include "vmm/host/emulated_machine.hpp"

#include <gmock/gmock.h>

#include "vmm/base/error.hpp"
#include "vmm/result/trust.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

EmulatedMachine machine() {
    return {.emulator = "QEMU 7.2.22",
            .cpu_model = "EPYC",
            .kernel_package = "linux-image-6.1 6.1.0-1",
            .package_checksum = "12ab",
            .kernel_checksum = "34cd",
            .retries = 1};
}

TEST(EmulatedMachine, ComesBack) {
    const EmulatedMachine read = emulated_machine_from(text_of(machine()));
    EXPECT_EQ(read.emulator, "QEMU 7.2.22");
    EXPECT_EQ(read.cpu_model, "EPYC");
    EXPECT_EQ(read.kernel_package, "linux-image-6.1 6.1.0-1");
    EXPECT_EQ(read.package_checksum, "12ab");
    EXPECT_EQ(read.kernel_checksum, "34cd");
    EXPECT_EQ(read.retries, 1U);
}

TEST(EmulatedMachine, MayHaveACpuModelThatIsNoUtf8) {
    EmulatedMachine odd = machine();
    odd.cpu_model = "max\xFF";
    EXPECT_EQ(emulated_machine_from(text_of(odd)).cpu_model, "max\xEF\xBF\xBD");
}

TEST(EmulatedMachine, RefusesWhatIsNone) {
    for (const char* text : {"", "QEMU", "{}", "[]", "null", R"({"emulator": "QEMU"})"}) {
        try {
            emulated_machine_from(text);
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            EXPECT_THAT(error.what(), StartsWith("/nestbed/machine.json: "));
        }
    }
}

TEST(EmulatedMachine, RefusesOneThatIsCutOff) {
    const std::string text = text_of(machine());
    for (std::size_t size = 0; size + 1 < text.size(); ++size) {
        EXPECT_THROW(emulated_machine_from(std::string_view(text).substr(0, size)), Error) << size;
    }
}

TEST(EmulatedMachine, ThisIsNone) { EXPECT_FALSE(this_emulated_machine()); }

TEST(EmulatedMachine, ItsTimingsAreRough) {
    HostDescription host;
    host.paging = "npt";
    host.cores = 16;
    host.tsc = {.constant = true, .nonstop = true, .known_frequency = true, .clocksource = "tsc"};
    ASSERT_EQ(judge_timings(host, std::nullopt).level, TrustLevel::good);
    host.emulated = machine();
    const Trust trust = judge_timings(host, std::nullopt);
    EXPECT_EQ(trust.level, TrustLevel::rough);
    EXPECT_THAT(trust.remarks, ElementsAre(HasSubstr("emulated in software, by QEMU 7.2.22")));
}

}  // namespace
}  // namespace nestbed::vmm
