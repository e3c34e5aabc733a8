// Sizes that assembly and C++ share.
#pragma once

#define MAX_CPUS 64
#define KERNEL_STACK_SIZE 16384
#define USER_STACK_SIZE 4096
// Below every stack, not mapped. -fstack-clash-protection has frames of more than a page touch each
// page, so that none jumps over it.
#define STACK_GUARD_SIZE 4096
