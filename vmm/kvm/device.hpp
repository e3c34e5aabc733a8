// Why /dev/kvm cannot be used, and what would help.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nestbed::kvm {

/// What can be found out about a device that could not be opened. What is not known is nothing.
struct DeviceFacts {
    int error = 0;  ///< of open()
    struct Node {
        std::uint32_t owner = 0;
        std::uint32_t group = 0;
        std::uint32_t mode = 0;  ///< permission bits
        std::optional<std::string> group_name = {};
    };
    std::optional<Node> node = {};  ///< nothing: there is none, or it cannot be looked at
    bool has_other_devices = true;  ///< there is a /dev at all
    std::uint32_t user = 0;
    std::vector<std::uint32_t> groups = {};     ///< that this process is in
    bool is_listed_in_group = false;            ///< /etc/group says that the user is in the node's
    std::optional<std::string> user_name = {};  ///< to be named in a command
    std::optional<bool> is_in_container = {};
    std::optional<bool> is_loaded = {};  ///< the kernel has KVM, whether or not it can be reached
    bool has_vmx = false;
    bool has_svm = false;
    bool is_virtual = false;  ///< this host is a virtual machine
};

/// Of /dev/kvm and this process, now.
DeviceFacts find_device_facts(int error);

/// "no permission to open /dev/kvm (group kvm, mode 0660): … or use an emulated machine …".
std::string problem_text(const DeviceFacts& facts);

/// The way out that is always there.
inline constexpr char emulated_instead[] =
    "or use an emulated machine, which needs none: nestbed nested --paging npt -- COMMAND";

/// KVM_CREATE_VM says EBUSY.
inline constexpr char busy_text[] =
    "KVM cannot make a VM: another hypervisor has the processor's VMX or SVM (VirtualBox, VMware, "
    "another one that is no KVM): stop its machines, or unload its module (lsmod | grep vbox)";

}  // namespace nestbed::kvm
