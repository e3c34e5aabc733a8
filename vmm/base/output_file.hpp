// The file of `--output`: all of it or nothing.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/text_sink.hpp"

namespace nestbed::vmm {

class OutputFile {
  public:
    /// Throws Error(io) if `path` could not be written now. An old file is gone then, if it
    /// may be: whoever reads it after a run that failed would take it for that run's. What is there
    /// and no regular file (a pipe, a terminal, /dev/null) is opened now and written later.
    explicit OutputFile(std::filesystem::path path);

    /// Puts what `write_to` writes into the file: into another one beside it, which then takes its
    /// name. Throws Error(io), or what `write_to` throws, and then there is no such file.
    void write(const std::function<void(const TextSink&)>& write_to);
    void write(std::string_view contents) {
        write([contents](const TextSink& sink) { sink(contents); });
    }

  private:
    std::filesystem::path path_;
    std::optional<Descriptor> special_;
};

}  // namespace nestbed::vmm
