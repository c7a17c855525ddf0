#include "modules/build_run.hpp"

#include <csignal>
#include <nlohmann/json.hpp>

#include "base/child_process.hpp"
#include "base/log.hpp"

namespace owndir::modules {
namespace {

constexpr std::size_t kLastWords = 4000;
constexpr auto kEndWait = std::chrono::milliseconds(5'000);

std::string job_line(const BuildJob& job) {
  const nlohmann::json line = {{"source", job.source},   {"folder", job.folder}, {"out", job.out},
                               {"cache", job.cache},     {"title", job.title},   {"singleFile", job.single_file},
                               {"scripts", job.scripts}, {"watch", false}};
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// What has been read of one run so far.
struct Run {
  std::unique_ptr<ChildProcess> child;
  std::function<void(const BuildEvent&)> on_event;
  std::size_t problem_limit = 0;
  std::size_t problems = 0;
  std::string first_failure, last_words;
  std::optional<message::Done> done;
  std::optional<Error> fault;
  bool late = false;

  void tell(const BuildEvent& event) {
    if (on_event) on_event(event);
  }
  void take(HostMessage message) {
    if (const auto* step = std::get_if<message::Step>(&message)) {
      tell(*step);
    } else if (const auto* warning = std::get_if<message::Warning>(&message)) {
      if (++problems <= problem_limit) tell(*warning);
    } else if (const auto* failure = std::get_if<message::Failure>(&message)) {
      if (first_failure.empty()) first_failure = failure->problem.text;
      if (++problems <= problem_limit) tell(*failure);
    } else if (const auto* said = std::get_if<message::Log>(&message)) {
      log("build").info("{}", printable(said->text, kLastWords));
    } else if (auto* result = std::get_if<message::Done>(&message)) {
      done = std::move(*result);
    }
  }
};

Awaitable<void> read_errors(std::shared_ptr<Run> run) {
  for (;;) {
    const auto line = co_await run->child->read_line(ChildProcess::Stream::error);
    if (!line && line.error().is(Errc::too_large)) continue;
    if (!line || !*line) co_return;
    const std::string text = printable(**line, kLastWords);
    if (run->last_words.size() + text.size() < kLastWords)
      run->last_words.append(run->last_words.empty() ? "" : "\n").append(text);
    log("build").info("{}", text);
  }
}

Awaitable<void> read_messages(std::shared_ptr<Run> run) {
  for (;;) {
    const auto line = co_await run->child->read_line(ChildProcess::Stream::output);
    if (!line && line.error().is(Errc::too_large)) {
      run->fault = Error{make_error_code(Errc::too_large), "a line of the build's output"};
      continue;
    }
    if (!line || !*line) co_return;
    auto message = parse_host_message(**line);
    if (message)
      run->take(std::move(*message));
    else if ((*line)->starts_with("{\"done\""))
      run->fault = message.error();
    else
      log("build").info("{}", printable(**line, kLastWords));  // console.log of the folder's code
  }
}

}  // namespace

Awaitable<Result<message::Done>> run_build(const Runtime& runtime, const BuildJob& job, const BuildLimits& limits,
                                           std::function<void(const BuildEvent&)> on_event) {
  const auto executor = co_await asio::this_coro::executor;
  ChildOptions options;
  options.program = runtime.node;
  options.arguments = {"--max-old-space-size=" + std::to_string(limits.heap_mib), runtime.host, "build", job.cache};
  options.environment = child_environment();
  options.directory = job.source;
  if (job.open_folder) options.channel = job.open_folder();
  options.data_limit = limits.data_bytes;
  auto child = ChildProcess::start(executor, std::move(options));
  if (!child) co_return fail(std::move(child.error()));
  const auto run = std::make_shared<Run>();
  run->child = std::move(*child);
  run->on_event = std::move(on_event);
  run->problem_limit = limits.problems;

  asio::steady_timer due(executor, limits.total);
  due.async_wait([weak = std::weak_ptr(run)](boost::system::error_code error) {
    const auto late = weak.lock();
    if (error || !late) return;
    late->late = true;
    late->child->signal(SIGKILL);
  });
  TaskGroup tasks(executor);
  tasks.spawn("build's errors", read_errors(run));
  const std::string line = job_line(job);
  const Result<void> told = co_await run->child->write(line);
  run->child->close_input();
  if (told) co_await read_messages(run);
  // It has closed its output: an orderly one ends now.
  due.expires_after(kEndWait);
  due.async_wait([weak = std::weak_ptr(run)](boost::system::error_code error) {
    if (const auto late = weak.lock(); !error && late) late->child->signal(SIGKILL);
  });
  const ChildExit ended = co_await run->child->wait();
  due.cancel();
  co_await tasks.stop();
  run->on_event = nullptr;
  if (run->late)
    co_return fail(Errc::timeout, "the build took longer than " + std::to_string(limits.total.count() / 1000) +
                                      " s and was ended: a loop without an end?");
  if (run->problems > limits.problems)
    log("build").warn("{} further messages of the build are not shown", run->problems - limits.problems);
  if (!run->first_failure.empty()) co_return fail(Errc::malformed, run->first_failure);
  if (run->fault) co_return fail(std::move(*run->fault));
  if (!run->done || !ended.ok()) {
    std::string reason = "the build ended with " + ended.to_string() + " and no result";
    if (!run->last_words.empty()) reason += ":\n" + run->last_words;
    co_return fail(Errc::closed, reason);
  }
  co_return std::move(*run->done);
}

}  // namespace owndir::modules
