// The program where it may not open /dev/kvm.

#include <gmock/gmock.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli_test.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

std::string contents_of(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

/// Gives up root, which may open any /dev/kvm.
void become_nobody() {
    constexpr unsigned nobody = 65534;
    if (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0 ||
        ::setresuid(nobody, nobody, nobody) != 0) {
        ::_exit(126);
    }
}

/// True if a user without rights has no KVM here, which is what the next tests need.
bool nobody_has_no_kvm() {
    struct stat status {};
    return ::geteuid() == 0 &&
           (::stat("/dev/kvm", &status) != 0 || (status.st_mode & S_IRWXO) == 0);
}

TEST(WithoutKvm, DoctorSaysWhyAndWhatWouldHelp) {
    if (!nobody_has_no_kvm()) {
        GTEST_SKIP() << "needs root, to give it up, and a /dev/kvm that is not open to everybody";
    }
    const ProcessResult result = nestbed({"doctor"}, become_nobody);
    ASSERT_NE(result.exit_code, 127) << "the program is not readable for others";
    EXPECT_EQ(result.exit_code, host_lacks);
    EXPECT_THAT(result.err, StartsWith("nestbed: no "));
    EXPECT_THAT(result.out, HasSubstr("kernel"));
    const ProcessResult as_json = nestbed({"doctor", "--json"}, become_nobody);
    EXPECT_EQ(as_json.exit_code, host_lacks);
    EXPECT_THAT(json::parse(as_json.out)["host"]["kvm_problem"].get<std::string>(),
                StartsWith("no "));
}

TEST(WithoutKvm, RunAndMeasureSaySoAndNameTheEmulatedMachine) {
    if (!nobody_has_no_kvm()) {
        GTEST_SKIP() << "needs root, to give it up, and a /dev/kvm that is not open to everybody";
    }
    const std::string output = "/tmp/nestbed-without-kvm.json";
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{{"run"}, {"measure", "shootdown"}}) {
        std::vector<std::string> arguments = command;
        arguments.insert(arguments.end(), {"--format", "json", "--output", output});
        const ProcessResult result = nestbed(arguments, [&] {
            become_nobody();
            std::ofstream(output) << "old";
        });
        expect_one_line_error(result, host_lacks);
        EXPECT_THAT(result.err, HasSubstr("nestbed nested --paging npt -- "));
        EXPECT_EQ(json::parse(contents_of(output))["error"]["kind"], "host_lacks") << command[0];
    }
    const ProcessResult printed = nestbed({"run", "--format", "json"}, become_nobody);
    EXPECT_EQ(printed.exit_code, host_lacks);
    EXPECT_EQ(json::parse(printed.out)["error"]["kind"], "host_lacks");
    expect_one_line_error(nestbed({"run", "nothing"}, become_nobody), bad_input);
}

}  // namespace
}  // namespace nestbed::test
