#include "vmm/kvm/device.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "vmm/base/cpuid.hpp"
#include "vmm/base/kernel_file.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::kvm {

namespace {

constexpr char device[] = "/dev/kvm";

/// Of a file like /etc/group, "kvm:x:104:alice,bob": the fields of the line with this number. By
/// the file alone: the C library would ask services that a static program has not got.
std::optional<std::vector<std::string>> entry_of(const char* file, std::uint32_t number) {
    constexpr std::size_t number_field = 2;
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        const std::vector<std::string_view> fields = vmm::split(line, ':');
        if (fields.size() > number_field && vmm::whole_number(fields[number_field]) == number) {
            return std::vector<std::string>(fields.begin(), fields.end());
        }
    }
    return std::nullopt;
}

std::optional<std::string> name_in(const std::optional<std::vector<std::string>>& entry) {
    return entry ? std::optional(entry->front()) : std::nullopt;
}

bool has_member(const std::vector<std::string>& group, std::string_view user) {
    constexpr std::size_t members_field = 3;
    return group.size() > members_field &&
           std::ranges::count(vmm::split(group[members_field], ','), user) != 0;
}

/// By the marks that container engines leave; without /proc nothing says that it is none.
std::optional<bool> is_container() {
    if (vmm::is_there("/.dockerenv") || vmm::is_there("/run/.containerenv") ||
        std::getenv("container") != nullptr) {
        return true;
    }
    std::ifstream stream("/proc/1/cgroup");
    std::string line;
    bool told = false;
    while (std::getline(stream, line)) {
        told = true;
        for (const char* engine : {"docker", "kubepods", "containerd", "libpod", "lxc"}) {
            if (line.find(engine) != std::string::npos) {
                return true;
            }
        }
    }
    return told ? std::optional(false) : std::nullopt;
}

std::vector<std::uint32_t> groups_of_process() {
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(static_cast<std::size_t>(std::max(0, count)));
    groups.push_back(::getegid());
    return {groups.begin(), groups.end()};
}

/// Nothing without /sys.
std::optional<bool> is_kvm_loaded() {
    constexpr char devices[] = "/sys/devices/virtual/misc";
    return vmm::is_there(devices) ? std::optional(vmm::is_there(std::string(devices) + "/kvm"))
                                  : std::nullopt;
}

std::string module_for(const DeviceFacts& facts) { return facts.has_svm ? "kvm_amd" : "kvm_intel"; }

bool in_container(const DeviceFacts& facts) { return facts.is_in_container.value_or(false); }

std::string absence_remedy(const DeviceFacts& facts) {
    const std::string module = module_for(facts);
    if (!facts.has_other_devices) {
        return "there is no /dev here: mount it (mount --bind /dev ROOT/dev)";
    }
    if (in_container(facts)) {
        return "start the container with --device /dev/kvm" +
               (facts.is_loaded.value_or(false)
                    ? ""
                    : "; if its host has none either, load " + module + " there");
    }
    if (facts.is_loaded.value_or(false)) {
        return "KVM is loaded, but its device is not here: in a container start it with --device "
               "/dev/kvm, elsewhere make it (sudo mknod /dev/kvm c 10 232)";
    }
    if (facts.has_vmx || facts.has_svm) {
        return "load " + module + " (sudo modprobe " + module +
               "; if it says that it is not supported, turn on VMX or SVM in the firmware)" +
               (facts.is_in_container ? "" : ", or in a container start it with --device /dev/kvm");
    }
    return facts.is_virtual
               ? "this virtual machine's processor has no VMX or SVM: have its host allow nested "
                 "virtualization"
               : "this processor shows no VMX or SVM: turn it on in the firmware";
}

/// Of one whose module has no processor to work with, or is not there.
std::string dead_device_remedy(const DeviceFacts& facts) {
    const std::string module = module_for(facts);
    return facts.has_vmx || facts.has_svm ? "load " + module + " (sudo modprobe " + module +
                                                "), and see what the kernel says of kvm (dmesg)"
                                          : absence_remedy(facts);
}

std::string group_remedy(const DeviceFacts& facts, const DeviceFacts::Node& node) {
    const std::string user = facts.user_name.value_or("$USER");
    if (!node.group_name) {
        return in_container(facts)
                   ? fmt::format(
                         "start the container with --group-add {}, the number of the "
                         "host's group kvm, which has no name in here",
                         node.group)
                   : fmt::format(
                         "give the group a name and join it (sudo groupadd -g {0} kvm; "
                         "sudo usermod -aG kvm {1}), then log in again",
                         node.group, user);
    }
    if (facts.is_listed_in_group) {
        return fmt::format(
            "you are in the group {0}, but not yet in this session: newgrp {0}, or "
            "log in again",
            *node.group_name);
    }
    return fmt::format("join its group (sudo usermod -aG {0} {1}), then newgrp {0} or log in again",
                       *node.group_name, user);
}

std::string permission_remedy(const DeviceFacts& facts) {
    constexpr std::uint32_t both = 06;  // read and write
    const auto may = [](std::uint32_t bits) { return (bits & both) == both; };
    if (!facts.node) {
        return "ask whoever runs this host: the device cannot even be looked at";
    }
    const DeviceFacts::Node& node = *facts.node;
    const bool is_owner = facts.user == node.owner;
    const bool is_member = std::ranges::count(facts.groups, node.group) != 0;
    const std::uint32_t own_bits = node.mode >> (is_owner ? 6 : is_member ? 3 : 0);
    if (may(own_bits) || facts.user == 0) {
        return in_container(facts)
                   ? "its mode allows it, so the container does not: start it with --device "
                     "/dev/kvm, which a mounted /dev/kvm does not replace"
                   : "its mode allows it, so something else does not: a security module (SELinux, "
                     "AppArmor), a /dev that is mounted with nodev, or a container that was "
                     "started without --device /dev/kvm";
    }
    if (may(node.mode >> 3) && !is_member && node.group != 0) {
        return group_remedy(facts, node);
    }
    return fmt::format(
        "only root may use it: for now sudo setfacl -m u:{0}:rw {1} or sudo chmod 666 {1}, for "
        "good a udev rule, in /etc/udev/rules.d/65-kvm.rules: KERNEL==\"kvm\", GROUP=\"kvm\", "
        "MODE=\"0660\"",
        facts.user_name.value_or("$USER"), device);
}

std::string node_text(const DeviceFacts& facts) {
    if (!facts.node) {
        return "";
    }
    const DeviceFacts::Node& node = *facts.node;
    return fmt::format(" (owner {}, group {}, mode {:04o})", node.owner,
                       node.group_name.value_or(fmt::format("{}", node.group)), node.mode);
}

}  // namespace

DeviceFacts find_device_facts(int error) {
    constexpr unsigned vmx_bit = 5;
    constexpr unsigned svm_bit = 2;
    DeviceFacts facts{.error = error};
    facts.user = ::geteuid();
    facts.groups = groups_of_process();
    facts.user_name = name_in(entry_of("/etc/passwd", facts.user));
    struct stat status {};
    if (::stat(device, &status) == 0) {
        const auto group = entry_of("/etc/group", status.st_gid);
        facts.node = {.owner = status.st_uid,
                      .group = status.st_gid,
                      .mode = status.st_mode & 07777,
                      .group_name = name_in(group)};
        facts.is_listed_in_group = group && facts.user_name && has_member(*group, *facts.user_name);
    }
    facts.has_other_devices = vmm::is_there("/dev/null");
    facts.is_in_container = is_container();
    facts.is_loaded = is_kvm_loaded();
    facts.has_vmx = vmm::cpuid_ecx_bit(1, vmx_bit);
    facts.has_svm = vmm::cpuid_ecx_bit(0x8000'0001, svm_bit);
    facts.is_virtual = vmm::is_below_hypervisor();
    return facts;
}

std::string problem_text(const DeviceFacts& facts) {
    switch (facts.error) {
        case ENOENT:
        case ENOTDIR:
            return fmt::format("no /dev/kvm: {}; {}", absence_remedy(facts), emulated_instead);
        case ENODEV:
        case ENXIO:
            return fmt::format("no KVM behind /dev/kvm ({}): {}; {}", std::strerror(facts.error),
                               dead_device_remedy(facts), emulated_instead);
        case EACCES:
        case EPERM:
            return fmt::format("no permission to open /dev/kvm{}: {}; {}", node_text(facts),
                               permission_remedy(facts), emulated_instead);
        case EBUSY:
            return fmt::format("{}; {}", busy_text, emulated_instead);
        default:
            return fmt::format("cannot open /dev/kvm: {}", std::strerror(facts.error));
    }
}

}  // namespace nestbed::kvm
