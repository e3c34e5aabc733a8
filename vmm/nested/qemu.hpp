// QEMU without acceleration: emulates SVM with nested paging.
#pragma once

#include "vmm/nested/emulator.hpp"
#include "vmm/nested/tool.hpp"

namespace nestbed::vmm {

class Qemu : public Emulator {
  public:
    explicit Qemu(NestedSettings settings);

    std::string name() const override { return name_; }
    std::string cpu_model() const override { return settings_.cpu_model; }
    std::string kvm_module() const override { return "kvm-amd"; }
    std::string kvm_parameters() const override;
    KvmParameter expected_parameter() const override;
    std::string complaint_in(const std::string& said) const override { return last_line(said); }
    std::vector<std::string> command(const NestedKernel& kernel,
                                     const std::filesystem::path& initramfs,
                                     const std::filesystem::path& folder) const override;

  private:
    NestedSettings settings_;
    std::string name_;
};

}  // namespace nestbed::vmm
