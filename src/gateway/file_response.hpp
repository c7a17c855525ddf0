#pragma once
// The answer to GET or HEAD of one open file: validators, preconditions, ranges, type (RFC 9110 sections 8, 13 and 14).
// Network thread; no blocking work, all of which open_file has done.

#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <string>

#include "base/rooted_path.hpp"
#include "exchange/handler.hpp"
#include "gateway/conditions.hpp"
#include "gateway/target.hpp"

namespace owndir::gateway {

/// What is known of a file since it was opened.
struct FileFacts {
  struct stat info{};
  std::string_view type;
  Validators validators;
  exchange::Fields fields;               ///< of every answer with it
  std::shared_ptr<const Bytes> content;  ///< all of it where that was asked for and it is short; else null
};

/// What is at a path; a file is open.
struct OpenFile {
  enum class Kind { file, directory, special };
  Kind kind = Kind::special;
  FileDescriptor descriptor;
  FileFacts facts;
};

/// Never opens what is neither a file nor a directory. At once when the kernel has all of it in memory, else on
/// `files`. The arguments outlive the coroutine.
Awaitable<Result<OpenFile>> open_file(asio::thread_pool& files, const RootedFolder& folder, const RootedPath& path,
                                      bool with_content);

/// Without a descriptor where the facts have the content.
exchange::Response file_response(FileDescriptor file, const FileFacts& facts, const exchange::RequestHead& head,
                                 const Target& target, asio::thread_pool& files);

/// RFC 6266: with an ASCII stand-in and the exact name as UTF-8.
std::string content_disposition(std::string_view file_name);

}  // namespace owndir::gateway
