// Kernel modules that are given by hand: what they say that they need, by libelf.

#include "tests/fuzz/target.hpp"
#include "tests/unit/nested/module_file.hpp"
#include "vmm/base/error.hpp"
#include "vmm/nested/kernel_modules.hpp"

FUZZ_TARGET(modules) {
    using namespace nestbed;
    fuzz::Choices choices(input);
    std::string file;
    if (choices.flag()) {
        file = fuzz::text_of(choices.rest());
    } else {
        file = vmm::test::module_file_with(choices.text());
        while (!choices.none_left()) {
            const std::size_t at = choices.value<std::uint16_t>() % file.size();
            file[at] = static_cast<char>(choices.byte());
        }
    }
    try {
        for (const std::string& name : vmm::dependencies_in(file, "fuzz.ko")) {
            fuzz::require(name.find(',') == name.npos, "a name is one name");
        }
    } catch (const vmm::Error&) {
        // It is no module.
    }
}
