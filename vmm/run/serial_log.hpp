// What a guest that is not ours writes to its serial line, as a log, and what its lines say of
// checks inside it. Whatever it writes, it takes so much room and no more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/first_and_last.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

class SerialLog {
  public:
    /// A piece of SerialPort's: it ends a line, or is only a part of one.
    void add(std::string_view piece);

    /// Of somebody else's, before the guest's first.
    void add_lines(const std::vector<std::string>& lines);

    /// Into the log and the sub-results of `attempt`. Once only.
    void move_to(Attempt& attempt);

  private:
    void end_line();

    /// Of a line this much is kept.
    static constexpr std::size_t most_of_a_line = 1024;
    static constexpr FirstAndLastCounts most_lines{5'000, 5'000};
    static constexpr FirstAndLastCounts most_sub_results{5'000, 5'000};

    std::string line_;
    FirstAndLast<std::string> lines_{most_lines};
    FirstAndLast<SubResult> sub_results_{most_sub_results};
    SubResultCounts counts_;
};

}  // namespace nestbed::vmm
