#pragma once
// The answer to GET or HEAD of one open file: validators, preconditions, ranges, type (RFC 9110 sections 8, 13 and 14).
// Network thread; no blocking work, all of which open_file has done.

#include <boost/asio/thread_pool.hpp>
#include <string>

#include "base/rooted_path.hpp"
#include "exchange/handler.hpp"
#include "gateway/target.hpp"

namespace owndir::gateway {

/// What is at a path. For a file it is open, and its beginning is read where it is short.
struct OpenFile {
  enum class Kind { file, directory, special };
  Kind kind = Kind::special;
  FileDescriptor descriptor;
  struct stat info{};
  std::string_view type;
  Bytes first;
};

/// Never opens what is neither a file nor a directory. At once when the kernel has all of it in memory, else on
/// `files`. The arguments outlive the coroutine.
Awaitable<Result<OpenFile>> open_file(asio::thread_pool& files, const RootedFolder& folder, const RootedPath& path,
                                      bool with_content);

exchange::Response file_response(OpenFile file, const exchange::RequestHead& head, const Target& target,
                                 asio::thread_pool& files);

/// RFC 6266: with an ASCII stand-in and the exact name as UTF-8.
std::string content_disposition(std::string_view file_name);

}  // namespace owndir::gateway
