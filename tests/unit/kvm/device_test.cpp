#include "vmm/kvm/device.hpp"

#include <gmock/gmock.h>

#include <cerrno>

namespace nestbed::kvm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::uint32_t kvm_group = 104;

/// A user's on Debian, whose processor has VMX.
DeviceFacts facts_with(int error) {
    return {
        .error = error,
        .node =
            DeviceFacts::Node{.owner = 0, .group = kvm_group, .mode = 0660, .group_name = "kvm"},
        .user = 1000,
        .groups = {1000},
        .user_name = "alice",
        .is_in_container = false,
        .has_vmx = true};
}

DeviceFacts without_node() {
    DeviceFacts facts = facts_with(ENOENT);
    facts.node.reset();
    return facts;
}

TEST(KvmDevice, EachProblemNamesTheEmulatedMachine) {
    for (const int error : {ENOENT, ENODEV, ENXIO, EACCES, EPERM, EBUSY}) {
        EXPECT_THAT(problem_text(facts_with(error)), HasSubstr("nestbed nested --paging npt"));
    }
    EXPECT_EQ(problem_text(facts_with(EMFILE)), "cannot open /dev/kvm: Too many open files");
}

TEST(KvmDevice, OfAGroupOneIsToJoin) {
    EXPECT_THAT(
        problem_text(facts_with(EACCES)),
        StartsWith("no permission to open /dev/kvm (owner 0, group kvm, mode 0660): join its "
                   "group (sudo usermod -aG kvm alice), then newgrp kvm or log in again;"));
}

TEST(KvmDevice, OfAGroupThatOneHasJoinedTheSessionIsOld) {
    DeviceFacts facts = facts_with(EACCES);
    facts.is_listed_in_group = true;
    EXPECT_THAT(problem_text(facts),
                AllOf(HasSubstr("not yet in this session: newgrp kvm"), Not(HasSubstr("usermod"))));
}

TEST(KvmDevice, OfAGroupWithoutANameTheNumberIsSaid) {
    DeviceFacts facts = facts_with(EACCES);
    facts.node->group_name.reset();
    EXPECT_THAT(problem_text(facts),
                AllOf(HasSubstr("group 104, mode 0660"), HasSubstr("groupadd -g 104 kvm")));
    facts.is_in_container = true;
    EXPECT_THAT(problem_text(facts),
                AllOf(HasSubstr("--group-add 104"), Not(HasSubstr("groupadd"))));
}

TEST(KvmDevice, WhatIsRootsAloneIsToBeOpened) {
    for (const auto& [group, mode] : {std::pair{0U, 0600U}, {0U, 0660U}, {kvm_group, 0600U}}) {
        DeviceFacts facts = facts_with(EACCES);
        facts.node->group = group;
        facts.node->mode = mode;
        EXPECT_THAT(problem_text(facts),
                    AllOf(HasSubstr("only root may use it: for now sudo setfacl -m u:alice:rw"),
                          HasSubstr("KERNEL==\"kvm\", GROUP=\"kvm\", MODE=\"0660\""),
                          Not(HasSubstr("usermod"))))
            << group << " " << mode;
    }
}

TEST(KvmDevice, WhatItsModeAllowsSomethingElseForbids) {
    for (const auto& [group, mode, user] :
         {std::tuple{1000U, 0660U, 1000U}, {kvm_group, 0666U, 1000U}, {kvm_group, 0660U, 0U}}) {
        DeviceFacts facts = facts_with(EPERM);
        facts.node->group = group;
        facts.node->mode = mode;
        facts.user = user;
        EXPECT_THAT(problem_text(facts), HasSubstr("SELinux"));
        facts.is_in_container = true;
        EXPECT_THAT(problem_text(facts),
                    AllOf(HasSubstr("start it with --device /dev/kvm"), Not(HasSubstr("usermod"))));
    }
}

TEST(KvmDevice, WhatCannotBeLookedAtIsNotGuessed) {
    DeviceFacts facts = facts_with(EACCES);
    facts.node.reset();
    EXPECT_THAT(problem_text(facts),
                AllOf(StartsWith("no permission to open /dev/kvm: "), Not(HasSubstr("mode"))));
}

TEST(KvmDevice, OfAMissingOneTheModuleIsNamedByTheProcessor) {
    DeviceFacts facts = without_node();
    EXPECT_THAT(problem_text(facts), StartsWith("no /dev/kvm: load kvm_intel (sudo modprobe"));
    facts.has_vmx = false;
    facts.has_svm = true;
    EXPECT_THAT(problem_text(facts), StartsWith("no /dev/kvm: load kvm_amd (sudo modprobe"));
    EXPECT_THAT(problem_text(facts), Not(HasSubstr("--device")));
    facts.is_in_container.reset();
    EXPECT_THAT(problem_text(facts), HasSubstr("or in a container start it with --device"));
}

TEST(KvmDevice, WithoutVirtualizationNoModuleHelps) {
    DeviceFacts facts = without_node();
    facts.has_vmx = false;
    EXPECT_THAT(problem_text(facts),
                AllOf(HasSubstr("turn it on in the firmware"), Not(HasSubstr("modprobe"))));
    facts.is_virtual = true;
    EXPECT_THAT(problem_text(facts),
                AllOf(HasSubstr("have its host allow nested"), Not(HasSubstr("firmware"))));
    facts.error = ENODEV;
    EXPECT_THAT(problem_text(facts), StartsWith("no KVM behind /dev/kvm (No such device): this "));
}

TEST(KvmDevice, AContainerIsToBeGivenIt) {
    DeviceFacts facts = without_node();
    facts.is_in_container = true;
    EXPECT_THAT(problem_text(facts),
                StartsWith("no /dev/kvm: start the container with --device /dev/kvm;"));
}

TEST(KvmDevice, OfAKvmThatIsLoadedOnlyTheDeviceIsMissing) {
    DeviceFacts facts = without_node();
    facts.has_vmx = false;  // one that needs none, like PVM
    facts.is_loaded = true;
    EXPECT_THAT(problem_text(facts),
                AllOf(HasSubstr("KVM is loaded, but its device is not here: in a container start "
                                "it with --device"),
                      Not(HasSubstr("VMX"))));
    facts.is_in_container = true;
    EXPECT_THAT(problem_text(facts), Not(HasSubstr("load kvm")));
}

TEST(KvmDevice, ARootWithoutDevicesHasNone) {
    DeviceFacts facts = without_node();
    facts.has_other_devices = false;
    EXPECT_THAT(problem_text(facts), StartsWith("no /dev/kvm: there is no /dev here"));
}

TEST(KvmDevice, ABusyProcessorHasAnotherHypervisor) {
    EXPECT_THAT(problem_text({.error = EBUSY}), HasSubstr("VirtualBox"));
}

TEST(KvmDevice, FactsAreThoseOfThisProcess) {
    const DeviceFacts facts = find_device_facts(EACCES);
    EXPECT_EQ(facts.error, EACCES);
    EXPECT_FALSE(facts.groups.empty());
    EXPECT_TRUE(facts.has_other_devices);
}

}  // namespace
}  // namespace nestbed::kvm
