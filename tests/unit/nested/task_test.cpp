#include "vmm/nested/init.hpp"

#include <gmock/gmock.h>

#include "tests/unit/nested/failure.hpp"

namespace nestbed::vmm {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

TEST(Task, ComesBack) {
    const Task task =
        task_from(bytes_of({.modules = {"/nestbed/kvm.ko", "/nestbed/kvm_amd.ko"},
                            .module_parameters = "npt=1 avic=0",
                            .expected_parameter = {"/sys/npt", "Y"},
                            .command = {"/nestbed/nestbed", "run", ""},
                            .directory = "/home/somebody",
                            .environment = {"NAME=a=b", "EMPTY="},
                            .outputs = {"/home/somebody/report.json", "/tmp/report.xml"}}));
    EXPECT_THAT(task.modules, ElementsAre("/nestbed/kvm.ko", "/nestbed/kvm_amd.ko"));
    EXPECT_EQ(task.module_parameters, "npt=1 avic=0");
    EXPECT_EQ(task.expected_parameter.path, "/sys/npt");
    EXPECT_EQ(task.expected_parameter.value, "Y");
    EXPECT_THAT(task.command, ElementsAre("/nestbed/nestbed", "run", ""));
    EXPECT_EQ(task.directory, "/home/somebody");
    EXPECT_THAT(task.environment, ElementsAre("NAME=a=b", "EMPTY="));
    EXPECT_THAT(task.outputs, ElementsAre("/home/somebody/report.json", "/tmp/report.xml"));
}

TEST(Task, AnEmptyOneComesBack) {
    const Task task = task_from(bytes_of({}));
    EXPECT_THAT(task.modules, IsEmpty());
    EXPECT_THAT(task.command, IsEmpty());
    EXPECT_EQ(task.directory, "");
    EXPECT_THAT(task.outputs, IsEmpty());
}

TEST(Task, MayHoldBytesThatAreNoUtf8) {
    const std::string bytes = "\xFF\xC3/\x80\n\0"s;
    const Task task = task_from(bytes_of({.modules = {bytes},
                                          .module_parameters = bytes,
                                          .command = {bytes},
                                          .directory = bytes,
                                          .environment = {bytes},
                                          .outputs = {bytes}}));
    EXPECT_THAT(task.modules, ElementsAre(bytes));
    EXPECT_EQ(task.module_parameters, bytes);
    EXPECT_THAT(task.command, ElementsAre(bytes));
    EXPECT_EQ(task.directory, bytes);
    EXPECT_THAT(task.environment, ElementsAre(bytes));
    EXPECT_THAT(task.outputs, ElementsAre(bytes));
}

TEST(Task, RefusesWhatIsNone) {
    for (const std::string& bytes : {
             ""s,              // nothing
             "{}"s,            // JSON
             "\xFF\xFF\xFF"s,  // no CBOR
             "\xA0"s,          // CBOR of {}
             "\x80"s,          // of []
             "\x01"s,          // of 1
         }) {
        EXPECT_THAT(test::failure_of([&] { task_from(bytes); }, ErrorKind::input),
                    StartsWith("/nestbed/task.cbor: "))
            << testing::PrintToString(bytes);
    }
}

TEST(Task, RefusesOneThatIsCutOffOrTooLong) {
    const std::string bytes = bytes_of({.modules = {"/nestbed/kvm.ko"},
                                        .command = {"/nestbed/nestbed", "run"},
                                        .directory = "/",
                                        .outputs = {"/tmp/report.xml"}});
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_THROW(task_from(std::string_view(bytes).substr(0, size)), Error) << size;
    }
    EXPECT_THROW(task_from(bytes + '\0'), Error);
}

}  // namespace
}  // namespace nestbed::vmm
