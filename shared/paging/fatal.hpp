#pragma once

/// Called when the program broke a rule that must not be survived: a stale translation dropped
/// unpaid, or the value taken out of a result that holds an error. The embedder defines it; it
/// must not return. `message` is a static string.
extern "C" [[noreturn]] void nestbed_paging_fatal(const char* message) noexcept;
