#include "vmm/pc/firmware_configuration.hpp"

#include <cstring>

namespace nestbed::vmm {

namespace {

// Numbers of items.
constexpr std::uint16_t signature = 0x00;
constexpr std::uint16_t memory_size = 0x03;
constexpr std::uint16_t cpu_count = 0x05;
constexpr std::uint16_t most_cpus = 0x0F;

template <typename T>
std::string bytes_of(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

}  // namespace

FirmwareConfiguration::FirmwareConfiguration(const PcSettings& settings)
    : items_{{signature, "QEMU"},
             {memory_size, bytes_of(settings.memory)},
             {cpu_count, bytes_of(static_cast<std::uint16_t>(settings.cpus))},
             {most_cpus, bytes_of(static_cast<std::uint16_t>(settings.cpus))}} {}

void FirmwareConfiguration::register_in(ExitTable& exits) {
    constexpr std::uint16_t selector_port = 0x510;
    constexpr std::uint16_t data_port = 0x511;
    exits.add_port(selector_port, [this](const Access& access) -> Answer {
        const std::lock_guard lock(mutex_);
        if (!access.is_write) {
            return access.put(selected_);
        }
        selected_ = static_cast<std::uint16_t>(access.value());
        read_ = 0;
        return std::nullopt;
    });
    exits.add_port(data_port, [this](const Access& access) -> Answer {
        const std::lock_guard lock(mutex_);
        return access.is_write ? std::nullopt : access.put(next_byte());
    });
}

std::uint8_t FirmwareConfiguration::next_byte() {
    const auto item = items_.find(selected_);
    // Zeroes are what is behind the end, and all that there is of what is not there.
    return item == items_.end() || read_ >= item->second.size()
               ? 0
               : static_cast<std::uint8_t>(item->second[read_++]);
}

}  // namespace nestbed::vmm
