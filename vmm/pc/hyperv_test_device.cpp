#include "vmm/pc/hyperv_test_device.hpp"

#include <fmt/format.h>

namespace nestbed::vmm {

namespace {

/// What a write asks for, by its bits 16 to 23; anything else is nothing.
enum Call : std::uint8_t {
    create_route = 1,
    destroy_route,
    raise_sint,
    create_message_connection,
    destroy_message_connection,
    create_event_connection,
    destroy_event_connection,
};

using Kind = Hyperv::Kind;

}  // namespace

void HypervTestDevice::register_in(ExitTable& exits) {
    exits.add_ports(port, sizeof(std::uint32_t), [this](const Access& access) -> Answer {
        if (!access.is_write) {
            return access.put(0);
        }
        const auto value = access.written();
        return value ? control(access, *value) : std::nullopt;
    });
}

Answer HypervTestDevice::control(const Access& access, std::uint32_t value) {
    const auto byte = [&](unsigned number) {
        return static_cast<std::uint8_t>(value >> 8 * number);
    };
    const Hyperv::Target target{byte(1), byte(0)};
    const std::uint8_t call = byte(2);
    const std::uint8_t connection = byte(3);
    const auto done = [&](bool is_done, const char* problem) {
        return is_done ? std::nullopt
                       : access.refuse(fmt::format("connection {}: {}", connection, problem));
    };
    if (call == destroy_message_connection || call == destroy_event_connection) {
        const Kind kind = call == destroy_message_connection ? Kind::message : Kind::event;
        return done(hyperv_.disconnect(kind, connection), "there is none");
    }
    if (call < create_route || call > create_event_connection) {
        return std::nullopt;
    }
    if (!hyperv_.has(target)) {
        return access.refuse(
            fmt::format("there is no SINT {} of vCPU {}", target.sint, target.cpu));
    }
    if (call == create_message_connection || call == create_event_connection) {
        const Kind kind = call == create_message_connection ? Kind::message : Kind::event;
        return done(hyperv_.connect(kind, connection, target), "there is one already");
    }
    const std::lock_guard lock(mutex_);
    std::uint32_t& routes = routes_[target.cpu][target.sint];
    if (call == create_route) {
        ++routes;
        return std::nullopt;
    }
    if (routes == 0) {
        return access.refuse(
            fmt::format("there is no route to SINT {} of vCPU {}", target.sint, target.cpu));
    }
    if (call == destroy_route) {
        --routes;
    } else {
        hyperv_.raise(target);
    }
    return std::nullopt;
}

}  // namespace nestbed::vmm
