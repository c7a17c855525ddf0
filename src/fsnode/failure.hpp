#pragma once
// What goes wrong, as the other end is told. In this layer the context of an Error is the sentence for people; its code
// decides the status (docs/fsnode.md, Errors), in one table. Plain functions, any thread.

#include <string>

#include "base/result.hpp"
#include "base/rooted_path.hpp"

namespace owndir::fsnode {

/// The status on the wire; 500 for what has no better one.
int wire_status(const Error& error);

/// {"id":N,"error":{"success":false,"status":S,"error":"sentence"}}
std::string error_message(std::uint32_t id, const Error& error);

/// A path as people read it: what is not UTF-8 is U+FFFD; the root is "the folder itself".
std::string shown(const RootedPath& path);

/// "PATH TEXT", for example refuse(Errc::not_found, path, "is not a file").
tl::unexpected<Error> refuse(Errc code, const RootedPath& path, const char* text);

/// An error of the operating system, from trying to do `verb` ("read", "written") to `path`, in words. What is in words
/// already stays.
Error explain(const Error& error, const RootedPath& path, const char* verb);
tl::unexpected<Error> explain_errno(const RootedPath& path, const char* verb);

}  // namespace owndir::fsnode
