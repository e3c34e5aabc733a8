#include "vmm/pc/debug_exit.hpp"

namespace nestbed::vmm {

void DebugExit::register_in(ExitTable& exits) {
    constexpr std::uint16_t first_port = 0xF4;
    constexpr std::uint16_t ports = 4;
    // Two vCPUs at once would have one value between them.
    exits.add_ports(first_port, ports, one_at_a_time([this](const Access& access) -> Answer {
                        if (!access.is_write) {
                            return access.put(0);
                        }
                        if (!value_) {
                            value_ = static_cast<std::uint32_t>(access.value());
                        }
                        return access.end(Ending::finished);
                    }));
}

}  // namespace nestbed::vmm
