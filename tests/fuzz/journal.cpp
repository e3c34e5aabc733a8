// What an interrupted sweep has left: a journal, or the report itself. The first byte says which.

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "tests/fuzz/target.hpp"
#include "vmm/base/error.hpp"
#include "vmm/render/journal.hpp"

namespace nestbed {
namespace {

namespace fs = std::filesystem;

class SweepFolder {
  public:
    SweepFolder() {
        std::string pattern = fs::temp_directory_path() / "nestbed-fuzz-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
    }
    SweepFolder(const SweepFolder&) = delete;
    SweepFolder& operator=(const SweepFolder&) = delete;
    ~SweepFolder() { fs::remove_all(path_); }

    fs::path report() const { return path_ / "sweep.json"; }

    void write(bool as_report, std::string_view text) const {
        fs::remove(path_ / "sweep.json");
        fs::remove(path_ / "sweep.json.journal");
        const char* name = as_report ? "sweep.json" : "sweep.json.journal";
        std::ofstream(path_ / name, std::ios::binary) << text;
    }

  private:
    fs::path path_;
};

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(journal) {
    using namespace nestbed;
    static const SweepFolder folder;
    fuzz::Choices choices(input);
    const bool as_report = choices.flag();
    folder.write(as_report, fuzz::text_of(choices.rest()));
    try {
        vmm::Journal journal = vmm::Journal::resume(folder.report());
        journal.take_over();
        const vmm::Journal again = vmm::Journal::resume(folder.report());
        fuzz::require(as_report || again.found().size() == journal.found().size(),
                      "a journal that was read can be read again");
    } catch (const vmm::Error&) {
        // It is neither.
    }
}
