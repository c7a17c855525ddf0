#pragma once
// Reading a record's file, and when to look at one again. Pure, any thread: the pool does the parsing.

#include <chrono>
#include <string>

#include "rendezvous/record.hpp"

namespace owndir::rendezvous {

struct Examined {
  Result<Record> record;
  std::string digest;
};
Examined examine(const std::string& name, Result<std::string> bytes, const Limits& limits);

/// Errors that another look at the same bytes will not mend; the rest may be a file that is still being written.
bool is_final(const Error& error);

inline constexpr std::size_t kReadsAtOnce = 32;
/// How long a file that does not parse may stay as it is before it is called malformed.
inline constexpr std::chrono::seconds kHalfWrittenWait{2};
inline constexpr std::chrono::milliseconds kReadAgainAfter{100};

}  // namespace owndir::rendezvous
