// nestbed new: a project of guests, to begin with.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/project_files.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

constexpr char new_help[] =
    "Writes a project for CMake into the new or empty folder DIR: a suite with tests that pass, "
    "and a\n"
    "script and a workflow for CI. It is built with the guest package, which is installed with\n"
    "nestbed.\n\n"
    "Examples:\n"
    "  nestbed new my-tests\n"
    "  nestbed new .               in the folder where you are\n\n";

/// What was made so far; gone again when this is, unless it is all there.
class UnfinishedProject {
  public:
    UnfinishedProject() = default;
    ~UnfinishedProject() {
        std::error_code error;
        for (auto path = made_.rbegin(); path != made_.rend(); ++path) {
            fs::remove(*path, error);
        }
    }
    UnfinishedProject(const UnfinishedProject&) = delete;
    UnfinishedProject& operator=(const UnfinishedProject&) = delete;

    /// Those above it, too.
    void make_folder(const fs::path& path) {
        std::error_code error;
        if (path.empty() || fs::is_directory(path, error)) {
            return;
        }
        make_folder(path.parent_path());
        if (!fs::create_directory(path, error)) {
            throw_error(ErrorKind::io, "cannot make the folder {}: {}", path.string(),
                        error ? error.message() : "it appeared just now");
        }
        made_.push_back(path);
    }

    void write(const fs::path& path, const std::string& text) {
        make_folder(path.parent_path());
        made_.push_back(path);
        write_file(path, text);
    }

    void is_finished() { made_.clear(); }

  private:
    std::vector<fs::path> made_;
};

/// Throws Error unless `folder` is new or empty.
void require_new_or_empty(const fs::path& folder) {
    std::error_code error;
    const fs::file_status status = fs::status(folder, error);
    if (status.type() == fs::file_type::none) {
        throw_error(ErrorKind::io, "{}: {}", folder.string(), error.message());
    }
    if (!fs::exists(status)) {
        if (fs::is_symlink(fs::symlink_status(folder, error))) {
            throw_error(ErrorKind::usage, "{} is a link to what is not there", folder.string());
        }
        return;
    }
    if (!fs::is_directory(status)) {
        throw_error(ErrorKind::usage, "{} is there already, and no folder", folder.string());
    }
    const fs::directory_iterator entries(folder, error);
    if (error) {
        throw_error(ErrorKind::io, "cannot look into {}: {}", folder.string(), error.message());
    }
    if (entries != fs::directory_iterator()) {
        throw_error(ErrorKind::usage, "{} is not empty (it has {} in it): name a new folder",
                    folder.string(), entries->path().filename().string());
    }
}

/// "a/./b/" is "a/b".
fs::path without_ending(const fs::path& folder) {
    const fs::path path = folder.lexically_normal();
    return path.has_filename() ? path : path.parent_path();
}

/// What CMake and C++ take as a name, of the folder's.
std::string project_name(const fs::path& folder) {
    const fs::path path = without_ending(fs::absolute(folder));
    std::string name = path.filename().string();
    std::ranges::replace_if(
        name, [](unsigned char c) { return c >= 0x80 || std::isalnum(c) == 0; }, '_');
    const bool has_letter =
        std::ranges::any_of(name, [](unsigned char c) { return std::isalnum(c) != 0; });
    if (!has_letter) {
        return "guests";
    }
    return std::isdigit(static_cast<unsigned char>(name.front())) != 0 ? "guests_" + name : name;
}

std::string filled_in(std::string_view text, const std::string& name) {
    const std::array<std::pair<std::string_view, std::string_view>, 2> values{
        {{"@NAME@", name}, {"@VERSION@", NESTBED_VERSION}}};
    std::string result(text);
    for (const auto& [placeholder, value] : values) {
        for (std::size_t at = 0; (at = result.find(placeholder, at)) != std::string::npos;
             at += value.size()) {
            result.replace(at, placeholder.size(), value);
        }
    }
    return result;
}

/// For a shell's command line, and no option there.
std::string quoted(const std::string& path) {
    const std::string word = path.starts_with('-') ? "./" + path : path;
    const bool is_plain = std::ranges::all_of(word, [](unsigned char c) {
        return c >= 0x80 || std::isalnum(c) != 0 ||
               std::string_view("_-./+,:@%").find(static_cast<char>(c)) != std::string_view::npos;
    });
    if (is_plain && !word.empty()) {
        return word;
    }
    if (const std::string seen = printable(word); seen != word) {
        // As bash and zsh have it, $'a\x1bb': nothing in it moves the cursor.
        std::string text = "$'";
        for (const char c : word) {
            const std::string one = printable_but(std::string_view(&c, 1), "");
            text += c == '\'' || c == '\\' ? std::string{'\\', c} : one;
        }
        return text + "'";
    }
    std::string text = "'";
    for (const char c : word) {
        text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return text + "'";
}

/// Where this program is installed together with the guest package.
std::optional<fs::path> installed_prefix() {
    std::error_code error;
    const fs::path prefix = fs::read_symlink("/proc/self/exe", error).parent_path().parent_path();
    if (fs::exists(prefix / "share/nestbed/cmake/NestbedGuest.cmake", error)) {
        return prefix;
    }
    return std::nullopt;
}

/// What CMake must be told, beyond where it looks by itself, and whoever reads it, if anything.
struct PackageHint {
    std::string option;
    std::string note;
};

PackageHint package_hint() {
    const std::optional<fs::path> prefix = installed_prefix();
    if (!prefix) {
        return {
            " -DCMAKE_PREFIX_PATH=PREFIX",
            "PREFIX is where the guest package is: it is not installed beside this program, which\n"
            "    cmake --install BUILD --component guest --prefix PREFIX\n"
            "does, BUILD being a build folder of nestbed's sources.\n"};
    }
    const bool is_looked_in = *prefix == "/usr" || *prefix == "/usr/local";
    return {is_looked_in ? "" : " -DCMAKE_PREFIX_PATH=" + quoted(prefix->string()), ""};
}

std::string what_was_done(const fs::path& folder) {
    std::string text = fmt::format("{}: a project of guests\n", printable(folder.string()));
    for (const ProjectFile& file : project_files()) {
        text += fmt::format("  {}\n", file.path);
    }
    const bool is_here = folder == ".";
    const std::string build = quoted(is_here ? "build" : (folder / "build").string());
    const PackageHint hint = package_hint();
    return text + fmt::format(
                      "\nNext:\n"
                      "  cmake -S {} -B {}{}\n"
                      "  cmake --build {}\n"
                      "  nestbed run {}/guests/example.elf\n{}{}",
                      quoted(folder.string()), build, hint.option, build, build,
                      hint.note.empty() ? "" : "\n", hint.note);
}

ExitCode make_project(const std::string& argument) {
    const fs::path folder = without_ending(argument);
    require_new_or_empty(folder);
    const std::string name = project_name(folder);
    UnfinishedProject project;
    project.make_folder(folder);
    for (const ProjectFile& file : project_files()) {
        project.write(folder / file.path, filled_in(file.text, name));
    }
    print(what_was_done(folder));
    project.is_finished();
    return ExitCode::success;
}

}  // namespace

void add_new(CLI::App& program, Invocation& invocation) {
    auto folder = std::make_shared<std::string>();
    CLI::App* command =
        program.add_subcommand("new", "Write a project of guests of your own, to begin with");
    command->add_option("DIR", *folder, "The project's folder, new or empty")->required();
    command->footer(std::string(new_help) + exit_code_help);
    command->callback([folder, &invocation] {
        if (folder->empty()) {
            throw_error(ErrorKind::usage, "new: DIR is empty, it names no folder");
        }
        invocation.action = [folder] { return make_project(*folder); };
    });
}

}  // namespace nestbed::vmm
