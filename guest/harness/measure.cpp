#include "guest/harness/measure.hpp"

#include "guest/harness/log.hpp"
#include "guest/kernel/cpu.hpp"
#include "guest/kernel/panic.hpp"

namespace nestbed::guest {

void report_measurement(ConstantString name, ConstantString unit, const stats::Histogram& histogram,
                        std::initializer_list<channel::Parameter> parameters,
                        const std::optional<channel::Proof>& proof, Counted counted) {
    if (parameters.size() > channel::max_measurement_parameters) {
        panic("a measurement with too many parameters");
    }
    channel::Measurement measurement{};
    measurement.name = name.c_str();
    measurement.unit = unit.c_str();
    measurement.histogram = &histogram;
    measurement.counted = counted == Counted::yes ? 1 : 0;
    measurement.proved = proof ? 1 : 0;
    measurement.proof = proof.value_or(channel::Proof{});
    for (const channel::Parameter& parameter : parameters) {
        measurement.parameters[measurement.parameter_count++] = parameter;
    }
    write_record(channel::RecordType::measurement, &measurement);
    // The record points to this frame and to the histogram, which both may change after this.
    this_cpu().records.drain();
}

}  // namespace nestbed::guest
