#include "vmm/study/study.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/error.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/result/warnings.hpp"
#include "vmm/run/calibrate.hpp"
#include "vmm/run/guest_set.hpp"
#include "vmm/run/needed_machine.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {

// Each is described in a file of its own.
Study dirty_log_study();
Study shootdown_study();
Study soak_study();
Study crossover_study();
Study fault_study();
Study walk_study();
Study hypercall_study();

namespace {

/// Null if the study has no such option.
const Axis* axis_of(const Study& study, const std::string& option) {
    const auto found = std::ranges::find(study.axes, option, &Axis::option);
    return found == study.axes.end() ? nullptr : &*found;
}

bool is_given(const OptionTexts& given, const std::string& option) {
    return std::ranges::count(given, option, &OptionTexts::value_type::first) != 0;
}

/// All combinations of the axes' values, as given or by default.
std::vector<Point> cross_product(const std::vector<Axis>& axes, const OptionTexts& given) {
    // More would take days, and memory before that.
    constexpr std::size_t most = 100'000;
    std::vector<Point> all(1);
    for (const Axis& axis : axes) {
        const auto text = std::ranges::find(given, axis.option(), &OptionTexts::value_type::first);
        const std::vector<std::uint64_t> values = text != given.end()  ? axis.parse(text->second)
                                                  : axis.find_defaults ? axis.find_defaults()
                                                                       : axis.defaults;
        if (all.size() * values.size() > most) {
            throw_error(ErrorKind::usage, "more than {} combinations: ask for fewer values", most);
        }
        std::vector<Point> crossed;
        for (const Point& one : all) {
            for (const std::uint64_t value : values) {
                crossed.emplace_back(one).values.push_back({&axis, value});
            }
        }
        all = std::move(crossed);
    }
    return all;
}

/// Of a mode that is not chosen: nothing is dropped in silence.
void refuse_unused_options(const Study& study, const OptionTexts& given) {
    for (const auto& [option, text] : given) {
        if (std::ranges::count(given, option, &OptionTexts::value_type::first) != 1) {
            throw_error(ErrorKind::usage, "{} is given twice{}", option,
                        option == "--pin" ? ", or with --no-pin" : "");
        }
        if (axis_of(study, option) != nullptr) {
            continue;
        }
        if (!study.selector.empty()) {
            throw_error(ErrorKind::usage, "{}: not with --{}", option, study.selector);
        }
        for (const Study& other : studies()) {
            if (other.name == study.name && axis_of(other, option) != nullptr) {
                throw_error(ErrorKind::usage, "{}: only with --{}", option, other.selector);
            }
        }
        throw_error(ErrorKind::usage, "{}: measure {} has no such option", option, study.name);
    }
}

/// To the first, if the study says nothing else.
void relate(MeasurementEvent& event, const Study& study) {
    event.of = study.measured.front().name;
    const auto found = std::ranges::find(study.measured, event.name, &Measured::name);
    if (found != study.measured.end()) {
        event.is = found->is;
        event.of = found->of.empty() ? event.of : found->of;
    } else if (!study.parts.empty() && event.name.starts_with(study.parts + " ")) {
        event.is = study.parts;
    }
    event.of = event.is.empty() ? "" : event.of;
}

/// What was asked for by hand and is nowhere would be dropped in silence.
void refuse_values_left_out(const Study& study, const OptionTexts& given,
                            const std::vector<Point>& points) {
    for (const auto& [option, text] : given) {
        const Axis& axis = *axis_of(study, option);
        for (const std::uint64_t value : axis.parse(text)) {
            if (std::ranges::none_of(points,
                                     [&](const Point& p) { return p[axis.name] == value; })) {
                throw_error(ErrorKind::usage, "{} {}: {}", option, axis.show(value),
                            points.empty() && given.size() > 1
                                ? "the values that are asked for do not go together"
                                : "it goes with none of the other values");
            }
        }
    }
}

}  // namespace

MeasurementParameter AxisValue::input() const {
    MeasurementParameter result{axis->name, value};
    if (axis->kind == Axis::Kind::name) {
        result.value = text();
    }
    return result;
}

const AxisValue* Point::find(std::string_view axis) const {
    const auto found = std::ranges::find(
        values, axis, [](const AxisValue& value) { return std::string_view(value.axis->name); });
    return found == values.end() ? nullptr : &*found;
}

const AxisValue& Point::at(std::string_view axis) const {
    const AxisValue* found = find(axis);
    if (found == nullptr) {
        throw_error(ErrorKind::ours, "this study has no axis {}", axis);
    }
    return *found;
}

std::vector<MeasurementParameter> Point::inputs() const {
    std::vector<MeasurementParameter> all;
    std::ranges::transform(values, std::back_inserter(all), &AxisValue::input);
    return all;
}

std::string Point::text() const {
    std::string text;
    for (const auto& [axis, value] : values) {
        if (axis->is(Axis::shown) || (axis->is(Axis::list) && !axis->is_default(value))) {
            // The first says what it is by itself.
            text += text.empty() && axis->kind == Axis::Kind::name
                        ? axis->show(value)
                        : (text.empty() ? "" : ", ") + axis->in_words(value);
        }
    }
    return text;
}

std::string Point::id() const {
    std::string text;
    for (const auto& [axis, value] : values) {
        if (!axis->is(Axis::effort) && (axis->is(Axis::shown) || !axis->is_default(value))) {
            text += fmt::format("{}{}={}", text.empty() ? "" : ",", axis->name, axis->show(value));
        }
    }
    return text;
}

std::string Study::id() const { return selector.empty() ? name : name + " " + selector; }

std::optional<double> Derived::number(const StudyRun& run, const StudyRuns& runs) const {
    const Value found = value(run, runs);
    const auto* number = found ? std::get_if<double>(&*found) : nullptr;
    return number == nullptr ? std::nullopt : std::optional(*number);
}

Derived as_time(Derived cycles, std::string group) {
    cycles.name = "";
    cycles.group = std::move(group);
    cycles.is_duration = true;
    cycles.value = [count = cycles](const StudyRun& run, const StudyRuns& runs) -> Derived::Value {
        const auto number = count.number(run, runs);
        if (!number || run.test.tsc_khz == 0) {
            return {};
        }
        return seconds(*number, run.test.tsc_khz);
    };
    return cycles;
}

Derived parameter_column(std::string title, const std::string& measurement,
                         const std::string& parameter, std::string group) {
    return {.name = parameter,
            .title = std::move(title),
            .value = [=](const StudyRun& run, const StudyRuns&) -> Derived::Value {
                const MeasurementEvent* event = measurement_named(run.test, measurement);
                const MeasurementParameter* found =
                    event == nullptr ? nullptr : parameter_named(*event, parameter);
                if (found == nullptr) {
                    return {};
                }
                const auto* number = std::get_if<std::uint64_t>(&found->value);
                return number != nullptr ? Derived::Value(static_cast<double>(*number))
                                         : std::get<std::string>(found->value);
            },
            .digits = 0,
            .group = std::move(group)};
}

TestSettings Study::settings_at(const Point& point) const {
    TestSettings settings;
    if (const AxisValue* cpus = point.find("cpus")) {
        settings.cpus = static_cast<std::uint32_t>(cpus->value);
    }
    const AxisValue* prefault = point.find("prefault");
    settings.backing = {.kind = point.as<Backing>("backing"),
                        .prefault = prefault != nullptr && prefault->value != 0};
    settings.timeout = std::chrono::milliseconds(point["timeout"]);
    settings.placement = point["pin"] != 0 ? Placement::spread : Placement::free;
    settings.statistics = !operation.empty();
    settings.expected = measured.front().name;
    for (const auto& [axis, value] : point.values) {
        if (!axis->is(Axis::host_only)) {
            settings.parameters.emplace_back(axis->name, value);
        }
    }
    if (configure) {
        configure(point, settings);
    }
    return settings;
}

std::vector<Axis> with_vm_axes(std::vector<Axis> axes, std::uint64_t timeout_seconds) {
    axes.push_back(name_axis<Backing>("backing",
                                      "Host pages behind guest memory (docs/guest-memory.md)",
                                      {Backing::anon}, Axis::host_only));
    axes.push_back(flag_axis("prefault", "The host populates all of it before the guest runs",
                             Axis::host_only));
    axes.push_back({.name = "timeout",
                    .kind = Axis::Kind::seconds,
                    .help = "Seconds after which a VM is ended",
                    .defaults = {timeout_seconds * 1000},
                    .traits = Axis::host_only | Axis::effort});
    axes.push_back(flag_axis("pin", "Pin vCPU n to the n-th host core, around and around (default)",
                             Axis::host_only));
    axes.back().defaults = {1};
    return axes;
}

std::vector<Point> points_of(const Study& study, const OptionTexts& given) {
    refuse_unused_options(study, given);
    std::vector<Point> points = cross_product(study.axes, given);
    if (study.makes_sense) {
        std::erase_if(points, [&](const Point& point) { return !study.makes_sense(point); });
    }
    refuse_values_left_out(study, given, points);
    for (const Condition& condition : study.conditions) {
        const bool fits = condition.of_all ? std::ranges::all_of(points, condition.fits)
                                           : std::ranges::any_of(points, condition.fits);
        if (!fits && is_given(given, condition.option)) {
            throw Error(ErrorKind::usage, condition.objection);
        }
    }
    return points;
}

const std::vector<Study>& studies() {
    static const std::vector<Study> all{
        dirty_log_study(), shootdown_study(), soak_study(),      crossover_study(),
        fault_study(),     walk_study(),      hypercall_study(),
    };
    return all;
}

const Study& study_chosen(std::string_view name, const OptionTexts& given) {
    const Study* chosen = nullptr;
    for (const Study& study : studies()) {
        const bool is_mode = !study.selector.empty();
        if (study.name != name || (is_mode && !is_given(given, "--" + study.selector))) {
            continue;
        }
        if (chosen != nullptr && !chosen->selector.empty()) {
            throw_error(ErrorKind::usage, "--{} and --{}: one of them at a time", chosen->selector,
                        study.selector);
        }
        chosen = &study;
    }
    if (chosen == nullptr) {
        throw_error(ErrorKind::ours, "there is no study {}", name);
    }
    return *chosen;
}

void relate(const Study& study, StudyRun& run) {
    for (MeasurementEvent& event : run.test.measurements) {
        relate(event, study);
    }
    find_warnings(run.test);
    if (study.warn) {
        study.warn(run);
    }
}

StudyRunner::StudyRunner(const kvm::System& system, const Study& study,
                         const std::vector<Point>& points, std::optional<bool> hypercalls,
                         const Confinement& confinement)
    : system_(system),
      study_(study),
      guest_(read_builtin(study.guest)),
      hypercalls_(hypercalls),
      confinement_(confinement) {
    std::uint32_t most = 1;
    for (const Point& point : points) {
        most = std::max(most, study.settings_at(point).cpus);
    }
    refuse_too_many_cpus(system, most);
}

StudyRun StudyRunner::run(const Point& point, bool memory_report, const std::stop_token& stop) {
    TestSettings settings = study_.settings_at(point);
    settings.memory_report = memory_report;
    settings.confinement = confinement_;
    if (study_.wants_hypercalls && study_.wants_hypercalls(point)) {
        if (!hypercalls_) {
            hypercalls_ = hypercalls_come_back(system_, confinement_, stop);
        }
        settings.parameters.emplace_back("hypercalls", *hypercalls_ ? 1 : 0);
    }
    const std::string test = study_.test.empty() ? point.values.front().text() : study_.test;
    StudyRun done{point, run_test(system_, guest_, guest_.test_named(test), settings, stop)};
    done.test.study = study_.id();
    done.test.point = point.text();
    done.test.point_id = point.id();
    relate(study_, done);
    done.test.inputs = point.inputs();
    if (const std::optional<Error> error = done.test.error) {
        done.test.error.emplace(error->kind(), fmt::format("{}: {}", point.text(), error->what()));
    }
    return done;
}

}  // namespace nestbed::vmm
