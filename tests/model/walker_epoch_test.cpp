// Software walkers beside a writer that frees their table, under every schedule within a bound of
// the simulated machine; and the ways to get it wrong caught by them.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "shared/shootdown/walker_epoch.hpp"
#include "tests/model/platform.hpp"
#include "tests/model/schedule.hpp"

namespace nestbed::model {
namespace {

using Epoch = shootdown::WalkerEpoch<2, SimulatedAtomic>;

/// As an epoch without an order of its own would be: a plain store to enter, a plain load to look.
class UnorderedEpoch {
  public:
    void enter(std::uint32_t walker) { inside_[walker].store(1, std::memory_order_release); }
    void leave(std::uint32_t walker) { inside_[walker].store(0, std::memory_order_release); }
    template <typename Pause>
    void wait(Pause&& pause) {
        for (auto& inside : inside_) {
            while (inside.load(std::memory_order_acquire) != 0) {
                pause();
            }
        }
    }

  private:
    SimulatedAtomic<std::uint64_t> inside_[2];
};

class NoWait : public Epoch {
  public:
    template <typename Pause>
    void wait(Pause&&) {}
};

class WaitForTheFirst : public Epoch {
  public:
    template <typename Pause>
    void wait(Pause&& pause) {
        first_.wait(pause);
    }
    void enter(std::uint32_t walker) { (walker == 0 ? first_ : *this).Epoch::enter(walker); }
    void leave(std::uint32_t walker) { (walker == 0 ? first_ : *this).Epoch::leave(walker); }

  private:
    Epoch first_;
};

class NoEntering : public Epoch {
  public:
    void enter(std::uint32_t) {}
    void leave(std::uint32_t) {}
};

enum class WriterWaits { after_detaching, before_detaching };

/// Two walkers that walk twice each, and a writer that takes their table away.
template <typename E>
std::optional<std::string> run(Schedule& schedule, Habits habits, WriterWaits when) {
    Machine machine(schedule, habits);
    Root root;
    const std::uint64_t number = machine.allocate_table();
    root.entries[0].value = number;
    E epoch;
    for (std::uint32_t walker = 0; walker < 2; ++walker) {
        machine.add_cpu([&, walker] {
            for (int walk = 0; walk < 2; ++walk) {
                epoch.enter(walker);
                const std::uint64_t found = machine.load(root.entries[0]);
                if (found != 0) {
                    machine.load(machine.table(found).entries[0]);
                    if (machine.is_free(found)) {
                        machine.violate("a table is walked that is free");
                    }
                }
                epoch.leave(walker);
            }
        });
    }
    machine.add_cpu([&] {
        const auto pause = [&] { machine.pause(); };
        if (when == WriterWaits::before_detaching) {
            epoch.wait(pause);
        }
        machine.store(root.entries[0], 0);
        if (when == WriterWaits::after_detaching) {
            epoch.wait(pause);
        }
        machine.free_table(number);
    });
    return machine.run();
}

/// What went wrong under some schedule, if anything did.
template <typename E>
std::optional<std::string> try_all(WriterWaits when = WriterWaits::after_detaching) {
    for (const bool lazy_stores : {false, true}) {
        BoundedSchedules schedules(3);
        do {
            if (auto failure = run<E>(schedules, {.lazy_stores = lazy_stores}, when)) {
                return failure;
            }
        } while (schedules.next());
    }
    return std::nullopt;
}

TEST(WalkerEpoch, NoTableIsFreedUnderAWalker) { EXPECT_EQ(try_all<Epoch>(), std::nullopt); }

template <typename E>
bool is_caught(WriterWaits when = WriterWaits::after_detaching) {
    const auto failure = try_all<E>(when);
    return failure && failure->find("a table is walked that is free") != std::string::npos;
}

TEST(WalkerEpoch, PlantedBugsAreCaught) {
    EXPECT_TRUE(is_caught<NoWait>());
    EXPECT_TRUE(is_caught<NoEntering>());
    EXPECT_TRUE(is_caught<WaitForTheFirst>());
    EXPECT_TRUE(is_caught<Epoch>(WriterWaits::before_detaching));
    EXPECT_TRUE(is_caught<UnorderedEpoch>()) << "each looks before the other's store is seen";
}

}  // namespace
}  // namespace nestbed::model
