// How a connection sends: from memory by one call where the socket takes it, files by sendfile(2).
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstdio>

#include "base/log.hpp"
#include "http/connection.hpp"

namespace owndir::http {
namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kRunBytes = std::size_t{512} << 10;  ///< of a file, before other connections have their turn

using Buffers = std::array<asio::const_buffer, 3>;

/// What is left after the first `sent` bytes.
void consume(Buffers& buffers, std::size_t sent) {
  for (asio::const_buffer& buffer : buffers) {
    const std::size_t size = std::min(sent, buffer.size());
    buffer += size;
    sent -= size;
  }
}

bool must_wait(const boost::system::error_code& error) {
  return error == asio::error::would_block || error == asio::error::interrupted;
}

}  // namespace

Awaitable<bool> Connection::send_body(exchange::Body body, const ResponsePlan& plan) {
  if (const auto all = plan.length ? body->at_hand() : std::nullopt) {
    if (all->size() != *plan.length) co_return false;
    co_return co_await send(plan.head, *all, {});
  }
  std::string head = plan.head;
  std::uint64_t sent = 0;
  if (!plan.length) {  // a stream may take its time: its head goes ahead
    if (!co_await send(head, {}, {})) co_return false;
    head.clear();
  }
  const bool by_runs = plan.length && body->has_runs();
  for (;;) {
    std::optional<exchange::FileRun> run;
    if (by_runs) {
      auto next = co_await body->read_run(kRunBytes);
      if (!next) co_return cut_short(next.error());
      run = *next;
    }
    if (run) {
      sent += run->size;
      if (sent > *plan.length) co_return false;
      if (!co_await send_run(head, *run)) co_return false;
    } else {
      const Result<Bytes> piece = co_await body->read(limits_.body_piece);
      if (!piece) co_return cut_short(piece.error());
      if (piece->empty()) {
        // A source whose wait was cancelled may take that for its end.
        const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
        if (cancelled != asio::cancellation_type::none) co_return false;
        break;
      }
      sent += piece->size();
      if (plan.length && sent > *plan.length) co_return false;
      if (plan.chunked) {
        std::array<char, 24> size{};
        const int digits = std::snprintf(size.data(), size.size(), "%zx\r\n", piece->size());
        head.append(size.data(), static_cast<std::size_t>(digits));
      }
      if (!co_await send(head, *piece, plan.chunked ? std::string_view("\r\n") : std::string_view())) co_return false;
    }
    head.clear();
    if (plan.length && sent == *plan.length) co_return true;
  }
  if (plan.length && sent != *plan.length) co_return false;
  if (plan.chunked) head += "0\r\n\r\n";
  if (!head.empty()) co_return co_await send(head, {}, {});
  co_return true;
}

bool Connection::cut_short(const Error& error) {
  log("http").debug("a response is cut short: {}", printable(error.to_string()));
  return false;
}

Awaitable<bool> Connection::send(std::string_view head, ByteView piece, std::string_view tail) {
  Buffers buffers = {asio::buffer(head), asio::buffer(piece.data(), piece.size()), asio::buffer(tail)};
  boost::system::error_code error;
  const std::size_t at_once = socket_.write_some(buffers, error);
  if (error && !must_wait(error)) co_return false;
  consume(buffers, at_once);
  if (asio::buffer_size(buffers) == 0) co_return true;
  // Each byte that the reader takes is a sign of life.
  const auto progress = [this](const boost::system::error_code& failed, std::size_t) -> std::size_t {
    if (failed) return 0;
    write_due_ = after(limits_.write_wait);
    return 256 * 1024;
  };
  due_at(write_due_, after(limits_.write_wait));
  const auto [failed, written] = co_await asio::async_write(socket_, buffers, progress, kTuple);
  write_due_ = SteadyTime::max();
  co_return !failed;
}

/// `head` goes into the same packet.
Awaitable<bool> Connection::send_run(std::string_view head, exchange::FileRun run) {
  if (!head.empty()) {
    boost::system::error_code error;
    const std::size_t at_once = socket_.send(asio::buffer(head), MSG_MORE, error);
    if (error && !must_wait(error)) co_return false;
    head.remove_prefix(at_once);
    if (!head.empty()) {
      const bool whole = co_await send(head, {}, {});
      if (!whole) co_return false;
    }
  }
  auto offset = static_cast<off_t>(run.offset);
  while (run.size > 0) {
    const ssize_t sent = ::sendfile(socket_.native_handle(), run.file, &offset, run.size);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) {
      due_at(write_due_, after(limits_.write_wait));
      const auto [failed] = co_await socket_.async_wait(asio::ip::tcp::socket::wait_write, kTuple);
      write_due_ = SteadyTime::max();
      if (failed) co_return false;
      continue;
    }
    if (sent < 0 && errno == EINVAL) {  // a file system without splice(2)
      std::array<std::byte, 16384> space;
      const ssize_t got = ::pread(run.file, space.data(), std::min(run.size, space.size()), offset);
      if (got <= 0) co_return false;
      const ByteView piece = ByteView(space).first(static_cast<std::size_t>(got));
      const bool whole = co_await send({}, piece, {});
      if (!whole) co_return false;
      offset += got;
      run.size -= piece.size();
      continue;
    }
    if (sent <= 0) co_return false;  // gone, or the file became shorter
    run.size -= static_cast<std::size_t>(sent);
  }
  co_await asio::post(asio::use_awaitable);
  co_return true;
}

}  // namespace owndir::http
