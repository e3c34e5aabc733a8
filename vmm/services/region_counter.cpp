#include "vmm/services/region_counter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "shared/channel/ports.hpp"

namespace nestbed::vmm {

namespace {

double mean(std::uint64_t total, std::uint64_t regions) {
    return static_cast<double>(total) / static_cast<double>(regions);
}

}  // namespace

RegionCounter::RegionCounter(std::vector<kvm::Statistics> sources) : sources_(std::move(sources)) {
    for (const kvm::Statistics& source : sources_) {
        for (const kvm::Statistic& counter : source.counters()) {
            const auto known = std::ranges::find(names_, counter.name);
            name_of_.push_back(static_cast<std::size_t>(known - names_.begin()));
            if (known == names_.end()) {
                names_.push_back(counter.name);
            }
        }
    }
    start_.resize(name_of_.size());
    now_.resize(name_of_.size());
    for (Totals& totals : totals_) {
        totals.counts.resize(names_.size());
    }
}

void RegionCounter::register_in(ExitTable& exits) {
    exits.add_port(channel::port::statistics,
                   one_at_a_time(on_call([this](const Access& access, std::uint32_t value) {
                       return access.refuse(mark(value));
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
        totals.counts[name_of_[n]] += now_[n] - start_[n];
    }
    return std::nullopt;
}

void RegionCounter::read(std::span<std::uint64_t> counts) const {
    for (const kvm::Statistics& source : sources_) {
        source.read(counts);
        counts = counts.subspan(source.counters().size());
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
