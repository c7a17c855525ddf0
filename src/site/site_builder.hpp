#pragma once
// From the folder's modules to the site that is served: looks at the code, holds it against what is approved, builds
// the approved copy when it is not built yet, and publishes the result. `owndir build` runs it once, `owndir serve`
// whenever something may have changed. Nothing of the folder runs before its digest is approved; a failure leaves the
// last good build where it is. Network thread; file work on the pool. One run at a time; across processes a lock in the
// state directory sees to that.

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "modules/build_run.hpp"
#include "site/approval.hpp"
#include "site/generation.hpp"
#include "site/publish.hpp"

namespace owndir::site {

struct SiteBuilderOptions {
  std::string folder;           ///< absolute, resolved
  std::string state_directory;  ///< mode 0700, outside the folder
  std::string cache_directory;  ///< for packages
  std::string title;
  std::string dist;    ///< --dist: absolute, or relative to the folder; empty: the root module's setting, else usual
  bool trust = false;  ///< approve whatever is there
  bool single_file = false;
  std::function<FileDescriptor()> open_folder;  ///< see modules::BuildJob
  modules::BuildLimits limits;
  std::chrono::milliseconds look_every{1'000};  ///< at least, in wait_for_change
};

/// "1 file", "2 files".
std::string counted(std::size_t count, const char* what);

struct SiteOutcome {
  enum class State {
    empty,       ///< no module anywhere; `review->hints` may say why
    unapproved,  ///< there is code that the owner has not approved; `review` says what
    fresh,       ///< the current build is of this code
    built,       ///< a new build is the current one
    failed,      ///< `failure` says why; the last good build, if any, stays the current one
  };
  State state = State::empty;
  std::optional<Generation> current;  ///< what is to be served, in every state
  std::optional<Review> review;
  std::shared_ptr<const Snapshot> code;
  std::optional<Error> failure;
  std::optional<PublishReport> published;
  std::string dist;  ///< where it was published, for people
};

/// A step of ours or of the build child, a warning or an error.
using SiteEvents = std::function<void(const modules::BuildEvent&)>;

class SiteBuilder {
 public:
  SiteBuilder(asio::thread_pool& files, SiteBuilderOptions options);

  /// An error is one of our own (the folder or the state directory cannot be used); what is wrong with the modules is
  /// State::failed.
  Awaitable<Result<SiteOutcome>> run(SiteEvents on_event);

  /// What there is to approve now, without building.
  Awaitable<Result<std::pair<Snapshot, Review>>> review();
  /// Approves exactly `snapshot`.
  Awaitable<Result<void>> approve(const Snapshot& snapshot);
  Awaitable<Result<void>> revoke();
  /// Returns when the code, the approval or the current build (another process may have made one) has changed since
  /// `known`, which it sets, and has then been still for a moment. Looks again and again, less often where looking
  /// takes long. Begin with an empty `known`: it is set before this returns at once.
  Awaitable<void> wait_for_change(std::string& known);
  /// The current build as it is on the disk; blocks shortly.
  std::optional<Generation> current() const { return load_current(options_.state_directory); }

 private:
  Awaitable<Result<SiteOutcome>> run_locked(const SiteEvents& on_event);
  Awaitable<Result<void>> build(const Snapshot& snapshot, const std::string& key, const RootSettings& settings,
                                const SiteEvents& on_event, SiteOutcome& outcome);
  Awaitable<Result<void>> publish(const Generation& generation, const std::string& dist, SiteOutcome& outcome);
  Result<Snapshot> look() const;
  std::string fingerprint() const;

  asio::thread_pool& files_;
  SiteBuilderOptions options_;
  std::string settings_dist_;  ///< what the root module last said
};

/// Publishes all of `directory`'s `files` at `dist` of the folder (see SiteBuilderOptions::dist). Blocking.
Result<PublishReport> publish_directory(const RootedFolder& folder, const std::string& dist,
                                        const std::string& directory,
                                        const std::vector<modules::message::BuiltFile>& files,
                                        const std::string& state_directory);

}  // namespace owndir::site
