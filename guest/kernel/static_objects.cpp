// Objects with static storage live until their VM ends: what the compiler registers to be destroyed
// at exit is never destroyed. (Those that would need a constructor before the first instruction are
// refused by the linker script.)

extern "C" {

void* __dso_handle = nullptr;

int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }

}  // extern "C"
