// The calls that answer at once, or in parts.
#include <nlohmann/json.hpp>

#include "base/blocking.hpp"
#include "fsnode/changes.hpp"
#include "fsnode/connection.hpp"

namespace owndir::fsnode {
namespace {

/// Entries that one piece of work on a file thread looks at, so that others have their turn.
constexpr std::size_t kStep = 2000;

Answer nothing_or_true(const Result<void>& result) {
  if (!result) return fail(result.error());
  return "true";
}

}  // namespace

Awaitable<Answer> Connection::info(CallPointer call) {
  const auto work = [this, &path = call->call.path] { return info_of(engine_.tree(), path); };
  const Result<std::optional<Info>> info = co_await run_blocking(engine_.files(), work);
  if (!info) co_return fail(info.error());
  std::string json;
  append_json(json, *info);
  co_return json;
}

Awaitable<Answer> Connection::children(CallPointer call) {
  const auto begin = [this, &path = call->call.path] {
    return ChildrenReader::open(engine_.tree(), path, limits_.children, limits_.upload_kept_s);
  };
  Result<ChildrenReader> reader = co_await run_blocking(engine_.files(), begin);
  if (!reader) co_return fail(reader.error());
  const auto next = [this, &reader, &asked = call->call] {
    std::vector<std::string> parts;
    for (std::size_t seen = 0; seen < kStep; seen += limits_.part) {
      const std::vector<Entry> entries = reader->next(limits_.part, asked.info);
      if (entries.empty()) break;
      parts.push_back(part_message(asked.id, entries));
    }
    return parts;
  };
  for (;;) {
    const std::vector<std::string> parts = co_await run_blocking(engine_.files(), next);
    if (parts.empty()) break;
    for (const std::string& part : parts) {
      if (call->failure) co_return fail(*call->failure);
      exchange::SocketMessage message{true, to_bytes(part)};
      const bool sent = co_await outbox_.put(std::move(message));
      if (!sent) co_return fail(Errc::closed);
    }
  }
  if (call->failure) co_return fail(*call->failure);
  co_return std::to_string(reader->total());
}

Awaitable<Answer> Connection::move(CallPointer call) {
  const auto begin = [this, &asked = call->call] {
    return Move::begin(engine_.tree(), asked.path, asked.to, asked.overwrite);
  };
  Result<Move> move = co_await run_blocking(engine_.files(), begin);
  if (!move) co_return fail(move.error());
  const auto step = [&move] { return move->step(kStep); };
  for (;;) {
    const Result<std::optional<RootedPath>> done = co_await run_blocking(engine_.files(), step);
    if (!done) co_return fail(done.error());
    if (*done) co_return quoted(**done);
    if (call->failure) co_return fail(*call->failure);
  }
}

Awaitable<Answer> Connection::remove(CallPointer call) {
  const auto begin = [this, &path = call->call.path] { return Remove::begin(engine_.tree(), path); };
  Result<Remove> remove = co_await run_blocking(engine_.files(), begin);
  if (!remove) co_return fail(remove.error());
  const auto step = [&remove] { return remove->step(kStep); };
  for (;;) {
    const Result<bool> done = co_await run_blocking(engine_.files(), step);
    if (!done) co_return fail(done.error());
    if (*done) co_return "true";
    if (call->failure) co_return fail(*call->failure);
  }
}

Awaitable<Answer> Connection::make_directory(CallPointer call) {
  const auto work = [this, &path = call->call.path] { return fsnode::make_directory(engine_.tree(), path); };
  const Result<void> made = co_await run_blocking(engine_.files(), work);
  co_return nothing_or_true(made);
}

Awaitable<Answer> Connection::touch(CallPointer call) {
  const auto work = [this, &path = call->call.path] { return fsnode::touch(engine_.tree(), path); };
  const Result<void> touched = co_await run_blocking(engine_.files(), work);
  co_return nothing_or_true(touched);
}

}  // namespace owndir::fsnode
