#include "app/build.hpp"

#include <nlohmann/json.hpp>

#include "app/reporter.hpp"
#include "app/review_text.hpp"
#include "base/log.hpp"
#include "fsnode/engine.hpp"
#include "modules/folder_link.hpp"

namespace owndir::app {
namespace {

using nlohmann::json;
using State = site::SiteOutcome::State;

class Build {
 public:
  Build(Runner& runner, const BuildOptions& options) : runner_(runner), options_(options), reporter_(options.json) {}
  Awaitable<int> run();

 private:
  Awaitable<int> once(site::SiteBuilder& builder);
  static Awaitable<void> watch(Build& self, site::SiteBuilder& builder, std::string& known);
  void take(const modules::BuildEvent& event);
  std::string what_changed(const std::pair<site::Snapshot, site::Review>& now) const;
  int report(const site::SiteOutcome& outcome);
  void report_build(const site::SiteOutcome& outcome, const char* how);

  Runner& runner_;
  const BuildOptions& options_;
  Reporter reporter_;
  std::unique_ptr<fsnode::Engine> engine_;
  std::shared_ptr<const site::Snapshot> code_;  ///< of the last run
  bool approved_ = false;                       ///< likewise
};

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

void Build::take(const modules::BuildEvent& event) {
  if (const auto* step = std::get_if<modules::message::Step>(&event)) {
    if (!step->done) return;
    const std::string ms = std::to_string(step->milliseconds);
    reporter_.event("step", {{"step", step->name}, {"ms", step->milliseconds}, {"detail", step->detail}},
                    "  " + padded(printable(step->name, 40), 16) + std::string(ms.size() < 7 ? 7 - ms.size() : 0, ' ') +
                        ms + " ms   " + printable(step->detail, 200));
  } else if (const auto* warning = std::get_if<modules::message::Warning>(&event)) {
    reporter_.event("warning", problem_json(warning->problem), "warning: " + problem_text(warning->problem));
  } else if (const auto* failure = std::get_if<modules::message::Failure>(&event)) {
    reporter_.event("error", problem_json(failure->problem), "error: " + problem_text(failure->problem));
  }
}

void Build::report_build(const site::SiteOutcome& outcome, const char* how) {
  const site::Generation& generation = *outcome.current;
  std::uint64_t bytes = 0;
  json files = json::array();
  for (const auto& file : generation.result.files) {
    bytes += file.bytes;
    files.push_back({{"path", file.path}, {"bytes", file.bytes}});
  }
  reporter_.event("done",
                  {{"built", outcome.state == State::built},
                   {"site", generation.result.digest},
                   {"dist", outcome.dist},
                   {"bytes", bytes},
                   {"files", std::move(files)},
                   {"written", outcome.published->written},
                   {"unchanged", outcome.published->unchanged.size()},
                   {"server", !generation.server().empty()}},
                  std::string(how) + ": " + result_text(generation) + " in " + outcome.dist + ", " +
                      std::to_string(outcome.published->written.size()) + " written" +
                      (generation.server().empty() ? "" : "; server code runs with owndir serve"));
}

int Build::report(const site::SiteOutcome& outcome) {
  switch (outcome.state) {
    case State::empty:
      print_error("there is no module in " + options_.directory +
                  ": write one, for example .owndir/index.jsx (docs/modules.md); owndir serve shows the file browser "
                  "meanwhile" +
                  hints_text(*outcome.review, "  "));
      return kExitFailure;
    case State::unapproved:
      reporter_.event("unapproved", review_json(*outcome.review),
                      "This code is not approved; nothing of it has run:\n" + review_text(*outcome.review));
      print_error("to let it run:  owndir trust " + options_.directory + "   (or build with --trust)");
      return kExitNotApproved;
    case State::fresh: report_build(outcome, "Up to date"); return kExitOk;
    case State::built: report_build(outcome, "Built"); return kExitOk;
    case State::failed:
      reporter_.event("failed", {{"text", outcome.failure->context}}, "");
      print_error("not built: " + outcome.failure->context +
                  (outcome.current ? "\nThe last good build stays in place." : ""));
      return kExitFailure;
  }
  return kExitFailure;
}

Awaitable<int> Build::once(site::SiteBuilder& builder) {
  const site::SiteEvents on_event = [this](const modules::BuildEvent& event) { take(event); };
  const auto outcome = co_await builder.run(on_event);
  if (!outcome) {
    print_error(outcome.error());
    co_return kExitFailure;
  }
  // What moved while it was copied has not been built, even if it moves back.
  const bool moved = outcome->failure && outcome->failure->is(Errc::conflict);
  code_ = moved ? std::make_shared<const site::Snapshot>() : outcome->code;
  approved_ = outcome->review->approved;
  co_return report(*outcome);
}

/// Since the last run, for a person; "" when nothing has that a build would be made of: what a build itself leaves in
/// the state directory, and a file that was written anew as it was, count for nothing.
std::string Build::what_changed(const std::pair<site::Snapshot, site::Review>& now) const {
  if (!code_) return changes_text(now.second.file_changes);
  const site::Difference difference = site::difference_of(*code_, now.first);
  if (!difference.empty()) return changes_text(difference);
  if (code_->digest != now.first.digest) return "which files may be executed";
  if (approved_ == now.second.approved || options_.trust) return "";
  return now.second.approved ? "the code is approved now" : "the approval was withdrawn";
}

Awaitable<void> Build::watch(Build& self, site::SiteBuilder& builder, std::string& known) {
  for (;;) {
    co_await builder.wait_for_change(known);
    const auto reviewed = co_await builder.review();
    const std::string what = reviewed ? self.what_changed(*reviewed) : "the folder cannot be read as it was";
    if (what.empty()) continue;
    const std::string line = clock_time() + "  changed: " + what;
    self.reporter_.event("changed", {{"text", what}}, line);
    co_await self.once(builder);
  }
}

Awaitable<int> Build::run() {
  auto options = builder_options(options_);
  if (!options) {
    print_error(options.error());
    co_return kExitFailure;
  }
  auto folder = RootedFolder::open(options->folder);
  if (!folder) {
    print_error(folder.error());
    co_return kExitFailure;
  }
  const auto executor = co_await asio::this_coro::executor;
  fsnode::EngineOptions engine_options;
  engine_options.name = options->title;
  engine_ = std::make_unique<fsnode::Engine>(std::move(*folder), runner_.files(), engine_options);
  modules::FolderLink link(executor, *engine_, options->folder);
  options->single_file = options_.single_file;
  options->open_folder = [&link] { return link.open(); };
  site::SiteBuilder builder(runner_.files(), std::move(*options));
  std::string known;
  if (options_.watch) co_await builder.wait_for_change(known);
  int code = co_await once(builder);
  if (options_.watch) {
    TaskGroup tasks(executor);
    tasks.spawn("watch", watch(*this, builder, known));
    while (!runner_.stopping()) co_await runner_.stop_requested().wait();
    co_await tasks.stop();
    code = kExitOk;
  }
  co_await link.stop();
  co_return code;
}

class Trust {
 public:
  Trust(Runner& runner, const TrustOptions& options) : runner_(runner), options_(options), reporter_(options.json) {}
  Awaitable<int> run();

 private:
  Awaitable<Result<bool>> decide(site::SiteBuilder& builder);

  Runner& runner_;
  const TrustOptions& options_;
  Reporter reporter_;
};

Awaitable<Result<bool>> Trust::decide(site::SiteBuilder& builder) {
  if (options_.revoke) {
    auto revoked = co_await builder.revoke();
    if (!revoked) co_return fail(std::move(revoked.error()));
    reporter_.event("revoked", json::object(),
                    "Nothing of " + options_.directory +
                        " is approved now. What is built already is still served; delete the modules to end that.");
    co_return true;
  }
  const auto reviewed = co_await builder.review();
  if (!reviewed) co_return fail(reviewed.error());
  const site::Snapshot& snapshot = reviewed->first;
  const site::Review& review = reviewed->second;
  if (review.modules.empty()) {
    reporter_.event("empty", json::object(),
                    "There is no module in " + options_.directory + ": nothing to approve." + hints_text(review, "  "));
    co_return true;
  }
  reporter_.event(
      "review", review_json(review),
      "Code in " + options_.directory + " that would run on this computer, as you:\n\n" + review_text(review));
  if (review.approved) co_return true;
  if (!options_.yes && (options_.json || !on_terminal()))
    co_return fail(Errc::forbidden, "nobody can be asked here; when you have looked at the code, run it with --yes");
  const std::string question = "Approve it? [y/N] ";
  bool approved = options_.yes;
  if (!approved) approved = co_await ask(runner_, question);
  if (!approved) co_return false;
  auto saved = co_await builder.approve(snapshot);
  if (!saved) co_return fail(std::move(saved.error()));
  reporter_.event("approved", {{"digest", snapshot.digest}},
                  "Approved. A running owndir serve builds it now; otherwise the next serve or build does.");
  co_return true;
}

Awaitable<int> Trust::run() {
  auto options = builder_options(options_);
  if (!options) {
    print_error(options.error());
    co_return kExitFailure;
  }
  site::SiteBuilder builder(runner_.files(), std::move(*options));
  const auto decided = co_await decide(builder);
  if (!decided) {
    print_error(decided.error().context);
    co_return decided.error().is(Errc::forbidden) ? kExitNotApproved : kExitFailure;
  }
  if (!*decided) print_error("not approved; nothing of it runs");
  co_return *decided ? kExitOk : kExitNotApproved;
}

}  // namespace

int run_build(const BuildOptions& options) {
  Runner runner;
  Build build(runner, options);
  const int code = runner.run(build.run());
  runner.files().join();  // the engine's work ends before the engine
  return code;
}

int run_trust(const TrustOptions& options) {
  Runner runner;
  Trust trust(runner, options);
  const int code = runner.run(trust.run());
  return code;
}

}  // namespace owndir::app
