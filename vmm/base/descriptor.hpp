// Ownership of a file descriptor and of a memory mapping; system calls that signals interrupt.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

namespace nestbed::vmm {

/// Makes a system call again as long as a signal interrupts it.
template <typename Call>
auto uninterrupted(const Call& call) {
    auto result = call();
    while (result < 0 && errno == EINTR) {
        result = call();
    }
    return result;
}

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    int get() const { return fd_; }

  private:
    int fd_;
};

class Mapping {
  public:
    /// Takes over `size` bytes that MMAP returned at `address`.
    Mapping(void* address, std::size_t size) : address_(address), size_(size) {}
    ~Mapping() {
        if (address_ != nullptr) {
            ::munmap(address_, size_);
        }
    }
    Mapping(Mapping&& other) noexcept
        : address_(std::exchange(other.address_, nullptr)), size_(other.size_) {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(address_, other.address_);
        std::swap(size_, other.size_);
        return *this;
    }

    void* address() const { return address_; }
    std::size_t size() const { return size_; }

    /// Gives the mapping up without unmapping it.
    void release() { address_ = nullptr; }

  private:
    void* address_;
    std::size_t size_;
};

}  // namespace nestbed::vmm
