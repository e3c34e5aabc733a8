// Bochs: emulates VMX with EPT, VPID and unrestricted guests.
#pragma once

#include "vmm/nested/emulator.hpp"

namespace nestbed::vmm {

class Bochs : public Emulator {
  public:
    explicit Bochs(NestedSettings settings);

    std::string name() const override { return name_; }
    std::string cpu_model() const override { return settings_.cpu_model; }
    std::string kvm_module() const override { return "kvm-intel"; }
    std::string kvm_parameters() const override { return "ept=1"; }
    KvmParameter expected_parameter() const override {
        return {"/sys/module/kvm_intel/parameters/ept", "Y"};
    }
    std::string complaint_in(const std::string& said) const override;
    std::vector<std::string> command(const NestedKernel& kernel,
                                     const std::filesystem::path& initramfs,
                                     const std::filesystem::path& folder) const override;

  private:
    NestedSettings settings_;
    std::string name_;
};

}  // namespace nestbed::vmm
