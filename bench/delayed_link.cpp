// Two network namespaces and a wire between them with a delay and loss, for kernels with and without netem:
//   delayed_link DELAY_MS LOSS_PERCENT     DELAY_MS is one way; stands until its standard input closes
//   delayed_link --check                   ends with 0 if this machine can make one
// Says {"a":[…],"b":[…]} when it stands: the commands that run a program at either end (10.77.0.1 and 10.77.0.2). Needs
// root, or user namespaces open to everybody.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clocked = std::chrono::steady_clock;

constexpr std::size_t kQueue = 16'384;  // packets under way in one direction; more are lost
constexpr std::size_t kPacket = 2048;

[[noreturn]] void give_up(const std::string& what) {
  fmt::print(stderr, "delayed_link: {}: {}\n", what, std::strerror(errno));
  std::_Exit(1);
}

void must(bool done, const char* what) {
  if (!done) give_up(what);
}

void send_descriptor(int to, int fd) {
  char byte = 1;
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  must(sendmsg(to, &message, 0) == 1, "sending a descriptor");
}

int receive_descriptor(int from) {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&message) == nullptr)
    std::_Exit(1);  // it said why
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

sockaddr address(const char* text) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  inet_pton(AF_INET, text, &out.sin_addr);
  sockaddr generic{};
  std::memcpy(&generic, &out, sizeof generic);
  return generic;
}

void bring_up(int control, const char* name) {
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  must(ioctl(control, SIOCSIFFLAGS, &request) == 0, name);
}

/// One end: a namespace with a tun device, whose descriptor goes to the parent; alive until that ends.
[[noreturn]] void hold_end(int to, const char* own) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  must(unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) == 0, "unshare");
  const int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  must(tun >= 0, "/dev/net/tun");
  ifreq request{};
  std::strncpy(request.ifr_name, "wire", IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  must(ioctl(tun, TUNSETIFF, &request) == 0, "TUNSETIFF");
  const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  request.ifr_addr = address(own);
  must(ioctl(control, SIOCSIFADDR, &request) == 0, "SIOCSIFADDR");
  request.ifr_netmask = address("255.255.255.0");
  must(ioctl(control, SIOCSIFNETMASK, &request) == 0, "SIOCSIFNETMASK");
  request.ifr_qlen = static_cast<int>(kQueue);
  must(ioctl(control, SIOCSIFTXQLEN, &request) == 0, "SIOCSIFTXQLEN");
  bring_up(control, "wire");
  bring_up(control, "lo");
  send_descriptor(to, tun);
  for (;;) pause();
}

struct End {
  pid_t pid = -1;
  int tun = -1;
};

End make_end(const char* own) {
  int pair[2];
  must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
  End end;
  end.pid = fork();
  must(end.pid >= 0, "fork");
  if (end.pid == 0) {
    close(pair[0]);
    hold_end(pair[1], own);
  }
  close(pair[1]);
  timeval wait{5, 0};
  setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  end.tun = receive_descriptor(pair[0]);
  close(pair[0]);
  return end;
}

struct Packet {
  Clocked::time_point due;
  std::vector<char> bytes;
};

/// One direction. Order is kept.
class Direction {
 public:
  Direction(int from, int to) : from_(from), to_(to) {}
  int from() const { return from_; }

  void take(Clocked::duration delay, double loss, std::minstd_rand& random) {
    std::array<char, kPacket> buffer{};
    for (int i = 0; i < 256; ++i) {
      const ssize_t size = read(from_, buffer.data(), buffer.size());
      if (size <= 0) return;
      const bool lost = std::uniform_real_distribution<>(0, 1)(random) < loss;
      if (lost || queue_.size() >= kQueue) continue;
      queue_.push_back({Clocked::now() + delay, {buffer.data(), buffer.data() + size}});
    }
  }
  void give() {
    for (; !queue_.empty() && queue_.front().due <= Clocked::now(); queue_.pop_front()) {
      const std::vector<char>& bytes = queue_.front().bytes;
      if (write(to_, bytes.data(), bytes.size()) < 0 && errno == EBADFD) give_up("a device is gone");
    }
  }
  /// Until the next packet is due.
  Clocked::duration wait() const {
    return queue_.empty() ? std::chrono::seconds(1) : queue_.front().due - Clocked::now();
  }

 private:
  int from_, to_;
  std::deque<Packet> queue_;
};

void forward(int one, int two, Clocked::duration delay, double loss) {
  std::array<Direction, 2> ways{Direction(one, two), Direction(two, one)};
  std::minstd_rand random(7);
  for (;;) {
    const auto wait = std::max(Clocked::duration::zero(), std::min(ways[0].wait(), ways[1].wait()));
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(wait).count();
    const timespec limit{ns / 1'000'000'000, ns % 1'000'000'000};
    std::array<pollfd, 3> polled{{{one, POLLIN, 0}, {two, POLLIN, 0}, {0, POLLIN, 0}}};
    ppoll(polled.data(), polled.size(), &limit, nullptr);
    char byte = 0;
    if (polled[2].revents != 0 && read(0, &byte, 1) <= 0) return;
    for (Direction& way : ways) {
      way.take(delay, loss, random);
      way.give();
    }
  }
}

std::string command_for(pid_t pid) {
  const char* user = geteuid() == 0 ? "" : R"("--user","--preserve-credentials",)";
  return fmt::format(R"(["nsenter","--target","{}",{}"--net","--"])", pid, user);
}

}  // namespace

int main(int count, char** arguments) {
  const bool check = count == 2 && std::string_view(arguments[1]) == "--check";
  if (count != 3 && !check) {
    fmt::print(stderr, "usage: delayed_link DELAY_MS LOSS_PERCENT\n");
    return 2;
  }
  const End a = make_end("10.77.0.1");
  const End b = make_end("10.77.0.2");
  if (!check) {
    fmt::print("{{\"a\":{},\"b\":{}}}\n", command_for(a.pid), command_for(b.pid));
    std::fflush(stdout);
    const std::chrono::duration<double, std::milli> delay(std::atof(arguments[1]));
    forward(a.tun, b.tun, std::chrono::duration_cast<Clocked::duration>(delay), std::atof(arguments[2]) / 100);
  }
  for (const End& end : {a, b}) {
    kill(end.pid, SIGKILL);
    waitpid(end.pid, nullptr, 0);
  }
  return 0;
}
