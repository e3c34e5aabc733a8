#include "vmm/render/journal.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/json_text.hpp"
#include "vmm/base/output_file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/render/format.hpp"
#include "vmm/render/json_measurement.hpp"
#include "vmm/render/json_test_result.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// What it begins with, so that nothing else is taken for one.
constexpr std::string_view begins_with = "{\"schema\":";

/// Of what is wrong with a file, which may be all of it.
constexpr std::size_t most_said = 300;

/// What must be alike for runs to belong together.
constexpr std::array facts_alike{"/nestbed", "/provenance/nestbed/revision", "/host/cpu",
                                 "/host/kernel", "/host/paging"};

/// Beside the file itself, not beside a link to it. Throws Error(input) for a pipe or the like.
fs::path journal_of(const fs::path& report) {
    fs::path path = fs::weakly_canonical(report).string() + ".journal";
    for (const fs::path& file : {report, path}) {
        if (fs::exists(file) && !fs::is_regular_file(file)) {
            throw_error(ErrorKind::input, "{} is no file: a sweep cannot go on with it",
                        file.string());
        }
    }
    return path;
}

std::string line_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json line_of(const Json& test, const Json& measurements) {
    return {{"test", test}, {"measurements", measurements}};
}

Descriptor open_locked(const fs::path& path, int flags) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | flags, 0666));
    if (file.get() < 0) {
        throw_error(ErrorKind::io, "cannot write {}: {}", path.string(), std::strerror(errno));
    }
    if (uninterrupted([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) != 0) {
        if (errno == EWOULDBLOCK) {
            throw_error(ErrorKind::input, "{}: another nestbed is measuring into it",
                        path.string());
        }
        throw_error(ErrorKind::io, "cannot lock {}: {}", path.string(), std::strerror(errno));
    }
    return file;
}

/// A report as a journal would have it. Its measurements stand in the order of its tests.
std::string journal_text_of(const Json& report) {
    Json head;
    for (const char* key : {"schema", "nestbed", "command", "provenance", "host"}) {
        head[key] = report.at(key);
    }
    std::string text;
    for (const Json& earlier : report.value("earlier_sessions", Json::array())) {
        head["provenance"] = earlier;
        text += line_of(head);
    }
    head["provenance"] = report.at("provenance");
    text += line_of(head);
    const Json& measurements = report.at("measurements");
    std::size_t begun = 0;
    for (const Json& test : report.at("tests")) {
        const std::uint64_t count = unsigned_in(test, "measurements");
        Json own = Json::array();
        for (std::uint64_t n = 0; n < count; ++n) {
            own.push_back(measurements.at(begun++));
        }
        text += line_of(line_of(test, own));
    }
    if (begun != measurements.size()) {
        throw_error(ErrorKind::input, "{} of its {} measurements are of no test",
                    measurements.size() - begun, measurements.size());
    }
    return text;
}

}  // namespace

Journal Journal::begin(const fs::path& report) {
    const fs::path path = journal_of(report);
    Journal journal(path);
    journal.read();
    if (!journal.found_.empty()) {
        throw_error(
            ErrorKind::input,
            "{} is what an interrupted sweep has left: go on with --resume {}, or remove it",
            path.string(), report.string());
    }
    journal.remove();
    return Journal(path);
}

Journal Journal::resume(const fs::path& report) {
    const fs::path path = journal_of(report);
    Journal journal(path);
    if (!fs::exists(path) && fs::exists(report)) {
        journal.read_report(report);
    }
    journal.read();
    return journal;
}

void Journal::read() {
    if (!fs::exists(path_)) {
        return;
    }
    file_ = open_locked(path_, 0);
    std::string text = read_file(path_, ErrorKind::input);
    if (!std::string_view(text).starts_with(begins_with.substr(0, text.size()))) {
        throw_error(ErrorKind::input, "{} is no journal of nestbed measure", path_.string());
    }
    text.resize(text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1);
    read_lines(text);
    if (::ftruncate(file_.get(), static_cast<off_t>(text.size())) != 0) {
        throw_error(ErrorKind::io, "cannot write {}: {}", path_.string(), std::strerror(errno));
    }
}

void Journal::read_report(const fs::path& report) {
    try {
        of_report_ = journal_text_of(parse_json(read_file(report, ErrorKind::input)));
        for (const std::string_view line : lines_of(of_report_)) {
            read_line(Json::parse(line));
        }
    } catch (const std::exception& error) {
        throw_error(ErrorKind::input, "{} is no JSON report of nestbed measure: {}",
                    report.string(), shortened(error.what(), most_said));
    }
}

void Journal::read_lines(std::string_view text) {
    std::size_t number = 0;
    for (const std::string_view line : lines_of(text)) {
        ++number;
        try {
            read_line(parse_json(line));
        } catch (const std::exception& error) {
            throw_error(ErrorKind::input, "{}:{}: {}", path_.string(), number,
                        shortened(error.what(), most_said));
        }
    }
}

void Journal::read_line(const Json& line) {
    if (line.contains("test")) {
        const Json& test = line.at("test");
        // What kept it from running may be gone.
        if (test.at("error").is_null()) {
            found_.push_back(test_result_in(test, line.at("measurements")));
        }
        return;
    }
    if (line.at("schema") != json_schema) {
        throw_error(ErrorKind::input, "schema {}, this program knows {}: measure again",
                    line.at("schema").dump(), json_schema);
    }
    for (const char* fact : facts_alike) {
        static_cast<void>(line.at(Json::json_pointer(fact)));
    }
    if (first_head_.is_null()) {
        first_head_ = line;
    }
    earlier_sessions_.push_back(line.at("provenance"));
}

void Journal::refuse_another_host(const RunReport& report) const {
    const Json head = json_head(report);
    if (!first_head_.is_null()) {
        for (const char* fact : facts_alike) {
            const Json::json_pointer place(fact);
            if (head.at(place) != first_head_.at(place)) {
                throw_error(ErrorKind::input,
                            "{} was begun where {} was {}, and here it is {}: measure anew, into "
                            "another file",
                            path_.string(), fact + 1, first_head_.at(place).dump(),
                            head.at(place).dump());
            }
        }
    }
}

void Journal::take_over() {
    if (!of_report_.empty()) {
        OutputFile(path_).write(of_report_);
        file_ = open_locked(path_, 0);
    }
}

void Journal::begin_session(const RunReport& report) { head_ = line_of(json_head(report)); }

void Journal::add(const TestResult& result) {
    Json measurements = Json::array();
    for (const MeasurementEvent& event : result.measurements) {
        measurements.push_back(json_of(result, event));
    }
    if (file_.get() < 0) {
        file_ = open_locked(path_, O_CREAT);
    }
    const off_t before = ::lseek(file_.get(), 0, SEEK_END);
    int error = write_all(file_.get(), head_ + line_of(line_of(json_of(result), measurements)));
    head_.clear();
    if (error == 0 && ::fdatasync(file_.get()) != 0) {
        error = errno;
    }
    if (error != 0) {
        // Not half of a line; if that fails as well, whoever reads it leaves the half out.
        if (before == 0) {
            remove();
        } else {
            static_cast<void>(!::ftruncate(file_.get(), before));
        }
        throw_error(ErrorKind::io, "cannot write {}: {}", path_.string(), std::strerror(error));
    }
}

void Journal::remove() {
    fs::remove(path_);
    file_ = Descriptor(-1);
}

}  // namespace nestbed::vmm
