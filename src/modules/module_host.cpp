#include "modules/module_host.hpp"

#include <algorithm>
#include <csignal>

#include "base/log.hpp"
#include "modules/host_child.hpp"

namespace owndir::modules {
namespace {

using exchange::Request;
using exchange::Response;

constexpr std::string_view kPassField = "owndir-pass";
constexpr auto kEndWait = std::chrono::milliseconds(1'000);
constexpr auto kStopGrace = std::chrono::milliseconds(1'000);

Response trouble(std::uint16_t status, const std::string& text) {
  Response response = exchange::text_response(status, text + "\n");
  if (status == 503) response.head.fields.add("Retry-After", "5");
  return response;
}

bool is_ours(std::string_view field) {
  constexpr std::string_view kPrefix = "owndir-";
  return field.size() >= kPrefix.size() && exchange::iequals(field.substr(0, kPrefix.size()), kPrefix);
}

/// What the folder's code said: an answer, or to whom it left the request.
HostAnswer sort_out(Response response) {
  const std::string pass(response.head.fields.get(kPassField).value_or(""));
  exchange::Fields fields;
  for (const auto& field : response.head.fields) {
    const bool framing =
        !pass.empty() && (exchange::iequals(field.name, "content-length") || exchange::iequals(field.name, "date"));
    if (!is_ours(field.name) && !framing) fields.add(field.name, field.value);
  }
  if (pass.empty()) {
    response.head.fields = std::move(fields);
    return response;
  }
  return Pass{pass == "site" ? Pass::To::site : Pass::To::files, std::move(fields)};
}

class Host final : public ModuleHost, public std::enable_shared_from_this<Host> {
 public:
  Host(asio::any_io_executor executor, HostOptions options)
      : executor_(executor),
        options_(std::move(options)),
        changed_(executor),
        wanted_changed_(executor),
        replayed_(executor),
        tasks_(executor) {}

  void start() { tasks_.spawn("module host", supervise(*this)); }

  Awaitable<Result<HostAnswer>> handle(Request request) override {
    return answer(shared_from_this(), std::move(request));
  }
  bool has_middleware() const override { return middleware_; }
  int child() const override { return child_ && child_->running() ? static_cast<int>(child_->pid()) : 0; }
  std::size_t requests() const override { return requests_; }

  Awaitable<void> stop(std::chrono::milliseconds grace) override {
    const auto self = shared_from_this();
    stopping_ = true;
    changed_.notify();
    asio::steady_timer timer(executor_, grace);
    bool late = false;
    timer.async_wait([self, &late](boost::system::error_code error) {
      if (error) return;
      late = true;
      self->changed_.notify();
    });
    while (requests_ > 0 && !late) co_await changed_.wait();
    timer.cancel();
    if (const auto child = child_) co_await HostChild::stop(child, kStopGrace);
    co_await tasks_.stop();
  }

 private:
  /// What one attempt came to: an answer, or how it failed.
  struct Attempt {
    std::optional<HostAnswer> answer;
    std::optional<Response> failure;
    bool again = false;  ///< others' fault: may be asked once more
  };

  static Awaitable<void> supervise(Host& self);
  static Awaitable<Result<HostAnswer>> answer(std::shared_ptr<Host> self, Request request);
  static Awaitable<Attempt> attempt(Host& self, std::shared_ptr<HostChild> child, Request request, bool replayable);
  static Awaitable<Result<std::shared_ptr<HostChild>>> running_child(Host& self);
  static Awaitable<void> lock_replay(Host& self);
  Attempt failed_by(const HostChild& child, std::uint64_t number, const std::string& what, bool replayable) const;
  void back_off(bool steady);

  asio::any_io_executor executor_;
  const HostOptions options_;
  Notifier changed_;         ///< a child runs, or could not be started, or a request has ended
  Notifier wanted_changed_;  ///< a request waits for a child
  Notifier replayed_;
  bool wanted_ = false;
  bool starting_ = false;
  bool stopping_ = false;
  bool middleware_ = true;
  bool replaying_ = false;
  std::shared_ptr<HostChild> child_;
  std::uint64_t starts_failed_ = 0;
  std::string start_failure_;
  std::chrono::milliseconds backoff_{0};
  SteadyTime next_start_{};
  std::uint64_t numbers_ = 0;
  std::uint64_t children_ = 0;
  std::size_t requests_ = 0;
  TaskGroup tasks_;
};

void Host::back_off(bool steady) {
  const HostLimits& limits = options_.limits;
  backoff_ = steady || backoff_.count() == 0 ? limits.first_backoff : std::min(backoff_ * 2, limits.longest_backoff);
  next_start_ = std::chrono::steady_clock::now() + backoff_;
}

Awaitable<void> Host::supervise(Host& self) {
  while (!self.stopping_) {
    while (!self.wanted_ && !self.stopping_) co_await self.wanted_changed_.wait();
    const auto pause = self.next_start_ - std::chrono::steady_clock::now();
    if (pause.count() > 0) co_await sleep_for(pause);
    if (self.stopping_) co_return;
    self.starting_ = true;
    const std::string socket = self.options_.run_directory + "/m" + std::to_string(++self.children_) + ".sock";
    const SteadyTime began = std::chrono::steady_clock::now();
    auto child = co_await HostChild::launch(self.executor_, self.tasks_, self.options_, socket);
    self.starting_ = false;
    self.wanted_ = false;
    if (!child) {
      self.start_failure_ = child.error().context;
      ++self.starts_failed_;
      self.back_off(false);
      log("modules").error("the folder's server code cannot be started: {}", self.start_failure_);
      self.changed_.notify();
      continue;
    }
    self.child_ = *child;
    self.middleware_ = self.child_->has_middleware();
    self.changed_.notify();
    const ChildExit ended = co_await HostChild::wait(self.child_);
    const bool steady = std::chrono::steady_clock::now() - began >= self.options_.limits.steady_after;
    self.back_off(steady);
    self.wanted_ = true;
    if (!self.stopping_)
      log("modules").error("the folder's server code ended with {}; it is started again in {} ms", ended.to_string(),
                           self.backoff_.count());
    self.child_.reset();
    self.changed_.notify();
  }
}

Awaitable<Result<std::shared_ptr<HostChild>>> Host::running_child(Host& self) {
  const std::uint64_t failures = self.starts_failed_;
  while (!self.child_ || !self.child_->running()) {
    if (self.stopping_) co_return fail(Errc::closed, "The folder's server code is being replaced; try again.");
    if (self.starts_failed_ != failures)
      co_return fail(Errc::closed, "The folder's server code cannot be started: " + self.start_failure_);
    const auto pause = self.next_start_ - std::chrono::steady_clock::now();
    if (!self.starting_ && pause > self.options_.limits.backoff_patience)
      co_return fail(Errc::limit, "The folder's server code ends again and again; the server's log says why.");
    self.wanted_ = true;
    self.wanted_changed_.notify();
    co_await self.changed_.wait();
  }
  co_return self.child_;
}

Awaitable<void> Host::lock_replay(Host& self) {
  while (self.replaying_) co_await self.replayed_.wait();
  self.replaying_ = true;
}

Awaitable<Result<HostAnswer>> Host::answer(std::shared_ptr<Host> self, Request request) {
  if (self->requests_ >= self->options_.limits.requests)
    co_return HostAnswer(trouble(503, "The folder's server code has too much to do already; try again."));
  struct Count {
    Host& host;
    bool replaying = false;
    ~Count() {
      --host.requests_;
      host.changed_.notify();
      if (!replaying) return;
      host.replaying_ = false;
      host.replayed_.notify();
    }
  } count{*self};
  ++self->requests_;
  const bool replayable = !request.body && (request.head.method == "GET" || request.head.method == "HEAD");
  const exchange::RequestHead head = request.head;
  for (bool first = true;; first = false) {
    const auto child = co_await running_child(*self);
    if (!child) {
      const std::uint16_t status = child.error().is(Errc::limit) ? 503 : 502;
      co_return HostAnswer(trouble(status, child.error().context));
    }
    Request next;
    next.head = head;
    next.body = std::move(request.body);
    next.origin = request.origin;
    Attempt outcome = co_await attempt(*self, *child, std::move(next), replayable && first);
    if (outcome.answer) co_return std::move(*outcome.answer);
    if (!outcome.again) co_return HostAnswer(std::move(*outcome.failure));
    // Among those that were under way when the child ended may be the one that ended it: they are asked again one
    // after the other, so that the next end tells which.
    co_await lock_replay(*self);
    count.replaying = true;
  }
}

Awaitable<Host::Attempt> Host::attempt(Host& self, std::shared_ptr<HostChild> child, Request request, bool replayable) {
  const std::uint64_t number = ++self.numbers_;
  const std::string what = printable(request.head.method + " " + request.head.target);
  request.head.fields.set("owndir-request", std::to_string(number));
  struct Waiting {
    HostChild& child;
    std::uint64_t number;
    ~Waiting() { child.waiting().erase(number); }
  } const waiting{*child, number};
  child->waiting().insert(number);
  Result<Response> response = co_await child->client().send(std::move(request));
  Attempt outcome;
  if (response) {
    outcome.answer = sort_out(std::move(*response));
    co_return outcome;
  }
  if (response.error().is(Errc::timeout)) {
    log("modules").error("{} was not answered by {} in time", what, child->module_of(number));
    outcome.failure = trouble(504, "The folder's code did not answer in time.");
    co_return outcome;
  }
  const bool ended = co_await HostChild::ended_within(child, kEndWait);
  if (ended) co_return self.failed_by(*child, number, what, replayable);
  log("modules").error("{}: {}", what, response.error().to_string());
  outcome.failure = trouble(502, "The folder's code ended the connection without an answer.");
  co_return outcome;
}

Host::Attempt Host::failed_by(const HostChild& child, std::uint64_t number, const std::string& what,
                              bool replayable) const {
  Attempt outcome;
  const bool guilty = child.is_suspect(number) && child.suspects() == 1;
  outcome.again = replayable && !stopping_ && !guilty;
  const bool silent = child.fell_silent();
  const std::string module = child.module_of(number);
  if (!outcome.again)
    log("modules").error("{} is answered with {}: the folder's server code {} meanwhile{}", what, silent ? 504 : 502,
                         silent ? "fell silent" : "ended", module.empty() ? "" : " (" + module + ")");
  const std::string who = module.empty() ? "The folder's server code" : "The server code of " + module;
  outcome.failure = silent ? trouble(504, who + " did not answer and was ended. The server's log says more.")
                           : trouble(502, who + " ended while it answered this. The server's log says more.");
  return outcome;
}

}  // namespace

std::shared_ptr<ModuleHost> ModuleHost::create(asio::any_io_executor executor, HostOptions options) {
  auto host = std::make_shared<Host>(std::move(executor), std::move(options));
  host->start();
  return host;
}

}  // namespace owndir::modules
