#include "tunnel/connection.hpp"

#include "tunnel/driver.hpp"

namespace owndir::tunnel {
namespace {

/// What the owner of a connection holds: letting go of it ends the connection, whose coroutines hold the Driver.
class Handle final : public Connection {
 public:
  explicit Handle(std::shared_ptr<Driver> driver) : driver_(std::move(driver)) {}
  ~Handle() override { close(Error{make_error_code(Errc::cancelled), "the connection was dropped"}); }

  Awaitable<Result<void>> ready() override { return driver_->ready(); }
  Awaitable<Result<exchange::Response>> handle(exchange::Request request) override {
    return driver_->handle(std::move(request));
  }
  Awaitable<Result<exchange::SocketAnswer>> open_socket(exchange::Request request) override {
    return driver_->open_socket(std::move(request));
  }
  Awaitable<void> shut_down(std::chrono::milliseconds grace) override { return driver_->shut_down(grace); }
  void close(Error why) override {
    driver_->close(why.is(Errc::internal) ? Code::internal : Code::no_error, std::move(why));
  }
  Awaitable<Error> closed() override { return driver_->closed(); }
  bool is_closed() const override { return driver_->is_closed(); }
  ConnectionStats stats() const override { return driver_->stats(); }

 private:
  std::shared_ptr<Driver> driver_;
};

}  // namespace

std::shared_ptr<Connection> Connection::start(asio::any_io_executor executor,
                                              std::vector<std::shared_ptr<exchange::MessageChannel>> channels,
                                              ConnectionOptions options) {
  const auto driver = std::make_shared<Driver>(std::move(executor), std::move(channels), options);
  driver->start();
  return std::make_shared<Handle>(driver);
}

}  // namespace owndir::tunnel
