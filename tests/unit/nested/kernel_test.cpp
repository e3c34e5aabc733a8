// The kernel's cache, with scripts in place of apt and dpkg.

#include "vmm/nested/kernel.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/unit/base/temporary_folder.hpp"
#include "tests/unit/nested/environment_variable.hpp"
#include "tests/unit/nested/failure.hpp"
#include "tests/unit/nested/module_file.hpp"

namespace nestbed::vmm {
namespace {

namespace fs = std::filesystem;
using test::EnvironmentVariable;
using test::failure_of;
using testing::AllOf;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

/// Of the text "abc".
constexpr char checksum_of_abc[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class KernelTest : public testing::Test {
  public:
    KernelTest() : path_("PATH", (folder_.path() / "programs").string() + ":" + ::getenv("PATH")) {
        folder_.write("package/boot/vmlinuz-6.1", "an image");
        const fs::path modules = "package/lib/modules/6.1/kernel";
        folder_.write(modules / "virt/irqbypass.ko", test::module_file(""));
        folder_.write(modules / "kvm/kvm.ko", test::module_file("irqbypass"));
        folder_.write(modules / "kvm/kvm-amd.ko", test::module_file("kvm"));
        folder_.write(modules / "kvm/kvm-intel.ko", test::module_file("kvm"));
        folder_.write(modules / "sound/sound.ko", test::module_file(""));
        set_program("apt-cache",
                    "echo Package: $4\n"
                    "echo 'Depends: linux-image-6.1-cloud-amd64 (= 6.1.0-1), other-package'");
        set_program("apt-get", "printf abc >$3_6.1.0-1_amd64.deb");
        set_program("dpkg-deb",
                    "case $1 in\n"
                    "--extract) cp -r " +
                        path_of("package").string() +
                        " $3 ;;\n"
                        "--field) echo the $3 ;;\n"
                        "esac");
    }

    /// A program of the system, from now on. Its calls go to a log.
    void set_program(const std::string& name, const std::string& lines) const {
        folder_.write_script("programs/" + name,
                             "echo " + name + " $* >>" + path_of("log").string() + "\n" + lines);
    }

    fs::path path_of(const char* name) const { return folder_.path() / name; }
    fs::path cache() const { return path_of("some/cache"); }
    std::string log() const { return folder_.read("log"); }
    void clear_log() const { fs::remove(path_of("log")); }
    const test::TemporaryFolder& folder() const { return folder_; }

    /// How often apt was asked for a package.
    std::size_t fetches() const {
        std::istringstream lines(log());
        std::size_t count = 0;
        for (std::string line; std::getline(lines, line);) {
            count += line.starts_with("apt-get") ? 1 : 0;
        }
        return count;
    }

    /// True if there is no kernel, whole or in part.
    bool nothing_left() const {
        return !fs::exists(cache() / "kernel") && !fs::exists(cache() / "kernel.partial");
    }

    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const fs::directory_entry& file : fs::directory_iterator(cache() / "kernel")) {
            names.push_back(file.path().filename());
        }
        return names;
    }

  private:
    test::TemporaryFolder folder_;
    EnvironmentVariable path_;
};

TEST_F(KernelTest, IsTakenFromDebiansPackage) {
    const NestedKernel kernel = cached_kernel(cache());
    EXPECT_EQ(folder().read(kernel.image), "an image");
    EXPECT_EQ(kernel.modules, cache() / "kernel");
    EXPECT_EQ(kernel.package, "the Package the Version");
    EXPECT_EQ(kernel.package_checksum, checksum_of_abc);
    EXPECT_EQ(kernel.checksum, checksum_of(kernel.image));
}

TEST_F(KernelTest, OfThePackageOnlyTheImageAndKvmAreKept) {
    cached_kernel(cache());
    EXPECT_THAT(files(), UnorderedElementsAre("vmlinuz", "irqbypass.ko", "kvm.ko", "kvm_amd.ko",
                                              "kvm_intel.ko", "package.json", "SHA256SUMS"));
    EXPECT_FALSE(fs::exists(cache() / "kernel.partial"));
}

TEST_F(KernelTest, ThePackageIsTheOneThatTheMetaPackageDependsOn) {
    cached_kernel(cache());
    EXPECT_THAT(log(), AllOf(HasSubstr("apt-cache show --no-all-versions linux-image-cloud-amd64"),
                             HasSubstr("apt-get download --quiet linux-image-6.1-cloud-amd64\n")));
}

TEST_F(KernelTest, IsFetchedOnce) {
    const NestedKernel first = cached_kernel(cache());
    clear_log();
    const NestedKernel second = cached_kernel(cache());
    EXPECT_EQ(log(), "");
    EXPECT_EQ(second.image, first.image);
    EXPECT_EQ(second.package, first.package);
    EXPECT_EQ(second.package_checksum, first.package_checksum);
    EXPECT_EQ(second.checksum, first.checksum);
}

TEST_F(KernelTest, OneThatIsThereNeedsNoApt) {
    cached_kernel(cache());
    for (const char* program : {"apt-cache", "apt-get", "dpkg-deb"}) {
        set_program(program, "exit 1");
    }
    EXPECT_NO_THROW(cached_kernel(cache()));
}

TEST_F(KernelTest, ADamagedFileIsAnErrorWithTheRemedy) {
    cached_kernel(cache());
    for (const char* file : {"vmlinuz", "kvm_amd.ko", "package.json"}) {
        const fs::path path = cache() / "kernel" / file;
        const std::string whole = folder().read(path);
        folder().write(path, "damaged");
        EXPECT_THAT(
            failure_of([&] { cached_kernel(cache()); }),
            AllOf(HasSubstr("is damaged"), HasSubstr("rm -r " + (cache() / "kernel").string())))
            << file;
        folder().write(path, whole);
        EXPECT_NO_THROW(cached_kernel(cache()));
    }
}

TEST_F(KernelTest, ADamagedFileIsNamed) {
    cached_kernel(cache());
    folder().write(cache() / "kernel/kvm_amd.ko", "damaged");
    EXPECT_THAT(failure_of([&] { cached_kernel(cache()); }), HasSubstr("kvm_amd.ko"));
}

TEST_F(KernelTest, AMissingFileIsDamage) {
    for (const char* file : {"vmlinuz", "kvm.ko", "package.json", "SHA256SUMS"}) {
        cached_kernel(cache());
        fs::remove(cache() / "kernel" / file);
        EXPECT_THAT(failure_of([&] { cached_kernel(cache()); }), HasSubstr("is damaged")) << file;
        fs::remove_all(cache() / "kernel");
    }
}

TEST_F(KernelTest, NoChecksumsAreDamage) {
    cached_kernel(cache());
    folder().write(cache() / "kernel/SHA256SUMS", "");
    EXPECT_THAT(failure_of([&] { cached_kernel(cache()); }), HasSubstr("is damaged"));
}

TEST_F(KernelTest, TheRemedyHelps) {
    cached_kernel(cache());
    folder().write(cache() / "kernel/vmlinuz", "damaged");
    fs::remove_all(cache() / "kernel");
    EXPECT_EQ(folder().read(cached_kernel(cache()).image), "an image");
}

TEST_F(KernelTest, AFailedDownloadLeavesNothing) {
    set_program("apt-get", "echo half >$3.deb; echo 'no network' >&2; exit 100");
    EXPECT_THAT(failure_of([&] { cached_kernel(cache()); }),
                AllOf(HasSubstr("linux-image-6.1-cloud-amd64"), HasSubstr("no network"),
                      HasSubstr("--kernel and --modules")));
    EXPECT_TRUE(nothing_left());
}

TEST_F(KernelTest, ADownloadOfNothingLeavesNothing) {
    set_program("apt-get", "exit 0");
    EXPECT_THAT(failure_of([&] { cached_kernel(cache()); }),
                HasSubstr("there is no linux-image-6.1-cloud-amd64*.deb"));
    EXPECT_TRUE(nothing_left());
}

TEST_F(KernelTest, APackageThatAptDoesNotKnowIsNamedWithAdvice) {
    for (const char* lines : {"echo 'E: No packages found' >&2; exit 100", "echo Package: other"}) {
        set_program("apt-cache", lines);
        EXPECT_THAT(failure_of([&] { cached_kernel(cache()); }),
                    AllOf(HasSubstr("linux-image-cloud-amd64"), HasSubstr("apt-get update"),
                          HasSubstr("--kernel and --modules")));
        EXPECT_TRUE(nothing_left());
    }
}

TEST_F(KernelTest, APackageThatCannotBeUnpackedLeavesNothing) {
    set_program("dpkg-deb", "echo 'not a Debian package' >&2; exit 2");
    EXPECT_THAT(failure_of([&] { cached_kernel(cache()); }), HasSubstr("not a Debian package"));
    EXPECT_TRUE(nothing_left());
}

TEST_F(KernelTest, APackageWithoutKvmAmdLeavesNothing) {
    fs::remove(path_of("package/lib/modules/6.1/kernel/kvm/kvm-amd.ko"));
    EXPECT_THAT(failure_of([&] { cached_kernel(cache()); }),
                HasSubstr("there is no module kvm_amd"));
    EXPECT_TRUE(nothing_left());
}

TEST_F(KernelTest, APackageWithoutAnImageLeavesNothing) {
    fs::remove_all(path_of("package/boot"));
    EXPECT_THAT(failure_of([&] { cached_kernel(cache()); }), HasSubstr("there is no vmlinuz-*"));
    EXPECT_TRUE(nothing_left());
}

TEST_F(KernelTest, AFetchMaySucceedAfterOneThatFailed) {
    set_program("apt-get", "exit 100");
    EXPECT_THROW(cached_kernel(cache()), Error);
    set_program("apt-get", "printf abc >$3_6.1.0-1_amd64.deb");
    EXPECT_EQ(folder().read(cached_kernel(cache()).image), "an image");
}

TEST_F(KernelTest, WhatAnInterruptedFetchLeftIsThrownAway) {
    folder().write(cache() / "kernel.partial/old.ko", "half a module");
    folder().write(cache() / "kernel.partial/unpacked/boot/vmlinuz-5.10", "half an image");
    EXPECT_EQ(folder().read(cached_kernel(cache()).image), "an image");
    EXPECT_THAT(files(), testing::Not(testing::Contains("old.ko")));
    EXPECT_FALSE(fs::exists(cache() / "kernel.partial"));
}

TEST_F(KernelTest, OfSeveralProcessesOneFetches) {
    set_program("apt-get", "sleep 0.2; printf abc >$3_6.1.0-1_amd64.deb");
    std::vector<pid_t> processes(4);
    for (pid_t& process : processes) {
        process = ::fork();
        if (process == 0) {
            try {
                cached_kernel(cache());
            } catch (const Error& error) {
                std::fputs(error.what(), stderr);
                ::_exit(1);
            }
            ::_exit(0);
        }
    }
    for (const pid_t process : processes) {
        int status = 0;
        EXPECT_EQ(::waitpid(process, &status, 0), process);
        EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(fetches(), 1U);
}

TEST_F(KernelTest, OfSeveralThreadsOneFetches) {
    set_program("apt-get", "sleep 0.2; printf abc >$3_6.1.0-1_amd64.deb");
    {
        const auto fetch = [this] { EXPECT_NO_THROW(cached_kernel(cache())); };
        const std::array<std::jthread, 3> threads{std::jthread(fetch), std::jthread(fetch),
                                                  std::jthread(fetch)};
    }
    EXPECT_EQ(fetches(), 1U);
}

TEST_F(KernelTest, ACacheThatCannotBeMadeIsNamed) {
    folder().write("some", "no folder");
    EXPECT_THAT(failure_of([&] { cached_kernel(cache()); }, ErrorKind::io),
                AllOf(HasSubstr("cannot keep a kernel in " + cache().string()),
                      HasSubstr("Not a directory")));
}

TEST_F(KernelTest, MayBeGivenByHand) {
    const fs::path image = folder().write("image", "abc");
    const NestedKernel kernel = kernel_by_hand(image, path_of("package"));
    EXPECT_EQ(kernel.image, image);
    EXPECT_EQ(kernel.modules, path_of("package"));
    EXPECT_EQ(kernel.package, "");
    EXPECT_EQ(kernel.package_checksum, "");
    EXPECT_EQ(kernel.checksum, checksum_of_abc);
}

TEST_F(KernelTest, ItsImageHasAnAbsolutePath) {
    const fs::path image = folder().write("image", "abc");
    EXPECT_TRUE(kernel_by_hand(fs::relative(image), path_of("package")).image.is_absolute());
    EXPECT_TRUE(cached_kernel(fs::relative(folder().path()) / "cache").image.is_absolute());
}

TEST_F(KernelTest, WhatIsMissingByHandIsNamedByItsOption) {
    const fs::path image = folder().write("image", "abc");
    const fs::path none = path_of("none");
    EXPECT_EQ(failure_of([&] { kernel_by_hand(none, path_of("package")); }, ErrorKind::usage),
              "--kernel " + none.string() + ": there is no such file");
    EXPECT_EQ(failure_of([&] { kernel_by_hand(image, none); }, ErrorKind::usage),
              "--modules " + none.string() + ": there is no such folder");
}

TEST_F(KernelTest, AFolderIsNoImageAndAFileNoFolder) {
    const fs::path image = folder().write("image", "abc");
    const auto by_hand = [](const fs::path& kernel, const fs::path& modules) {
        return failure_of([&] { kernel_by_hand(kernel, modules); }, ErrorKind::usage);
    };
    EXPECT_THAT(by_hand(path_of("package"), path_of("package")), HasSubstr("--kernel"));
    EXPECT_THAT(by_hand(image, image), HasSubstr("--modules"));
}

TEST_F(KernelTest, AChecksumIsSha256) {
    EXPECT_EQ(checksum_of(folder().write("-odd name", "abc")), checksum_of_abc);
    EXPECT_THAT(failure_of([&] { checksum_of(path_of("none")); }),
                HasSubstr(path_of("none").string()));
}

TEST(DefaultCache, IsWhereXdgSays) {
    const EnvironmentVariable xdg("XDG_CACHE_HOME", "/caches");
    const EnvironmentVariable home("HOME", "/home/somebody");
    EXPECT_EQ(default_cache(), "/caches/nestbed");
}

TEST(DefaultCache, IsAtHomeOtherwise) {
    const EnvironmentVariable home("HOME", "/home/somebody");
    for (const std::optional<std::string>& value :
         {std::optional<std::string>(), std::optional<std::string>(""),
          std::optional<std::string>("relative")}) {
        const EnvironmentVariable xdg("XDG_CACHE_HOME", value);
        EXPECT_EQ(default_cache(), "/home/somebody/.cache/nestbed");
    }
}

TEST(DefaultCache, WithoutAHomeThereIsNone) {
    const EnvironmentVariable xdg("XDG_CACHE_HOME", std::nullopt);
    const EnvironmentVariable home("HOME", std::nullopt);
    EXPECT_THAT(failure_of([] { default_cache(); }, ErrorKind::usage), HasSubstr("--cache"));
}

}  // namespace
}  // namespace nestbed::vmm
