#include "vmm/render/json_memory.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "vmm/render/json_or_null.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;

template <typename Struct>
struct Field {
    const char* name;
    std::uint64_t Struct::*value;
};

constexpr std::array resident_fields{
    Field<ResidentPages>{"mapped", &ResidentPages::mapped},
    Field<ResidentPages>{"rss", &ResidentPages::rss},
    Field<ResidentPages>{"anon_huge_pages", &ResidentPages::anon_huge_pages},
    Field<ResidentPages>{"shmem_pmd_mapped", &ResidentPages::shmem_pmd_mapped},
    Field<ResidentPages>{"file_pmd_mapped", &ResidentPages::file_pmd_mapped},
    Field<ResidentPages>{"shared_hugetlb", &ResidentPages::shared_hugetlb},
    Field<ResidentPages>{"private_hugetlb", &ResidentPages::private_hugetlb},
    Field<ResidentPages>{"swap", &ResidentPages::swap},
    Field<ResidentPages>{"kernel_page_size", &ResidentPages::kernel_page_size}};

constexpr std::array kvm_page_fields{Field<KvmPages>{"4k", &KvmPages::size_4k},
                                     Field<KvmPages>{"2m", &KvmPages::size_2m},
                                     Field<KvmPages>{"1g", &KvmPages::size_1g}};

template <typename Struct, typename Fields>
Json write(const Struct& from, const Fields& fields) {
    Json json = Json::object();
    for (const auto& [name, value] : fields) {
        json[name] = from.*value;
    }
    return json;
}

template <typename Struct, typename Fields>
Struct read(const Json& json, const Fields& fields) {
    Struct result;
    for (const auto& [name, value] : fields) {
        result.*value = json.at(name);
    }
    return result;
}

template <typename T>
std::optional<T> optional_in(const Json& json) {
    return json.is_null() ? std::nullopt : std::optional(json.get<T>());
}

Json json_of(const BackingReport& report) {
    Json result{{"backing", study::name_of(report.asked.kind)},
                {"bytes", report.bytes},
                {"prefault", report.asked.prefault},
                // Memory without even a page size has not been seen.
                {"host", report.host == ResidentPages{} ? Json(nullptr)
                                                        : write(report.host, resident_fields)},
                {"hugetlb_pool", report.pool ? json_of(*report.pool) : Json(nullptr)}};
    if (!report.problem.empty()) {
        result["problem"] = report.problem;
    }
    return result;
}

HugePages huge_pages_in(const Json& json) {
    return {json.at("kib"), optional_in<std::uint64_t>(json.at("total")),
            optional_in<std::uint64_t>(json.at("free")),
            optional_in<std::uint64_t>(json.at("reserved"))};
}

BackingReport backing_report_in(const Json& json) {
    BackingReport report;
    const std::string kind = json.at("backing");
    for (const auto& value : study::values_of<Backing>) {
        report.asked.kind = kind == value.name ? value.id : report.asked.kind;
    }
    report.asked.prefault = json.at("prefault");
    report.bytes = json.at("bytes");
    if (!json.at("host").is_null()) {
        report.host = read<ResidentPages>(json.at("host"), resident_fields);
    }
    if (!json.at("hugetlb_pool").is_null()) {
        report.pool = huge_pages_in(json.at("hugetlb_pool"));
    }
    report.problem = json.value("problem", "");
    return report;
}

}  // namespace

Json json_of(const HugePages& pages) {
    return {{"kib", pages.kib},
            {"total", json_or_null(pages.total)},
            {"free", json_or_null(pages.free)},
            {"reserved", json_or_null(pages.reserved)}};
}

Json json_of(const MemoryReport& report) {
    Json result = json_of(report.guest_memory);
    if (report.test_memory) {
        result["test_memory"] = json_of(*report.test_memory);
    }
    result["kvm_pages"] =
        report.kvm_pages ? write(*report.kvm_pages, kvm_page_fields) : Json(nullptr);
    return result;
}

MemoryReport memory_report_in(const Json& json) {
    MemoryReport report{
        .guest_memory = backing_report_in(json), .test_memory = {}, .kvm_pages = {}};
    if (json.contains("test_memory")) {
        report.test_memory = backing_report_in(json.at("test_memory"));
    }
    if (!json.at("kvm_pages").is_null()) {
        report.kvm_pages = read<KvmPages>(json.at("kvm_pages"), kvm_page_fields);
    }
    return report;
}

}  // namespace nestbed::vmm
