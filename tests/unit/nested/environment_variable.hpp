// An environment variable that has another value for a while.
#pragma once

#include <stdlib.h>

#include <optional>
#include <string>

namespace nestbed::vmm::test {

class EnvironmentVariable {
  public:
    /// No value: there is no such variable.
    EnvironmentVariable(const char* name, const std::optional<std::string>& value) : name_(name) {
        if (const char* old = ::getenv(name); old != nullptr) {
            old_ = old;
        }
        set(value);
    }
    ~EnvironmentVariable() { set(old_); }
    EnvironmentVariable(const EnvironmentVariable&) = delete;
    EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

  private:
    void set(const std::optional<std::string>& value) const {
        if (value) {
            ::setenv(name_, value->c_str(), 1);
        } else {
            ::unsetenv(name_);
        }
    }

    const char* name_;
    std::optional<std::string> old_;
};

}  // namespace nestbed::vmm::test
