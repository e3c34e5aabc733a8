// Which sanitizers this is built with. GCC has macros for that, Clang features.
#pragma once

namespace nestbed::vmm {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool has_address_sanitizer = true;
inline constexpr bool has_thread_sanitizer = false;
#elif defined(__SANITIZE_THREAD__)
inline constexpr bool has_address_sanitizer = false;
inline constexpr bool has_thread_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool has_address_sanitizer = __has_feature(address_sanitizer);
inline constexpr bool has_thread_sanitizer = __has_feature(thread_sanitizer);
#else
inline constexpr bool has_address_sanitizer = false;
inline constexpr bool has_thread_sanitizer = false;
#endif
inline constexpr bool has_sanitizer = has_address_sanitizer || has_thread_sanitizer;

}  // namespace nestbed::vmm
