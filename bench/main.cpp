#include <fmt/format.h>

#include <cerrno>

#include "bench/run_benchmarks.hpp"
#include "vmm/base/error.hpp"

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 2;
    }
    try {
        return nestbed::bench::run_benchmarks();
    } catch (const nestbed::vmm::Error& error) {
        // Where there is no KVM nothing can be measured, and that is all that is said.
        const bool skipped = error.kind() == nestbed::vmm::ErrorKind::host_lacks;
        fmt::print(stderr, "{}: {}{}\n", program_invocation_short_name, skipped ? "skipped: " : "",
                   error.what());
        return skipped ? 0 : 1;
    }
}
