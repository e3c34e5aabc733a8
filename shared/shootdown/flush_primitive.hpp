#pragma once

#include "../study/shootdown_axes.hpp"

namespace nestbed::shootdown {

using study::FlushPrimitive;
using study::InitiatorSpaces;
using study::is_by_page;
using study::max_initiators;
using study::Routing;
using study::TargetState;
inline constexpr std::uint64_t flush_primitive_count = study::value_count<FlushPrimitive>;

}  // namespace nestbed::shootdown
