// Signals that have nothing to do with the VMM do it no harm.

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <string>
#include <thread>

#include "tests/vmm/kvm_test.hpp"

namespace nestbed::vmm {
namespace {

std::atomic<int> handled{0};

class Signals : public test::KvmTest {};

// KVM_CREATE_VM gives up at any signal.
TEST_F(Signals, DoNotKeepAVmFromBeingMade) {
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = [](int) { ++handled; };  // without SA_RESTART
    ::sigaction(SIGUSR2, &action, &before);
    std::atomic<bool> done{false};
    std::thread sender([&done, maker = ::pthread_self()] {
        for (int n = 0; n < 2000; ++n) {
            const int so_far = handled;
            ::pthread_kill(maker, SIGUSR2);
            while (handled == so_far) {
                std::this_thread::yield();
            }
        }
        done = true;
    });
    std::string failure;
    while (!done) {
        try {
            system().create_vm();
        } catch (const Error& error) {
            failure = error.what();
        }
    }
    sender.join();
    ::sigaction(SIGUSR2, &before, nullptr);
    EXPECT_EQ(failure, "");
}

}  // namespace
}  // namespace nestbed::vmm
