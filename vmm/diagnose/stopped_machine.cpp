#include "vmm/diagnose/stopped_machine.hpp"

namespace nestbed::vmm {

StoppedMachine stopped(const Machine& machine, const Guest& guest) {
    return {.memory = machine.memory(),
            .vcpus = machine.vcpus(),
            .file = guest.image().file(),
            .own = OwnGuest{guest.image(), machine.shared_pages()}};
}

}  // namespace nestbed::vmm
