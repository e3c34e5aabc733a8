// Sizes that assembly and C++ share.
#pragma once

#define MAX_CPUS 64
#define KERNEL_STACK_SIZE 16384
