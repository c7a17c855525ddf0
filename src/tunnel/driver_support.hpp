#pragma once
// What the driver's coroutines share.

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "tunnel/driver.hpp"

namespace owndir::tunnel {

/// Resets an exchange whose coroutine goes away before its time.
class Driver::Unfinished {
 public:
  Unfinished(Driver& driver, ExchangeId id, Code code) : driver_(driver), id_(id), code_(code) {}
  ~Unfinished() {
    if (!released_) driver_.give_up(id_, code_, {});
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  void release() { released_ = true; }

 private:
  Driver& driver_;
  ExchangeId id_;
  Code code_;
  bool released_ = false;
};

/// A handler's answer; an exception of it becomes an error, but for that of being cancelled.
template <class T>
Awaitable<Result<T>> guarded(Awaitable<Result<T>> answer) {
  std::string failure;
  try {
    co_return co_await std::move(answer);
  } catch (const boost::system::system_error& error) {
    if (error.code() == boost::asio::error::operation_aborted) throw;
    failure = error.what();
  } catch (const std::exception& error) {
    failure = error.what();
  }
  co_return fail(Errc::internal, failure);
}

}  // namespace owndir::tunnel
