#include "fsnode/connection.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace owndir::fsnode {
namespace {

bool changes(Op op) {
  switch (op) {
    case Op::write:
    case Op::upload:
    case Op::move:
    case Op::remove:
    case Op::make_directory:
    case Op::touch: return true;
    case Op::info:
    case Op::children:
    case Op::read:
    case Op::sub: break;
  }
  return false;
}
bool takes_data(Op op) {
  return op == Op::write || op == Op::upload;
}

Error malformed(std::string text) {
  return {make_error_code(Errc::malformed), std::move(text)};
}

}  // namespace

Connection::Connection(Engine& engine, const SessionOptions& options, const asio::any_io_executor& executor)
    : engine_(engine),
      options_(options),
      limits_(engine.options().limits),
      executor_(executor),
      outbox_(executor),
      tasks_(executor) {}

Awaitable<std::optional<Connection::Close>> Connection::serve(exchange::WebSocket& socket) {
  outbox_.post(hello_message(engine_.options().name, options_.root, options_.writable && engine_.options().writable));
  tasks_.spawn("fsnode writer", outbox_.drain(socket));
  for (;;) {
    const bool room = co_await outbox_.replies_have_room();
    if (!room) co_return std::nullopt;
    Result<std::optional<exchange::SocketMessage>> message = co_await socket.receive();
    if (!message || !*message) co_return std::nullopt;
    std::optional<Close> close = take(std::move(**message));
    if (close) co_return close;
  }
}

std::optional<Connection::Close> Connection::take(exchange::SocketMessage message) {
  namespace codes = exchange::close_code;
  if (message.text) {
    if (message.data.size() > limits_.message_in) return Close{codes::kTooLarge, "a text message is too large"};
    auto parsed = parse_text(as_text(message.data));
    if (!parsed) return Close{codes::kPolicy, parsed.error().context};
    return take_text(std::move(*parsed));
  }
  const auto data = parse_binary(message.data);
  if (!data) return Close{codes::kPolicy, data.error().context};
  if (OpenCall* call = find(data->id)) take_data(*call, std::move(message.data));
  return std::nullopt;
}

std::optional<Connection::Close> Connection::take_text(ClientMessage message) {
  if (auto* call = std::get_if<Call>(&message)) return open(std::move(*call));
  const std::uint32_t id = std::visit([](const auto& any) { return any.id; }, message);
  OpenCall* call = find(id);
  if (auto* nonsense = std::get_if<Nonsense>(&message)) {
    if (call != nullptr && nonsense->opens) return Close{exchange::close_code::kPolicy, "the id of an open call"};
    if (call != nullptr)
      call->fail_with(std::move(nonsense->error));
    else if (nonsense->opens)
      outbox_.post(error_message(id, nonsense->error));
    return std::nullopt;
  }
  if (call == nullptr) return std::nullopt;
  if (std::holds_alternative<Cancel>(message)) {
    call->fail_with({make_error_code(Errc::cancelled), "cancelled"});
  } else if (const auto* credit = std::get_if<Credit>(&message)) {
    if (call->call.op != Op::read)
      call->fail_with(malformed("credit for a call that sends no data"));
    else if (call->credit + credit->bytes > limits_.read_window_max)
      call->fail_with(malformed("too much credit"));
    call->credit += credit->bytes;
  } else if (auto* end = std::get_if<End>(&message)) {
    if (!takes_data(call->call.op) || call->ended)
      call->fail_with(malformed("an end of what sends no data"));
    else if (call->call.op == Op::upload && end->sha256.empty())
      call->fail_with(malformed("an upload ends with sha256"));
    call->ended = true;
    call->sha256 = std::move(end->sha256);
  }
  call->wake.notify();
  return std::nullopt;
}

void Connection::take_data(OpenCall& call, Bytes message) {
  const std::size_t size = message.size() - 4;
  if (!takes_data(call.call.op) || call.ended) return call.fail_with(malformed("data for a call that takes none"));
  if (size > limits_.data)
    return call.fail_with({make_error_code(Errc::too_large), "more data in one message than allowed"});
  if (size > call.credit) return call.fail_with(malformed("more data than credit"));
  call.credit -= size;
  call.data.push_back(std::move(message));
  call.wake.notify();
}

OpenCall* Connection::find(std::uint32_t id) {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second.get();
}

std::optional<Connection::Close> Connection::open(Call call) {
  if (calls_.contains(call.id)) return Close{exchange::close_code::kPolicy, "the id of an open call"};
  const auto refuse_with = [&](Errc code, std::string text) {
    outbox_.post(error_message(call.id, {make_error_code(code), std::move(text)}));
    return std::nullopt;
  };
  if (calls_.size() >= limits_.calls) return refuse_with(Errc::limit, "too many calls are open; let one end first");
  const auto subs =
      std::count_if(calls_.begin(), calls_.end(), [](const auto& entry) { return entry.second->call.op == Op::sub; });
  if (call.op == Op::sub && static_cast<std::uint64_t>(subs) >= limits_.subs)
    return refuse_with(Errc::limit, "too many subs are open; end one first");
  if (changes(call.op) && !(options_.writable && engine_.options().writable))
    return refuse_with(Errc::forbidden, shown(call.path) + " cannot be written: this folder is read-only here");
  const std::uint32_t id = call.id;
  auto opened = std::make_shared<OpenCall>(std::move(call), executor_);
  if (opened->call.op == Op::read) opened->credit = opened->call.credit;
  calls_.emplace(id, opened);
  tasks_.spawn("fsnode call", run(std::move(opened)));
  return std::nullopt;
}

Awaitable<void> Connection::run(CallPointer call) {
  const std::uint32_t id = call->call.id;
  Answer answer = fail(Errc::internal, "a fault of the server");
  std::exception_ptr failure;
  try {
    answer = co_await perform(call);
  } catch (...) {
    failure = std::current_exception();
  }
  calls_.erase(id);
  outbox_.post(answer ? message(id, "ok", *answer) : error_message(id, answer.error()));
  if (failure) std::rethrow_exception(failure);
}

Awaitable<Answer> Connection::perform(CallPointer call) {
  switch (call->call.op) {
    case Op::info: return info(std::move(call));
    case Op::children: return children(std::move(call));
    case Op::read: return read(std::move(call));
    case Op::write: return write(std::move(call));
    case Op::upload: return upload(std::move(call));
    case Op::move: return move(std::move(call));
    case Op::remove: return remove(std::move(call));
    case Op::make_directory: return make_directory(std::move(call));
    case Op::touch: return touch(std::move(call));
    case Op::sub: break;
  }
  return sub(std::move(call));
}

}  // namespace owndir::fsnode
