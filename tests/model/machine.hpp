// A simulated multiprocessor with TLBs, paging-structure caches, store buffers and interrupts that
// come when a schedule says so. Shootdown protocols run on it unchanged, over platform.hpp.
//
// Each CPU runs a script as a fiber of its own. Before every access to memory, and before every
// instruction that touches a TLB, it hands control to the machine, which chooses what happens next;
// after a store and a sent interrupt too, since plain memory, which it does not see, may follow:
//   - a CPU goes on;
//   - the oldest store in a CPU's store buffer reaches memory (x86-TSO: loads see their own CPU's
//     buffered stores, locked instructions and fences wait until the buffer is empty);
//   - a CPU takes a pending interrupt, at an instruction boundary with interrupts on;
//   - a CPU takes a pending NMI, at any instruction boundary but those of an NMI's handler;
//   - a CPU's timer ticks, where an interrupt could come, and in the ordinary course only if
//     nothing else can happen;
//   - a CPU is descheduled by the hypervisor, or scheduled again, after the flush that it was asked
//     for, as KVM does;
//   - a CPU walks page 0 speculatively, at any moment, and caches what it finds.
// TLBs keep what they have until it is invalidated, and page walks read memory, not the buffer.
//
// The oracle watches: an access that completes through a translation whose frame is free, a walk
// through a table that is free, a frame freed twice, and CPUs of which none can go on.
#pragma once

#include <boost/context/fiber.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "shared/shootdown/cpu_set.hpp"
#include "tests/model/schedule.hpp"

namespace nestbed::model {

using shootdown::CpuSet;

/// Eight bytes of simulated memory.
struct Cell {
    std::uint64_t value = 0;
};

/// A leaf entry; frame 0: it is not present.
struct Leaf {
    std::uint64_t frame = 0;
    bool writable = true;
};

/// The paging structures of an address space, as a page walk reads them. Those of the last level
/// have numbers, by which processors cache the way to them.
class PagingStructures {
  public:
    virtual ~PagingStructures() = default;
    /// What the levels above the last lead to: a table, a large page, or nothing.
    struct Way {
        std::uint64_t table = 0;
        Leaf large{};
    };
    virtual Way way_to(std::uint64_t page) const = 0;
    /// The entry of a page in a table of the last level.
    virtual Leaf leaf(std::uint64_t table, std::uint64_t page) const = 0;
    virtual std::uint64_t pages_per_table() const = 0;
};

/// A table of the last level of the simplest structures: each entry holds a frame, or 0.
struct Table {
    static constexpr std::uint64_t pages = 4;
    Cell entries[pages];
};

/// Their root: each entry holds the number of a table, or 0.
struct Root : PagingStructures {
    Way way_to(std::uint64_t page) const override { return {entries[page / Table::pages].value}; }
    Leaf leaf(std::uint64_t table, std::uint64_t page) const override;
    std::uint64_t pages_per_table() const override { return Table::pages; }

    Cell entries[2];
};

/// What the ordinary course of events does; a schedule departs from it.
struct Habits {
    /// Stores stay in the buffer until a locked or serializing instruction, or until no CPU can go
    /// on, instead of draining at once.
    bool lazy_stores = false;
    /// Interrupts and NMIs are taken only when no CPU can go on, instead of at once.
    bool lazy_interrupts = false;
};

class Machine {
  public:
    using Script = std::function<void()>;
    using Handler = std::function<void()>;

    Machine(Schedule& schedule, Habits habits) : schedule_(schedule), habits_(habits) {}
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    ~Machine();

    /// The machine that runs on this thread now.
    static Machine& current();

    void add_cpu(Script script);
    void set_interrupt_handler(Handler handler) { interrupt_handler_ = std::move(handler); }
    void set_nmi_handler(Handler handler) { nmi_handler_ = std::move(handler); }
    /// Without one, no timer ticks.
    void set_tick_handler(Handler handler) { tick_handler_ = std::move(handler); }
    /// Lets the hypervisor deschedule a CPU. `preempted` is the byte by which it and the guest
    /// speak of it: see ParavirtualPlatform.
    void make_preemptible(std::uint32_t cpu, Cell& preempted) { cpus_[cpu].preempted = &preempted; }

    /// Runs all scripts to their ends. Returns what went wrong, if something did.
    std::optional<std::string> run();

    /// What happened, for a person: a line for each event.
    std::string log() const;

    // For what runs on a CPU.

    std::uint32_t cpu() const { return running_; }
    std::uint32_t cpu_count() const { return static_cast<std::uint32_t>(cpus_.size()); }
    std::uint64_t load(const Cell& cell);
    void store(Cell& cell, std::uint64_t value);
    /// A locked instruction: `change` is given the value and returns the new one. Returns the old.
    std::uint64_t modify(Cell& cell, const std::function<std::uint64_t(std::uint64_t)>& change);
    void fence();
    /// Waits until memory may have changed, of what this CPU has read
    /// since its last pause.
    void pause();
    void send_interrupt(CpuSet targets);
    void send_nmi(CpuSet targets);
    void disable_interrupts() { cpus_[running_].interrupts_off = true; }
    void enable_interrupts() { cpus_[running_].interrupts_off = false; }

    void load_cr3(const PagingStructures* root);
    void invalidate_page(std::uint64_t page);
    void flush_tlb();
    /// Reads or writes a byte of a page; false is a page fault.
    bool access(std::uint64_t page, bool write = false);

    // For scenarios: frames and tables. Number 0 is none.

    std::uint64_t allocate_frame();
    /// The first of as many frames as a large page has, aligned to their number.
    std::uint64_t allocate_large_frame();
    void free_frame(std::uint64_t frame);
    /// From now on nobody may write it.
    void forbid_writes(std::uint64_t frame) { read_only_.insert(frame); }
    std::uint64_t allocate_table();
    Table& table(std::uint64_t number) { return tables_[number - 1]; }
    void free_table(std::uint64_t number);
    bool is_free(std::uint64_t table) const { return freed_tables_.contains(table); }

    /// Something that must never be did happen.
    void violate(std::string what);

  private:
    struct Event {
        enum Kind { go_on, drain, interrupt, nmi, tick, speculate, schedule, deschedule } kind;
        std::uint32_t cpu;
    };
    /// The memory that a CPU has read since its last pause was as of this version or a later one.
    using Watched = std::optional<std::uint64_t>;
    struct Translation {
        Leaf leaf;
        bool large;
    };

    struct Cpu {
        boost::context::fiber fiber;  ///< of the CPU, while the machine runs
        bool finished = false;
        bool waiting = false;  ///< in `pause`, since `seen_version`
        std::uint64_t seen_version = 0;
        Watched watched;
        bool at_boundary = true;  ///< between two instructions
        bool interrupts_off = false;
        bool in_interrupt = false;
        bool in_nmi = false;
        bool interrupt_pending = false;
        bool nmi_pending = false;
        std::optional<Event::Kind> taken;  ///< what the machine has chosen to interrupt it with
        /// The memory at its last tick, unless it has gone on since: another would do nothing.
        std::optional<std::uint64_t> ticked_version;
        Cell* preempted = nullptr;  ///< the hypervisor's byte, if it can be descheduled
        bool descheduled = false;
        unsigned deschedulings = 0;
        std::deque<std::pair<Cell*, std::uint64_t>> stores;
        const PagingStructures* root = nullptr;
        std::map<std::uint64_t, Translation> tlb;       ///< by page
        std::map<std::uint64_t, std::uint64_t> tables;  ///< by the page's number over theirs
    };

    void step(bool boundary = true);
    bool take_interrupt_if_chosen();
    void run_handler(Event::Kind kind);
    const std::vector<Event>& possible_events();
    void perform(const Event& event);
    void resume(std::uint32_t cpu);
    void take_down();
    void watch(Cpu& cpu) const;
    void drain_one(Cpu& cpu);
    void drain_all(Cpu& cpu);
    void deschedule(Cpu& cpu);
    void schedule(Cpu& cpu);
    bool is_idle(const Cpu& cpu) const;
    bool can_go_on(const Cpu& cpu) const;
    bool can_be_interrupted(const Cpu& cpu) const;
    bool can_take_nmi(const Cpu& cpu) const;
    bool can_tick(const Cpu& cpu) const;
    bool can_speculate(const Cpu& cpu) const;
    bool can_be_descheduled(const Cpu& cpu) const;
    bool can_walk_again(const Cpu& cpu) const;
    void speculate(Cpu& cpu);
    std::optional<Translation> translate(std::uint64_t page);

    Schedule& schedule_;
    Habits habits_;
    Handler interrupt_handler_;
    Handler nmi_handler_;
    Handler tick_handler_;
    std::vector<Script> scripts_;
    std::vector<Cpu> cpus_;
    std::vector<Event> events_;  ///< that are possible next
    std::vector<boost::context::fiber> machine_fibers_;
    std::uint32_t running_ = 0;
    std::uint64_t version_ = 0;  ///< counts changes of memory
    std::deque<Table> tables_;   ///< the simplest; number 1 is the first
    std::set<std::uint64_t> freed_tables_;
    std::vector<int> freed_;  ///< by frame
    std::set<std::uint64_t> read_only_;
    std::optional<std::string> violation_;
    bool over_ = false;  ///< CPUs that are idle come to their end
    std::vector<std::pair<std::uint32_t, const char*>> log_;  ///< CPU, and what happened on it
};

}  // namespace nestbed::model
