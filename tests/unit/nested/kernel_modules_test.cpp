#include "vmm/nested/kernel_modules.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/base/temporary_folder.hpp"
#include "tests/unit/nested/failure.hpp"
#include "tests/unit/nested/module_file.hpp"
#include "vmm/nested/child_process.hpp"

namespace nestbed::vmm {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using test::failure_of;
using test::module_file;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ModuleName, IsTheKernels) {
    for (const char* file : {"kvm-amd", "kvm_amd", "kvm-amd.ko", "/lib/modules/6.1/kvm-amd.ko",
                             "kvm-amd.ko.xz", "kvm-amd.ko.zst", "kvm-amd.ko.gz"}) {
        EXPECT_EQ(module_name(file), "kvm_amd") << file;
    }
}

TEST(DependenciesIn, AreNamesSeparatedByCommas) {
    EXPECT_THAT(dependencies_in(module_file(""), "a.ko"), IsEmpty());
    EXPECT_THAT(dependencies_in(module_file("kvm"), "a.ko"), ElementsAre("kvm"));
    EXPECT_THAT(dependencies_in(module_file("kvm,irq-bypass"), "a.ko"),
                ElementsAre("kvm", "irq_bypass"));
}

TEST(DependenciesIn, LooksAtNoOtherText) {
    EXPECT_THAT(
        dependencies_in(test::module_file_with("softdepends=a\0description=depends=b\0"s), "a.ko"),
        IsEmpty());
}

TEST(DependenciesIn, WhatIsNoModuleIsNamed) {
    std::string nameless = module_file("kvm");
    nameless.replace(nameless.find(".modinfo"), 8, ".whatever", 8);
    for (const std::string& file : {""s, "text"s, std::string(5000, '\0'), nameless}) {
        EXPECT_EQ(failure_of([&] { dependencies_in(file, "/some/a.ko"); }),
                  "/some/a.ko is no kernel module");
    }
}

TEST(DependenciesIn, ATruncatedFileIsNoModule) {
    const std::string whole = module_file("kvm");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        // A block of its own, so that a sanitizer sees a read behind the end.
        const std::vector<char> cut(whole.begin(),
                                    whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_THROW(dependencies_in({cut.data(), cut.size()}, "a.ko"), Error) << size;
    }
}

class ModulesToLoad : public testing::Test {
  public:
    /// A module that needs those of `depends`.
    fs::path add(const std::string& path, const std::string& depends) const {
        return folder_.write(path, module_file(depends));
    }
    fs::path add_compressed(const std::string& path, const std::string& depends) const {
        output_of({"gzip", add(path, depends)});
        return folder_.path() / (path + ".gz");
    }

    std::vector<std::string> load_order(const std::string& name) const {
        std::vector<std::string> names;
        for (const fs::path& file : modules_to_load(folder_.path(), name)) {
            names.push_back(file.lexically_relative(folder_.path()));
        }
        return names;
    }

    const test::TemporaryFolder& folder() const { return folder_; }

  private:
    test::TemporaryFolder folder_;
};

TEST_F(ModulesToLoad, AModuleMayNeedNothing) {
    add("kvm.ko", "");
    add("other.ko", "");
    EXPECT_THAT(load_order("kvm"), ElementsAre("kvm.ko"));
}

TEST_F(ModulesToLoad, WhatIsNeededComesFirst) {
    add("c.ko", "b");
    add("a.ko", "");
    add("b.ko", "a");
    EXPECT_THAT(load_order("c"), ElementsAre("a.ko", "b.ko", "c.ko"));
}

TEST_F(ModulesToLoad, WhatTwoNeedComesOnce) {
    add("top.ko", "left,right");
    add("left.ko", "bottom");
    add("right.ko", "bottom");
    add("bottom.ko", "");
    EXPECT_THAT(load_order("top"), ElementsAre("bottom.ko", "left.ko", "right.ko", "top.ko"));
}

TEST_F(ModulesToLoad, ModulesAreFoundWhereverTheyAre) {
    add("lib/modules/6.1/arch/x86/kvm/kvm-amd.ko", "irqbypass");
    add("lib/modules/6.1/virt/lib/irqbypass.ko", "");
    EXPECT_THAT(load_order("kvm-amd"), ElementsAre(EndsWith("/irqbypass.ko"), EndsWith("-amd.ko")));
    EXPECT_EQ(load_order("kvm_amd"), load_order("kvm-amd"));
}

TEST_F(ModulesToLoad, FilesOfOtherKindsAreLeftAlone) {
    folder().write("kvm.ko.sig", "");
    folder().write("kvm.o", "");
    EXPECT_THAT(failure_of([&] { load_order("kvm"); }), HasSubstr("there is no module kvm"));
}

TEST_F(ModulesToLoad, AMissingModuleIsNamed) {
    EXPECT_EQ(failure_of([&] { load_order("kvm-amd"); }),
              "there is no module kvm_amd in " + folder().path().string());
}

TEST_F(ModulesToLoad, AMissingDependencyIsNamedWithItsUser) {
    add("kvm-amd.ko", "kvm");
    add("kvm.ko", "irqbypass");
    EXPECT_EQ(failure_of([&] { load_order("kvm-amd"); }),
              "there is no module irqbypass (needed by kvm) in " + folder().path().string());
}

TEST_F(ModulesToLoad, AFileThatIsNoModuleIsNamed) {
    add("kvm-amd.ko", "kvm");
    const fs::path file = folder().write("kvm.ko", "not yet downloaded");
    EXPECT_EQ(failure_of([&] { load_order("kvm-amd"); }), file.string() + " is no kernel module");
}

TEST_F(ModulesToLoad, AMissingFolderIsNamed) {
    EXPECT_THAT(failure_of([&] { modules_to_load(folder().path() / "none", "kvm"); }),
                AllOf(HasSubstr((folder().path() / "none").string()),
                      HasSubstr("No such file or directory")));
}

TEST_F(ModulesToLoad, ACompressedModuleIsUnpacked) {
    const fs::path file = add_compressed("kvm.ko", "irqbypass");
    add("irqbypass.ko", "");
    EXPECT_EQ(read_module(file), module_file("irqbypass"));
    EXPECT_THAT(load_order("kvm"), ElementsAre("irqbypass.ko", "kvm.ko.gz"));
}

TEST_F(ModulesToLoad, ATruncatedCompressedModuleIsNamed) {
    const fs::path file = add_compressed("kvm.ko", "irqbypass");
    fs::resize_file(file, fs::file_size(file) / 2);
    EXPECT_THAT(failure_of([&] { load_order("kvm"); }),
                AllOf(HasSubstr(file.string()), HasSubstr("unexpected end of file")));
}

}  // namespace
}  // namespace nestbed::vmm
