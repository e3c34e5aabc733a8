// What a guest may ask of the host (channel::HostOperation), and what it may not: no request
// reaches beyond the test memory.

#include "vmm/services/host_operations.hpp"

#include "kvm_test.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/memory/memory_report.hpp"

namespace nestbed::vmm {
namespace {

using channel::HostOperation;
using channel::HostOperationId;
using testing::HasSubstr;

constexpr std::uint64_t request_at = 0x1000;
constexpr std::uint64_t pages_of_all = 512;
constexpr std::uint64_t gib = std::uint64_t{1} << 30;

class HostOperationsTest : public test::KvmTest {
  protected:
    void SetUp() override {
        test::KvmTest::SetUp();
        if (!IsSkipped()) {
            vm_.emplace(system().create_vm());
            enable_dirty_logging(all_pages_first, system(), *vm_);
            no_vcpus_.emplace(system(), *vm_, 0);
            test_memory_.emplace(*vm_, pages_of_all * 4096, BackingSettings{});
        }
    }

    /// What is wrong with the request; empty if nothing is.
    std::string ask(const HostOperation& request) { return ask(request, &*test_memory_); }

    std::string ask(const HostOperation& request, TestMemory* test_memory) {
        return ask(request, test_memory, nullptr);
    }

    /// Of a VM with a dirty log, which has all pages when it starts.
    std::string ask_with_log(const HostOperation& request) {
        DirtyLog log(all_pages_first, *vm_, *no_vcpus_, *test_memory_);
        return ask(request, &*test_memory_, &log);
    }

    GuestMemory& memory() { return memory_; }
    TestMemory& test_memory() { return *test_memory_; }

    std::uint64_t resident_bytes() const {
        const HostMemory& memory = test_memory_->memory();
        return MemoryMaps().resident_pages_of(memory.address(), memory.size()).resident();
    }

    HostOperation answer() const { return *memory_.read<HostOperation>(request_at); }

  private:
    static constexpr channel::DirtyLogging all_pages_first{.kind = channel::DirtyLogKind::bitmap,
                                                           .initially_set = 1};

    std::string ask(const HostOperation& request, TestMemory* test_memory, DirtyLog* log) {
        EXPECT_TRUE(memory_.write(request_at, request));
        HostOperations operations(memory_, request_at, 33 * gib, test_memory, log);
        return operations.carry_out().value_or("");
    }

    GuestMemory memory_{map_backing(BackingSettings{}, 2 << 20)};
    std::optional<kvm::Vm> vm_;
    std::optional<Vcpus> no_vcpus_;
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

TEST_F(HostOperationsTest, PopulatedPagesAreResidentAndDiscardedOnesAreNot) {
    EXPECT_EQ(resident_bytes(), 0U);
    EXPECT_EQ(ask(populate(10, 3)), "");
    EXPECT_EQ(resident_bytes(), 3U * 4096);
    HostOperation discard = populate(11, 1);
    discard.id = HostOperationId::discard;
    EXPECT_EQ(ask(discard), "");
    EXPECT_EQ(resident_bytes(), 2U * 4096);
}

TEST_F(HostOperationsTest, TheAnswerSaysWhatItTook) {
    HostOperation request = populate(0, pages_of_all);
    request.error = 99;
    EXPECT_EQ(ask(request), "");
    EXPECT_EQ(answer().error, 0U);
    EXPECT_GT(answer().cycles, 0U);
}

// The dirty log.

constexpr std::uint64_t bitmap_at = 0x2000;

HostOperation of_log(HostOperationId id, std::uint64_t first_page, std::uint64_t pages,
                     std::uint64_t bitmap = bitmap_at) {
    return {.id = id, .first_page = first_page, .pages = pages, .argument = bitmap};
}

TEST_F(HostOperationsTest, ALogThatThereIsNotIsRefused) {
    EXPECT_THAT(ask(of_log(HostOperationId::start_dirty_log, 0, 0)), HasSubstr("without a dirty"));
    EXPECT_THAT(ask_with_log(of_log(HostOperationId::collect_dirty_log, 0, 64)),
                HasSubstr("not started"));
    EXPECT_THAT(ask_with_log(of_log(HostOperationId::clear_dirty_log, 0, 64)),
                HasSubstr("not started"));
    EXPECT_EQ(ask_with_log(of_log(HostOperationId::stop_dirty_log, 0, 0)), "");
}

TEST_F(HostOperationsTest, ABitmapIsOfWholeWordsAndWithinGuestMemory) {
    EXPECT_EQ(ask_with_log(of_log(HostOperationId::start_dirty_log, 0, 0)), "");
    for (const HostOperationId id :
         {HostOperationId::collect_dirty_log, HostOperationId::clear_dirty_log}) {
        EXPECT_THAT(ask_with_log(of_log(id, 1, 64)), HasSubstr("not whole words"));
        EXPECT_THAT(ask_with_log(of_log(id, 0, 63)), HasSubstr("not whole words"));
        EXPECT_THAT(ask_with_log(of_log(id, pages_of_all, 64)), HasSubstr("not within 2 MiB"));
        const std::uint64_t end = memory().size();
        EXPECT_EQ(ask_with_log(of_log(id, 0, pages_of_all, end - 64)), "");
        for (const std::uint64_t outside : {end - 63, end, ~std::uint64_t{0} - 7}) {
            EXPECT_THAT(ask_with_log(of_log(id, 0, pages_of_all, outside)),
                        HasSubstr("not within guest memory"));
        }
    }
}

TEST_F(HostOperationsTest, TheBitmapOfSomePagesHasTheirBits) {
    const auto word = [&](std::uint64_t number) {
        return *memory().read<std::uint64_t>(bitmap_at + 8 * number);
    };
    EXPECT_EQ(ask_with_log(of_log(HostOperationId::start_dirty_log, 0, 0)), "");
    EXPECT_TRUE(memory().write(bitmap_at, std::uint64_t{0x8000'0000'0000'0005}));
    EXPECT_EQ(ask_with_log(of_log(HostOperationId::clear_dirty_log, 64, 64)), "");
    EXPECT_EQ(ask_with_log(of_log(HostOperationId::collect_dirty_log, 0, pages_of_all)), "");
    EXPECT_EQ(answer().result, pages_of_all - 3);
    EXPECT_EQ(word(0), ~std::uint64_t{0});
    EXPECT_EQ(word(1), ~std::uint64_t{0x8000'0000'0000'0005});
    EXPECT_EQ(word(7), ~std::uint64_t{0});
    EXPECT_EQ(ask_with_log(of_log(HostOperationId::collect_dirty_log, 64, 64)), "");
    EXPECT_EQ(answer().result, 61U);
    EXPECT_EQ(word(0), ~std::uint64_t{0x8000'0000'0000'0005});
}

// The memslot and userfaults.

HostOperation with_argument(HostOperationId id, std::uint64_t argument, std::uint64_t pages = 0) {
    return {.id = id, .pages = pages, .argument = argument};
}

TEST_F(HostOperationsTest, AMemslotMovesToPlacesAboveEverythingElse) {
    for (const std::uint64_t place : {4 * gib, 5 * gib, 32 * gib, 4 * gib}) {
        EXPECT_EQ(ask(with_argument(HostOperationId::move, place)), "") << place;
    }
    // The vCPUs' addresses end at 33 GiB.
    for (const std::uint64_t place :
         {std::uint64_t{0}, 3 * gib, 4 * gib + 4096, 33 * gib, 34 * gib, ~std::uint64_t{0} << 30}) {
        EXPECT_THAT(ask(with_argument(HostOperationId::move, place)), HasSubstr("is no place"));
    }
}

TEST_F(HostOperationsTest, AMemslotWhoseWritesAreLoggedStaysAsItIs) {
    EXPECT_EQ(ask_with_log(of_log(HostOperationId::start_dirty_log, 0, 0)), "");
    EXPECT_THAT(ask_with_log(with_argument(HostOperationId::move, 5 * gib)),
                HasSubstr("dirty log is kept"));
    EXPECT_THAT(ask_with_log(with_argument(HostOperationId::set_read_only, 1)),
                HasSubstr("dirty log is kept"));
}

TEST_F(HostOperationsTest, AMemslotIsReadOnlyOrNot) {
    EXPECT_THAT(ask(with_argument(HostOperationId::set_read_only, 2)), HasSubstr("neither 0 nor"));
    EXPECT_EQ(ask(with_argument(HostOperationId::set_read_only, 1)), "");
    EXPECT_EQ(ask(with_argument(HostOperationId::set_read_only, 0)), "");
}

TEST_F(HostOperationsTest, UserfaultsAreOfAKnownKindAndOfSomePages) {
    EXPECT_THAT(ask(with_argument(HostOperationId::start_userfault, 2, 1)),
                HasSubstr("no kind 2 of userfault"));
    EXPECT_THAT(ask(with_argument(HostOperationId::start_userfault, 0, 0)),
                HasSubstr("not whole pages"));
    EXPECT_THAT(ask(with_argument(HostOperationId::start_userfault, 0, pages_of_all + 1)),
                HasSubstr("not within 2 MiB"));
}

TEST_F(HostOperationsTest, UserfaultsThatWereNotStartedHaveServedNothing) {
    EXPECT_EQ(ask(with_argument(HostOperationId::stop_userfault, 0)), "");
    EXPECT_EQ(answer().result, 0U);
    EXPECT_EQ(answer().error, 0U);
}

TEST_F(HostOperationsTest, AccessesWithoutMemoryAreTakenUpToTheFurthestPlace) {
    TestMemory& memory = test_memory();
    const std::uint64_t home_end = 4 * gib + pages_of_all * 4096;
    EXPECT_TRUE(memory.take_access(4 * gib, false));
    EXPECT_TRUE(memory.take_access(home_end - 1, true));
    EXPECT_FALSE(memory.take_access(4 * gib - 1, true));
    EXPECT_FALSE(memory.take_access(home_end, true));
    EXPECT_EQ(ask(with_argument(HostOperationId::move, 6 * gib)), "");
    EXPECT_EQ(ask(with_argument(HostOperationId::move, 4 * gib)), "");
    EXPECT_TRUE(memory.take_access(6 * gib + 8, true));
    EXPECT_TRUE(memory.take_access(5 * gib, false));
    EXPECT_FALSE(memory.take_access(7 * gib, true));
    EXPECT_EQ(memory.dropped_writes(), 2U);
}

}  // namespace
}  // namespace nestbed::vmm
