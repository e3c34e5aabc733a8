// Taking a condition apart: GUEST_EXPECT(cpu == 0) is `Decomposer() <=> cpu == 0`, in which <=>
// binds closer than a comparison and looser than arithmetic. So the comparison is made here, where
// both of its operands are at hand, and shown if it fails.
//
// All of it is inlined: what is left of it on the path of a condition that holds is the condition.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "guest/harness/argument.hpp"

namespace nestbed::guest::condition {

/// What a condition came to, with what to show of it. `Relation::text` is between two values; of a
/// single value it is empty.
template <typename Relation>
struct CheckedCondition {
    static constexpr const char* relation = Relation::text;

    bool holds;
    Argument left;
    Argument right;

    /// So that comparisons can be operands of && and ||.
    constexpr explicit operator bool() const { return holds; }
};

struct NoRelation {
    static constexpr const char* text = "";
};

template <typename T>
concept CanBeShown = requires(const T& value) {
    shown(value);
};

template <typename Relation, typename Left, typename Right>
constexpr CheckedCondition<Relation> checked_relation(bool holds, const Left& left,
                                                      const Right& right) {
    return {holds, shown(left), shown(right)};
}

/// Of a condition with nothing more to show: that it does not hold.
constexpr CheckedCondition<NoRelation> checked_bool(bool holds) { return {holds, false, false}; }

/// The first operand of a condition, or all of it. Scalars are copied, so that what is volatile is
/// read once; `T` is a reference to what is not scalar.
template <typename T>
struct Operand {
    T value;

    constexpr explicit operator bool() const { return static_cast<bool>(value); }
    void operator=(const auto&) = delete;  // a comparison is meant
};

template <typename T>
concept Scalar = std::is_scalar_v<T>;

/// std::atomic and the like: their value is what is compared.
template <typename T>
concept Atomic = std::is_class_v<T> && requires(const T& object) {
    { object.load() } -> Scalar;
    object.is_lock_free();
};

struct Decomposer {
    template <Scalar T>
    constexpr Operand<T> operator<=>(T value) const {
        return {value};
    }
    template <Atomic T>
    constexpr auto operator<=>(const T& object) const {
        return Operand<decltype(object.load())>{object.load()};
    }
    template <typename T>
    requires(std::is_class_v<T> && !Atomic<T>) constexpr Operand<const T&> operator<=>(
        const T& object) const {
        return {object};
    }
};

/// An operand as the processor gets it. The compiler warns of numbers whose signs differ, but not
/// of constants (cpu == 0), which are none any more here: so both are converted, as they would be
/// anyway.
template <typename Other, typename T>
constexpr decltype(auto) as_compared_with(const T& value) {
    if constexpr (std::is_arithmetic_v<T> && std::is_arithmetic_v<Other>) {
        return static_cast<std::common_type_t<T, Other>>(value);
    } else {
        return (value);
    }
}

#define NESTBED_RELATION(relation, name)                                                        \
    struct name {                                                                               \
        static constexpr const char* text = #relation;                                          \
    };                                                                                          \
    template <typename L, typename R>                                                           \
    [[gnu::always_inline]] constexpr auto compare_by(name, const L& left, const R& right) {     \
        const bool holds =                                                                      \
            static_cast<bool>(as_compared_with<R>(left) relation as_compared_with<L>(right));   \
        if constexpr (CanBeShown<L> && CanBeShown<R>) {                                         \
            return checked_relation<name>(holds, left, right);                                  \
        } else {                                                                                \
            return checked_bool(holds);                                                         \
        }                                                                                       \
    }                                                                                           \
    template <typename T, Scalar R>                                                             \
    requires requires(const std::remove_reference_t<T>& left, R right) { left relation right; } \
    [[gnu::always_inline]] constexpr auto operator relation(const Operand<T>& left, R right) {  \
        return compare_by(name{}, left.value, right);                                           \
    }                                                                                           \
    template <typename T, typename R>                                                           \
    requires std::is_class_v<R>                                                                 \
    [[gnu::always_inline]] constexpr auto operator relation(const Operand<T>& left,             \
                                                            const R& right) {                   \
        if constexpr (Atomic<R>) {                                                              \
            return compare_by(name{}, left.value, right.load());                                \
        } else {                                                                                \
            return compare_by(name{}, left.value, right);                                       \
        }                                                                                       \
    }                                                                                           \
    /* GUEST_EXPECT(pointer == 0): a literal 0 is a null pointer only until it is passed as an  \
       int, and no pointer equals an int. */                                                    \
    template <typename T>                                                                       \
    requires std::is_pointer_v<T>                                                               \
    [[gnu::always_inline]] constexpr auto operator relation(const Operand<T>& left,             \
                                                            decltype(nullptr) right) {          \
        return compare_by(name{}, left.value, static_cast<T>(right));                           \
    }

NESTBED_RELATION(==, Equal)
NESTBED_RELATION(!=, NotEqual)
NESTBED_RELATION(<, Less)
NESTBED_RELATION(<=, LessOrEqual)
NESTBED_RELATION(>, Greater)
NESTBED_RELATION(>=, GreaterOrEqual)

#undef NESTBED_RELATION

// What binds looser than <=> and is no comparison: a & b is one value.
#define NESTBED_BITWISE(operation)                                                   \
    template <typename T, typename R>                                                \
    [[gnu::always_inline]] constexpr auto operator operation(const Operand<T>& left, \
                                                             const R& right) {       \
        return Operand<decltype(left.value operation right)>{as_compared_with<R>(    \
            left.value) operation as_compared_with<std::remove_cvref_t<T>>(right)};  \
    }

NESTBED_BITWISE(&)
NESTBED_BITWISE(|)
NESTBED_BITWISE(^)

#undef NESTBED_BITWISE

template <typename Relation>
constexpr CheckedCondition<Relation> checked(const CheckedCondition<Relation>& condition) {
    return condition;
}

template <typename T>
constexpr CheckedCondition<NoRelation> checked(const Operand<T>& operand) {
    const bool holds = static_cast<bool>(operand);
    if constexpr (CanBeShown<std::remove_cvref_t<T>>) {
        return {holds, shown(operand.value), false};
    } else {
        return checked_bool(holds);
    }
}

/// What && and || and ?: leave.
template <typename T>
requires std::is_constructible_v<bool, const T&>
constexpr CheckedCondition<NoRelation> checked(const T& condition) {
    return checked_bool(static_cast<bool>(condition));
}

}  // namespace nestbed::guest::condition
