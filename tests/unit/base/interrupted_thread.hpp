// A thread whose system calls are interrupted by signals.
#pragma once

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>

namespace nestbed::vmm::test {

class InterruptedThread {
  public:
    explicit InterruptedThread(std::function<void()> body) {
        handled() = 0;
        struct sigaction action {};
        action.sa_handler = [](int) { ++handled(); };  // without SA_RESTART
        ::sigaction(SIGUSR2, &action, &before_);
        thread_ = std::thread([this, body = std::move(body)] {
            id_ = ::gettid();
            body();
            done_ = true;
        });
    }
    ~InterruptedThread() {
        join();
        ::sigaction(SIGUSR2, &before_, nullptr);
    }
    InterruptedThread(const InterruptedThread&) = delete;
    InterruptedThread& operator=(const InterruptedThread&) = delete;

    /// Interrupts it some times, each time while it waits in the kernel; not once it is done.
    void interrupt() {
        for (int n = 0; n < 20; ++n) {
            while (!waits() && !done_) {
                std::this_thread::yield();
            }
            const int before = handled();
            if (!done_) {
                ::pthread_kill(thread_.native_handle(), SIGUSR2);
            }
            while (handled() == before && !done_) {
                std::this_thread::yield();
            }
        }
    }

    void join() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }

  private:
    static std::atomic<int>& handled() {
        static std::atomic<int> count{0};
        return count;
    }

    /// Its state in /proc is S, behind its name in parentheses.
    bool waits() const {
        std::ifstream file("/proc/self/task/" + std::to_string(id_) + "/stat");
        const std::string text(std::istreambuf_iterator<char>(file), {});
        const std::size_t name_end = text.rfind(')');
        return name_end != std::string::npos && text.substr(name_end, 3) == ") S";
    }

    struct sigaction before_ {};
    std::atomic<pid_t> id_{-1};
    std::atomic<bool> done_{false};
    std::thread thread_;
};

}  // namespace nestbed::vmm::test
