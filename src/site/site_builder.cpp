#include "site/site_builder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>

#include <chrono>
#include <filesystem>

#include "base/blocking.hpp"
#include "base/log.hpp"
#include "site/publish_state.hpp"

namespace owndir::site {
namespace {

namespace fs = std::filesystem;
using modules::message::Step;
using State = SiteOutcome::State;

constexpr int kCopyTries = 3;
constexpr int kLooksAtMoving = 50;
constexpr auto kStillness = std::chrono::milliseconds(200);
constexpr const char* kUsualDist = ".owndir/.dist";

/// Tells a step of ours with its time.
class Timed {
 public:
  Timed(const SiteEvents& on_event, std::string name) : on_event_(on_event), name_(std::move(name)) { tell(false, ""); }
  void done(std::string detail) { tell(true, std::move(detail)); }

 private:
  void tell(bool finished, std::string detail) {
    const auto spent = std::chrono::steady_clock::now() - began_;
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(spent).count();
    if (on_event_) on_event_(Step{name_, std::move(detail), finished, finished ? ms : 0});
  }
  const SiteEvents& on_event_;
  std::string name_;
  SteadyTime began_ = std::chrono::steady_clock::now();
};

/// Held while one process looks, builds and publishes.
Result<FileDescriptor> lock(const std::string& state_directory) {
  const std::string path = state_directory + "/build.lock";
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file || ::flock(file.get(), LOCK_EX) < 0) return fail_errno(path);
  return file;
}

/// Of all that decides what a build makes.
std::string key_of(const Snapshot& snapshot, const std::string& runtime, const SiteBuilderOptions& options,
                   const RootSettings& settings) {
  return sha256_hex("1\n" + snapshot.digest + "\n" + runtime + "\n" + options.title + "\n" +
                    (options.single_file ? "single" : "many") + "\n" + (settings.scripts ? "scripts" : "plain"));
}

RootedPath inside_folder(const std::string& dist) {
  const bool relative = !dist.empty() && dist.front() != '/';
  return relative ? RootedPath::parse(dist).value_or(RootedPath()) : RootedPath();
}

/// A file's content as long as the object lives.
class Mapped {
 public:
  static Result<Mapped> open(const std::string& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat info{};
    if (!file || ::fstat(file.get(), &info) < 0) return fail_errno(path);
    Mapped mapped;
    mapped.size_ = static_cast<std::size_t>(info.st_size);
    if (mapped.size_ == 0) return mapped;
    mapped.data_ = ::mmap(nullptr, mapped.size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (mapped.data_ == MAP_FAILED) return fail_errno(path);
    return mapped;
  }
  Mapped(Mapped&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapped& operator=(Mapped&&) = delete;
  ~Mapped() {
    if (data_ != nullptr && data_ != MAP_FAILED) ::munmap(data_, size_);
  }
  std::string_view view() const { return {static_cast<const char*>(data_), size_}; }

 private:
  Mapped() = default;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

Result<PublishReport> publish_directory(const RootedFolder& folder, const std::string& dist,
                                        const std::string& directory,
                                        const std::vector<modules::message::BuiltFile>& files,
                                        const std::string& state_directory) {
  std::vector<Mapped> contents;
  std::vector<SiteFile> site;
  for (const auto& file : files) {
    auto content = Mapped::open(directory + "/" + file.path);
    if (!content) return fail(std::move(content.error()));
    site.push_back({file.path, content->view()});
    contents.push_back(std::move(*content));
  }
  if (dist == kUsualDist) return site::publish(folder, site, state_directory);
  // Each place remembers its own files.
  const std::string memory = state_directory + "/dist-" + sha256_hex(dist).substr(0, 16);
  std::error_code error;
  fs::create_directory(memory, error);
  if (error) return fail(error, memory);
  if (dist.front() != '/') return site::publish(folder, site, memory, system_clock(), dist);
  fs::create_directories(dist, error);
  const auto elsewhere = error ? fail(error, dist) : RootedFolder::open(dist);
  if (!elsewhere) return fail(elsewhere.error());
  return site::publish(*elsewhere, site, memory, system_clock(), "");
}

SiteBuilder::SiteBuilder(asio::thread_pool& files, SiteBuilderOptions options)
    : files_(files), options_(std::move(options)) {}

Result<Snapshot> SiteBuilder::look() const {
  const auto folder = RootedFolder::open(options_.folder);
  if (!folder) return fail(folder.error());
  auto snapshot = take_snapshot(*folder, inside_folder(options_.dist));
  if (!snapshot || !options_.dist.empty()) return snapshot;
  // The root module may itself say that a directory of the tree is where the site goes.
  const auto settings = root_settings(*snapshot);
  if (!settings || settings->dist.empty()) return snapshot;
  return take_snapshot(*folder, inside_folder(settings->dist));
}

std::string SiteBuilder::fingerprint() const {
  const auto folder = RootedFolder::open(options_.folder);
  if (!folder) return "unreadable";
  const RootedPath dist = inside_folder(options_.dist.empty() ? settings_dist_ : options_.dist);
  auto code = snapshot_fingerprint(*folder, dist);
  std::string all = code ? std::move(*code) : code.error().to_string();
  for (const char* name : {kApprovalFile, kCurrentFile}) {
    struct stat info{};
    if (::stat((options_.state_directory + "/" + name).c_str(), &info) != 0) continue;
    all += " " + std::to_string(info.st_ino) + " " + std::to_string(info.st_ctim.tv_nsec);
  }
  return all;
}

Awaitable<void> SiteBuilder::wait_for_change(std::string& known) {
  const auto look = [this] {
    const SteadyTime began = std::chrono::steady_clock::now();
    std::string found = fingerprint();
    return std::pair(std::move(found), std::chrono::steady_clock::now() - began);
  };
  const bool begins = known.empty();
  std::string before = known;
  for (int changes = 0; changes < kLooksAtMoving;) {
    auto [now, took] = co_await run_blocking(files_, look);
    if (begins) before = now;
    const bool same_as_known = !begins && now == known;
    const bool still = now == before;
    before = std::move(now);
    if (begins || (!same_as_known && still && changes > 0)) break;
    if (!same_as_known) ++changes;
    // Looking costs at most a twentieth of one processor.
    const auto pause = same_as_known ? std::max<SteadyTime::duration>(options_.look_every, took * 20)
                                     : SteadyTime::duration(kStillness);
    const bool slept = co_await sleep_for(pause);
    if (!slept) co_return;
  }
  known = std::move(before);
}

Awaitable<Result<std::pair<Snapshot, Review>>> SiteBuilder::review() {
  auto work = [this]() -> Result<std::pair<Snapshot, Review>> {
    auto snapshot = look();
    if (!snapshot) return fail(std::move(snapshot.error()));
    const auto state = RootedFolder::open(options_.state_directory);
    if (!state) return fail(state.error());
    const auto approval = load_approval(*state);
    if (!approval) return fail(approval.error());
    Review review = make_review(*snapshot, *approval);
    return std::pair(std::move(*snapshot), std::move(review));
  };
  return run_blocking(files_, std::move(work));
}

Awaitable<Result<void>> SiteBuilder::approve(const Snapshot& snapshot) {
  auto work = [directory = options_.state_directory,
               approval = make_approval(snapshot, to_unix_ms(system_clock().wall()))]() -> Result<void> {
    const auto state = RootedFolder::open(directory);
    if (!state) return fail(state.error());
    return save_approval(*state, approval);
  };
  return run_blocking(files_, std::move(work));
}

Awaitable<Result<void>> SiteBuilder::revoke() {
  auto work = [directory = options_.state_directory]() -> Result<void> {
    const auto state = RootedFolder::open(directory);
    if (!state) return fail(state.error());
    return revoke_approval(*state, to_unix_ms(system_clock().wall()));
  };
  return run_blocking(files_, std::move(work));
}

Awaitable<Result<SiteOutcome>> SiteBuilder::run(SiteEvents on_event) {
  auto work = [this] { return lock(options_.state_directory); };
  const auto held = co_await run_blocking(files_, work);
  if (!held) co_return fail(held.error());
  auto outcome = co_await run_locked(on_event);
  co_return outcome;
}

Awaitable<Result<SiteOutcome>> SiteBuilder::run_locked(const SiteEvents& on_event) {
  SiteOutcome outcome;
  Timed looking(on_event, "look");
  auto reviewed = co_await review();
  if (!reviewed) co_return fail(std::move(reviewed.error()));
  const Snapshot& snapshot = reviewed->first;
  outcome.review = std::move(reviewed->second);
  looking.done(counted(outcome.review->modules.size(), "module") + ", " + counted(snapshot.files.size(), "file"));
  outcome.code = std::make_shared<const Snapshot>(snapshot);
  if (outcome.review->modules.empty()) co_return outcome;

  outcome.current = load_current(options_.state_directory);
  if (options_.trust && !outcome.review->approved) {
    const Result<void> approved = co_await approve(snapshot);
    if (!approved) co_return fail(approved.error());
    outcome.review->approved = true;
  }
  if (!outcome.review->approved) {
    outcome.state = State::unapproved;
    co_return outcome;
  }
  const auto failed = [&outcome](const Error& error) {
    outcome.state = State::failed;
    outcome.failure = error;
  };
  const auto settings = root_settings(snapshot);
  const auto runtime = modules::find_runtime();
  if (!settings || !runtime) {
    failed(!settings ? settings.error() : runtime.error());
    co_return outcome;
  }
  const std::string key = key_of(snapshot, runtime->digest, options_, *settings);
  outcome.state = State::fresh;
  if (!outcome.current || outcome.current->key != key) {
    for (const ModuleHint& hint : outcome.review->hints)
      if (on_event) on_event(modules::message::Warning{{hint.text, hint.file, 0, 0, ""}});
    const Result<void> built = co_await build(snapshot, key, *settings, on_event, outcome);
    if (!built) {
      failed(built.error());
      co_return outcome;
    }
    outcome.state = State::built;
  }
  settings_dist_ = settings->dist;
  std::string dist = options_.dist.empty() ? settings->dist : options_.dist;
  if (dist.empty()) dist = kUsualDist;
  Timed publishing(on_event, "publish");
  const Result<void> published = co_await publish(*outcome.current, dist, outcome);
  if (!published) {
    failed(published.error());
    co_return outcome;
  }
  publishing.done(counted(outcome.published->written.size(), "file") + " written, " +
                  std::to_string(outcome.published->unchanged.size()) + " unchanged");
  co_return outcome;
}

Awaitable<Result<void>> SiteBuilder::build(const Snapshot& snapshot, const std::string& key,
                                           const RootSettings& settings, const SiteEvents& on_event,
                                           SiteOutcome& outcome) {
  const auto runtime = modules::find_runtime();
  if (!runtime) co_return fail(runtime.error());
  auto prepare = [this, &snapshot, &key]() -> Result<std::string> {
    remove_old_generations(options_.state_directory);
    const auto folder = RootedFolder::open(options_.folder);
    if (!folder) return fail(folder.error());
    auto work = begin_generation(options_.state_directory, key);
    if (!work) return work;
    Result<void> copied;
    for (int tries = 0; tries < kCopyTries; ++tries) {
      std::error_code ignored;
      fs::remove_all(*work + "/source", ignored);
      fs::create_directory(*work + "/source", ignored);
      copied = copy_snapshot(*folder, snapshot, *work + "/source");
      if (copied || !copied.error().is(Errc::conflict)) break;
    }
    if (copied) return work;
    if (!copied.error().is(Errc::conflict)) return fail(std::move(copied.error()));
    return fail(Errc::conflict, copied.error().context + "; what is there now is looked at next");
  };
  const Result<std::string> work = co_await run_blocking(files_, prepare);
  if (!work) co_return fail(work.error());
  modules::BuildJob job;
  job.source = *work + "/source";
  job.folder = options_.folder;
  job.out = *work + "/out";
  job.cache = options_.cache_directory;
  job.title = options_.title;
  job.single_file = options_.single_file;
  job.scripts = settings.scripts;
  job.open_folder = options_.open_folder;
  auto done = co_await modules::run_build(*runtime, job, options_.limits, on_event);
  auto finish = [this, &work, &key, &snapshot, &done]() -> Result<Generation> {
    Result<Generation> finished =
        done ? finish_generation(options_.state_directory, *work, key, snapshot.digest, *done) : fail(done.error());
    std::error_code ignored;
    if (!finished) fs::remove_all(*work, ignored);
    return finished;
  };
  Result<Generation> generation = co_await run_blocking(files_, finish);
  if (!generation) co_return fail(std::move(generation.error()));
  outcome.current = std::move(*generation);
  co_return Result<void>();
}

Awaitable<Result<void>> SiteBuilder::publish(const Generation& generation, const std::string& dist,
                                             SiteOutcome& outcome) {
  auto work = [this, &generation, &dist]() -> Result<PublishReport> {
    const auto folder = RootedFolder::open(options_.folder);
    if (!folder) return fail(folder.error());
    return publish_directory(*folder, dist, generation.site_directory(), generation.result.files,
                             options_.state_directory);
  };
  Result<PublishReport> report = co_await run_blocking(files_, work);
  if (!report) co_return fail(report.error().code, "cannot write the site to " + dist + ": " + report.error().context);
  outcome.published = std::move(*report);
  outcome.dist = dist;
  co_return Result<void>();
}

}  // namespace owndir::site
