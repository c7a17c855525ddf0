#include "rendezvous/driver.hpp"

namespace owndir::rendezvous {
namespace {

constexpr std::size_t kNamesAtOnce = 256;

}  // namespace

DirectoryDriver::DirectoryDriver(FileJobs& jobs, const Clock& clock, SharedFolder root, std::shared_ptr<Store> store,
                                 bool polling, WatchOptions options, Events events)
    : jobs_(&jobs), store_(std::move(store)), entries_(options.entries), clock_(clock), events_(std::move(events)) {
  WatchEvents watch;
  watch.changed = [this](std::vector<std::string> names) {
    for (std::string& name : names) queue(std::move(name));
    look();
  };
  watch.rescan = [this] { list(); };
  watch.lost = [this](const Error& error) {
    directory_.reset();
    forget_names();
    events_.lost(error);
  };
  watch.back = [this](SharedFolder folder) {
    directory_ = std::move(folder);
    events_.back();
    list();
  };
  const auto make = polling ? watch_polling : watch_inotify;
  watcher_ = make(jobs, std::move(root), store_, std::move(options), std::move(watch));
}

void DirectoryDriver::stop() {
  stopped_ = true;
  watcher_->stop();
  jobs_.close();
}

void DirectoryDriver::check(std::string name) {
  queue(std::move(name));
  look();
}

void DirectoryDriver::queue(std::string name) {
  if (queued_.insert(name).second) names_.push_front({std::move(name), clock_.steady(), {}});
}

void DirectoryDriver::forget_names() {
  names_.clear();
  queued_.clear();
}

void DirectoryDriver::look() {
  if (stopped_ || looking_ || names_.empty() || !directory_) return;
  // More names than a directory may have entries: a list is cheaper and bounded.
  if (names_.size() > entries_) {
    forget_names();
    return list();
  }
  Looks looks;
  while (!names_.empty() && looks.size() < kNamesAtOnce) {
    queued_.erase(names_.front().name);
    looks.push_back(std::move(names_.front()));
    names_.pop_front();
  }
  looking_ = true;
  jobs_.run(
      [store = store_, folder = directory_, looks = std::move(looks)]() mutable {
        for (Look& look : looks) look.file = store->stat(*folder, look.name);
        return std::move(looks);
      },
      [this, folder = directory_](Looks done) { looked(folder, std::move(done)); });
}

void DirectoryDriver::looked(const SharedFolder& folder, Looks looks) {
  looking_ = false;
  // What was looked at in a directory that has been replaced says nothing; it is listed anyway.
  for (Look& look : looks) {
    if (stopped_ || folder != directory_) break;
    if (!look.file) continue;
    if (*look.file)
      events_.seen(std::move(**look.file), look.hinted);
    else
      events_.gone(std::move(look.name));
  }
  look();
}

void DirectoryDriver::list() {
  if (stopped_ || !directory_) return;
  if (listing_) {
    list_again_ = true;
    return;
  }
  listing_ = true;
  jobs_.run([store = store_, folder = directory_, limit = entries_] { return store->list(*folder, limit); },
            [this, folder = directory_](Result<Listing> listing) {
              listing_ = false;
              const bool again = std::exchange(list_again_, false) || folder != directory_;
              if (listing && folder == directory_) events_.listed(std::move(*listing));
              if (again) list();
            });
}

}  // namespace owndir::rendezvous
