// nestbed completion: the scripts by which shells ask `nestbed complete` what a word can become.

#include <array>
#include <string_view>

#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/options.hpp"

namespace nestbed::vmm {

namespace {

constexpr char bash_script[] =
    R"(# Completion of nestbed for bash. The program itself says what there is.
_nestbed() {
    local kind word
    COMPREPLY=()
    {
        read -r kind
        while IFS=$'\t' read -r word _; do COMPREPLY+=("$word"); done
    } < <("${COMP_WORDS[0]/#\~/$HOME}" complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    local -A action=([files]=file [folders]=directory)
    if [[ -n ${action[${kind:-words}]-} ]]; then
        compopt -o filenames 2>/dev/null # unless it is called by hand
        while IFS= read -r word; do COMPREPLY+=("$word"); done \
            < <(compgen -A "${action[$kind]}" -- "${COMP_WORDS[COMP_CWORD]#=}")
    fi
}
complete -F _nestbed nestbed
)";

constexpr char zsh_script[] = R"(#compdef nestbed
# Completion of nestbed for zsh. The program itself says what there is.
_nestbed() {
    local program=${~words[1]} line
    local -a lines candidates
    lines=("${(@f)$("$program" complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    for line in "${(@)lines[2,-1]}"; do
        candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    (( $#candidates )) && _describe nestbed candidates
    [[ $PREFIX != --*=* ]] || compset -P '*='
    case ${lines[1]} in
        files) _files ;;
        folders) _files -/ ;;
    esac
}
if [[ ${funcstack[1]-} = _nestbed ]]; then _nestbed "$@"; else compdef _nestbed nestbed; fi
)";

constexpr char fish_script[] =
    R"(# Completion of nestbed for fish. The program itself says what there is.
function __nestbed_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    set -l lines ($program complete $words "$current" 2>/dev/null)
    set -l kind $lines[1]
    set -e lines[1]
    string join \n -- $lines
    set -l option (string match -r -- '^--[^=]*=' "$current")
    set -l value (string replace -r -- '^--[^=]*=' '' "$current")
    switch "$kind"
        case files
            __fish_complete_path "$value" | string replace -r -- '^' "$option"
        case folders
            __fish_complete_directories "$value" | string replace -r -- '^' "$option"
    end
end
complete -c nestbed -f -a '(__nestbed_complete)'
)";

struct Shell {
    std::string_view name;
    const char* script;
};
constexpr std::array shells{Shell{"bash", bash_script}, Shell{"zsh", zsh_script},
                            Shell{"fish", fish_script}};

constexpr char completion_help[] =
    "The Debian package installs all three. Without it:\n\n"
    "Examples:\n"
    "  source <(nestbed completion bash)     in ~/.bashrc\n"
    "  source <(nestbed completion zsh)      in ~/.zshrc, after compinit\n"
    "  nestbed completion fish | source      in ~/.config/fish/config.fish\n\n";

}  // namespace

void add_completion(CLI::App& program, Invocation& invocation) {
    CLI::App* command =
        program.add_subcommand("completion", "Print the completion script of a shell");
    add_choice(command, "SHELL", "", "bash, zsh or fish", shells, [&](const Shell& shell) {
        invocation.action = [script = shell.script] {
            print(script);
            return ExitCode::success;
        };
    })->required();
    command->footer(std::string(completion_help) + exit_code_help);
}

}  // namespace nestbed::vmm
