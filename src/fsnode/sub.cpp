// The call that goes on: sub.
#include "fsnode/connection.hpp"

namespace owndir::fsnode {

Awaitable<Answer> Connection::sub(CallPointer) {
  co_return fail(Errc::internal, "not yet");
}

}  // namespace owndir::fsnode
