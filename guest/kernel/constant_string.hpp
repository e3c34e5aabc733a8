// Strings that the host reads when the run is over: whatever they are then is what a report shows.
// So they are constants, which the compiler sees to.
#pragma once

namespace nestbed::guest {

/// A string literal, or a constexpr array or pointer. Not an array on a stack, nor a pointer that
/// is only known at run time. A table of names, or a function that chooses one, is of this type:
///
///     constexpr ConstantString names[] = {"read", "write"};
class ConstantString {
  public:
    // Not explicit: a literal is one.
    consteval ConstantString(const char* text) : text_(text) {}

    /// Of a pointer that leads to a constant, for all the caller knows.
    static constexpr ConstantString unchecked(const char* text) {
        return ConstantString(text, Unchecked{});
    }

    constexpr const char* c_str() const { return text_; }
    /// False for a null pointer, where there may be none.
    constexpr explicit operator bool() const { return text_ != nullptr; }

  private:
    struct Unchecked {};
    constexpr ConstantString(const char* text, Unchecked) : text_(text) {}

    const char* text_;
};

}  // namespace nestbed::guest
