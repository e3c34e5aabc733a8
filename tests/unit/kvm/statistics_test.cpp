// KVM's statistics as they are in the file, and files that no KVM should hand out.

#include "vmm/kvm/statistics.hpp"

#include <gmock/gmock.h>

#include "tests/unit/kvm/statistics_file.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::kvm {
namespace {

using test::StatisticsFile;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> names_in(StatisticsFile& file) {
    std::vector<std::string> names;
    for (const Statistic& counter : parse_statistics(KVM_STATS_TYPE_CUMULATIVE, file.bytes())) {
        names.push_back(counter.name);
    }
    return names;
}

std::vector<std::uint64_t> values_of(const Statistics& statistics) {
    std::vector<std::uint64_t> values(statistics.counters().size());
    statistics.read(values);
    return values;
}

/// The message of the error that parsing ends with.
std::string refusal(const std::vector<std::byte>& file) {
    try {
        parse_statistics(KVM_STATS_TYPE_CUMULATIVE, file);
    } catch (const vmm::Error& error) {
        EXPECT_EQ(error.kind(), vmm::ErrorKind::kernel_refused);
        return error.what();
    }
    return "no error";
}

TEST(ParseCounters, HaveNamesAndValues) {
    StatisticsFile file({"exits", "tlb_flush"});
    EXPECT_THAT(names_in(file), ElementsAre("exits", "tlb_flush"));
    EXPECT_THAT(values_of(Statistics(file.open())), ElementsAre(10, 20));
}

TEST(ParseCounters, MayBeInAnyOrderInTheData) {
    StatisticsFile file({"exits", "tlb_flush", "invlpg"});
    file.set_offset(0, 16);
    file.set_offset(2, 0);
    EXPECT_THAT(values_of(Statistics(file.open())), ElementsAre(30, 20, 10));
}

TEST(ParseCounters, LeaveOutWhatIsNoCounter) {
    StatisticsFile file({"gauge", "peak", "linear", "log", "array", "exits"});
    file.set_flags(0, KVM_STATS_TYPE_INSTANT);
    file.set_flags(1, KVM_STATS_TYPE_PEAK);
    file.set_flags(2, KVM_STATS_TYPE_LINEAR_HIST);
    file.set_flags(3, KVM_STATS_TYPE_LOG_HIST);
    file.set_size(4, 2);
    // Whatever its unit is.
    file.set_flags(5, KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_SECONDS);
    EXPECT_THAT(names_in(file), ElementsAre("exits"));
    EXPECT_THAT(values_of(Statistics(file.open())), ElementsAre(60));
}

TEST(ParseCounters, MayBeNone) {
    StatisticsFile file({});
    EXPECT_THAT(names_in(file), IsEmpty());
    EXPECT_THAT(values_of(Statistics(file.open())), IsEmpty());
}

TEST(ParseCounters, ValuesChange) {
    StatisticsFile file({"exits"});
    const Statistics statistics(file.open());
    EXPECT_THAT(values_of(statistics), ElementsAre(10));
    file.set_value(0, ~std::uint64_t{0});
    file.save();
    EXPECT_THAT(values_of(statistics), ElementsAre(~std::uint64_t{0}));
}

TEST(ParseCounters, NoShorterFileIsRead) {
    StatisticsFile file({"exits", "tlb_flush"});
    const std::vector<std::byte> whole = file.bytes();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        // Exactly as large as the span says: an access behind it shows in the sanitizer.
        const std::vector<std::byte> cut(whole.begin(),
                                         whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_THAT(refusal(cut), HasSubstr("KVM's statistics")) << size;
    }
}

TEST(ParseCounters, ANameMustEndInItsField) {
    StatisticsFile file({"exits", "tlb_flush"});
    for (std::size_t n = 0; n < StatisticsFile::name_size; ++n) {
        file.put(file.name_at(1) + n, 'x');
    }
    EXPECT_THAT(refusal(file.bytes()), HasSubstr("descriptor 1 of 2"));
}

TEST(ParseCounters, NumbersThatPointAnywhere) {
    for (const std::size_t field :
         {StatisticsFile::name_size_at, StatisticsFile::count_at,
          StatisticsFile::descriptors_field_at, StatisticsFile::data_field_at}) {
        for (const std::uint32_t value : {0x7FFF'FFFFU, 0x8000'0000U, 0xFFFF'FFF0U, 0xFFFF'FFFFU}) {
            StatisticsFile file({"exits", "tlb_flush"});
            file.put(field, value);
            EXPECT_THAT(refusal(file.bytes()), HasSubstr("KVM's statistics"))
                << field << " " << value;
        }
    }
}

TEST(ParseCounters, AnOffsetBeyondTheEnd) {
    // The last one whose value would be half outside, too.
    for (const std::uint32_t offset : {16U, 9U, 0xFFFF'FFFFU}) {
        StatisticsFile file({"exits", "tlb_flush"});
        file.set_offset(1, offset);
        EXPECT_THAT(refusal(file.bytes()), HasSubstr("tlb_flush")) << offset;
    }
}

TEST(ParseGauges, HaveNamesAndValues) {
    StatisticsFile file({"exits", "pages_4k", "linear", "pages_2m", "peak"});
    file.set_flags(1, KVM_STATS_TYPE_INSTANT);
    file.set_flags(2, KVM_STATS_TYPE_LINEAR_HIST);
    file.set_flags(3, KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BYTES);
    file.set_flags(4, KVM_STATS_TYPE_PEAK);
    const std::vector<Statistic> gauges = parse_statistics(KVM_STATS_TYPE_INSTANT, file.bytes());
    ASSERT_EQ(gauges.size(), 2U);
    EXPECT_EQ(gauges[0].name, "pages_4k");
    EXPECT_EQ(gauges[0].value, 20U);
    EXPECT_EQ(gauges[1].name, "pages_2m");
    EXPECT_EQ(gauges[1].value, 40U);
    EXPECT_EQ(read_statistics(KVM_STATS_TYPE_INSTANT, file.open()).size(), 2U);
}

TEST(ParseGauges, FilesThatAreWrongAreRefusedAsThoseOfCounters) {
    StatisticsFile file({"pages_4k"});
    file.set_flags(0, KVM_STATS_TYPE_INSTANT);
    const std::vector<std::byte> whole = file.bytes();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const std::vector<std::byte> cut(whole.begin(),
                                         whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_THROW(parse_statistics(KVM_STATS_TYPE_INSTANT, cut), vmm::Error) << size;
    }
    file.set_offset(0, 1);
    EXPECT_THROW(parse_statistics(KVM_STATS_TYPE_INSTANT, file.bytes()), vmm::Error);
    EXPECT_THROW(read_statistics(KVM_STATS_TYPE_INSTANT, vmm::Descriptor(-1)), vmm::Error);
}

TEST(Statistics, AFileThatBecomesShorterIsAnError) {
    StatisticsFile file({"exits"});
    vmm::Descriptor fd = file.open();
    const int same = fd.get();
    const Statistics statistics(std::move(fd));
    ASSERT_EQ(::ftruncate(same, file.data_at()), 0);
    EXPECT_THROW(values_of(statistics), vmm::Error);
}

TEST(Statistics, ValuesThatTakeTooMuchAreAnError) {
    StatisticsFile file({"exits", "tlb_flush"});
    file.bytes().resize(file.bytes().size() + 64UL * 1024);
    file.set_offset(1, 16 * 1024 - 8);
    EXPECT_THAT(values_of(Statistics(file.open())), ElementsAre(10, 0));
    file.set_offset(1, 16 * 1024);
    EXPECT_THROW(Statistics(file.open()), vmm::Error);
}

TEST(Statistics, AnUnreadableFileIsAnError) {
    EXPECT_THROW(Statistics(vmm::Descriptor(-1)), vmm::Error);
}

}  // namespace
}  // namespace nestbed::kvm
