// bare_launch SNAPSHOT: the floor as a whole process.

#include <err.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bare_vm.h"

int main(int argc, char** argv) {
    struct stat status;
    const int file = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    if (file < 0 || fstat(file, &status) != 0) {
        err(2, "cannot read the snapshot");
    }
    const void* snapshot = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (snapshot == MAP_FAILED) {
        err(2, "cannot map the snapshot");
    }
    bare_vm_run(snapshot);
}
