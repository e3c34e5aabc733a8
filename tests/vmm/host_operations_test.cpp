// What a guest may ask of the host (channel::HostOperation), and what it may not: no request
// reaches beyond the test memory.

#include "vmm/machine/host_operations.hpp"

#include "kvm_test.hpp"
#include "vmm/machine/backing.hpp"

namespace nestbed::vmm {
namespace {

using channel::HostOperation;
using channel::HostOperationId;
using testing::HasSubstr;

constexpr std::uint64_t request_at = 0x1000;
constexpr std::uint64_t pages_of_all = 512;

class HostOperationsTest : public test::KvmTest {
  protected:
    void SetUp() override {
        test::KvmTest::SetUp();
        if (!IsSkipped()) {
            vm_.emplace(system().create_vm());
            test_memory_.emplace(*vm_, 0, pages_of_all * 4096, BackingSettings{});
        }
    }

    /// What is wrong with the request; empty if nothing is.
    std::string ask(const HostOperation& request) { return ask(request, &*test_memory_); }

    std::string ask(const HostOperation& request, TestMemory* test_memory) {
        EXPECT_TRUE(memory_.write(request_at, request));
        HostOperations operations(memory_, request_at, test_memory);
        return operations.carry_out().value_or("");
    }

    HostOperation answer() const { return *memory_.read<HostOperation>(request_at); }

  private:
    GuestMemory memory_{map_backing(BackingSettings{}, 2 << 20)};
    std::optional<kvm::Vm> vm_;
    std::optional<TestMemory> test_memory_;
};

HostOperation populate(std::uint64_t first_page, std::uint64_t pages) {
    return {.id = HostOperationId::populate, .first_page = first_page, .pages = pages};
}

TEST_F(HostOperationsTest, AnUnknownOperationIsRefused) {
    EXPECT_THAT(ask({.id = HostOperationId{0}}), HasSubstr("there is no operation 0"));
    EXPECT_THAT(ask({.id = HostOperationId{77}}), HasSubstr("there is no operation 77"));
}

TEST_F(HostOperationsTest, WithoutTestMemoryThereIsNothingToOperateOn) {
    EXPECT_THAT(ask(populate(0, 1), nullptr), HasSubstr("no test memory"));
}

TEST_F(HostOperationsTest, AllPagesAreWithinTheTestMemory) {
    EXPECT_EQ(ask(populate(0, pages_of_all)), "");
    EXPECT_EQ(ask(populate(pages_of_all - 1, 1)), "");
    EXPECT_THAT(ask(populate(0, pages_of_all + 1)), HasSubstr("not within 2 MiB"));
    EXPECT_THAT(ask(populate(pages_of_all, 1)), HasSubstr("not within 2 MiB"));
    EXPECT_THAT(ask(populate(1, ~std::uint64_t{0})), HasSubstr("not within 2 MiB"));
    EXPECT_THAT(ask(populate(~std::uint64_t{0}, 2)), HasSubstr("not within 2 MiB"));
    EXPECT_THAT(ask(populate(1ULL << 52, 1)), HasSubstr("not within 2 MiB"));
}

TEST_F(HostOperationsTest, TheAnswerSaysWhatItTook) {
    HostOperation request = populate(0, pages_of_all);
    request.error = 99;
    EXPECT_EQ(ask(request), "");
    EXPECT_EQ(answer().error, 0U);
    EXPECT_GT(answer().cycles, 0U);
}

}  // namespace
}  // namespace nestbed::vmm
