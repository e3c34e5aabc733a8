#define _GNU_SOURCE
#include "bare_vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

// What vmm/machine/long_mode.cpp and vmm/platform/machine.cpp set, in plain numbers.
enum { max_cpuid_entries = 256, kernel_code = 0x10, kernel_data = 0x18 };
static const uint64_t tss_address = 0xFFFBD000;
static const uint64_t cr0 = 0x80050033;        // PE MP ET NE WP AM PG
static const uint64_t cr4 = 0xA0;              // PAE PGE
static const uint64_t efer = 0xD00;            // LME LMA NXE
static const uint64_t apic_base = 0xFEE00D00;  // enabled, x2APIC, bootstrap processor

static int failed(const char* what) {
    fprintf(stderr, "bare_vm: %s: %s\n", what, strerror(errno));
    return 1;
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type, uint8_t is_code) {
    struct kvm_segment segment;
    memset(&segment, 0, sizeof segment);
    segment.selector = selector;
    segment.limit = 0xFFFFFFFF;
    segment.type = type;
    segment.present = 1;
    segment.s = 1;
    segment.l = is_code;
    segment.db = !is_code;
    segment.g = 1;
    return segment;
}

static int set_cpuid(int kvm, int vcpu) {
    static union {
        struct kvm_cpuid2 list;
        char bytes[sizeof(struct kvm_cpuid2) + max_cpuid_entries * sizeof(struct kvm_cpuid_entry2)];
    } cpuid;
    cpuid.list.nent = max_cpuid_entries;
    if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid.list) < 0) {
        return failed("KVM_GET_SUPPORTED_CPUID");
    }
    for (uint32_t i = 0; i < cpuid.list.nent; ++i) {
        struct kvm_cpuid_entry2* entry = &cpuid.list.entries[i];
        if (entry->function == 1) {
            entry->ebx = (entry->ebx & 0xFFFF) | 1U << 16;
            entry->ecx |= 1U << 21;
        } else if (entry->function == 0xB || entry->function == 0x1F) {
            entry->edx = 0;
        } else if (entry->function == 0x8000001E) {
            entry->eax = 0;
        }
    }
    return ioctl(vcpu, KVM_SET_CPUID2, &cpuid.list) < 0 ? failed("KVM_SET_CPUID2") : 0;
}

static int set_registers(int vcpu, const struct snapshot* guest) {
    struct kvm_sregs special;
    if (ioctl(vcpu, KVM_GET_SREGS, &special) < 0) {
        return failed("KVM_GET_SREGS");
    }
    special.cs = flat_segment(kernel_code, 11, 1);
    special.ds = flat_segment(kernel_data, 3, 0);
    special.es = special.fs = special.gs = special.ss = special.ds;
    special.cr0 = cr0;
    special.cr3 = guest->root;
    special.cr4 = cr4;
    special.efer = efer;
    special.apic_base = apic_base;
    if (ioctl(vcpu, KVM_SET_SREGS, &special) < 0) {
        return failed("KVM_SET_SREGS");
    }
    struct kvm_regs registers;
    memset(&registers, 0, sizeof registers);
    registers.rip = guest->entry;
    registers.rdi = guest->boot_info;
    registers.rflags = 2;
    if (ioctl(vcpu, KVM_SET_REGS, &registers) < 0) {
        return failed("KVM_SET_REGS");
    }
    const struct kvm_mp_state runnable = {KVM_MP_STATE_RUNNABLE};
    return ioctl(vcpu, KVM_SET_MP_STATE, &runnable) < 0 ? failed("KVM_SET_MP_STATE") : 0;
}

static int run(int vcpu, const struct kvm_run* page, uint64_t finish_port) {
    for (;;) {
        if (ioctl(vcpu, KVM_RUN, 0) < 0) {
            if (errno == EINTR || errno == EAGAIN) {
                continue;
            }
            return failed("KVM_RUN");
        }
        if (page->exit_reason != KVM_EXIT_IO) {
            fprintf(stderr, "bare_vm: unexpected exit %u\n", page->exit_reason);
            return 1;
        }
        if (page->io.port == finish_port) {
            return 0;
        }
    }
}

static int run_on_vcpu(int kvm, int vm, const struct snapshot* guest) {
    const int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    if (vcpu < 0) {
        return failed("KVM_CREATE_VCPU");
    }
    int result = 1;
    const int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    struct kvm_run* page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (page == MAP_FAILED) {
        failed("mmap of kvm_run");
    } else {
        result = set_cpuid(kvm, vcpu) || set_registers(vcpu, guest) ||
                 run(vcpu, page, guest->finish_port);
        munmap(page, (size_t)size);
    }
    close(vcpu);
    return result;
}

static int run_in_memory(int kvm, int vm, const struct snapshot* guest, char* memory) {
    const struct snapshot_piece* pieces = (const struct snapshot_piece*)(guest + 1);
    for (uint64_t i = 0; i < guest->piece_count; ++i) {
        memcpy(memory + pieces[i].physical, (const char*)guest + pieces[i].offset, pieces[i].bytes);
    }
    const struct kvm_userspace_memory_region region = {0, 0, 0, guest->memory, (uint64_t)memory};
    if (ioctl(vm, KVM_SET_TSS_ADDR, tss_address) < 0) {
        return failed("KVM_SET_TSS_ADDR");
    }
    if (ioctl(vm, KVM_CREATE_IRQCHIP, 0) < 0) {
        return failed("KVM_CREATE_IRQCHIP");
    }
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0) {
        return failed("KVM_SET_USER_MEMORY_REGION");
    }
    return run_on_vcpu(kvm, vm, guest);
}

static int run_in_vm(int kvm, const struct snapshot* guest) {
    if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
        return failed("KVM_GET_API_VERSION");
    }
    const int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (vm < 0) {
        return failed("KVM_CREATE_VM");
    }
    int result = 1;
    char* memory = mmap(NULL, guest->memory, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        failed("mmap of guest memory");
    } else {
        madvise(memory, guest->memory, MADV_NOHUGEPAGE);
        result = run_in_memory(kvm, vm, guest, memory);
    }
    // The VM before its memory, as vmm/machine does.
    close(vm);
    if (memory != MAP_FAILED) {
        munmap(memory, guest->memory);
    }
    return result;
}

int bare_vm_run(const struct snapshot* guest) {
    const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) {
        return failed("/dev/kvm");
    }
    const int result = run_in_vm(kvm, guest);
    close(kvm);
    return result;
}
