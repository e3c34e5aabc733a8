// The version of this program (CMakeLists.txt has the number).
#pragma once

namespace nestbed::vmm {

inline constexpr char version[] = NESTBED_VERSION;

}  // namespace nestbed::vmm
