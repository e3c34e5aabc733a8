// What a guest test may write, in every form that people use: all of it compiles (run.sh).
#include <array>
#include <atomic>
#include <optional>

#include "guest/harness/test.hpp"
#include "guest/kernel/trap_scope.hpp"
#include "shared/paging/address.hpp"

namespace nestbed::guest {

enum class Colour : std::uint8_t { red, blue };
enum Unscoped { one, two };
struct Bits {
    std::uint32_t a : 3;
    std::uint32_t b : 5;
};
struct Comparable {
    int x;
    bool operator==(const Comparable&) const = default;
};
struct NotCopyable {
    NotCopyable() = default;
    NotCopyable(const NotCopyable&) = delete;
    explicit operator bool() const { return true; }
    bool operator==(int) const { return true; }
};
template <int a, int b>
constexpr int sum() {
    return a + b;
}

constexpr ConstantString names[] = {"a", "b"};
constexpr const char* constant_pointer = "{} {}";
constexpr char constant_array[] = "{}";
constinit std::atomic<std::uint32_t> counter{0};

ConstantString name_of(Colour colour) {
    switch (colour) {
        case Colour::red:
            return "red";
        case Colour::blue:
            return "blue";
    }
    return "?";
}

struct Values {
    std::uint32_t cpu;
    volatile std::uint64_t* page;
    const char* text;
    void* pointer;
    std::optional<int> maybe;
    paging::VirtAddr address;
    long number;
    Bits bits;
    Colour colour;
    Unscoped unscoped;
};

void expect(const Values& v) {
    const bool ready = v.cpu == 1;
    const NotCopyable object;
    GUEST_EXPECT(v.cpu == 0);
    GUEST_EXPECT(0 == v.cpu);
    GUEST_EXPECT(v.cpu != 0 && *v.page == 1);
    GUEST_EXPECT(v.cpu == 0 || ready);
    GUEST_EXPECT(!ready);
    GUEST_EXPECT(ready);
    GUEST_EXPECT(ready == true);
    GUEST_EXPECT((v.cpu == 0) == ready);
    GUEST_EXPECT(*v.page);
    GUEST_EXPECT(*v.page & 1);
    GUEST_EXPECT((*v.page & 1) == 1);
    GUEST_EXPECT(v.cpu | 1);
    GUEST_EXPECT(v.cpu ^ v.number);
    GUEST_EXPECT(v.cpu + 1 < 7);
    GUEST_EXPECT(v.cpu << 3 >= 7);
    GUEST_EXPECT(v.number > -1);
    GUEST_EXPECT(v.pointer);
    GUEST_EXPECT(v.pointer != nullptr);
    GUEST_EXPECT(nullptr != v.pointer);
    GUEST_EXPECT(v.pointer == 0);
    GUEST_EXPECT(v.text == nullptr);
    GUEST_EXPECT(v.maybe);
    GUEST_EXPECT(v.maybe == 3);
    GUEST_EXPECT(v.maybe == std::nullopt);
    GUEST_EXPECT(v.address < paging::VirtAddr(4096));
    GUEST_EXPECT(v.bits.a == v.bits.b);
    GUEST_EXPECT(1U == v.bits.b);
    GUEST_EXPECT(Comparable{1} == Comparable{2});
    GUEST_EXPECT(object);
    GUEST_EXPECT(object == 1);
    GUEST_EXPECT(v.colour == Colour::blue);
    GUEST_EXPECT(v.unscoped == two);
    GUEST_EXPECT(counter == 5);
    GUEST_EXPECT(5 == counter);
    GUEST_EXPECT(sum<1, 2>() == 3);
    GUEST_EXPECT(v.cpu == 1 ? ready : !ready);
    GUEST_EXPECT(&expect != nullptr);
    GUEST_EXPECT([&] { return v.cpu; }() == 1);
    GUEST_EXPECT(!catch_trap([] {}));
    GUEST_REQUIRE(v.cpu == 3);
    if (v.cpu != 0)
        GUEST_EXPECT(ready);
    else
        GUEST_EXPECT(v.cpu != 0);
    GUEST_EXPECT_EQ(v.text, nullptr);
    GUEST_EXPECT_NE(v.cpu, 1U);
}

void log_all(const Values& v) {
    GUEST_LOG("plain");
    GUEST_LOG("{} {:#x}", v.cpu, *v.page);
    GUEST_LOG(constant_pointer, v.cpu == 1, v.pointer);
    GUEST_LOG(constant_array, "text");
    GUEST_LOG("{:>5} {}", constant_array, names[v.cpu]);
    GUEST_LOG("{} {} {}", name_of(v.colour), v.colour, v.unscoped);
    GUEST_LOG("{} {} {}", sum<1, 2>(), v.address, nullptr);
    GUEST_LOG("{:+} {} {}", v.number, v.bits.a, v.page);
    GUEST_LOG("{}", v.cpu == 1 ? ConstantString("yes") : "no");
    GUEST_LOG("{}:{}", __FILE__, __LINE__);
    const auto generic = [](auto value) {
        GUEST_LOG("in a generic lambda {} {}", value, "text");
        GUEST_EXPECT(value == 1);
    };
    generic(1);
}

template <typename T>
void in_a_template(T value) {
    GUEST_LOG("{} {}", value, "text");
    GUEST_EXPECT(value == T{});
    GUEST_REQUIRE(value < T{2});
}
template void in_a_template(int);
template void in_a_template(std::uint64_t);

}  // namespace nestbed::guest
