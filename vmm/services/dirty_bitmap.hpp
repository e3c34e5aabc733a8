// The dirty log as KVM's bitmap.
#pragma once

#include "vmm/services/dirty_log.hpp"

namespace nestbed::vmm {

class DirtyBitmap final : public DirtyLog {
  public:
    using DirtyLog::DirtyLog;

    std::uint64_t stop() override {
        test_memory().log_writes(false);
        return 0;
    }
    void collect(std::span<std::uint64_t> bitmap) override {
        // KVM kicks the vCPUs for that, too, but does not wait until they are out.
        bring_vcpus_out();
        test_memory().get_dirty_log(bitmap);
    }
    void clear(std::uint64_t first_page, std::span<const std::uint64_t> bitmap) override {
        test_memory().clear_dirty_log(first_page, bitmap);
    }
};

}  // namespace nestbed::vmm
