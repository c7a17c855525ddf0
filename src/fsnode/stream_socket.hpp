#pragma once
// Messages on a Unix stream socket (docs/fsnode.md, Wire): how a session reaches a child process. Network thread only;
// owns the descriptor.

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "base/rooted_path.hpp"
#include "exchange/web_socket.hpp"

namespace owndir::fsnode {

/// One end of socketpair(AF_UNIX, SOCK_STREAM). A message is length:u32 little-endian, kind:u8 (0 text, 1 binary), and
/// that many bytes, at most 1 MiB; what is longer, of another kind, or text that is no UTF-8 breaks the connection.
/// There is no close but the end of the stream: a code and reason are not carried.
std::unique_ptr<exchange::WebSocket> make_stream_socket(const asio::any_io_executor& executor, FileDescriptor socket);

}  // namespace owndir::fsnode
