// bare_launch SNAPSHOT: the floor as a whole process.

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bare_vm.h"

int main(int argc, char** argv) {
    struct stat status;
    const int file = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    if (file < 0 || fstat(file, &status) != 0) {
        fprintf(stderr, "bare_launch: cannot read the snapshot\n");
        return 2;
    }
    const void* snapshot = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (snapshot == MAP_FAILED) {
        fprintf(stderr, "bare_launch: cannot map the snapshot\n");
        return 2;
    }
    return bare_vm_run(snapshot);
}
