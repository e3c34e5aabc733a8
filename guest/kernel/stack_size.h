// Sizes that assembly and C++ share.
#pragma once

#define MAX_CPUS 64
#define KERNEL_STACK_SIZE 16384
#define USER_STACK_SIZE 4096
