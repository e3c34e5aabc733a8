#include "vmm/nested/boot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "vmm/base/file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/nested/child_process.hpp"
#include "vmm/nested/frame.hpp"

namespace nestbed::vmm {

namespace {

using Clock = std::chrono::steady_clock;

/// After its last frame the machine switches itself off.
constexpr std::chrono::seconds power_off_time{10};

std::vector<std::string> last_lines(std::string text) {
    constexpr std::ptrdiff_t most = 15;
    std::erase(text, '\r');
    std::vector<std::string_view> lines = lines_of(text);
    std::erase(lines, "");
    lines.erase(lines.begin(), lines.end() - std::min(most, std::ssize(lines)));
    std::vector<std::string> last(lines.size());
    std::ranges::transform(lines, last.begin(), printable);
    return last;
}

/// A machine or its emulator may write for as long as it lives: what tells why it ended is last.
TakeOutput keep_end(std::string& text) {
    constexpr std::size_t most = 1 << 20;
    return [&text](const std::string& more) {
        text += more;
        if (text.size() > 2 * most) {
            text.erase(0, text.size() - most);
        }
    };
}

/// Nothing if it is no number.
std::optional<int> number_in(std::string_view text) {
    int number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

class Boot {
  public:
    Boot(const BootStart& start, NestedObserver& observer)
        : start_(start),
          observer_(observer),
          // Its serial lines are the third and the fourth (emulator.hpp).
          emulator_({.command = start.command,
                     .outputs = {keep_end(emulator_text_), nullptr, keep_end(console_text_),
                                 [this](const std::string& text) { hear(text); }},
                     .input = start.input,
                     .directory = start.directory,
                     .errors_with_output = true}) {}

    BootResult run(const std::stop_token& stop) {
        while (!over_) {
            emulator_.read();
            if (stop.stop_requested()) {
                end(BootEnd::interrupted, "interrupted");
            } else if (const auto ended = emulator_.poll()) {
                emulator_.read_rest();
                broken(*ended);
            } else if (Clock::now() - last_heard_ > start_.silence) {
                end(BootEnd::hung,
                    fmt::format("nothing was heard of the nested machine for {} s",
                                std::chrono::duration<double>(start_.silence).count()));
            }
        }
        const Clock::time_point deadline = Clock::now() + power_off_time;
        while (result_.end == BootEnd::finished && !emulator_.poll() && Clock::now() < deadline) {
            emulator_.read();
        }
        emulator_.kill();
        emulator_.wait();
        result_.console = last_lines(console_text_);
        return std::move(result_);
    }

  private:
    void end(BootEnd how, std::string reason) {
        if (!over_) {
            over_ = true;
            result_.end = how;
            result_.reason = std::move(reason);
        }
    }

    void hear(const std::string& text) {
        if (!over_) {
            frames_ += text;
            take_frames(frames_,
                        [this](FrameKind kind, std::string_view payload) { take(kind, payload); });
            // After whoever shows it: a reader of ours may take its time.
            last_heard_ = Clock::now();
        }
    }

    void take(FrameKind kind, std::string_view payload) {
        if (over_) {
            return;
        }
        switch (kind) {
            case FrameKind::ready:
                observer_.ready();
                break;
            case FrameKind::output:
                result_.any_output = true;
                observer_.output(payload);
                break;
            case FrameKind::error:
                result_.any_output = true;
                observer_.error(payload);
                break;
            case FrameKind::progress:
                observer_.progress(payload);
                break;
            case FrameKind::file:
                if (const auto number = number_in(payload); number && *number >= 0) {
                    file_ = &result_.files[static_cast<std::size_t>(*number)];
                } else {
                    end(BootEnd::broken, "the nested machine sent a file without its number");
                }
                break;
            case FrameKind::contents:
                if (file_ == nullptr) {
                    break;
                }
                *file_ += payload;
                if (file_->size() > largest_file) {
                    end(BootEnd::broken,
                        "the nested machine sent a file of more than " + size_text(largest_file));
                }
                break;
            case FrameKind::finished:
                if (const auto code = number_in(payload)) {
                    result_.code = *code;
                    end(BootEnd::finished, "");
                } else {
                    end(BootEnd::broken, "the nested machine sent no exit code");
                }
                break;
            case FrameKind::problem:
                end(BootEnd::broken, std::string(payload));
                break;
        }
    }

    void broken(const ProcessEnd& ended) {
        // Why, as far as somebody has said so: Linux on its console, or the emulator.
        std::string said = start_.complaint_in ? start_.complaint_in(emulator_text_) : "";
        const std::size_t panic = console_text_.find("Kernel panic");
        if (panic != std::string::npos) {
            said = console_text_.substr(panic, console_text_.find_first_of("\r\n", panic) - panic);
        }
        end(BootEnd::broken,
            fmt::format("{} ended before the command did, with {}{}{}", start_.emulator,
                        text_of(ended), said.empty() ? "" : ": ", printable(said)));
    }

    const BootStart& start_;
    NestedObserver& observer_;
    BootResult result_;
    bool over_ = false;
    std::string frames_;  ///< of which the last one may not be complete
    Clock::time_point last_heard_ = Clock::now();
    std::string* file_ = nullptr;
    std::string console_text_;
    std::string emulator_text_;
    ChildProcess emulator_;
};

}  // namespace

BootResult boot(const BootStart& start, NestedObserver& observer, const std::stop_token& stop) {
    return Boot(start, observer).run(stop);
}

}  // namespace nestbed::vmm
