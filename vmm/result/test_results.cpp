#include "vmm/result/test_results.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/result/test_result_bytes.hpp"

namespace nestbed::vmm {

namespace {

/// Stands before each result in the file.
using Size = std::uint64_t;

Descriptor nameless_file() {
    const std::filesystem::path folder = std::filesystem::temp_directory_path();
    const int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0) {
        return Descriptor(file);
    }
    // Not every file system has such files.
    std::string name = folder / "nestbed-results-XXXXXX";
    Descriptor named(::mkostemp(name.data(), O_CLOEXEC));
    if (named.get() < 0) {
        throw_error(ErrorKind::io, "cannot keep results of a long run in {}: {} (set TMPDIR)",
                    folder.string(), std::strerror(errno));
    }
    ::unlink(name.c_str());
    return named;
}

void read_all(const Descriptor& file, off_t offset, char* data, std::size_t size) {
    while (size != 0) {
        const ssize_t count =
            uninterrupted([&] { return ::pread(file.get(), data, size, offset); });
        if (count <= 0) {
            throw_error(ErrorKind::io, "cannot read a result of this run again: {}",
                        count == 0 ? "it is not all there" : std::strerror(errno));
        }
        data += count;
        offset += count;
        size -= static_cast<std::size_t>(count);
    }
}

}  // namespace

void TestResults::push_back(TestResult result) {
    const std::string bytes = bytes_of(result);
    if (!file_ && bytes_ + bytes.size() <= most_bytes_) {
        bytes_ += bytes.size();
        in_memory_.push_back(std::move(result));
        return;
    }
    if (!file_) {
        file_ = nameless_file();
    }
    const Size size = bytes.size();
    const std::string framed =
        std::string(reinterpret_cast<const char*>(&size), sizeof size) + bytes;
    if (const int error = write_all(file_->get(), framed)) {
        // What was written of it must not be what the next one is written behind.
        static_cast<void>(::ftruncate(file_->get(), file_end_));
        ::lseek(file_->get(), file_end_, SEEK_SET);
        throw_error(ErrorKind::io, "cannot keep the results of a long run in {}: {} (set TMPDIR)",
                    std::filesystem::temp_directory_path().string(), std::strerror(error));
    }
    file_end_ += static_cast<off_t>(framed.size());
    ++in_file_;
}

const TestResult& TestResults::Iterator::operator*() const {
    if (at_ < results_->in_memory_.size()) {
        return results_->in_memory_[at_];
    }
    if (!loaded_) {
        Size size = 0;
        read_all(*results_->file_, offset_, reinterpret_cast<char*>(&size), sizeof size);
        std::string bytes(size, '\0');
        read_all(*results_->file_, offset_ + static_cast<off_t>(sizeof size), bytes.data(), size);
        loaded_ = test_result_of(bytes);
        next_offset_ = offset_ + static_cast<off_t>(sizeof size + size);
    }
    return *loaded_;
}

TestResults::Iterator& TestResults::Iterator::operator++() {
    if (at_ >= results_->in_memory_.size()) {
        if (!loaded_) {
            static_cast<void>(**this);
        }
        offset_ = next_offset_;
        loaded_.reset();
    }
    ++at_;
    return *this;
}

}  // namespace nestbed::vmm
