// Which guests a command works on, from the words on its command line.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/loader/guest.hpp"

namespace nestbed::vmm {

/// A built-in guest. Throws Error(usage) if there is none of that name.
Guest read_builtin(std::string_view name);

/// A deque: a test to be run points to its guest.
using GuestSet = std::deque<Guest>;

/// Each name is a built-in guest's or the path of an ELF file (with a slash it always is a path).
/// Without any, all built-in guests that need not be named. Throws Error(usage) for a name that is
/// neither, is there twice, or brings a test whose full name another one has.
GuestSet guests_named(const std::vector<std::string>& names);

/// All built-in guests, those that must be named to be run included.
GuestSet every_builtin_guest();

}  // namespace nestbed::vmm
