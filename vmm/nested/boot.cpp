#include "vmm/nested/boot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

using Clock = std::chrono::steady_clock;

/// After its last frame the machine switches itself off.
constexpr std::chrono::seconds power_off_time{10};

std::vector<std::string> last_lines(const std::string& text) {
    constexpr std::size_t most = 15;
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        std::erase(line, '\r');
        if (!line.empty()) {
            lines.push_back(printable(line));
        }
    }
    lines.erase(lines.begin(),
                lines.end() - static_cast<std::ptrdiff_t>(std::min(most, lines.size())));
    return lines;
}

std::size_t number_in(std::string_view text) {
    std::size_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

class Boot {
  public:
    Boot(const BootStart& start, NestedObserver& observer)
        : start_(start),
          observer_(observer),
          emulator_({.command = start.command,
                     .output = said_.writer(),
                     .error = said_.writer(),
                     .more = {console_.writer(), channel_.writer()},
                     .directory = start.directory.string()}) {
        said_.close_writer();
        console_.close_writer();
        channel_.close_writer();
    }

    BootResult run(const std::stop_token& stop) {
        while (!over_) {
            pipes_.read();
            if (over_) {
                break;
            }
            if (stop.stop_requested()) {
                end(BootEnd::interrupted, "interrupted");
            } else if (const auto ended = emulator_.poll()) {
                pipes_.read_rest();
                broken(*ended);
            } else if (Clock::now() - last_heard_ > start_.silence) {
                end(BootEnd::hung,
                    fmt::format("nothing was heard of the nested machine for {} s",
                                std::chrono::duration<double>(start_.silence).count()));
            }
        }
        if (result_.end == BootEnd::finished) {
            await_power_off();
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

    void hear(std::size_t stream, const std::string& text) {
        if (stream == console_stream) {
            console_text_ += text;
        } else if (stream == emulator_stream) {
            emulator_text_ += text;
        } else if (!over_) {
            frames_.take(text);
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
                file_ = &result_.files[number_in(payload)];
                break;
            case FrameKind::contents:
                if (file_ != nullptr) {
                    *file_ += payload;
                }
                break;
            case FrameKind::finished:
                finish(payload);
                break;
            case FrameKind::problem:
                end(BootEnd::broken, std::string(payload));
                break;
        }
    }

    void finish(std::string_view code) {
        const auto [rest, error] =
            std::from_chars(code.data(), code.data() + code.size(), result_.code);
        if (error != std::errc() || rest != code.data() + code.size()) {
            end(BootEnd::broken, "the nested machine sent no exit code");
            return;
        }
        end(BootEnd::finished, "");
    }

    /// Why it ended, as far as somebody has said so: Linux on its console, or the emulator.
    std::string complaint() const {
        const std::size_t panic = console_text_.find("Kernel panic");
        if (panic != std::string::npos) {
            return console_text_.substr(panic, console_text_.find_first_of("\r\n", panic) - panic);
        }
        return start_.complaint_in ? start_.complaint_in(emulator_text_) : "";
    }

    void broken(const ProcessEnd& ended) {
        const std::string said = complaint();
        end(BootEnd::broken,
            fmt::format("{} ended before the command did, with {}{}{}", start_.emulator,
                        text_of(ended), said.empty() ? "" : ": ", printable(said)));
    }

    void await_power_off() {
        const Clock::time_point deadline = Clock::now() + power_off_time;
        while (!emulator_.poll() && Clock::now() < deadline) {
            pipes_.read();
        }
    }

    const BootStart& start_;
    NestedObserver& observer_;
    BootResult result_;
    bool over_ = false;
    FrameReader frames_{[this](FrameKind kind, std::string_view payload) { take(kind, payload); }};
    Clock::time_point last_heard_ = Clock::now();
    std::string* file_ = nullptr;
    std::string console_text_;
    std::string emulator_text_;
    Pipe said_;
    Pipe console_;
    Pipe channel_;
    ChildProcess emulator_;
    enum : std::size_t { channel_stream, console_stream, emulator_stream };
    PipeReaders pipes_{{channel_.reader(), console_.reader(), said_.reader()},
                       [this](std::size_t stream, const std::string& text) { hear(stream, text); }};
};

}  // namespace

BootResult boot(const BootStart& start, NestedObserver& observer, const std::stop_token& stop) {
    return Boot(start, observer).run(stop);
}

}  // namespace nestbed::vmm
