#include "vmm/run/serial_log.hpp"

#include <utility>

namespace nestbed::vmm {

void SerialLog::add(std::string_view piece) {
    const bool is_end = piece.ends_with('\n');
    if (is_end) {
        piece.remove_suffix(piece.ends_with("\r\n") ? 2 : 1);
        if (piece.empty() && line_.ends_with('\r')) {
            line_.pop_back();  // of a line's end in two pieces
        }
    }
    line_ += piece.substr(0, most_of_a_line - std::min(most_of_a_line, line_.size()));
    if (is_end) {
        end_line();
    }
}

void SerialLog::add_lines(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
        lines_.add(line);
    }
}

void SerialLog::end_line() {
    if (auto result = sub_result_of(line_)) {
        counts_.add(*result);
        sub_results_.add(std::move(*result));
    }
    lines_.add(std::exchange(line_, {}));
}

void SerialLog::move_to(Attempt& attempt) {
    if (!line_.empty()) {
        end_line();
    }
    attempt.log_left_out = lines_.left_out();
    attempt.log = lines_.take();
    attempt.sub_results.left_out = sub_results_.left_out();
    attempt.sub_results.all = sub_results_.take();
    attempt.sub_results.counts = counts_;
}

}  // namespace nestbed::vmm
