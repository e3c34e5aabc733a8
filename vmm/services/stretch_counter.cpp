#include "vmm/services/stretch_counter.hpp"

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
    std::size_t most_counters = 0;
    for (kvm::Statistics& statistics : sources) {
        std::vector<std::size_t> places;
        for (const kvm::Counter& counter : statistics.counters()) {
            places.push_back(place_of(counter.name, names_));
        }
        most_counters = std::max(most_counters, places.size());
        sources_.push_back({std::move(statistics), std::move(places)});
    }
    values_.resize(most_counters);
    for (auto* counts : {&start_, &now_, &totals_[empty].counts, &totals_[operation].counts}) {
        counts->resize(names_.size());
    }
}

std::optional<std::string_view> StretchCounter::mark(std::uint32_t value) {
    // Acquire: after all that the last one to mark did; its release is below. Two at once are a
    // guest's mistake, to be told and not to be waited for.
    if (marking_.exchange(true, std::memory_order_acquire)) {
        return "another vCPU marks at the same time";
    }
    const auto problem = mark_alone(value);
    marking_.store(false, std::memory_order_release);
    return problem;
}

std::optional<std::string_view> StretchCounter::mark_alone(std::uint32_t value) {
    using channel::StretchMark;
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
    return "that is no mark of a stretch";
}

std::optional<std::string_view> StretchCounter::begin(Kind kind) {
    if (open_) {
        return "a stretch begins inside another";
    }
    open_ = kind;
    // Last, so that a stretch counts as little as possible of what its marks cost.
    read(start_);
    return std::nullopt;
}

std::optional<std::string_view> StretchCounter::end(Kind kind) {
    read(now_);
    if (open_ != kind) {
        return "a stretch ends that did not begin";
    }
    open_.reset();
    Totals& totals = totals_[kind];
    ++totals.stretches;
    for (std::size_t n = 0; n < now_.size(); ++n) {
        totals.counts[n] += now_[n] - start_[n];
    }
    return std::nullopt;
}

void StretchCounter::read(std::vector<std::uint64_t>& sums) {
    std::ranges::fill(sums, 0);
    for (const Source& source : sources_) {
        source.statistics.read(values_);
        for (std::size_t n = 0; n < source.places.size(); ++n) {
            sums[source.places[n]] += values_[n];
        }
    }
}

KvmCounts StretchCounter::counts() const {
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
