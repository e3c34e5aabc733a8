#include "guest/kernel/trap_scope.hpp"

#include "guest/kernel/cpu.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"
#include "shared/arch/exceptions.hpp"

namespace nestbed::guest {

extern "C" std::uint64_t trap_scope_call(TrapScope* scope, void (*function)(void*), void* argument);
extern "C" std::uint64_t trap_scope_enter_user(TrapScope* scope, const UserContext* context);
extern "C" [[noreturn]] void trap_scope_leave(TrapScope* scope);

std::optional<Trap> catch_trap(void (*function)(void*), void* argument) {
    Cpu& cpu = this_cpu();
    TrapScope scope;
    scope.outer = cpu.trap_scope;
    cpu.trap_scope = &scope;
    const bool trapped = trap_scope_call(&scope, function, argument) != 0;
    cpu.trap_scope = scope.outer;
    if (!trapped) {
        return std::nullopt;
    }
    // A stack overflow, which no test means to catch.
    if (scope.trap.vector() == static_cast<std::uint8_t>(arch::Exception::double_fault)) {
        panic(scope.trap.frame, scope.trap.cr2);
    }
    return scope.trap;
}

Trap enter_user(const UserContext& context) {
    Cpu& cpu = this_cpu();
    TrapScope scope;
    scope.outer = cpu.trap_scope;
    cpu.trap_scope = &scope;
    trap_scope_enter_user(&scope, &context);
    cpu.trap_scope = scope.outer;
    return scope.trap;
}

void leave_trap_scope(const TrapFrame& frame) {
    TrapScope* scope = this_cpu().trap_scope;
    if (scope == nullptr) {
        return;
    }
    scope->trap.frame = frame;
    scope->trap.cr2 = read_cr2();
    trap_scope_leave(scope);
}

}  // namespace nestbed::guest
