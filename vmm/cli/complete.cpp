// nestbed complete: what a shell's completion script asks. It is the program that knows, and it
// knows by the description that help is made of.
//
//   nestbed complete WORD... CURRENT
//
// prints what the word CURRENT can become after those before it: in the first line "files",
// "folders" or "words", for whether it can be the path of one as well, then a line for each word
// that it can be: the word, a tab, and what that means.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/cli/visible.hpp"
#include "vmm/loader/guest.hpp"

namespace nestbed::vmm {

namespace {

/// What the word under the cursor can become.
class Candidates {
  public:
    explicit Candidates(std::string current) : current_(std::move(current)) {}

    const std::string& current() const { return current_; }
    void add(const std::string& word, const std::string& meaning = "") {
        if (word.starts_with(current_)) {
            lines_ += fmt::format("{}\t{}\n", word, meaning);
        }
    }
    /// `begins`: what stands before the value in the same word.
    void add_values(CLI::Option& option, const std::string& begins) {
        const std::string type = placeholder_of(option);
        const std::string before = begins + up_to_the_last_comma(option);
        for (const std::string& word : offered(option)) {
            add(before + word);
        }
        if (type == "GUEST") {
            for (const BuiltinGuest& guest : builtin_guests()) {
                add(begins + std::string(guest.name), "built-in guest");
            }
        }
        constexpr std::array paths{"FILE", "PATH", "GUEST", "RESULT", "BASE", "NEW"};
        const bool is_path =
            std::ranges::any_of(paths, [&](const char* path) { return type.starts_with(path); });
        paths_ = is_path ? "files" : type == "DIR" ? "folders" : "words";
    }
    std::string text() const { return paths_ + "\n" + lines_; }

  private:
    std::string up_to_the_last_comma(CLI::Option& option) const {
        const std::size_t equals = current_.starts_with("--") ? current_.find('=') + 1 : 0;
        const std::size_t comma = current_.rfind(',');
        return placeholder_of(option) == "LIST" && comma != std::string::npos && comma >= equals
                   ? current_.substr(equals, comma + 1 - equals)
                   : "";
    }

    std::string current_;
    std::string paths_ = "words";
    std::string lines_;
};

/// A command line without its last word, understood as far as it goes.
class Place {
  public:
    Place(CLI::App& program, CLI::App& in_a_machine)
        : command_(&program), in_a_machine_(in_a_machine) {}

    void pass(const std::string& word) {
        if (word == "=") {  // bash makes three words of --option=value
            return;
        }
        if (value_of_ != nullptr) {
            value_of_ = nullptr;
        } else if (word == "--") {
            only_positionals_ = true;
        } else if (word.starts_with('-') && !only_positionals_) {
            CLI::Option* option = option_named(word.substr(0, word.find('=')));
            const bool waits = option != nullptr && takes_value(*option);
            value_of_ = waits && word.find('=') == std::string::npos ? option : nullptr;
        } else {
            enter(word);
        }
        enter_machine();
    }

    void complete(Candidates& candidates) {
        const std::string& current = candidates.current();
        const std::size_t equals = current.find('=');
        if (value_of_ != nullptr) {
            candidates.add_values(*value_of_, "");
        } else if (current.starts_with('-') && !only_positionals_) {
            CLI::Option* option = option_named(current.substr(0, equals));
            if (equals != std::string::npos && option != nullptr) {
                candidates.add_values(*option, current.substr(0, equals + 1));
                return;
            }
            for (CLI::Option* each : visible_options(*command_)) {
                candidates.add(name_of(*each), description_of(*each));
            }
        } else {
            for (CLI::App* each : visible_commands(*command_)) {
                candidates.add(each->get_name(), description_of(*each));
            }
            if (CLI::Option* positional = next_positional()) {
                candidates.add_values(*positional, "");
            }
        }
    }

  private:
    CLI::Option* option_named(const std::string& name) const {
        const auto options = visible_options(*command_);
        const auto found = std::ranges::find_if(
            options, [&](const CLI::Option* option) { return option->check_name(name); });
        return found == options.end() ? nullptr : *found;
    }
    static std::string name_of(const CLI::Option& option) {
        return option.get_lnames().empty() ? "-" + option.get_snames().front()
                                           : "--" + option.get_lnames().front();
    }
    void enter(const std::string& word) {
        for (CLI::App* each : visible_commands(*command_)) {
            if (each->get_name() == word) {
                command_ = each;
                return;
            }
        }
        ++positionals_;
    }
    /// What follows `nested … --` is a command line of its own.
    void enter_machine() {
        const CLI::Option* positional = next_positional();
        if (only_positionals_ && positional != nullptr &&
            placeholder_of(*positional) == "COMMAND") {
            command_ = &in_a_machine_;
            only_positionals_ = false;
        }
    }
    /// The last one takes whatever comes, if it takes several.
    CLI::Option* next_positional() const {
        const auto all = positionals_of(*command_);
        if (positionals_ < all.size()) {
            return all[positionals_];
        }
        return !all.empty() && all.back()->get_expected_max() > 1 ? all.back() : nullptr;
    }

    CLI::App* command_;
    CLI::App& in_a_machine_;
    CLI::Option* value_of_ = nullptr;  ///< the option that the next word is for
    bool only_positionals_ = false;    ///< after --
    std::size_t positionals_ = 0;
};

std::string completion_of(CLI::App& program, std::vector<std::string> words) {
    CLI::App in_a_machine;
    Invocation unused;
    unused.command_line = words;
    add_commands(in_a_machine, unused, Commands::of_guests);
    std::string current = words.empty() ? "" : words.back();
    if (!words.empty()) {
        words.pop_back();
    }
    Place place(program, in_a_machine);
    for (const std::string& word : words) {
        place.pass(word);
    }
    Candidates candidates(current == "=" ? "" : current);
    place.complete(candidates);
    return candidates.text();
}

}  // namespace

void add_complete(CLI::App& program, Invocation& invocation) {
    CLI::App* command = program.add_subcommand("complete")->group("");
    command->set_help_flag();
    command->prefix_command();  // the words are nothing to be understood here
    command->callback([&program, &invocation] {
        const auto& all = invocation.command_line;  // the program, "complete", the words
        invocation.action = [text = completion_of(program, {all.begin() + 2, all.end()})] {
            print(text);
            return ExitCode::success;
        };
    });
}

}  // namespace nestbed::vmm
