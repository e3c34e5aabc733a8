#include "vmm/study/study.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

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
        const std::vector<std::uint64_t> values =
            text == given.end() ? axis.default_values() : axis.parse(text->second);
        if (all.size() * values.size() > most) {
            throw_error(ErrorKind::usage, "more than {} combinations: ask for fewer values", most);
        }
        std::vector<Point> crossed;
        for (const Point& one : all) {
            for (const std::uint64_t value : values) {
                crossed.emplace_back(one).add(axis, value);
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

/// What was asked for by hand and is nowhere would be dropped in silence.
void refuse_values_left_out(const Study& study, const OptionTexts& given,
                            const std::vector<Point>& points) {
    for (const auto& [option, text] : given) {
        const Axis& axis = *axis_of(study, option);
        for (const std::uint64_t value : axis.parse(text)) {
            if (std::ranges::none_of(points,
                                     [&](const Point& p) { return p[axis.name] == value; })) {
                throw_error(ErrorKind::usage, "{} {}: it goes with none of the other values",
                            option, axis.show(value));
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
    const auto found = std::ranges::find_if(
        values_, [&](const AxisValue& value) { return value.axis->name == axis; });
    return found == values_.end() ? nullptr : &*found;
}

const AxisValue& Point::at(std::string_view axis) const {
    const AxisValue* found = find(axis);
    if (found == nullptr) {
        throw_error(ErrorKind::ours, "this study has no axis {}", axis);
    }
    return *found;
}

std::uint64_t Point::value_or(std::string_view axis, std::uint64_t otherwise) const {
    const AxisValue* found = find(axis);
    return found == nullptr ? otherwise : found->value;
}

std::string Point::text() const {
    std::string text;
    for (const auto& [axis, value] : values_) {
        if (axis->is(Axis::shown) || (axis->is(Axis::list) && !axis->is_default(value))) {
            // The first says what it is by itself.
            text += text.empty() && axis->kind == Axis::Kind::name
                        ? axis->show(value)
                        : (text.empty() ? "" : ", ") + axis->in_words(value);
        }
    }
    return text;
}

std::optional<double> Derived::number(const StudyRun& run, const StudyRuns& runs) const {
    const Value found = value(run, runs);
    const auto* number = found ? std::get_if<double>(&*found) : nullptr;
    return number == nullptr ? std::nullopt : std::optional(*number);
}

std::string Derived::cell(const Value& found) const {
    if (!found) {
        return "";
    }
    const auto* number = std::get_if<double>(&*found);
    return number != nullptr ? fmt::format("{:.{}f}", *number, digits)
                             : printable(std::get<std::string>(*found));
}

Derived parameter_column(std::string title, std::string measurement, std::string parameter,
                         std::string group) {
    return {.title = std::move(title),
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
    settings.cpus = static_cast<std::uint32_t>(point.value_or("cpus", 1));
    settings.backing.kind = point.as<Backing>("backing");
    settings.backing.prefault = point.value_or("prefault", 0) != 0;
    settings.timeout = std::chrono::milliseconds(point["timeout"]);
    settings.placement = point["pin"] != 0 ? Placement::spread : Placement::free;
    settings.statistics = !operation.empty();
    settings.expected = measured.front().name;
    for (const auto& [axis, value] : point.values()) {
        if (!axis->is(Axis::host_only)) {
            settings.parameters.emplace_back(axis->name, value);
        }
    }
    if (configure) {
        configure(point, settings);
    }
    return settings;
}

Axis cpus_axis(std::string help, std::uint64_t least, std::uint64_t most,
               std::vector<std::uint64_t> defaults, unsigned traits) {
    Axis axis =
        number_axis("cpus", std::move(help), least, most, std::move(defaults), Axis::list | traits);
    axis.title = "vCPUs";
    return axis;
}

std::vector<Axis> with_vm_axes(std::vector<Axis> axes, bool compares_backings,
                               std::uint64_t timeout_seconds) {
    axes.push_back(name_axis<Backing>(
        "backing", "Host pages behind guest memory (docs/guest-memory.md)", {Backing::anon},
        Axis::host_only | (compares_backings ? Axis::list : 0U)));
    axes.push_back(flag_axis("prefault", "The host populates all of it before the guest runs",
                             Axis::host_only));
    axes.push_back({.name = "timeout",
                    .kind = Axis::Kind::seconds,
                    .help = "Seconds after which a VM is ended",
                    .defaults = {timeout_seconds * 1000},
                    .traits = Axis::host_only});
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

const Study& study_chosen(std::string_view name, const OptionTexts& given) {
    const Study* plain = nullptr;
    const Study* chosen = nullptr;
    for (const Study& study : studies()) {
        if (study.name != name) {
            continue;
        }
        if (study.selector.empty()) {
            plain = &study;
        } else if (is_given(given, "--" + study.selector)) {
            if (chosen != nullptr) {
                throw_error(ErrorKind::usage, "--{} and --{}: one of them at a time",
                            chosen->selector, study.selector);
            }
            chosen = &study;
        }
    }
    return chosen != nullptr ? *chosen : *plain;
}

}  // namespace nestbed::vmm
