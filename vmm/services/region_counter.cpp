#include "vmm/services/region_counter.hpp"

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

double mean(std::uint64_t total, std::uint64_t regions) {
    return static_cast<double>(total) / static_cast<double>(regions);
}

}  // namespace

RegionCounter::RegionCounter(std::vector<kvm::Statistics> sources) {
    std::size_t most_counters = 0;
    for (kvm::Statistics& statistics : sources) {
        std::vector<std::size_t> places;
        for (const kvm::Statistic& counter : statistics.counters()) {
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

void RegionCounter::register_in(ExitTable& exits) {
    exits.add_port(channel::port::statistics,
                   one_at_a_time(on_call([this](const Access& access, std::uint32_t value) {
                       const auto problem = mark(value);
                       return problem ? access.refuse(*problem) : Answer();
                   })));
}

std::optional<std::string> RegionCounter::mark(std::uint32_t value) {
    using channel::RegionMark;
    switch (static_cast<RegionMark>(value)) {
        case RegionMark::begin_empty:
            return begin(empty);
        case RegionMark::begin_operation:
            return begin(operation);
        case RegionMark::end_empty:
            return end(empty);
        case RegionMark::end_operation:
            return end(operation);
    }
    return fmt::format("{} is no mark of a region", value);
}

std::optional<std::string> RegionCounter::begin(Kind kind) {
    if (open_) {
        return "a region begins inside another";
    }
    open_ = kind;
    // Last, so that a region counts as little as possible of what its marks cost.
    read(start_);
    return std::nullopt;
}

std::optional<std::string> RegionCounter::end(Kind kind) {
    read(now_);
    if (open_ != kind) {
        return "a region ends that did not begin";
    }
    open_.reset();
    Totals& totals = totals_[kind];
    ++totals.regions;
    for (std::size_t n = 0; n < now_.size(); ++n) {
        totals.counts[n] += now_[n] - start_[n];
    }
    return std::nullopt;
}

void RegionCounter::read(std::vector<std::uint64_t>& sums) {
    std::ranges::fill(sums, 0);
    for (const Source& source : sources_) {
        source.statistics.read(values_);
        for (std::size_t n = 0; n < source.places.size(); ++n) {
            sums[source.places[n]] += values_[n];
        }
    }
}

KvmCounts RegionCounter::counts() const {
    const Totals& full = totals_[operation];
    const Totals& bare = totals_[empty];
    KvmCounts result{full.regions, bare.regions, {}, {}};
    if (full.regions == 0 || bare.regions == 0) {
        return result;
    }
    for (std::size_t n = 0; n < names_.size(); ++n) {
        if (full.counts[n] != 0 || bare.counts[n] != 0) {
            result.counts.push_back({names_[n], mean(full.counts[n], full.regions) -
                                                    mean(bare.counts[n], bare.regions)});
        }
    }
    return result;
}

}  // namespace nestbed::vmm
