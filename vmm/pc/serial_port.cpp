#include "vmm/pc/serial_port.hpp"

#include <utility>

namespace nestbed::vmm {

namespace {

constexpr std::uint16_t first_port = 0x3F8;

// Registers of the 16550, as offsets.
constexpr std::uint16_t data_register = 0;  // with DLAB: divisor, low byte
constexpr std::uint16_t interrupts = 1;     // which are enabled; with DLAB: divisor, high byte
constexpr std::uint16_t fifos = 2;          // their control; is read as which interrupt is pending
constexpr std::uint16_t line_control = 3;
constexpr std::uint16_t line_status = 5;
constexpr std::uint16_t modem_status = 6;

constexpr std::uint8_t no_interrupt = 0x01;
constexpr std::uint8_t fifos_enabled = 0x01;         // as it is written
constexpr std::uint8_t has_fifos = 0xC0;             // as it is read
constexpr std::uint8_t divisor_latch_access = 0x80;  // DLAB, in the line control register
constexpr std::uint8_t transmitter_empty = 0x60;     // THRE and TEMT
constexpr std::uint8_t carrier_and_ready = 0xB0;     // DCD, DSR, CTS

}  // namespace

void SerialPort::register_in(ExitTable& exits) {
    const auto answer = [this](const Access& access) -> Answer {
        const auto number = static_cast<std::uint16_t>(access.address - first_port);
        const std::lock_guard lock(mutex_);
        if (access.is_write) {
            write(number, static_cast<std::uint8_t>(access.value()));
            return std::nullopt;
        }
        return access.put(read(number));
    };
    exits.add_ports(first_port, registers, byte_by_byte(first_port, registers, answer));
}

bool SerialPort::is_divisor(std::uint16_t number) const {
    return number <= interrupts && (latched_[line_control] & divisor_latch_access) != 0;
}

std::uint8_t SerialPort::read(std::uint16_t number) const {
    if (is_divisor(number)) {
        return divisor_[number];
    }
    switch (number) {
        case data_register:
            return 0;
        case fifos:
            return (latched_[fifos] & fifos_enabled) != 0 ? has_fifos | no_interrupt : no_interrupt;
        case line_status:
            return transmitter_empty;
        case modem_status:
            return carrier_and_ready;
        default:
            return latched_[number];
    }
}

void SerialPort::write(std::uint16_t number, std::uint8_t value) {
    if (is_divisor(number)) {
        divisor_[number] = value;
    } else if (number == data_register) {
        transmit(static_cast<char>(value));
    } else {
        latched_[number] = value;
    }
}

void SerialPort::transmit(char character) {
    line_ += character;
    if (character == '\n' || line_.size() == most_of_a_piece) {
        sink_(line_);
        line_.clear();
    }
}

void SerialPort::flush() {
    const std::lock_guard lock(mutex_);
    if (!line_.empty()) {
        sink_(std::exchange(line_, {}));
    }
}

}  // namespace nestbed::vmm
