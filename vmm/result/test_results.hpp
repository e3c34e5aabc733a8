// The results of a run, in its order. The first ones stay in memory; of a long run the others wait
// in a file that has no name, until they are reported.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <vector>

#include "vmm/base/descriptor.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

class TestResults {
  public:
    /// What it keeps in memory, about.
    static constexpr std::uint64_t bytes_in_memory = 4U << 20;

    /// Walks over all of them once; a result is there until the next step.
    class Iterator {
      public:
        using value_type = TestResult;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;

        Iterator() = default;
        Iterator(const TestResults& results, std::size_t index) : results_(&results), at_(index) {}

        const TestResult& operator*() const;
        const TestResult* operator->() const { return &**this; }
        Iterator& operator++();
        void operator++(int) { ++*this; }
        bool operator==(const Iterator& other) const { return at_ == other.at_; }

      private:
        const TestResults* results_ = nullptr;
        std::size_t at_ = 0;
        off_t offset_ = 0;                          ///< in the file, of the one at `at_`
        mutable off_t next_offset_ = 0;             ///< behind it, once it was read
        mutable std::optional<TestResult> loaded_;  ///< one that is in the file
    };

    explicit TestResults(std::uint64_t most_bytes = bytes_in_memory) : most_bytes_(most_bytes) {}
    TestResults(std::initializer_list<TestResult> results) : TestResults() {
        for (const TestResult& result : results) {
            push_back(result);
        }
    }

    /// Throws Error(io) if there is no room for it anywhere.
    void push_back(TestResult result);

    Iterator begin() const { return {*this, 0}; }
    Iterator end() const { return {*this, size()}; }
    std::size_t size() const { return in_memory_.size() + in_file_; }
    bool empty() const { return size() == 0; }

    /// Of those that are in memory, which the first ones are.
    TestResult& operator[](std::size_t index) { return in_memory_.at(index); }
    const TestResult& operator[](std::size_t index) const { return in_memory_.at(index); }
    TestResult& front() { return in_memory_.front(); }
    const TestResult& front() const { return in_memory_.front(); }
    TestResult& back() { return in_memory_.at(size() - 1); }

  private:
    std::uint64_t most_bytes_;
    std::uint64_t bytes_ = 0;  ///< of those in memory
    std::vector<TestResult> in_memory_;
    std::optional<Descriptor> file_;
    off_t file_end_ = 0;
    std::size_t in_file_ = 0;
};

}  // namespace nestbed::vmm
