#include <fmt/format.h>
#include "vmm/builtin_guests.hpp"
#include "vmm/runner/test_runner.hpp"
using namespace nestbed;
int main(int argc, char** argv) {
    vmm::VcpuThread::install_kick_handler();
    try {
    kvm::System system;
    vmm::TestSettings s; if (argc > 2) s.cpus = static_cast<unsigned>(atoi(argv[2]));
    for (const auto& b : vmm::builtin_guests()) {
        vmm::Guest g(std::string(b.name), b.file);
        for (const auto& t : g.tests()) {
            if (argc > 1 && t.full_name().find(argv[1]) == std::string::npos) continue;
            auto r = vmm::run_test(system, g, t, s, {});
            fmt::print("{} {} {:.3f}s {}\n{}", r.full_name(), vmm::verdict_name(r.verdict), r.seconds, r.reason, r.diagnosis);
            for (auto& f : r.failures) fmt::print("  {}:{}: {} [{}]\n", f.file, f.line, f.expression, f.values);
            for (auto& l : r.log) fmt::print("  {}\n", l);
            for (auto& m : r.measurements) fmt::print("  {} n={} p50={}\n", m.name, m.histogram.count(), m.histogram.min());
        }
    }
    } catch (const std::exception& e) { fmt::print(stderr, "nestbed: {}\n", e.what()); return 2; }
}
