#pragma once
// Bodies read from an open file, piece by piece: at once what the kernel has in memory, else on the file threads. A
// file that turns out shorter than announced ends its body with an error, never early. One owner, network thread.

#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/rooted_path.hpp"
#include "exchange/body.hpp"
#include "gateway/ranges.hpp"

namespace owndir::gateway {

/// A run of a body: literal text, then bytes of the file.
struct Part {
  std::string text;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// `content`: all of the file, instead of the descriptor; or null.
exchange::Body make_file_body(asio::thread_pool& files, FileDescriptor file, std::vector<Part> parts,
                              std::shared_ptr<const Bytes> content = nullptr);

/// What Disk::cached says of what is not in memory.
bool would_block(const Error& error);

/// Reads exactly `size` bytes at `offset`; fewer are an error (Errc::conflict: the file was cut meanwhile). Blocking,
/// or EAGAIN with Disk::cached.
Result<Bytes> read_exactly(int file, std::uint64_t offset, std::size_t size, Disk disk = Disk::wait);

}  // namespace owndir::gateway
