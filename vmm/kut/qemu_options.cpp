#include "vmm/kut/qemu_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/base/near_words.hpp"
#include "vmm/base/text.hpp"
#include "vmm/base/values.hpp"
#include "vmm/kut/cpu_option.hpp"

namespace nestbed::vmm {

namespace {

using Kind = QemuRequest::Kind;

constexpr std::size_t most_words = 1000;
constexpr std::size_t longest_command_line = 4096;

template <typename... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    throw_error(ErrorKind::usage, format, std::forward<Arguments>(arguments)...);
}

/// "name=value" of an option's list; the value is "on" where there is none.
struct Property {
    std::string_view name;
    std::string_view value;
    bool has_value;
};

Property property_of(std::string_view text) {
    const std::size_t equals = text.find('=');
    const bool has_value = equals != std::string_view::npos;
    return {text.substr(0, equals), has_value ? text.substr(equals + 1) : "on", has_value};
}

std::vector<Property> properties_of(std::string_view list) {
    std::vector<Property> properties;
    for (const std::string_view part : split(list, ',')) {
        properties.push_back(property_of(part));
    }
    return properties;
}

/// The first of a list may go without the name that it has.
std::vector<Property> properties_of(std::string_view list, std::string_view first_name) {
    std::vector<Property> properties = properties_of(list);
    if (!properties.front().has_value) {
        properties.front() = {first_name, properties.front().name, true};
    }
    return properties;
}

void set_accelerator(std::string_view name) {
    if (name != "kvm") {
        refuse("this machine runs on KVM, not on {}", printable(name));
    }
}

void set_machine_type(std::string_view type) {
    if (type != "pc" && type != "q35" && !type.starts_with("pc-i440fx") &&
        !type.starts_with("pc-q35")) {
        refuse("this machine is a PC (pc, q35), not {}", printable(type));
    }
}

void set_irqchip(std::string_view where) {
    if (where != "on") {
        refuse("this machine has its interrupt controllers in the kernel, not kernel-irqchip={}",
               printable(where));
    }
}

void set_machine_property(PcSettings& pc, const Property& property) {
    std::string name(property.name);
    std::ranges::replace(name, '_', '-');
    if (name == "type") {
        set_machine_type(property.value);
    } else if (name == "accel") {
        set_accelerator(property.value);
    } else if (name == "kernel-irqchip") {
        set_irqchip(property.value);
    } else if (name == "vmport") {
        // QEMU's "auto" is what its machine does without Xen.
        pc.vmport = property.value == "auto" || parse_switch("-machine vmport", property.value);
    } else if (name == "pit") {
        pc.pit = parse_switch("-machine pit", property.value);
    } else {
        refuse("this machine has no property {}={}", printable(name), printable(property.value));
    }
}

void read_machine(QemuRequest& request, std::string_view value) {
    for (const Property& property : properties_of(value, "type")) {
        set_machine_property(request.pc, property);
    }
}

void read_accelerator(QemuRequest&, std::string_view value) {
    for (const Property& property : properties_of(value, "accel")) {
        if (property.name == "accel") {
            set_accelerator(property.value);
        } else if (property.name == "kernel-irqchip" || property.name == "kernel_irqchip") {
            set_irqchip(property.value);
        } else {
            refuse("-accel: {} cannot be chosen here", printable(property.name));
        }
    }
}

void read_device(QemuRequest& request, std::string_view value) {
    const std::string_view name = value.substr(0, value.find(','));
    if (value == "?" || value == "help") {
        request.kind = request.kind == Kind::machine ? Kind::devices : request.kind;
    } else if (name == "isa-debug-exit") {
        if (value != "isa-debug-exit,iobase=0xf4,iosize=0x4") {
            refuse(
                "this machine has its isa-debug-exit at iobase=0xf4,iosize=0x4 and nowhere else");
        }
    } else if (value == "hyperv-testdev") {
        request.pc.hyperv_test_device = true;
    } else if (value != "pc-testdev" && value != "pci-testdev") {
        refuse("this machine has no device {}", printable(name));
    }
}

void read_cpu(QemuRequest& request, std::string_view value) {
    request.pc.cpu = read_cpu_option(value);
}

std::uint64_t memory_size(std::string_view text) {
    const bool has_suffix = !text.empty() && (text.back() < '0' || text.back() > '9');
    const std::uint64_t bytes = parse_size("-m", std::string(text) + (has_suffix ? "" : "M"));
    constexpr std::uint64_t mebibyte = 1U << 20;
    if (bytes < least_pc_memory || bytes > most_pc_memory || bytes % mebibyte != 0) {
        refuse("-m {}: this machine has from {} to {} of memory, in whole MiB", printable(text),
               size_text(least_pc_memory), size_text(most_pc_memory));
    }
    return bytes;
}

void read_memory(QemuRequest& request, std::string_view value) {
    for (const Property& property : properties_of(value, "size")) {
        if (property.name != "size") {
            refuse("this machine's memory has a size, and no {}", printable(property.name));
        }
        request.pc.memory = memory_size(property.value);
    }
}

void set_cpus(PcSettings& pc, std::string_view text) {
    const std::uint64_t cpus = parse_number("-smp", text, 1, ~std::uint64_t{0});
    if (cpus > most_pc_cpus) {
        // kvm-unit-tests looks for "SMP CPUs", and takes the last word for the maximum.
        refuse("Number of SMP CPUs requested ({}) exceeds the maximum of this machine ({})", cpus,
               most_pc_cpus);
    }
    pc.cpus = static_cast<std::uint32_t>(cpus);
}

/// How the CPUs are grouped, the guests of kvm-unit-tests do not look at.
void read_cpu_count(QemuRequest& request, std::string_view value) {
    constexpr std::array groupings{"sockets", "dies", "clusters", "cores", "threads", "maxcpus"};
    for (const Property& property : properties_of(value, "cpus")) {
        if (property.name == "cpus") {
            set_cpus(request.pc, property.value);
        } else if (std::ranges::find(groupings, property.name) != groupings.end()) {
            parse_number(fmt::format("-smp {}", property.name), property.value, 1, most_pc_cpus);
            request.warnings.push_back(
                fmt::format("warning: -smp {}: all CPUs of this machine are cores of one socket",
                            property.name));
        } else {
            refuse("-smp: {} cannot be chosen here", printable(property.name));
        }
    }
}

void read_overcommit(QemuRequest& request, std::string_view value) {
    for (const Property& property : properties_of(value)) {
        if (property.name != "cpu-pm") {
            refuse("-overcommit: {} cannot be chosen here", printable(property.name));
        }
        request.pc.cpu_power_management = parse_switch("-overcommit cpu-pm", property.value);
    }
}

void read_global(QemuRequest& request, std::string_view value) {
    constexpr std::string_view policy = "kvm-pit.lost_tick_policy=";
    if (value != std::string(policy) + "discard" && value != std::string(policy) + "delay") {
        refuse("this machine has no global property {}", printable(value));
    }
    request.pc.pit_reinjects = value.ends_with("delay");
}

void read_append(QemuRequest& request, std::string_view value) {
    if (value.size() > longest_command_line || value.find('\0') != std::string_view::npos) {
        refuse("-append: a command line has at most {} characters, and none that is zero",
               longest_command_line);
    }
    request.pc.command_line = value;
}

void read_kernel(QemuRequest& request, std::string_view value) { request.kernel = value; }
void read_initrd(QemuRequest& request, std::string_view value) { request.initrd = value; }

/// What the machine does by itself, and cannot do otherwise.
template <const auto& only>
void expect(QemuRequest&, std::string_view value) {
    if (value != std::string_view(only)) {
        refuse("this machine has nothing but {} there, not {}", only, printable(value));
    }
}
constexpr char none[] = "none";
constexpr char stdio[] = "stdio";

void ignore(QemuRequest&, std::string_view) {}
void ask_for_help(QemuRequest& request, std::string_view) { request.kind = Kind::help; }
void ask_for_version(QemuRequest& request, std::string_view) { request.kind = Kind::version; }

struct Option {
    std::string_view name;
    bool has_value;
    void (*read)(QemuRequest&, std::string_view value);
};

constexpr std::array known_options{
    Option{"M", true, read_machine},
    Option{"accel", true, read_accelerator},
    Option{"append", true, read_append},
    Option{"cpu", true, read_cpu},
    Option{"device", true, read_device},
    Option{"display", true, expect<none>},
    Option{"enable-kvm", false, ignore},
    Option{"global", true, read_global},
    Option{"h", false, ask_for_help},
    Option{"help", false, ask_for_help},
    Option{"initrd", true, read_initrd},
    Option{"kernel", true, read_kernel},
    Option{"m", true, read_memory},
    Option{"machine", true, read_machine},
    Option{"monitor", true, expect<none>},
    Option{"no-reboot", false, ignore},
    Option{"no-user-config", false, ignore},
    Option{"nodefaults", false, ignore},
    Option{"nographic", false, ignore},
    Option{"overcommit", true, read_overcommit},
    Option{"serial", true, expect<stdio>},
    Option{"smp", true, read_cpu_count},
    Option{"version", false, ask_for_version},
    Option{"vnc", true, expect<none>},
};

const Option& option_called(std::string_view word) {
    if (!word.starts_with('-')) {
        refuse("this machine has no disk for {}", printable(word));
    }
    const std::string_view name = word.substr(word.starts_with("--") ? 2 : 1);
    const auto* found = std::ranges::find(known_options, name, &Option::name);
    if (found == known_options.end()) {
        std::vector<std::string> names;
        for (const Option& option : known_options) {
            names.push_back(fmt::format("-{}", option.name));
        }
        refuse("this machine has no option {}{}", printable(word), did_you_mean(word, names));
    }
    return *found;
}

}  // namespace

QemuRequest read_qemu_options(std::span<const std::string> words) {
    if (words.size() > most_words) {
        refuse("more than {} words of options", most_words);
    }
    QemuRequest request;
    for (auto word = words.begin(); word != words.end(); ++word) {
        const Option& option = option_called(*word);
        if (option.has_value && std::next(word) == words.end()) {
            refuse("{} needs a value", printable(*word));
        }
        option.read(request, option.has_value ? std::string_view(*++word) : std::string_view());
    }
    return request;
}

std::string qemu_device_list() {
    std::string list;
    for (const char* name : {"hyperv-testdev", "isa-debug-exit", "pc-testdev", "pci-testdev"}) {
        list += fmt::format("name \"{}\"\n", name);
    }
    return list;
}

}  // namespace nestbed::vmm
