#include "vmm/kut/checkout.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <system_error>

#include "shared/channel/test_descriptor.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/base/values.hpp"
#include "vmm/kut/environment.hpp"
#include "vmm/kut/qemu_options.hpp"
#include "vmm/kut/shell_words.hpp"
#include "vmm/kut/unittests_cfg.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* how_to_build =
    "in a checkout of kvm-unit-tests, ./configure --arch=x86_64 && make";

bool is_file(const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error);
}

/// What ./configure found out, in lines NAME=VALUE.
std::map<std::string, std::string> read_configuration(const fs::path& path) {
    std::map<std::string, std::string> configuration;
    if (is_file(path)) {
        const std::string text = read_file(path, ErrorKind::input);
        for (const std::string_view line : split(text, '\n')) {
            if (const std::size_t equals = line.find('='); equals != std::string_view::npos) {
                configuration[std::string(line.substr(0, equals))] = line.substr(equals + 1);
            }
        }
    }
    return configuration;
}

std::string value_or(const std::map<std::string, std::string>& configuration,
                     const std::string& name, const std::string& otherwise) {
    const auto found = configuration.find(name);
    return found == configuration.end() || found->second.empty() ? otherwise : found->second;
}

bool holds_word(const std::vector<std::string>& words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
}

/// As timeout(1) has it: seconds, or another unit.
std::chrono::milliseconds duration_of(std::string_view text) {
    if (text.empty()) {
        return 90s;
    }
    const std::map<char, std::uint64_t> units{{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    constexpr std::uint64_t most = 86400;
    const auto unit = units.find(text.back());
    const std::uint64_t factor = unit == units.end() ? 1 : unit->second;
    const std::string_view number = text.substr(0, text.size() - (unit == units.end() ? 0 : 1));
    return std::chrono::seconds(parse_number("timeout", number, 0, most / factor) * factor);
}

/// Which of "PATH=VALUE PATH=VALUE" is not so on this host, in the words of run_tests.sh.
std::string failed_check(std::string_view list) {
    for (const std::string_view check : split(list, ' ')) {
        if (check.empty()) {
            continue;
        }
        const std::size_t equals = check.find('=');
        const fs::path path(check.substr(0, equals));
        const std::string_view value =
            equals == std::string_view::npos ? check : check.substr(equals + 1);
        std::string contents = is_file(path) ? read_file(path, ErrorKind::input) : "";
        contents.erase(contents.find_last_not_of('\n') + 1);
        if (!is_file(path) || contents != value) {
            return fmt::format("{} not equal to {}", path.string(), value);
        }
    }
    return "";
}

/// A reason has somebody else's text in it.
std::string one_line(std::string_view reason) { return shortened(printable(reason), 400); }

class Checkout {
  public:
    Checkout(const fs::path& folder, const KutOptions& options)
        : folder_(folder),
          options_(options),
          list_(folder / "x86" / "unittests.cfg"),
          configuration_(read_configuration(folder / "config.mak")),
          arch_(value_or(configuration_, "ARCH", "x86_64")) {
        if (!is_file(list_)) {
            throw_error(ErrorKind::input, "{}: there is no {}; it is made so: {}", folder_.string(),
                        list_.string(), how_to_build);
        }
        if (arch_ != "x86_64" && arch_ != "i386") {
            throw_error(ErrorKind::input,
                        "{}: its tests are built for {}; this host runs those of "
                        "x86_64: {}",
                        folder_.string(), arch_, how_to_build);
        }
        if (value_or(configuration_, "CONFIG_EFI", "n") == "y") {
            throw_error(ErrorKind::input,
                        "{}: its tests are built for UEFI, which is not there; "
                        "without it: {}",
                        folder_.string(), how_to_build);
        }
        const fs::path errata = folder / "errata.txt";
        environment_ =
            kut_environment({.kernel_release = options.kernel_release,
                             .target = value_or(configuration_, "TARGET", ""),
                             .all_errata = options.all},
                            is_file(errata) ? read_file(errata, ErrorKind::input) : "", errata);
    }

    std::vector<KutTest> tests() const {
        std::vector<KutTest> tests;
        std::set<std::string> groups;
        for (const UnittestsEntry& entry :
             parse_unittests_cfg(read_file(list_, ErrorKind::input), list_)) {
            groups.insert(entry.groups.begin(), entry.groups.end());
            if (options_.group.empty() || holds_word(entry.groups, options_.group)) {
                tests.push_back(test_of(entry));
            }
        }
        if (tests.empty()) {
            refuse_name("--group", options_.group, {groups.begin(), groups.end()});
        }
        return tests;
    }

  private:
    KutTest test_of(const UnittestsEntry& entry) const {
        KutTest test{
            .name = entry.name, .groups = entry.groups, .file = folder_ / "x86" / entry.file};
        try {
            test.timeout = duration_of(entry.timeout);
            test.skip_reason = one_line(skip_reason(entry, test));
            read_options(entry, test);
        } catch (const Error& error) {
            // A test that is not run for another reason keeps that one.
            if (test.skip_reason.empty()) {
                test.skip_reason = one_line(error.what());
            }
        }
        return test;
    }

    /// In the order in which run_tests.sh asks, so that the first reason is also its.
    std::string skip_reason(const UnittestsEntry& entry, const KutTest& test) const {
        if (options_.group.empty() && !options_.all && holds_word(entry.groups, "nodefault")) {
            return "test marked as manual run only";
        }
        if (!entry.arch.empty() && entry.arch != arch_) {
            return entry.arch + " only";
        }
        if (!entry.accel.empty() && entry.accel != "kvm") {
            return fmt::format("{} only, but ACCEL=kvm", entry.accel);
        }
        if (!entry.disabled_if.empty()) {
            return fmt::format("disabled if: {} (which only a shell could tell)",
                               entry.disabled_if);
        }
        for (const char* harness : {"migration", "panic"}) {
            if (holds_word(entry.groups, harness)) {
                return fmt::format("a test of the group {} needs QEMU", harness);
            }
        }
        if (std::string reason = failed_check(entry.check); !reason.empty()) {
            return reason;
        }
        return is_file(test.file) ? ""
                                  : fmt::format("Test file '{}' not found", test.file.string());
    }

    void read_options(const UnittestsEntry& entry, KutTest& test) const {
        QemuRequest request = read_qemu_options(qemu_words(entry));
        test.pc = std::move(request.pc);
        test.pc.environment = environment_;
        test.warnings = std::move(request.warnings);
    }

    /// As scripts/runtime.bash puts them together, behind what x86/run begins with.
    std::vector<std::string> qemu_words(const UnittestsEntry& entry) const {
        const ShellContext context{.variables = {{"MAX_SMP", std::to_string(options_.max_smp)}},
                                   .now = start_time_mark};
        std::string text = "-global kvm-pit.lost_tick_policy=discard -smp " + entry.smp;
        if (!entry.test_args.empty()) {
            text += " -append " + entry.test_args;
        }
        return shell_words(text + ' ' + entry.qemu_params, context);
    }

    fs::path folder_;
    const KutOptions& options_;
    fs::path list_;
    std::map<std::string, std::string> configuration_;
    std::string arch_;
    std::string environment_;
};

}  // namespace

KutOptions kut_options_of_host() {
    struct utsname name {};
    ::uname(&name);
    const long cpus = std::clamp(::sysconf(_SC_NPROCESSORS_ONLN), 1L, long{most_pc_cpus});
    return {.max_smp = static_cast<std::uint32_t>(cpus), .kernel_release = name.release};
}

GuestTest guest_test_of(const KutTest& test) {
    GuestTest result{.suite = "kut",
                     .name = test.name,
                     .file = test.file.string(),
                     .line = 0,
                     .descriptor = 0,
                     .needs = {.cpus = test.pc.cpus}};
    // 0 is without a limit there, and the default here.
    result.needs.timeout = test.timeout == 0ms
                               ? channel::max_test_timeout
                               : static_cast<std::uint64_t>(
                                     std::chrono::ceil<std::chrono::seconds>(test.timeout).count());
    result.tags = test.groups;
    result.pc = test.pc;
    result.skip_reason = test.skip_reason;
    result.warnings = test.warnings;
    return result;
}

std::vector<KutTest> tests_of_checkout(const fs::path& folder, const KutOptions& options) {
    return Checkout(folder, options).tests();
}

}  // namespace nestbed::vmm
