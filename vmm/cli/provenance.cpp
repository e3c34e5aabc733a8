#include "vmm/cli/provenance.hpp"

#include <string_view>

#include "vmm/cli/options.hpp"
#include "vmm/cli/revision.hpp"

namespace nestbed::vmm {

void add_anonymous_option(CLI::App* command, bool& anonymous) {
    add_flag(command, "--anonymous",
             "Leave out of the report what can name this host: its\n"
             "name, and all of the kernel's command line",
             [&] { anonymous = true; });
}

Provenance begin_provenance(bool anonymous) {
    Provenance provenance = find_provenance(anonymous);
    if (const std::string_view revision = source_revision; !revision.empty()) {
        provenance.revision = revision;
    }
    return provenance;
}

void end_provenance(Provenance& provenance) { provenance.after = find_load(); }

}  // namespace nestbed::vmm
