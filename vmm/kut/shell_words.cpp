#include "vmm/kut/shell_words.hpp"

#include <algorithm>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::string_view separators = " \t\n";

class Splitter {
  public:
    Splitter(std::string_view text, const ShellContext& context)
        : text_(text), rest_(text), context_(context) {}

    std::vector<std::string> words() {
        while (!rest_.empty()) {
            read_unquoted();
        }
        end_word();
        return std::move(words_);
    }

  private:
    template <typename... Arguments>
    [[noreturn]] void refuse(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        throw_error(ErrorKind::input, "{}: {}", shortened(printable(text_), 200),
                    fmt::format(format, std::forward<Arguments>(arguments)...));
    }

    char take() {
        const char first = rest_.front();
        rest_.remove_prefix(1);
        return first;
    }

    /// What is before `end`, which goes as well.
    std::string_view take_until(std::string_view end, std::string_view what) {
        const std::size_t length = rest_.find(end);
        if (length == std::string_view::npos) {
            refuse("there is no end to the {}", what);
        }
        const std::string_view taken = rest_.substr(0, length);
        rest_.remove_prefix(length + end.size());
        return taken;
    }

    void append(std::string_view part) {
        word_ += part;
        in_word_ = true;
    }

    void end_word() {
        if (in_word_) {
            words_.push_back(std::move(word_));
        }
        word_.clear();
        in_word_ = false;
    }

    void read_unquoted() {
        const char first = take();
        switch (first) {
            case ' ':
            case '\t':
                return end_word();
            case '\'':
                return append(take_until("'", "single quotes"));
            case '"':
                return read_double_quoted();
            case '\\':
                return read_escaped();
            case '$':
            case '`':
                return append_split(expansion(first));
            case '#':
                return in_word_ ? append("#") : skip_comment();
            case '\n':
                return read_line_end();
            case ';':
            case '&':
            case '|':
            case '<':
            case '>':
            case '(':
            case ')':
            case '{':
                refuse("an unquoted {} is more than words: write it in quotes", first);
            case '~':
                if (!in_word_) {
                    refuse("a ~ at the beginning of a word is somebody's folder: quote it");
                }
                return append("~");
            default:
                return append({&first, 1});
        }
    }

    void read_escaped() {
        if (rest_.empty()) {
            refuse("there is nothing behind the last backslash");
        }
        if (const char next = take(); next != '\n') {
            append({&next, 1});
        }
    }

    /// What follows it would be a command of its own.
    void read_line_end() {
        end_word();
        if (rest_.find_first_not_of(separators) != std::string_view::npos) {
            refuse("a line ends the command: put a backslash at its end, or quotes around it");
        }
    }

    void skip_comment() { rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size())); }

    void read_double_quoted() {
        append("");
        while (true) {
            const std::size_t length = rest_.find_first_of("\"\\$`");
            if (length == std::string_view::npos) {
                refuse("there is no end to the double quotes");
            }
            append(rest_.substr(0, length));
            rest_.remove_prefix(length);
            const char special = take();
            if (special == '"') {
                return;
            }
            if (special == '\\') {
                read_escaped_in_quotes();
            } else {
                append(expansion(special));
            }
        }
    }

    /// Before any other character the backslash stands for itself.
    void read_escaped_in_quotes() {
        constexpr std::string_view can_be_escaped = "$`\"\\\n";
        if (rest_.empty() || can_be_escaped.find(rest_.front()) == std::string_view::npos) {
            return append("\\");
        }
        if (const char next = take(); next != '\n') {
            append({&next, 1});
        }
    }

    /// Of what begins with `first`, a $ or a backquote.
    std::string expansion(char first) {
        if (first == '`') {
            return output_of(take_until("`", "command"));
        }
        if (rest_.starts_with('(')) {
            rest_.remove_prefix(1);
            return output_of(take_until(")", "command"));
        }
        if (rest_.starts_with('{')) {
            rest_.remove_prefix(1);
            return value_of(take_until("}", "variable"));
        }
        return value_of(take_name());
    }

    std::string output_of(std::string_view command) {
        if (command != "date +%s") {
            refuse("the only command that may stand in it is `date +%s`");
        }
        return context_.now;
    }

    std::string_view take_name() {
        constexpr std::string_view allowed =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
        const std::size_t length = std::min(rest_.find_first_not_of(allowed), rest_.size());
        const std::string_view name = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return name;
    }

    std::string value_of(std::string_view name) {
        const auto found = context_.variables.find(std::string(name));
        if (found == context_.variables.end()) {
            refuse("${} is not known here", name);
        }
        return found->second;
    }

    /// Outside quotes, separators in what was put in separate words as any others do.
    void append_split(std::string_view value) {
        for (const char next : value) {
            if (separators.find(next) == std::string_view::npos) {
                append({&next, 1});
            } else {
                end_word();
            }
        }
    }

    std::string_view text_;
    std::string_view rest_;
    const ShellContext& context_;
    std::string word_;
    bool in_word_ = false;  ///< also in an empty one, of quotes alone
    std::vector<std::string> words_;
};

}  // namespace

std::vector<std::string> shell_words(std::string_view text, const ShellContext& context) {
    return Splitter(text, context).words();
}

}  // namespace nestbed::vmm
