#include "vmm/result/test_result_bytes.hpp"

#include "vmm/base/archive.hpp"

namespace nestbed::vmm {

// In the order of the structures that each is made of. A field that is forgotten here is lost:
// tests/unit/result compares reports of a result before and after.

template <typename Archive, ArchivedAs<stats::Histogram> Value>
void archive_fields(Archive& archive, Value& histogram) {
    archive.bytes_of(histogram);
    if (!histogram.is_consistent()) {
        throw_error(ErrorKind::input, "these bytes are no archive");
    }
}

template <typename Archive, ArchivedAs<channel::Proof> Value>
void archive_fields(Archive& archive, Value& proof) {
    archive.bytes_of(proof);
}

template <typename Archive, ArchivedAs<FailedExpectation> Value>
void archive_fields(Archive& archive, Value& failure) {
    archive(failure.file, failure.line, failure.expression, failure.values);
}

template <typename Archive, ArchivedAs<MeasurementParameter> Value>
void archive_fields(Archive& archive, Value& parameter) {
    archive(parameter.name, parameter.value, parameter.is_outcome);
}

template <typename Archive, ArchivedAs<Warning> Value>
void archive_fields(Archive& archive, Value& warning) {
    archive.enumerator(warning.kind, Warning::Kind::not_measurable);
    archive(warning.mark, warning.text);
}

template <typename Archive, ArchivedAs<MeasurementEvent> Value>
void archive_fields(Archive& archive, Value& event) {
    archive(event.name, event.unit, event.parameters, event.histogram, event.counted, event.proof,
            event.is, event.of, event.warnings);
}

template <typename Archive, ArchivedAs<HugePages> Value>
void archive_fields(Archive& archive, Value& pages) {
    archive(pages.kib, pages.total, pages.free, pages.reserved);
}

template <typename Archive, ArchivedAs<ResidentPages> Value>
void archive_fields(Archive& archive, Value& pages) {
    archive.bytes_of(pages);
}

template <typename Archive, ArchivedAs<KvmPages> Value>
void archive_fields(Archive& archive, Value& pages) {
    archive.bytes_of(pages);
}

template <typename Archive, ArchivedAs<BackingReport> Value>
void archive_fields(Archive& archive, Value& report) {
    archive.enumerator(report.asked.kind, Backing::hugetlb_1g);
    archive(report.asked.prefault, report.bytes, report.host, report.pool, report.problem);
}

template <typename Archive, ArchivedAs<MemoryReport> Value>
void archive_fields(Archive& archive, Value& report) {
    archive(report.guest_memory, report.test_memory, report.kvm_pages);
}

template <typename Archive, ArchivedAs<KvmCount> Value>
void archive_fields(Archive& archive, Value& count) {
    archive(count.name, count.per_operation);
}

template <typename Archive, ArchivedAs<KvmCounts> Value>
void archive_fields(Archive& archive, Value& counts) {
    archive(counts.operations, counts.empty, counts.counts, counts.problem);
}

template <typename Archive, ArchivedAs<SubResult> Value>
void archive_fields(Archive& archive, Value& result) {
    archive.enumerator(result.kind, SubResult::Kind::kfail);
    archive(result.text);
}

template <typename Archive, ArchivedAs<SubResultCounts> Value>
void archive_fields(Archive& archive, Value& counts) {
    archive.bytes_of(counts);
}

template <typename Archive, ArchivedAs<Attempt> Value>
void archive_fields(Archive& archive, Value& attempt) {
    archive(attempt.count, attempt.log, attempt.log_left_out, attempt.failures,
            attempt.failures_left_out, attempt.measurements, attempt.asked_for, attempt.skip,
            attempt.violations, attempt.reason, attempt.error, attempt.seconds, attempt.diagnosis,
            attempt.brief_diagnosis, attempt.sub_results.all, attempt.sub_results.left_out,
            attempt.sub_results.counts, attempt.exit_value);
}

template <typename Archive, ArchivedAs<TestResult> Value>
void archive_fields(Archive& archive, Value& result) {
    using OfAttempt = std::conditional_t<std::is_const_v<Value>, const Attempt, Attempt>;
    archive(static_cast<OfAttempt&>(result), result.suite, result.name, result.file, result.line,
            result.cpus, result.host_cpus, result.tsc_khz, result.repetition, result.parameters);
    archive.enumerator(result.verdict, Verdict::skipped);
    archive(result.timeout, result.slow_after, result.failed_attempts, result.memory, result.study,
            result.point, result.point_id, result.inputs, result.kvm_counts, result.interrupted,
            result.retry_interrupted);
}

std::string bytes_of(const TestResult& result) {
    ArchiveWriter writer;
    writer(result);
    return writer.take();
}

TestResult test_result_of(std::string_view bytes) {
    ArchiveReader reader(bytes);
    TestResult result;
    reader(result);
    if (!reader.is_at_end()) {
        throw_error(ErrorKind::input, "these bytes are no archive: there is more behind it");
    }
    return result;
}

}  // namespace nestbed::vmm
