#include "rendezvous/directory_keeper.hpp"

namespace owndir::rendezvous {

DirectoryKeeper::DirectoryKeeper(FileJobs& jobs, SharedFolder root, WatchOptions options, Events events)
    : jobs_(&jobs),
      timer_(jobs.network()),
      root_(std::move(root)),
      options_(std::move(options)),
      events_(std::move(events)) {}

void DirectoryKeeper::stop() {
  stopped_ = true;
  jobs_.close();
  timer_.cancel();
}

void DirectoryKeeper::check() {
  if (stopped_) return;
  if (checking_) {
    again_ = true;
    return;
  }
  checking_ = true;
  jobs_.run([root = root_, options = options_] { return open(*root, options); },
            [this](Result<Opened> result) { opened(std::move(result)); });
}

Result<DirectoryKeeper::Opened> DirectoryKeeper::open(const RootedFolder& root, const WatchOptions& options) {
  const auto path = RootedPath::parse(options.path);
  if (!path) return fail(path.error());
  auto folder = root.subfolder(*path);
  if (!folder && options.create && folder.error().code == std::errc::no_such_file_or_directory) {
    RootedPath part;
    for (const std::string& segment : path->segments()) {
      part = *part.child(segment);
      if (auto made = root.make_directory(part); !made) return fail(std::move(made.error()));
    }
    folder = root.subfolder(*path);
  }
  if (!folder) return fail(std::move(folder.error()));
  struct stat info{};
  if (::fstat(folder->fd(), &info) < 0) return fail_errno(options.path);
  return Opened{std::make_shared<const RootedFolder>(std::move(*folder)), info.st_dev, info.st_ino};
}

void DirectoryKeeper::opened(Result<Opened> result) {
  checking_ = false;
  timer_.expires_after(options_.check_interval);
  timer_.async_wait([this, alive = std::weak_ptr<char>(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) check();
  });
  const bool again = std::exchange(again_, false);
  if (!result) {
    directory_.reset();
    if (!std::exchange(said_lost_, true)) events_.lost(result.error());
  } else if (!directory_ || result->device != device_ || result->inode != inode_) {
    said_lost_ = false;
    directory_ = std::move(result->folder);
    device_ = result->device;
    inode_ = result->inode;
    events_.back(directory_);
  }
  if (again) check();
}

}  // namespace owndir::rendezvous
