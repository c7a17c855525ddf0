#include "fsnode/engine.hpp"

#include <boost/asio/this_coro.hpp>

namespace owndir::fsnode {

Engine::Engine(RootedFolder folder, asio::thread_pool& files, EngineOptions options)
    : tree_(std::move(folder)), files_(files), options_(std::move(options)) {}

Awaitable<std::shared_ptr<UploadTurns::Turn>> UploadTurns::take(std::string key, std::function<void()> evict) {
  for (;;) {
    std::shared_ptr<Notifier> ended;
    if (const auto found = turns_.find(key); found != turns_.end()) {
      if (const std::shared_ptr<Turn> before = found->second.lock()) {
        ended = before->ended_;
        if (before->evict_) std::exchange(before->evict_, nullptr)();
      }
    }
    // It may have ended in being asked.
    if (!ended || turns_.at(key).expired()) break;
    const bool notified = co_await ended->wait();
    if (!notified) co_return nullptr;
  }
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto ended = std::make_shared<Notifier>(executor);
  auto turn = std::make_shared<Turn>(ended, std::move(evict));
  std::erase_if(turns_, [](const auto& entry) { return entry.second.expired(); });
  turns_[std::move(key)] = turn;
  co_return turn;
}

}  // namespace owndir::fsnode
