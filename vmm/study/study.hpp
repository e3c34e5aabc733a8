// A study, described once: what runs in the guest, under which axes, and what is made of what it
// measured. Options and help, the cross product, the guest's parameters, tables, JSON, progress and
// benchmarks come from here; a new study is a guest suite, a description, and an entry in
// studies().
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/table.hpp"
#include "vmm/result/test_result.hpp"
#include "vmm/run/test_runner.hpp"
#include "vmm/study/axis.hpp"

namespace nestbed::vmm {

/// Options as they were given, with their texts.
using OptionTexts = std::vector<std::pair<std::string, std::string>>;

struct AxisValue {
    const Axis* axis;
    std::uint64_t value;

    std::string text() const { return axis->show(value); }
    /// As reports have it: by its name, if it has one.
    MeasurementParameter input() const;
};

/// One value of each axis: what one VM is measured under.
struct Point {
    std::vector<AxisValue> values;

    /// Null if the study has no such axis; at() throws Error(ours).
    const AxisValue* find(std::string_view axis) const;
    const AxisValue& at(std::string_view axis) const;
    std::uint64_t operator[](std::string_view axis) const { return at(axis).value; }
    template <typename Id>
    Id as(std::string_view axis) const {
        return static_cast<Id>((*this)[axis]);
    }
    std::vector<MeasurementParameter> inputs() const;
    /// In words: the axes that rows are told apart by.
    std::string text() const;
    /// The same on every host, in every run and for any effort: "cpus=2,pages=16,target=user".
    std::string id() const;
};

/// A VM that ran.
struct StudyRun {
    Point point;
    TestResult test;
};
using StudyRuns = std::vector<StudyRun>;

/// A measurement that the study's test makes, by the guest's name for it.
struct Measured {
    std::string name;
    std::string label = {};  ///< of its row, below that of the point; empty: the point's own row
    std::string per = {};    ///< the parameter that counts a sample's operations; empty: one
    /// What it is to the first of the study's: "part", "floor", …; empty: a measurement by itself.
    std::string is = {};
    std::string of = {};  ///< what it is to another one than the first
    bool hidden = false;  ///< it has no row, only a place in JSON
};

/// A column that is found out of the results.
struct Derived {
    using Value = std::optional<std::variant<double, std::string>>;

    std::string name;  ///< in JSON; empty: it stands in the table only
    std::string title;
    std::function<Value(const StudyRun&, const StudyRuns&)> value;
    /// The same of a companion that has a row, by its name; may be empty.
    std::function<Value(const StudyRun&, const std::string& companion)> of_companion = {};
    int digits = 2;            ///< behind the point, of a number
    bool is_duration = false;  ///< of seconds, shown in the unit that suits it
    std::string group = {};
    /// The most that it may be, where there is such a bar.
    std::function<std::optional<double>(const Point&)> limit = {};

    /// The value, if it is one.
    std::optional<double> number(const StudyRun& run, const StudyRuns& runs) const;
};

/// The same of cycles as a time, for the table; nothing where KVM does not say how fast the clock
/// is.
Derived as_time(Derived cycles, std::string group);

/// What the study's test says of a measurement, by the names of the guest's parameters.
Derived parameter_column(std::string title, const std::string& measurement,
                         const std::string& parameter, std::string group = {});

/// Of an option: the points for which it is.
struct Condition {
    std::string option;
    std::function<bool(const Point&)> fits;
    /// Why it is refused if none of the points is one of these, or, `of_all`, if some is not.
    std::string objection;
    bool of_all = false;
};

struct Study {
    std::string name;     ///< of the command
    std::string summary;  ///< in a line
    std::string explanation = {};
    std::string examples = {};
    std::string guest;
    /// The test that measures; empty: the one that the point's value of the first axis names.
    std::string test = {};
    /// The axis whose option chooses this one of several studies of a name; empty: none does.
    std::string selector = {};
    std::vector<Axis> axes;

    std::vector<Measured> measured;
    std::vector<Derived> derived = {};
    bool shows_distributions = true;
    /// "phase": measurements whose names begin with that word have a table of their own.
    std::string parts = {};
    /// Outcomes of which several repetitions have the sum.
    std::vector<std::string> adds_up = {};
    bool shows_bars = false;     ///< what limits its figures have is said with them
    bool shows_failed = false;   ///< a failed point has a row as well, beside its reasons
    std::string operation = {};  ///< what KVM's counts are taken over; empty: they are not

    // All of these may be empty.
    /// What follows for the VM, beyond what every study has.
    std::function<void(const Point&, TestSettings&)> configure = {};
    /// The point is asked to make hypercalls, which must be known to come back.
    std::function<bool(const Point&)> wants_hypercalls = {};
    /// Whether values belong together; others are left out.
    std::function<bool(const Point&)> makes_sense = {};
    std::vector<Condition> conditions = {};
    /// Adds warnings beyond those that any measurement may have.
    std::function<void(StudyRun&)> warn = {};
    std::function<std::vector<Table>(const StudyRuns&)> more_tables = {};
    std::function<std::string(const StudyRuns&)> notes = {};
    std::function<void(const StudyRuns&, nlohmann::ordered_json& report)> more_json = {};

    /// "shootdown", "shootdown soak".
    std::string id() const;
    TestSettings settings_at(const Point& point) const;
};

/// With what every study's VMs have: backing, prefault, timeout, pin.
std::vector<Axis> with_vm_axes(std::vector<Axis> axes, std::uint64_t timeout_seconds = 60);

/// All combinations of the axes' values; the first axis changes slowest. `values` are by option;
/// what it lacks is by default. Throws Error(usage) for an option that the study has not, a value
/// that is left out of all combinations, or what the study objects to.
std::vector<Point> points_of(const Study& study, const OptionTexts& values);

/// Runs a study: a VM for each of its points, one after the other.
class StudyRunner {
  public:
    /// `hypercalls`: whether they come back here (Calibration), if it is known; the first point
    /// that wants to know asks otherwise. Throws Error if the study's guest is not there, or KVM
    /// has no VM with so many vCPUs.
    StudyRunner(const kvm::System& system, const Study& study, const std::vector<Point>& points,
                std::optional<bool> hypercalls = std::nullopt, const Confinement& confinement = {});

    /// `memory_report`: what the guest's memory was made of is read back as well.
    StudyRun run(const Point& point, bool memory_report, const std::stop_token& stop);

  private:
    const kvm::System& system_;
    const Study& study_;
    Guest guest_;
    std::optional<bool> hypercalls_;
    Confinement confinement_;
};

/// Says of each measurement what it is to which other one, and what to know before it is believed.
void relate(const Study& study, StudyRun& run);

/// The runs that have a row: those that passed, or that failed in a study which shows them, and
/// made the first of the study's measurements.
std::vector<const StudyRun*> runs_with_rows(const Study& study, const StudyRuns& runs);

/// Those that are marked in the first of its tables.
std::vector<Warning> warnings_shown(const Study& study, const StudyRun& run);

/// Rows, what they are made of, what KVM counted, and what else the study makes of its runs.
std::vector<Table> tables_of(const Study& study, const StudyRuns& runs);

/// Adds `rows`, each with its inputs and what is derived of it by the titles of the columns, and
/// what else the study has to say.
void add_study_json(const Study& study, const StudyRuns& runs, nlohmann::ordered_json& report);

/// All that there are; those of one command together, the one without a selector first.
const std::vector<Study>& studies();

/// The one of a command that these options choose. Throws Error(usage) if they choose two.
const Study& study_chosen(std::string_view name, const OptionTexts& values);

}  // namespace nestbed::vmm
