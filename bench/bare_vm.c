#define _GNU_SOURCE
#include "bare_vm.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
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

static int checked(int result, const char* what) {
    if (result < 0) {
        err(1, "bare_vm: %s", what);
    }
    return result;
}

static void* map(size_t size, int flags, int fd, const char* what) {
    void* const address = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    checked(address == MAP_FAILED ? -1 : 0, what);
    return address;
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type, uint8_t is_code) {
    return (struct kvm_segment){.selector = selector,
                                .limit = 0xFFFFFFFF,
                                .type = type,
                                .present = 1,
                                .s = 1,
                                .l = is_code,
                                .db = !is_code,
                                .g = 1};
}

static void set_cpuid(int kvm, int vcpu) {
    static union {
        struct kvm_cpuid2 list;
        char bytes[sizeof(struct kvm_cpuid2) + max_cpuid_entries * sizeof(struct kvm_cpuid_entry2)];
    } cpuid;
    cpuid.list.nent = max_cpuid_entries;
    checked(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid.list), "KVM_GET_SUPPORTED_CPUID");
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
    checked(ioctl(vcpu, KVM_SET_CPUID2, &cpuid.list), "KVM_SET_CPUID2");
}

static void set_registers(int vcpu, const struct snapshot* guest) {
    struct kvm_sregs special;
    checked(ioctl(vcpu, KVM_GET_SREGS, &special), "KVM_GET_SREGS");
    special.cs = flat_segment(kernel_code, 11, 1);
    special.ds = flat_segment(kernel_data, 3, 0);
    special.es = special.fs = special.gs = special.ss = special.ds;
    special.cr0 = cr0;
    special.cr3 = guest->root;
    special.cr4 = cr4;
    special.efer = efer;
    special.apic_base = apic_base;
    checked(ioctl(vcpu, KVM_SET_SREGS, &special), "KVM_SET_SREGS");
    const struct kvm_regs registers = {.rip = guest->entry, .rdi = guest->boot_info, .rflags = 2};
    checked(ioctl(vcpu, KVM_SET_REGS, &registers), "KVM_SET_REGS");
    const struct kvm_mp_state runnable = {KVM_MP_STATE_RUNNABLE};
    checked(ioctl(vcpu, KVM_SET_MP_STATE, &runnable), "KVM_SET_MP_STATE");
}

static void run(int vcpu, const struct kvm_run* page, uint64_t finish_port) {
    do {
        while (ioctl(vcpu, KVM_RUN, 0) < 0) {
            checked(errno == EINTR || errno == EAGAIN ? 0 : -1, "KVM_RUN");
        }
        if (page->exit_reason != KVM_EXIT_IO) {
            errx(1, "bare_vm: unexpected exit %u", page->exit_reason);
        }
    } while (page->io.port != finish_port);
}

static void run_on_vcpu(int kvm, int vm, const struct snapshot* guest) {
    const int vcpu = checked(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    const size_t size =
        (size_t)checked(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "its mapping's size");
    struct kvm_run* const page = map(size, MAP_SHARED, vcpu, "mmap of kvm_run");
    set_cpuid(kvm, vcpu);
    set_registers(vcpu, guest);
    run(vcpu, page, guest->finish_port);
    munmap(page, size);
    close(vcpu);
}

void bare_vm_run(const struct snapshot* guest) {
    const int kvm = checked(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
        errx(1, "bare_vm: another version of KVM's API");
    }
    const int vm = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    char* const memory =
        map(guest->memory, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, "mmap of guest memory");
    madvise(memory, guest->memory, MADV_NOHUGEPAGE);
    const struct snapshot_page* const pages = (const struct snapshot_page*)(guest + 1);
    for (uint64_t i = 0; i < guest->page_count; ++i) {
        memcpy(memory + pages[i].physical, pages[i].bytes, sizeof pages[i].bytes);
    }
    const struct kvm_userspace_memory_region region = {0, 0, 0, guest->memory, (uint64_t)memory};
    checked(ioctl(vm, KVM_SET_TSS_ADDR, tss_address), "KVM_SET_TSS_ADDR");
    checked(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
    checked(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    run_on_vcpu(kvm, vm, guest);
    // The VM before its memory, as vmm/machine does.
    close(vm);
    munmap(memory, guest->memory);
    close(kvm);
}
