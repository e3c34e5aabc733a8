// The fixed-size records that a guest sends, and what their text points to. Nothing is formatted in
// the guest: a record carries the address of a string in the guest's ELF and the raw arguments.
//
// The host copies records, measurements and their histograms when it answers a doorbell; everything
// else that they point to it reads when the run is over. So strings and expectations are constants
// of the guest's image.
#pragma once

#include <cstdint>

#include "pointer.hpp"

namespace nestbed::channel {

enum class RecordType : std::uint8_t {
    log = 1,          ///< text: `const char`, a {fmt} format string
    failure = 2,      ///< text: `Expectation`; arguments: the two values
    skip = 3,         ///< text: `const char`, the reason
    measurement = 4,  ///< text: `Measurement`
    parameter = 5,    ///< text: `const char`, the name of a parameter that was looked up
};

/// How an argument is to be shown.
enum class ArgumentKind : std::uint8_t {
    unsigned_integer = 0,
    signed_integer = 1,
    boolean = 2,
    address = 3,
    string = 4,  ///< `const char`, a string literal of the guest
};

/// Of an `ArgumentKind`, in `Record::kinds`.
inline constexpr std::uint32_t kind_bits = 4;

inline constexpr std::uint32_t max_arguments = 4;

struct Record {
    std::uint64_t tsc;       ///< the writing vCPU's time-stamp counter
    std::uint32_t sequence;  ///< counts from 0 on each vCPU; the host fails a test with a gap
    // These three are constants where a record is written, and one 32-bit store.
    std::uint16_t kinds;  ///< `ArgumentKind` of argument n in bits 4n+3..4n
    RecordType type;
    std::uint8_t argument_count;  ///< of the arguments that mean something
    Pointer<const void> text;     ///< what it points to depends on the type
    std::uint64_t arguments[max_arguments];
    std::uint8_t cpu;
    std::uint8_t reserved[7];
};
static_assert(sizeof(Record) == 64, "a cache line: a record is written without touching another");

/// The constant part of an expectation. Of two expressions, or of one condition; its record has the
/// values of both, or of both sides of the condition, or that of the condition alone.
struct Expectation {
    Pointer<const char> file;
    Pointer<const char> left;      ///< the expressions as written, or the whole condition
    Pointer<const char> relation;  ///< "==", "<", …: between the values
    Pointer<const char> right;     ///< null: the condition is in `left`
    std::uint64_t line;
};
static_assert(sizeof(Expectation) == 40);

/// A named number that belongs to a measurement; `text` is shown instead of `value` if there is
/// one.
struct Parameter {
    Pointer<const char> name;
    Pointer<const char> text;
    std::uint64_t value;
    /// 1: the measurement has found it; 0: it is what was measured.
    std::uint64_t outcome;
};
static_assert(sizeof(Parameter) == 32);

inline constexpr std::uint32_t max_measurement_parameters = 16;

/// What was found while a measurement was made about that which it claims to be of. Nothing checked
/// is no proof.
struct Proof {
    std::uint64_t checks;
    std::uint64_t violations;  ///< checks that did not hold
};

/// A finished histogram with its name and circumstances. The guest keeps this and the histogram
/// unchanged until the doorbell that follows its record has been answered.
struct Measurement {
    Pointer<const char> name;
    Pointer<const char> unit;
    Pointer<const void> histogram;  ///< `stats::Histogram`
    std::uint32_t parameter_count;
    std::uint16_t counted;  ///< 1: the regions that the test marks are of what this times
    std::uint16_t proved;   ///< 1: `proof` is the proof of this; 0: it claims nothing
    Proof proof;
    Parameter parameters[max_measurement_parameters];
};
static_assert(sizeof(Measurement) == 48 + 32 * max_measurement_parameters);

}  // namespace nestbed::channel
