// What the reader of a FakeGuest's rings makes of them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/channel/fake_guest.hpp"
#include "vmm/channel/record_reader.hpp"

namespace nestbed::vmm::test {

inline RecordReader reader_of(FakeGuest& guest) {
    return {guest.memory(), guest.root(), guest.rings(), guest.ring_records()};
}

/// Without the prefix of the vCPU that wrote them, "[cpu 0] ".
inline std::vector<std::string> lines_of(const GuestRecords& records) {
    EXPECT_EQ(records.count, records.log.size()) << "not only log lines";
    std::vector<std::string> lines;
    for (const std::string& line : records.log) {
        lines.push_back(line.substr(line.find("] ") + 2));
    }
    return lines;
}

}  // namespace nestbed::vmm::test
