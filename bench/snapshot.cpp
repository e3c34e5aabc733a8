#include "bench/snapshot.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "shared/channel/layout.hpp"
#include "shared/channel/ports.hpp"

namespace nestbed::bench {

namespace {

constexpr std::uint64_t page_size = 4096;

bool is_zero(std::span<const std::byte> bytes) {
    return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

/// Runs of pages that are not zero; the offsets are not known yet.
std::vector<snapshot_piece> pieces_of(const vmm::GuestMemory& memory) {
    std::vector<snapshot_piece> pieces;
    for (std::uint64_t physical = 0; physical < memory.size(); physical += page_size) {
        if (is_zero({memory.at(physical, page_size), page_size})) {
            continue;
        }
        if (pieces.empty() || pieces.back().physical + pieces.back().bytes != physical) {
            pieces.push_back({physical, 0, 0});
        }
        pieces.back().bytes += page_size;
    }
    return pieces;
}

}  // namespace

std::vector<std::byte> take_snapshot(const vmm::Guest& guest, const vmm::Machine& machine) {
    const vmm::GuestMemory& memory = machine.memory();
    std::vector<snapshot_piece> pieces = pieces_of(memory);
    const snapshot header{
        .memory = memory.size(),
        .entry = guest.image().entry(),
        .root = machine.boot_root().address().raw(),
        .boot_info = channel::layout::direct_map + machine.shared_pages().boot_info,
        .finish_port = channel::port::finish,
        .piece_count = pieces.size(),
    };
    std::uint64_t size = sizeof header + pieces.size() * sizeof(snapshot_piece);
    for (snapshot_piece& piece : pieces) {
        piece.offset = size;
        size += piece.bytes;
    }
    std::vector<std::byte> result(size);
    std::memcpy(result.data(), &header, sizeof header);
    std::memcpy(result.data() + sizeof header, pieces.data(),
                pieces.size() * sizeof(snapshot_piece));
    for (const snapshot_piece& piece : pieces) {
        std::memcpy(result.data() + piece.offset, memory.at(piece.physical, piece.bytes),
                    piece.bytes);
    }
    return result;
}

}  // namespace nestbed::bench
