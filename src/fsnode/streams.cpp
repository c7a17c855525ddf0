// The calls that move a file's bytes: read, write, upload.
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/blocking.hpp"
#include "fsnode/connection.hpp"
#include "fsnode/discarded.hpp"
#include "fsnode/file_reader.hpp"
#include "fsnode/file_writer.hpp"
#include "fsnode/upload.hpp"

namespace owndir::fsnode {
namespace {

/// Read from the disk at a time.
constexpr std::uint64_t kPiece = 256 * 1024;
/// Turns of the network thread without news, until what has arrived is all that is there for now.
constexpr int kIdleTurns = 4;

std::string head_of(const FileReader& reader) {
  std::string head = R"({"size":)" + std::to_string(reader.size()) + R"(,"mtime":)";
  append_number(head, reader.mtime());
  const std::uint64_t end = reader.start() + reader.left();
  head.append(R"(,"start":)").append(std::to_string(reader.start())).append(R"(,"end":)");
  head += end == 0 ? "-1" : std::to_string(end - 1);
  return head + "}";
}

/// Binary messages of at most `piece` bytes of data each, `size` in all.
Result<std::vector<Bytes>> read_messages(FileReader& reader, std::uint32_t id, std::uint64_t size,
                                         std::uint64_t piece) {
  std::vector<Bytes> messages;
  while (size > 0) {
    const std::uint64_t part = std::min(size, piece);
    Bytes message(4 + static_cast<std::size_t>(part));
    put_id(message, id);
    if (auto read = reader.read(std::span(message).subspan(4)); !read) return fail(std::move(read.error()));
    messages.push_back(std::move(message));
    size -= part;
  }
  return messages;
}

template <class Writer>
Result<std::uint64_t> append_all(Writer& writer, const std::vector<Bytes>& messages) {
  std::uint64_t size = 0;
  for (const Bytes& message : messages) {
    const ByteView data = ByteView(message).subspan(4);
    if (auto written = writer.append(data); !written) return fail(std::move(written.error()));
    size += data.size();
  }
  return size;
}

}  // namespace

Awaitable<Answer> Connection::read(CallPointer call) {
  const Call& asked = call->call;
  const auto begin = [this, &asked] { return FileReader::open(engine_.tree(), asked.path, asked.start, asked.end); };
  Result<FileReader> reader = co_await run_blocking(engine_.files(), begin);
  if (!reader) co_return fail(reader.error());
  const std::uint64_t total = reader->left();
  outbox_.post(message(asked.id, "head", head_of(*reader)));
  while (reader->left() > 0) {
    if (call->failure) co_return fail(*call->failure);
    const std::uint64_t size = std::min({reader->left(), call->credit, kPiece});
    if (size == 0) {
      const bool woken = co_await call->wake.wait();
      if (!woken) co_return fail(Errc::closed);
      continue;
    }
    const auto work = [this, &reader, size, id = asked.id] { return read_messages(*reader, id, size, limits_.data); };
    Result<std::vector<Bytes>> messages = co_await run_blocking(engine_.files(), work);
    if (!messages) co_return fail(messages.error());
    call->credit -= size;
    for (Bytes& data : *messages) {
      exchange::SocketMessage binary{false, std::move(data)};
      const bool sent = co_await outbox_.put(std::move(binary));
      if (!sent) co_return fail(Errc::closed);
      if (call->failure) co_return fail(*call->failure);
    }
  }
  if (const auto same = reader->check(); !same) co_return fail(same.error());
  co_return std::to_string(total);
}

void Connection::grant(OpenCall& call, std::uint64_t bytes) {
  call.credit += bytes;
  outbox_.post(message(call.call.id, "credit", std::to_string(bytes)));
}

Awaitable<Result<std::vector<Bytes>>> Connection::next_data(OpenCall& call) {
  while (!call.failure && call.data.empty() && !call.ended) {
    const bool woken = co_await call.wake.wait();
    if (!woken) co_return fail(Errc::closed);
  }
  // What has arrived already goes to the disk in one piece of work.
  for (int idle = 0; idle < kIdleTurns && call.data.size() * limits_.data < kPiece && !call.ended && !call.failure;) {
    const std::size_t before = call.data.size();
    co_await asio::post(executor_, asio::use_awaitable);
    idle = call.data.size() == before ? idle + 1 : 0;
  }
  // What came of an upload before its end is kept.
  const bool keep = call.call.op == Op::upload && !call.data.empty();
  if (call.failure && !keep) co_return fail(*call.failure);
  co_return std::exchange(call.data, {});
}

template <class Writer, class Commit>
Awaitable<Answer> Connection::take_in(OpenCall& call, Discarded<Writer>& writer, const Commit& commit) {
  std::optional<Error> error;
  while (!error) {
    const Result<std::vector<Bytes>> data = co_await next_data(call);
    if (!data) error = data.error();
    if (error || data->empty()) break;
    const auto work = [&writer, &data] { return append_all(*writer, *data); };
    const Result<std::uint64_t> size = co_await run_blocking(engine_.files(), work);
    if (size)
      grant(call, *size);
    else
      error = size.error();
  }
  Answer answer;
  if (!error) {
    const Result<Info> info = co_await run_blocking(engine_.files(), commit);
    if (info)
      append_json(*answer, *info);
    else
      error = info.error();
  }
  co_await writer.now();
  if (error) answer = fail(*error);
  co_return answer;
}

Awaitable<Answer> Connection::write(CallPointer call) {
  const Call& asked = call->call;
  WriteOptions options{asked.flags, asked.start, asked.mode, asked.size, limits_.edit_copy};
  const auto begin = [this, &asked, &options] { return FileWriter::begin(engine_.tree(), asked.path, options); };
  Result<FileWriter> begun = co_await run_blocking(engine_.files(), begin);
  if (!begun) co_return fail(begun.error());
  Discarded<FileWriter> writer(engine_.files(), std::move(*begun));
  grant(*call, limits_.write_window);
  const auto commit = [&writer] { return writer->commit(); };
  Answer answer = co_await take_in(*call, writer, commit);
  co_return answer;
}

Awaitable<Answer> Connection::upload(CallPointer call) {
  const Call& asked = call->call;
  std::string key = asked.path.str() + "/" + asked.upload;
  const auto evict = [weak = std::weak_ptr<OpenCall>(call)] {
    const CallPointer held = weak.lock();
    if (held) held->fail_with({make_error_code(Errc::conflict), "another call goes on with this upload"});
  };
  std::function<void()> on_evict = evict;
  const std::shared_ptr<UploadTurns::Turn> turn = co_await engine_.uploads().take(std::move(key), std::move(on_evict));
  if (!turn) co_return fail(Errc::closed);
  const UploadOptions options{asked.upload, *asked.size, asked.overwrite};
  const auto begin = [this, &asked, &options] { return UploadWriter::begin(engine_.tree(), asked.path, options); };
  Result<UploadWriter> begun = co_await run_blocking(engine_.files(), begin);
  if (!begun) co_return fail(begun.error());
  Discarded<UploadWriter> writer(engine_.files(), std::move(*begun));
  const auto hash = [&writer] { return writer->hash_some(); };
  for (bool more = writer->must_hash(); more && !call->failure;) {
    const Result<bool> left = co_await run_blocking(engine_.files(), hash);
    if (!left) co_return fail(left.error());
    more = *left;
  }
  if (call->failure) co_return fail(*call->failure);
  outbox_.post(message(asked.id, "head", R"({"offset":)" + std::to_string(writer->offset()) + "}"));
  grant(*call, limits_.write_window);
  const auto commit = [&writer, &call] { return writer->commit(call->sha256); };
  Answer answer = co_await take_in(*call, writer, commit);
  co_return answer;
}

}  // namespace owndir::fsnode
