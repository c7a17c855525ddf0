#include "modules/host_child.hpp"

#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "base/log.hpp"

namespace owndir::modules {
namespace {

constexpr std::size_t kLogText = 4000;
constexpr std::size_t kLastWords = 2000;
constexpr std::size_t kModulesKept = 4096;

std::string job_line(const HostOptions& options, const std::string& socket_path) {
  const nlohmann::json job = {{"server", options.server},
                              {"socket", socket_path},
                              {"folder", options.folder},
                              {"site", options.site},
                              {"title", options.title}};
  return job.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

ChildOptions child_options(const HostOptions& options) {
  ChildOptions child;
  child.program = options.runtime.node;
  child.arguments = {"--max-old-space-size=" + std::to_string(options.limits.heap_mib), options.runtime.host, "serve"};
  child.environment = child_environment();
  child.directory = options.folder;
  if (options.open_folder) child.channel = options.open_folder();
  child.data_limit = options.limits.data_bytes;
  return child;
}

http::ClientLimits client_limits(const HostLimits& limits) {
  http::ClientLimits client;
  client.head_wait = limits.answer_wait;
  return client;
}

void log_at(const std::string& level, const std::string& text) {
  if (level == "error")
    log("modules").error("{}", text);
  else if (level == "warn" || level == "warning")
    log("modules").warn("{}", text);
  else if (level == "debug" || level == "trace")
    log("modules").debug("{}", text);
  else
    log("modules").info("{}", text);
}

/// How a module is named in a line: the root's path is empty.
std::string shown(const std::string& module) {
  return module.empty() ? "the root module" : "module " + printable(module);
}

}  // namespace

HostChild::HostChild(asio::any_io_executor executor, const HostOptions& options, std::string socket_path)
    : options_(options),
      socket_path_(std::move(socket_path)),
      client_(executor, {.path = socket_path_}, client_limits(options.limits)),
      changed_(executor),
      heard_(std::chrono::steady_clock::now()) {}

HostChild::~HostChild() {
  process_.reset();
  ::unlink(socket_path_.c_str());
}

Awaitable<Result<std::shared_ptr<HostChild>>> HostChild::launch(asio::any_io_executor executor, TaskGroup& tasks,
                                                                const HostOptions& options, std::string socket_path) {
  const std::shared_ptr<HostChild> child(new HostChild(executor, options, std::move(socket_path)));
  auto started = ChildProcess::start(executor, child_options(options));
  if (!started) co_return fail(std::move(started.error()));
  child->process_ = std::move(*started);
  tasks.spawn("module host output", read_messages(child));
  tasks.spawn("module host errors", read_errors(child));

  asio::steady_timer due(executor, options.limits.start_wait);
  due.async_wait([weak = std::weak_ptr(child)](boost::system::error_code error) {
    const auto late = weak.lock();
    if (error || !late || late->listening_) return;
    late->silent_ = true;
    late->process_->signal(SIGKILL);
  });
  const Result<void> told = co_await child->process_->write(job_line(options, child->socket_path_));
  while (told && !child->listening_ && !child->output_ended_) co_await child->changed_.wait();
  if (!child->listening_) {
    const ChildExit ended = co_await child->process_->stop(std::chrono::milliseconds(500));
    std::string reason = child->silent_ ? "it did not begin to listen in time" : "it ended with " + ended.to_string();
    if (!child->last_words_.empty()) reason += "; it wrote: " + child->last_words_;
    co_return fail(Errc::closed, reason);
  }
  child->heard_ = std::chrono::steady_clock::now();
  tasks.spawn("module host pings", keep_alive(child));
  co_return child;
}

Awaitable<void> HostChild::read_messages(std::shared_ptr<HostChild> self) {
  for (;;) {
    const auto line = co_await self->process_->read_line(ChildProcess::Stream::output);
    if (!line && line.error().is(Errc::too_large)) {
      if (self->may_log()) log("modules").warn("the folder's code printed a line that is too long");
      continue;
    }
    if (!line || !*line) break;
    self->take_line(**line);
  }
  self->output_ended_ = true;
  self->changed_.notify();
  co_await self->process_->wait();
  self->waiting_at_end_ = self->waiting_;
  self->ended_ = true;
  self->changed_.notify();
}

void HostChild::take_line(const std::string& line) {
  const auto parsed = parse_host_message(line);
  if (!parsed) {  // console.log of a library that writes past the program's own
    take(message::Log{"info", line, ""});
    return;
  }
  if (const auto* listening = std::get_if<message::Listening>(&*parsed)) {
    middleware_ = listening->middleware;
    listening_ = true;
    changed_.notify();
  } else if (const auto* pong = std::get_if<message::Pong>(&*parsed)) {
    if (pong->number <= pings_) heard_ = std::chrono::steady_clock::now();
  } else if (const auto* said = std::get_if<message::Log>(&*parsed)) {
    take(*said);
  } else if (const auto* failed = std::get_if<message::Failed>(&*parsed)) {
    take(*failed);
  } else if (const auto* busy = std::get_if<message::Busy>(&*parsed)) {
    take(*busy);
  } else if (const auto* failure = std::get_if<message::Failure>(&*parsed)) {
    last_words_ = printable(failure->problem.text, kLastWords);
    take(message::Log{"error", failure->problem.text, ""});
  }
}

void HostChild::take(const message::Log& said) {
  if (!may_log()) return;
  const std::string text = printable(said.text, kLogText);
  log_at(said.level, said.module.empty() ? text : "[" + printable(said.module) + "] " + text);
}

void HostChild::take(const message::Failed& failed) {
  if (module_of_.size() < kModulesKept) module_of_[failed.request] = failed.module;
  if (!may_log()) return;
  log("modules").error("{} failed: {}", shown(failed.module), printable(failed.text, kLogText));
  if (!failed.stack.empty()) log("modules").info("{}", printable(failed.stack, kLogText));
}

void HostChild::take(const message::Busy& busy) {
  busy_with_ = busy.request;
  if (waiting_.contains(busy.request) && module_of_.size() < kModulesKept) module_of_[busy.request] = busy.module;
}

bool HostChild::may_log() {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now - log_second_ >= std::chrono::seconds(1)) {
    if (dropped_ > 0) log("modules").warn("{} lines of the folder's code were dropped: it writes too many", dropped_);
    log_second_ = now;
    logged_ = dropped_ = 0;
  }
  if (logged_ < options_.limits.log_lines_per_second) {
    ++logged_;
    return true;
  }
  ++dropped_;
  return false;
}

Awaitable<void> HostChild::read_errors(std::shared_ptr<HostChild> self) {
  for (;;) {
    const auto line = co_await self->process_->read_line(ChildProcess::Stream::error);
    if (!line && line.error().is(Errc::too_large)) continue;
    if (!line || !*line) co_return;
    if ((*line)->find_first_not_of(" \t") == std::string::npos) continue;
    const std::string text = printable(**line, kLogText);
    if (self->last_words_.size() + text.size() < kLastWords)
      self->last_words_.append(self->last_words_.empty() ? "" : " / ").append(text);
    if (self->may_log()) log("modules").warn("{}", text);
  }
}

Awaitable<void> HostChild::keep_alive(std::shared_ptr<HostChild> self) {
  const HostLimits& limits = self->options_.limits;
  while (self->running()) {
    // The pipe takes thousands of pings that nobody reads, so this never holds up the clock.
    const std::string ping = "{\"ping\":" + std::to_string(++self->pings_) + "}\n";
    const Result<void> sent = co_await self->process_->write(ping);
    if (!sent) co_return;
    co_await sleep_for(limits.ping_every);
    if (!self->running()) co_return;
    if (std::chrono::steady_clock::now() - self->heard_ < limits.silence) continue;
    self->silent_ = true;
    log("modules").error("the folder's server code has not answered for {} s and is ended: a loop without an end?",
                         std::chrono::duration_cast<std::chrono::seconds>(limits.silence).count());
    self->process_->signal(SIGKILL);
    co_return;
  }
}

bool HostChild::is_suspect(std::uint64_t request) const {
  const bool known = silent_ && waiting_at_end_.contains(busy_with_);
  return known ? busy_with_ == request : waiting_at_end_.contains(request);
}

std::size_t HostChild::suspects() const {
  return silent_ && waiting_at_end_.contains(busy_with_) ? 1 : waiting_at_end_.size();
}

std::string HostChild::module_of(std::uint64_t request) const {
  const auto found = module_of_.find(request);
  return found == module_of_.end() ? std::string() : shown(found->second);
}

Awaitable<bool> HostChild::ended_within(std::shared_ptr<HostChild> self, std::chrono::milliseconds limit) {
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  bool late = false;
  const auto state = std::make_shared<bool*>(&late);
  struct Detach {
    std::shared_ptr<bool*> state;
    ~Detach() { *state = nullptr; }
  } const detach{state};
  timer.async_wait([state, self](boost::system::error_code error) {
    if (error || *state == nullptr) return;
    **state = true;
    self->changed_.notify();
  });
  while (!self->ended_ && !late) co_await self->changed_.wait();
  co_return self->ended_;
}

Awaitable<ChildExit> HostChild::wait(std::shared_ptr<HostChild> self) {
  const ChildExit ended = co_await self->process_->wait();
  co_return ended;
}

Awaitable<void> HostChild::stop(std::shared_ptr<HostChild> self, std::chrono::milliseconds grace) {
  co_await self->process_->stop(grace);
  co_await self->client_.stop();
}

}  // namespace owndir::modules
