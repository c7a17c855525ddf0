#pragma once
// The part of ChildProcess between fork and exec. Blocking for as long as the kernel takes to load the program. Any
// thread; the child dies with the thread that called.

#include "base/child_process.hpp"

namespace owndir {

struct StartedChild {
  pid_t pid = -1;
  FileDescriptor handle;                ///< pidfd_open(2): readable when the child has ended
  FileDescriptor input, output, error;  ///< our ends of its pipes, non-blocking
};

Result<StartedChild> start_child(ChildOptions options);

}  // namespace owndir
