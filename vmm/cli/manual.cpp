// nestbed manual: writes its manual pages into a folder, for whoever makes a package of it.

#include <filesystem>
#include <memory>

#include "vmm/base/error.hpp"
#include "vmm/base/output_file.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/man_page.hpp"
#include "vmm/cli/visible.hpp"

namespace nestbed::vmm {

namespace {

struct Page {
    std::string name;
    std::string source;
};

/// A command's page and those of the commands below it.
void add_pages(CLI::App& command, std::vector<Page>& pages) {
    pages.push_back({page_name(command) + ".1", man_page(command)});
    for (CLI::App* below : visible_commands(command)) {
        add_pages(*below, pages);
    }
}

}  // namespace

void add_manual(CLI::App& program, Invocation& invocation) {
    auto folder = std::make_shared<std::string>();
    CLI::App* command = program.add_subcommand(manual_command)->group("");
    command->add_option("DIR", *folder)->required();
    command->callback([&program, folder, &invocation] {
        if (folder->empty()) {
            throw_error(ErrorKind::usage, "{}: the folder has no name", manual_command);
        }
        std::vector<Page> pages;
        add_pages(program, pages);
        invocation.action = [folder, pages] {
            for (const Page& page : pages) {
                OutputFile(std::filesystem::path(*folder) / page.name).write(page.source);
            }
            return ExitCode::success;
        };
    });
}

}  // namespace nestbed::vmm
