// Files that the program is given to read, and what it is told to write to: whatever they are, one
// line and an exit code, no wait without end and no half of a file. KVM is not needed.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/program/expectations.hpp"
#include "tests/unit/base/temporary_folder.hpp"

namespace nestbed::test {
namespace {

using testing::HasSubstr;
using vmm::test::TemporaryFolder;

constexpr char report_text[] = R"({"schema": 2, "not_finished": 0, "measurements": [],
 "host": {"cpu": "A CPU", "kernel": "6.1", "paging": "npt"},
 "tests": [{"suite": "boot", "name": "empty", "verdict": "passed", "reason": ""}]})";

/// Every way to have a file read, `FILE` standing for it and `REPORT` for a good one.
const std::vector<std::vector<std::string>> readers{
    {"matrix", "FILE"},
    {"matrix", "--expect", "FILE", "REPORT"},
    {"compare", "FILE", "REPORT"},
    {"compare", "REPORT", "FILE"},
    {"report", "FILE", "--output", "OUTPUT"},
    {"run", "--rerun-failed", "FILE"},
    {"run", "FILE"},
};

class HostileFiles : public testing::Test {
  public:
    std::string path(const char* name) const { return folder.path() / name; }

    std::vector<std::string> filled_in(std::vector<std::string> arguments,
                                       const std::string& file) const {
        for (std::string& argument : arguments) {
            argument = argument == "FILE"     ? file
                       : argument == "REPORT" ? path("good.json")
                       : argument == "OUTPUT" ? path("page.html")
                                              : argument;
        }
        return arguments;
    }

    TemporaryFolder folder;
    std::string good = folder.write("good.json", report_text);
};

TEST_F(HostileFiles, WhatIsNoFileIsOneLine) {
    for (const std::string file : {"/dev/zero", "/dev/null", "/proc/self/mem", "/", "/dev/ptmx"}) {
        for (const auto& reader : readers) {
            expect_one_line_error(nestbed(filled_in(reader, file)), bad_input);
        }
    }
    EXPECT_FALSE(std::filesystem::exists(path("page.html")));
}

TEST_F(HostileFiles, WhatIsNoReportIsOneLine) {
    const std::string levels = R"({"schema": )" + std::string(100'000, '[');
    const std::string quoted = "\"" + std::string(1 << 20, 'x');  // without an end
    std::string keys = "{";
    for (int n = 0; n < 20'000; ++n) {
        keys += "\"" + std::to_string(n) + "\":0,";
    }
    const std::string text = std::string("{\"schema\": \"") + std::string(1 << 20, 'x') + "\"}";
    for (const std::string& contents : {levels, quoted, keys, text, std::string("\0\xFF\x1b[2J")}) {
        const std::string file = folder.write("bad.json", contents);
        for (const auto& reader : readers) {
            const ProcessResult result = nestbed(filled_in(reader, file));
            expect_one_line_error(result, bad_input);
            EXPECT_LT(result.err.size(), 5000U) << reader.front();
        }
    }
}

TEST_F(HostileFiles, APipeWithAWriterIsAFile) {
    const std::string pipe = path("pipe");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    const Process reader({NESTBED_PROGRAM, "matrix", pipe});
    {
        std::ofstream writer(pipe);  // waits for the reader
        writer << report_text;
    }
    EXPECT_EQ(const_cast<Process&>(reader).wait().exit_code, success);
}

void limit_files_to(rlim_t bytes) {
    const rlimit both{bytes, bytes};
    if (::setrlimit(RLIMIT_FSIZE, &both) != 0) {
        ::_exit(126);
    }
}

TEST_F(HostileFiles, NoHalfOfAFileIsLeftAtTheLimitOfItsSize) {
    constexpr rlim_t most = 300;  // of bytes: the error's line fits
    const auto limited = [] { limit_files_to(most); };
    const std::ptrdiff_t before =
        std::distance(std::filesystem::directory_iterator(folder.path()), {});
    for (const auto& arguments :
         {std::vector<std::string>{"report", good, "--output", path("page.html")},
          std::vector<std::string>{"new", path("project")}}) {
        const ProcessResult result = nestbed(arguments, limited);
        EXPECT_EQ(result.signal, 0) << arguments.front();
        expect_one_line_error(result, host_failed);
        EXPECT_THAT(result.err, HasSubstr("File too large"));
    }
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), before);
    const ProcessResult printed = nestbed({"list"}, limited);
    EXPECT_EQ(printed.exit_code, host_failed);
    EXPECT_EQ(printed.err, "nestbed: cannot write to standard output: File too large\n");
}

TEST_F(HostileFiles, WithoutStandardDescriptorsNothingElseBecomesOne) {
    for (unsigned closed = 1; closed < 8; ++closed) {
        const ProcessResult result = nestbed({"matrix", good}, [closed] {
            for (int fd = 0; fd < 3; ++fd) {
                if ((closed >> fd & 1) != 0) {
                    ::close(fd);
                }
            }
        });
        EXPECT_EQ(result.signal, 0) << closed;
        const bool has_output = (closed & 2) == 0;
        EXPECT_EQ(result.exit_code, has_output ? success : host_failed) << closed << result.err;
    }
    EXPECT_EQ(folder.read("good.json"), report_text);
}

TEST_F(HostileFiles, WhatIsQuotedInAnErrorIsPrintable) {
    const std::string text = "\x1b[2J\xC2\x9B[2J\u202E\xFF\nz";
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{text},
          std::vector<std::string>{"run", text},
          {"run", "--filter", text},
          {"run", "--timeout", text},
          {"run", "--" + text},
          {"run", "--output", text + "/x"},
          {"measure", text},
          {"matrix", text},
          {"matrix", "--expect", text, good},
          {"compare", text, text},
          {"list", text},
          {"report", text, "--output", text + "/x"},
          {"new", text + "/"},
          {"nested", "--paging", text},
          {"nested", "--paging", "npt", "--with", text + "/none", "--", "doctor"},
          {"complete", text},
          {"doctor", text}}) {
        const ProcessResult result = nestbed(arguments, [this] {
            if (::chdir(folder.path().c_str()) != 0) {
                ::_exit(126);
            }
        });
        EXPECT_EQ(result.signal, 0) << arguments.front();
        for (const char c : result.err) {
            const auto byte = static_cast<unsigned char>(c);
            EXPECT_TRUE(c == '\n' || (byte >= 0x20 && byte < 0x7F))
                << arguments.front() << ": " << result.err;
        }
    }
}

}  // namespace
}  // namespace nestbed::test
