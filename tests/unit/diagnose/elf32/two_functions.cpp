// What a guest that is not ours may be: compiled for 32 bits, and for 64 with its file made one of
// 32 bits, as multiboot loaders want it. Only its symbols and lines are read.

extern "C" {

[[gnu::noinline]] int inner_function(int value) { return value * 3; }

[[gnu::noinline]] int outer_function(int value) { return inner_function(value) + 1; }

[[noreturn]] void _start() {
    for (int value = 0;;) {
        value = outer_function(value);
    }
}
}
