#include "tests/model/machine.hpp"

#include <algorithm>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <utility>

#include "shared/shootdown/paravirtual.hpp"

namespace nestbed::model {

namespace {

thread_local Machine* current_machine = nullptr;

/// More than any scenario needs: only CPUs that wait for each other get so far.
constexpr std::size_t max_events = 5000;
constexpr unsigned max_deschedulings = 2;

/// Stacks for CPUs, of which millions of runs need a few after each other: from malloc, they would
/// be the kernel's to give and take each time.
boost::context::pooled_fixedsize_stack& stacks() {
    thread_local boost::context::pooled_fixedsize_stack pool(std::size_t{48} * 1024);
    return pool;
}

}  // namespace

Machine::~Machine() { current_machine = nullptr; }

Machine& Machine::current() { return *current_machine; }

void Machine::add_cpu(Script script) {
    scripts_.push_back(std::move(script));
    cpus_.emplace_back();
}

std::optional<std::string> Machine::run() {
    namespace context = boost::context;
    current_machine = this;
    machine_fibers_.resize(cpus_.size());
    for (std::uint32_t cpu = 0; cpu < cpus_.size(); ++cpu) {
        cpus_[cpu].fiber =
            context::fiber(std::allocator_arg, stacks(), [this, cpu](context::fiber&& machine) {
                machine_fibers_[cpu] = std::move(machine);
                step();
                scripts_[cpu]();
                cpus_[cpu].finished = true;
                while (!over_) {
                    step();  // idle: takes interrupts
                }
                return std::move(machine_fibers_[cpu]);
            });
        resume(cpu);  // to its first step
    }
    const auto finished = [](const Cpu& cpu) { return cpu.finished; };
    for (std::size_t events = 0; !violation_ && !std::ranges::all_of(cpus_, finished); ++events) {
        const std::vector<Event>& possible = possible_events();
        if (possible.empty()) {
            violate("CPUs wait for ever");
            break;
        }
        if (events == max_events) {
            violate("CPUs go round in circles");
            break;
        }
        perform(possible[schedule_.choose(possible.size())]);
    }
    take_down();
    return violation_;
}

void Machine::take_down() {
    over_ = true;
    for (std::uint32_t cpu = 0; cpu < cpus_.size(); ++cpu) {
        // To its end, which takes less time than an exception to unwind it.
        if (is_idle(cpus_[cpu])) {
            resume(cpu);
        }
    }
    // Scripts that did not come to their end are unwound while there still is a machine.
    for (Cpu& cpu : cpus_) {
        cpu.fiber = {};
    }
}

std::string Machine::log() const {
    std::string lines;
    for (const auto& [cpu, what] : log_) {
        lines += "  CPU " + std::to_string(cpu) + ": " + what + "\n";
    }
    return lines;
}

const std::vector<Machine::Event>& Machine::possible_events() {
    events_.clear();
    const auto add = [&](Event::Kind kind, auto&& possible) {
        // The one that ran last comes first.
        std::uint32_t cpu = running_;
        do {
            if (possible(cpus_[cpu])) {
                events_.push_back({kind, cpu});
            }
            cpu = cpu + 1 == cpus_.size() ? 0 : cpu + 1;
        } while (cpu != running_);
    };
    const auto add_drains = [&] {
        add(Event::drain, [](const Cpu& cpu) { return !cpu.stores.empty(); });
    };
    const auto add_interrupts = [&] {
        add(Event::nmi, [&](const Cpu& cpu) { return can_take_nmi(cpu); });
        add(Event::interrupt, [&](const Cpu& cpu) { return can_be_interrupted(cpu); });
    };
    if (!habits_.lazy_stores) {
        add_drains();
    }
    if (!habits_.lazy_interrupts) {
        add_interrupts();
    }
    add(Event::go_on, [&](const Cpu& cpu) { return can_go_on(cpu); });
    if (habits_.lazy_interrupts) {
        add_interrupts();
    }
    if (habits_.lazy_stores) {
        add_drains();
    }
    add(Event::speculate, [&](const Cpu& cpu) { return can_speculate(cpu); });
    add(Event::schedule, [&](const Cpu& cpu) { return cpu.descheduled; });
    if (tick_handler_) {
        // Where a script is over it does not matter when its CPU ticks, but that it does.
        add(Event::tick, [&](const Cpu& cpu) { return can_tick(cpu) && !cpu.finished; });
        if (events_.empty()) {
            add(Event::tick, [&](const Cpu& cpu) { return can_tick(cpu); });
        }
    }
    if (!events_.empty()) {
        add(Event::deschedule, [&](const Cpu& cpu) { return can_be_descheduled(cpu); });
    }
    return events_;
}

bool Machine::is_idle(const Cpu& cpu) const {
    return cpu.finished && !cpu.in_interrupt && !cpu.in_nmi;
}

bool Machine::can_go_on(const Cpu& cpu) const {
    return !is_idle(cpu) && !cpu.descheduled && (!cpu.waiting || cpu.seen_version != version_);
}

bool Machine::can_be_interrupted(const Cpu& cpu) const {
    return cpu.interrupt_pending && cpu.at_boundary && !cpu.interrupts_off && !cpu.in_interrupt &&
           !cpu.in_nmi && !cpu.descheduled;
}

bool Machine::can_take_nmi(const Cpu& cpu) const {
    return cpu.nmi_pending && cpu.at_boundary && !cpu.in_nmi && !cpu.descheduled;
}

bool Machine::can_tick(const Cpu& cpu) const {
    return cpu.at_boundary && !cpu.interrupts_off && !cpu.in_interrupt && !cpu.in_nmi &&
           !cpu.descheduled && cpu.ticked_version != version_;
}

bool Machine::can_be_descheduled(const Cpu& cpu) const {
    return cpu.preempted != nullptr && !cpu.descheduled && cpu.at_boundary && !cpu.finished &&
           cpu.deschedulings < max_deschedulings;
}

bool Machine::can_walk_again(const Cpu& cpu) const {
    return !cpu.descheduled || (cpu.preempted->value & shootdown::kvm_vcpu_flush_tlb) == 0;
}

void Machine::perform(const Event& event) {
    Cpu& cpu = cpus_[event.cpu];
    const auto log = [&](const char* what) { log_.emplace_back(event.cpu, what); };
    const auto take = [&](const char* what) {
        log(what);
        cpu.taken = event.kind;
        resume(event.cpu);
    };
    switch (event.kind) {
        case Event::drain:
            log("a store reaches memory");
            drain_one(cpu);
            break;
        case Event::interrupt:
            cpu.interrupt_pending = false;
            take("interrupt");
            break;
        case Event::nmi:
            cpu.nmi_pending = false;
            take("NMI");
            break;
        case Event::tick:
            cpu.ticked_version = version_;
            take("tick");
            break;
        case Event::speculate:
            log("a speculative walk of page 0");
            speculate(cpu);
            break;
        case Event::deschedule:
            log("descheduled");
            deschedule(cpu);
            break;
        case Event::schedule:
            log("scheduled");
            schedule(cpu);
            break;
        case Event::go_on:
            if (!cpu.in_interrupt && !cpu.in_nmi) {
                cpu.ticked_version.reset();
            }
            resume(event.cpu);
            break;
    }
}

void Machine::resume(std::uint32_t cpu) {
    running_ = cpu;
    cpus_[cpu].fiber = std::move(cpus_[cpu].fiber).resume();
}

void Machine::step(bool boundary) {
    const std::uint32_t self = running_;
    // After a handler the interrupted instruction has yet to come, at any later moment.
    do {
        cpus_[self].at_boundary = boundary;
        machine_fibers_[self] = std::move(machine_fibers_[self]).resume();
    } while (take_interrupt_if_chosen());
}

bool Machine::take_interrupt_if_chosen() {
    Cpu& cpu = cpus_[running_];
    if (!cpu.taken) {
        return false;
    }
    const Event::Kind kind = *cpu.taken;
    cpu.taken.reset();
    // What the handler reads is not what the code below it waits for.
    const Watched watched = cpu.watched;
    const bool waiting = cpu.waiting;
    cpu.waiting = false;
    run_handler(kind);
    cpu.waiting = waiting;
    cpu.watched = watched;
    return true;
}

void Machine::run_handler(Event::Kind kind) {
    Cpu& cpu = cpus_[running_];
    bool& in_handler = kind == Event::nmi ? cpu.in_nmi : cpu.in_interrupt;
    in_handler = true;
    if (kind == Event::nmi) {
        nmi_handler_();
    } else if (kind == Event::tick) {
        tick_handler_();
    } else {
        interrupt_handler_();
    }
    in_handler = false;
}

void Machine::watch(Cpu& cpu) const {
    if (!cpu.watched) {
        cpu.watched = version_;
    }
}

void Machine::deschedule(Cpu& cpu) {
    drain_all(cpu);  // a VM exit
    cpu.descheduled = true;
    ++cpu.deschedulings;
    cpu.preempted->value = shootdown::kvm_vcpu_preempted;
    ++version_;
}

void Machine::schedule(Cpu& cpu) {
    const std::uint64_t old = std::exchange(cpu.preempted->value, 0);
    ++version_;
    if ((old & shootdown::kvm_vcpu_flush_tlb) != 0) {
        cpu.tlb.clear();
        cpu.tables.clear();
    }
    cpu.descheduled = false;
}

std::uint64_t Machine::load(const Cell& cell) {
    step();
    Cpu& cpu = cpus_[running_];
    watch(cpu);
    const auto youngest = std::find_if(cpu.stores.rbegin(), cpu.stores.rend(),
                                       [&](const auto& store) { return store.first == &cell; });
    return youngest != cpu.stores.rend() ? youngest->second : cell.value;
}

void Machine::store(Cell& cell, std::uint64_t value) {
    step();
    cpus_[running_].stores.emplace_back(&cell, value);
    // Before what comes next, which may be plain memory that the machine does not see.
    step();
}

std::uint64_t Machine::modify(Cell& cell,
                              const std::function<std::uint64_t(std::uint64_t)>& change) {
    step();
    watch(cpus_[running_]);
    drain_all(cpus_[running_]);
    const std::uint64_t old = cell.value;
    cell.value = change(old);
    // A locked instruction that changes nothing wakes nobody: else two that spin on the same lock
    // would keep each other going for ever.
    version_ += cell.value != old ? 1 : 0;
    return old;
}

void Machine::fence() {
    step();
    drain_all(cpus_[running_]);
}

void Machine::pause() {
    Cpu& cpu = cpus_[running_];
    cpu.seen_version = cpu.watched.value_or(version_);
    cpu.watched.reset();
    cpu.waiting = true;
    step();
    cpu.waiting = false;
}

void Machine::drain_one(Cpu& cpu) {
    cpu.stores.front().first->value = cpu.stores.front().second;
    cpu.stores.pop_front();
    ++version_;
}

void Machine::drain_all(Cpu& cpu) {
    while (!cpu.stores.empty()) {
        drain_one(cpu);
    }
}

void Machine::send_interrupt(CpuSet targets) {
    // An x2APIC's ICR is written without waiting for earlier stores, unless the sender fences; a
    // locked instruction or fence before it is the protocol's to have (SDM Vol. 3A, "MSR Access in
    // x2APIC Mode").
    step();
    targets.for_each([&](std::uint32_t cpu) { cpus_[cpu].interrupt_pending = true; });
    cpus_[running_].watched.reset();  // what it waits for, it reads from now on
    step();                           // as in store
}

void Machine::send_nmi(CpuSet targets) {
    step();
    targets.for_each([&](std::uint32_t cpu) { cpus_[cpu].nmi_pending = true; });
    cpus_[running_].watched.reset();
    step();
}

void Machine::violate(std::string what) {
    if (!violation_) {
        violation_ = "CPU " + std::to_string(running_) + ": " + std::move(what);
    }
}

}  // namespace nestbed::model
