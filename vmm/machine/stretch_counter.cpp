#include "vmm/machine/stretch_counter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "shared/channel/ports.hpp"

namespace nestbed::vmm {

namespace {

/// Where `name` is in `names`, at the end of which it is put if it is new.
std::size_t place_of(const std::string& name, std::vector<std::string>& names) {
    const auto found = std::ranges::find(names, name);
    const auto place = static_cast<std::size_t>(found - names.begin());
    if (found == names.end()) {
        names.push_back(name);
    }
    return place;
}

double mean(std::uint64_t total, std::uint64_t stretches) {
    return static_cast<double>(total) / static_cast<double>(stretches);
}

}  // namespace

StretchCounter::StretchCounter(std::vector<kvm::Statistics> sources) {
    for (kvm::Statistics& statistics : sources) {
        std::vector<std::size_t> places;
        for (const kvm::Counter& counter : statistics.counters()) {
            places.push_back(place_of(counter.name, names_));
        }
        sources_.push_back({std::move(statistics), std::move(places)});
    }
    for (Totals& totals : totals_) {
        totals.counts.resize(names_.size());
    }
}

std::optional<std::string> StretchCounter::mark(std::uint32_t value) {
    using channel::StretchMark;
    const std::lock_guard lock(mutex_);
    switch (static_cast<StretchMark>(value)) {
        case StretchMark::begin_empty:
            return begin(empty);
        case StretchMark::begin_operation:
            return begin(operation);
        case StretchMark::end_empty:
            return end(empty);
        case StretchMark::end_operation:
            return end(operation);
    }
    return fmt::format("{} is no mark of a stretch", value);
}

std::optional<std::string> StretchCounter::begin(Kind kind) {
    if (open_) {
        return "a stretch begins inside another";
    }
    open_ = kind;
    // Last, so that a stretch counts as little as possible of what its marks cost.
    start_ = read();
    return std::nullopt;
}

std::optional<std::string> StretchCounter::end(Kind kind) {
    const std::vector<std::uint64_t> now = read();
    if (open_ != kind) {
        return "a stretch ends that did not begin";
    }
    open_.reset();
    Totals& totals = totals_[kind];
    ++totals.stretches;
    for (std::size_t n = 0; n < now.size(); ++n) {
        totals.counts[n] += now[n] - start_[n];
    }
    return std::nullopt;
}

std::vector<std::uint64_t> StretchCounter::read() const {
    std::vector<std::uint64_t> sums(names_.size());
    for (const Source& source : sources_) {
        const std::vector<std::uint64_t> values = source.statistics.read();
        for (std::size_t n = 0; n < values.size(); ++n) {
            sums[source.places[n]] += values[n];
        }
    }
    return sums;
}

KvmCounts StretchCounter::counts() const {
    const std::lock_guard lock(mutex_);
    const Totals& full = totals_[operation];
    const Totals& bare = totals_[empty];
    KvmCounts result{full.stretches, bare.stretches, {}, {}};
    if (full.stretches == 0 || bare.stretches == 0) {
        return result;
    }
    for (std::size_t n = 0; n < names_.size(); ++n) {
        if (full.counts[n] != 0 || bare.counts[n] != 0) {
            result.counts.push_back({names_[n], mean(full.counts[n], full.stretches) -
                                                    mean(bare.counts[n], bare.stretches)});
        }
    }
    return result;
}

}  // namespace nestbed::vmm
