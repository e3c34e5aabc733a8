#include "vmm/host/load.hpp"

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <system_error>

#include "vmm/base/kernel_file.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

std::optional<double> runnable_in(const std::string& line) {
    const std::string_view mean = split(line, ' ').front();
    const char* const end = mean.data() + mean.size();
    double value = 0;
    const auto [rest, error] = std::from_chars(mean.data(), end, value);
    const bool understood = error == std::errc() && rest == end && std::isfinite(value);
    return understood && value >= 0 ? std::optional(value) : std::nullopt;
}

/// "cpu  user nice system idle iowait irq softirq steal guest guest_nice": the guests' time is in
/// user and nice already.
void read_times(const std::string& line, HostLoad& load) {
    constexpr std::string_view all_cpus = "cpu  ";
    constexpr std::size_t steal_field = 7;
    if (!line.starts_with(all_cpus)) {
        return;
    }
    const auto fields = split(std::string_view(line).substr(all_cpus.size()), ' ');
    std::uint64_t total = 0;
    for (std::size_t field = 0; field < fields.size(); ++field) {
        const auto ticks = whole_number(fields[field]);
        if (!ticks || __builtin_add_overflow(total, *ticks, &total)) {
            return;
        }
        if (field == steal_field) {
            load.steal = ticks;
            load.total = total;
        }
    }
}

}  // namespace

HostLoad find_load(const std::filesystem::path& root) {
    HostLoad load;
    load.runnable = runnable_in(first_line(root / "proc/loadavg").value_or(""));
    read_times(first_line(root / "proc/stat").value_or(""), load);
    return load;
}

std::optional<double> stolen_between(const HostLoad& before, const HostLoad& after) {
    if (!before.total || !after.total || *after.total <= *before.total) {
        return std::nullopt;
    }
    // The kernel's count of idle time may go back, and steal with a machine that has moved: then
    // the difference is more than there can be.
    const std::uint64_t stolen = *after.steal - *before.steal;
    const std::uint64_t all = *after.total - *before.total;
    return stolen > all ? std::nullopt
                        : std::optional(static_cast<double>(stolen) / static_cast<double>(all));
}

}  // namespace nestbed::vmm
