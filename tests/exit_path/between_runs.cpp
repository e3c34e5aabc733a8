#include "tests/exit_path/between_runs.hpp"

#include <dlfcn.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>

namespace nestbed::test {

namespace {

/// Of one thread: so far, and when KVM_RUN last returned to it.
struct ThreadCounts {
    std::uint64_t allocations = 0;
    std::uint64_t locks = 0;
    bool has_run = false;
    std::uint64_t allocations_before = 0;
    std::uint64_t locks_before = 0;
};
thread_local ThreadCounts counts;

/// Of all threads. Only sums, which whoever takes them reads when the threads have been joined.
struct Sums {
    std::atomic<std::uint64_t> times;
    std::atomic<std::uint64_t> allocations;
    std::atomic<std::uint64_t> locks;
};

/// Shared with the processes of VMs, where it is all done. Zero, and never unmapped.
Sums& sums = *static_cast<Sums*>(
    ::mmap(nullptr, sizeof(Sums), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));

void before_run() {
    if (counts.has_run) {
        sums.times.fetch_add(1, std::memory_order_relaxed);
        sums.allocations.fetch_add(counts.allocations - counts.allocations_before,
                                   std::memory_order_relaxed);
        sums.locks.fetch_add(counts.locks - counts.locks_before, std::memory_order_relaxed);
    }
}

void after_run() {
    counts.has_run = true;
    counts.allocations_before = counts.allocations;
    counts.locks_before = counts.locks;
}

/// The function of this name behind the one in this program.
template <typename Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

BetweenRuns take_between_runs() {
    return {sums.times.exchange(0), sums.allocations.exchange(0), sums.locks.exchange(0)};
}

}  // namespace nestbed::test

// In place of the C library's, for all of this program: `operator new` of the C++ library ends in
// malloc, and std::mutex in pthread_mutex_lock.

using nestbed::test::counts;

extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
    ++counts.allocations;
    return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
    ++counts.allocations;
    return __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) {
    ++counts.allocations;
    return __libc_realloc(old, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
    ++counts.allocations;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
    ++counts.allocations;
    *memory = __libc_memalign(alignment, size);
    return *memory == nullptr ? ENOMEM : 0;
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
    static auto* const real = nestbed::test::next<int(pthread_mutex_t*)>("pthread_mutex_lock");
    ++counts.locks;
    return real(mutex);
}

int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
    static auto* const real = nestbed::test::next<int(pthread_mutex_t*)>("pthread_mutex_trylock");
    ++counts.locks;
    return real(mutex);
}

int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
    static auto* const real = nestbed::test::next<int(pthread_rwlock_t*)>("pthread_rwlock_rdlock");
    ++counts.locks;
    return real(lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
    static auto* const real = nestbed::test::next<int(pthread_rwlock_t*)>("pthread_rwlock_wrlock");
    ++counts.locks;
    return real(lock);
}

int ioctl(int fd, unsigned long request, ...) noexcept {
    std::va_list arguments;
    va_start(arguments, request);
    void* const argument = va_arg(arguments, void*);
    va_end(arguments);
    if (request == KVM_RUN) {
        nestbed::test::before_run();
    }
    const long result = ::syscall(SYS_ioctl, fd, request, argument);
    if (request == KVM_RUN) {
        nestbed::test::after_run();
    }
    return static_cast<int>(result);
}

}  // extern "C"
