#pragma once
// Two peers of one process joined over the loopback interface: for tests and benchmarks of this layer and of those
// above. Network thread only.

#include "rtc/peer.hpp"

namespace owndir::rtc {

struct Pair {
  std::shared_ptr<Peer> offerer;
  std::shared_ptr<Peer> answerer;
};

/// Makes both, exchanges their descriptions and waits until both are connected and all channels open. The engines may
/// be the same; two engines use two threads, as two processes do.
Awaitable<Result<Pair>> connect_pair(Engine& offering, Engine& answering, PeerOptions options);

/// What a channel carries without anything above it.
struct RawRate {
  double megabytes_per_second = 0;
  std::uint64_t bytes = 0;
};
/// Sends `bytes` in messages of `message_size` through channel 1 of the pair, from the answerer (the server's side) to
/// the offerer, and counts until the last has arrived. Detaches the channels' events at the end.
Awaitable<Result<RawRate>> measure_raw(Pair pair, std::uint64_t bytes, std::size_t message_size);
/// Median of `count` round trips of a message of `size` bytes on channel 1, in microseconds.
Awaitable<Result<double>> measure_round_trip(Pair pair, int count, std::size_t size);

}  // namespace owndir::rtc
