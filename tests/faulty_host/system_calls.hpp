// How a host can fail a system call: the errors that the kernel has for it, and what else it does.
#pragma once

#include <string>
#include <vector>

namespace nestbed::faulty_host {

enum class Way {
    instead,            ///< nothing is done
    after_it_was_done,  ///< as close() fails: the descriptor is gone all the same
    as_brk,             ///< which returns no error but the break as it was
    never,              ///< it cannot fail, or does not return
};

struct SystemCall {
    long number;
    std::string name;
    Way way = Way::instead;
    std::vector<int> errors;
    int path_argument = -1;  ///< which of its arguments is one, if any is
};

/// Null for one that the table has not got: a new use of the program's, to be added to it.
const SystemCall* system_call(long number);

/// EPERM and so on; the one that strerror() has no text of.
std::string name_of_error(int error);

}  // namespace nestbed::faulty_host
