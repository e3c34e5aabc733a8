#include "vmm/study/study.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

using OptionTexts = std::vector<std::pair<std::string, std::string>>;

/// The values of each axis, as given or by default.
std::vector<std::vector<std::uint64_t>> values_of_axes(const Study& study,
                                                       const OptionTexts& given) {
    std::vector<std::vector<std::uint64_t>> values;
    for (const Axis& axis : study.axes) {
        const auto text = std::ranges::find(given, axis.option(), &OptionTexts::value_type::first);
        values.push_back(text == given.end() ? axis.default_values() : axis.parse(text->second));
    }
    return values;
}

std::vector<std::vector<std::uint64_t>> cross_product(
    const std::vector<std::vector<std::uint64_t>>& axes) {
    // More would take days, and memory before that.
    constexpr std::uint64_t most = 100'000;
    std::uint64_t size = 1;
    for (const std::vector<std::uint64_t>& values : axes) {
        if (__builtin_mul_overflow(size, values.size(), &size) || size > most) {
            throw_error(ErrorKind::usage, "more than {} combinations: ask for fewer values", most);
        }
    }
    std::vector<std::vector<std::uint64_t>> all(1);
    for (const std::vector<std::uint64_t>& values : axes) {
        std::vector<std::vector<std::uint64_t>> crossed;
        for (const std::vector<std::uint64_t>& one : all) {
            for (const std::uint64_t value : values) {
                crossed.push_back(one);
                crossed.back().push_back(value);
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
        if (study.axis_by_option(option) != nullptr) {
            continue;
        }
        if (!study.selector.empty()) {
            throw_error(ErrorKind::usage, "{}: not with --{}", option, study.selector);
        }
        for (const Study& other : studies()) {
            if (other.name == study.name && other.axis_by_option(option) != nullptr) {
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
        const Axis& axis = *study.axis_by_option(option);
        for (const std::uint64_t value : axis.parse(text)) {
            if (std::ranges::none_of(points,
                                     [&](const Point& p) { return p[axis.name] == value; })) {
                throw_error(ErrorKind::usage, "{} {}: it goes with none of the other values",
                            option, axis.show(value));
            }
        }
    }
}

const Axis* axis_named(const std::vector<Axis>& axes, std::string_view name) {
    const auto found = std::ranges::find(axes, name, &Axis::name);
    return found == axes.end() ? nullptr : &*found;
}

}  // namespace

std::uint64_t Point::operator[](std::string_view axis) const {
    const Axis* const found = axis_named(*axes_, axis);
    if (found == nullptr) {
        throw_error(ErrorKind::ours, "this study has no axis {}", axis);
    }
    return values_[static_cast<std::size_t>(found - axes_->data())];
}

std::string Point::text() const {
    std::string text;
    for (std::size_t n = 0; n < axes_->size(); ++n) {
        const Axis& axis = (*axes_)[n];
        const bool tells_apart =
            axis.is(Axis::shown) || (axis.is(Axis::list) && !axis.is_default(values_[n]));
        if (tells_apart) {
            // The first says what it is by itself.
            text += text.empty() && axis.kind == Axis::Kind::name
                        ? axis.show(values_[n])
                        : (text.empty() ? "" : ", ") + axis.in_words(values_[n]);
        }
    }
    return text;
}

std::string Derived::cell(const StudyRun& run, const StudyRuns& runs) const {
    const Value found = value(run, runs);
    if (const auto* number = std::get_if<double>(&found)) {
        return fmt::format("{:.{}f}", *number, digits);
    }
    const auto* text = std::get_if<std::string>(&found);
    return text == nullptr ? "" : printable(*text);
}

const Axis* Study::axis_by_option(std::string_view option) const {
    const auto found =
        std::ranges::find_if(axes, [&](const Axis& axis) { return axis.option() == option; });
    return found == axes.end() ? nullptr : &*found;
}

TestSettings Study::settings_at(const Point& point) const {
    TestSettings settings;
    if (axis_named(axes, "cpus") != nullptr) {
        settings.cpus = static_cast<std::uint32_t>(point["cpus"]);
    }
    settings.backing.kind = point.as<Backing>("backing");
    settings.backing.prefault = axis_named(axes, "prefault") != nullptr && point["prefault"] != 0;
    settings.timeout = std::chrono::milliseconds(point["timeout"]);
    settings.placement = point["pin"] != 0 ? Placement::spread : Placement::free;
    settings.statistics = !operation.empty();
    settings.expected = measured.front().name;
    for (std::size_t n = 0; n < axes.size(); ++n) {
        if (!axes[n].is(Axis::host_only)) {
            settings.parameters.emplace_back(axes[n].name, point.values()[n]);
        }
    }
    if (configure) {
        configure(point, settings);
    }
    return settings;
}

std::string Study::test_at(const Point& point) const {
    return test.empty() ? axes.front().show(point.values().front()) : test;
}

Axis cpus_axis(std::string help, std::uint64_t least, std::uint64_t most,
               std::vector<std::uint64_t> defaults, unsigned traits) {
    return number_axis("cpus", std::move(help), least, most, std::move(defaults),
                       Axis::list | traits, "vCPUs");
}

std::vector<Axis> with_vm_axes(std::vector<Axis> axes, bool compares_backings,
                               std::uint64_t timeout_seconds) {
    axes.push_back(name_axis<Backing>(
        "backing", "Host pages behind guest memory (docs/guest-memory.md)", {Backing::anon},
        Axis::host_only | (compares_backings ? Axis::list : 0U)));
    axes.push_back(flag_axis("prefault", "The host populates all of it before the guest runs",
                             Axis::host_only));
    axes.push_back(number_axis("timeout", "Seconds after which a VM is ended", 0, 0,
                               {timeout_seconds * 1000}, Axis::host_only));
    axes.back().kind = Axis::Kind::seconds;
    axes.push_back(flag_axis("pin", "Pin vCPU n to the n-th host core, around and around (default)",
                             Axis::host_only));
    axes.back().defaults = {1};
    return axes;
}

std::vector<Point> points_of(const Study& study, const OptionTexts& given) {
    refuse_unused_options(study, given);
    std::vector<Point> points;
    for (std::vector<std::uint64_t>& values : cross_product(values_of_axes(study, given))) {
        Point point(study.axes, std::move(values));
        if (!study.makes_sense || study.makes_sense(point)) {
            points.push_back(std::move(point));
        }
    }
    refuse_values_left_out(study, given, points);
    if (study.objection) {
        std::set<std::string> options;
        for (const auto& [option, text] : given) {
            options.insert(option);
        }
        if (const std::string problem = study.objection(points, options); !problem.empty()) {
            throw Error(ErrorKind::usage, problem);
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
        const auto is_selector = [&](const auto& option) {
            const Axis* const axis = study.axis_by_option(option.first);
            return axis != nullptr && axis->name == study.selector;
        };
        if (study.selector.empty()) {
            plain = &study;
        } else if (std::ranges::any_of(given, is_selector)) {
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
